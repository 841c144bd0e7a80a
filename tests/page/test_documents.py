"""/docs in the browser: shown without a network, and able to ask."""

from playwright.sync_api import expect


def test_the_documents_are_shown_and_try_a_request(open_tab):
    visit = open_tab()
    visit.page.goto(f"{visit.host}/docs")  # a request to another host fails the test
    path = visit.page.locator("#operations-default-tokenize")
    path.locator(".opblock-summary").first.click()
    path.get_by_role("button", name="Try it out").click()
    path.get_by_role("button", name="Execute").click()
    expect(
        path.locator(".live-responses-table .response .response-col_status").first
    ).to_contain_text("200")
    assert ("POST", "/tokenize") in visit.asked
