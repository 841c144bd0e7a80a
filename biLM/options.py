"""Parse a command line without repeating values that it does not know, which may be keys."""

import argparse
from collections.abc import Sequence
from difflib import get_close_matches


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of a command line; end the process with status 2 if one is unknown.

    Unlike that of `parse_args`, the message has the names of unknown options and no values.

    Args:
        parser: It knows the options.
        arguments: The command line; None for that of the process.
    """
    given, unknown = parser.parse_known_args(arguments)
    names = [one.partition("=")[0] for one in unknown if one.startswith("--")]
    if names:
        parser.error("; ".join(_complaint(name, parser.format_usage()) for name in names))
    if unknown:
        parser.error(
            "something belongs to no option, and is not shown because it may be a key; see --help"
            " for all options"
        )
    return given


def _complaint(name: str, usage: str) -> str:
    known = [word.strip("[]") for word in usage.split() if word.strip("[]").startswith("--")]
    nearest = "".join(f"; did you mean {one}?" for one in get_close_matches(name, known, n=1))
    return f"there is no option {name} here{nearest or '.'} See --help for all options"
