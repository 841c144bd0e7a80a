import lzma

import pytest

from examples.classifier.data import read_labelled
from examples.classifier.errors import DataError

ROWS = "水果\t1\t苹果很甜\n手机\t0\t屏幕碎了\n"


@pytest.fixture
def file(tmp_path):
    def written(data, name="rows.tsv"):
        path = tmp_path / name
        data = data.encode() if isinstance(data, str) else data
        path.write_bytes(lzma.compress(data) if name.endswith(".xz") else data)
        return path

    return written


def test_numbers_read_a_file_without_header(file):
    data = read_labelled([file(ROWS)], "1", "3")
    assert data.labels == ["水果", "手机"]
    assert data.texts == ["苹果很甜", "屏幕碎了"]


def test_names_are_looked_up_in_the_first_line_which_is_no_row(file):
    data = read_labelled([file("review\tsentiment\n甜\t1\n")], "sentiment", "review")
    assert (data.labels, data.texts) == (["1"], ["甜"])


def test_a_byte_order_mark_is_no_part_of_the_first_name(file):
    data = read_labelled([file(b"\xef\xbb\xbflabel\ttext\na\tb\n")], "label", "text")
    assert (data.labels, data.texts) == (["a"], ["b"])


def test_xz_is_read_as_what_it_holds(file):
    plain, compressed = file(ROWS), file(ROWS, "rows.tsv.xz")
    assert read_labelled([compressed], "1", "3") == read_labelled([plain], "1", "3")


def test_several_files_follow_one_another(file):
    paths = [file("a\t1\n", "first.tsv"), file("b\t2\n", "second.tsv")]
    assert read_labelled(paths, "2", "1").texts == ["a", "b"]


def test_a_line_ends_at_the_newline_and_nowhere_else(file):
    data = read_labelled([file("a\tone\u2028two\x0b\x85\r\nb\t\n")], "1", "2")
    assert data.texts == ["one\u2028two\x0b\x85", ""]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("a\tb\nc\n", "rows.tsv:2: 1 columns"),
        ("a\tb\n\n", "rows.tsv:2: 1 columns"),
        ("a\tb\n\tb\n", "rows.tsv:2: the label in column 1 is empty"),
        (b"a\tb\nc\td\n\xff\td\n", "rows.tsv:3: not UTF-8"),
        ("", "rows.tsv has no rows"),
    ],
)
def test_a_bad_line_is_named_with_its_file(file, data, place):
    with pytest.raises(DataError, match=place):
        read_labelled([file(data)], "1", "2")


def test_a_name_that_is_not_in_the_first_line_is_refused_with_the_remedy(file):
    with pytest.raises(DataError, match=r"rows\.tsv:1: no column named 'category'.*numbers from 1"):
        read_labelled([file(ROWS)], "category", "review")


@pytest.mark.parametrize(("label", "text"), [("0", "1"), ("1", "0")])
def test_columns_count_from_1(file, label, text):
    with pytest.raises(DataError, match="columns count from 1"):
        read_labelled([file(ROWS)], label, text)


def test_a_name_beside_a_number_is_refused(file):
    with pytest.raises(DataError, match="two names or two numbers"):
        read_labelled([file(ROWS)], "label", "2")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.tsv cannot be read"):
        read_labelled([tmp_path / "none.tsv"], "1", "2")


def test_a_cut_off_xz_file_is_refused(file):
    path = file(ROWS * 1000, "rows.tsv.xz")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"rows\.tsv\.xz cannot be read"):
        read_labelled([path], "1", "3")
