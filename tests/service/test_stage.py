"""A stage bounds the work that waits for its thread, and skips work that was cancelled."""

import asyncio
import threading

import pytest

from service.errors import RequestError
from service.stage import FIRST_S_A_BYTE, Stage
from tests.service.serving import PATIENCE_S, until

pytestmark = pytest.mark.anyio
# A new stage expects to need one second for this many bytes.
A_SECOND = round(1 / FIRST_S_A_BYTE)


@pytest.fixture
async def stage():
    stage = Stage("testing", max_queue_s=2.0)
    yield stage
    stage.close()


@pytest.fixture
def held():
    """Yield the event for `wait_for`, and set it afterwards, so that no thread waits on."""
    event = threading.Event()
    yield event
    event.set()


def wait_for(event):
    assert event.wait(PATIENCE_S)
    return "done"


async def test_the_result_comes_back_and_nothing_waits(stage):
    assert await stage.run(10, len, "four") == 4
    await until(lambda: stage.waiting_s == 0)


async def test_an_error_is_raised_where_the_result_would_be(stage):
    with pytest.raises(ZeroDivisionError):
        await stage.run(10, lambda: 1 / 0)
    await until(lambda: stage.waiting_s == 0)


async def test_what_waits_is_bounded_in_seconds(stage, held):
    first = asyncio.create_task(stage.run(A_SECOND, wait_for, held))
    await until(lambda: stage.waiting_s)
    with pytest.raises(
        RequestError, match=r"1\.0 s are waiting .* adds 1\.5 s; .* holds 2 s"
    ) as refused:
        await stage.run(A_SECOND * 3 // 2, len, "four")
    assert refused.value.code == "overloaded"
    assert refused.value.retry_after_s == 1
    assert refused.value.details.actual == pytest.approx(2.5)
    held.set()
    assert await first == "done"


async def test_an_idle_thread_takes_anything(stage):
    assert await stage.run(A_SECOND * 60, len, "four") == 4


async def test_what_was_cancelled_while_it_waited_is_not_called(stage, held):
    called = []
    first = asyncio.create_task(stage.run(10, wait_for, held))
    second = asyncio.create_task(stage.run(10, called.append, 1))
    await until(lambda: stage.waiting_s == pytest.approx(20 * FIRST_S_A_BYTE))
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    held.set()
    assert await first == "done"
    assert await stage.run(10, len, "four") == 4
    assert called == []
    await until(lambda: stage.waiting_s == 0)
