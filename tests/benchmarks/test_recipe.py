import pytest

from benchmarks.recipe import predictions
from training.run.metrics import LanguageModelScore


def test_bits_per_character_and_the_accuracy_of_the_cloze_are_told():
    # ln 2 nats are a bit: 4 bits a piece, 2 characters a piece; and 3 bits a piece.
    forward = LanguageModelScore(nats=0.693147 * 40, predictions=10)
    backward = LanguageModelScore(nats=0.693147 * 30, predictions=10)
    cloze = LanguageModelScore(nats=1.0, predictions=8, first=2, among_ten=5)
    found = predictions((forward, backward, cloze), characters_per_piece=2.0)
    assert found == ["2.000, 1.500", "0.250, 0.625"]


@pytest.mark.parametrize("characters_per_piece", [1.0, 4.0])
def test_longer_pieces_cost_fewer_bits_a_character(characters_per_piece):
    side = LanguageModelScore(nats=0.693147 * 40, predictions=10)
    bits, _ = predictions((side, side, side), characters_per_piece)
    assert float(bits.split(", ")[0]) == pytest.approx(4 / characters_per_piece, abs=1e-3)
