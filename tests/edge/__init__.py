"""The HTTP edge: what a caller can send, and what it gets back."""
