"""Published campaigns, run as published."""
