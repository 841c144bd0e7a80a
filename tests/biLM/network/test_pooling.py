import pytest
import torch

from biLM.network.pooling import pool

PIECES = torch.tensor([[1.0, -8.0], [2.0, -6.0], [6.0, -4.0], [4.0, -2.0]])
# Ranges overlap, and two are empty.
RANGES = [(0, 2), (1, 4), (3, 4), (2, 2), (0, 4), (4, 4)]
# Values are exact, because every sum and quotient has few binary digits.
EXPECTED = {
    "mean": [[1.5, -7.0], [4.0, -4.0], [4.0, -2.0], [0.0, 0.0], [3.25, -5.0], [0.0, 0.0]],
    "max": [[2.0, -6.0], [6.0, -2.0], [4.0, -2.0], [0.0, 0.0], [6.0, -2.0], [0.0, 0.0]],
    "first": [[1.0, -8.0], [2.0, -6.0], [4.0, -2.0], [0.0, 0.0], [1.0, -8.0], [0.0, 0.0]],
    "last": [[2.0, -6.0], [4.0, -2.0], [4.0, -2.0], [0.0, 0.0], [4.0, -2.0], [0.0, 0.0]],
}

poolings = pytest.mark.parametrize("pooling", EXPECTED)


@poolings
def test_overlapping_and_empty_ranges_worked_by_hand(pooling):
    assert pool(PIECES, RANGES, pooling).tolist() == EXPECTED[pooling]


@poolings
def test_each_layer_is_pooled_by_itself(pooling):
    layers = torch.stack([PIECES, 4 * PIECES])
    expected = torch.tensor(EXPECTED[pooling])
    assert pool(layers, RANGES, pooling).tolist() == [expected.tolist(), (4 * expected).tolist()]


@poolings
def test_the_order_of_ranges_is_the_order_of_rows(pooling):
    assert pool(PIECES, RANGES[::-1], pooling).tolist() == EXPECTED[pooling][::-1]


@poolings
@pytest.mark.parametrize("layers", [(), (3,)])
def test_a_text_without_pieces_gives_zeros(pooling, layers):
    pooled = pool(torch.zeros(*layers, 0, 2), [(0, 0), (0, 0)], pooling)
    assert torch.equal(pooled, torch.zeros(*layers, 2, 2))


@poolings
@pytest.mark.parametrize("layers", [(), (3,)])
def test_no_ranges_give_no_rows(pooling, layers):
    assert pool(torch.ones(*layers, 4, 2), [], pooling).shape == (*layers, 0, 2)


@poolings
def test_a_range_of_one_piece_is_that_piece(pooling):
    assert torch.equal(pool(PIECES, [(p, p + 1) for p in range(4)], pooling), PIECES)
