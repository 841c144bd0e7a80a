"""Test that a message fits the cause: each is produced by a real socket."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
from contextlib import contextmanager

import pytest
from bilm_client import (
    AsyncClient,
    Client,
    ForeignAnswerError,
    InputError,
    NoServiceError,
)

from tests.live import PATIENCE_S

# Each wait is at most what is left of the patience; their sum is rounded with each addition.
ROUNDING_S = 1e-9


def ask(url, waits, **more):
    """Return what /info answers; waits are over at once."""
    with Client(url, wait=waits.append, **more) as client:
        return client.info()


def ask_async(url, waits, **more):
    """Return the same from the client with an event loop."""

    async def wait(seconds):
        waits.append(seconds)

    async def call():
        async with AsyncClient(url, wait=wait, **more) as client:
            return await client.info()

    return asyncio.run(call())


@pytest.fixture(params=[ask, ask_async], ids=["sync", "async"])
def failure(request):
    """Return a function that returns the message of a failure, and the waits before it."""

    def failure_of(url, kind=NoServiceError, **more):
        waits = []
        with pytest.raises(kind) as caught:
            request.param(url, waits, **more)
        return str(caught.value), waits

    return failure_of


@contextmanager
def answering(handle):
    """Listen for a block; `handle` gets each connection in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # closed
                    return
                with connection:
                    handle(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S)


def test_where_nobody_listens(failure):
    with socket.socket() as bound:  # taken, but not listening
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        message, waits = failure(f"http://127.0.0.1:{port}")
    assert f"the connection was refused; is the service running there, and is {port}" in message
    assert "repeated" in message
    assert 4.9 < sum(waits) <= 5 + ROUNDING_S


def test_patience_that_the_caller_names_holds_for_an_address_that_never_answered(failure):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        _, waits = failure(f"http://127.0.0.1:{bound.getsockname()[1]}", max_wait_s=60)
    assert 59 < sum(waits) <= 60 + ROUNDING_S
    assert len(waits) < 20


def test_plain_http_where_https_is_asked_for(peer, failure):
    message, waits = failure(peer.url.replace("http:", "https:"))
    assert "no TLS connection" in message
    assert f"plain HTTP, give {peer.url}" in message
    assert "is the service running" not in message
    assert waits == []


def test_an_end_without_an_answer(failure):
    with answering(lambda connection: connection.recv(1 << 16)) as port:
        message, waits = failure(f"http://127.0.0.1:{port}")
    assert "closed without a whole response" in message
    assert "https://" in message
    assert len(waits) > 3


def test_a_reset(failure):
    def reset(connection):
        connection.recv(1 << 16)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with answering(reset) as port:
        message, waits = failure(f"http://127.0.0.1:{port}")
    assert "closed without a whole response" in message
    assert len(waits) > 3


def test_silence(failure):
    is_over = threading.Event()
    with answering(lambda _: is_over.wait(PATIENCE_S)) as port:
        message, waits = failure(f"http://127.0.0.1:{port}", timeout_s=0.05)
        is_over.set()
    assert "no byte for 0.05 s (timeout_s); raise timeout_s" in message
    assert waits == []


def test_a_name_without_an_address(failure, monkeypatch):
    def no_address(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)  # the tests have no network
    message, waits = failure("http://no-such-host.invalid:8000", proxy=False)
    assert "the name no-such-host.invalid has no address" in message
    assert "correct the host" in message
    assert waits


def test_a_redirection_says_where_to(peer, failure):
    peer.info = (301, {"Location": "https://bilm.example/info"}, b"")
    message, _ = failure(peer.url, ForeignAnswerError)
    assert "status 301 to https://bilm.example/info without a code" in message


def test_a_redirection_is_shown_without_what_may_be_secret(peer, failure):
    place = "https://user:sesame@bilm.example/login?token=sesame#sesame"
    peer.info = (302, {"Location": place}, b"")
    message, _ = failure(peer.url, ForeignAnswerError)
    assert "status 302 to https://bilm.example/login without a code" in message
    assert "sesame" not in message


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """Return a TLS context whose certificate nobody trusts."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += f" -subj /CN=localhost -keyout {folder}/key -out {folder}/certificate"
    subprocess.run(command.split(), check=True, capture_output=True, timeout=PATIENCE_S)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context


def shake_hands(connection, context):
    """Take a connection as a TLS server does, and end it after a failure."""
    try:
        context.wrap_socket(connection, server_side=True).close()
    except OSError:
        return


def test_a_certificate_that_is_not_trusted(failure, tls):
    with answering(lambda connection: shake_hands(connection, tls)) as port:
        message, waits = failure(f"https://127.0.0.1:{port}")
    assert "the certificate of 127.0.0.1 is not trusted: self-signed" in message
    assert "SSL_CERT_FILE" in message
    assert waits == []


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(("name", "content"), [("gone", None), ("empty", ""), ("text", "木")])
def test_certificates_that_cannot_be_read_are_named_when_a_client_is_made(
    tmp_path, monkeypatch, kind, name, content
):
    if content is not None:
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
    with pytest.raises(InputError, match=f"SSL_CERT_FILE is '{tmp_path / name}'.*name a file"):
        kind("https://bilm.invalid")
    kind("http://bilm.invalid")  # needs none


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_the_content_of_a_file_in_place_of_its_name_is_not_shown(monkeypatch, kind):
    monkeypatch.setenv("SSL_CERT_FILE", "-----BEGIN PRIVATE KEY-----\nsesame\n")
    with pytest.raises(InputError, match=r"SSL_CERT_FILE is .\*\*\*.*name a file") as caught:
        kind("https://bilm.invalid")
    assert "sesame" not in "".join(traceback.format_exception(caught.value))


def test_tls_where_plain_http_is_spoken(failure, tls):
    with answering(lambda connection: shake_hands(connection, tls)) as port:
        message, _ = failure(f"http://127.0.0.1:{port}")
    assert "If it speaks TLS, give https://" in message
