"""A run is scored and exported on a device as on the CPU."""

import json

import numpy as np
import pytest

from biLM.artifact import load_artifact
from biLM.encoder import Encoder
from tests.device.conftest import CPU
from tests.device.test_training import CONFIG
from training.result.evaluate import evaluate, evaluate_sample
from training.result.export import export
from training.result.sample import draw_sample
from training.run.loop import train

pytestmark = pytest.mark.device

PAIR = {
    "sentence1": "我吃了一个苹果。",
    "start1": 5,
    "end1": 7,
    "sentence2": "我在用苹果手机。",
    "start2": 3,
    "end2": 5,
}


@pytest.fixture(scope="module")
def run(toy_shards, tmp_path_factory):
    """Return the folder of a run; the tests write into it what they compare at once."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.run.loop.choose_device", lambda: CPU)
        train(CONFIG, toy_shards, folder)
    return folder


@pytest.fixture(scope="module")
def senses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("senses")
    same = {**PAIR, "sentence2": "我吃苹果。", "start2": 2, "end2": 4, "tag": "T"}
    lines = [json.dumps(pair) for pair in ({**PAIR, "tag": "F"}, same)]
    (folder / "dev.jsonl").write_text("\n".join(lines))
    return folder


def numbers_of(figures):
    """Yield the path and value of each number in nested dictionaries."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from ((f"{name}/{path}", number) for path, number in numbers_of(value))
        elif isinstance(value, int | float):
            yield name, value


def assert_same_figures(found, expected):
    found, expected = dict(numbers_of(found)), dict(numbers_of(expected))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # Figures are rounded to four digits; a sum in another order may round to the next one.
        assert found[name] == pytest.approx(value, abs=1.01e-4, rel=1e-4), name


def test_a_run_has_the_figures_of_the_cpu(device, run, toy_shards, senses, training_on, artifact):
    found = []
    for place in (device, CPU):
        with training_on(place):
            found.append(evaluate(run, toy_shards, senses, artifact))
    assert {"held_out", "fill", "before", "senses"} <= found[0].keys()
    assert_same_figures(*found)


def test_a_sample_has_the_figures_of_the_cpu(
    device, run, toy_shards, toy_corpus, training_on, artifact
):
    sample = draw_sample(toy_corpus, 2_000)
    found = []
    for place in (device, CPU):
        (run / "evaluation.json").unlink(missing_ok=True)  # else its figures are returned
        with training_on(place):
            found.append(evaluate_sample(run, toy_shards, sample, artifact, 600.0))
    assert_same_figures(*found)


def test_an_exported_artifact_is_that_of_the_cpu(device, run, toy_shards, tmp_path, training_on):
    folders = []
    for place in (device, CPU):
        with training_on(place):
            evaluate(run, toy_shards)
            folders.append(tmp_path / place.type / "toy")
            export(run, toy_shards, folders[-1], None, max_rows=50)
    one, other = map(load_artifact, folders)
    # Means of vectors of about length 1 over some hundred pieces.
    np.testing.assert_allclose(one.geometry.center, other.geometry.center, rtol=0, atol=1e-6)
    np.testing.assert_allclose(one.geometry.bound, other.geometry.bound, rtol=1e-4)
    for found, expected in zip(one.golden, other.golden, strict=True):
        np.testing.assert_array_equal(found.vectors, expected.vectors)  # computed by the CPU
    assert Encoder(one).self_test() < 1e-5
