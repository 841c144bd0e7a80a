"""Test what holds for every method of both clients: restarts, and options that are None."""

import asyncio

import numpy as np
import pytest
from bilm_client import AsyncClient, Client, RefusedError

from tests.client.numbers_peer import refusal

METHODS = {
    "embed": (["我"],),
    "word_vectors": (["我"], "我"),
    "similarity": ("我", ["我"]),
    "tokenize": (["我"],),
    "fill": ("我__",),
    "complete": ("我",),
    "inspect": ("我",),
}


def ask(url, waits, method, *arguments, **options):
    """Return the result of a call from the client without an event loop."""
    with Client(url, wait=waits.append) as client:
        return getattr(client, method)(*arguments, **options)


def ask_async(url, waits, method, *arguments, **options):
    """Return the result of the same call from the client with an event loop."""

    async def wait(seconds):
        waits.append(seconds)

    async def call():
        async with AsyncClient(url, wait=wait) as client:
            return await getattr(client, method)(*arguments, **options)

    return asyncio.run(call())


@pytest.fixture(params=[ask, ask_async], ids=["sync", "async"])
def call(request):
    return request.param


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_asked_again_while_a_service_restarts(call, peer, method):
    answers = iter([refusal(503, "draining"), refusal(503, "starting")])
    peer.answer = lambda _: next(answers, None) or refusal(422, "bad")
    waits = []
    with pytest.raises(RefusedError, match="422 bad"):
        call(peer.url, waits, method, *METHODS[method])
    assert (len(waits), len(peer.seen)) == (2, 3)


OPTIONS = {
    "embed": ("mix", "layers", "level", "pooling", "center", "normalize", "dtype", "truncate"),
    "word_vectors": ("mix", "layers", "level", "pooling", "center", "normalize", "dtype"),
    "similarity": ("mix", "center"),
    "tokenize": ("truncate",),
    "fill": ("top_k", "num_pieces"),
    "complete": ("max_pieces", "strategy", "temperature", "top_k", "seed", "num_completions"),
    "inspect": ("layer", "direction"),
}


def numbers_of(found):
    """Return the answer of any method as a list of arrays and plain values."""
    if isinstance(found, dict):
        return [numbers_of(value) for value in found.values()]
    if isinstance(found, list | tuple):
        return [numbers_of(value) for value in found]
    if hasattr(found, "__dataclass_fields__"):
        return [numbers_of(getattr(found, name)) for name in found.__dataclass_fields__]
    return found


@pytest.mark.parametrize("method", METHODS)
def test_an_option_of_none_is_the_default(call, inspecting_url, method):
    expected = call(inspecting_url, [], method, *METHODS[method])
    found = call(inspecting_url, [], method, *METHODS[method], **dict.fromkeys(OPTIONS[method]))
    np.testing.assert_equal(numbers_of(found), numbers_of(expected))


def test_spans_have_their_level_even_if_it_is_none(call, service_url):
    spans = [[(0, 2)]]
    (expected,) = call(service_url, [], "embed", ["苹果"], spans=spans, level="span")
    (found,) = call(service_url, [], "embed", ["苹果"], spans=spans, level=None)
    np.testing.assert_array_equal(found.vectors, expected.vectors)
