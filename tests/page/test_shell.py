"""Test what all views share: size of the first view, languages, keys, keyboard, narrow screens."""

import pytest
from playwright.sync_api import expect

from benchmarks.processes import HOST, SERVICE, running, serving
from tests.live import listening

VIEWS = ("compare", "map", "fill", "continue", "inside", "model")
SHOWS = {  # what stands there once a view has its answer
    "compare": ".matrix",
    "map": ".scatter .dot",
    "fill": ".guess",
    "continue": ".completion",
    "inside": ".following h2",
    "model": ".card .blanks",
}
LINKS = {
    "en": ("Compare", "Map", "Fill", "Continue", "Inside", "Model"),
    "zh": ("对比", "地图", "填空", "续写", "门", "模型"),
}
FIRST_VIEW_BYTES = 150_000
KEY = "first-key-1"


def arrived(tab, view):
    """Return the tab at a view that has its response."""
    page = tab.go(view)
    expect(page.locator(SHOWS[view]).first).to_be_visible()
    return page


def test_the_first_view_is_light(either_tab):
    page = either_tab.page
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(either_tab.host)
    expect(page.locator(".matrix").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert len(sizes) > 10
    assert sum(sizes) < FIRST_VIEW_BYTES
    assert ("POST", "/embed") in either_tab.asked


def test_no_view_is_wider_than_the_screen(any_tab):
    for view in VIEWS:
        page = arrived(any_tab, view)
        for disclosure in page.locator("summary").all():
            disclosure.click()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width == page.viewport_size["width"], view


def test_every_view_is_a_link_with_a_heading_and_a_title(either_tab):
    page = arrived(either_tab, "compare")
    titles = set()
    for view, name in zip(VIEWS, LINKS[either_tab.language], strict=True):
        page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        expect(page.locator(SHOWS[view]).first).to_be_visible()
        expect(page).to_have_title(f"{name} · biLM")
        assert page.evaluate("document.querySelectorAll('h1').length") == 1
        titles.add(page.locator("h1").inner_text())
    assert len(titles) == len(VIEWS)


def test_everything_that_takes_the_focus_has_a_name(either_tab):
    for view in VIEWS:
        page = arrived(either_tab, view)
        tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
        nameless = [
            node["role"]["value"]
            for node in tree["nodes"]
            if any(
                p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", ())
            )
            and node["role"]["value"] not in ("RootWebArea", "main", "code", "generic", "heading")
            and not node.get("name", {}).get("value")
        ]
        assert nameless == [], view


def test_who_speaks_to_a_button_finds_it_by_what_it_shows(either_tab):
    for view in VIEWS:
        page = arrived(either_tab, view)
        buttons = page.locator("button[aria-label]:visible")
        named = buttons.evaluate_all("all => all.map((one) => [one.innerText, one.ariaLabel])")
        shown = [["".join(text.split()) for text in one] for one in named]
        assert [one for one in shown if one[0] not in one[1]] == [], view
        assert named or view not in ("fill", "continue")  # whose buttons say more than they show


def test_the_other_language_is_one_click_away_and_stays_in_the_address(open_tab):
    tab = open_tab(language="zh")
    page = arrived(tab, "fill")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("What may stand in the blank")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.reload()
    expect(page.locator("h1")).to_have_text("What may stand in the blank")
    expect(page.get_by_role("button", name="中文")).to_be_visible()


def test_the_keyboard_leads_past_the_header_and_to_every_view(open_tab):
    page = arrived(open_tab(), "compare")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.reload()
    expect(page.locator(".matrix").first).to_be_visible()
    page.locator("nav a").first.focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".guess").first).to_be_visible()
    expect(page.locator("h1")).to_be_focused()


@pytest.mark.long
def test_a_view_looks_the_same_after_all_others_were_seen(open_tab):
    page = open_tab().page
    tab = open_tab()
    for view in VIEWS:
        tab.go(view)
        expect(tab.page.locator(SHOWS[view]).first).to_be_visible()
    for view, name in zip(VIEWS, LINKS["en"], strict=True):
        page.goto("about:blank")
        page.goto(f"{tab.host}/#/{view}")
        expect(page.locator(SHOWS[view]).first).to_be_visible()
        tab.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        expect(tab.page.locator(SHOWS[view]).first).to_be_visible()
        assert tab.page.evaluate(LAYOUT) == page.evaluate(LAYOUT), view


LAYOUT = """() => [...document.querySelectorAll("main *")]
    .filter((element) => !element.closest(".notice, details"))
    .map((element) => [element.className.toString(), ...["x", "y", "width", "height"]
        .map((side) => Math.round(element.getBoundingClientRect()[side]))].join(" "))"""


@pytest.mark.long
def test_who_comes_before_the_model_waits_for_it(open_tab):
    with running(*SERVICE, "--threads", "1") as server:
        address = server.url
        tab = open_tab(host=address)
        tab.expected.add("503")
        page = tab.go("fill")
        expect(page.locator(".notice")).to_contain_text("The model is loading")
        expect(page.locator(".guess").first).to_be_visible()
        expect(page.locator(".notice")).to_be_empty()


@pytest.fixture(scope="module")
def guarded_url(artifact_folder):
    """Return the URL of a service that needs a key, with the tiny model."""
    with listening(artifact_folder, api_keys=f"another-key,{KEY}") as url:
        yield url


def test_a_key_is_asked_for_until_it_is_right_and_never_shown(tab, guarded_url):
    tab.host = guarded_url
    tab.expected.add("401")
    page = tab.go("fill")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("no API key of this service was sent")
    dialog.locator("input").fill("a-wrong-key")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    expect(dialog.locator("input")).to_have_value("")
    dialog.locator("input").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator(".guess").first).to_be_visible()
    expect(dialog).to_be_hidden()
    page.locator(".request summary").click()
    expect(page.locator(".programs")).to_contain_text("$KEY_FOR_BILM")
    assert KEY not in page.content()
    assert page.evaluate("localStorage.length") == 0


def test_who_gives_no_key_sees_the_refusal_and_keeps_what_was_typed(open_tab, guarded_url):
    tab = open_tab(host=guarded_url)
    tab.expected.add("401")
    with tab.page.expect_request("**/fill"):
        page = tab.go("fill")
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("status")).to_contain_text("invalid_api_key")
    page.get_by_role("textbox").fill("风____大")
    page.get_by_role("button", name="Fill", exact=True).click()
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("textbox")).to_have_value("风____大")


def test_a_refusal_that_comes_late_asks_for_no_key_again(open_tab, guarded_url):
    tab = open_tab(host=guarded_url)
    tab.expected.add("401")
    held = []
    tab.page.route("**/fill", lambda route: held.append(route))
    with tab.page.expect_request("**/fill"):
        page = tab.go("fill")
    page.get_by_role("button", name="Not now").click()  # asked for by the footer's request
    with page.expect_response("**/fill"):
        held[0].continue_()
    expect(page.get_by_role("status")).to_contain_text("invalid_api_key")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.long
def test_a_server_that_is_gone_is_told_and_what_was_typed_stays(open_tab, artifact_folder):
    with serving(*SERVICE, "--model", str(artifact_folder), "--threads", "1") as port:
        tab = open_tab(host=f"http://{HOST}:{port}")
        page = arrived(tab, "fill")
        page.get_by_role("textbox").fill("风____大")
    tab.expected |= {"net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_RESET"}
    page.get_by_role("button", name="Fill", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("does not answer")
    expect(page.get_by_role("textbox")).to_have_value("风____大")
