import numpy as np
import pytest

from tests.reference.heads import contexts
from tests.reference.lstm import representations
from training.result.geometry import measured_geometry, sampled_rows
from training.text.shards import Shard

LONG = [[30, 31, 32, 33, 34], [35, 36], [30, 30, 31]]  # rows of piece ids
SHORT = [[40]]


def shard_of(rows):
    pieces = np.array([piece for row in rows for piece in row], dtype=np.uint16)
    return Shard(pieces, np.cumsum([len(row) for row in rows], dtype=np.int64))


def vectors_of(artifact, row):
    """[depth + 1, pieces, dim]: the oracle's layers and context of every piece."""
    layers = representations(artifact.model.state_dict(), [1, *row, 2])
    places = [(place, place + 1) for place in range(len(row))]
    context = contexts(artifact.heads.state_dict(), layers, places)
    return np.concatenate([layers[:, 1:-1], context[None]])


def test_every_row_counts_alike_however_long(encoder, artifact):
    found = measured_geometry(encoder, [shard_of(LONG), shard_of([]), shard_of(SHORT)])
    rows = [vectors_of(artifact, row) for row in (*LONG, *SHORT)]
    mean = np.mean([row.mean(axis=1) for row in rows], axis=0)
    square = np.mean([(row**2).mean(axis=1) for row in rows], axis=0)
    usual = np.median(np.sqrt(square - mean**2), axis=1)
    assert found.center.numpy() == pytest.approx(mean, abs=1e-5)
    assert found.bound.tolist() == pytest.approx([np.inf, usual[1], usual[2], np.inf], rel=1e-4)


def test_no_source_gives_more_rows_than_its_share():
    large, small = shard_of([[piece] for piece in range(100)]), shard_of(SHORT)
    rows = sampled_rows([large, small], 10)
    assert rows == sampled_rows([large, small], 10)
    assert len({*rows[:-1]}) == 5
    assert rows[-1] == (40,)


def test_many_sources_give_no_more_rows_than_were_asked_for():
    sources = [shard_of([[piece]]) for piece in range(30)]
    rows = sampled_rows(sources, 10)
    assert rows == sampled_rows(sources, 10)
    assert len({*rows}) == len(rows) == 10
    assert len(sampled_rows(sources, 30)) == 30  # one of each


def test_numbers_that_never_vary_still_have_a_bound(encoder):
    assert (measured_geometry(encoder, [shard_of(SHORT)]).bound > 0).all()


def test_without_held_out_text_nothing_is_changed(encoder):
    found = measured_geometry(encoder, [shard_of([])])
    assert found.center.count_nonzero() == 0
    assert found.bound.isinf().all()
