"""What the functions share: the domain, the store, the files and the HTTP edge."""
