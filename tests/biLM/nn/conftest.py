"""Fixtures of the tests of `biLM.nn`."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from biLM.nn import Elmo
from tests.reference.heads import contexts
from tests.reference.lstm import representations

WORDS = [["我", "吃了", "", "一个", "苹果"], ["New", "York"], [], ["病毒", "和", "菜单", "\u200b"]]
# A space parts two words of a narrow script.
READ_AS = [WORDS[0], ["New", " York"], [], ["病毒", "和", "菜单", ""]]


@pytest.fixture
def load(artifact_folder):
    """Return what loads the tiny artifact as a layer without dropout."""
    return partial(Elmo.load, artifact_folder, dropout=0.0)


@pytest.fixture(scope="session")
def equations(artifact, processor):
    """Words of a sentence -> every layer and the context of each word, by the equations."""

    def layers_of(words):
        cut = [processor.encode(word) for word in words]
        ends = np.cumsum([0, *map(len, cut)]).tolist()
        ranges = list(pairwise(ends))
        ids = [
            artifact.config.bos_id,
            *(id_ for word in cut for id_ in word),
            artifact.config.eos_id,
        ]
        framed = representations(artifact.model.state_dict(), ids)
        context = contexts(artifact.heads.state_dict(), framed, ranges)
        found = np.zeros((4, len(words), artifact.config.dim))
        for row, (begin, end) in enumerate(ranges):
            if begin < end:
                found[:3, row] = framed[:, 1 + begin : 1 + end].mean(axis=1)
                found[3, row] = context[row]
        return found

    return layers_of
