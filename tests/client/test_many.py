"""Test many texts at a time: as they come, beside others, after a fork, within limits."""

import asyncio
import contextlib
import functools
import gc
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
import tracemalloc

import pytest
from bilm_client import (
    AsyncClient,
    Client,
    ClosedError,
    ForeignAnswerError,
    InputError,
    NoServiceError,
    RefusedError,
    requests,
)
from bilm_client.connection import Connection

from tests.client.numbers_peer import NUMBERS, refusal, vectors
from tests.live import INFO, PATIENCE_S


def bad_text(body, bad):
    """Refuse a request that has the text, as the service does."""
    if bad in body["texts"]:
        index = body["texts"].index(bad)
        message = f"text {index} has at least 9001 pieces; the limit is 8192"
        return refusal(422, "text_too_long", message, param="texts", details={"index": index})
    return vectors(body)


def numbers_by_thread(url, texts, **more):
    """Yield the numbers that come, until an error."""
    with Client(url, wait=lambda _: None, **more) as client:
        for embedding in client.embed_iter(texts):
            yield int(embedding.vectors.item())


def numbers_by_task(url, texts, **more):
    """Return an iterator of the same, and raise the error at its end."""
    found = []

    async def over(_):
        pass

    async def call():
        async with AsyncClient(url, wait=over, **more) as client:
            async for embedding in client.embed_iter(texts):
                found.append(int(embedding.vectors.item()))  # noqa: PERF401 - kept after an error

    error = None
    try:
        asyncio.run(call())
    except Exception as raised:
        error = raised
    yield from found
    if error is not None:
        raise error


@pytest.fixture(params=[numbers_by_thread, numbers_by_task], ids=["sync", "async"])
def numbers(request, peer):
    """Return a function that iterates over what the peer answers."""
    peer.answer = vectors
    return functools.partial(request.param, peer.url)


def until_error(iterator, kind):
    """Return what came before an error, and the error."""
    found = []
    with pytest.raises(kind) as caught:
        found.extend(iter_into(iterator, found))
    return found, caught.value


def iter_into(iterator, found):
    for one in iterator:
        found.append(one)
    return []


def test_vectors_come_in_order(numbers):
    assert list(numbers(NUMBERS)) == list(range(40))
    assert list(numbers(iter(NUMBERS))) == list(range(40))
    assert list(numbers([])) == []
    assert list(numbers("7")) == [7]


def test_the_first_come_before_the_last_are_asked(peer):
    may_go_on = threading.Event()

    def answer(body):
        if "30" in body["texts"]:
            assert may_go_on.wait(PATIENCE_S), "all are asked before the first is given"
        return vectors(body)

    peer.answer = answer
    found = []
    for number in numbers_by_thread(peer.url, NUMBERS):
        found.append(number)
        if number == 0:
            may_go_on.set()
    assert found == list(range(40))


@pytest.mark.parametrize("bad", [0, 1, 2, 17, 39])
def test_a_refused_text_loses_none_before_it(peer, numbers, bad):
    peer.answer = functools.partial(bad_text, bad=str(bad))
    found, error = until_error(numbers(NUMBERS), RefusedError)
    assert found == list(range(bad))
    assert error.text == bad
    assert str(error) == (
        f"422 text_too_long: text {bad} has at least 9001 pieces; the limit is 8192"
    )


def test_a_refused_text_loses_none_before_it_when_requests_are_halved(peer, numbers):
    def answer(body):
        return refusal(413, "too_many_pieces") if len(body["texts"]) > 1 else bad_text(body, "17")

    peer.answer = answer
    found, error = until_error(numbers(NUMBERS), RefusedError)
    assert (found, error.text) == (list(range(17)), 17)


@pytest.mark.parametrize("bad", [None, 3.5, "\ud800"])
def test_a_text_that_cannot_be_sent_loses_none_before_it(numbers, bad):
    texts = [*NUMBERS[:17], bad, *NUMBERS[18:]]
    found, error = until_error(numbers(text for text in texts), InputError)
    assert found == list(range(17))
    assert error.text == 17
    assert "text 17 " in str(error)


def test_what_the_callers_generator_raises_loses_none_before_it(numbers):
    def texts():
        yield from NUMBERS[:17]
        raise LookupError("the file ended")

    found, error = until_error(numbers(texts()), LookupError)
    assert found == list(range(17))
    assert str(error) == "the file ended"


def test_a_service_that_goes_away_loses_none_before_it(peer, numbers):
    def answer(body):
        if int(body["texts"][-1]) > 20:
            raise ConnectionAbortedError
        return vectors(body)

    peer.answer = answer
    found, _ = until_error(numbers(NUMBERS), NoServiceError)
    assert found == list(range(21))  # the seventh request of three has 18, 19 and 20
    peer.answer = vectors
    assert list(numbers(NUMBERS[len(found) :])) == list(range(21, 40))


def test_another_model_loses_none_before_it(peer, numbers):
    peer.answer = lambda body: vectors(body, "1" if int(body["texts"][0]) < 20 else "2")
    found, _ = until_error(numbers(NUMBERS), ForeignAnswerError)
    assert found == list(range(21))


def test_an_endless_generator_is_read_as_far_as_needed(peer):
    read = itertools.count()
    peer.answer = vectors
    with Client(peer.url, in_flight=2) as client:
        found = client.embed_iter(str(next(read)) for _ in itertools.count())
        some = [int(embedding.vectors.item()) for embedding in itertools.islice(found, 9)]
        found.close()
    assert some == list(range(9))
    # Three requests were given; at most twice two more wait, and one text more is looked at.
    assert next(read) <= 9 + 3 * 4 + 3 + 1


def test_a_text_is_sent_before_the_next_one_comes(peer, monkeypatch):
    monkeypatch.setattr(requests, "SLOW_S", 0.0)
    seen = {text: threading.Event() for text in NUMBERS}

    def answer(body):
        for text in body["texts"]:
            seen[text].set()
        return vectors(body)

    def texts():
        for text in NUMBERS:
            yield text
            assert seen[text].wait(PATIENCE_S), f"text {text} waits for the next one"

    peer.answer = answer
    assert list(numbers_by_thread(peer.url, texts())) == list(range(40))


def test_a_bad_text_of_an_endless_generator_ends_a_call_that_collects(peer):
    peer.answer = vectors
    texts = (str(number) if number != 50 else None for number in itertools.count())
    with Client(peer.url) as client, pytest.raises(InputError, match="text 50 is None"):
        client.embed(texts)


def test_a_comparison_of_endless_texts_is_refused(peer):
    with Client(peer.url) as client, pytest.raises(RefusedError, match="more than 3 texts") as e:
        client.similarity("一", itertools.repeat("一"))
    assert (e.value.status, e.value.code) == (413, "too_many_texts")
    assert peer.seen == []


def with_body_of(peer, num_bytes):
    """Let the peer say how large a body may be."""
    limits = {**INFO["limits"], "max_body_bytes": num_bytes}
    peer.info = (200, {}, {**INFO, "limits": limits})


METHODS = {
    "embed": lambda client, text: client.embed(["1", "2", text]),
    "embed_iter": lambda client, text: list(client.embed_iter(["1", "2", text])),
    "tokenize": lambda client, text: client.tokenize([text]),
    "word_vectors": lambda client, text: client.word_vectors([text], "1"),
    "similarity": lambda client, text: client.similarity("1", [text]),
    "fill": lambda client, text: client.fill(text),
    "complete": lambda client, text: client.complete(text),
    "inspect": lambda client, text: client.inspect(text),
}


@pytest.mark.parametrize("method", METHODS)
def test_a_text_that_fits_into_no_body_is_refused_before_it_is_copied(peer, method):
    peer.answer = vectors
    with_body_of(peer, 100_000)
    text = "1" * 30_000_000
    with Client(peer.url) as client:
        client.info()
        tracemalloc.start()
        with pytest.raises(RefusedError, match="the length 30000000; a request body has") as e:
            METHODS[method](client, text)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (e.value.status, e.value.code) == (413, "body_too_large")
    assert all("1" * 1000 not in str(body) for _, _, body in peer.seen)
    assert peak < 10_000_000


def test_a_small_call_does_not_wait_behind_a_large_one(peer):
    has_begun, may_end = threading.Semaphore(0), threading.Event()

    def answer(body):
        if "texts" in body:
            has_begun.release()
            assert may_end.wait(PATIENCE_S), "the small call waits for the large one"
            return vectors(body)
        return 200, {}, {"forward": [], "backward": [], "cloze": []}

    peer.answer = answer
    with Client(peer.url, in_flight=2) as client:
        large = threading.Thread(target=client.embed, args=(NUMBERS,))
        large.start()
        assert has_begun.acquire(timeout=PATIENCE_S)
        assert has_begun.acquire(timeout=PATIENCE_S)  # as many as a call has in flight
        assert client.fill("我__") == {"forward": [], "backward": [], "cloze": []}
        may_end.set()
        large.join(PATIENCE_S)
    assert len(peer.seen) == 15


def test_a_small_task_does_not_wait_behind_a_large_one(peer):
    has_begun, may_end = threading.Semaphore(0), threading.Event()

    def answer(body):
        if "texts" in body:
            has_begun.release()
            assert may_end.wait(PATIENCE_S), "the small call waits for the large one"
            return vectors(body)
        return 200, {}, {"forward": [], "backward": [], "cloze": []}

    async def call():
        async with AsyncClient(peer.url, in_flight=2) as client:
            large = asyncio.create_task(client.embed(NUMBERS))
            for _ in range(2):
                assert await asyncio.to_thread(has_begun.acquire, timeout=PATIENCE_S)
            assert await client.fill("我__") == {"forward": [], "backward": [], "cloze": []}
            may_end.set()
            return await large

    peer.answer = answer
    assert len(asyncio.run(call())) == 40


def test_no_more_requests_than_allowed_are_in_flight(peer, numbers):
    running, most = [0], [0]
    lock = threading.Lock()

    def answer(body):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        found = vectors(body)
        with lock:
            running[0] -= 1
        return found

    peer.answer = answer
    assert list(numbers(NUMBERS * 10, in_flight=2)) == list(range(40)) * 10
    assert most[0] <= 2


@pytest.fixture
def ports(peer, monkeypatch):
    """Return the ports of the clients by request; the peer keeps connections open."""
    seen = []
    original = peer.RequestHandlerClass.do_POST

    def do_post(handler):
        seen.append(handler.client_address[1])
        original(handler)

    monkeypatch.setattr(peer.RequestHandlerClass, "protocol_version", "HTTP/1.1")
    monkeypatch.setattr(peer.RequestHandlerClass, "do_POST", do_post)
    # An idle connection that nobody closes ends here, and with it the peer.
    monkeypatch.setattr(peer.RequestHandlerClass, "timeout", 10)
    return seen


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # of the loops that have ended
def test_a_client_works_in_several_event_loops(peer, ports):
    peer.answer = vectors
    client = AsyncClient(peer.url)
    seen = []
    for _ in range(3):
        assert len(asyncio.run(client.embed(NUMBERS))) == 40
        seen.append(set(ports))
        ports.clear()
    assert not seen[0] & seen[1] | seen[1] & seen[2]
    asyncio.run(client.close())
    del client
    gc.collect()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the process has threads
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_client_works_after_a_fork_by_connections_of_its_own(peer, ports, is_async):
    peer.answer = vectors
    client = (AsyncClient if is_async else Client)(peer.url)

    async def sums_of_tasks(is_end):
        found = await client.embed(NUMBERS)
        if is_end:
            await client.close()
        return sum(int(one.vectors.item()) for one in found)

    def sums(is_end):
        if is_async:
            return asyncio.run(sums_of_tasks(is_end))
        found = sum(int(one.vectors.item()) for one in client.embed(NUMBERS))
        if is_end:
            client.close()
        return found

    assert sums(is_async) == sum(range(40))
    before = set(ports)
    ports.clear()
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        status = 1
        with contextlib.suppress(BaseException):
            status = 0 if sums(True) == sum(range(40)) else 2
        os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert ports
    assert not before & set(ports)
    if not is_async:
        assert sums(True) == sum(range(40))  # the parent's connections are its own still


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # of a client without a close
def test_each_of_two_event_loops_keeps_its_connections_and_closes_them(peer, ports):
    peer.answer = vectors
    client = AsyncClient(peer.url)
    with asyncio.Runner() as one, asyncio.Runner() as other:
        for loop in (one, other, one, other):
            assert len(loop.run(client.embed("1"))) == 1
        assert ports[:2] == ports[2:]
        one.run(client.close())
        with pytest.raises(ClosedError, match="make another"):
            one.run(client.embed("1"))
        assert len(other.run(client.embed("1"))) == 1
        other.run(client.close())


def test_threads_that_come_first_after_a_fork_share_one_set_of_connections(peer, monkeypatch):
    client = Client(peer.url)
    client._all_open.clear()  # as the parent's is none of a child
    both, original = threading.Barrier(2, timeout=PATIENCE_S), Connection.arguments

    def arguments(connection):
        both.wait()
        return original(connection)

    monkeypatch.setattr(Connection, "arguments", arguments)
    found = []
    threads = [threading.Thread(target=lambda: found.append(client._open())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert found[0] is found[1]
    assert not found[0].http.is_closed
    client.close()


@pytest.mark.parametrize("method", METHODS)
def test_a_call_of_a_closed_client_raises_an_error_of_the_client(peer, method):
    client = Client(peer.url)
    client.close()
    client.close()
    with pytest.raises(ClosedError, match="the client is closed"):
        METHODS[method](client, "1__")


@pytest.mark.parametrize("texts", [["1"], NUMBERS], ids=["alone", "by threads"])
@pytest.mark.parametrize("method", ["embed", "embed_iter"])
def test_closing_ends_the_retries_of_other_threads(peer, method, texts):
    has_begun = threading.Semaphore(0)

    def answer(body):
        has_begun.release()
        return 503, {"Retry-After": "3000"}, refusal(503, "starting")[2]

    peer.answer = answer
    client = Client(peer.url, max_wait_s=4000)
    found = []

    def call():
        try:
            list(getattr(client, method)(texts))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    assert has_begun.acquire(timeout=PATIENCE_S)
    closing = threading.Thread(target=client.close, daemon=True)
    closing.start()
    closing.join(PATIENCE_S)
    thread.join(PATIENCE_S)
    assert not closing.is_alive()
    assert [type(error) for error in found] == [ClosedError]


@pytest.fixture
def silent(peer):
    """Return a peer that answers nothing but texts `0` until the test ends, and what it holds."""
    peer.held, may_end = threading.Semaphore(0), threading.Event()

    def answer(body):
        if "0" in body["texts"]:
            for _ in range(2):
                assert peer.held.acquire(timeout=PATIENCE_S)
            return refusal(422, "bad_text")
        peer.held.release()
        may_end.wait(PATIENCE_S)
        return vectors(body)

    peer.answer = answer
    yield peer
    may_end.set()


def test_closing_ends_a_call_that_waits_for_responses(silent):
    client, found = Client(silent.url, in_flight=2), []

    def call():
        try:
            client.embed(NUMBERS[10:])
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    for _ in range(2):
        assert silent.held.acquire(timeout=PATIENCE_S)
    closing = threading.Thread(target=client.close, daemon=True)
    closing.start()
    for ends in (closing, thread):  # the peer is silent for longer
        ends.join(PATIENCE_S / 4)
        assert not ends.is_alive()
    assert [type(error) for error in found] == [ClosedError]


def test_a_response_that_is_no_longer_wanted_does_not_keep_a_program_from_ending(silent):
    program = f"""
from bilm_client import Client
Client({silent.url!r}, in_flight=3).embed({NUMBERS!r})
"""
    # the peer is silent for longer
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S / 4
    )
    assert run.stderr.splitlines()[-1].startswith("bilm_client.errors.RefusedError")


def test_a_task_whose_client_is_closed_gets_an_error_of_the_client(peer):
    may_end = threading.Event()
    has_begun = threading.Event()

    def answer(body):
        has_begun.set()
        assert may_end.wait(PATIENCE_S)
        return vectors(body)

    async def call():
        client = AsyncClient(peer.url)
        task = asyncio.create_task(client.embed(NUMBERS))
        assert await asyncio.to_thread(has_begun.wait, PATIENCE_S)
        await client.close()
        with pytest.raises(ClosedError):
            await task
        may_end.set()

    peer.answer = answer
    asyncio.run(call())


def test_a_client_from_a_pickle_embeds(peer):
    peer.answer = vectors
    with pickle.loads(pickle.dumps(Client(peer.url))) as client:
        assert len(client.embed(NUMBERS)) == 40
