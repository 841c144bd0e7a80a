"""/docs in the browser: shown without a network, and able to ask, under a prefix as well."""

import pytest
from playwright.sync_api import expect

PREFIXES = ["", "/some/prefix"]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_documents_are_shown_and_try_a_request(open_tab, prefix):
    visit = open_tab()
    visit.page.goto(f"{visit.host}{prefix}/docs")  # a request to another host fails the test
    path = visit.page.locator("#operations-default-tokenize")
    path.locator(".opblock-summary").first.click()
    path.get_by_role("button", name="Try it out").click()
    path.get_by_role("button", name="Execute").click()
    expect(
        path.locator(".live-responses-table .response .response-col_status").first
    ).to_contain_text("200")
    assert ("POST", f"{prefix}/tokenize") in visit.asked


def test_the_page_asks_below_its_prefix(open_tab):
    visit = open_tab()
    visit.page.goto(f"{visit.host}/some/prefix/#/fill")
    expect(visit.page.locator("main")).to_be_visible()
    visit.page.wait_for_load_state("networkidle")
    assert {path.startswith("/some/prefix/") for _, path in visit.asked} == {True}
    assert ("POST", "/some/prefix/fill") in visit.asked
