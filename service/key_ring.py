"""The API keys: where they come from, and whose key a request has.

An entry is `KEY` or `NAME KEY`. The log and the metrics show the name. In place of the key, it may
have `sha256:` and the hexadecimal digits of its SHA-256, so that nobody can read the key there. A
file of keys has one entry per line. It is read again when it changes, so keys change without a
restart.
"""

import logging
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from time import monotonic

MIN_KEY_LENGTH = 8
# A shorter key is used, with a warning. Sixteen hexadecimal digits are 64 bits, too many to guess.
SAFE_KEY_LENGTH = 16
SENDABLE_KEY = re.compile(rf"[\x21-\x2b\x2d-\x7e]{{{MIN_KEY_LENGTH},}}")
HASH = "sha256:"
HASHED = re.compile(rf"{HASH}([0-9a-f]{{64}})", re.IGNORECASE)
NOTHING = sha256(b"").digest()
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
MAX_FILE_BYTES = 1024 * 1024
# While requests arrive, the file is checked for a change at most once in this many seconds.
LOOK_S = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """A key that is valid.

    Args:
        name: The name of its owner.
        digest: SHA-256 of the key; the key itself is not kept.
        is_short: Whether it is shorter than SAFE_KEY_LENGTH, as far as is known.
    """

    name: str
    digest: bytes
    is_short: bool


def parse_keys(entries: Iterable[str]) -> list[Key]:
    """Return the keys of entries.

    Raises:
        ValueError: an entry is not a key; the message has its number, and not the key.
    """
    keys = []
    for number, entry in enumerate(entries, start=1):
        name, _, key = entry.strip().rpartition(" ")
        if not SENDABLE_KEY.fullmatch(key):
            raise ValueError(
                f"key {number} cannot be used; a key must have {MIN_KEY_LENGTH} or more"
                " printable ASCII characters and no space or comma: choose another"
            )
        if name and not NAME.fullmatch(name.strip()):
            raise ValueError(
                f"key {number} has a name that cannot be used; a name must have at most 32 letters,"
                " digits, dots, hyphens and underscores, and begin with a letter or a digit: choose"
                " another"
            )
        if len(name.strip()) > len(key):
            raise ValueError(
                f"key {number} is shorter than its name, so the two may be in the wrong order,"
                " and the log shows names; write NAME KEY, with a key at least as long as the name"
            )
        digest = _digest_of(key, number)
        is_short = len(key) < SAFE_KEY_LENGTH
        keys.append(Key(name.strip() or f"key-{number}", digest, is_short))
    return keys


def _digest_of(key: str, number: int) -> bytes:
    if not key.lower().startswith(HASH):
        return sha256(key.encode()).digest()
    hashed = HASHED.fullmatch(key)
    if not hashed:
        raise ValueError(
            f"key {number} begins with {HASH} and cannot be used; write {HASH} and the 64"
            " hexadecimal digits of the hash"
        )
    digest = bytes.fromhex(hashed[1])
    if digest == NOTHING:  # a request without a key would have it
        raise ValueError(f"key {number} is the hash of an empty key; write the hash of a key")
    return digest


def read_keys(file: Path) -> list[Key]:
    """Return the keys of a file, one entry per line; empty lines and comments (#) are skipped.

    Raises:
        ValueError: the file cannot be read, is too large or has no key, or an entry is not a key.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"{file} has more than {MAX_FILE_BYTES} bytes; list fewer keys")
        lines = content.decode("ascii").splitlines()
    except OSError as error:
        raise ValueError(
            f"{_shown(file)} cannot be read: {error.strerror}; name another file"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} has characters that are not ASCII; use ASCII") from error
    entries = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not entries:
        raise ValueError(f"{file} has no key; write one per line")
    return parse_keys(entries)


def _shown(file: Path) -> str:
    """Return the path of a file, unless it may be a key that was given in place of a path."""
    is_in_folder = file.parent.parts not in ((), (file.root,)) and os.path.isdir(file.parent)
    if is_in_folder or os.path.exists(file):
        return str(file)
    return "the file (its name is not shown because it may be a key, which belongs in the file)"


class KeyRing:
    """The valid keys of a service.

    Args:
        listed: Keys that never change.
        file: A file of further keys; None if there is none.
    """

    def __init__(self, listed: Sequence[Key], file: Path | None = None) -> None:
        self._listed = list(listed)
        self._file = file
        self._read: list[Key] = []
        self._version: tuple[int, int, int] | None = None
        self._looked_at = -LOOK_S
        _warn_of_short(self._listed)
        self._look()

    @property
    def is_empty(self) -> bool:
        """Whether requests need no key."""
        return not self._listed and self._file is None

    def owner(self, given: Sequence[str]) -> str | None:
        """Return the name of the key that was sent; None if none of them is valid.

        Every pair is compared, and as digests: the time taken reveals nothing about a near miss.
        """
        self._look()
        found = [sha256(key.strip().encode("latin-1")).digest() for key in given]
        keys = [*self._listed, *self._read]
        matches = [key.name for key in keys for one in found if compare_digest(one, key.digest)]
        return matches[0] if matches else None

    def _look(self) -> None:
        """Read the file again if it has changed; keep the earlier keys if it is unusable."""
        if self._file is None or monotonic() < self._looked_at + LOOK_S:
            return
        self._looked_at = monotonic()
        try:
            found = self._file.stat()
        except OSError:
            return  # another program may be replacing it
        version = found.st_mtime_ns, found.st_size, found.st_ino
        if version == self._version:
            return
        self._version = version
        try:
            self._read = read_keys(self._file)
        except ValueError as error:
            logger.error("the earlier keys stay valid: %s", error)
            return
        _warn_of_short(self._read)


def _warn_of_short(keys: Sequence[Key]) -> None:
    for key in keys:
        if key.is_short:
            logger.warning(
                f"the API key of {key.name} has fewer than {SAFE_KEY_LENGTH} characters and may be"
                " guessed; replace it by a random one, such as openssl rand -hex 24 prints"
            )
