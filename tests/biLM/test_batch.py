import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biLM.batch import num_columns, num_rows, rectangles

HEIGHTS = (1, 8, 16, 32, 64, 128)
COLUMNS = {16, 24, 32, 48, 64}
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
heights = st.sets(st.sampled_from(HEIGHTS)).map(lambda others: tuple(sorted({8, *others})))


@properties
@given(texts, heights)
def test_every_text_is_in_exactly_one_rectangle(texts, heights):
    found = [number for rectangle in rectangles(texts, heights) for number in rectangle.texts]
    assert sorted(found) == list(range(len(texts)))


@properties
@given(texts, heights)
def test_a_text_keeps_its_pieces_and_its_length(texts, heights):
    for rectangle in rectangles(texts, heights):
        for row, number in enumerate(rectangle.texts):
            length = rectangle.lengths[row]
            assert rectangle.ids[row, :length].tolist() == texts[number]


@properties
@given(texts, heights)
def test_all_that_is_no_text_is_padding(texts, heights):
    for rectangle in rectangles(texts, heights):
        pieces = sum(len(texts[number]) for number in rectangle.texts)
        assert torch.count_nonzero(rectangle.ids) == rectangle.lengths.sum() == pieces


@properties
@given(texts, heights)
def test_an_lstm_call_has_one_of_a_few_shapes(texts, heights):
    for rectangle in rectangles(texts, heights):
        rows, columns = rectangle.ids.shape
        assert rows in {1, *heights}
        assert columns % CHUNK in {0, *COLUMNS}


@properties
@given(texts, heights)
def test_a_rectangle_of_several_rows_is_bounded(texts, heights):
    for rectangle in rectangles(texts, heights):
        rows, columns = rectangle.ids.shape
        assert rows == 1 or rows * columns <= MAX_PADDED_PIECES


@properties
@given(texts, heights)
def test_the_lowest_rectangle_that_holds_all_is_taken(texts, heights):
    for rectangle in rectangles(texts, heights):
        rows = len(rectangle.ids)
        lower = [height for height in heights if height < rows]
        assert not lower or len(rectangle.texts) > max(lower[-1], 2 if lower[0] == 1 else 0)


@properties
@given(texts)
def test_with_one_height_the_shape_a_text_runs_in_follows_from_its_length(texts):
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
        (17, 24),
        (25, 32),
        (32, 32),
        (33, 48),
        (48, 48),
        (49, 64),
        (64, 64),
        (65, 80),
        (128, 128),
        (129, 144),
        (8194, 8208),
    ],
)
def test_the_width_is_the_narrowest_that_holds_the_text(length, columns):
    assert num_columns(length) == columns


@pytest.mark.parametrize(
    ("columns", "texts", "rows"),
    [
        (16, 1, 1),
        (16, 2, 1),
        (16, 3, 8),
        (16, 900, 128),
        (64, 33, 64),
        (64, 900, 64),
        (128, 900, 32),  # 4,096 padded pieces
        (256, 900, 16),
        (320, 900, 1),
        (8256, 1, 1),
    ],
)
def test_few_texts_and_wide_ones_run_in_low_rectangles(columns, texts, rows):
    assert num_rows(columns, texts, HEIGHTS) == rows


def test_no_texts_make_no_rectangles():
    assert list(rectangles([])) == []
