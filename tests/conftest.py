"""What all tests share."""

from hypothesis import settings

# How long one example takes is the machine's doing; a slow suite shows in its total.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
