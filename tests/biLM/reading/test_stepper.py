"""Reading one piece at a time is compared with the float64 oracle, which reads the whole row."""

import numpy as np
import pytest
import torch

from biLM.encoder import Encoder
from biLM.reading.stepper import ROWS, from_rows
from tests.reference.lstm import representations
from tests.reference.precisions import PRECISIONS

IDS = [1, 20, 300, 7, 45, 9, 2]


def tops(stepper, ids):
    """Return the top state of the first row after each piece."""
    states, found = stepper.start(), []
    for piece_id in ids:
        top, states = stepper.step(states, [piece_id] * ROWS)
        found.append(top[0].numpy())
    return np.stack(found)


def test_both_directions_have_the_states_of_the_equations(encoder, artifact):
    expected = representations(artifact.model.state_dict(), IDS)[-1]
    half = artifact.config.cell_size
    reader = encoder._reader
    np.testing.assert_allclose(tops(reader.forward_stepper, IDS), expected[:, :half], atol=1e-6)
    from_end = tops(reader.backward_stepper, IDS[::-1])[::-1]
    np.testing.assert_allclose(from_end, expected[:, half:], atol=1e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_row_has_the_same_bits_in_any_place_and_company(artifact_folder, precision):
    stepper = Encoder.load(artifact_folder, precision)._reader.forward_stepper
    alone = tops(stepper, IDS)
    chance = np.random.default_rng(0)
    for place in range(ROWS):
        states = stepper.start()
        for expected, piece_id in zip(alone, IDS, strict=True):
            ids = chance.integers(0, 300, ROWS).tolist()
            ids[place] = piece_id
            top, states = stepper.step(states, ids)
            np.testing.assert_array_equal(top[place].numpy(), expected)


def test_a_row_goes_on_from_the_row_it_is_told(encoder):
    stepper = encoder._reader.forward_stepper
    _, states = stepper.step(stepper.start(), list(range(10, 10 + ROWS)))
    turned = from_rows(states, list(reversed(range(ROWS))))
    top, _ = stepper.step(states, [50] * ROWS)
    of_turned, _ = stepper.step(turned, [50] * ROWS)
    assert torch.equal(of_turned, top.flip(0))
