"""The versions of what computes the vectors."""

from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("bilm", "torch", "numpy", "sentencepiece", "fastapi")
NOT_INSTALLED = "checkout"


def versions() -> dict[str, str]:
    """The version of each package, by name."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout, with nothing installed
        return NOT_INSTALLED
