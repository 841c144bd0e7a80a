"""Compare the places on the view Map with numpy's, and check the sentences behind its dots."""

import base64
import re

import numpy as np
from playwright.sync_api import expect

DOT = ".scatter .dot"


def arrived(tab):
    """Return the tab at the map, and the request that it has sent."""
    with tab.page.expect_request("**/embed") as asked:
        tab.go("map")
    expect(tab.page.locator(DOT).first).to_be_visible()
    return tab.page, asked.value.post_data_json


def rows_of(ask, body, layer):
    """[occurrence, dim] of one layer, each of unit length."""
    entries = ask("/embed", **{**body, "dtype": "float32"})["data"]
    found = [
        np.frombuffer(base64.b64decode(entry["embedding"]), "<f4").reshape(entry["shape"])[layer]
        for entry in entries
    ]
    rows = np.concatenate(found).astype("f8")
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def principal(rows):
    """[rows, 2]: coordinates along the two directions of most variance."""
    u, s, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return u[:, :2] * s[:2]


def places(page):
    """[dots, 2]: where the dots are, in pixels, up being more."""
    moves = [dot.get_attribute("transform") for dot in page.locator(DOT).all()]
    pairs = [re.match(r"translate\((.+),(.+)\)", move).groups() for move in moves]
    return np.array(pairs, dtype=float) * [1, -1]


def point_at(page, dot):
    """Move the pointer to the middle of a dot."""
    page.locator(".scatter").scroll_into_view_if_needed()
    corner = page.locator(".scatter svg").bounding_box()
    x, y = places(page)[dot] * [1, -1]
    page.mouse.move(corner["x"] + x, corner["y"] + y)


def test_the_dots_stand_where_the_principal_components_are(either_tab, ask):
    page, body = arrived(either_tab)
    assert_principal(page, rows_of(ask, body, -1))  # of the context, which the map shows first
    page.locator("#kind").select_option("2")
    assert_principal(page, rows_of(ask, body, 2))


def assert_principal(page, rows):
    """Compare the places of the dots with the two principal components of some rows."""
    assert len(rows) >= 15
    expect(page.locator(DOT)).to_have_count(len(rows))
    found, expected = places(page), principal(rows)
    found -= found.mean(axis=0)
    expected -= expected.mean(axis=0)
    expected *= np.sign((found * expected).sum(axis=0))  # a direction has no sign
    scale = (found * expected).sum() / (expected**2).sum()
    # the numbers came as float16; a pixel is a tenth of the size of a dot
    np.testing.assert_allclose(found, scale * expected, rtol=0, atol=1)


def test_a_dot_shows_its_sentence_and_no_request_is_made(tab):
    page, body = arrived(tab)
    asked = len(tab.asked)
    tip = page.locator(".tip")
    point_at(page, 0)
    expect(tip).to_have_text(body["texts"][0])
    expect(tip.locator("mark")).to_have_text("苹果")
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    page.locator("#kind").focus()
    for kind in ("2", "1"):
        page.keyboard.press("ArrowUp")
        expect(page.locator("#kind")).to_have_value(kind)
        expect(page.locator("#kind")).to_be_focused()
    page.locator("#count").select_option("4")
    expect(page.locator(".clusters section")).to_have_count(4)
    assert len(tab.asked) == asked


def test_each_dot_can_be_pointed_at_however_near_another_is(either_tab):
    page, body = arrived(either_tab)
    found = places(page)
    distances = np.linalg.norm(found[:, None] - found, axis=-1) + 1e9 * np.eye(len(found))
    for dot in np.argsort(distances.min(axis=1))[:6]:  # the nearest to others
        point_at(page, int(dot))
        expect(page.locator(".tip")).to_have_text(body["texts"][dot])


def test_the_clusters_hold_each_sentence_once_by_its_colour(tab):
    page, body = arrived(tab)
    told = page.locator(".clusters li").all_inner_texts()
    assert sorted(told) == sorted(body["texts"])
    for index in range(page.locator(".clusters section").count()):
        sentences = page.locator(f".clusters section.cluster-{index} li").all_inner_texts()
        dots = page.locator(f"{DOT}.cluster-{index}").all()
        labels = [dot.get_attribute("aria-label") for dot in dots]
        assert len(labels) == len(sentences)
        for label in labels:
            assert any(label.startswith(sentence) for sentence in sentences)


def test_arrow_keys_lead_from_dot_to_dot(open_tab):
    page, _ = arrived(open_tab())
    page.locator(f"{DOT}[tabindex='0']").focus()
    before = page.evaluate("document.activeElement.getAttribute('transform')")
    for key, axis, way in (("ArrowRight", 0, 1), ("ArrowLeft", 0, -1), ("ArrowUp", 1, -1)):
        page.keyboard.press(key)
        after = page.evaluate("document.activeElement.getAttribute('transform')")
        if after != before:  # the outermost has nobody beyond it
            moved = [float(v) for place in (before, after) for v in re.findall(r"-?[\d.]+", place)]
            assert way * (moved[2 + axis] - moved[axis]) > 0
        expect(page.locator(".tip")).to_be_visible()
        before = after


def test_two_occurrences_make_no_map_and_are_told(tab):
    page, _ = arrived(tab)
    page.locator(".writer .heading button").click()
    page.locator("#typed").fill("我吃苹果。\n苹果好吃。")
    page.locator(".writer .primary").click()
    expect(page.get_by_role("status")).to_contain_text("2")
    expect(page.locator(DOT)).to_have_count(0)
    expect(page.locator("#typed")).to_have_value("我吃苹果。\n苹果好吃。")
