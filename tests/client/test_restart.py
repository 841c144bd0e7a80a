"""Restart a real service several times while a client sends many texts to it."""

import asyncio
import re
import signal
import subprocess
import threading
import time

import numpy as np
import pytest
from bilm_client import AsyncClient, Client

from benchmarks.processes import HOST, PATIENCE_S, READY, SERVICE, Server

pytestmark = pytest.mark.long
TEXTS = [
    f"第{number}条：我在用苹果手机，昨天吃了一个苹果，味道很甜。" * 2 for number in range(3000)
]
# Requests to /embed that a process answers before it is ended.
ANSWERED = 4
# The last is a crash: whatever was on its way is lost.
SIGNALS = (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL)


def by_thread(url):
    with Client(url) as client:
        return client.embed(TEXTS, level="text")


def by_tasks(url):
    async def call():
        async with AsyncClient(url) as client:
            return await client.embed(TEXTS, level="text")

    return asyncio.run(call())


class Restarted:
    """A service on one port, ended and started again while it answers."""

    def __init__(self, command, folder):
        self._command = command
        self._folder = folder
        self.ended = []
        self.port = 0
        self.server = None
        self._start()

    def _start(self):
        log = self._folder / str(len(self.ended))
        with log.open("wb") as output:
            command = [*self._command, "--port", str(self.port)]
            process = subprocess.Popen(command, stdout=output, stderr=output)
        self.server = Server(process, log)
        self.port = self.server.port

    def restart(self):
        """End the service as each of the signals does, as soon as it has answered some requests."""
        for number in SIGNALS:
            answered = r'(?s)(?:"path":"/embed".*?){' + str(ANSWERED) + "}"
            self.server.wait_for(answered)
            self.server.process.send_signal(number)
            self.server.process.wait(PATIENCE_S)
            self.ended.append(number)
            time.sleep(1)  # so that connections are refused for a while
            self._start()


@pytest.fixture(scope="module")
def expected(service_url):
    """Return the answer of a service that is never restarted."""
    return by_thread(service_url)


@pytest.mark.parametrize("embed", [by_thread, by_tasks], ids=["sync", "async"])
def test_nothing_is_lost_and_nothing_comes_twice(embed, expected, artifact_folder, tmp_path):
    command = [*SERVICE, "--host", HOST, "--model", str(artifact_folder), "--threads", "1"]
    command += ["--precision", "float32", "--lame-duck-s", "0"]
    restarted = Restarted(command, tmp_path)
    try:
        restarted.server.wait_for(READY)
        restarter = threading.Thread(target=restarted.restart)
        restarter.start()
        found = embed(f"http://{HOST}:{restarted.port}")
        restarter.join(PATIENCE_S)
        assert restarted.ended == list(SIGNALS)
    finally:
        restarted.server.process.kill()
        restarted.server.process.wait(PATIENCE_S)
    assert len(found) == len(TEXTS)
    for one, other in zip(found, expected, strict=True):
        # float32 arithmetic in batches of other company
        np.testing.assert_allclose(one.vectors, other.vectors, rtol=0, atol=1e-5)
    distinct = {one.vectors.tobytes() for one in expected}
    assert len(distinct) == len(TEXTS)
    logs = "".join(path.read_text("utf-8") for path in tmp_path.iterdir())
    assert len(re.findall(r'"path":"/embed"', logs)) > ANSWERED * len(SIGNALS)
