import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biLM.network.config import BiLMConfig
from biLM.network.model import BiLM
from tests.properties import examples
from tests.reference.lstm import representations

# Float32 rounding of up to 140 recurrent steps against float64; a wrong layer is off by 1e-1.
TO_THE_ORACLE = {"rtol": 0, "atol": 1e-5}
# The same float32 sums in another order.
REORDERED = {"rtol": 0, "atol": 1e-6}

NUM_PIECES = 30
# The cell size, which is the width of either half of a representation.
HALF = 6
piece_id = st.integers(0, NUM_PIECES - 1)
row = st.lists(piece_id, min_size=1, max_size=12)
properties = examples(50)


def random_model(num_layers=2, embedding_size=4):
    generator = torch.Generator().manual_seed(0)
    config = BiLMConfig(NUM_PIECES, embedding_size, cell_size=HALF, num_layers=num_layers)
    made = BiLM(config).eval().requires_grad_(False)
    for parameter in made.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
    return made


@pytest.fixture(scope="module")
def model():
    return random_model()


def padded(rows, extra=0, padding=0):
    columns = max(map(len, rows)) + extra
    ids = [row + [padding] * (columns - len(row)) for row in rows]
    return torch.tensor(ids), torch.tensor([len(row) for row in rows])


def alone(model, row):
    return model(*padded([row]))[:, 0]


@pytest.mark.parametrize("embedding_size", [4, 12])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_all_representations_equal_the_equations(num_layers, embedding_size):
    made = random_model(num_layers, embedding_size)
    rows = [[5, 9, 9, 2, 0, 7, 29], [3], [1, 2, 3]]
    found = made(*padded(rows)).numpy()
    for number, row in enumerate(rows):
        expected = representations(made.state_dict(), row, num_layers)
        np.testing.assert_allclose(found[:, number, : len(row)], expected, **TO_THE_ORACLE)


@pytest.mark.parametrize("length", [64, 65, 128, 140])
def test_a_row_longer_than_one_call_equals_the_equations(model, length):
    row = [place % NUM_PIECES for place in range(length)]
    expected = representations(model.state_dict(), row)
    np.testing.assert_allclose(alone(model, row), expected, **TO_THE_ORACLE)


def test_representation_0_is_the_embedding_repeated(model):
    expected = model.embedding.weight[[7, 0, 7]].repeat(1, 3)  # 4 values, repeated to a width of 12
    assert torch.equal(alone(model, [7, 0, 7])[0], expected)


@st.composite
def changes(draw):
    """Draw a row, a place in it, and the row with another piece in that place."""
    before = draw(row)
    place = draw(st.integers(0, len(before) - 1))
    other = draw(piece_id.filter(lambda piece: piece != before[place]))
    return before, place, [*before[:place], other, *before[place + 1 :]]


@properties
@given(changes())
def test_the_forward_half_never_sees_a_later_piece(model, change):
    before, place, after = change
    past = (slice(1, None), slice(None, place), slice(None, HALF))
    torch.testing.assert_close(alone(model, after)[past], alone(model, before)[past], **REORDERED)


@properties
@given(changes())
def test_the_backward_half_never_sees_an_earlier_piece(model, change):
    before, place, after = change
    future = (slice(1, None), slice(place + 1, None), slice(HALF, None))
    torch.testing.assert_close(
        alone(model, after)[future], alone(model, before)[future], **REORDERED
    )


@properties
@given(changes())
def test_a_piece_moves_the_forward_half_from_its_place_on_at_every_layer(model, change):
    before, place, after = change
    moved = (alone(model, after) - alone(model, before))[1:, place:, :HALF].abs().amax(-1)
    assert moved.min() > 0


@properties
@given(changes())
def test_a_piece_moves_the_backward_half_up_to_its_place_at_every_layer(model, change):
    before, place, after = change
    moved = (alone(model, after) - alone(model, before))[1:, : place + 1, HALF:].abs().amax(-1)
    assert moved.min() > 0


@properties
@given(row=row, extra=st.integers(1, 70), padding=piece_id)
def test_padding_of_any_width_and_id_never_changes_a_row(model, row, extra, padding):
    found = model(*padded([row], extra, padding))[:, 0, : len(row)]
    torch.testing.assert_close(found, alone(model, row), **REORDERED)


@properties
@given(rows=st.lists(row, min_size=2, max_size=5))
def test_neighbours_never_change_a_row(model, rows):
    found = model(*padded(rows))
    for number, row in enumerate(rows):
        torch.testing.assert_close(found[:, number, : len(row)], alone(model, row), **REORDERED)


def test_there_are_four_lstms_and_one_embedding_and_nothing_else(model):
    tensors = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    lstms = [f"{side}_lm.layers.{layer}" for side in ("forward", "backward") for layer in (0, 1)]
    expected = {"embedding.weight"} | {f"{lstm}.{tensor}" for lstm in lstms for tensor in tensors}
    assert set(model.state_dict()) == expected


def test_dropout_is_off_unless_asked_for_even_in_training():
    made = random_model().train()
    ids, lengths = padded([[4, 5, 6, 7]])
    assert torch.equal(made(ids, lengths), made(ids, lengths))


def test_a_column_of_a_backward_layer_has_read_the_row_down_to_its_piece(model):
    ids, lengths = padded([[4, 5, 6, 7], [8, 9]])
    expected = representations(model.state_dict(), [8, 9])[1:, :, HALF:]
    found = model(ids, lengths)[1:, 1, :2, HALF:]
    np.testing.assert_allclose(found, expected, **TO_THE_ORACLE)
