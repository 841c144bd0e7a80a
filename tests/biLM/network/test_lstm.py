import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from biLM.network.lstm import LstmStack, reverse_padded
from tests.properties import examples
from tests.reference import lstm as oracle

# Float32 rounding of a few dozen recurrent steps against float64; a wrong gate is off by 1e-1.
TO_THE_ORACLE = {"rtol": 0, "atol": 1e-5}
# The same float32 sums in another order.
REORDERED = {"rtol": 0, "atol": 1e-6}


def numbers(*shape):
    """Return random values, the same on every run and on every replay of an example."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def stack(input_size=3, cell_size=5, num_layers=2):
    """Return a stack in which every weight and every bias matters."""
    generator = torch.Generator().manual_seed(1)
    made = LstmStack(input_size, cell_size, num_layers).requires_grad_(False)
    for parameter in made.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
    return made


def expected_layers(made, row):
    weights = {f"lm.{name}": tensor.double().numpy() for name, tensor in made.state_dict().items()}
    return np.stack(oracle.direction(row.double().numpy(), weights, "lm", len(made.layers)))


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_every_layer_equals_the_equations(num_layers):
    made, x = stack(num_layers=num_layers), numbers(2, 9, 3)
    layers = torch.stack(made(x, chunk_pieces=64)).numpy()
    for row in range(2):
        np.testing.assert_allclose(layers[:, row], expected_layers(made, x[row]), **TO_THE_ORACLE)


def test_the_second_layer_adds_what_it_reads():
    made = stack()
    for parameter in made.layers[1].parameters():
        parameter.zero_()  # o * tanh(c) = 1/2 * tanh(0) = 0: only the residual is left
    first, second = made(numbers(2, 6, 3), chunk_pieces=64)
    assert torch.equal(second, first)


def test_the_first_layer_adds_nothing():
    made = stack(input_size=5)
    for parameter in made.parameters():
        parameter.zero_()
    assert not made(numbers(2, 6, 5), chunk_pieces=64)[0].any()


@examples(50)
@given(length=st.integers(1, 40), chunk_pieces=st.integers(1, 45))
def test_chunks_of_any_length_give_what_one_call_gives(length, chunk_pieces):
    made, x = stack(), numbers(2, length, 3)
    in_chunks = torch.stack(made(x, chunk_pieces))
    torch.testing.assert_close(in_chunks, torch.stack(made(x, length)), **REORDERED)


def test_a_call_never_sees_the_call_before_it():
    made, x = stack(), numbers(2, 9, 3)
    before = made(x, chunk_pieces=4)[-1]
    made(x + 1, chunk_pieces=4)
    assert torch.equal(made(x, chunk_pieces=4)[-1], before)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_nothing_is_dropped_unless_asked(mode):
    made, x = getattr(stack(), mode)(), numbers(2, 9, 3)
    assert torch.equal(torch.stack(made(x, 64)), torch.stack(made(x, 64, dropout=0.0)))


def test_dropout_takes_what_a_layer_reads_and_leaves_its_residual():
    made = stack()
    first, second = made(numbers(1, 4, 3), chunk_pieces=64, dropout=1.0)  # every input becomes zero
    blind = [
        oracle.steps(
            np.zeros((4, layer.input_size)),
            layer.weight_ih_l0.double().numpy(),
            layer.weight_hh_l0.double().numpy(),
            (layer.bias_ih_l0 + layer.bias_hh_l0).double().numpy(),
        )[-1]
        for layer in made.layers
    ]
    np.testing.assert_allclose(first[0], blind[0], **TO_THE_ORACLE)
    np.testing.assert_allclose(second[0], blind[1] + blind[0], **TO_THE_ORACLE)


@pytest.mark.parametrize("layer", [0, 1])
def test_a_new_layer_remembers_by_its_forget_bias_of_one(layer):
    made = LstmStack(3, 5, 2).requires_grad_(False).layers[layer]
    made.weight_ih_l0.zero_()
    made.weight_hh_l0.zero_()
    start = torch.zeros(1, 1, 5), torch.ones(1, 1, 5)

    _, (h, c) = made(torch.zeros(1, 1, made.input_size), start)

    kept = 1 / (1 + math.exp(-1))  # f = sigmoid(1); i and o are 1/2, and g is 0
    assert c.flatten().tolist() == pytest.approx([kept] * 5)
    assert h.flatten().tolist() == pytest.approx([math.tanh(kept) / 2] * 5)


def test_padding_stays_on_the_right_when_a_row_is_reversed():
    ids = torch.tensor([[1, 2, 3, 0], [4, 5, 6, 7], [8, 0, 0, 0], [0, 0, 0, 0]])
    reversed_ids = reverse_padded(ids, torch.tensor([3, 4, 1, 0]))
    assert reversed_ids.tolist() == [[3, 2, 1, 0], [7, 6, 5, 4], [8, 0, 0, 0], [0, 0, 0, 0]]


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6), extra=st.integers(0, 3))
def test_reversing_twice_changes_nothing(lengths, extra):
    x = numbers(len(lengths), max(lengths) + extra, 3)
    twice = reverse_padded(reverse_padded(x, torch.tensor(lengths)), torch.tensor(lengths))
    assert torch.equal(twice, x)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_ids_and_their_vectors_are_reversed_alike(lengths):
    embedding = numbers(54, 3)
    ids = torch.arange(len(lengths) * max(lengths)).reshape(len(lengths), max(lengths))
    of_ids = embedding[reverse_padded(ids, torch.tensor(lengths))]
    assert torch.equal(of_ids, reverse_padded(embedding[ids], torch.tensor(lengths)))


def test_a_flipped_forward_pass_equals_torchs_backward_direction():
    torch.manual_seed(0)
    reference = nn.LSTM(8, 16, batch_first=True, bidirectional=True).requires_grad_(False)
    made = LstmStack(8, 16, num_layers=1).requires_grad_(False)
    made.layers[0].load_state_dict(
        {n.removesuffix("_reverse"): p for n, p in reference.state_dict().items() if "_rev" in n}
    )
    x, lengths = numbers(3, 7, 8), torch.tensor([7, 4, 2])

    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(reference(packed)[0], batch_first=True)[0][..., 16:]
    ours = reverse_padded(made(reverse_padded(x, lengths), chunk_pieces=64)[0], lengths)

    for row, length in enumerate(lengths):
        torch.testing.assert_close(ours[row, :length], expected[row, :length], **REORDERED)
