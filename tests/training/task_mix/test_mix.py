import json
import re

import numpy as np
import pytest
import torch

from biLM.encoder import Encoder
from biLM.questions.readout import Readout
from training.__main__ import main
from training.errors import TrainingError
from training.task_mix.mix import TaskMixConfig, compare, fit_mix, report
from training.task_mix.tasks import Task, read_task, split_task

pytestmark = pytest.mark.long

FRUIT = ["我吃了一个苹果", "苹果很甜", "苹果味道很甜", "我吃苹果", "一个苹果", "甜"]
PHONE = ["我在用苹果手机", "苹果手机打电话", "手机中了病毒", "打电话给家里人", "手机", "打电话"]


LENGTHS = (0.5, 1.0, 4.0)


def task(number, informative, seed=0):
    """Two classes that one of three layers of other lengths tells apart, and the others do not."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % 2
    layers = torch.randn(number, 3, 8, generator=random)
    signs = torch.randint(0, 2, (number, 3), generator=random)
    signs[:, informative] = labels
    layers[:, :, 0] += 4 * (2 * signs - 1)
    return Task(layers * torch.tensor(LENGTHS)[:, None], labels, num_labels=2)


@pytest.mark.parametrize("informative", [0, 1, 2])
def test_the_layer_that_tells_the_classes_apart_gets_the_most(informative):
    train, test = task(400, informative), task(400, informative, seed=1)
    found = fit_mix(train, test, TaskMixConfig(epochs=60, learning_rate=0.03, penalty=0.0), seed=0)
    heard = torch.tensor(found.mix.weights) * torch.tensor(LENGTHS)
    assert heard[informative] / heard.sum() > 0.6
    assert sum(found.mix.weights) == pytest.approx(1.0)
    assert found.accuracy > 0.95


def test_a_high_penalty_lets_all_layers_be_heard_alike():
    config = TaskMixConfig(penalty=1000.0)
    found = fit_mix(task(400, 2), task(400, 2, seed=1), config, seed=0)
    heard = [w * length for w, length in zip(found.mix.weights, LENGTHS, strict=True)]
    assert heard == pytest.approx([heard[0]] * 3, rel=0.1)


def test_a_single_layer_and_the_mean_are_taken_as_they_are():
    found = compare(task(200, 1), task(200, 1, seed=1), TaskMixConfig(seeds=2))
    assert list(found) == ["layer 0", "layer 1", "layer 2", "mean", "learned"]
    assert found["layer 1"][0].mix.weights == (0.0, 1.0, 0.0)
    assert found["mean"][0].mix.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert found["layer 1"][1].accuracy > 0.95 > 0.6 > found["layer 0"][1].accuracy
    assert report(found).count("accuracy") == 5


def test_the_same_seed_learns_the_same():
    config = TaskMixConfig(epochs=3)
    one, other = (fit_mix(task(100, 1), task(100, 1), config, seed=4) for _ in range(2))
    assert one == other


def test_nothing_that_is_scored_is_learned_from():
    first, second = split_task(Task(torch.arange(50.0)[:, None, None], torch.arange(50), 50))
    assert sorted([*first.labels.tolist(), *second.labels.tolist()]) == list(range(50))
    assert len(second.labels) == 5
    assert torch.equal(first.layers[:, 0, 0].long(), first.labels)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "task.tsv"
    rows = [f"{text}\t{label}" for label, texts in enumerate((FRUIT, PHONE)) for text in texts]
    path.write_text("\n".join(rows * 3) + "\n", encoding="utf-8")
    return path


def test_the_layers_of_a_text_are_the_mean_over_its_pieces(artifact_folder, written):
    encoder = Encoder.load(artifact_folder)
    (found,) = read_task(encoder, [written], 0, 1, center=False)
    framed = encoder.represent([encoder.text(FRUIT[0]).ids])[0]
    torch.testing.assert_close(found.layers[0], framed[:, 1:-1].mean(1), rtol=0, atol=1e-6)
    assert found.labels.tolist() == ([0] * 6 + [1] * 6) * 3


def test_the_step_writes_a_mix_that_the_encoder_serves(artifact_folder, written, tmp_path, capsys):
    out = tmp_path / "mixes.json"
    step = ["fit-mix", str(artifact_folder), "--task", str(written), "--out", str(out)]
    for name in ("fruit", "phones"):
        assert main([*step, "--name", name, "--seeds", "1"]) == 0
    assert "learned    accuracy" in capsys.readouterr().out
    encoder = Encoder.load(artifact_folder, mixes=out)
    assert json.loads(out.read_text()).keys() == {"fruit", "phones"}
    assert sum(encoder.mix("phones").weights) == pytest.approx(1.0, abs=1e-5)


def test_the_step_writes_an_artifact_that_has_the_mix_among_its_own(
    artifact_folder, written, tmp_path
):
    step = ["fit-mix", str(artifact_folder), "--task", str(written), "--seeds", "1"]
    assert main([*step, "--name", "fruit", "--artifact-out", str(tmp_path / "with")]) == 0
    before, after = (Encoder.load(folder) for folder in (artifact_folder, tmp_path / "with"))
    assert after.artifact.mixes.keys() - before.artifact.mixes.keys() == {"fruit"}
    assert after.artifact.revision != before.artifact.revision
    passage, mean = before.pieces(FRUIT[0]), before.mix("default")
    vectors = [one.embed([passage], [Readout(mean)])[0] for one in (before, after)]
    np.testing.assert_array_equal(*vectors)


def test_a_label_that_only_the_held_back_texts_have_is_learned_of():
    labels = torch.tensor([0, 1] * 30 + [2])
    layers = torch.randn(61, 3, 8)
    for seed in range(20):  # one of them holds the last text back
        first, second = split_task(Task(layers, labels, num_labels=3), seed)
        found = fit_mix(first, second, TaskMixConfig(epochs=1), seed=0)
        assert 0 <= found.accuracy <= 1


def test_an_empty_first_column_moves_no_other(artifact_folder, tmp_path):
    path = tmp_path / "task.tsv"
    path.write_bytes("\ufeff\t苹果\t1\r\nx\t手机\t2\r\n".encode())
    (found,) = read_task(Encoder.load(artifact_folder), [path], 1, 2, center=False)
    assert found.labels.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["seeds", "epochs", "batch_texts"])
def test_a_number_below_one_is_refused(name):
    with pytest.raises(TrainingError, match=f"{name} is 0; it must be at least 1"):
        TaskMixConfig(**{name: 0})


def test_a_file_that_is_missing_is_named(artifact_folder, tmp_path, capsys):
    step = ["fit-mix", str(artifact_folder), "--task", "nowhere.tsv", "--name", "mine"]
    assert main([*step, "--out", str(tmp_path / "m.json")]) == 2
    assert "nowhere.tsv is not a file" in capsys.readouterr().err


def test_a_name_that_is_taken_is_refused_before_the_work(artifact_folder, tmp_path, capsys):
    step = ["fit-mix", str(artifact_folder), "--task", "nowhere.tsv", "--name", "default"]
    for place in (["--out", str(tmp_path / "m.json")], ["--artifact-out", str(tmp_path / "a")]):
        assert main([*step, *place]) == 2
        assert "already has a mix 'default'" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())


def test_a_file_of_other_mixes_is_refused_before_the_work(artifact_folder, tmp_path, capsys):
    out = tmp_path / "mixes.json"
    out.write_text('{"default": {"weights": [1, 0, 0]}}')
    step = ["fit-mix", str(artifact_folder), "--task", "nowhere.tsv", "--name", "mine"]
    assert main([*step, "--out", str(out)]) == 2
    assert "already has a mix 'default'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a\t1\nb\n", r"line 2: 1 columns, but the text is in column 0"),
        ("a\t1\nb\t1\n", "has 1 labels"),
    ],
)
def test_what_is_no_task_is_named(artifact_folder, tmp_path, capsys, content, why):
    path, out = tmp_path / "task.tsv", tmp_path / "mixes.json"
    path.write_text(content)
    step = ["fit-mix", str(artifact_folder), "--task", str(path), "--out", str(out)]
    assert main([*step, "--name", "mine", "--seeds", "1"]) == 2
    assert re.search(why, capsys.readouterr().err)


def test_a_label_that_was_not_learned_is_named(artifact_folder, written, tmp_path, capsys):
    other = tmp_path / "test.tsv"
    other.write_text("苹果\t7\n")
    step = ["fit-mix", str(artifact_folder), "--task", str(written), "--test", str(other)]
    assert main([*step, "--name", "mine", "--out", str(tmp_path / "m.json")]) == 2
    assert "labels that" in capsys.readouterr().err
