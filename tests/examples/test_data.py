import gzip
import lzma

import pytest

from examples.classifier.data import Labelled, read_labelled
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
        ("a\tb\n\nc\n", "rows.tsv:3: 1 columns, which tabs divide, and column 2 is asked for"),
        ("a\tb\nc\td\te\n", "rows.tsv:2: 3 columns, and the first line has 2; a tab inside"),
        ("a,b\n", "1 columns.*if commas divide them, the name of the file must end in .csv"),
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


@pytest.mark.parametrize("header", ["label\treview\treview", "label\treview\tlabel"])
def test_a_name_that_two_columns_have_is_refused(file, header):
    with pytest.raises(
        DataError, match=r"rows\.tsv:1: 2 columns are named '(label|review)'; rename"
    ):
        read_labelled([file(f"{header}\n1\t好\t坏\n")], "label", "review")


WAIMAI = 'label,review\r\n1,"很快，好吃, 味道""足"""\r\n0,"送餐慢\n还凉了"\r\n\r\n1,不错'
WAIMAI_DATA = Labelled(['很快，好吃, 味道"足"', "送餐慢\n还凉了", "不错"], ["1", "0", "1"])


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [
        (None, "utf-8"),
        (None, "utf-8-sig"),
        (None, "utf-16"),
        ("gbk", "gb18030"),
        ("utf-8", "utf-8-sig"),
    ],
)
@pytest.mark.parametrize("name", ["waimai_10k.csv", "WAIMAI.CSV", "waimai.csv.xz", "a.csv.gz"])
def test_the_csv_of_chinese_data_sets_is_read(file, encoding, codec, name):
    data = WAIMAI.encode(codec)
    path = file(gzip.compress(data) if name.endswith(".gz") else data, name)
    assert read_labelled([path], "label", "review", encoding) == WAIMAI_DATA


def test_csv_without_a_header_has_columns_by_number(file):
    path = file("1,好\n0,坏\n", "rows.csv")
    assert read_labelled([path], "1", "2") == Labelled(["好", "坏"], ["1", "0"])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("label,review\n1,好,吃\n", "rows.csv:2: 3 columns, .*a comma inside a text.* in quotes"),
        ('label,review\n1,"好"吃\n', "rows.csv:2: not CSV: .*a quote in it is doubled"),
        ('label,review\n1,a\n0,"b\n1,c\n', "rows.csv:3: not CSV: .*a quote that opens must close"),
        ("label\treview\n", r"\['label\\treview'\], which commas divide.*must not end in .csv"),
        ("label;review\n", r"no column named 'label' in \['label;review'\], which commas divide"),
        ("label,review\n1,好\n".encode("gbk"), "rows.csv:2: not UTF-8: .*--text-encoding gbk"),
    ],
)
def test_a_csv_that_cannot_be_read_names_commas_quotes_or_the_encoding(file, data, told):
    with pytest.raises(DataError, match=told):
        read_labelled([file(data, "rows.csv")], "label", "review")


def test_an_encoding_that_is_none_is_refused_with_some_that_are(file):
    with pytest.raises(DataError, match="unknown encoding: gbkk; give --text-encoding utf-8, gbk"):
        read_labelled([file(ROWS)], "1", "3", "gbkk")


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
