"""Conditions taken out of the store one by one, to see that a test misses each."""
