import gzip
import lzma

import pyarrow as pa
import pytest
from pyarrow import parquet

from biLM.bulk.parsers import Columns
from biLM.bulk.sources import open_source
from biLM.errors import SourceError

NOTHING_NAMED = Columns()


def texts_of(path, columns=NOTHING_NAMED):
    return [record.text for record in open_source(path, columns)]


def written(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_a_text_file_has_a_text_a_line_and_an_empty_line_is_one(tmp_path):
    path = written(tmp_path / "a.txt", "苹果\n\n手机 贵\n没有换行")
    assert texts_of(path) == ["苹果", "", "手机 贵", "没有换行"]


def test_a_byte_order_mark_and_carriage_returns_are_no_text(tmp_path):
    assert texts_of(written(tmp_path / "a.txt", "\ufeff苹果\r\n手机\r\n")) == ["苹果", "手机"]


def test_only_a_newline_ends_a_line(tmp_path):
    assert texts_of(written(tmp_path / "a.txt", "一\u2028二\x0b三\r四\n五")) == [
        "一\u2028二\x0b三\r四",
        "五",
    ]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_packed_files_are_read_as_they_were(tmp_path, suffix, pack):
    path = written(tmp_path / f"a.txt{suffix}", pack("苹果\n手机\n".encode()))
    assert texts_of(path) == ["苹果", "手机"]


@pytest.mark.parametrize(
    "name", ["notes.json.txt", "reviews.csv.TXT", "a.md.gz.txt", "x.tsv.Txt.GZ"]
)
def test_only_the_last_suffix_decides_how_a_file_is_read(tmp_path, name):
    data = b"a,b\tc\n"
    path = written(tmp_path / name, gzip.compress(data) if name.endswith(".GZ") else data)
    assert texts_of(path) == ["a,b\tc"]
    with pytest.raises(SourceError, match=r"ends in \.bak; texts are read from"):
        open_source(written(tmp_path / f"{name}.bak", data), NOTHING_NAMED)


def test_a_number_means_tsv_without_a_header_and_a_name_one_with(tmp_path):
    path = written(tmp_path / "a.tsv", "label\tbody\n水果\t苹果\n")
    assert texts_of(path, Columns("1")) == ["body", "苹果"]
    assert texts_of(path, Columns("body")) == ["苹果"]
    assert texts_of(path) == ["label", "水果"]


def test_json_lines_and_parquet_give_texts_words_and_spans(tmp_path):
    lines = written(
        tmp_path / "a.jsonl",
        '{"text": "苹果好", "w": ["苹果", "好"], "at": [[0, 2], [2, 3]]}\n'
        '{"text": "", "w": "手机 贵", "at": []}\n',
    )
    table = {"text": ["苹果好", ""], "w": [["苹果", "好"], []], "at": [[[0, 2], [2, 3]], []]}
    rows = tmp_path / "a.parquet"
    parquet.write_table(pa.table(table), rows)
    for path in (lines, rows):
        first, second = open_source(path, Columns(spans="at"))
        assert (first.text, first.spans) == ("苹果好", ((0, 2), (2, 3)))
        assert (second.text, second.spans) == ("", ())
    assert texts_of(lines, Columns("w", are_words=True)) == [("苹果", "好"), ("手机", "贵")]
    assert texts_of(rows, Columns("w", are_words=True)) == [("苹果", "好"), ()]


def test_records_are_counted_and_the_last_position_is_the_size(tmp_path):
    lines = written(tmp_path / "a.txt", "苹果\n手机\n" * 5000)
    rows = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": ["苹果"] * 3000}), rows)
    for path, number in ((lines, 10_000), (rows, 3000)):
        source = open_source(path, Columns())
        records = list(source)
        assert [record.number for record in records] == list(range(number))
        assert records[-1].position == source.size
        assert sorted(record.position for record in records) == [r.position for r in records]


@pytest.mark.parametrize(
    ("name", "data", "columns", "told"),
    [
        ("a.txt", "好", Columns("body"), "has no column 'body'"),
        ("a.tsv", "a\tb\n", Columns("body"), "line 1: there is no column 'body'; there are"),
        ("a.tsv", "a", Columns(spans="b"), "TSV have no lists of spans"),
        ("a.tsv", b"\xb0\xa1\n", Columns("body"), "line 1: not UTF-8"),
        ("a.doc", "好", Columns(), "ends in .doc; texts are read from .txt"),
        ("a", "好", Columns(), "ends in no suffix"),
        ("a.txt.gz", gzip.compress("好\n".encode() * 9, mtime=0)[:-9], Columns(), "a.txt.gz, line"),
        ("a.txt.xz", b"no xz", Columns(), "line 1: the file ends or is damaged here"),
        ("a.parquet", b"no parquet", Columns(), "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_place(tmp_path, name, data, columns, told):
    with pytest.raises(SourceError, match=told):
        texts_of(written(tmp_path / name, data), columns)


GOOD = '{"text": "好", "at": []}'


@pytest.mark.parametrize(
    ("name", "bad", "columns", "told"),
    [
        ("a.txt", b"\xb0\xa1", Columns(), "a.txt, line 2: not UTF-8"),
        ("a.tsv", b"\xb0\xa1", Columns(), "a.tsv, line 2: not UTF-8"),
        ("a.tsv", b"c", Columns("1"), "a.tsv, line 2: 1 columns"),
        ("a.jsonl", b'{"text": "\xb0\xa1"}', Columns(), "line 2: not UTF-8"),
        ("a.jsonl", b'{"txt": ""}', Columns(), "line 2: there is no column 'text'"),
        ("a.jsonl", b'{"text"', Columns(), "line 2: not JSON"),
        ("a.jsonl", b'["a"]', Columns(), "line 2: a list; each line must be an object"),
        ("a.jsonl", b'{"text": null}', Columns(), "line 2: the text is missing"),
        ("a.jsonl", b'{"text": 3}', Columns(), "line 2: the text is an int"),
        ("a.jsonl", b'{"text": [3]}', Columns(are_words=True), "line 2: the words are a list"),
        ("a.jsonl", b'{"text": "", "at": [3]}', Columns(spans="at"), "line 2: the spans"),
        ("a.jsonl", b'{"text": "", "at": ["01"]}', Columns(spans="at"), "line 2: the spans"),
        ("a.jsonl", b'{"text": "", "at": [[0, 1.7]]}', Columns(spans="at"), "line 2: the spans"),
    ],
)
def test_a_line_that_cannot_be_read_tells_why_and_the_next_is_read(
    tmp_path, name, bad, columns, told
):
    good = {"a.txt": "好", "a.tsv": "好\t好"}.get(name, GOOD).encode()
    source = open_source(written(tmp_path / name, b"\n".join([good, bad, good])), columns)
    before, refused, after = source
    assert told in refused.refusal
    assert (refused.number, refused.text, refused.spans) == (1, "", ())
    assert before.refusal == after.refusal == ""
    assert before.text == after.text in ("好", ("好",))
    assert after.number == 2


def test_a_parquet_file_without_the_column_or_the_text_is_told(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"body": ["好", None]}), path)
    with pytest.raises(SourceError, match=r"no column 'text'; there are \['body'\]"):
        texts_of(path)
    first, second = open_source(path, Columns("body"))
    assert (first.text, first.refusal) == ("好", "")
    assert second.refusal.endswith("a.parquet, row 1: the text is missing; it must be a string")


def test_damaged_files_are_told(tmp_path):
    packed = bytearray(gzip.compress(b"0123456789" * 9))
    packed[12] ^= 255
    with pytest.raises(SourceError, match="line 1: the file ends or is damaged"):
        texts_of(written(tmp_path / "a.txt.gz", bytes(packed)))
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": ["好" * 9] * 99}), path, compression="none")
    data = path.read_bytes().replace("好".encode() * 9, b"\xff" * 27)
    with pytest.raises(SourceError, match=r"a\.parquet, after row -1: cannot be read"):
        texts_of(written(path, data))


def test_a_file_that_has_gone_is_told(tmp_path):
    path = written(tmp_path / "a.txt", "好")
    source = open_source(path, NOTHING_NAMED)
    path.unlink()
    with pytest.raises(SourceError, match=r"a\.txt cannot be read"):
        list(source)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SourceError, match="is not a file"):
        open_source(tmp_path / "a.txt", Columns())
