"""The real service on a socket, and a peer whose answers a test writes."""

import asyncio
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import uvicorn

from service.app import create_app
from service.settings import Settings

PATIENCE_S = 120  # longer is stuck, even beside a training run: the test fails and does not hang
INFO = {
    "model": {"id": "peer", "revision": "sha256:1", "num_layers": 2},
    "limits": {"max_texts": 3, "max_request_pieces": 1000},
}


class ServiceThread(uvicorn.Server):
    """The service in this process; says when its model is loaded."""

    def __init__(self, app):
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False, ws="none"))
        self.app = app
        self.is_ready = threading.Event()

    async def startup(self, sockets=None):
        """Listen, and load."""
        await super().startup(sockets=sockets)
        await asyncio.wait_for(self.app.state.runtime.batcher.started, PATIENCE_S)
        self.is_ready.set()


@contextmanager
def listening(folder, **changes):
    """The address of the service of an artifact folder."""
    settings = Settings(model=folder, threads=1, precision="float32", **changes)
    server = ServiceThread(create_app(settings))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.is_ready.wait(PATIENCE_S)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)


@pytest.fixture(scope="session")
def service_url(artifact_folder):
    """The tiny artifact, served."""
    with listening(artifact_folder) as url:
        yield url


@pytest.fixture(scope="session")
def inspecting_url(artifact_folder):
    """The same with inspection turned on."""
    with listening(artifact_folder, inspect=True) as url:
        yield url


class Peer(ThreadingHTTPServer):
    """A network peer: `answer(body)` gives status, headers and JSON, or bytes, for each POST."""

    daemon_threads = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), PeerHandler)
        self.info = (200, {}, INFO)
        self.answer = None
        self.seen = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class PeerHandler(BaseHTTPRequestHandler):
    """Reads a request whole and lets the peer answer."""

    def do_GET(self):  # noqa: D102 - the name http.server calls
        self._send(*self.server.info)

    def do_POST(self):  # noqa: D102 - the name http.server calls
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers, body))
        self._send(*self.server.answer(body))

    def log_message(self, *_):
        """Nothing: a test's output is its own."""

    def _send(self, status, headers, value):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, content in {**headers, "Content-Length": len(data)}.items():
            self.send_header(name, str(content))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def peer():
    """A peer that listens until the test ends."""
    with Peer() as peer:
        thread = threading.Thread(target=peer.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield peer
        peer.shutdown()
        thread.join(PATIENCE_S)
