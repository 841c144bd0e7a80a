"""Phrases for a blank are compared with the float64 oracle."""

import math
from itertools import product

import numpy as np
import pytest

from biLM.errors import SearchError
from biLM.network.heads import SIDES
from biLM.questions.question import Cost
from tests.reference.heads import expected
from tests.reference.lstm import representations

BOS, EOS = 1, 2
BEYOND = 8
BLANKS = ["我吃了一个____。", "__打电话", "我在用苹果__", "__"]


@pytest.fixture(scope="module")
def log_probability(artifact, processor):
    """A function of (left, phrase, right, side): the log-probability by the module's equations.

    For the cloze, it is the value before the division by the sum over the candidates.
    """
    state, half = artifact.model.state_dict(), artifact.config.cell_size
    embedding = artifact.model.embedding.weight.double().numpy()
    bias = artifact.heads.bias.double().numpy()
    others = (processor.is_control, processor.is_unknown, processor.is_byte)
    is_text = np.array([not any(of(p) for of in others) for p in range(len(processor))])

    def of(left, phrase, right, side):
        framed = [BOS, *left, *phrase, *right, EOS]
        top = representations(state, framed)[-1]
        first, after = len(left) + 1, len(left) + 1 + len(phrase)

        def value(place, head, among):
            before, behind = max(place - 1, 0), min(place + 1, len(framed) - 1)
            z = expected(artifact.heads.state_dict(), top[before, :half], top[behind, half:])
            logits = embedding @ z[head] + bias
            return logits[framed[place]] - np.log(np.exp(logits[among]).sum())

        if side != "cloze":
            places = range(first, after)
            return sum(value(place, SIDES.index(side), is_text) for place in places)
        every = np.ones_like(is_text)
        ahead = sum(
            value(place, 0, every) for place in range(first, after + BEYOND)[: len(framed) - first]
        )
        back = sum(value(place, 1, every) for place in range(max(first - BEYOND, 0), after))
        return (ahead + back) / 2

    return of


def cut(processor, text):
    return [processor.encode(side) for side in text.replace("____", "__").split("__")]


@pytest.mark.parametrize(("text", "num_pieces"), list(zip(BLANKS, (2, 6, 3, 4), strict=True)))
def test_the_log_probability_of_each_side_is_that_of_the_equations(
    encoder, log_probability, processor, text, num_pieces
):
    left, right = cut(processor, text)
    found = encoder.fill(text, 3, num_pieces=num_pieces)
    assert tuple(found) == SIDES
    for side, phrases in found.items():
        assert len(phrases) == 3
        values = [phrase.log_probability for phrase in phrases]
        assert values == sorted(values, reverse=True)
        for phrase in phrases:
            assert len(phrase.ids) == num_pieces
            assert phrase.pieces == tuple(map(processor.id_to_piece, phrase.ids))
            assert phrase.text == "".join(phrase.pieces).replace("▁", " ")
        by_equation = [log_probability(left, phrase.ids, right, side) for phrase in phrases]
        if side == "cloze":  # all but the constant log Z
            by_equation = [value - by_equation[0] + values[0] for value in by_equation]
        assert values == pytest.approx(by_equation, abs=3e-5)


@pytest.mark.parametrize("side", ["forward", "backward"])
def test_of_two_pieces_a_beam_finds_the_best_of_all(encoder, log_probability, processor, side):
    """The oracle tries all pairs of the pieces that are most probable as a single piece."""
    text = BLANKS[0]
    left, right = cut(processor, text)
    likely = [expected.id for expected in encoder.fill(text, 12)[side]]
    best = max(log_probability(left, pair, right, side) for pair in product(likely, repeat=2))
    found = encoder.fill(text, 1, num_pieces=2)[side][0]
    assert found.log_probability >= best - 2e-5


@pytest.mark.parametrize("text", BLANKS)
def test_one_piece_from_one_side_is_the_fill_of_one_piece(encoder, text):
    found = encoder.phrases_for(encoder.blank(text), 1, 10).finish()
    of_one = encoder.fill(text, 10)
    for side in ("forward", "backward"):
        pieces = of_one[side]
        assert [phrase.ids for phrase in found[side]] == [(piece.id,) for piece in pieces]
        logs = [math.log(piece.probability) for piece in pieces]
        assert [phrase.log_probability for phrase in found[side]] == pytest.approx(logs, abs=1e-5)


def test_phrases_cost_four_beams_and_judging_each_candidate_from_both_sides(encoder):
    blank = encoder.blank("我爱____。")
    # "我爱" and "。" with two boundary pieces
    reading = len(blank.left) + len(blank.right) + 2
    # 4 beams of 2 pieces; 2 blocks of candidates read 2 pieces and 8 beyond, in 2 directions
    steps = 4 * 2 + 2 * 2 * (2 + 8)
    stepped_pieces = len(blank.left) + len(blank.right) + 2 * 16 * 2  # the plain beams of 16 rows
    cost = encoder.phrases_for(blank, 2, 5).cost
    assert cost == Cost(num_search_steps=reading + steps, stepped_pieces=stepped_pieces)


@pytest.mark.parametrize("text", BLANKS)
def test_the_candidates_from_both_sides_sum_to_one(encoder, text):
    found = encoder.fill(text, 16, num_pieces=2)["cloze"]
    shares = [math.exp(phrase.log_probability) for phrase in found]
    assert 0.5 < sum(shares) <= 1 + 1e-9  # the more probable half of at most 32
    assert len({phrase.ids for phrase in found}) == len(found) == 16


def test_one_side_never_looks_at_the_other(encoder):
    two = [encoder.fill(text, 5, num_pieces=3) for text in ("我吃了__。", "我吃了__打不开了！")]
    assert two[0]["forward"] == two[1]["forward"]
    assert two[0]["backward"] != two[1]["backward"]
    assert two[0]["cloze"] != two[1]["cloze"]


@pytest.mark.parametrize(("top_k", "num_pieces"), [(0, 2), (17, 2), (10, 0)])
def test_numbers_out_of_range_are_refused(encoder, top_k, num_pieces):
    with pytest.raises(SearchError, match=r"must be at least 1|it must be 1 to 16"):
        encoder.fill("我爱__", top_k, num_pieces=num_pieces)
