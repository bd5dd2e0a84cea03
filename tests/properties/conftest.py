"""One Hypothesis profile for all properties."""

from hypothesis import settings

# Two busy cores make single examples slow; a failure must be repeatable from its report.
settings.register_profile("huimin", deadline=None, print_blob=True)
settings.load_profile("huimin")
