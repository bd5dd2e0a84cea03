"""The T+1 report: every figure can be counted again from what is published."""
