"""How many examples Hypothesis draws of a property: few in the short run, more in CI.

CI sets HYPOTHESIS_PROFILE=thorough.
"""

import os

from hypothesis import settings

THOROUGH, SHORT = 100, 25

# A red run must be red again tomorrow; and the first torch call is slow, which is no failure.
settings.register_profile("short", deadline=None, derandomize=True, max_examples=SHORT)
settings.register_profile("thorough", deadline=None, derandomize=True, max_examples=THOROUGH)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


def examples(thorough):
    """Settings for a property that needs more or fewer examples in a thorough run than others."""
    return settings(max_examples=round(thorough * settings().max_examples / THOROUGH))
