import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biLM.batch import num_columns, num_rows, rectangles

ROWS = {1, 4, 16, 64}
COLUMNS = {16, 32, 64}
CHUNK = 64
MAX_PADDED_PIECES = 64 * 64


def text(number, length):
    """Ids that tell which text and which place they come from."""
    return [1 + number * 10_000 + place for place in range(length)]


length = st.integers(0, 40) | st.integers(41, 300) | st.just(5000)
texts = st.lists(length, max_size=90).map(
    lambda lengths: [text(number, length) for number, length in enumerate(lengths)]
)
properties = settings(max_examples=40)


@properties
@given(texts)
def test_every_text_is_in_exactly_one_rectangle(texts):
    found = [number for rectangle in rectangles(texts) for number in rectangle.texts]
    assert sorted(found) == list(range(len(texts)))


@properties
@given(texts)
def test_a_text_keeps_its_pieces_and_its_length(texts):
    for rectangle in rectangles(texts):
        for row, number in enumerate(rectangle.texts):
            length = rectangle.lengths[row]
            assert rectangle.ids[row, :length].tolist() == texts[number]


@properties
@given(texts)
def test_all_that_is_no_text_is_padding(texts):
    for rectangle in rectangles(texts):
        pieces = sum(len(texts[number]) for number in rectangle.texts)
        assert torch.count_nonzero(rectangle.ids) == rectangle.lengths.sum() == pieces


@properties
@given(texts)
def test_an_lstm_call_has_one_of_a_few_shapes(texts):
    for rectangle in rectangles(texts):
        rows, columns = rectangle.ids.shape
        assert rows in ROWS
        assert columns in COLUMNS or columns % CHUNK == 0


@properties
@given(texts)
def test_a_rectangle_of_several_rows_is_bounded(texts):
    for rectangle in rectangles(texts):
        rows, columns = rectangle.ids.shape
        assert rows == 1 or rows * columns <= MAX_PADDED_PIECES


@properties
@given(texts)
def test_at_most_half_of_the_rows_are_empty(texts):
    for rectangle in rectangles(texts):
        assert len(rectangle.ids) <= 2 * len(rectangle.texts)


@pytest.mark.parametrize(
    ("length", "columns"),
    [
        (0, 16),
        (2, 16),
        (16, 16),
        (17, 32),
        (32, 32),
        (33, 64),
        (64, 64),
        (65, 128),
        (128, 128),
        (129, 192),
        (8194, 8256),
    ],
)
def test_the_width_is_the_narrowest_that_holds_the_text(length, columns):
    assert num_columns(length) == columns


@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (1, 1),
        (2, 4),
        (3, 4),
        (4, 4),
        (5, 4),
        (7, 4),
        (8, 16),
        (16, 16),
        (17, 16),
        (31, 16),
        (32, 64),
        (64, 64),
        (1000, 64),
    ],
)
@pytest.mark.parametrize("columns", [16, 32, 64])
def test_the_height_is_full_or_at_most_half_empty(texts, rows, columns):
    assert num_rows(texts, columns) == rows


@pytest.mark.parametrize(
    ("columns", "rows"), [(128, 16), (256, 16), (320, 4), (1024, 4), (1088, 1)]
)
def test_wide_rectangles_are_low(columns, rows):
    assert num_rows(1000, columns) == rows


def test_no_texts_make_no_rectangles():
    assert list(rectangles([])) == []
