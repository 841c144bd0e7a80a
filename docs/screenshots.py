"""Take the pictures in docs/page: python docs/screenshots.py, on a machine with chromium.

They show the shipped model in float32, and have 128 colours, which suffice for the page.
"""

import io
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.browser import browsing  # noqa: E402 - found through the line above
from benchmarks.processes import HOST, SERVICE, serving  # noqa: E402

FOLDER = ROOT / "docs/page"
VIEWS = ("compare", "map", "fill", "continue", "inside", "model")
LANGUAGES = ("en", "zh")
SIZE = {"width": 1280, "height": 800}
TELEPHONE = {"width": 390, "height": 844}
COLOURS = 128


def main() -> None:
    """Write a picture of each view in each language, and of the first on a telephone."""
    FOLDER.mkdir(exist_ok=True)
    options = ("--precision", "float32", "--inspect", "true")
    with serving(*SERVICE, *options) as port, browsing() as browser:
        for language in LANGUAGES:
            shots = [(view, SIZE, view) for view in VIEWS] + [("compare", TELEPHONE, "telephone")]
            for view, size, name in shots:
                page = browser.new_page(viewport=size, reduced_motion="reduce")
                page.goto(f"http://{HOST}:{port}/?lang={language}#/{view}")
                page.wait_for_load_state("networkidle")
                write(FOLDER / f"{name}-{language}.png", page.screenshot())
                page.close()


def write(path: Path, png: bytes) -> None:
    """Write a picture with few colours."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=0)
    picture.save(path, optimize=True)


if __name__ == "__main__":
    main()
