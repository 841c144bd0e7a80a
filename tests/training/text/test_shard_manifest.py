"""The manifest of a shard folder keeps its bytes, and refuses what it cannot read."""

import pytest

from training.errors import ShardError
from training.text.shard_manifest import ShardManifest
from training.text.shards import Shards

# As version 0.2.0 wrote it.
WRITTEN = """{
  "version": 1,
  "vocabulary_sha256": "3134dc7e",
  "max_row_pieces": 32,
  "one_sentence": true,
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
    held_out_characters={"新闻": 4688},
)


def written(folder, text):
    (folder / "shards.json").write_text(text, "utf-8")
    return folder


def test_the_file_has_the_bytes_that_earlier_versions_wrote(tmp_path):
    MANIFEST.write(tmp_path)
    assert (tmp_path / "shards.json").read_bytes() == WRITTEN.encode()


def test_what_earlier_versions_wrote_is_read(tmp_path):
    assert Shards(written(tmp_path, WRITTEN)).manifest == MANIFEST


def test_rows_have_many_sentences_where_a_manifest_does_not_say(tmp_path):
    without = WRITTEN.replace('  "one_sentence": true,\n', "")
    assert ShardManifest.read(written(tmp_path, without)).one_sentence is False


def test_a_foreign_version_is_refused_by_name(tmp_path):
    with pytest.raises(ShardError, match="version 99, not 1"):
        Shards(written(tmp_path, '{"version": 99}'))


@pytest.mark.parametrize("text", ["", "[1]", "{", WRITTEN.replace("train_rows", "rows")])
def test_a_damaged_manifest_is_refused_with_the_remedy(tmp_path, text):
    with pytest.raises(ShardError, match=r"shards\.json is damaged .* make the shards again"):
        Shards(written(tmp_path, text))
