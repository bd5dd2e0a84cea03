"""The auditors' verifier: everything recomputed from published files alone."""
