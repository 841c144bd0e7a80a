"""Test which proxy a request goes through, and that a message names it."""

import importlib.util
import socket

import httpx
import pytest
from bilm_client import Client, InputError, NoServiceError
from bilm_client.proxies import Proxy, is_exempt, is_loopback, proxy_for

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy_of_the_shell(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def closed_port():
    """Return a port where nobody listens."""
    with socket.socket() as bound:  # taken, but not listening
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_the_loopback_is_reached_directly(peer, monkeypatch, closed_port):
    for name in NAMES[:3]:
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    with Client(peer.url, wait=lambda _: None) as client:
        assert client.info()["model"]["id"] == "peer"
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.delenv("HTTP_PROXY")
    with Client(peer.url.replace("127.0.0.1", "localhost"), wait=lambda _: None) as client:
        assert client.info()["model"]["id"] == "peer"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0"]
)
def test_names_and_numbers_of_the_loopback_are_known(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "128.0.0.1", "::2", "bilm"])
def test_others_are_no_loopback(host):
    assert not is_loopback(host)


def test_a_message_names_the_proxy_without_its_password(monkeypatch, closed_port):
    monkeypatch.setenv("HTTP_PROXY", f"http://user:sesame@127.0.0.1:{closed_port}")
    with (
        pytest.raises(NoServiceError) as caught,
        Client("http://bilm.invalid:8000", wait=lambda _: None) as client,
    ):
        client.info()
    assert f"the proxy http://127.0.0.1:{closed_port} of HTTP_PROXY gave no" in str(caught.value)
    assert "NO_PROXY" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_proxy_that_is_given_gets_the_requests(peer):
    # A plain peer answers as a proxy does: the request line has the whole address.
    with Client("http://bilm.invalid:8000", proxy=peer.url) as client:
        assert client.info()["model"]["id"] == "peer"
    peer.answer = lambda _: (404, {}, {"error": {"code": "not_found", "message": "no"}})


def test_a_proxy_that_is_given_is_used_for_the_loopback_too():
    url = httpx.URL("http://127.0.0.1:8000")
    assert proxy_for(url, "p:3128") == Proxy("http://p:3128", "the argument proxy")
    assert proxy_for(url, True) is None


def test_the_environment_is_read_by_scheme(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://a")
    monkeypatch.setenv("all_proxy", "http://c")
    assert proxy_for(httpx.URL("http://h"), True) == Proxy("http://a", "HTTP_PROXY")
    assert proxy_for(httpx.URL("https://h"), True) == Proxy("http://c", "ALL_PROXY")
    assert proxy_for(httpx.URL("http://h"), False) is None
    monkeypatch.setenv("NO_PROXY", "h")
    assert proxy_for(httpx.URL("http://h"), True) is None


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("http://a.example", "*"),
        ("http://a.example", "b, a.example"),
        ("http://a.example", "a.example b"),
        ("http://a.example", ".example"),
        ("http://a.example", "example"),
        ("http://A.Example.", "*.example"),
        ("http://a.example:8000", "a.example:8000"),
        ("http://a.example", "a.example:80"),
        ("http://10.1.2.3", "10.0.0.0/8"),
        ("http://10.1.2.3:8000", "10.1.2.3"),
        ("http://10.1.2.3:8000", "10.1.2.3:8000"),
        ("http://[fd00::7]", "fd00::/8"),
        ("http://[fd00::7]:80", "[fd00::7]:80"),
    ],
)
def test_no_proxy_names_hosts_domains_ports_and_networks(url, no_proxy):
    assert is_exempt(httpx.URL(url), no_proxy)


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("http://a.example", ""),
        ("http://a.example", ", ,"),
        ("http://ba.example", "a.example"),
        ("http://a.example:8000", "a.example:80"),
        ("http://11.1.2.3", "10.0.0.0/8"),
        ("http://110.1.2.3", "10.1.2.3"),
        ("http://a.example", "10.0.0.0/8"),
    ],
)
def test_no_proxy_names_nothing_else(url, no_proxy):
    assert not is_exempt(httpx.URL(url), no_proxy)


@pytest.mark.skipif(importlib.util.find_spec("socksio") is not None, reason="socksio is there")
def test_what_a_socks_proxy_needs_is_named(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://user:sesame@h:1080")
    with pytest.raises(ImportError, match=r"h:1080 of ALL_PROXY needs pip .*httpx\[socks\]") as e:
        Client("http://bilm.invalid")
    assert "sesame" not in str(e.value)


def test_a_proxy_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="of the kind ftp; the kinds are http"):
        Client("http://bilm.invalid", proxy="ftp://user:sesame@h")


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("", "the proxy of the argument proxy is empty; .* proxy=False"),
        (" ", "the proxy of the argument proxy is empty"),
        ("http://", "the proxy http:// of the argument proxy has no host"),
        ("http://p:99999", "p:99999 of the argument proxy has a port that is not"),
        ("http://p:port", r"http://p:\*\*\* of the argument proxy cannot be read"),
        ("http://user:sesame/x", r"http://user:\*\*\* of the argument proxy cannot be read"),
        ("http://a..b", "cannot be a name"),
        ("user:sesame://x@h", "not shown.* of the argument proxy has an @ behind"),
        (None, "proxy is of type NoneType"),
        (httpx.URL("http://p"), "proxy is of type URL"),
    ],
)
def test_what_cannot_be_a_proxy_is_refused_when_the_client_is_made(proxy, why):
    with pytest.raises(InputError, match=why) as caught:
        Client("http://bilm.invalid", proxy=proxy)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    ["sesame", "SESAME_x", "sk-sesame.0123", "sesame:12345", "aB3//sesame==", "u:sesame@p:80"],
)
def test_a_key_that_is_given_for_the_proxy_is_not_shown(monkeypatch, key):
    monkeypatch.setenv("HTTP_PROXY", key)
    for given, source in [(key, "the argument proxy"), (True, "HTTP_PROXY")]:
        client = Client("http://bilm.invalid", proxy=given)
        connection = client._connection
        request = httpx.Request("GET", connection.url)
        lost = connection.lost(request, httpx.ConnectError("none"))
        assert f"(not shown: without http:// it may be a key) of {source} gave no" in str(lost)
        assert "sesame" not in f"{client!r} {vars(client)!r} {lost!r}".lower()


def test_an_empty_variable_names_no_proxy(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", " ")
    assert proxy_for(httpx.URL("http://h"), True) is None
