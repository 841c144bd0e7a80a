"""The versions of what computes the vectors."""

from importlib.metadata import PackageNotFoundError, version

# The name in /info, and the name of the distribution.
DISTRIBUTIONS = {"bilm": "bilm-vectors"} | {
    name: name for name in ("torch", "numpy", "sentencepiece", "fastapi")
}
NOT_INSTALLED = "checkout"


def versions() -> dict[str, str]:
    """The version of each package, by name."""
    return {name: _version(found) for name, found in DISTRIBUTIONS.items()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout, with nothing installed
        return NOT_INSTALLED
