"""Keys have names, and come from a file that may change while the service runs."""

import json
import logging
import os

import pytest

from service.environment import load_settings
from service.errors import SettingsError
from service.key_ring import MAX_FILE_BYTES, KeyRing, parse_keys, read_keys
from service.log import JsonLines
from tests.service.serving import serving, settings_of
from tests.service.test_metrics import samples

pytestmark = pytest.mark.anyio

REQUEST = {"json": {"texts": "苹果"}}


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""
    now = [0.0]
    monkeypatch.setattr("service.key_ring.monotonic", lambda: now[0])
    return now


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "keys"
    file.write_text("# who may ask\n\nshop first-key-1\nsecond-key-2\n")
    return file


def write(file, content):
    """Replace the file, as a mounted secret is replaced."""
    other = file.with_name("other")
    other.write_text(content)
    os.replace(other, file)


def test_an_entry_is_a_key_with_or_without_a_name():
    assert [key.name for key in parse_keys(["shop first-key-1", " second-key-2 "])] == [
        "shop",
        "key-2",
    ]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("short", "8 or more printable ASCII"),
        ("shop short", "8 or more printable ASCII"),
        ("two words first-key-1", "name that cannot be used"),
        ("-shop first-key-1", "name that cannot be used"),
        ("x" * 33 + " first-key-1", "at most 32"),
        ("密钥密钥密钥密钥", "ASCII"),
    ],
)
def test_what_is_no_key_is_refused_without_being_told(entry, told):
    with pytest.raises(ValueError, match=f"key 1 .*{told}") as refused:
        parse_keys([entry])
    assert entry.split()[-1] not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has no key"),
        (b"# nothing\n", "has no key"),
        (b"short\n", "key 1 cannot be used"),
        ("密钥密钥密钥密钥".encode(), "not ASCII"),
        (b"a" * (MAX_FILE_BYTES + 1), "more than 1048576 bytes"),
    ],
)
def test_a_file_without_keys_keeps_the_service_from_starting(tmp_path, monkeypatch, content, told):
    file = tmp_path / "keys"
    file.write_bytes(content)
    monkeypatch.setenv("BILM_API_KEYS_FILE", str(file))
    with pytest.raises(SettingsError, match=told):
        load_settings({})


@pytest.mark.parametrize("key", ["sesame-12345", "/sesame+/=", "no-folder/sesame", "sesame" * 99])
def test_a_key_in_place_of_the_file_of_keys_is_not_shown(monkeypatch, key):
    monkeypatch.setenv("BILM_API_KEYS_FILE", key)
    with pytest.raises(SettingsError, match=r"FILE: .* cannot be read: .*; name") as refused:
        load_settings({})
    assert "sesame" not in str(refused.value)


def test_a_key_before_its_name_is_refused_for_names_are_shown():
    with pytest.raises(ValueError, match=r"key 1 is shorter than its name.*; write") as refused:
        parse_keys(["sesame-12345 shop-front"])
    assert "sesame" not in str(refused.value)


# FIPS 180-4: the SHA-256 of "abc", and of nothing.
OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("entry", [f"shop sha256:{OF_ABC}", f"shop SHA256:{OF_ABC.upper()}"])
def test_a_hash_stands_for_its_key_and_opens_nothing_itself(entry):
    ring = KeyRing(parse_keys([entry]))
    assert ring.owner(["abc"]) == "shop"
    assert ring.owner([f"sha256:{OF_ABC}"]) is None
    assert ring.owner([OF_ABC]) is None
    assert ring.owner(["", ""]) is None


@pytest.mark.parametrize(
    ("digits", "told"),
    [
        (OF_ABC[1:], "key 1 begins with sha256: and cannot be used"),
        (f"{OF_ABC}0", "key 1 begins with sha256: and cannot be used"),
        (f"{OF_ABC[1:]}g", "key 1 begins with sha256: and cannot be used"),
        # Otherwise a variable that is not set would let everybody in.
        (OF_NOTHING, "key 1 is the hash of an empty key"),
    ],
)
def test_what_is_the_hash_of_no_key_is_refused_without_being_told(digits, told):
    with pytest.raises(ValueError, match=told) as refused:
        parse_keys([f"shop sha256:{digits}"])
    assert digits not in str(refused.value)


def test_a_short_key_is_used_with_a_warning_that_names_its_owner(tmp_path, caplog):
    file = tmp_path / "keys"
    file.write_text(f"lab 123456789012345\nshop 1234567890123456\nhashed sha256:{OF_ABC}\n")
    ring = KeyRing(parse_keys(["front 12345678"]), file)
    assert ring.owner(["123456789012345"]) == "lab"
    lines = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [line.split()[4] for line in lines] == ["front", "lab"]
    assert "12345678" not in caplog.text


def test_a_file_that_is_missing_keeps_the_service_from_starting(tmp_path, monkeypatch):
    monkeypatch.setenv("BILM_API_KEYS_FILE", str(tmp_path / "nothing"))
    with pytest.raises(SettingsError, match="nothing cannot be read: No such file"):
        load_settings({})


def test_a_file_is_read_again_when_it_has_changed(file, clock):
    ring = KeyRing(parse_keys(["third-key-3"]), file)
    assert ring.owner(["first-key-1"]) == "shop"
    assert ring.owner(["third-key-3"]) == "key-1"
    write(file, "fourth-key-4\n")
    assert ring.owner(["first-key-1"]) == "shop"  # it is looked at once a second
    clock[0] += 1.0
    assert ring.owner(["first-key-1"]) is None
    assert ring.owner(["fourth-key-4"]) == "key-1"
    assert ring.owner(["third-key-3"]) == "key-1"


@pytest.mark.parametrize("content", ["", "short\n"])
def test_a_change_that_cannot_be_used_is_logged_once_and_changes_nothing(
    file, clock, caplog, content
):
    ring = KeyRing([], file)
    write(file, content)
    for _ in range(3):
        clock[0] += 1.0
        assert ring.owner(["first-key-1"]) == "shop"
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "the earlier keys stay valid" in line.getMessage()


def test_a_file_that_is_gone_for_a_moment_changes_nothing(file, clock):
    ring = KeyRing([], file)
    file.unlink()
    clock[0] += 1.0
    assert ring.owner(["first-key-1"]) == "shop"
    assert not ring.is_empty


def test_the_keys_of_a_file_are_as_secret_as_others(file):
    assert all(b"key" not in key.digest for key in read_keys(file))
    assert "first-key-1" not in repr(KeyRing(read_keys(file)).__dict__)


async def test_the_log_and_the_metrics_say_who_asked(artifact_folder, file, caplog):
    caplog.set_level(logging.INFO, "service")
    async with serving(settings_of(artifact_folder, api_keys_file=file)) as client:
        assert (await client.post("/embed", **REQUEST)).status_code == 401
        shop = {"authorization": "Bearer first-key-1"}
        assert (await client.post("/embed", headers=shop, **REQUEST)).status_code == 200
        second = {"x-api-key": "second-key-2"}
        assert (await client.post("/embed", headers=second, **REQUEST)).status_code == 200
        client.headers.update(second)
        found = await samples(client)
    lines = [json.loads(JsonLines().format(one)) for one in caplog.records]
    asked = [line for line in lines if line.get("path") == "/embed"]
    assert [line.get("key") for line in asked] == [None, "shop", "key-2"]
    assert {line["client"] for line in asked} == {"127.0.0.1"}
    assert found["bilm_key_requests_total", "shop"] == 1
    assert found["bilm_key_pieces_total", "key-2"] >= 1
