"""Start a server with the shipped model and a browser whose tabs fail a test on any error."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from benchmarks.browser import browsing, chromium
from benchmarks.processes import HOST, SERVICE, serving
from tests.page.visit import Visit

LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
HEIGHT_OF = {1280: 800, 390: 844}  # CSS pixels: a laptop and a telephone
WAIT_MS = 30_000  # stuck even beside a training run

expect.set_options(timeout=WAIT_MS)


@pytest.hookimpl(tryfirst=True)  # before the marks are read
def pytest_collection_modifyitems(items):
    """Mark every test of this folder, so that a new file cannot forget it."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


# While Playwright is open its event loop counts as running in this thread, where no asyncio test
# could begin: the browser closes with the last test of a file, not of the session.
@pytest.fixture(scope="module")
def browser():
    """Return a browser for the tests of one file."""
    if not chromium():
        pytest.skip("there is no chromium; .ci/run installs it")
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="session")
def url():
    """Return the URL of the shipped model, in float32, with /inspect and below /some/prefix too."""
    flags = ("--precision", "float32", "--threads", "1", "--inspect", "true")
    with serving(*SERVICE, *flags, "--path-prefix", "/some/prefix") as port:
        yield f"http://{HOST}:{port}"


@pytest.fixture(scope="session")
def ask(url):
    """Return a function that sends a request to the service and returns its response."""

    def ask(path, **body):
        answer = httpx.post(f"{url}{path}", json=body, timeout=WAIT_MS / 1000, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture
def open_tab(browser, url):
    """Opens a tab of a width and a language; what any of them complained of fails the test."""
    visits = []

    def open_tab(width=1280, language="en", host=url):
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHT_OF[width]},
            locale=LANGUAGES[language],
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(WAIT_MS)
        visits.append(Visit(context.new_page(), host, language))
        return visits[-1]

    yield open_tab
    for visit in visits:
        visit.page.context.close()
    assert [trouble for visit in visits for trouble in visit.troubles] == []


TELEPHONE, LAPTOP = (390, "zh"), pytest.param((1280, "en"), marks=pytest.mark.long)
OTHERS = [pytest.param(pair, marks=pytest.mark.long) for pair in ((390, "en"), (1280, "zh"))]


def name_of(pair):
    """Return the name of a test with a width and a language."""
    return f"{pair[0]}-{pair[1]}"


# A language chooses words, whose keys tests/service/page compares, and a width chooses styles, none
# of which hides anything. So one tab shows what a script does: a telephone here, and a laptop in
# English where a test calls `open_tab`.
@pytest.fixture
def tab(open_tab):
    """Return a tab of a telephone, in Chinese."""
    return open_tab(*TELEPHONE)


@pytest.fixture(params=[TELEPHONE, LAPTOP], ids=name_of)
def either_tab(request, open_tab):
    """Return a tab of each width, and one in each language, for what is laid out or named."""
    return open_tab(*request.param)


@pytest.fixture(params=[TELEPHONE, LAPTOP, *OTHERS], ids=name_of)
def any_tab(request, open_tab):
    """Return a tab of each width in each language, for what has to fit and to be read."""
    return open_tab(*request.param)
