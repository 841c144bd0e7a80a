"""Compare the view Model with the card in /info and with responses of /fill."""

from dataclasses import replace

import httpx
import pytest
from playwright.sync_api import expect

from biLM.artifact import save_artifact
from tests.biLM.test_card import CARD, row
from tests.live import listening

BLANKS = ("我爱____。", "他去____看病。", "这个____很好吃。")
CURVE = [
    {"pieces": 250, "nats": {"forward": 8.0, "cloze": 6.0}},
    {"pieces": 1000, "nats": {"forward": 4.0, "cloze": 2.0}},
]


def rows(table):
    """Return the texts of the cells of each row."""
    return [one.locator("th, td").all_inner_texts() for one in table.locator("tbody tr").all()]


def bits(figures):
    return [f"{figures[f'{side}_bits_per_character']:.2f}" for side in ("forward", "backward")]


def of_one_model(evaluation):
    """Return the bits of Chinese, of other languages and of all text, as evaluated."""
    languages = [evaluation["languages"][name] for name in ("Chinese", "other languages")]
    return [bits(one) for one in (*languages, evaluation["held_out"]["all"])]


def test_held_out_figures_are_those_of_the_card(either_tab, url):
    page = either_tab.go("model")
    evaluation = httpx.get(f"{url}/info", trust_env=False).json()["card"]["evaluation"]
    table = page.locator(".bits table").first
    expect(table).to_be_visible()
    shown = [row[1:] for row in rows(table)]
    assert shown[:3] == of_one_model(evaluation)
    assert shown[3:-1] == of_one_model(evaluation["before"])
    assert shown[-1][0] == f"{evaluation['frequencies_bits_per_character']:.2f}"
    page.locator(".bits summary").click()
    by_source = rows(page.locator(".bits details table"))
    assert len(by_source) == len(evaluation["held_out"]) - 1
    for name, *figures, _ in by_source:
        assert figures == bits(evaluation["held_out"][name])


def test_words_and_blanks_are_what_the_service_answers(tab, url, ask):
    page = tab.go("model")
    expect(page.locator(".blanks .guess").first).to_be_visible()
    similar = httpx.get(f"{url}/info", trust_env=False).json()["similar_words"]
    assert len(similar) == 10
    assert page.locator(".similar dt").all_inner_texts() == list(similar)
    assert page.locator(".similar dd").all_inner_texts() == ["、".join(o) for o in similar.values()]
    for number, text in enumerate(BLANKS):
        expect(page.locator(".blanks dt").nth(number)).to_have_text(text)
        first = ask("/fill", text=text, top_k=5)["cloze"][0]["piece"]
        guesses = page.locator(".blanks dd").nth(number).locator(".guess")
        expect(guesses.first).to_contain_text(first)


@pytest.fixture(scope="module")
def carded_url(artifact, tmp_path_factory):
    """Return the URL of a service with the tiny model and the card of an older version.

    It has the curve of a loss, and no languages: only source s3 has no Han characters.
    """
    folder = tmp_path_factory.mktemp("carded") / "mine"
    training = {**CARD["training"], "curve": CURVE}
    sources = [
        {**one, "han_characters": 0 if one["source"] == "s3" else 100}
        for one in CARD["data"]["sources"]
    ]
    rows_of = {"all": row(2, 90), "s1": row(5, 10), "s2": row(2, 20), "s3": row(1.5, 60)}
    card = {"data": {**CARD["data"], "sources": sources}, "evaluation": {"held_out": rows_of}}
    save_artifact(replace(artifact, card={**CARD, **card, "training": training}), folder)
    with listening(folder) as url:
        yield url


def test_the_curve_goes_through_the_points_of_the_card(open_tab, carded_url):
    page = open_tab(host=carded_url).go("model")
    drawing = page.locator(".training svg")
    expect(drawing).to_be_visible()
    assert drawing.locator("polyline.side-backward").count() == 0  # it was not trained
    lines = {}
    for side in ("forward", "cloze"):
        points = drawing.locator(f"polyline.side-{side}").get_attribute("points").split()
        lines[side] = [tuple(map(float, point.split(","))) for point in points]
    (x, top), (end, middle) = lines["forward"]
    (_, next_), (_, bottom) = lines["cloze"]
    # 8, 6, 4 and 2 nats are equally far apart, and 250 pieces are a quarter of 1,000.
    assert next_ - top == pytest.approx(middle - next_) == pytest.approx(bottom - middle)
    left = float(drawing.locator("line").first.get_attribute("x1"))
    assert (x - left) / (end - left) == pytest.approx(0.25)


def test_the_languages_of_an_older_card_are_added_up_from_its_sources(open_tab, carded_url):
    """5 bits for 10 characters and 2 for 20 are 90 bits for 30."""
    page = open_tab(host=carded_url).go("model")
    expect(page.locator(".bits table").first).to_be_visible()
    assert [figures for _, *figures in rows(page.locator(".bits table").first)] == [
        ["3.00", "3.00"],
        ["1.50", "1.50"],
        ["2.00", "2.00"],
    ]


def test_a_card_of_many_sources_shows_some_and_the_rest_at_a_click(open_tab, carded_url):
    page = open_tab(host=carded_url).go("model")
    expect(page.locator(".text table").first).to_be_visible()
    first = rows(page.locator(".text table").first)
    assert [name for name, *_ in first] == [f"s{number}" for number in range(13, 5, -1)]
    page.locator(".text summary").click()
    assert len(rows(page.locator(".text details table"))) == 6


@pytest.mark.long
def test_a_card_without_figures_leaves_their_sections_out(open_tab, artifact_folder):
    with listening(artifact_folder) as url:
        page = open_tab(host=url).go("model")
        expect(page.locator(".blanks .guess").first).to_be_visible()
        assert page.locator(".card .sizes").count() == 1
        assert page.locator(".card").locator(".bits, .training, .text").count() == 0
