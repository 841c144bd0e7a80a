import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biLM.batch import num_columns, num_rows, rectangles

ROWS = {1, 16}
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
def test_the_shape_a_text_runs_in_follows_from_its_length_alone(texts):
    for rectangle in rectangles(texts):
        for text in rectangle.texts:
            (alone,) = rectangles([texts[text]])
            assert rectangle.ids.shape == alone.ids.shape


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
    ("columns", "rows"), [(16, 16), (64, 16), (128, 16), (256, 16), (320, 1), (8256, 1)]
)
def test_wide_rectangles_are_low(columns, rows):
    assert num_rows(columns) == rows


def test_no_texts_make_no_rectangles():
    assert list(rectangles([])) == []
