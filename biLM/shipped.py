"""Find the models that come with biLM, in a checkout and in an installed package."""

from pathlib import Path

DEFAULT_MODEL = "zh-small"
PACKAGE = Path(__file__).parent
# A wheel carries the models inside the package, a checkout has them beside it.
FOLDERS = (PACKAGE / "models", PACKAGE.parent / "models")


def shipped_models() -> dict[str, Path]:
    """Return the artifact folder of each shipped model, by the model's name."""
    folder = next((folder for folder in FOLDERS if (folder / DEFAULT_MODEL).is_dir()), None)
    return {model.name: model for model in sorted(folder.iterdir())} if folder else {}


def model_folder(named: str | Path) -> Path:
    """Return the artifact folder of a model, given by its path or by the name of a shipped model.

    An existing folder takes precedence over a shipped model of the same name.
    """
    folder = Path(named)
    return folder if folder.exists() else shipped_models().get(str(named), folder)
