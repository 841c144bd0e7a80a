"""Set how many examples Hypothesis draws for a property: few by default, more in CI.

CI sets HYPOTHESIS_PROFILE=thorough.
"""

import os

from hypothesis import settings

THOROUGH, SHORT = 100, 25

# A failing run must fail again tomorrow. The first torch call is slow, so there is no deadline.
settings.register_profile("short", deadline=None, derandomize=True, max_examples=SHORT)
settings.register_profile("thorough", deadline=None, derandomize=True, max_examples=THOROUGH)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


def examples(thorough):
    """Return settings for a property that needs more or fewer examples than the others."""
    return settings(max_examples=round(thorough * settings().max_examples / THOROUGH))
