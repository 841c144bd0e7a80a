import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biLM.bulk import parsers
from biLM.bulk.lines import Line
from biLM.bulk.parsers import Columns
from biLM.bulk.sources import open_source
from biLM.errors import SourceError


def records(path, data, columns=None):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(open_source(path, columns or Columns()))


def texts(*given):
    found = records(*given)
    assert not [record.refusal for record in found if record.refusal]
    return [record.text for record in found]


def test_blank_lines_of_json_lines_are_no_records_but_have_their_place(tmp_path):
    data = '\n{"text": "a"}\n\n \t\r\n{"text": "b"}\n{"txt": 1}\n\u3000\n\n'
    first, second, bad = records(tmp_path / "a.jsonl", data)
    assert [(record.number, record.text) for record in (first, second)] == [(0, "a"), (1, "b")]
    assert bad.number == 2
    assert "line 6: there is no column 'text'" in bad.refusal


@pytest.mark.parametrize("name", ["a.ndjson", "A.JSONL", "a.json", "data.v1.NDJSON"])
def test_json_lines_have_several_names(tmp_path, name):
    assert texts(tmp_path / name, '{"text": "好"}\r\n{"text": "a"}') == ["好", "a"]


@pytest.mark.parametrize("data", ['[{"text": "a"}]\n', '[\n{"text": "a"}\n]\n', '["a"]'])
def test_an_array_is_no_json_lines_and_the_message_has_the_remedy(tmp_path, data):
    refused = records(tmp_path / "a.json", data)[0].refusal
    assert "of an array make JSON Lines, for example with jq -c '.[]'" in refused


REVIEWS = (
    "\ufefflabel,review,city\r\n"
    '1,"很好, 推荐""真的""",北京\r\n'
    '0,"第一行\n第二行",上海\r\n'
    "\r\n"
    "1,不错,广州"
)


@pytest.mark.parametrize("end", ["", "\r\n", "\n\n\n"])
def test_csv_has_a_header_quotes_and_texts_of_several_lines(tmp_path, end):
    found = records(tmp_path / "a.CSV", REVIEWS + end, Columns("review"))
    assert [record.text for record in found] == ['很好, 推荐"真的"', "第一行\n第二行", "不错"]
    assert [record.number for record in found] == [0, 1, 2]
    assert [record.place.rpartition(" ")[2] for record in found] == ["2", "3", "6"]


def test_csv_may_have_columns_by_number_and_the_default_is_text(tmp_path):
    assert texts(tmp_path / "a.csv", "x,a\ny,b\n", Columns("1")) == ["a", "b"]
    assert texts(tmp_path / "a.csv", "id,text\n1,a\n") == ["a"]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.lists(st.tuples(cells, cells), min_size=1))
def test_what_the_csv_writer_of_python_wrote_is_read(tmp_path_factory, rows):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("a", "b"), *rows])
    path = tmp_path_factory.getbasetemp() / "written.csv"
    assert texts(path, file.getvalue(), Columns("b")) == [row[1] for row in rows]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("label,text\n1,a,b\n0,好\n", "line 2: 3 columns; the first line has 2; a comma inside"),
        ("label,text\n1\n0,好\n", "line 2: 1 columns; number 1, counted from 0"),
        ('label,text\n1,"a"b\n0,好\n', "line 2: not CSV: .*a quote in it is doubled"),
        (b'label,text\n1,"a\n\xff"\n0,good\n', "line 3: not UTF-8"),
        ("label,text\n1,a\rb\n0,好\n", "line 2: not CSV"),
    ],
)
def test_a_row_of_csv_that_cannot_be_read_is_refused_and_the_next_is_read(tmp_path, data, told):
    refused, good = records(tmp_path / "a.csv", data)
    with pytest.raises(SourceError, match=told):
        raise SourceError(refused.refusal)
    assert (good.number, good.refusal) == (1, "")


@pytest.mark.parametrize(
    ("name", "data", "columns", "told"),
    [
        (
            "a.csv",
            "label;text\n1;a\n",
            Columns(),
            r"no column 'text'; .*'label;text'\], divided by",
        ),
        ("a.csv", "text,text\n1,a\n", Columns(), "2 columns are named 'text'; rename all but one"),
        ("a.csv", 'text\na\n"b\nc\n', Columns(), "line 3: a quote opens here that nothing closes"),
        ("a.csv", b"te\xffxt\n", Columns(), "line 1: not UTF-8"),
        ("a.csv", "text\n", Columns("text", id="0"), "give two names, or two numbers"),
        ("a.tsv", "text\tid\n", Columns(id="id"), "columns '0' and 'id': give two names"),
        ("a.csv", "text\n", Columns(spans="at"), "have no lists of spans"),
        ("a.txt", "text\n", Columns(id="id"), "a text file has no column 'id'"),
    ],
)
def test_a_file_without_such_columns_is_refused(tmp_path, name, data, columns, told):
    with pytest.raises(SourceError, match=told):
        records(tmp_path / name, data, columns)


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl"])
@pytest.mark.parametrize("data", ["", "\ufeff"])
def test_an_empty_file_has_no_records(tmp_path, name, data):
    assert records(tmp_path / name, data) == []


def test_a_quote_that_is_not_closed_takes_no_more_than_a_line_may(tmp_path, monkeypatch):
    monkeypatch.setattr(parsers, "MAX_LINE_BYTES", 1000)
    data = 'text\nfirst\n"open\n' + "a text\n" * 10_000
    with pytest.raises(SourceError, match="line 3: a quote opens here that 1,000 bytes do not"):
        records(tmp_path / "a.csv", data)


def test_blank_lines_of_tsv_are_texts_only_in_a_single_column(tmp_path):
    assert texts(tmp_path / "a.tsv", "a\tb\n\nc\td\n\n", Columns("1")) == ["b", "d"]
    assert texts(tmp_path / "a.tsv", "a\n\nb\n") == ["a", "", "b"]


@pytest.mark.parametrize(
    ("data", "columns", "expected"),
    [
        ("\nx\t1\ny\t2\n", Columns("0", id="1"), [("x", "1"), ("y", "2")]),
        ("\n\nx\t1\n\ny\t2\n", Columns("0"), [("x", None), ("y", None)]),
        ("\nid\ttext\n1\tx\n", Columns("text"), [("x", None)]),
        ("\ntext\n\nx\n", Columns("text"), [("", None), ("x", None)]),
        ("\n\nx\n\ny\n", Columns("0"), [(text, None) for text in ["", "", "x", "", "y"]]),
        ("\n\n", Columns("0"), [("", None), ("", None)]),
        ("\n\n", Columns("0", id="1"), []),
        ("\n\n", Columns("text"), []),
    ],
)
def test_blank_lines_before_the_first_row_of_tsv_follow_the_same_rule(
    tmp_path, data, columns, expected
):
    found = records(tmp_path / "a.tsv", data, columns)
    assert [(record.text, record.id, record.refusal) for record in found] == [
        (*parts, "") for parts in expected
    ]


def test_many_blank_lines_before_the_first_row_are_those_of_a_single_column(tmp_path, monkeypatch):
    monkeypatch.setattr(parsers, "MOST_BLANK", 3)
    assert texts(tmp_path / "a.tsv", "\n\nx\t1\n") == ["x"]
    assert texts(tmp_path / "a.tsv", "\n\n\n\nx\n\n") == ["", "", "", "", "x", ""]
    assert texts(tmp_path / "a.tsv", "\n" * 9 + "x\t1\n", Columns("0", id="1")) == ["x"]
    *_, divided = records(tmp_path / "a.tsv", "\n\n\nx\t1\n")
    assert "line 4: 2 columns; the first line has 1; a tab inside a text" in divided.refusal


@pytest.mark.parametrize("columns", [Columns("0"), Columns("text")])
def test_memory_does_not_grow_with_blank_lines(columns, monkeypatch):
    monkeypatch.setattr(parsers, "MOST_BLANK", 1000)
    lines = (Line(Path("a.tsv"), number, b"\n", "utf-8") for number in range(1, 30_001))
    tracemalloc.start()
    try:
        for _ in parsers.tsv_records(columns, lines):
            pass
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 1 << 20


def test_a_quoted_empty_cell_is_a_text_in_csv_of_a_single_column(tmp_path):
    assert texts(tmp_path / "a.csv", '\n""\nx\n\n""\n', Columns("0")) == ["", "x", ""]


def test_a_first_row_that_is_too_short_does_not_set_the_width(tmp_path):
    short, *good = records(tmp_path / "a.tsv", "x\n\ny\t1\nz\t2\n", Columns("0", id="1"))
    assert "line 1: 1 columns; number 1, counted from 0" in short.refusal
    assert [(record.text, record.id, record.refusal) for record in good] == [
        ("y", "1", ""),
        ("z", "2", ""),
    ]


def test_a_tab_inside_a_text_is_refused_and_a_quote_is_a_character(tmp_path):
    quoted, divided = records(tmp_path / "a.tsv", '1\t"好"\n2\t很\t好\n', Columns("1"))
    assert quoted.text == '"好"'
    assert "line 2: 3 columns; the first line has 2; a tab inside a text" in divided.refusal


def test_a_message_does_not_repeat_a_whole_text_as_a_name(tmp_path):
    with pytest.raises(SourceError) as error:
        records(tmp_path / "a.csv", "好" * 1000 + "\n")
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("-", "texts are not read from standard input, because .*write them to a file"),
        ("", "is a folder; name one file, and embed each of several"),
        ("a.jsonl.zst", "ends in .zst; texts are read from .txt, .csv"),
    ],
)
def test_what_is_no_file_of_texts_is_refused_with_the_remedy(tmp_path, name, told):
    (tmp_path / "a.jsonl.zst").touch()
    with pytest.raises(SourceError, match=told):
        open_source(tmp_path / name if name else Path(tmp_path), Columns())
