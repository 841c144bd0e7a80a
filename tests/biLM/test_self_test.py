"""The self-test allows rounding and refuses other vectors."""

import re
from dataclasses import replace

import numpy as np
import pytest

from biLM.encoder import Encoder
from biLM.errors import SelfTestError


def test_the_self_test_agrees_with_the_numpy_oracle(encoder):
    assert encoder.self_test() < 1e-5


def with_golden(artifact, **changes):
    first, *rest = artifact.golden
    return Encoder(replace(artifact, golden=(*rest, replace(first, **changes))))


@pytest.mark.parametrize("error", [2e-4, -2e-4, 1.0, np.nan, np.inf])
@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_one_wrong_number_of_one_golden_vector_is_refused(artifact, layer, error):
    vectors = artifact.golden[0].vectors.copy()
    vectors[layer, 7] += np.float32(error)
    with pytest.raises(SelfTestError, match="golden vector is off"):
        with_golden(artifact, vectors=vectors).self_test()


def test_rounding_of_a_golden_vector_is_allowed_and_reported(artifact):
    vectors = artifact.golden[0].vectors + np.float32(5e-5)
    assert with_golden(artifact, vectors=vectors).self_test() == pytest.approx(5e-5, abs=1e-5)


def test_other_pieces_of_a_golden_text_are_refused(artifact):
    ids = (*artifact.golden[0].ids[:-1], 3)
    with pytest.raises(SelfTestError, match=re.escape(f"not {ids}")):
        with_golden(artifact, ids=ids).self_test()


def test_an_artifact_without_golden_texts_passes_its_self_test(artifact):
    assert Encoder(replace(artifact, golden=())).self_test() == 0.0
