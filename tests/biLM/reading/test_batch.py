import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biLM.reading.batch import SHAPES, Strip, batches, most_read, padded_pieces, strips
from tests.properties import examples

MAX_BATCH_PIECES = 8192
SURE = (16, 8)
HEIGHTS_OF_WIDTH = {
    4: [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128],
    8: [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64],
    16: [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32],
    32: [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16],
    64: [1, 2, 3, 4, 5, 6, 7, 8],
}
ALL = {(height, width) for width, heights in HEIGHTS_OF_WIDTH.items() for height in heights}


def text(number, length):
    """Return ids that show which text and which place they come from."""
    return [1 + number * 10_000 + place for place in range(length)]


length = st.integers(1, 40) | st.integers(41, 300) | st.just(5000)
texts = st.lists(length, max_size=150).map(
    lambda lengths: [text(number, length) for number, length in enumerate(lengths)]
)
properties = examples(40)
shapes = st.sets(st.sampled_from(sorted(ALL))).map(lambda others: {SURE, *others})


def test_there_are_eighty_shapes():
    assert set(SHAPES) == ALL
    assert len(SHAPES) == 80


@properties
@given(texts, shapes)
def test_every_text_is_in_exactly_one_batch(texts, shapes):
    found = [number for batch in batches(texts, shapes) for number in batch.texts]
    assert sorted(found) == list(range(len(texts)))


@properties
@given(texts, shapes)
def test_a_text_keeps_its_pieces_and_its_length(texts, shapes):
    for batch in batches(texts, shapes):
        for row, number in enumerate(batch.texts):
            length = batch.lengths[row]
            assert batch.ids[row, :length].tolist() == texts[number]


@properties
@given(texts, shapes)
def test_all_that_is_no_text_is_padding(texts, shapes):
    for batch in batches(texts, shapes):
        pieces = sum(len(texts[number]) for number in batch.texts)
        assert np.count_nonzero(batch.ids) == batch.lengths.sum() == pieces


@properties
@given(texts, shapes)
def test_strips_cover_every_piece_and_no_place_twice(texts, shapes):
    for batch in batches(texts, shapes):
        times = np.zeros_like(batch.ids)
        for strip in batch.strips:
            assert times[strip].shape in shapes
            times[strip] += 1
        assert times.max() == 1
        assert (times[batch.ids > 0] == 1).all()


@properties
@given(texts, shapes)
def test_the_strips_of_a_row_go_from_left_to_right_without_a_gap(texts, shapes):
    for batch in batches(texts, shapes):
        for row in range(len(batch.texts)):
            mine = [c for rows, c in batch.strips if rows.start <= row < rows.stop]
            ends = [columns.stop for columns in mine]
            assert [columns.start for columns in mine] == [0, *ends[:-1]]


@properties
@given(texts, shapes)
def test_a_batch_of_several_texts_is_bounded(texts, shapes):
    for batch in batches(texts, shapes):
        pieces = sum(padded_pieces(len(texts[number])) for number in batch.texts)
        assert len(batch.texts) == 1 or pieces <= MAX_BATCH_PIECES
        assert len(batch.texts) <= max(height for height, _ in shapes)


@properties
@given(texts, shapes)
def test_strips_have_no_more_pieces_than_their_bound(texts, shapes):
    for batch in batches(texts, shapes):
        counted = [padded_pieces(int(length)) for length in batch.lengths]
        read = sum(batch.ids[strip].size for strip in batch.strips)
        assert read <= most_read(sum(counted), max(counted), shapes)


@pytest.mark.parametrize(
    ("num_pieces", "longest", "shapes", "expected"),
    [
        # 16 rows for each of 2,048 columns, and 8 more columns.
        (4096, 2048, {SURE}, 16 * 2048 + 16 * 8),
        # A row for each of 16 columns; 4 rows where 2 are read; 8 more columns of both heights.
        (16, 16, {(1, 8), (4, 8), (4, 16)}, 16 + 2 * 16 + (1 + 4) * 8),
    ],
)
def test_the_bound_of_strips_worked_by_hand(num_pieces, longest, shapes, expected):
    assert most_read(num_pieces, longest, shapes) == expected


@properties
@given(texts)
def test_with_one_shape_every_call_has_it(texts):
    for batch in batches(texts):
        assert {batch.ids[strip].shape for strip in batch.strips} == {SURE}


def test_the_longest_text_is_the_first_row():
    found = [
        number
        for batch in batches([text(0, 5), text(1, 5000), text(2, 70)])
        for number in batch.texts
    ]
    assert found == [1, 2, 0]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([5], [(0, 1, 0, 8)]),
        ([20], [(0, 1, 0, 16), (0, 1, 16, 20)]),
        ([130], [(0, 1, 0, 64), (0, 1, 64, 128), (0, 1, 128, 132)]),
        ([30, 20], [(0, 2, 0, 16), (0, 2, 16, 20), (0, 1, 20, 28), (0, 1, 28, 32)]),
        ([32, 16, 16], [(0, 3, 0, 16), (0, 1, 16, 32)]),
        ([64, 32, 16], [(0, 3, 0, 16), (0, 2, 16, 32), (0, 1, 32, 64)]),
        ([30] * 9 + [7] * 11, [(0, 20, 0, 8), (0, 10, 8, 24), (0, 10, 24, 32)]),
        ([30] * 8 + [7] * 12, [(0, 20, 0, 8), (0, 8, 8, 24), (0, 8, 24, 32)]),
        ([10] * 128, [(0, 128, 0, 4), (0, 128, 4, 8), (0, 128, 8, 12)]),
    ],
)
def test_strips_are_lower_where_texts_have_ended(lengths, expected):
    found = [(r.start, r.stop, c.start, c.stop) for r, c in strips(lengths, ALL)]
    assert found == expected


def test_a_strip_is_the_widest_that_is_left():
    shapes = {(16, 8), (16, 24)}
    widths = [c.stop - c.start for _, c in strips([60] * 16, shapes)]
    assert widths == [24, 24, 8, 8]


@pytest.mark.parametrize(("length", "expected"), [(2, 8), (8, 8), (9, 16), (8194, 8200)])
def test_a_text_counts_by_whole_columns_of_eight(length, expected):
    assert padded_pieces(length) == expected
    assert 0 <= expected - max(strip.columns.stop for strip in strips([length], ALL)) < 8


def test_one_text_runs_in_one_row_however_long():
    assert all(strip.rows == slice(0, 1) for strip in strips([8194], ALL))


def test_a_strip_of_a_batch_is_what_its_slices_say():
    (batch,) = batches([text(0, 3), text(1, 2)])
    assert batch.strips == (Strip(slice(0, 16), slice(0, 8)),)
    assert batch.ids.shape == (16, 8)


def test_no_texts_make_no_batches():
    assert list(batches([])) == []
