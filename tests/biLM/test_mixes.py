import json
import math

import pytest

from biLM.encoder import Encoder
from biLM.errors import MixError
from biLM.mixes import read_mixes
from biLM.network.scalar_mix import ScalarMix


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "mixes.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_weights_are_used_as_they_are_and_logits_through_a_softmax(written):
    path = written({"a": {"weights": [0, 1, -2], "gamma": 3}, "b": {"logits": [0, 0, math.log(2)]}})
    found = read_mixes(path, 3, {})
    assert found["a"] == ScalarMix((0.0, 1.0, -2.0), 3.0)
    assert found["b"].weights == pytest.approx((0.25, 0.25, 0.5))
    assert found["b"].gamma == 1.0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "name a JSON file"),
        ([], "a list; write an object"),
        ({"a": 1}, "'a' must have either weights or logits"),
        ({"a": {}}, "'a' must have either weights or logits"),
        (
            {"a": {"weights": [1, 0, 0], "logits": [1, 0, 0]}},
            "'a' must have either weights or logits",
        ),
        ({"a": {"weights": [1, 0, 0], "Gamma": 2}}, "nothing else"),
        ({"a": {"weights": [1, 0]}}, "2 weights; this model has 3"),
        ({"a": {"weights": [1, 0, "0"]}}, "list of numbers"),
        ({"a": {"weights": [1, 0, True]}}, "list of numbers"),
        ({"a": {"weights": 1}}, "list of numbers"),
        ({"a": {"weights": [1, 0, 0], "gamma": None}}, "gamma a number"),
        ('{"a": {"weights": [1, 0, NaN]}}', "'a': the weights and gamma of a mix must be finite"),
        (
            '{"a": {"logits": [1, 0, Infinity]}}',
            "'a': the weights and gamma of a mix must be finite",
        ),
        ({"a": {"weights": [1, 0, 10**400]}}, "'a': int too large"),
        ({"default": {"weights": [1, 0, 0]}}, "already has a mix 'default'"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(written, content, why):
    path = written(content)
    with pytest.raises(MixError, match=why) as caught:
        read_mixes(path, 3, {"default": None})
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MixError, match=r"nothing\.json"):
        read_mixes(tmp_path / "nothing.json", 3, {})


def test_an_encoder_knows_both_its_own_and_further_mixes(artifact_folder, written):
    path = written({"mine": {"weights": [0, 0, 1]}})
    encoder = Encoder.load(artifact_folder, mixes=path)
    assert encoder.mix("mine") == ScalarMix((0.0, 0.0, 1.0))
    assert encoder.mix("default") == Encoder.load(artifact_folder).mix("default")
