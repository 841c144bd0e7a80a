"""Copy the request of each view, run it, and compare the response with the view."""

import json
import subprocess
import sys
from decimal import ROUND_HALF_UP, Decimal

import pytest
from playwright.sync_api import expect

ROOT_VIEWS = {
    "compare": "/embed",
    "map": "/embed",
    "fill": "/fill",
    "continue": "/complete",
    "inside": "/inspect",
    "model": "/fill",
}
COPY = {"en": "Copy: {}", "zh": "复制: {}"}
COPIED = {"en": "Copied", "zh": "已复制"}
SERVER = {"en": "Server", "zh": "服务器"}


def copied(tab, program):
    """Return what the button beside a program copies to the clipboard."""
    button = tab.page.get_by_role("button", name=COPY[tab.language].format(program))
    button.click()
    expect(tab.page.locator("figure", has_text=program).get_by_role("button")).to_have_text(
        COPIED[tab.language]
    )
    return tab.page.evaluate("navigator.clipboard.readText()")


def opened(tab, view):
    """Open the panel of a view and return the body of the response in it."""
    with tab.page.expect_response(f"**{ROOT_VIEWS[view]}") as answered:
        tab.go(view)
    body = answered.value.json()
    expect(tab.page.locator(".request .timing")).to_contain_text(SERVER[tab.language])
    tab.page.locator(".request summary").click()
    return body


@pytest.mark.parametrize("view", ROOT_VIEWS)
def test_the_curl_command_gets_the_answer_of_the_view(tab, view):
    shown = opened(tab, view)
    command = copied(tab, "curl")
    done = subprocess.run(["bash", "-c", f"{command} --silent"], capture_output=True, check=True)
    assert json.loads(done.stdout) == shown


@pytest.mark.long
@pytest.mark.parametrize("view", ["compare", "fill"])
def test_the_python_program_runs(open_tab, view):
    tab = open_tab()
    shown = opened(tab, view)
    program = copied(tab, "Python")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    if view == "fill":
        assert json.loads(done.stdout) == shown
    else:
        assert "e-" in done.stdout or "0." in done.stdout
        assert len(done.stdout.split("[[[")) == 1 + len(shown["data"])


def test_the_time_is_that_of_the_server(open_tab):
    tab = open_tab()
    with tab.page.expect_response("**/fill") as answered:
        tab.go("fill")
    parts = [part.split(";dur=") for part in answered.value.headers["server-timing"].split(", ")]
    total = sum(float(duration) for _, duration in parts)
    told = tab.page.locator(".request .timing")
    expect(told).to_contain_text(f"Server {to_fixed(total)} ms")
    for name, duration in parts:
        expect(told).to_contain_text(f"{name} {to_fixed(float(duration))}")


def to_fixed(number):
    """Return a number as a page writes it: 0.25 is 0.3, where Python writes 0.2."""
    return str(Decimal(number).quantize(Decimal("0.1"), ROUND_HALF_UP))
