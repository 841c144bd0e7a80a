"""Parse the names in an Accept or Accept-Encoding header, and the quality of each."""

from collections.abc import Sequence

from starlette.datastructures import Headers


def accepted(headers: Headers, name: str) -> dict[str, float]:
    """Return the quality of each name in a header, from 0 (refused) to 1; names are lowercased."""
    return dict(_valued(one) for one in ",".join(headers.getlist(name)).lower().split(","))


def _valued(one: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in one.split(";"))
    return name, _quality(parameters)


def _quality(parameters: Sequence[str]) -> float:
    given = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        quality = float(given)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
