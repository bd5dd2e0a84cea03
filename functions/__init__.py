"""All that ships to Lambda: one asset, five functions, and what they share."""
