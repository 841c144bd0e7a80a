"""From the first byte of a connection to the last byte of its last answer, over real sockets."""

import http.client
import json
import resource
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.edge import files
from service.edge.connection import AHEAD_BYTES
from service.edge.door import PROBE_CONNECTIONS
from service.edge.framing import EMPTY_LINE, Framing
from tests.live import PATIENCE_S, served
from tests.service.raw import BODY, HOST, LIVEZ, Raw, chunked, connected, post

HEAD_BYTES, HEADERS, BODY_BYTES = 4096, 40, 100_000
CONNECTIONS = 5


@pytest.fixture(scope="module")
def server(artifact_folder):
    """A service with patience and low limits."""
    limits = {"max_header_bytes": HEAD_BYTES, "max_headers": HEADERS, "max_body_bytes": BODY_BYTES}
    with served(artifact_folder, **limits) as server:
        yield server


@pytest.fixture(scope="module")
def hasty(artifact_folder):
    """A service without patience, for few connections."""
    limits = {"head_s": 0.3, "body_s": 0.3, "max_connections": CONNECTIONS}
    with served(artifact_folder, **limits, min_bytes_per_s=2**20) as server:
        yield server


@pytest.fixture
def raw(server):
    """A connection to the patient service."""
    with connected(server) as raw:
        yield raw


def metric(server, line):
    """The value of a line of /metrics; 0 if there is none."""
    page = urllib.request.urlopen(f"{server.url}/metrics", timeout=PATIENCE_S).read().decode()
    return sum(float(found.split()[-1]) for found in page.splitlines() if found.startswith(line))


# Upgrades.

# As a default java.net.http.HttpClient sends it, JDK 17.
OFFER = (
    b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAA\r\n"
    b"Upgrade: h2c\r\nUser-Agent: Java-http-client/17\r\n"
)


@pytest.mark.parametrize("request_bytes", [post(headers=OFFER), post(headers=OFFER, body=b"{")])
def test_an_offer_of_another_protocol_is_ignored(raw, request_bytes):
    expected = raw.ask(request_bytes.replace(OFFER, b""))
    answer = raw.ask(request_bytes)
    assert answer.status == expected.status
    assert "upgrade" not in answer.headers
    assert raw.ask(LIVEZ).status == 200  # on the same connection


def test_an_offer_whose_body_comes_later_is_ignored(raw):
    head, _, body = post(headers=OFFER).partition(EMPTY_LINE)
    for cut in (10, len(head) - 20):
        raw.send(head[:cut])
        raw.send(head[cut:], EMPTY_LINE)
        assert raw.ask(body).status == 200


JAVA = """
import java.net.URI; import java.net.http.*;
public class Ask { public static void main(String[] a) throws Exception {
  var request = HttpRequest.newBuilder(URI.create(a[0])).header("content-type", "application/json")
      .POST(HttpRequest.BodyPublishers.ofString("{\\"texts\\": \\"a\\"}")).build();
  var client = HttpClient.newHttpClient();
  for (int i = 0; i < 2; i++)
    System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
}}
"""


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.skipif(not shutil.which("javac"), reason="needs a JDK")
def test_a_java_client_is_answered(server, tmp_path):
    (tmp_path / "Ask.java").write_text(JAVA)
    command = ["java", str(tmp_path / "Ask.java"), f"{server.url}/embed"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert run.stdout.split() == ["200", "200"]


# Heads.


def test_a_head_of_the_limit_is_read_and_one_byte_more_is_refused(server):
    padding = HEAD_BYTES - len(LIVEZ) - len(b"x: \r\n")
    with connected(server) as raw:
        for more, status in ((0, 200), (1, 431)):
            long = b"x: " + b"a" * (padding + more) + b"\r\n\r\n"
            answer = raw.ask(LIVEZ[:-2], long)
            assert answer.status == status
    error = json.loads(answer.body)["error"]
    assert error["details"]["setting"] == "max_header_bytes"
    assert error["details"]["limit"] == HEAD_BYTES
    assert error["details"]["actual"] == HEAD_BYTES + 1
    assert answer.is_last


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /" + b"a" * HEAD_BYTES,
        b"GET / HTTP/1.1\r\nx: " + b"a" * HEAD_BYTES,
        b"\r\n" * HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"x:1\r\n" * HEAD_BYTES,
    ],
    ids=["line", "header", "blank lines", "headers"],
)
def test_a_head_that_does_not_end_is_refused_while_it_arrives(raw, begin):
    assert raw.ask(begin).status == 431
    assert raw.is_closed()


def test_too_many_headers_are_refused(server):
    for number, status in ((HEADERS - 1, 200), (HEADERS, 431)):  # and Host
        with connected(server) as raw:
            answer = raw.ask(LIVEZ[:-2], b"x: 1\r\n" * number, b"\r\n")
            assert answer.status == status
    assert json.loads(answer.body)["error"]["details"]["setting"] == "max_headers"


@pytest.mark.parametrize(
    ("path", "status"),
    [(b"/livez", 200), (b"/info", 200), (b"/", 200), (b"/embed", 405), (b"/nowhere", 404)],
)
def test_an_answer_to_head_has_no_body_on_the_wire(raw, path, status):
    raw.send(b"HEAD " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    answer = raw.answer(is_of_head=True)
    assert answer.status == status
    assert int(answer.headers["content-length"]) > 0
    assert raw.ask(LIVEZ).status == 200  # a body would be read as the beginning of this answer


def test_head_that_is_refused_before_it_is_read_has_no_body_either(raw):
    raw.send(b"HEAD /livez HTTP/1.1\r\n", HOST, b"x: 1\r\n" * HEADERS, b"\r\n")
    assert raw.answer(is_of_head=True).status == 431
    assert raw.rest() == b""


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /livez HTTP/1.1\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\n" + HOST * 2 + b"\r\n", 400),
        (b"GET /livez HTTP/1.0\r\n\r\n", 200),
        (b"GET /livez HTTP/1.0\r\n" + HOST + b"\r\n", 200),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET http:// HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),  # how TLS begins
        (post(headers=b"content-length: 1\r\n"), 400),
        (post(headers=b"transfer-encoding: chunked\r\n"), 400),
        (b"POST /tokenize HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\nz\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_like_everything_else(server, request_bytes, status):
    with connected(server) as raw:
        answer = raw.ask(request_bytes)
    assert answer.status == status
    if status == 400:
        assert answer.code == "invalid_http"
        error = json.loads(answer.body)["error"]
        assert error["request_id"] == answer.headers["x-request-id"]
        assert error["type"] == "invalid_request_error"


def test_a_refusal_of_the_parser_keeps_the_id_and_is_counted_and_logged(server, caplog):
    caplog.set_level("INFO")
    before = metric(server, 'bilm_refusals_total{code="invalid_http"')
    with connected(server) as raw:
        answer = raw.ask(b"GET /some HTTP/1.1\r\nx-request-id: r-7\r\nx: 1\r\nbad header\r\n\r\n")
    assert answer.headers["x-request-id"] == "r-7"
    assert metric(server, 'bilm_refusals_total{code="invalid_http"') == before + 1
    (line,) = [
        record.fields
        for record in caplog.records
        if record.getMessage() == "request" and record.fields["request_id"] == "r-7"
    ]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/some", 400)
    assert line["code"] == "invalid_http"


BAD = b"bad header\r\n\r\n"  # the head is refused
GOOD = HOST + b"\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "path"),
    [
        (b"GET http://user:sesame@service/some HTTP/1.1\r\n" + GOOD, "/some"),
        (b"GET http://user:sesame@service/some HTTP/1.1\r\n" + BAD, ""),
        (b"GET http://user:ses/ame@service/ HTTP/1.1\r\n" + GOOD, ""),
        pytest.param(b"GET http://user:sesame" + b"a" * HEAD_BYTES, "", id="no end"),
        (b"CONNECT user:sesame@service:443 HTTP/1.1\r\n" + GOOD, ""),
        (b"GET //user:sesame@service/a HTTP/1.1\r\n" + GOOD, "//***@service/a"),
        (b"GET /http://user:ses/ame@service/a HTTP/1.1\r\n" + BAD, "/http:***@service/a"),
        (b"GET /http:%2F%2Fuser:sesame%40service HTTP/1.1\r\n" + GOOD, "/http:***@service"),
        (b"GET /http:%2F%2Fuser:sesame%40service HTTP/1.1\r\n" + BAD, "/http:***@service"),
        (b"GET /a@b:1 HTTP/1.1\r\n" + GOOD, "/a@b:1"),
    ],
)
def test_no_path_in_the_log_has_the_password_of_an_address(server, caplog, request_bytes, path):
    caplog.set_level("INFO")
    metric(server, "bilm_ready")  # after it, there is no line of an earlier request to come
    caplog.clear()
    with connected(server) as raw:
        assert raw.ask(request_bytes).status >= 400
    metric(server, "bilm_ready")
    lines = [one.fields for one in caplog.records if one.getMessage() == "request"]
    assert [line["path"] for line in lines] == [path]


# Bodies.


@pytest.mark.parametrize(
    "endless",
    [b"5;" + b"e" * 10 * HEAD_BYTES, b"0\r\nx: " + b"a" * 10 * HEAD_BYTES],
    ids=["extension", "trailer"],
)
def test_what_stands_between_chunks_is_bounded(raw, endless):
    complete = chunked(b"{")
    answer = raw.ask(complete[: complete.rindex(b"0\r\n")], endless)
    assert (answer.status, answer.code) == (431, "headers_too_large")
    assert raw.is_closed()


def test_many_trailers_are_refused(raw):
    answer = raw.ask(chunked(b"{", trailers=b"x: 1\r\n" * (HEADERS + 1)))
    assert (answer.status, answer.code) == (431, "headers_too_large")


def test_a_body_of_tiny_chunks_is_bounded_by_what_it_sends(raw):
    extended = b"1;" + b"e" * 90 + b"\r\n \r\n"
    head = chunked().removesuffix(b"0\r\n\r\n")
    answer = raw.ask(head, extended * (3 * BODY_BYTES // len(extended)))
    assert (answer.status, answer.code) == (413, "body_too_large")


def test_a_trailer_is_no_header(raw):
    answer = raw.ask(chunked(BODY, trailers=b"x-request-id: r-8\r\n"))
    assert answer.status == 200
    assert answer.headers["x-request-id"] != "r-8"
    assert raw.ask(LIVEZ).status == 200


@pytest.mark.parametrize("path", ["/embed", "/nowhere", "/livez"])
def test_a_client_that_sends_before_it_reads_sees_why_it_is_refused(server, path):
    body = b"x" * (BODY_BYTES * 60)  # more than the buffers of the system hold
    headers = {"content-type": "application/json"}
    # It sends Connection: close.
    request = urllib.request.Request(f"{server.url}{path}", body, headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE_S)
    with refused.value as answer:
        assert answer.status == {"/embed": 413, "/nowhere": 404, "/livez": 405}[path]
        assert json.load(answer)["error"]["message"]


def test_a_connection_is_kept_after_a_refusal_whose_body_comes_later(raw):
    head, _, body = post(path=b"/nowhere").partition(EMPTY_LINE)
    answer = raw.ask(head, EMPTY_LINE)
    assert (answer.status, answer.is_last) == (404, False)
    assert raw.ask(body, LIVEZ).status == 200


def test_a_refused_client_that_expected_100_is_not_trusted_with_another_request(raw):
    head, _, _ = post(path=b"/nowhere", headers=b"expect: 100-continue\r\n").partition(EMPTY_LINE)
    answer = raw.ask(head, EMPTY_LINE)
    assert (answer.status, answer.is_last) == (404, True)
    assert raw.is_closed()


def test_a_client_that_expected_100_and_got_it_keeps_its_connection(raw):
    head, _, body = post(headers=b"expect: 100-continue\r\n").partition(EMPTY_LINE)
    assert raw.ask(head, EMPTY_LINE).status == 100
    answer = raw.ask(body)
    assert (answer.status, answer.is_last) == (200, False)
    assert raw.ask(LIVEZ).status == 200


# Time.


def test_a_connection_that_says_nothing_is_closed_without_a_word(hasty):
    before = metric(hasty, 'bilm_connections_cut_total{reason="silent"}')
    with connected(hasty) as silent, connected(hasty) as blank:
        blank.send(b"\r\n")
        assert silent.is_closed()
        assert blank.is_closed()
    assert metric(hasty, 'bilm_connections_cut_total{reason="silent"}') == before + 2


def test_half_a_head_is_refused_in_time(hasty):
    with connected(hasty) as raw:
        answer = raw.ask(b"GET /livez HTTP/1.1\r\n")
        assert (answer.status, answer.code, answer.is_last) == (408, "request_timeout", True)
        assert raw.is_closed()
    with connected(hasty) as raw:  # also of a later request
        assert raw.ask(LIVEZ).status == 200
        assert raw.ask(LIVEZ[:-2]).status == 408


@pytest.mark.parametrize("request_bytes", [post(), chunked(BODY)])
def test_half_a_body_is_refused_in_time(hasty, request_bytes):
    with connected(hasty) as raw:
        answer = raw.ask(request_bytes[:-3])
        assert (answer.status, answer.code, answer.is_last) == (408, "request_timeout", True)
        assert json.loads(answer.body)["error"]["details"]["setting"] == "body_s"
        assert raw.is_closed()


def test_a_body_that_keeps_the_least_rate_may_take_longer(artifact_folder):
    rate = {"body_s": 0.3, "min_bytes_per_s": 10}
    with served(artifact_folder, **rate) as server, connected(server) as raw:
        head, _, body = post().partition(EMPTY_LINE)
        raw.send(head, EMPTY_LINE)
        begin = time.monotonic()
        for byte in body:
            raw.send(bytes([byte]))
            time.sleep(0.04)
        assert time.monotonic() - begin > 0.8  # or this shows nothing
        assert raw.answer().status == 200


def test_a_kept_connection_may_be_silent_for_longer_than_a_head_may_take(hasty):
    with connected(hasty) as raw:
        assert raw.ask(LIVEZ).status == 200
        with connected(hasty) as other:
            assert other.is_closed()  # it was opened later
        assert raw.ask(LIVEZ).status == 200


# Crowds.


def test_a_crowd_leaves_room_for_probes_and_for_no_more(hasty):
    crowd = [Raw(hasty.port) for _ in range(CONNECTIONS)]
    for one in crowd:  # each is in, and may be silent for a while
        assert one.ask(LIVEZ).status == 200
    with connected(hasty) as probe, connected(hasty) as other:
        answer = probe.ask(LIVEZ.replace(b"livez", b"readyz"))
        assert (answer.status, answer.is_last) == (200, True)
        refused = other.ask(post())
        assert (refused.status, refused.code) == (503, "too_many_connections")
        assert refused.headers["retry-after"] == "1"
        assert refused.is_last
        assert crowd[0].ask(post()).status == 200
    more = [Raw(hasty.port) for _ in range(2 * PROBE_CONNECTIONS)]
    assert more[0].is_closed()  # the oldest have given way
    assert more[-1].ask(LIVEZ).status == 200
    with connected(hasty) as probe:
        assert probe.ask(LIVEZ).status == 200
    for one in (*crowd, *more):
        one.close()
    with connected(hasty) as raw:
        assert raw.ask(post()).status == 200
    assert metric(hasty, 'bilm_connections_cut_total{reason="crowd"}') >= PROBE_CONNECTIONS


def test_open_connections_are_a_metric(server):
    before = metric(server, "bilm_connections ")
    with connected(server) as one, connected(server) as two:
        assert one.ask(LIVEZ).status == two.ask(LIVEZ).status == 200
        assert metric(server, "bilm_connections ") == before + 2


def test_the_limit_of_files_is_raised_or_its_smallness_told(monkeypatch, caplog):
    limit = [100, 1000]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limit))
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limit.__setitem__(0, new[0]))
    assert files.allow_connections(20) == 20
    assert limit[0] == 100  # it is enough
    assert files.allow_connections(500) == 500
    assert limit[0] == 1000
    assert not caplog.records
    assert files.allow_connections(5000) == 1000 - files.OTHER_FILES
    assert "max_connections needs 5064" in caplog.text


# Pipelines.

MESSAGES = (
    post(),
    LIVEZ,
    chunked(BODY[:5], BODY[5:], trailers=b"x: 1\r\n"),
    post(path=b"/nowhere"),
    post(headers=OFFER),
    chunked(b"{}"),
)
STATUSES = (200, 200, 200, 404, 200, 422)


@given(cuts=st.lists(st.integers(1, len(b"".join(MESSAGES)) - 1), max_size=12))
def test_requests_behind_one_another_are_answered_in_order_however_they_are_cut(server, cuts):
    stream = b"".join(MESSAGES)
    places = [0, *sorted(cuts), len(stream)]
    with connected(server) as raw:
        for begin, end in pairwise(places):
            raw.send(stream[begin:end])
        assert tuple(raw.answer().status for _ in MESSAGES) == STATUSES


@given(cuts=st.lists(st.integers(1, 400), max_size=30), texts=st.lists(st.binary(max_size=60)))
def test_no_step_crosses_the_end_of_a_head(cuts, texts):
    heads = [text.replace(b"\r", b"") + EMPTY_LINE for text in texts]
    stream = b"".join(heads)
    framing, ends, at = Framing(), set(), 0
    for length in [*cuts, len(stream)]:
        data = stream[at : at + length]
        begin = 0
        while begin < len(data):
            begin = framing.step(data, begin)
            ends.add(at + begin)
        at += len(data)
    marks = [sum(map(len, heads[: number + 1])) for number in range(len(heads))]
    assert set(marks) <= ends


def test_a_client_that_sends_far_ahead_is_answered_and_then_let_go(server, raw):
    ahead = LIVEZ * (2 * AHEAD_BYTES // len(LIVEZ))
    raw.send(post(), ahead)
    first = raw.answer()
    assert first.status == 200
    number = 0
    while raw.answer().status == 200:
        number += 1
    assert number < len(ahead) // len(LIVEZ)
    with connected(server) as another:
        assert another.ask(LIVEZ).status == 200


def test_a_refused_body_and_a_request_behind_it(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    for _ in range(3):  # a client that keeps its connection
        connection.request("POST", "/nowhere", BODY)
        assert connection.getresponse().read()
    connection.close()


# What is used of uvicorn.


def test_uvicorn_has_what_the_connection_is_built_on(server):
    with connected(server) as raw:
        assert raw.ask(LIVEZ).status == 200
        (one, *_) = server.server_state.connections
        for name in ("cycle", "flow", "headers", "parser", "scope", "expect_100_continue", "url"):
            assert hasattr(one, name), name
        names = ("keep_alive", "more_body", "message_event", "response_complete", "scope")
        for name in names:
            assert hasattr(one.cycle, name), name
        assert one.flow.write_paused is False
