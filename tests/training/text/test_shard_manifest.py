"""The manifest of a shard folder keeps its bytes, and refuses what it cannot read."""

import pytest

from training.errors import ShardError
from training.text.shard_manifest import ShardManifest
from training.text.shards import Shards

WRITTEN = """{
  "version": 2,
  "vocabulary_sha256": "3134dc7e",
  "max_row_pieces": 32,
  "one_sentence": true,
  "num_pieces": 16000,
  "train_rows": 1220,
  "train_pieces": 25518,
  "train_characters": 36004,
  "rows_sha256": "9c56cc51",
  "held_out_rows": {
    "新闻": 191
  },
  "held_out_characters": {
    "新闻": 4688
  }
}
"""
# As version 0.2.0 wrote it.
OLD = """{
  "version": 1,
  "vocabulary_sha256": "3134dc7e",
  "max_row_pieces": 32,
  "num_pieces": 16000,
  "train_rows": 1220,
  "train_pieces": 25518,
  "held_out_characters": {
    "新闻": 4688
  }
}
"""
MANIFEST = ShardManifest(
    vocabulary_sha256="3134dc7e",
    max_row_pieces=32,
    one_sentence=True,
    num_pieces=16000,
    train_rows=1220,
    train_pieces=25518,
    train_characters=36004,
    rows_sha256="9c56cc51",
    held_out_rows={"新闻": 191},
    held_out_characters={"新闻": 4688},
)


def written(folder, text):
    (folder / "shards.json").write_text(text, "utf-8")
    return folder


def test_the_file_has_always_the_same_bytes(tmp_path):
    MANIFEST.write(tmp_path)
    assert (tmp_path / "shards.json").read_bytes() == WRITTEN.encode()


def test_what_was_written_is_read(tmp_path):
    assert Shards(written(tmp_path, WRITTEN)).manifest == MANIFEST


def test_the_manifest_of_an_earlier_version_is_read(tmp_path):
    found = ShardManifest.read(written(tmp_path, OLD))
    assert (found.train_pieces, found.held_out_characters) == (25518, {"新闻": 4688})
    assert (found.one_sentence, found.rows_sha256, found.held_out_rows) == (False, "", {})


def test_a_foreign_version_is_refused_by_name(tmp_path):
    with pytest.raises(ShardError, match="version 99; this program reads versions 1 and 2; make"):
        Shards(written(tmp_path, '{"version": 99}'))


@pytest.mark.parametrize("text", ["", "[1]", "{", WRITTEN.replace("train_rows", "rows")])
def test_a_damaged_manifest_is_refused_with_the_remedy(tmp_path, text):
    with pytest.raises(ShardError, match=r"shards\.json is damaged .* make the shards again"):
        Shards(written(tmp_path, text))
