from dataclasses import replace

import pytest

from biLM.artifact import load_artifact
from biLM.encoder import Encoder
from training.config import TrainConfig
from training.errors import CorpusError, TrainingError
from training.journal import Journal, read_log
from training.pipeline import MAX_EPOCHS, Order, fulfil, measure_speed, report
from training.shards import Shards

RECIPE = TrainConfig(
    "toy", 8, 8, 10**9, batch_pieces=256, min_rows=1, num_negatives=64, learning_rate=0.02
)
MINUTES = 0.05


@pytest.fixture(scope="module")
def order(toy_text, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    return Order([toy_text], folder / "zh-mine", folder / "work", MINUTES, RECIPE)


@pytest.fixture(scope="module")
def told(order):
    """What was said while the artifact was made."""
    lines = []
    fulfil(order, lines.append)
    return lines


def test_an_order_ends_in_an_artifact_that_passes_its_self_test(order, told):
    encoder = Encoder.load(order.out)
    assert encoder.artifact.id == "zh-mine"
    assert encoder.self_test() < 1e-5
    card = encoder.artifact.card
    assert card["data"]["sources"][0]["source"] == "toy"
    assert card["evaluation"]["held_out"]["all"]["predictions"] > 0


def test_the_budget_is_what_the_time_and_the_text_allow(order, told):
    recipe = load_artifact(order.out).card["recipe"]
    pieces = Shards(order.work / "shards").manifest["train_pieces"]
    assert 0 < recipe["max_pieces"] <= MAX_EPOCHS * pieces
    assert recipe["batch_pieces"] == RECIPE.batch_pieces
    assert recipe["warmup_steps"] <= max(1, recipe["max_pieces"] // 256 // 10)


def test_the_person_who_waits_is_told_how_much_and_how_well(order, told):
    said = "\n".join(told)
    for fact in ("documents to train on", "characters each", "pieces a second", "held out:"):
        assert fact in said


def test_what_only_frequencies_tell_is_worse_than_the_model(order, told):
    evaluation = load_artifact(order.out).card["evaluation"]
    whole = evaluation["held_out"]["all"]
    assert whole["forward_bits_per_character"] < evaluation["frequencies_bits_per_character"]


def test_the_same_order_again_changes_nothing(order, told):
    revision = load_artifact(order.out).revision
    lines = []
    assert fulfil(order, lines.append) == revision
    assert lines[0] == f"going on with {order.work}"


def test_another_order_does_not_touch_the_work_of_the_first(order, told):
    with pytest.raises(TrainingError, match="choose another --work"):
        fulfil(replace(order, minutes=1.0), print)


def test_an_order_that_was_killed_goes_on(order, tmp_path, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    again = replace(order, out=tmp_path / "zh-mine", work=tmp_path / "work")
    advance = Journal.advance
    monkeypatch.setattr(Journal, "advance", die)
    with pytest.raises(KeyboardInterrupt):
        fulfil(again, lambda _: None)
    monkeypatch.setattr(Journal, "advance", advance)
    fulfil(again, lambda _: None)
    assert read_log(again.work / "run", "train")
    assert load_artifact(again.out).id == "zh-mine"


def test_from_an_artifact_the_same_vocabulary_goes_on_and_the_gain_is_told(
    encoder, order, tmp_path
):
    initial = encoder.artifact
    asked = replace(order, out=tmp_path / "on", work=tmp_path / "work", initial=initial)
    lines = []
    fulfil(asked, lines.append)
    made = load_artifact(asked.out)
    assert made.pieces_model == initial.pieces_model
    assert made.card["recipe"]["init_from"] == initial.revision
    evaluation = made.card["evaluation"]
    before, after = evaluation["before"]["all"], evaluation["held_out"]["all"]
    assert after["forward_bits_per_character"] < before["forward_bits_per_character"]
    assert any(line.startswith("the artifact it started from:") for line in lines)


def test_too_little_text_says_how_much_there_was(tmp_path):
    (tmp_path / "few.txt").write_text("我吃苹果。\n他也吃。\n")
    order = Order([tmp_path / "few.txt"], tmp_path / "out", tmp_path / "work", MINUTES, RECIPE)
    with pytest.raises(CorpusError, match=r"2 documents.*few hundred"):
        fulfil(order, print)


def test_no_time_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="minutes is 0"):
        Order([tmp_path], tmp_path / "out", tmp_path / "work", 0.0, RECIPE)


def test_speed_is_pieces_by_seconds(toy_shards, monkeypatch):
    """A clock that gives every step one second: a step predicts what its batch holds."""
    ticks = iter(range(10**6))
    monkeypatch.setattr("training.pipeline.time.monotonic", lambda: float(next(ticks)))
    speed = measure_speed(replace(RECIPE, batch_pieces=512), toy_shards, seconds=40.0)
    assert 100 < speed < 512


def test_a_report_names_no_words_where_there_are_none():
    both = {"forward_bits_per_character": 4.0, "backward_bits_per_character": 5.0}
    figures = {
        "held_out": {"all": both},
        "fill": {"places": 0},
        "frequencies_bits_per_character": 9.0,
    }
    assert report(figures) == [
        "held out: 4.00 and 5.00 bits per character, forward and backward; if only the frequencies"
        " of pieces are known, 9.00"
    ]
