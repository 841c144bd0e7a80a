import math

import pytest
import torch

from biLM.errors import LayerError
from biLM.network.geometry import Geometry
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.readout import Readout, read_out

# Three representations of two pieces; each is two values wide.
TEXT = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 1.0], [1.0, 5.0]], [[8.0, 0.0], [0.0, 8.0]]])
CONTEXT = torch.tensor([[7.0, 1.0], [2.0, 6.0]])
CENTER = torch.tensor([[1.0, 1.0], [2.0, 0.0], [4.0, 4.0], [3.0, 1.0]])
UNBOUNDED = Geometry(CENTER, torch.full((4,), torch.inf))
BOUNDED = Geometry(CENTER, torch.tensor([torch.inf, 2.0, 3.0, 1.5]))
WHOLE = [(0, 2)]


def read(readout, ranges=None, geometry=UNBOUNDED, context=None):
    return read_out(TEXT, ranges, geometry, readout, context).tolist()


def test_a_mix_gives_one_vector_a_piece():
    assert read(Readout(ScalarMix((1.0, 1.0, 0.5)))) == [[10.0, 3.0], [4.0, 13.0]]


def test_the_center_of_each_layer_is_subtracted_before_mixing():
    # [1 2] - [1 1] + 2 ([5 1] - [2 0]) + 4 ([8 0] - [4 4]), and the second piece likewise.
    mix = ScalarMix((1.0, 2.0, 4.0))
    assert read(Readout(mix, center=True)) == [[22.0, -13.0], [-16.0, 29.0]]


def test_the_center_is_left_in_unless_asked():
    readout = Readout(ScalarMix((0.0, 1.0, 0.0)))
    assert read(readout) == TEXT[1].tolist()


def test_the_center_of_each_layer_is_subtracted_from_that_layer():
    assert read(Readout((0, 2), center=True)) == [
        [[0.0, 1.0], [2.0, 3.0]],
        [[4.0, -4.0], [-4.0, 4.0]],
    ]


@pytest.mark.parametrize("layers", [(0,), (2, 0), (1, 1), (0, 1, 2), (2, 2, 0, 1)])
def test_layers_come_in_the_order_asked_and_as_often(layers):
    assert read(Readout(layers)) == [TEXT[layer].tolist() for layer in layers]


@pytest.mark.parametrize("layer", [3, -1, 17])
def test_an_unknown_layer_is_refused_by_number(layer):
    with pytest.raises(LayerError, match=rf"layer {layer} is not one of 0 to 2"):
        read(Readout((0, layer)))


def test_the_context_stands_where_it_was_asked_for():
    found = read(Readout((2, "context", 0)), context=CONTEXT)
    assert found == [TEXT[2].tolist(), CONTEXT.tolist(), TEXT[0].tolist()]


def test_the_context_has_a_center_of_its_own():
    assert read(Readout(("context",), center=True), context=CONTEXT) == [[[4.0, 0.0], [-1.0, 5.0]]]


def test_what_remains_of_each_layer_is_bounded_before_it_is_mixed_or_pooled():
    # Layer 1 less its center: [3 1] and [-1 5], bounded [2 1] and [-1 2]; layer 2: [4 -4] and
    # [-4 4], bounded [3 -3] and [-3 3]. Their sum is [5 -2] and [-4 5].
    mix = ScalarMix((0.0, 1.0, 1.0))
    assert read(Readout(mix, center=True), geometry=BOUNDED) == [[5.0, -2.0], [-4.0, 5.0]]
    found = read(Readout((1, "context"), center=True), WHOLE, BOUNDED, CONTEXT[:1])
    assert found == [[[0.5, 1.5]], [[1.5, 0.0]]]


def test_nothing_is_bounded_unless_centred():
    assert read(Readout((1,)), geometry=BOUNDED) == [TEXT[1].tolist()]


def test_the_context_of_a_row_is_not_pooled_and_zero_without_pieces():
    found = read(Readout(("context", 0)), [(0, 2), (1, 1)], context=CONTEXT)
    assert found == [[[7.0, 1.0], [0.0, 0.0]], [[2.0, 3.0], [0.0, 0.0]]]


def test_layers_are_mixed_before_pieces_are_pooled():
    # Mixed: [1 2] - [8 0] = [-7 2] and [3 4] - [0 8] = [3 -4]; the maximum is [3 2].
    # The maximum of each layer first would give [3 4] - [8 8] = [-5 -4].
    readout = Readout(ScalarMix((1.0, 0.0, -1.0)), pooling="max")
    assert read(readout, WHOLE) == [[3.0, 2.0]]


def test_each_layer_is_pooled_when_layers_are_asked_for():
    assert read(Readout((0, 1), pooling="mean"), WHOLE) == [[[2.0, 3.0]], [[3.0, 3.0]]]


@pytest.mark.parametrize(
    ("pooling", "row"), [("mean", [4.0, 4.0]), ("max", [8.0, 8.0]), ("first", [8.0, 0.0])]
)
def test_the_pooling_asked_for_is_the_one_used(pooling, row):
    assert read(Readout(ScalarMix((0.0, 0.0, 1.0)), pooling), WHOLE) == [row]


def test_rows_are_scaled_to_unit_length_after_pooling():
    # The mean of [8 0] and [0 8] is [4 4]; the mean of their unit vectors would be [.5 .5].
    readout = Readout(ScalarMix((0.0, 0.0, 1.0)), normalize=True)
    assert read(readout, WHOLE)[0] == pytest.approx([math.sqrt(0.5)] * 2)


def test_every_layer_of_every_row_is_scaled_to_unit_length():
    norms = torch.tensor(read(Readout((0, 1, 2), normalize=True))).norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones(3, 2), rtol=0, atol=1e-6)


def test_a_zero_vector_stays_zero_when_normalized():
    readout = Readout(ScalarMix((1.0, 1.0, 1.0)), normalize=True)
    assert read(readout, [(0, 0)]) == [[0.0, 0.0]]


def test_no_piece_means_a_zero_row_even_when_centered():
    assert read(Readout((0, 1), center=True), [(1, 1)]) == [[[0.0, 0.0]], [[0.0, 0.0]]]


def test_the_representations_are_left_as_they_were():
    before = TEXT.clone()
    read(Readout(ScalarMix((1.0, 1.0, 1.0)), center=True, normalize=True))
    assert torch.equal(TEXT, before)


@pytest.mark.parametrize(("source", "layers"), [(ScalarMix((1.0,)), None), ((0, 2, 2), 3)])
def test_the_length_of_the_layer_axis_is_known_in_advance(source, layers):
    assert Readout(source).layer_axis == layers
