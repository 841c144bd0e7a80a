"""Run the real service on a socket, and a peer whose responses a test defines."""

import asyncio
import json
import socket
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import get_args

import pytest

from service.costs import Kind
from service.engine import Engine
from service.prices import Prices
from service.server import Server
from service.settings import Settings

# What takes longer is stuck, even on a busy machine. The test then fails instead of hanging.
PATIENCE_S = 120
KINDS = get_args(Kind)
INFO = {
    "model": {"id": "peer", "revision": "sha256:1", "num_layers": 2},
    "limits": {"max_texts": 3, "max_request_pieces": 1000},
}


@cache
def _proved(model, precision, mixes, threads, batch_pieces):
    engine = Engine.load(
        Settings(
            model=model,
            precision=precision,
            mixes=mixes,
            threads=threads,
            max_batch_pieces=batch_pieces,
        )
    )
    engine.encoder.warm_up()
    return replace(engine, proof=None)


def load_once(settings):
    """Return the engine of these settings; it is loaded, measured and proved once a process."""
    one = settings
    engine = _proved(one.model, one.precision, one.mixes, one.threads, one.max_batch_pieces)
    return replace(engine, prices=Prices({kind: engine.prices.of(kind) for kind in KINDS}))


class ServiceThread(Server):
    """The service in a thread of this process, with an event for the loaded model."""

    def __init__(self, settings, listener):
        super().__init__(settings, partial(load_once, settings))
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_ready = threading.Event()

    async def startup(self, sockets=None):
        """Listen, and wait until the model is loaded."""
        await super().startup(sockets=sockets)
        await asyncio.wait_for(self.runtime.batcher.started, PATIENCE_S)
        self.is_ready.set()


@contextmanager
def served(folder, **changes):
    """Serve an artifact folder for a block, and yield the server."""
    settings = Settings(**{"model": folder, "threads": 1, "precision": "float32", **changes})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ServiceThread(settings, listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.is_ready.wait(PATIENCE_S)
            yield server
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)


@contextmanager
def listening(folder, **changes):
    """Serve an artifact folder for a block, and yield the URL."""
    with served(folder, **changes) as server:
        yield server.url


@pytest.fixture(scope="session")
def service_url(artifact_folder):
    """Return the URL of a service with the tiny artifact."""
    with listening(artifact_folder) as url:
        yield url


@pytest.fixture(scope="session")
def inspecting_url(artifact_folder):
    """Return the URL of such a service with inspection enabled."""
    with listening(artifact_folder, inspect=True) as url:
        yield url


class Peer(ThreadingHTTPServer):
    """A network peer whose `answer(body)` returns status, headers and JSON or bytes for a POST."""

    daemon_threads = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), PeerHandler)
        self.info = (200, {}, INFO)
        self.answer = None
        self.seen = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        """Report an error of a response; a client that left before its end is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*_)


class PeerHandler(BaseHTTPRequestHandler):
    """Reads the whole request and sends the response of the peer."""

    def do_GET(self):  # noqa: D102 - the name http.server calls
        self._send(*self.server.info)

    def do_POST(self):  # noqa: D102 - the name http.server calls
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers, body))
        self._send(*self.server.answer(body))

    def log_message(self, *_):
        """Log nothing, because the output belongs to the test."""

    def _send(self, status, headers, value):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, content in {**headers, "Content-Length": len(data)}.items():
            self.send_header(name, str(content))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def peer():
    """Return a peer that listens until the test ends."""
    with Peer() as peer:
        thread = threading.Thread(target=peer.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield peer
        peer.shutdown()
        thread.join(PATIENCE_S)
