"""Test that keys and passwords appear nowhere, and that an address is one."""

import asyncio
import logging
import pickle
import socket
import traceback

import httpx
import pytest
from bilm_client import (
    AsyncClient,
    BiLMClientError,
    Client,
    InputError,
    NoServiceError,
    UnauthorizedError,
)
from bilm_client.connection import Connection
from bilm_client.keys import Address, without_user
from bilm_client.proxies import Proxy
from bilm_client.transformer import TextVectors
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

KEY = "sesame-12345"
PASSWORD = "pass-sesame"
REFUSED = {"error": {"code": "invalid_api_key", "message": "the key is not valid"}}


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def kind(request):
    return request.param


def info_of(client):
    """Return what /info answers."""
    return result(client.info())


def result(found):
    """Return the result of a call of either client."""
    return asyncio.run(found) if asyncio.iscoroutine(found) else found


def no_wait(kind):
    async def over(_):
        pass

    return {"wait": over if kind is AsyncClient else lambda _: None}


def authorizations(peer, monkeypatch):
    """Return a list that gets the header of each GET."""
    seen = []
    original = peer.RequestHandlerClass.do_GET

    def do_get(handler):
        seen.append(handler.headers["Authorization"])
        original(handler)

    monkeypatch.setattr(peer.RequestHandlerClass, "do_GET", do_get)
    return seen


@pytest.mark.parametrize("key", [KEY, f"{KEY}\n", f"  {KEY}\r\n", f"\ufeff{KEY}".strip("\ufeff")])
def test_white_space_around_a_key_is_none_of_it(peer, monkeypatch, kind, key):
    seen = authorizations(peer, monkeypatch)
    info_of(kind(peer.url, api_key=key))
    assert seen == [f"Bearer {KEY}"]


@pytest.mark.parametrize("key", [None, "", " \n"])
def test_without_a_key_no_header_is_sent(peer, monkeypatch, kind, key):
    seen = authorizations(peer, monkeypatch)
    info_of(kind(peer.url, api_key=key))
    assert seen == [None]


@pytest.mark.parametrize(
    "key", [f"{KEY}\n{KEY}", f"{KEY}密", f"{KEY}\0", f"\ufeff{KEY}", "é" + KEY]
)
def test_a_key_that_no_header_carries_is_refused_without_showing_it(kind, key):
    with pytest.raises(ValueError, match=r"character \d+ of api_key") as caught:
        kind("http://127.0.0.1:1", api_key=key)
    assert "sesame" not in everything_about(caught.value)


def test_a_key_of_another_type_is_refused_without_showing_it(kind):
    with pytest.raises(TypeError, match="api_key is of type bytes") as caught:
        kind("http://127.0.0.1:1", api_key=KEY.encode())
    assert "sesame" not in everything_about(caught.value)


def test_a_key_comes_from_the_environment_by_the_name_of_its_variable(peer, monkeypatch, kind):
    monkeypatch.setenv("KEY_OF_A_TEST", f"{KEY}\n")
    seen = authorizations(peer, monkeypatch)
    info_of(kind(peer.url, api_key_variable="KEY_OF_A_TEST"))
    assert seen == [f"Bearer {KEY}"]


def test_a_variable_without_a_key_and_two_keys_are_refused(monkeypatch, kind):
    with pytest.raises(ValueError, match=r"no variable of this name.*; set the variable"):
        kind("http://127.0.0.1:1", api_key_variable="NO_SUCH_KEY")
    monkeypatch.setenv("KEY_OF_A_TEST", " \n")
    with pytest.raises(ValueError, match="the variable KEY_OF_A_TEST is empty; set it"):
        kind("http://127.0.0.1:1", api_key_variable="KEY_OF_A_TEST")
    with pytest.raises(ValueError, match="give one of them") as caught:
        kind("http://127.0.0.1:1", api_key=KEY, api_key_variable="NO_SUCH_KEY")
    assert "sesame" not in everything_about(caught.value)


@pytest.mark.parametrize(
    "key", [KEY, "sk-SESAME-1", "Sesame", "sesame", "SESAME12345", "SESAME_", "sesame\ud800", 7]
)
def test_a_key_that_is_given_for_a_variable_is_not_shown(kind, key):
    with pytest.raises(InputError, match="api_key_variable") as caught:
        kind("http://127.0.0.1:1", api_key_variable=key)
    assert "sesame" not in everything_about(caught.value).lower()


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "sesame",
        "SESAME.sesame.SESAME",
        "sesame+/=",
        "sesame:x",
        "sk-sesame.0123456789",
        "sesame.0123:8000",
        "sk-sesame:12345",
        "shop sesame-12345",
        "aB3//sesame==",
        "//sesame",
        "sesame.0123/456",
        "127.0.0.1:sesame",
    ],
)
def test_a_key_that_is_given_for_the_address_is_not_shown(kind, key):
    with pytest.raises(InputError, match=r"no scheme; give http://127\.0\.0\.1:8000") as caught:
        kind(key)
    step = TextVectors(key, api_key_variable=key)
    assert "sesame" not in (everything_about(caught.value) + repr(step)).lower()
    assert step.get_params()["url"] == step.get_params()["api_key_variable"] == key


def test_a_pipeline_prints_the_name_of_a_variable_that_exists(monkeypatch):
    monkeypatch.setenv("KEY_OF_A_TEST", KEY)
    assert "'KEY_OF_A_TEST'" in repr(TextVectors(api_key_variable="KEY_OF_A_TEST"))


def everything_about(error):
    """Return all that is printed of an exception and of what it follows from."""
    shown = ["".join(traceback.format_exception(error))]
    while error is not None:
        shown += [repr(error), str(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(shown)


def test_no_failure_shows_key_or_password(peer, kind, caplog):
    caplog.set_level(logging.DEBUG)
    bound = socket.create_server(("127.0.0.1", 0))
    nobody = bound.getsockname()[1]
    bound.close()
    peer.info = (401, {}, REFUSED)
    port = peer.server_address[1]
    shown = []
    for url, more in [
        (peer.url, {"api_key": KEY}),
        (f"http://127.0.0.1:{nobody}", {"api_key": KEY}),
        (f"https://127.0.0.1:{port}", {"api_key": KEY}),
        (f"http://user:{PASSWORD}@127.0.0.1:{nobody}", {}),
        (f"http://user:{PASSWORD}@127.0.0.1:{port}", {}),
        (peer.url, {"api_key": KEY, "proxy": f"http://user:{PASSWORD}@127.0.0.1:{nobody}"}),
    ]:
        client = kind(url, **more, **no_wait(kind))
        shown += [repr(client), repr(vars(client))]
        with pytest.raises(BiLMClientError) as caught:
            info_of(client)
        shown.append(everything_about(caught.value))
    assert "sesame" not in "\n".join(shown)
    assert "sesame" not in caplog.text
    assert "/info" in caplog.text


def test_a_refused_key_is_told_as_such(peer, kind):
    peer.info = (401, {}, REFUSED)
    with pytest.raises(UnauthorizedError, match="401 invalid_api_key"):
        info_of(kind(peer.url, api_key=KEY))


def test_user_and_password_of_an_address_are_sent(peer, monkeypatch, kind):
    seen = authorizations(peer, monkeypatch)
    info_of(kind(peer.url.replace("//", f"//user:{PASSWORD}@")))
    assert seen == ["Basic dXNlcjpwYXNzLXNlc2FtZQ=="]  # by base64(1)
    with pytest.raises(ValueError, match="one header for both") as caught:
        kind(f"http://user:{PASSWORD}@127.0.0.1:1", api_key=KEY)
    assert "sesame" not in everything_about(caught.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("127.0.0.1:8123", "'127.0.0.1:8123' has no scheme; give http://127.0.0.1:8123"),
        ("localhost:8000/x", "give http://localhost:8000/x"),
        ("bilm.example", "no scheme; give http://127.0.0.1:8000 or the like"),
        ("", "'' has no scheme; give http://127.0.0.1:8000"),
        ("ftp://h", "'ftp://h' is not one of http or https"),
        ("unix:///tmp/s", "not one of http or https"),
        ("http://", "no host"),
        ("http://h:port", "cannot be read"),
        ("http://h:99999", "port"),
        ("http://a..b", "cannot be a name"),
        ("http://" + "a" * 64, "cannot be a name"),
        ("http://h/?key=sesame", "query or a fragment"),
        (f"user:{PASSWORD}@h:1", "no scheme; give http://127.0.0.1:8000 or the like"),
        (f"user:{PASSWORD}@127.0.0.1:1", "'127.0.0.1:1' has no scheme; give http://127.0.0.1:1"),
        ("http://user:sesame", "'http://user:***' cannot be read"),
        ("http://user:sesame/sesame", "'http://user:***' cannot be read"),
        ("http://" + "sesame" * 11, "'http://***' has a host that cannot be a name"),
        (f"ftp://user:{PASSWORD}@h", "'ftp://h' is not"),
    ],
)
def test_an_address_without_scheme_or_host_is_refused_at_once(kind, url, why):
    with pytest.raises(ValueError, match="address") as caught:
        kind(url)
    assert why in str(caught.value)
    assert "sesame" not in everything_about(caught.value)


def test_an_address_of_another_type_is_refused(kind):
    with pytest.raises(TypeError, match="the address is of type NoneType"):
        kind(None)


def test_white_space_around_an_address_and_a_path_behind_it_are_taken(peer, kind):
    assert info_of(kind(f" {peer.url}\n"))["model"]["id"] == "peer"
    peer.answer = lambda body: (404, {}, {"error": {"code": "not_found", "message": "no"}})
    client = kind(f"{peer.url}/prefix/")
    with pytest.raises(BiLMClientError):
        result(client.fill("我__"))
    assert peer.seen[-1][0] == "/prefix/fill"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@h:1/x?k=1", "http://h:1/x"),
        ("http://u:p@h/a@b", "http://b"),
        ("http://u:p/1@h:80", "http://h:80"),
        ("http://u:p?1@h:80/x", "http://h:80/x"),
        ("http://u:p#1@h:80", "http://h:80"),
        ("http://u:p//1@h?k=1", "http://h"),
        ("u:p//1@h", "h"),
        ("//u:p@h", "//h"),
        ("u:p@h", "h"),
        ("h:1", "h:1"),
        ("", ""),
        ("http://user:p/1", "http://user:***"),
        ("http://user:p:80", "http://user:***"),
        ("http://h:123456/x", "http://h:***"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://a..b", "http://a..b"),
        ("http://" + "a" * 64 + "/x", "http://***"),
    ],
)
def test_what_is_shown_of_an_address_has_no_user(url, shown):
    assert without_user(url) == shown


# A password may have whatever its maker has put in; some of it divides an address.
PASSWORDS = st.text(st.sampled_from("/?#@:%[]\\ 1aé密\n") | st.characters(), max_size=6)


@given(PASSWORDS, PASSWORDS, st.sampled_from(["http://", "https://", "ftp://", "//", ""]))
def test_no_password_is_shown_however_it_is_written(before, after, scheme):
    url = f"{scheme}user:{before}sesame{after}@127.0.0.1:80"
    shown = [without_user(url), repr(Address(url)), str(Proxy(url, "X")), repr(Proxy(url, "X"))]
    for address, proxy in [(url, False), ("http://bilm.invalid", url)]:
        try:
            made = Connection.of(address, None, None, proxy, 4, 60.0)
        except InputError as error:
            shown.append(everything_about(error))
        else:
            lost = made.lost(httpx.Request("GET", made.url), httpx.ConnectError("none"))
            shown += [repr(made), everything_about(lost)]
    assert "sesame" not in "\n".join(shown)


@pytest.mark.parametrize("password", ["/sesame", "12/sesame", "sesame/1", "12?sesame", "//sesame"])
def test_a_password_that_is_not_escaped_is_refused_with_the_remedy(kind, password):
    for url, more in [
        (f"http://user:{password}@127.0.0.1:80", {}),
        ("http://bilm.invalid", {"proxy": f"http://user:{password}@127.0.0.1:80"}),
    ]:
        with pytest.raises(InputError, match=r"http://127\.0\.0\.1:80.* %2F for /") as caught:
            kind(url, **more)
        assert "sesame" not in everything_about(caught.value)


def test_a_pipeline_prints_no_key(capsys):
    step = TextVectors(f"http://user:{PASSWORD}@h:1")
    pipeline = make_pipeline(step, LogisticRegression())
    pipeline.set_params(textvectors__api_key=KEY, textvectors__proxy=f"http://u:{PASSWORD}@p")
    shown = [repr(step), repr(pipeline), str(pipeline.get_params()), pipeline._repr_html_()]
    shown += [repr(TextVectors("http://h/?key=sesame")), repr(TextVectors(proxy="http://u:sesame"))]
    with pytest.raises(ValueError, match="Invalid parameter") as caught:
        step.set_params(nothing=1)
    assert "sesame" not in "\n".join([*shown, str(caught.value)])
    assert step.get_params()["api_key"] == KEY


def test_a_pickle_has_the_key_that_was_given_and_only_the_name_of_a_variable(monkeypatch, kind):
    monkeypatch.setenv("KEY_OF_A_TEST", KEY)
    url = "http://127.0.0.1:1"
    for made in (kind(url, api_key=KEY), TextVectors(url, api_key=KEY)):
        assert KEY.encode() in pickle.dumps(made)
    for made in (
        kind(url, api_key_variable="KEY_OF_A_TEST"),
        TextVectors(url, api_key_variable="KEY_OF_A_TEST"),
    ):
        assert KEY.encode() not in pickle.dumps(made)


def test_a_client_from_a_pickle_has_all_its_arguments(peer, monkeypatch, kind):
    seen = authorizations(peer, monkeypatch)
    given = {"in_flight": 2, "timeout_s": 7.0, "max_wait_s": 3.0, "proxy": False}
    client = kind(peer.url, api_key=KEY, **given)
    again = pickle.loads(pickle.dumps(client))
    assert info_of(again)["model"]["id"] == "peer"
    assert seen == [f"Bearer {KEY}"]
    assert given.items() <= again._arguments.items()
    assert pickle.dumps(again) == pickle.dumps(client)  # data sets are cached by such bytes


def test_errors_come_through_a_pickle_as_they_are():
    errors = [
        UnauthorizedError(401, "invalid_api_key", "no", "texts", 3, "id"),
        NoServiceError("nobody", True),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
