import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biLM.errors import MixError
from biLM.network.scalar_mix import ScalarMix

logit = st.floats(-1e3, 1e3)


def test_equation_1_worked_by_hand():
    mix = ScalarMix((0.25, 0.75), gamma=2.0)
    representations = torch.tensor([4.0, 8.0]).reshape(2, 1, 1)
    assert mix(representations).tolist() == [[2 * (4 / 4 + 3 * 8 / 4)]]


def test_every_piece_and_every_number_is_mixed_by_itself():
    representations = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[10.0, 20.0], [30.0, 40.0]]])
    assert ScalarMix((2.0, 1.0))(representations).tolist() == [[12.0, 24.0], [36.0, 48.0]]


def test_weights_may_select_one_layer():
    representations = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    assert ScalarMix((0.0, 0.0, 1.0))(representations).item() == 3.0


def test_weights_may_subtract_a_layer():
    representations = torch.tensor([5.0, 3.0]).reshape(2, 1, 1)
    assert ScalarMix((1.0, -1.0))(representations).item() == 2.0


def test_the_softmax_of_logits_worked_by_hand():
    mix = ScalarMix.from_logits([0.0, math.log(3.0)], gamma=5.0)
    assert mix.weights == pytest.approx((1 / 4, 3 / 4))
    assert mix.gamma == 5.0


@given(logits=st.lists(logit, min_size=1, max_size=6))
def test_the_weights_of_logits_are_torchs_softmax(logits):
    expected = torch.softmax(torch.tensor(logits, dtype=torch.float64), dim=0)
    assert ScalarMix.from_logits(logits).weights == pytest.approx(expected.tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("logits", "weights"),
    [((1e300, 0.0), (1.0, 0.0)), ((-1e300, -1e300), (0.5, 0.5)), ((-math.inf, 0.0), (0.0, 1.0))],
)
def test_huge_logits_do_not_overflow(logits, weights):
    assert ScalarMix.from_logits(logits).weights == weights


@pytest.mark.parametrize("num_weights", [1, 2, 4])
def test_a_mix_of_another_number_of_weights_is_refused(num_weights):
    mix = ScalarMix((1.0,) * num_weights)
    with pytest.raises(MixError, match=rf"{num_weights} weights.* 3 representations"):
        mix(torch.zeros(3, 1, 1))


def test_a_mix_without_weights_is_refused():
    with pytest.raises(MixError, match="none"):
        ScalarMix(())


def test_a_mix_without_logits_is_refused():
    with pytest.raises(MixError, match="none"):
        ScalarMix.from_logits([])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_weight_that_is_not_finite_is_refused(number):
    with pytest.raises(MixError, match="finite"):
        ScalarMix((0.5, number))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_gamma_that_is_not_finite_is_refused(number):
    with pytest.raises(MixError, match="finite"):
        ScalarMix((0.5, 0.5), number)


@pytest.mark.parametrize("logits", [(math.nan, 0.0), (math.inf, 0.0), (-math.inf, -math.inf)])
def test_logits_without_a_softmax_are_refused(logits):
    with pytest.raises(MixError, match="finite"):
        ScalarMix.from_logits(logits)


@pytest.mark.parametrize(("weights", "gamma"), [((3e38, 1.0), 3e38), ((1e300, 1.0), 1.0)])
def test_what_float32_cannot_hold_becomes_infinite(weights, gamma):
    mixed = ScalarMix(weights, gamma)(torch.ones(2, 3, 4))
    assert torch.isinf(mixed).all()
