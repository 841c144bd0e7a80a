"""The versions of the packages that compute and serve the vectors."""

from importlib.metadata import PackageNotFoundError, version

# The name in /info, and the name of the installed distribution.
DISTRIBUTIONS = {"bilm": "bilm-vectors"} | {
    name: name for name in ("torch", "numpy", "sentencepiece", "fastapi")
}
NOT_INSTALLED = "checkout"


def versions() -> dict[str, str]:
    """Return the version of each package, by its name in /info."""
    return {name: _version(found) for name, found in DISTRIBUTIONS.items()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout, with nothing installed
        return NOT_INSTALLED
