"""Start a real browser: the machine's own chromium, which can reach nothing but this machine."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

OPTIONS = (
    "--no-sandbox",  # a sandbox needs user namespaces, which root in a container lacks
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def chromium() -> str | None:
    """Return the path of the machine's chromium, or None; Playwright never downloads its own."""
    return shutil.which("chromium")


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run the browser without a window until the block ends.

    Raises:
        RuntimeError: this machine has no chromium.
    """
    if (found := chromium()) is None:
        raise RuntimeError("the PATH has no chromium; on Debian, apt-get install chromium adds it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()
