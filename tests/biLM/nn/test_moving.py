"""An `Elmo` can be copied, pickled, saved and used in another process."""

import io
import pickle
from copy import deepcopy

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from tests.biLM.nn.conftest import WORDS


def vectors(elmo):
    return elmo(WORDS)["elmo_representations"][0]


def through_torch(elmo):
    """Return what torch.save and torch.load make of a module."""
    file = io.BytesIO()
    torch.save(elmo, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def through_pickle(elmo):
    return pickle.loads(pickle.dumps(elmo))


@pytest.fixture
def elmo(load):
    """Return a layer that has read before, so that it has made everything that it makes."""
    elmo = load(center=True)
    with torch.no_grad():
        elmo.mixes[0].w.copy_(torch.tensor([1.0, 2.0, 3.0]))
    vectors(elmo)
    return elmo


@pytest.mark.parametrize("copy", [deepcopy, through_pickle, through_torch])
def test_a_copy_gives_the_same_vectors_and_shares_no_weight(elmo, copy):
    expected = vectors(elmo)
    other = copy(elmo)
    assert torch.equal(vectors(other), expected)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.5)
    assert not torch.equal(vectors(other), expected)
    assert torch.equal(vectors(elmo), expected)


def test_a_state_dict_carries_everything_that_was_learned(elmo, load):
    with torch.no_grad():
        for parameter in elmo.parameters():
            parameter.mul_(1.1)
        elmo.center.add_(0.1)
    other = load(center=True)
    vectors(other)
    other.load_state_dict(elmo.state_dict())
    assert torch.equal(vectors(other), vectors(elmo))


class Vectors(Dataset):
    """A dataset whose items are the vectors of a sentence."""

    def __init__(self, elmo):
        self.elmo = elmo.eval().requires_grad_(False)

    def __len__(self):
        return len(WORDS)

    def __getitem__(self, number):
        return self.elmo([WORDS[number]])["elmo_representations"][0][0]


def loaded(elmo, context):
    """Return the vectors of each sentence as a worker of a DataLoader computes them."""
    arguments = {"batch_size": None, "num_workers": 1, "multiprocessing_context": context}
    return [item.clone() for item in DataLoader(Vectors(elmo), **arguments)]


def test_a_worker_of_a_data_loader_reads_as_its_parent_does(elmo):
    expected = vectors(elmo.eval())
    for row, found in enumerate(loaded(elmo, "fork")):
        torch.testing.assert_close(found, expected[row, : len(found)], rtol=0, atol=1e-6)


@pytest.mark.long
def test_a_worker_that_begins_anew_reads_as_its_parent_does(elmo):
    expected = vectors(elmo.eval())
    for row, found in enumerate(loaded(elmo, "spawn")):
        torch.testing.assert_close(found, expected[row, : len(found)], rtol=0, atol=1e-6)


def test_under_autocast_a_frozen_bilm_is_read_as_without(elmo):
    expected = vectors(elmo)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = vectors(elmo)
    # The mix itself is computed in bfloat16, whose rounding is 2**-8.
    torch.testing.assert_close(found.float(), expected, rtol=2**-6, atol=2**-6)
