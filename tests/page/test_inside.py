"""Compare the view Inside with the gates of the paper's equations in float64."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from biLM.encoder import Encoder
from tests.live import listening
from tests.reference.lstm import gates

ROOT = Path(__file__).parents[2]
TEXT = "他在法国住了十年，每天和邻居聊天，读当地的报纸，看当地的电影，所以他能说一口流利的法语。"
NAMES = ("input_gate", "forget_gate", "output_gate", "cell_state")
LETTERS = {"input_gate": 0, "forget_gate": 1, "candidate": 2, "output_gate": 3, "cell_state": 4}
LOOK = "Look inside"
TABLE = "以上全部数字"
DIGITS = {"rtol": 0, "atol": 6e-5}  # four digits are shown; float32 differs by less
SHORT = {"rtol": 0, "atol": 6e-4}  # three digits
BAND = 4  # cells that share a row of a picture


@pytest.fixture(scope="module")
def shipped():
    """Return the shipped model, for its pieces and its weights."""
    return Encoder.load(ROOT / "models/zh-small")


@pytest.fixture(scope="module")
def oracle(shipped):
    """Text, layer, direction -> the arrays by name, pieces x cells, in the order of the text."""
    weights = {n: t.double().numpy() for n, t in shipped.artifact.model.state_dict().items()}
    config = shipped.artifact.config

    def traced(text, layer=1, direction="forward"):
        ids = [config.bos_id, *shipped.pieces(text).ids, config.eos_id]
        turn = slice(None, None, 1 if direction == "forward" else -1)
        x = weights["embedding.weight"][ids[turn]]
        found = gates(x, weights, f"{direction}_lm", layer)[:, turn][:, 1:-1]
        return {name: found[index] for name, index in LETTERS.items()}

    return traced


def by_memory(trace):
    """Return the cells, with those first whose forget gate is largest."""
    return np.argsort(-trace["forget_gate"].sum(axis=0), kind="stable")


def kept(trace, piece, step=1):
    """[pieces read from there on, cells]: the products of the forget gates since a piece."""
    after = (
        trace["forget_gate"][piece + step :: step]
        if step > 0
        else trace["forget_gate"][:piece][::-1]
    )
    return np.concatenate([np.ones((1, after.shape[1])), np.cumprod(after, axis=0)])


def told(page):
    """Return the numbers of the one cell that the page describes."""
    return [float(page.locator(f".readout [data-name={name}]").inner_text()) for name in NAMES]


def rows(page):
    """Return the table of means as texts."""
    lines = page.locator(".numbers tbody tr").all()
    return [line.locator("td").all_text_contents() for line in lines]


def test_the_table_holds_the_means_of_the_equations(tab, oracle):
    page, trace = tab.go("inside"), oracle(TEXT)
    page.get_by_text(TABLE).click()
    expect(page.locator(".numbers")).to_be_visible()
    shown = np.array([[float(value) for value in row[:4]] for row in rows(page)])
    means = np.stack([np.abs(trace[name]).mean(axis=1) for name in NAMES], axis=1)
    np.testing.assert_allclose(shown, means, **SHORT)


def test_what_is_kept_of_a_piece_is_the_product_of_the_forget_gates(tab, oracle):
    page, trace = tab.go("inside"), oracle(TEXT)
    page.get_by_text(TABLE).click()
    piece = 2  # 法国, which the view follows at first
    expect(page.get_by_role("radio", checked=True)).to_have_text("法国")
    since = kept(trace, piece)
    written = np.abs(trace["input_gate"][piece] * trace["candidate"][piece])
    shares = 100 * (since @ written) / written.sum()
    shown = rows(page)
    assert [row[4:] for row in shown[:piece]] == [["", ""]] * piece
    found = [float(row[4].removesuffix(" %")) for row in shown[piece:]]
    np.testing.assert_allclose(found, shares, rtol=0.05, atol=0)  # two digits that count
    assert [int(row[5]) for row in shown[piece:]] == (since >= 0.5).sum(axis=1).tolist()
    expect(page.locator(".following")).to_contain_text(shown[-1][4])


@pytest.mark.parametrize(("layer", "direction"), [(1, "backward"), (2, "forward"), (2, "backward")])
def test_each_layer_and_direction_shows_its_own_gates(open_tab, oracle, layer, direction):
    page, trace = open_tab().go("inside"), oracle(TEXT, layer, direction)
    page.locator("#layer").select_option(str(layer))
    page.locator("#direction").select_option(direction)
    expect(page.locator(".numbers tbody td").nth(1)).to_have_text(
        f"{trace['forget_gate'][0].mean():.3f}"
    )
    shown = np.array([[float(value) for value in row[:4]] for row in rows(page)])
    means = np.stack([np.abs(trace[name]).mean(axis=1) for name in NAMES], axis=1)
    np.testing.assert_allclose(shown, means, **SHORT)
    expect(page.locator(".readout dd").first).to_have_text("number 1 of 512 by memory")
    if direction == "backward":  # what is read later stands to the left
        assert [row[5] != "" for row in rows(page)] == [True] * 3 + [False] * (len(means) - 3)
        lasting = (kept(trace, 2, -1) >= 0.5).sum(axis=1)[::-1].tolist()
        assert [int(row[5]) for row in rows(page)[:3]] == lasting


def test_arrow_keys_tell_the_numbers_of_each_piece_and_cell(open_tab, oracle):
    page, trace = open_tab().go("inside"), oracle(TEXT)
    order = by_memory(trace)
    page.get_by_role("radio", checked=True).focus()
    for key, piece, rank in [
        ("", 2, 0),
        ("ArrowRight", 3, 0),
        ("ArrowDown", 3, 1),
        ("ArrowDown", 3, 2),
        ("ArrowLeft", 2, 2),
        ("ArrowUp", 2, 1),
    ]:
        if key:
            page.keyboard.press(key)
        expected = [trace[name][piece, order[rank]] for name in NAMES]
        np.testing.assert_allclose(told(page), expected, **DIGITS)
        expect(page.locator(".readout dt").first).to_contain_text(f"cell {order[rank]}")
    expect(page.get_by_role("radio", checked=True)).to_be_focused()


def test_the_pointer_tells_what_lies_under_it(open_tab, oracle):
    page, trace = open_tab().go("inside"), oracle(TEXT)
    order, count = by_memory(trace).tolist(), len(trace["input_gate"])
    expect(page.locator(".readout dd").first).to_be_visible()
    for name in NAMES:
        picture = page.locator(f".map-{name}")
        box = picture.bounding_box()
        picture.hover(position={"x": box["width"] * 10.5 / count, "y": box["height"] / 4})
        cell = int(page.locator(".readout dt").first.inner_text().split("cell ")[1])
        assert abs(order.index(cell) - len(order) / 4) <= BAND  # a pixel is a band high
        np.testing.assert_allclose(told(page), [trace[n][10, cell] for n in NAMES], **DIGITS)


def test_the_pictures_are_the_numbers(open_tab, oracle):
    page, trace = open_tab().go("inside"), oracle(TEXT)
    order = by_memory(trace)
    expect(page.locator(".readout dd").first).to_be_visible()
    values = {name: trace[name] for name in NAMES[:3]} | {
        "cell_state": np.tanh(trace["cell_state"])
    }
    nothing, most, least = (
        np.array(page.evaluate(COLOUR, name)) for name in ("--raised", "--warm", "--cool")
    )
    for name, numbers in values.items():
        pixels = np.array(page.locator(f".map-{name}").evaluate(PIXELS)).reshape(
            -1, len(numbers), 4
        )
        shares = numbers[:, order].reshape(len(numbers), -1, BAND).mean(axis=2).T[..., None]
        end = np.where(shares < 0, least, most)
        expected = nothing + np.abs(shares) * (end - nothing)
        np.testing.assert_allclose(pixels[..., :3], expected, rtol=0, atol=1.1)  # cut to 8 bits


COLOUR = """(name) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
    return [0, 2, 4].map((place) => parseInt(hex.slice(place, place + 2), 16));
}"""
PIXELS = """(canvas) => {
    const context = canvas.getContext("2d");
    return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
}"""


def test_a_click_on_a_piece_follows_it_without_a_request(open_tab):
    visit = open_tab()
    page = visit.go("inside")
    expect(page.locator(".following h2")).to_contain_text("法国")
    asked = len(visit.asked)
    page.get_by_role("radio", name="十年").click()
    expect(page.locator(".following h2")).to_contain_text("十年")
    assert len(visit.asked) == asked


def test_a_text_too_long_is_refused_in_words_and_kept(open_tab):
    visit = open_tab(390)
    visit.expected.add("422")
    page = visit.go("inside")
    expect(page.locator(".following h2")).to_be_visible()
    page.get_by_role("textbox").fill("很长" * 2000)
    page.get_by_role("button", name=LOOK).click()
    expect(page.get_by_role("status")).to_contain_text("The service says:")
    expect(page.get_by_role("textbox")).to_have_value("很长" * 2000)
    page.get_by_role("textbox").fill("")
    page.get_by_role("button", name=LOOK).click()
    expect(page.get_by_role("status")).to_contain_text("The text has no piece")


@pytest.fixture(scope="module")
def closed_url(artifact_folder):
    """Return the URL of a service with default settings, and so without /inspect."""
    with listening(artifact_folder) as url:
        yield url


def test_where_gates_are_kept_back_the_page_says_how_to_show_them(tab, closed_url):
    tab.host = closed_url
    tab.expected.add("404")
    page = tab.go("inside")
    expect(page.get_by_role("status")).to_contain_text("BILM_INSPECT=1")
    expect(page.locator(".inside code")).to_have_text("BILM_INSPECT=1 scripts/serve")
    expect(page.get_by_role("textbox")).to_have_value(TEXT)
