import numpy as np
import pytest
import torch

import training.run.side_by_side
from biLM.network.lstm import LstmStack
from tests.reference.lstm import direction
from tests.reference.precisions import needs_bfloat16
from training.run.side_by_side import read_both

BOTH_AT_ONCE = "_ReadBothBackward"  # where a gradient comes from that two threads have made
TO_THE_ORACLE = {"rtol": 0, "atol": 1e-5}
REORDERED = {"rtol": 1e-5, "atol": 1e-5}  # the same float32 sums in another order


@pytest.fixture(autouse=True)
def two_cores():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def stacks():
    torch.manual_seed(3)
    return LstmStack(4, 6, num_layers=2), LstmStack(4, 6, num_layers=2)


@pytest.fixture
def inputs():
    torch.manual_seed(4)
    return torch.randn(3, 70, 4, requires_grad=True), torch.randn(3, 70, 4, requires_grad=True)


def gradients(tops, stacks, inputs):
    """Return the gradients of a loss that weights every value of both top layers differently."""
    torch.manual_seed(5)
    loss = sum((top.float() * torch.randn(top.shape)).sum() for top in tops)
    wanted = [*inputs, *stacks[0].parameters(), *stacks[1].parameters()]
    return torch.autograd.grad(loss, wanted)


def in_turns(stacks, inputs):
    return [stack(x, chunk_pieces=64)[-1] for stack, x in zip(stacks, inputs, strict=True)]


def test_each_top_layer_is_that_of_the_equations(stacks, inputs):
    found = read_both(stacks, inputs)
    for stack, x, top in zip(stacks, inputs, found, strict=True):
        assert top.grad_fn.name() == BOTH_AT_ONCE
        weights = {f"lm.{name}": tensor.numpy() for name, tensor in stack.state_dict().items()}
        expected = [direction(row, weights, "lm", 2)[-1] for row in x.detach().numpy()]
        np.testing.assert_allclose(top.detach().numpy(), expected, **TO_THE_ORACLE)


def test_gradients_are_those_of_the_stacks_by_themselves(stacks, inputs):
    found = gradients(read_both(stacks, inputs), stacks, inputs)
    expected = gradients(in_turns(stacks, inputs), stacks, inputs)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, **REORDERED)


def test_one_of_the_two_may_be_left_out_of_the_loss(stacks, inputs):
    found, other = torch.autograd.grad(read_both(stacks, inputs)[0].sum(), inputs)
    expected = torch.autograd.grad(in_turns(stacks, inputs)[0].sum(), inputs[0])[0]
    torch.testing.assert_close(found, expected, **REORDERED)
    assert not other.any()


@needs_bfloat16
def test_threads_keep_the_precision_of_the_caller(stacks, inputs):
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = read_both(stacks, inputs), in_turns(stacks, inputs)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == torch.bfloat16
        torch.testing.assert_close(one, other)


def test_the_same_every_time_to_the_bit(stacks, inputs):
    runs = [gradients(read_both(stacks, inputs), stacks, inputs) for _ in range(5)]
    for run in runs[1:]:
        assert all(torch.equal(one, other) for one, other in zip(runs[0], run, strict=True))


def test_dropout_is_drawn_in_the_order_of_the_stacks(stacks, inputs):
    torch.manual_seed(7)
    found = read_both(stacks, inputs, dropout=0.5)
    torch.manual_seed(7)
    expected = [stack(x, 64, dropout=0.5)[-1] for stack, x in zip(stacks, inputs, strict=True)]
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_a_part_that_is_not_trained_has_no_gradient(stacks, inputs):
    expected = gradients(in_turns(stacks, inputs), stacks, inputs)[:2]
    for parameter in stacks[0].parameters():
        parameter.requires_grad_(False)
    tops = read_both(stacks, inputs)
    torch.manual_seed(5)
    loss = sum((top * torch.randn(top.shape)).sum() for top in tops)
    for one, other in zip(torch.autograd.grad(loss, inputs), expected, strict=True):
        torch.testing.assert_close(one, other, **REORDERED)


def test_one_core_or_no_gradient_needs_no_threads(stacks, inputs, monkeypatch):
    monkeypatch.setattr(training.run.side_by_side, "side_by_side", None)  # whoever calls it fails
    with torch.no_grad():
        without_gradient = read_both(stacks, inputs)
    torch.set_num_threads(1)
    alone = read_both(stacks, inputs)
    for one, other in zip(alone, without_gradient, strict=True):
        torch.testing.assert_close(one, other)


def test_the_caller_keeps_its_cores(stacks, inputs):
    read_both(stacks, inputs)
    assert torch.get_num_threads() == 2


def test_what_fails_in_a_thread_fails_for_the_caller(stacks, inputs):
    with pytest.raises(RuntimeError, match="input"):
        read_both(stacks, (torch.randn(3, 7, 5), torch.randn(3, 7, 5)))
