import math

import pytest
import torch

from training.run.metrics import LanguageModelScore


def test_a_uniform_model_has_the_vocabulary_size_as_perplexity():
    assert LanguageModelScore(10 * math.log(16_000), 10).perplexity == pytest.approx(16_000)


def test_bits_per_character_worked_by_hand():
    # 3 predictions of probability 1/4 each: 6 bits over 4 characters
    assert LanguageModelScore(3 * math.log(4), 3).bits_per_character(4) == pytest.approx(1.5)


def test_scores_add_up_as_if_the_texts_were_one():
    total = LanguageModelScore(2.0, 4, 1, 3) + LanguageModelScore(1.0, 2, 0, 1)
    assert total == LanguageModelScore(3.0, 6, 1, 4)
    assert total.nats_per_piece == pytest.approx(0.5)


def test_hits_are_counted_at_one_and_at_ten():
    score = LanguageModelScore.of(torch.ones(5), torch.tensor([0, 3, 9, 10, 0]))
    assert score == LanguageModelScore(5.0, 5, first=2, among_ten=4)
    assert (score.accuracy_at(1), score.accuracy_at(10)) == (0.4, 0.8)
