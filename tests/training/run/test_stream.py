from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch

from training.run.stream import LENGTH_STEP, Position, Stream
from training.text.shards import BOUNDARY_PIECES

BEGIN, END = 1, 2


@pytest.fixture
def stream(toy_shards):
    return Stream(toy_shards.train(), batch_pieces=128, boundaries=(BEGIN, END), seed=3)


def rows_of(batches):
    return Counter(
        tuple(ids[:length].tolist())
        for batch in batches
        for ids, length in zip(batch.ids, batch.lengths, strict=True)
        if length
    )


def test_an_epoch_holds_every_row_once_between_its_boundaries(stream, toy_shards):
    rows = (shard.row(i).tolist() for shard in toy_shards.train() for i in range(len(shard)))
    expected = Counter((BEGIN, *row, END) for row in rows)
    assert rows_of(stream.epoch_once()) == expected


def test_shapes_are_few_and_of_about_one_size(stream):
    shapes = {tuple(batch.ids.shape) for batch in stream.epoch_once()}
    assert len(shapes) <= 32 // LENGTH_STEP
    assert all(length % LENGTH_STEP == 0 for _, length in shapes)
    assert all(64 < rows * length <= 192 for rows, length in shapes)


def test_rows_come_in_sixteens_and_never_below_the_least(toy_shards):
    stream = Stream(toy_shards.train(), 512, (BEGIN, END), seed=3, min_rows=32)
    shapes = {tuple(batch.ids.shape) for batch in stream.epoch_once()}
    rows = {length: rows for rows, length in shapes}
    assert (rows[8], rows[12], rows[32]) == (64, 48, 32)
    assert all(rows % 16 == 0 for rows, _ in shapes)


@pytest.mark.parametrize(("min_rows", "least"), [(20, 32), (32, 32), (40, 48)])
def test_a_least_number_of_rows_is_rounded_up(toy_shards, min_rows, least):
    stream = Stream(toy_shards.train(), 16, (BEGIN, END), seed=3, min_rows=min_rows)
    assert {len(batch.ids) for batch in stream.epoch_once()} == {least}


def test_padding_is_less_than_one_length_step(stream):
    for batch in stream.epoch_once():
        filled = batch.lengths[batch.lengths > 0]
        assert (batch.ids.shape[1] - filled < LENGTH_STEP).all()


def test_a_batch_counts_the_pieces_one_direction_predicts(stream):
    batch = next(stream.epoch_once())
    predicted = [int(n) - 1 for n in batch.lengths if n]
    assert batch.num_predictions == sum(predicted)
    assert min(predicted) >= BOUNDARY_PIECES
    inside = sum(predicted) - len(predicted)  # a cloze does not predict the end of a row
    assert batch.num_places.tolist() == [sum(predicted), sum(predicted), inside]


@pytest.mark.parametrize("taken", [0, 1, 7, 60])
def test_a_stream_entered_half_way_goes_on_like_an_unbroken_one(stream, taken):
    unbroken = list(islice(stream.batches(Position()), taken + 30))
    start = unbroken[taken - 1][0] if taken else Position()
    entered = list(islice(stream.batches(start), 30))
    for (position, batch), (expected_position, expected) in zip(
        entered, unbroken[taken:], strict=True
    ):
        assert position == expected_position
        assert torch.equal(batch.ids, expected.ids)


def test_epochs_differ_in_order_and_not_in_content(stream):
    size = sum(1 for _ in stream.epoch_once())
    two = [batch for _, batch in islice(stream.batches(Position()), 2 * size)]
    assert rows_of(two[:size]) == rows_of(two[size:])
    assert not all(
        torch.equal(a.ids, b.ids)
        for a, b in zip(two[:size], two[size:], strict=True)
        if a.ids.shape == b.ids.shape
    )


def test_another_seed_is_another_order(toy_shards, stream):
    other = Stream(toy_shards.train(), 128, (BEGIN, END), seed=4)
    first, second = next(stream.epoch_once()), next(other.epoch_once())
    assert first.ids.shape != second.ids.shape or not np.array_equal(first.ids, second.ids)
