import csv
import gzip
import io
import json
import lzma
import zipfile

import pyarrow
import pytest
from pyarrow import parquet

from biLM.errors import SourceError
from training.errors import CorpusError
from training.text.documents import (
    BAD_RECORDS,
    DIVIDED,
    EMPTY,
    NO_TEXT,
    OTHER_JSON,
    UNREADABLE,
    Reader,
    Reading,
)
from training.text.origins import as_file, origins
from training.text.sources import HIDDEN, OTHER_KIND, find_sources
from training.text.summary import Tally

PROSE = (
    "春天来了，院子里的苹果树开了花。\n奶奶说，今年的苹果一定又大又甜。\n"
    "我在用苹果手机给远方的朋友打电话，告诉他这里下雨了。\n电脑中了病毒，窗口一个接一个地弹出来。\n"
)
LINES = PROSE.split("\n")[:-1]


class Found:
    """What a reader finds in a folder."""

    def __init__(self, folder, **reading):
        self.tally = Tally()
        self.reader = Reader(Reading(**reading), self.tally)
        sources = find_sources([folder], self.tally)
        self.documents = [d for s in sources.values() for d in self.reader.documents(s)]
        self.texts = [document.text for document in self.documents]
        self.places = [document.place for document in self.documents]
        self.notes = "\n".join([*self.reader.notes(), *self.tally.lines()])


def csv_of(rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def json_lines(*records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


RECORDS = {
    "a.csv": csv_of([["id", "review"], ["1", LINES[0]], ["2", f"{LINES[1]}，\n“好”,甜"]]),
    "a.tsv": f"label\treview\n1\t{LINES[0]}\n0\t{LINES[1]}，\t\n".encode(),
    "a.jsonl": json_lines({"id": "一二三", "content": LINES[0]}, {"content": LINES[1] + "，\n好"}),
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize(
    ("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".XZ", lzma.compress)]
)
def test_each_record_of_a_table_is_a_document(tmp_path, name, suffix, pack):
    (tmp_path / f"{name}{suffix}").write_bytes(pack(RECORDS[name]))
    found = Found(tmp_path)
    ends = {"a.csv": " “好”,甜", "a.tsv": "", "a.jsonl": " 好"}
    assert found.texts == [LINES[0], f"{LINES[1]}，{ends[name]}"]
    column = "content" if name == "a.jsonl" else "review"
    assert f"text is taken from column {column} (--column determines it): 1" in found.notes
    assert "a document is a record in 1" in found.notes


@pytest.mark.parametrize("packed", [False, True])
def test_each_row_of_parquet_is_a_document(tmp_path, packed):
    table = pyarrow.table(
        {"id": [1, 2, 3], "title": ["甲", "乙", "丙"], "body": [*LINES[:2], None]}
    )
    out = io.BytesIO()
    parquet.write_table(table, out)
    data = gzip.compress(out.getvalue()) if packed else out.getvalue()
    (tmp_path / ("a.parquet.gz" if packed else "a.parquet")).write_bytes(data)
    found = Found(tmp_path)
    assert found.texts == LINES[:2]
    assert found.places[1].endswith(", row 1")
    assert "column body" in found.notes
    assert found.tally[NO_TEXT] == 1


def test_the_column_may_be_named_and_records_without_it_are_counted(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(
        json_lines({"text": "甲", "more": LINES[0]}, {"text": "乙"}, {"more": None}, {"more": 3})
        + b"{broken\n"
    )
    found = Found(tmp_path, column="more")
    assert found.texts == [LINES[0]]
    assert (found.tally[BAD_RECORDS], found.tally[NO_TEXT]) == (3, 1)
    assert "a.jsonl, line 2: there is no column 'more'" in found.notes


@pytest.mark.parametrize(
    ("rows", "texts", "column"),
    [
        ([["1", LINES[0]], ["0", LINES[1]]], LINES[:2], "number 1"),
        ([["标签", "说法"], ["好", LINES[0]], ["坏", LINES[1]]], LINES[:2], "说法"),
        ([["label", "x"], ["好", LINES[0]], ["坏", LINES[1]]], LINES[:2], "x"),
        ([["", "x"], ["0", LINES[0]], ["1", LINES[1]]], LINES[:2], "x"),
        ([["text", "summary"], [LINES[0], LINES[1] * 3]], LINES[:1], "text"),
        ([[LINES[0]], [LINES[1]]], LINES[:2], "number 0"),
    ],
)
def test_the_column_and_the_header_of_csv_are_guessed(tmp_path, rows, texts, column):
    (tmp_path / "a.csv").write_bytes(csv_of(rows))
    found = Found(tmp_path)
    assert found.texts == texts
    assert f"taken from column {column}" in found.notes


def test_a_table_without_texts_is_left_out_by_name(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(json_lines({"id": 1}))
    found = Found(tmp_path)
    assert found.texts == []
    assert "a.jsonl: no column of the first 100 records has texts; name one by --column" in (
        found.notes
    )


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
        ("big5", "big5"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_encoding_is_found_and_reported(tmp_path, encoding, note, end):
    text = PROSE if encoding != "big5" else "春天來了，院子裡的蘋果樹開了花。\n電腦中了病毒。\n" * 2
    (tmp_path / "a.TXT").write_bytes(text.replace("\n", end).encode(encoding))
    found = Found(tmp_path)
    assert found.texts == text.split("\n")[:-1]
    assert ("files in" in found.notes) == bool(note)
    assert note in found.notes


def test_the_named_encoding_is_for_the_files_that_do_not_show_theirs(tmp_path):
    for name, encoding in (("a", "utf-8"), ("b", "utf-16"), ("c", "gbk")):
        (tmp_path / f"{name}.txt").write_bytes(LINES[0].encode(encoding))
    assert Found(tmp_path, encoding="gbk").texts == LINES[:1] * 3


def test_an_encoding_that_does_not_exist_is_refused_at_once():
    with pytest.raises(SourceError, match="no text encoding 'gbk2'"):
        Reading(encoding="gbk2")
    with pytest.raises(CorpusError, match="document is 'page'; it is file, line, blank-line"):
        Reading(document="page")


def test_a_page_says_its_own_encoding(tmp_path):
    page = '<meta http-equiv=x content="text/html; charset=shift_jis"><p>りんごを食べる。</p>'
    (tmp_path / "a.htm").write_bytes(page.encode("shift_jis"))
    assert Found(tmp_path).texts == ["りんごを食べる。"]


def test_a_damaged_line_is_dropped_and_the_others_are_read(tmp_path):
    (tmp_path / "a.txt").write_bytes(PROSE.encode() * 9 + b"\xe8\x8b\n" + "尾\n".encode() + b"\0\n")
    found = Found(tmp_path)
    assert found.texts == [*LINES * 9, "尾"]
    assert found.tally[BAD_RECORDS] == 2
    assert "a.txt, line 37: not UTF-8" in found.notes


def test_bytes_that_are_no_text_are_left_out_by_name(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 10)
    found = Found(tmp_path)
    assert found.texts == []
    assert f"{UNREADABLE}: 1 (a.txt: its encoding is not clear" in found.notes


def test_members_of_an_archive_are_read_like_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.ZIP", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/a.txt", LINES[0].encode("gbk"))
        archive.writestr("x/b.md", f"# 标题\n\n{LINES[1]}")
        archive.writestr("c.csv.gz", gzip.compress(RECORDS["a.csv"]))
        archive.writestr("d.png", b"x")
        archive.writestr("__MACOSX/x/a.txt", b"x")
        out = io.BytesIO()
        parquet.write_table(pyarrow.table({"text": LINES[2:]}), out)
        archive.writestr("e.parquet", out.getvalue())
    found = Found(tmp_path)
    assert found.texts[:3] == [LINES[0], f"标题 {LINES[1]}", LINES[0]]
    assert found.texts[4:] == LINES[2:]
    assert found.places[0] == "all.ZIP/x/a.txt, line 1"
    assert (found.tally[OTHER_KIND], found.tally[HIDDEN]) == (1, 1)


def test_a_damaged_archive_and_a_locked_member_are_left_out_by_name(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\3\4 but no archive")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x.txt", LINES[0])
        archive.writestr("y.txt", LINES[1])
    data = bytearray((tmp_path / "b.zip").read_bytes())
    data[data.index(LINES[0].encode())] ^= 1  # the checksum no longer fits
    (tmp_path / "b.zip").write_bytes(data)
    found = Found(tmp_path)
    assert found.texts[-1:] == LINES[1:2]
    assert found.tally[UNREADABLE] == 2
    assert "a.zip: no archive that can be read" in found.notes
    assert "b.zip/x.txt: " in found.notes


def test_a_packed_file_that_ends_too_early_is_named_and_what_came_before_is_kept(tmp_path):
    data = "".join(f"第{number * 7919 % 10007}篇文章\n" for number in range(9_000)).encode()
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(data)[:-9])
    found = Found(tmp_path)
    assert len(found.texts) > 5_000
    assert "the file ends or is damaged here" in found.notes
    with pytest.raises(CorpusError, match=r"1 of 1 files cannot be read.*mend or remove them"):
        found.reader.refuse_unreadable()


def test_one_unreadable_file_among_many_is_reported_and_not_refused(tmp_path):
    for number in range(10):
        (tmp_path / f"{number}.txt").write_text(LINES[0])
    (tmp_path / "x.zip").write_bytes(b"x")
    Found(tmp_path).reader.refuse_unreadable()
    (tmp_path / "9.txt").unlink()
    with pytest.raises(CorpusError, match=r"1 of 10 files .*x\.zip"):
        Found(tmp_path).reader.refuse_unreadable()


PARAGRAPHS = "\n\n".join(["一一一\n二二二", "三三三\n四四四"] * 3)


@pytest.mark.parametrize(
    ("document", "texts"),
    [
        ("line", ["一一一", "二二二", "三三三", "四四四"] * 3),
        ("blank-line", ["一一一 二二二", "三三三 四四四"] * 3),
        ("file", [" ".join(["一一一 二二二", "三三三 四四四"] * 3)]),
    ],
)
def test_a_document_is_what_the_caller_says(tmp_path, document, texts):
    (tmp_path / "a.txt").write_text(PARAGRAPHS)
    (tmp_path / "b.md").write_text(PARAGRAPHS)
    assert Found(tmp_path, document=document).texts == texts * 2


def test_paragraphs_of_several_lines_are_documents_and_others_lines(tmp_path):
    (tmp_path / "a.txt").write_text(PARAGRAPHS)
    (tmp_path / "b.txt").write_text(PARAGRAPHS.replace("\n", "\n\n"))
    found = Found(tmp_path)
    assert [len(text) for text in found.texts] == [7] * 6 + [3] * 12
    assert (
        "a document is what stands between blank lines in 1 text file, a line in 1 text file"
        " (--document determines it)"
    ) in found.notes


def test_each_of_many_small_files_is_a_document(tmp_path):
    for number in range(65):
        (tmp_path / f"{number:02d}.txt").write_text(f"第{number}篇\n开头。\n结尾。")
    found = Found(tmp_path)
    assert found.texts[7] == "第7篇 开头。 结尾。"
    assert "a document is a whole file in 65 text files" in found.notes


def test_a_notice_below_each_article_is_removed_and_a_line_of_a_list_of_documents_is_not(tmp_path):
    for number in range(20):
        (tmp_path / f"{number:02d}.md").write_text(f"第{number}篇\n\n版权所有")
        (tmp_path / f"{number:02d}.txt").write_text("版权所有\n")
    found = Found(tmp_path)
    articles = [text for text in found.texts if text.startswith("第")]
    assert articles[9:11] == ["第9篇 版权所有", "第10篇"]
    assert found.texts.count("版权所有") == 20


def test_a_book_in_one_document_is_divided_between_its_lines(tmp_path):
    book = [f"第{number}段。" + "字" * 995 for number in range(50)]
    (tmp_path / "a.md").write_text("\n".join(book))
    found = Found(tmp_path)
    assert len(found.texts) == 3
    assert "".join(found.texts) == "".join(book)
    assert found.places[1] == "a.md, line 21"
    assert found.tally[DIVIDED] == 2


def test_json_that_is_no_object_on_each_line_is_skipped_by_name(tmp_path):
    (tmp_path / "a.json").write_text('{\n  "text": "苹果"\n}')
    (tmp_path / "b.json").write_bytes(json_lines({"text": LINES[0]}))
    (tmp_path / "c.json").write_text("[1, 2]")
    found = Found(tmp_path)
    assert found.texts == LINES[:1]
    assert f"{OTHER_JSON}: 2 (a.json; c.json)" in found.notes


@pytest.mark.parametrize(
    "name",
    [
        "notes.json.txt",
        "NOTES.JSON.TXT",
        "notes.json.txt.gz",
        "reviews.csv.txt",
        "table.parquet.txt",
        "a.md.gz.txt",
        "archive.zip.txt",
    ],
)
def test_a_text_whose_name_has_another_suffix_before_the_last_is_a_text(tmp_path, name):
    data = PROSE.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    found = Found(tmp_path)
    assert found.texts == LINES
    assert "a document is a line in 1 text file" in found.notes


def test_of_other_files_the_last_suffix_decides_as_well(tmp_path):
    (tmp_path / "a.txt.json").write_bytes(json_lines({"text": LINES[0]}))
    (tmp_path / "b.txt.JSON").write_text("[1, 2]")
    (tmp_path / "page.html.bak").write_text(PROSE)
    found = Found(tmp_path)
    assert found.texts == LINES[:1]
    assert f"{OTHER_JSON}: 1 (b.txt.JSON)" in found.notes
    assert f"{OTHER_KIND}: 1 (page.html.bak)" in found.notes


def test_parquet_is_read_where_it_is_in_whatever_case_its_suffix_is(tmp_path):
    (tmp_path / "A.PARQUET").write_bytes(b"")
    (source,) = find_sources([tmp_path]).values()
    (origin,) = origins(source, source.files[0], Tally())
    with as_file(origin) as path:
        assert path == tmp_path / "A.PARQUET"


@pytest.mark.parametrize("column", [None, "text"])
def test_damaged_parquet_is_left_out_by_name(tmp_path, column):
    out = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": LINES}), out)
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(out.getvalue())[:-20])
    ends = [pyarrow.py_buffer(b"\0\0\0\0\3\0\0\0"), pyarrow.py_buffer(b"a\xff\xfe")]
    no_text = pyarrow.Array.from_buffers(pyarrow.string(), 1, [None, *ends])
    parquet.write_table(pyarrow.table({"text": no_text}), tmp_path / "b.parquet")
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c.parquet", out.getvalue())
    packed = bytearray((tmp_path / "c.zip").read_bytes())
    packed[100:140] = bytes(byte ^ 0x5A for byte in packed[100:140])
    (tmp_path / "c.zip").write_bytes(packed)
    (tmp_path / "d.txt").write_text(PROSE)
    found = Found(tmp_path, column=column)
    assert found.texts == LINES
    assert found.tally[UNREADABLE] == 3
    for name in ("a.parquet.gz", "b.parquet", "c.parquet"):
        assert name in found.notes


def test_a_file_without_text_is_reported_by_name(tmp_path):
    (tmp_path / "a.txt").write_text("\n \n")
    (tmp_path / "b.html").write_text("<script>苹果</script>")
    assert f"{EMPTY}: 2 (a.txt; b.html)" in Found(tmp_path).notes
