"""Compare the view Continue with responses of /complete."""

import pytest
from playwright.sync_api import expect

TEXT = "昨天晚上，我和朋友"
GO_ON = "续写"
SAMPLE = "采样"
BEAM = "束搜索"
AGAIN = "再抽一次"
SHOWN = "ol button.completion .added"


def shown(page):
    """Return the completions on the page: texts and log-probabilities."""
    texts = page.locator(SHOWN).all_text_contents()
    figures = page.locator("ol [data-log-probability]").all()
    return list(
        zip(texts, [float(f.get_attribute("data-log-probability")) for f in figures], strict=True)
    )


def answered(found):
    """Return the completions of a response in the same form."""
    return [(completion["text"], completion["log_probability"]) for completion in found["data"]]


def test_each_strategy_shows_what_complete_answers(tab, ask):
    page = tab.go("continue")
    greedy = ask("/complete", text=TEXT, strategy="greedy", max_pieces=20)
    expect(page.locator(SHOWN)).to_have_text([completion["text"] for completion in greedy["data"]])
    assert shown(page) == answered(greedy)

    with page.expect_response("**/complete"):
        page.get_by_role("radio", name=BEAM).check()
    beam = ask(
        "/complete", text=TEXT, strategy="beam", max_pieces=20, num_beams=8, num_completions=3
    )
    expect(page.locator(SHOWN)).to_have_text([completion["text"] for completion in beam["data"]])
    assert shown(page) == answered(beam)

    with page.expect_response("**/complete"):
        page.get_by_role("radio", name=SAMPLE).check()
    fields = {"strategy": "sample", "max_pieces": 20, "num_completions": 3}
    for seed in (0, 1):
        drawn = ask("/complete", text=TEXT, temperature=0.8, top_k=50, seed=seed, **fields)
        expect(page.locator(SHOWN)).to_have_text([each["text"] for each in drawn["data"]])
        assert shown(page) == answered(drawn)
        page.get_by_role("button", name=AGAIN).click()


def test_a_click_adds_the_completion_to_the_text(tab):
    page = tab.go("continue")
    added = page.locator(SHOWN).first.inner_text()
    page.locator("ol button.completion").first.click()
    expect(page.get_by_role("textbox")).to_have_value(TEXT + added)


def test_a_number_out_of_range_is_refused_in_words_and_kept(tab):
    tab.expected.add("422")
    page = tab.go("continue")
    page.get_by_role("radio", name=SAMPLE).check()
    page.locator("#temperature").fill("0")
    page.get_by_role("textbox").fill("我想")
    page.get_by_role("button", name=GO_ON, exact=True).click()
    expect(page.get_by_role("status").locator("code", has_text="temperature")).to_be_visible()
    expect(page.locator("#temperature")).to_have_value("0")
    expect(page.get_by_role("textbox")).to_have_value("我想")


@pytest.mark.parametrize("name", ["seed", "max_pieces"])
def test_a_field_that_is_emptied_is_left_to_the_service(open_tab, name):
    page = open_tab().go("continue")
    page.get_by_role("radio", name="sample").check()
    page.locator(f"#{name}").fill("")
    with page.expect_request("**/complete") as asked:
        page.get_by_role("button", name="Go on", exact=True).click()
    assert name not in asked.value.post_data_json


def test_the_keyboard_is_enough(open_tab, ask):
    page = open_tab().go("continue")
    expect(page.locator(SHOWN)).to_have_count(1)
    page.get_by_role("textbox").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("我想")
    page.keyboard.press("Enter")
    greedy = ask("/complete", text="我想")["data"][0]["text"]
    expect(page.locator(SHOWN)).to_have_text([greedy])
    page.keyboard.press("Tab")
    for _ in range(2):  # from greedy to sample and to beam
        page.keyboard.press("ArrowRight")
    beam = ask("/complete", text="我想", strategy="beam", num_beams=8, num_completions=3)["data"]
    expect(page.locator(SHOWN)).to_have_text([completion["text"] for completion in beam])


def test_what_was_typed_and_chosen_is_there_when_one_comes_back(open_tab):
    page = open_tab(390).go("continue")
    page.get_by_role("radio", name="sample").check()
    page.locator("#seed").fill("7")
    page.get_by_role("textbox").fill("我想")
    page.get_by_role("link", name="Fill").click()
    expect(page.locator(".guess").first).to_be_visible()
    page.get_by_role("link", name="Continue").click()
    expect(page.get_by_role("textbox")).to_have_value("我想")
    expect(page.get_by_role("radio", name="sample")).to_be_checked()
    expect(page.locator("#seed")).to_have_value("7")
