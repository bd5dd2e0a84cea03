"""The auditors' verifier: sound folders pass, and every edit of one is found and named."""
