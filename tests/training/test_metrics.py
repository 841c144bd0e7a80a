import math

import pytest

from training.metrics import LanguageModelScore


def test_a_uniform_model_has_the_vocabulary_size_as_perplexity():
    assert LanguageModelScore(10 * math.log(16_000), 10, 15).perplexity == pytest.approx(16_000)


def test_bits_per_character_worked_by_hand():
    # 3 predictions of probability 1/4 each: 6 bits over 4 characters
    assert LanguageModelScore(3 * math.log(4), 3, 4).bits_per_character == pytest.approx(1.5)


def test_scores_add_up_as_if_the_texts_were_one():
    total = LanguageModelScore(2.0, 4, 8) + LanguageModelScore(1.0, 2, 2)
    assert total == LanguageModelScore(3.0, 6, 10)
    assert total.nats_per_piece == pytest.approx(0.5)
