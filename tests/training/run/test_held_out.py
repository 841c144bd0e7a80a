"""Held-out rows are read in parts that fit into memory."""

import numpy as np

from training.run.held_out import joined_in_parts, sampled
from training.text.shards import Shard


def shard_of(*rows):
    pieces = np.array([piece for row in rows for piece in row], dtype=np.uint16)
    return Shard(pieces, np.cumsum([len(row) for row in rows], dtype=np.int64))


def rows_of(shard):
    return [shard.row(i).tolist() for i in range(len(shard))]


SHARDS = [shard_of([1, 2], [3]), shard_of([4, 5, 6]), shard_of(), shard_of([7], [8], [9])]
ALL = [[1, 2], [3], [4, 5, 6], [7], [8], [9]]


def test_small_shards_are_joined_until_they_fill_a_part(monkeypatch):
    monkeypatch.setattr("training.run.held_out.PART_PIECES", 5)
    parts = [rows_of(part) for part in joined_in_parts(SHARDS)]
    assert parts == [ALL[:3], ALL[3:]]
    assert list(joined_in_parts([])) == []


def test_rows_that_fit_into_memory_are_all_read():
    assert rows_of(sampled(SHARDS)) == ALL


def test_of_rows_that_do_not_fit_every_nth_is_read(monkeypatch):
    """Nine pieces for five places: every second row of each shard."""
    monkeypatch.setattr("training.run.held_out.PART_PIECES", 5)
    assert rows_of(sampled(SHARDS)) == [[1, 2], [4, 5, 6], [7], [9]]
