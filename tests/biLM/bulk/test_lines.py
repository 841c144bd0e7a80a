import codecs
import gzip
import lzma
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biLM.bulk import lines
from biLM.bulk.parsers import Columns
from biLM.bulk.sources import open_source
from biLM.errors import SourceError

TEXTS = [
    "上不了图，𠮷野家。",
    "",
    "plain",
    "不上一丁",
]  # 上 and 不 have the bytes 0A and 0D in UTF-16


def records(path, data, encoding=None, columns=None):
    path.write_bytes(data)
    return list(open_source(path, columns or Columns(), encoding))


def texts(*given):
    found = records(*given)
    assert not [record.refusal for record in found if record.refusal]
    return [record.text for record in found]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
@pytest.mark.parametrize(
    ("encoding", "codec"),
    [
        (None, "utf-8"),
        (None, "utf-8-sig"),
        ("utf-8", "utf-8-sig"),
        ("UTF-8-sig", "utf-8"),
        ("GBK", "gb18030"),
        ("gb2312", "gb18030"),
        ("gb18030", "gb18030"),
        (None, "utf-16"),
        ("utf-16", "utf-16"),
        ("UTF-16LE", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        (None, "utf-32"),
        ("utf-32-be", "utf-32-be"),
    ],
)
def test_the_lines_of_a_file_are_those_that_were_written_in_its_encoding(
    tmp_path, encoding, codec, end, last
):
    data = end.join([*TEXTS, last]).encode(codec)
    assert texts(tmp_path / "a.txt", data, encoding) == [*TEXTS, *([last] if last else [])]


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, ".gz"), (lzma.compress, ".xz")])
def test_a_compressed_file_without_the_suffix_is_named(tmp_path, pack, suffix):
    with pytest.raises(
        SourceError, match=rf"content of a \{suffix} file; add \{suffix} to its name"
    ):
        records(tmp_path / "a.txt", pack("苹果\n".encode()))


def test_a_compressed_file_in_another_encoding_is_read(tmp_path):
    data = "苹果\n手机\n".encode("gbk")
    assert texts(tmp_path / "A.TXT.GZ", gzip.compress(data), "gbk") == ["苹果", "手机"]
    assert texts(tmp_path / "a.TXT.Xz", lzma.compress(data), "gbk") == ["苹果", "手机"]
    utf_16 = codecs.BOM_UTF16_BE + "苹果\n手机".encode("utf-16-be")
    assert texts(tmp_path / "a.txt.gz", gzip.compress(utf_16)) == ["苹果", "手机"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"))))
def test_any_text_survives_every_wide_encoding(tmp_path_factory, written):
    path = tmp_path_factory.getbasetemp() / "wide.txt"
    for codec in ("utf-16", "utf-32"):
        data = "".join(f"{text}\n" for text in written).encode(codec)
        assert texts(path, data) == written


def test_gb_18030_reads_all_that_gbk_reads():
    pairs = [bytes([lead, trail]) for lead in range(0x81, 0xFF) for trail in range(0x40, 0xFF)]
    valid = [pair for pair in pairs if len(pair.decode("gbk", "replace")) == 1]
    valid = [pair for pair in valid if pair.decode("gbk", "replace") != "\ufffd"]
    assert len(valid) > 20_000
    assert all(pair.decode("gbk") == pair.decode("gb18030") for pair in valid)


@pytest.mark.parametrize(
    ("data", "encoding", "told"),
    [
        ("好\n苹果".encode(), "gbk", "line 1: this is UTF-8, not GB18030; leave --text-encoding"),
        ("a\n苹果".encode(), "latin-1", "line 2: this is UTF-8, not ISO8859-1"),
        (b"plain english text\n", "utf-16-le", "line 1: this is UTF-8, not UTF-16-LE"),
        ("好".encode("gbk"), "utf-16", "line 1: no byte order mark of utf-16; .*utf-16-le or"),
        ("好".encode("utf-16"), "gbk", "the byte order mark of utf-16-le, not gb18030; leave"),
        ("\ufeff好".encode(), "gbk", "line 1: the byte order mark of utf-8, not gb18030"),
        (b"", "gbkk", "there is no text encoding 'gbkk'; give utf-8, gbk"),
        (b"", "base64", "there is no text encoding 'base64'"),
        (b"", "cp037", "cp037 has no line feed; convert the file with iconv"),
    ],
)
def test_an_encoding_that_is_clearly_wrong_is_refused_with_line_and_remedy(
    tmp_path, data, encoding, told
):
    with pytest.raises(SourceError, match=told):
        records(tmp_path / "a.txt", data, encoding)


@pytest.mark.parametrize(
    ("data", "encoding", "told"),
    [
        (
            "好\n苹果".encode("gbk"),
            None,
            "not UTF-8 .*can be read as GBK: give --text-encoding gbk",
        ),
        (b"\xff\n", None, "not UTF-8 .*give the encoding of the file by --text-encoding"),
        ("苹果\n".encode("gbk") + b"\xff\n", "gbk", "line 2: not GB18030"),
        ("a\n".encode("utf-16-le"), None, "line 1: a NUL character; .*--text-encoding utf-16-le"),
        (b"a\0b\n", None, r"line 1: a NUL character; .*tr -d '\\0'"),
        (b"a\rb\rc", None, r"line 1: carriage returns and no line feed; .*tr '\\r' '\\n'"),
    ],
)
def test_a_line_that_cannot_be_decoded_is_refused_with_its_remedy(tmp_path, data, encoding, told):
    found = records(tmp_path / "a.txt", data, encoding)
    (refused, *_) = [record for record in found if record.refusal]
    with pytest.raises(SourceError, match=told):
        raise SourceError(refused.refusal)


def test_chinese_in_gbk_is_never_mistaken_for_utf_8(tmp_path):
    chance = random.Random(1)
    common = [chr(code) for code in range(0x4E00, 0x9FA0)]
    common = [sign for sign in common if 0xB0 <= sign.encode("gb18030")[0] < 0xD7]
    for _ in range(300):
        written = ["".join(chance.choices(common, k=chance.randint(1, 3))) for _ in range(3)]
        assert texts(tmp_path / "a.txt", "\n".join(written).encode("gbk"), "gbk") == written
    # Two characters whose bytes are valid UTF-8, where they mean other letters.
    assert texts(tmp_path / "a.txt", "木模".encode("gbk"), "gbk") == ["木模"]


def test_a_line_over_the_limit_is_refused_and_the_next_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    for codec in ("utf-8", "utf-16"):
        data = ("好" * 20 + "\n" + "a" * 1000 + "\n好").encode(codec)
        first, long, last = records(tmp_path / "a.txt", data)
        assert (first.text, last.text) == ("好" * 20, "好")
        assert "line 2: more than 100 bytes, the limit of a line; divide it" in long.refusal


def test_memory_does_not_grow_with_a_line_over_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1 << 20)
    packed = gzip.compress(b"a" * (64 << 20), 1)
    tracemalloc.start()
    try:
        (record,) = records(tmp_path / "a.txt.gz", packed)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "more than 1,048,576 bytes" in record.refusal
    assert held < 8 << 20
