"""Test how many conversations run, and in which order their answers are handed out."""

from concurrent.futures import FIRST_COMPLETED, Future, wait

import pytest
from bilm_client.conversation import Answers
from bilm_client.errors import RefusedError
from bilm_client.window import Window
from hypothesis import given
from hypothesis import strategies as st


class Started:
    """What a window has started, ended by the test."""

    def __init__(self, number, in_flight, keeps):
        self.futures = []
        self.read = 0
        self.window = Window(self._numbers(number), self._start, in_flight, keeps)

    def _numbers(self, number):
        for self.read in range(1, number + 1):
            yield self.read

    def _start(self, _):
        self.futures.append(Future())
        return self.futures[-1]


@given(st.integers(0, 30), st.integers(1, 5), st.booleans(), st.randoms(use_true_random=False))
def test_answers_come_in_order_whatever_ends_first(number, in_flight, keeps, draw):
    started = Started(number, in_flight, keeps)
    found = []
    while started.window.fill():
        running = [future for future in started.futures if not future.done()]
        assert len(running) <= in_flight
        if started.window.has_next:
            found.append(started.window.take())
        else:
            one = draw.choice(running)
            one.set_result(started.futures.index(one))
    assert found == list(range(number))


@pytest.mark.parametrize(("keeps", "most"), [(True, 4), (False, 128)])
def test_answers_that_wait_for_the_first_are_few(keeps, most):
    started = Started(1000, 2, keeps)
    while started.window.fill() and len(started.futures) < 1000:
        later = [future for future in started.futures[1:] if not future.done()]
        if not later:
            break
        later[0].set_result(None)
    assert len(started.futures) == most


@pytest.mark.parametrize("keeps", [True, False])
def test_after_a_failure_nothing_is_started(keeps):
    started = Started(1000, 3, keeps)
    started.window.fill()
    started.futures[1].set_exception(LookupError("failed"))
    if not keeps:
        with pytest.raises(LookupError):
            started.window.fill()
        return
    assert started.window.fill()
    started.futures[0].set_result("first")
    started.futures[2].set_result("third")
    assert started.window.fill()
    assert started.window.take() == "first"
    assert started.window.fill()
    with pytest.raises(LookupError):
        started.window.take()
    assert len(started.futures) == 3


def test_an_answer_that_is_there_goes_before_reading_on():
    started = Started(1000, 3, keeps=True)
    started.window.fill()
    for number, future in enumerate(started.futures):
        future.set_result(number)
    for number in range(3):
        assert started.window.fill()
        assert started.window.take() == number
    assert started.read == 3


def test_after_an_answer_with_an_error_nothing_is_started():
    started = Started(1000, 3, keeps=True)
    started.window.fill()
    started.futures[1].set_result(Answers("sha256:1", ["first"], RefusedError(422, "no", "no")))
    assert started.window.fill()
    started.futures[0].set_result(Answers("sha256:1", []))
    assert started.window.take().error is None
    assert started.window.fill()
    assert len(started.futures) == 3


def test_a_failure_while_the_source_is_read_keeps_what_was_read_from_starting():
    started = Started(1000, 2, keeps=True)
    numbers = started.window._conversations

    def fails_meanwhile():
        yield next(numbers)
        started.futures[0].set_exception(LookupError("failed"))
        yield next(numbers)

    started.window._conversations = fails_meanwhile()
    assert started.window.fill()
    assert len(started.futures) == 1


def test_a_failure_that_comes_after_the_look_is_not_waited_past():
    """A refusal between `fill` and the wait must end the wait, however long the others take."""
    futures = [Future(), Future()]
    left = iter(futures)
    window = Window(iter([1, 2]), lambda _: next(left), in_flight=2, keeps=False)
    assert window.fill()
    futures[1].set_exception(ValueError("refused"))
    done, _ = wait(window.running, timeout=5, return_when=FIRST_COMPLETED)
    assert done == {futures[1]}
    with pytest.raises(ValueError, match="refused"):
        window.fill()
