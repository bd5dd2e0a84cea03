"""The news of committed changes, for platforms and whoever else listens."""
