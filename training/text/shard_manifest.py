"""Record the facts of a shard folder in its file `shards.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from biLM.files import to_json, write_atomically

from ..errors import ShardError

FORMAT_VERSION = 2
# Version 1 had a file of held-out rows for each source, and no sha256 of the rows to train on.
READABLE = (1, FORMAT_VERSION)
# The manifest is removed first and written last: without it, a folder has no shards.
MANIFEST = "shards.json"


@dataclass(frozen=True, kw_only=True)
class ShardManifest:
    """The facts of a shard folder, in the order in which its file has them.

    Args:
        version: The version of the format of the folder.
        vocabulary_sha256: The sha256, in hexadecimal, of the sentencepiece model that the ids
            belong to.
        max_row_pieces: The most pieces that a row may have, boundaries included.
        one_sentence: Whether a row has at most one sentence. The first folders of this version do
            not record it, because their rows had as many as fit.
        num_pieces: The number of pieces in the vocabulary.
        train_rows: The number of rows to train on.
        train_pieces: The number of pieces in these rows, without boundaries.
        train_characters: The number of characters (code points) of the text in these rows, or 0 in
            version 1.
        rows_sha256: The sha256, in hexadecimal, of the rows to train on; empty in version 1.
        held_out_rows: For each source, the number of its held-out rows, in the order in which they
            are joined; empty in version 1.
        held_out_characters: For each source, the number of characters of its held-out text.
    """

    version: int = FORMAT_VERSION
    vocabulary_sha256: str
    max_row_pieces: int
    one_sentence: bool = False
    num_pieces: int
    train_rows: int
    train_pieces: int
    train_characters: int = 0
    rows_sha256: str = ""
    held_out_rows: Mapping[str, int] = field(default_factory=dict)
    held_out_characters: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path) -> "ShardManifest":
        """Return the manifest of a folder.

        Raises:
            ShardError: the folder has no shards, or those of another version, or its manifest is
                damaged.
        """
        path = folder / MANIFEST
        if not path.exists():
            raise ShardError(f"{folder} holds no shards; run `bilm train shards`")
        try:
            found = dict(json.loads(path.read_text("utf-8")))
            version = found.get("version")
            manifest = cls(**found) if version in READABLE else None
        except (ValueError, TypeError) as error:
            raise ShardError(f"{path} is damaged ({error}); make the shards again") from error
        if manifest is None:
            raise ShardError(
                f"{folder} has shard version {version}; this program reads versions"
                f" {' and '.join(map(str, READABLE))}; make the shards again"
            )
        return manifest

    def write(self, folder: Path) -> None:
        """Write the manifest to a folder whose shards are complete."""
        write_atomically(folder / MANIFEST, to_json(asdict(self)))
