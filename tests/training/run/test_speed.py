from itertools import islice
from statistics import median
from types import SimpleNamespace

import pytest

from training.run.config import TrainConfig
from training.run.speed import usual_speed
from training.run.stream import Position, Stream

RECIPE = TrainConfig("toy", 8, 8, 10**9, batch_pieces=256, min_rows=1, num_negatives=64)


def test_speed_is_the_median_of_pieces_by_seconds(toy_shards, monkeypatch):
    """On a clock that gives every step one second, a step's speed is what its batch predicts."""
    ticks = iter(range(10**6))
    clock = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    monkeypatch.setattr("training.run.speed.time", clock)
    speed = usual_speed(RECIPE, toy_shards, 39.0)
    stream = Stream(toy_shards.train(), RECIPE.batch_pieces, (1, 2), RECIPE.seed, RECIPE.min_rows)
    predicted = [batch.num_predictions for _, batch in islice(stream.batches(Position()), 40)]
    assert speed == pytest.approx(median(predicted[20:]))
