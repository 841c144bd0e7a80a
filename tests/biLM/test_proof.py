"""No shape is used before it has given the bits of the sure shape, on this machine."""

import logging

import pytest
import torch

from biLM.encoder import Encoder
from biLM.reading.batch import FEW_HEIGHTS, HEIGHTS, SURE_SHAPE
from biLM.reading.layer import ReadingLayer
from tests.reference.instruction_sets import AGREEING_HEIGHTS, needs_avx2

DAMAGED = 32, 16  # rows, columns
FILLING = [[30 + row] * 14 for row in range(32)]  # texts that one call of that shape reads


@pytest.fixture(autouse=True)
def _many_heights(monkeypatch):
    """Fewer rows count as faster, whatever this machine does with a model so small."""
    monkeypatch.setattr("biLM.proof.CLEARLY", 0.0)


@pytest.fixture
def fresh(artifact):
    """Return an encoder that has proved nothing."""
    return Encoder(artifact, both_at_once=True)


@pytest.fixture
def met(monkeypatch):
    """Return the (rows, columns) of every LSTM call."""
    met, call = set(), ReadingLayer.__call__

    def recorded(layer, x, state):
        met.add((x.shape[1], x.shape[0]))
        return call(layer, x, state)

    monkeypatch.setattr(ReadingLayer, "__call__", recorded)
    return met


def damage(monkeypatch, spoil, only=lambda layer: True):
    """Let what a real call of one shape returns be spoilt, in the layers that are named."""
    call = ReadingLayer.__call__

    def spoilt(layer, x, state):
        output, (h, c) = call(layer, x, state)
        if (x.shape[1], x.shape[0]) == DAMAGED and only(layer):
            output, h, c = output.clone(), h.clone(), c.clone()
            spoil(output, h, c)
        return output, (h, c)

    monkeypatch.setattr(ReadingLayer, "__call__", spoilt)


def one_bit(tensor, *place):
    """Round one number otherwise, as a sum in another order may."""
    tensor[place] = torch.nextafter(tensor[place], torch.tensor(9.0))


SPOILS = {
    "first number": lambda output, h, c: one_bit(output, 0, 0, 0),
    "last number": lambda output, h, c: one_bit(output, -1, -1, -1),
    "state": lambda output, h, c: one_bit(h, 0, 17, 3),
    "cell": lambda output, h, c: one_bit(c, 0, 31, 11),
}


def shapes_of(encoder, met):
    """Return the shapes in which an encoder reads texts that would fill the damaged shape."""
    met.clear()
    encoder.represent(FILLING)
    return set(met)


def test_the_damaged_shape_would_be_used(fresh, met):
    fresh.warm_up()
    assert shapes_of(fresh, met) == {DAMAGED}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_shape_of_which_one_bit_differs_is_never_used(fresh, met, monkeypatch, spoil):
    damage(monkeypatch, spoil)
    for _ in fresh.prove():
        pass
    assert DAMAGED not in shapes_of(fresh, met)
    assert fresh.heights == AGREEING_HEIGHTS  # at 32 rows there are other widths


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("stack", ["_forward_lm", "_backward_lm"])
def test_one_layer_of_one_direction_is_enough_to_refuse_a_shape(
    fresh, met, monkeypatch, stack, depth
):
    layer = getattr(fresh._reader, stack)[depth]
    damage(monkeypatch, SPOILS["last number"], lambda called: called is layer)
    fresh.warm_up()
    assert DAMAGED not in shapes_of(fresh, met)


def test_a_refused_shape_is_logged_once(fresh, monkeypatch, caplog):
    damage(monkeypatch, SPOILS["cell"])
    fresh.warm_up()
    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "32 x 16" in line.getMessage()


def test_no_shape_is_used_before_it_is_proved_and_each_as_soon_as_it_is(fresh, met):
    compared, heights = {SURE_SHAPE}, fresh.heights
    for _ in fresh.prove():
        compared |= met
        met.clear()
        if fresh.heights != heights:
            (new,) = set(fresh.heights) - set(heights)
            fresh.represent([[30] * 5] * new)
            assert {height for height, _ in met} == {new}
            assert met <= compared
            heights = fresh.heights
            met.clear()
    assert len(heights) > len(HEIGHTS) / 2


def test_texts_have_the_same_bits_before_during_and_after_the_proof(fresh):
    texts = [[30 + number] * (17 * number % 80) for number in range(8)]
    before = fresh.represent(texts)
    for step, _ in enumerate(fresh.prove()):
        if not step % 8:
            assert all(map(torch.equal, fresh.represent(texts), before))
    assert all(map(torch.equal, fresh.represent(texts), before))
    for text, expected in zip(texts, before, strict=True):
        assert torch.equal(fresh.represent([text])[0], expected)


@needs_avx2
def test_single_rows_are_proved_first_then_powers_of_two_then_all_others(fresh):
    found = [fresh.heights for _ in fresh.prove()] + [fresh.heights]
    since = {height: min(n for n, h in enumerate(found) if height in h) for height in HEIGHTS}
    others = set(HEIGHTS) - set(FEW_HEIGHTS)
    assert since[16] == 0  # the sure shape
    assert since[1] == min(since[height] for height in HEIGHTS if height != 16)
    assert max(since[height] for height in FEW_HEIGHTS) < min(since[height] for height in others)


@needs_avx2
def test_a_proof_that_is_left_alone_leaves_what_it_proved(fresh, met):
    steps = fresh.prove()
    while 1 not in fresh.heights:
        next(steps)
    steps.close()
    met.clear()
    fresh.represent([[30]])
    assert met == {(1, 4)}
