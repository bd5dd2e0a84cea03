"""Claims: the issue function."""
