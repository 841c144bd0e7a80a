"""Compare the view Fill with responses of /fill."""

import numpy as np
import pytest
from playwright.sync_api import expect

SIDES = {"From the left": "forward", "From both sides": "cloze", "From the right": "backward"}
SIDES_ZH = {"从左边": "forward", "从两边": "cloze", "从右边": "backward"}
ASK = "填空"
AGAIN = "恢复空格"
REFUSED = "服务答复："


def guesses(page, name):
    """Return the texts and probabilities in the column of a name."""
    buttons = page.get_by_role("region", name=name, exact=True).get_by_role("button").all()
    return [
        (button.locator(".text").inner_text(), float(button.get_attribute("data-probability")))
        for button in buttons
    ]


def test_three_columns_show_what_each_side_expects(either_tab, ask):
    page = either_tab.go("fill")
    found = ask("/fill", text="我爱____", top_k=10)
    expect(page.locator(".guess")).to_have_count(30)
    for name, side in (SIDES_ZH if either_tab.language == "zh" else SIDES).items():
        expected = [(guess["piece"], guess["probability"]) for guess in found[side]]
        assert guesses(page, name) == expected


def test_a_click_puts_the_piece_in_and_it_can_be_taken_back(tab):
    page = tab.go("fill")
    first = page.locator(".side-cloze .guess").first
    piece = first.locator(".text").inner_text()
    first.click()
    expect(page.get_by_role("textbox")).to_have_value(f"我爱{piece}")
    expect(page.get_by_role("status")).to_contain_text(piece)
    page.locator(".side-forward .guess").nth(1).click()
    other = page.locator(".side-forward .guess .text").nth(1).inner_text()
    expect(page.get_by_role("textbox")).to_have_value(f"我爱{other}")
    page.get_by_role("button", name=AGAIN).click()
    expect(page.get_by_role("textbox")).to_have_value("我爱____")


def test_a_blank_of_several_pieces_shows_their_phrases(tab, ask):
    page = tab.go("fill")
    page.locator(".guess").first.click()  # the blank is put back by itself
    page.locator("#num-pieces").select_option("2")
    found = ask("/fill", text="我爱____", top_k=10, num_pieces=2)
    for side in ("forward", "cloze", "backward"):
        texts = page.locator(f".side-{side} .guess .text")
        expect(texts).to_have_text([phrase["text"].replace(" ", "␣") for phrase in found[side]])
        shares = [
            float(button.get_attribute("data-probability"))
            for button in page.locator(f".side-{side} .guess").all()
        ]
        expected = np.exp([phrase["log_probability"] for phrase in found[side]])
        np.testing.assert_allclose(shares, expected, rtol=1e-9)
    page.locator(".side-cloze .guess").first.click()
    expect(page.get_by_role("textbox")).to_have_value(f"我爱{found['cloze'][0]['text']}")


def test_a_text_without_a_blank_is_refused_in_words_and_kept(tab):
    tab.expected.add("422")
    page = tab.go("fill")
    page.get_by_role("textbox").fill("我爱你")
    page.get_by_role("button", name=ASK, exact=True).click()
    expect(page.get_by_role("status")).to_contain_text(REFUSED)
    expect(page.get_by_role("status")).to_contain_text("write exactly one")
    expect(page.get_by_role("textbox")).to_have_value("我爱你")


def test_the_keyboard_is_enough(open_tab, ask):
    page = open_tab().go("fill")
    expect(page.locator(".guess")).to_have_count(30)
    page.get_by_role("textbox").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("昨天我____回家")
    with page.expect_response("**/fill"):
        page.keyboard.press("Enter")
    best = ask("/fill", text="昨天我____回家")["forward"][0]["piece"]
    expect(page.locator(".side-forward .guess .text").first).to_have_text(best)
    for _ in range(3):  # the number of pieces, the button, the first guess
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox")).to_have_value(f"昨天我{best}回家")


@pytest.mark.parametrize("away", ["compare", "language"])
def test_what_was_typed_is_there_when_one_comes_back(open_tab, away):
    page = open_tab().go("fill")
    page.get_by_role("textbox").fill("风____很大")
    if away == "language":
        page.get_by_role("button", name="中文").click()
        expect(page.locator("h1")).to_have_text("空格里可能是什么")
    else:
        page.get_by_role("link", name="Compare").click()
        expect(page.locator(".matrix").first).to_be_visible()
        page.get_by_role("link", name="Fill").click()
    expect(page.get_by_role("textbox")).to_have_value("风____很大")


def test_a_blank_is_filled_once_it_is_there_again(open_tab):
    page = open_tab().go("fill")
    page.locator(".guess").first.click()
    page.get_by_role("textbox").fill("没有空格")
    page.locator(".guess").first.click()
    expect(page.get_by_role("status")).to_contain_text("no blank any more")
    expect(page.get_by_role("textbox")).to_have_value("没有空格")
    page.get_by_role("textbox").fill("有____了")
    piece = page.locator(".guess .text").first.inner_text()
    page.locator(".guess").first.click()
    expect(page.get_by_role("textbox")).to_have_value(f"有{piece}了")
