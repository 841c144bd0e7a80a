"""`bilm card` prints what an artifact is."""

from dataclasses import replace

import pytest

from biLM.artifact import save_artifact
from biLM.card import main, page
from biLM.encoder import Encoder

BITS = {"forward_bits_per_character": 4.5, "backward_bits_per_character": 4.25}
CARD = {
    "data": {
        "train_pieces": 25_518,
        "train_rows": 1_220,
        "sources": [{"source": f"s{n}", "licence": "CC0", "documents": n} for n in range(14)],
    },
    "training": {
        "pieces_seen": 1_234_567,
        "steps": 800,
        "hours": 0.25,
        "hardware": "two cores",
        "started": "2026-11-30",
        "curve": [{"pieces": 900_000, "nats": {"forward": 5.125, "cloze": 3.5}}],
    },
    "evaluation": {
        "sample": {"sources": 823},
        "held_out": {
            "all": {**BITS, "characters": 30_000},
            "small": {**BITS, "characters": 1},
            "large": {**BITS, "characters": 29_999},
        },
        "beside": {"id": "zh-small", "held_out": {"all": {**BITS, "characters": 30_000}}},
        "frequencies_bits_per_character": 9.5,
        "fill": {"places": 70, "cloze": {"accuracy_at_1": 0.25, "accuracy_at_10": 0.5}},
    },
}


@pytest.fixture(scope="module")
def lines(encoder):
    carded = Encoder(replace(encoder.artifact, card=CARD))
    return list(page(carded))


def test_a_card_states_text_training_and_figures(lines):
    said = "\n".join(lines)
    for fact in (
        "2 layers of 12 cells in each direction, vectors of width 24",
        "Text: 25,518 pieces in 1,220 rows",
        "13 documents  s13 (licence: CC0)",
        "and 4 more",
        "Training: 1,234,567 pieces in 800 steps",
        "900,000 pieces  loss as optimised: forward 5.12, cloze 3.50",
        "Held-out text: 30,000 characters, a sample of 823 sources",
        "4.50 4.25  this model",
        "4.50 4.25  zh-small, on the same text",
        "9.50       frequencies alone",
        "blanks of one word: 25% right, 50% among the first ten, of 70",
    ):
        assert fact in said, fact
    assert said.index("4.25  large") < said.index("4.25  small")


def row(bits, characters):
    sides = ("forward_bits_per_character", "backward_bits_per_character")
    return {"characters": characters, **dict.fromkeys(sides, bits)}


def figures_of(encoder, evaluation, sources):
    """Return the lines with bits of a card."""
    card = {"evaluation": evaluation, "data": {"train_pieces": 1, "train_rows": 1} | sources}
    lines = list(page(Encoder(replace(encoder.artifact, card=card))))
    begin = lines.index("  bits per character, forward and backward:") + 1
    return [line.strip() for line in lines[begin : lines.index("", begin)]]


def test_chinese_comes_first_and_is_not_mixed(encoder):
    other = {"id": "old", "held_out": {"all": row(3, 30)}, "languages": {"Chinese": row(6, 10)}}
    evaluation = {
        "held_out": {"all": row(2.5, 30)},
        "languages": {"Chinese": row(5, 10), "other languages": row(1.25, 20)},
        "before": other,
    }
    assert figures_of(encoder, evaluation, {}) == [
        "5.00 5.00  this model: Chinese, 10 characters",
        "1.25 1.25  this model: other languages, 20 characters",
        "2.50 2.50  this model: all together",
        "6.00 6.00  old, where it started from: Chinese, 10 characters",
    ]


def test_the_languages_of_an_older_card_are_added_up_from_its_sources(encoder):
    """5 bits for 10 characters and 2 for 20 are 90 bits for 30."""
    rows = {"news": row(5, 10), "chat": row(2, 20), "novels": row(1.5, 60)}
    evaluation = {"held_out": {"all": row(2, 90), **rows}}
    han = {"news": 100, "chat": 200, "novels": 0}
    sources = [{"source": name, "han_characters": number} for name, number in han.items()]
    assert figures_of(encoder, evaluation, {"sources": sources})[:3] == [
        "3.00 3.00  this model: Chinese, 30 characters",
        "1.50 1.50  this model: other languages, 60 characters",
        "2.00 2.00  this model: all together",
    ]
    first = figures_of(encoder, evaluation, {"sources": sources[:2]})[0]
    assert first == "2.00 2.00  this model"  # of one source nothing is known


def test_blanks_are_filled_as_by_the_encoder(lines, encoder):
    first = encoder.fill("我爱____。", 1)["cloze"][0]
    assert f"  我爱____。 {first.piece} {first.probability:.0%}" in "\n".join(lines)


def test_an_artifact_with_an_empty_card_has_a_page(encoder):
    said = "\n".join(page(encoder))
    assert "Blanks, filled from both sides" in said
    assert "Text:" not in said
    assert "Held-out" not in said


def test_a_training_of_unknown_time_has_its_pieces(artifact):
    card = {"training": {"pieces_seen": 5000, "steps": 7}}
    lines = list(page(Encoder(replace(artifact, card=card))))
    assert "Training: 5,000 pieces in 7 steps" in "\n".join(lines)


def test_the_command_prints_the_card_of_a_folder(artifact, tmp_path, capsys):
    save_artifact(replace(artifact, card=CARD), tmp_path / "mine")
    assert main([str(tmp_path / "mine")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("tiny, sha256:")
    assert "4.50 4.25  this model" in printed


def test_a_folder_that_is_not_there_is_refused(tmp_path, capsys):
    assert main([str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err
