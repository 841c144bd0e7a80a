"""After weights have changed, an `Elmo` never gives the vectors of the old ones."""

import pytest
import torch

from biLM.nn import Elmo
from tests.biLM.test_fresh_weights import CHANGES

WORDS = ["我", "吃了", "苹果"]


@pytest.mark.parametrize("change", CHANGES)
def test_elmo_reads_with_the_weights_of_now(artifact_folder, change):
    elmo, fresh = (Elmo.load(artifact_folder, dropout=0.0) for _ in range(2))
    before = elmo([WORDS])["elmo_representations"][0]
    change(elmo.bilm)
    fresh.load_state_dict(elmo.state_dict())
    found = elmo([WORDS])["elmo_representations"][0]
    assert torch.equal(found, fresh([WORDS])["elmo_representations"][0])
    assert (found - before).abs().max() > 1e-3
