"""All that ships to Lambda: one asset, six functions, and what they share."""
