"""The T+1 report: the report function."""
