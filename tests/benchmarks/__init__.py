"""What is fast, measured beside its baselines in the same run: `make bench`."""
