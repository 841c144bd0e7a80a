"""Find the version of biLM, installed or in a checkout."""

import tomllib
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "bilm-vectors"
# A checkout has this file beside the package.
PROJECT = Path(__file__).parent.parent / "pyproject.toml"
# It ends the version of code that is not installed, which may be newer than the version says.
CHECKOUT = "checkout"


def own_version() -> str:
    """Return the version of biLM, which ends with `+checkout` if biLM is not installed.

    Without a description of the project beside the package, only `checkout` is left.
    """
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        declared = _declared()
        return f"{declared}+{CHECKOUT}" if declared else CHECKOUT


def _declared() -> str | None:
    """Return the version in the description of the project; None if it is not that of biLM."""
    if not PROJECT.is_file():
        return None
    project = tomllib.loads(PROJECT.read_text("utf-8")).get("project", {})
    version: str | None = project.get("version")
    return version if project.get("name") == DISTRIBUTION else None
