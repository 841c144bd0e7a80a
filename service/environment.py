"""Load the settings from the flags and the environment, which no other module reads."""

import os
from collections.abc import Mapping
from difflib import get_close_matches

from pydantic import ValidationError

from .errors import SettingsError
from .settings import PREFIX, Settings


def load_settings(flags: Mapping[str, str]) -> Settings:
    """Return the settings: flags override the environment, which overrides the defaults.

    Args:
        flags: Values by field name, as they were given on the command line.

    Raises:
        SettingsError: a value is invalid, or the environment has an unknown BILM_ name.
    """
    _refuse_unknown_names(os.environ)
    try:
        return Settings.model_validate(flags)
    except ValidationError as error:
        complaints = (
            f"{PREFIX}{str(wrong['loc'][0]).upper()}: {wrong['msg']}"
            if wrong["loc"]
            else wrong["msg"]
            for wrong in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError("; ".join(complaints)) from error


def _refuse_unknown_names(environment: Mapping[str, str]) -> None:
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            nearest = get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
            raise SettingsError(
                f"the environment has {name}, which is not a setting; did you mean {nearest}?"
                " Unset it, or see --help for all names"
            )
