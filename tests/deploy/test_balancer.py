"""Real replicas behind HAProxy as it ships, changed in addresses and certificate only."""

import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from bilm_client import Client, UnavailableError
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.processes import HOST, READY, SERVICE, Server
from service.settings import Settings
from tests.deploy.name_server import NameServer
from tests.live import PATIENCE_S

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "deploy/haproxy.cfg").read_text("utf-8")
BODY = {"texts": "我吃了一个苹果"}
# Each replica has an address of its own on the loopback; they share the port, as containers do.
ADDRESSES = ("127.0.0.2", "127.0.0.3")
POLL_S = 0.1


@pytest.fixture(scope="module")
def haproxy():
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if not program:
        pytest.skip("there is no haproxy; it is a package of Debian, and CI has it")
    return program


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 and its key, in one file as HAProxy reads it."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=IP:{HOST} -keyout {folder}/key -out {folder}/certificate"
    subprocess.run(command.split(), check=True, capture_output=True, timeout=PATIENCE_S)
    both = folder / "bilm.pem"
    both.write_bytes((folder / "certificate").read_bytes() + (folder / "key").read_bytes())
    return both


def adapted(certificate, *, listen=8443, names=53, replicas=8000):
    """The configuration with the certificate and the addresses of a test."""
    text = CONFIGURATION
    for shipped, here in (
        ("bind :8443", f"bind {HOST}:{listen}"),
        ("/certs/bilm.pem", str(certificate)),
        ("127.0.0.11:53", f"{HOST}:{names}"),
        ("replica:8000", f"replica:{replicas}"),
    ):
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    return text


def test_haproxy_takes_the_configuration(haproxy, certificate, tmp_path):
    (tmp_path / "haproxy.cfg").write_text(adapted(certificate), "utf-8")
    command = [haproxy, "-c", "-f", tmp_path / "haproxy.cfg"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert not done.stderr  # warnings


def number(pattern):
    """The one number of the configuration that a pattern finds."""
    (found,) = re.findall(pattern, CONFIGURATION, re.MULTILINE)
    return int(found)


def test_limits_fit_those_of_the_service():
    default = {name: field.default for name, field in Settings.model_fields.items()}
    assert number(r"^ +default-server .* maxconn (\d+)$") == default["max_requests"]
    assert number(r"^ +timeout server (\d+)s$") > default["deadline_s"]
    assert number(r"^ +hard-stop-after (\d+)s$") > default["deadline_s"]


def free_port(*addresses):
    """A port that is free at each of these addresses."""
    while True:
        with ExitStack() as stack:
            port = 0
            try:
                for address in addresses:
                    listener = stack.enter_context(socket.socket())
                    listener.bind((address, port))
                    port = listener.getsockname()[1]
            except OSError:  # taken at a later address
                continue
            return port


@contextmanager
def started(command, log):
    """A process, killed at the end if it is still alive, and what it writes."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as one:
        try:
            yield Server(one, log)
        finally:
            one.kill()


class Site:
    """Replicas, a name server that knows them, and the balancer before them."""

    def __init__(self, stack, folder, model):
        self._stack, self._folder, self._model = stack, folder, model
        self.replica_port = free_port("0.0.0.0")
        self.replicas = {}
        self.names = stack.enter_context(NameServer([]))

    def start(self, address):
        """Start a replica at this address, on one core."""
        command = [*SERVICE, "--host", address, "--port", str(self.replica_port), "--threads", "1"]
        command += ["--model", str(self._model), "--precision", "float32"]
        log = self._folder / address
        self.replicas[address] = self._stack.enter_context(started(command, log))

    def complete(self):
        """Start what does not run; wait until both replicas are ready, and give both a name."""
        for address in ADDRESSES:
            if address not in self.replicas or self.replicas[address].process.poll() is not None:
                self.start(address)
        for address in ADDRESSES:
            self.replicas[address].wait_for(READY)
        self.names.addresses[:] = ADDRESSES

    def balance(self, haproxy, certificate):
        """The balancer, serving."""
        self.port = free_port(HOST)  # as late as possible: until it listens, others may take it
        file = self._folder / "haproxy.cfg"
        ports = {"names": self.names.port, "replicas": self.replica_port}
        file.write_text(adapted(certificate, listen=self.port, **ports), "utf-8")
        self._stack.enter_context(started([haproxy, "-db", "-f", file], self._folder / "haproxy"))
        self.context = ssl.create_default_context(cafile=certificate)
        self.client = self._stack.enter_context(
            httpx.Client(base_url=self.url, verify=self.context, timeout=PATIENCE_S)
        )

    @property
    def url(self):
        """The address of the balancer."""
        return f"https://{HOST}:{self.port}"

    def num_embedded(self, count):
        """How many of so many requests ended with which status."""
        found = Counter()
        for _ in range(count):
            try:
                found[self.client.post("/embed", json=BODY).status_code] += 1
            except httpx.ConnectError:
                found["refused"] += 1
        return dict(found)

    def counted(self, address):
        """Requests to /embed that a replica counts."""
        url = f"http://{address}:{self.replica_port}/metrics"
        page = httpx.get(url, timeout=PATIENCE_S, trust_env=False).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == "bilm_requests_total" and sample.labels["path"] == "/embed"
        )

    def wait_until(self, condition):
        """Ask again and again, for there is no event to wait for."""
        ends = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < ends
            time.sleep(POLL_S)


@pytest.fixture(scope="module")
def balanced(haproxy, certificate, artifact_folder, tmp_path_factory):
    """Two replicas behind the balancer."""
    with ExitStack() as stack:
        site = Site(stack, tmp_path_factory.mktemp("site"), artifact_folder)
        site.complete()
        site.balance(haproxy, certificate)
        yield site


@pytest.fixture
def site(balanced):
    """The same, with both replicas in use."""
    balanced.complete()
    before = {address: balanced.counted(address) for address in ADDRESSES}
    balanced.wait_until(
        lambda: (
            balanced.num_embedded(2) == {200: 2}
            and all(balanced.counted(address) > before[address] for address in ADDRESSES)
        )
    )
    return balanced


@pytest.mark.long
def test_requests_are_spread_over_tls_and_what_is_too_much_reaches_no_replica(site, certificate):
    before = {address: site.counted(address) for address in ADDRESSES}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: site.client.post("/embed", json=BODY), range(240)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert all(site.counted(address) - before[address] >= 60 for address in ADDRESSES)

    before = {address: site.counted(address) for address in ADDRESSES}
    large = site.client.post("/embed", json=BODY, headers={"x-large": "x" * 20_000})
    assert large.status_code == 400
    assert site.client.get("/metrics").status_code == 404
    assert {address: site.counted(address) for address in ADDRESSES} == before

    offering = ssl.create_default_context(cafile=certificate)
    offering.set_alpn_protocols(["h2", "http/1.1"])
    with connected(site, offering) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        assert connection.version() == "TLSv1.3"


@contextmanager
def connected(site, context):
    """A TLS connection to the balancer, which shows its certificate for the address asked."""
    with (
        socket.create_connection((HOST, site.port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        yield connection


@pytest.mark.long
def test_connections_and_times_are_bounded(site):
    head = b"POST /embed HTTP/1.1\r\nHost: half-a-head"
    body = b"POST /embed HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n{half a body"
    with ExitStack() as stack:
        slow, slower = (stack.enter_context(connected(site, site.context)) for _ in range(2))
        for connection, beginning in ((slow, head), (slower, body)):
            connection.settimeout(3 * number(r"^ +timeout http-request (\d+)s$"))
            connection.sendall(beginning)
        others = [stack.enter_context(socket.socket()) for _ in range(300)]
        for other in others:
            other.setblocking(False)
            other.connect_ex((HOST, site.port))
        site.wait_until(lambda: num_closed(others) >= 300 - 256)
        assert num_closed(others) < 300 - 256 + 20  # connections of the test itself count, too
        assert b" 408 Request Time" in slow.recv(4096)
        assert b'"request_too_slow"' in slower.recv(4096)
    site.wait_until(lambda: site.num_embedded(1) == {200: 1})


def num_closed(connections):
    """How many of these the other side has closed."""
    closed = 0
    for connection in connections:
        try:
            closed += connection.recv(1) == b""
        except ConnectionResetError:
            closed += 1
        except BlockingIOError:  # open, and silent
            pass
    return closed


@pytest.mark.long
def test_a_replica_that_drains_is_left_alone_and_no_request_fails(site):
    statuses, ends = [], threading.Event()

    def keep_asking(client):
        while not ends.is_set():
            statuses.append(client.post("/embed", json=BODY).status_code)

    with ThreadPoolExecutor(4) as pool, ExitStack() as stack:
        clients = [
            stack.enter_context(httpx.Client(base_url=site.url, verify=site.context))
            for _ in range(4)
        ]
        for client in clients:
            client.timeout = PATIENCE_S
        asking = [pool.submit(keep_asking, client) for client in clients]
        try:
            leaving, staying = ADDRESSES
            before = site.counted(leaving)
            site.wait_until(lambda: site.counted(leaving) > before + 50)
            process = site.replicas[leaving].process
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
            before = site.counted(staying)
            site.wait_until(lambda: site.counted(staying) > before + 100)
            site.complete()  # as after an update: it gets requests again
            site.wait_until(lambda: site.counted(leaving) > 50)
        finally:
            ends.set()
        for one in asking:
            one.result(PATIENCE_S)
    assert set(statuses) == {200}


@pytest.mark.long
def test_without_a_replica_clients_hear_that_none_takes_requests(site, certificate, monkeypatch):
    processes = [replica.process for replica in site.replicas.values()]
    for process in processes:
        process.terminate()
    assert [process.wait(PATIENCE_S) for process in processes] == [0, 0]
    answer = site.client.post("/embed", json=BODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"]["code"] == "no_replica"

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Client(site.url, max_wait_s=0) as client, pytest.raises(UnavailableError, match="5 s"):
        client.embed(["我"])
