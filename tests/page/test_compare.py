"""Compare the numbers of the view Compare with numpy's, from responses of /embed."""

import base64

import numpy as np
import pytest
from playwright.sync_api import expect

WORD = "苹果"
CONTEXT = {"en": "Context", "zh": "上下文"}
LAYERS = {"en": "Layer {}", "zh": "第 {} 层"}
MIX = "混合"
REFUSED = "服务答复："
SHOWN = {"rtol": 0, "atol": 0.0055}  # two digits of a cosine of float16 numbers


def matrix(page, name):
    """Return the numbers of a matrix as the page shows them."""
    lines = page.get_by_role("grid", name=name, exact=True).locator("tbody tr").all()
    return np.array(
        [[number(text) for text in line.locator("td").all_inner_texts()] for line in lines]
    )


def number(text):
    return float(text.replace("−", "-"))


def layers_of(ask, body):
    """[layer, occurrence, dim] for the question the page has asked, in float32."""
    entries = ask("/embed", **{**body, "dtype": "float32"})["data"]
    found = [
        np.frombuffer(base64.b64decode(entry["embedding"]), "<f4").reshape(entry["shape"])
        for entry in entries
    ]
    return np.concatenate(found, axis=1)


def cosines(rows):
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return units @ units.T


def arrived(tab):
    """Return the tab after it has loaded, and the request that it has sent."""
    with tab.page.expect_request("**/embed") as asked:
        tab.page.goto(tab.host)
    expect(tab.page.get_by_role("grid")).to_have_count(5)
    return tab.page, asked.value.post_data_json


def test_fruit_and_phones_are_apart_on_arrival(tab):
    page, _ = arrived(tab)
    cosine = matrix(page, CONTEXT[tab.language])
    assert cosine.shape == (6, 6)
    senses = np.repeat([0, 1], 3)
    same = senses[:, None] == senses
    inside, across = cosine[same & ~np.eye(6, dtype=bool)].mean(), cosine[~same].mean()
    assert inside > across + 0.2
    figures = page.locator(".panel", has=page.get_by_role("heading", name=CONTEXT[tab.language]))
    shown = [
        number(text.split()[-1]) for text in figures.locator(".figures span").all_inner_texts()
    ]
    np.testing.assert_allclose(shown, [inside, across], **SHOWN)


def test_every_matrix_is_what_numpy_finds(either_tab, ask):
    page, body = arrived(either_tab)
    *layers, context = layers_of(ask, body)
    for index, rows in enumerate(layers):
        name = LAYERS[either_tab.language].format(index)
        np.testing.assert_allclose(matrix(page, name), cosines(rows), **SHOWN)
    np.testing.assert_allclose(
        matrix(page, CONTEXT[either_tab.language]), cosines(context), **SHOWN
    )


def test_a_slider_redraws_the_mix_without_a_request(tab, ask):
    page, body = arrived(tab)
    layers = layers_of(ask, body)[:3]
    asked = len(tab.asked)
    sliders = page.get_by_role("slider")
    for weights in ([2.0, 0.0, 0.0], [0.5, -1.0, 1.25]):
        for index, weight in enumerate(weights):
            sliders.nth(index).fill(str(weight))
        mixed = np.tensordot(weights, layers, axes=1)
        np.testing.assert_allclose(matrix(page, MIX), cosines(mixed), **SHOWN)
    before = matrix(page, MIX)
    sliders.nth(3).fill("0.5")
    length = np.linalg.norm(0.5 * mixed, axis=1).mean()
    expect(page.locator(".mixer")).to_contain_text(f"{length:.2f}")
    np.testing.assert_array_equal(matrix(page, MIX), before)
    assert len(tab.asked) == asked


def test_without_centring_other_vectors_are_asked_for(open_tab, ask):
    page, _ = arrived(open_tab())
    with page.expect_request("**/embed") as asked:
        page.get_by_role("checkbox").uncheck()
    rows = layers_of(ask, asked.value.post_data_json)[2]
    assert asked.value.post_data_json["center"] is False
    expected = cosines(rows)
    first = page.get_by_role("grid", name="Layer 2").locator("tbody td").nth(1)
    expect(first).to_have_text(f"{expected[0, 1]:.2f}".removeprefix("0"))
    np.testing.assert_allclose(matrix(page, "Layer 2"), expected, **SHOWN)


@pytest.mark.long
@pytest.mark.parametrize("word", ["病毒", "窗口", "菜单", "长城", "打"])
def test_each_example_compares_its_word(open_tab, word):
    page, _ = arrived(open_tab())
    with page.expect_request("**/embed") as asked:
        page.get_by_role("button", name=word, exact=True).first.click()
    body = asked.value.post_data_json
    texts, spans = body["texts"], body["spans"]
    cut = {text[b:e] for text, places in zip(texts, spans, strict=True) for b, e in places}
    assert cut == {word}
    count = sum(map(len, spans))
    expect(page.get_by_role("grid", name="Context").locator("tbody tr")).to_have_count(count)


def test_a_click_on_a_piece_compares_it(open_tab):
    page, _ = arrived(open_tab(390))
    with page.expect_request("**/embed") as asked:
        page.get_by_role("button", name="compare 手机").first.click()
    texts, spans = (asked.value.post_data_json[name] for name in ("texts", "spans"))
    cut = [text[b:e] for text, places in zip(texts, spans, strict=True) for b, e in places]
    assert cut == ["手机"] * page.locator("#typed").input_value().count("手机")
    expect(page.locator("#word")).to_have_value("手机")
    expect(page.get_by_role("grid", name="Context").locator("tbody tr")).to_have_count(len(cut))


def write(page, sentences, word):
    """Type other sentences and another word, and ask."""
    page.locator(".writer .heading button").click()
    page.locator("#typed").fill(sentences)
    page.locator("#word").fill(word)
    page.locator(".writer .primary").click()


def test_sentences_of_ones_own_are_compared_by_places_in_code_points(open_tab):
    page, _ = arrived(open_tab())
    with page.expect_request("**/embed") as asked:
        write(page, "😀他打球。\n\n打电话，打人。", "打")
    body = asked.value.post_data_json
    assert body["texts"] == ["😀他打球。", "打电话，打人。"]
    assert body["spans"] == [[[2, 3]], [[0, 1], [4, 5]]]
    expect(page.get_by_role("grid", name="Context").locator("tbody tr")).to_have_count(3)


def test_a_word_that_stands_nowhere_is_told_and_nothing_is_lost(tab):
    page, _ = arrived(tab)
    write(page, "我爱北京。", "苹果")
    expect(page.locator(".notice")).to_contain_text("苹果")
    expect(page.get_by_role("grid")).to_have_count(0)
    expect(page.locator("#typed")).to_have_value("我爱北京。")
    expect(page.locator("#word")).to_have_value("苹果")


def test_a_text_too_long_is_refused_in_words_and_nothing_is_lost(tab):
    tab.expected.add("422")
    page, _ = arrived(tab)
    long = "苹果，" * 5000
    write(page, long, "苹果")
    status = page.locator(".notice")
    expect(status).to_contain_text(REFUSED)
    expect(status.locator("code", has_text="text_too_long")).to_be_visible()
    expect(status).to_contain_text("8192")
    expect(page.locator("#typed")).to_have_value(long)


def test_arrow_keys_lead_from_cell_to_cell(open_tab):
    page, _ = arrived(open_tab())
    grid = page.get_by_role("grid", name="Context")
    grid.locator("td[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    cell = grid.locator("tbody tr").nth(1).locator("td").nth(2)
    expect(cell).to_be_focused()
    expect(cell).to_have_attribute(
        "aria-label", f"{cell.inner_text().replace('.', '0.')}: occurrences 2 and 3"
    )
    expect(page.locator(".line.pointed")).to_have_count(2)
