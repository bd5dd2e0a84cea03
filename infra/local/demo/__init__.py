"""A whole campaign on one machine, played through the API as its users would."""
