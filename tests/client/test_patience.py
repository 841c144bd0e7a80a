"""Test how long the client waits before it repeats a request."""

from email.utils import formatdate

import pytest
from bilm_client.patience import Patience, named_wait_s
from bilm_client.service import Service
from hypothesis import given
from hypothesis import strategies as st


def waits(named, max_wait_s, draw=0.0, clock=lambda: 0.0):
    """Return all waits until the patience ends."""
    patience = Patience(clock, lambda: draw)
    found = []
    while (wait_s := patience.next_wait_s(max_wait_s, named)) is not None:
        found.append(wait_s)
    return found


def test_without_a_named_wait_they_double_up_to_ten_seconds():
    assert waits(None, 60)[:7] == [0.25, 0.5, 1, 2, 4, 5, 5]
    assert waits(None, 60, draw=1.0)[:7] == [0.5, 1, 2, 4, 8, 10, 10]


@given(st.none() | st.floats(0, 1000), st.floats(0, 300), st.floats(0, 1, exclude_max=True))
def test_all_waits_together_never_exceed_the_longest(named, max_wait_s, draw):
    assert sum(waits(named, max_wait_s, draw)) <= max_wait_s * (1 + 1e-9)


@given(st.floats(0, 300), st.floats(0, 1, exclude_max=True))
def test_a_wait_without_a_name_uses_all_patience(max_wait_s, draw):
    assert sum(waits(None, max_wait_s, draw)) > max_wait_s - 0.1


@given(st.floats(0.1, 100), st.floats(0, 1, exclude_max=True))
def test_a_named_wait_is_kept_and_spread(named, draw):
    for wait_s in waits(named, 100, draw):
        assert named <= wait_s <= named * 1.25 + 1e-9


def test_those_who_were_refused_together_come_back_one_by_one():
    found = {Patience().next_wait_s(120, 8.0) for _ in range(20)}
    assert len(found) == 20  # of real random numbers


def test_a_named_wait_that_is_longer_than_the_rest_ends_it():
    assert waits(50.0, 120) == [50, 50]
    assert waits(121.0, 120) == []


def test_the_time_of_the_attempts_counts():
    now = [0.0]
    patience = Patience(lambda: now[0], lambda: 0.0)
    found = []
    for attempt in range(4):
        now[0] = 40.0 * attempt + 1  # each attempt takes 40 s
        found.append(patience.next_wait_s(120))
    assert found == [0.25, 0.5, 1.0, None]


def test_an_hour_of_waits_is_no_overflow():
    assert max(waits(None, 36_000)) == 5


def test_retry_after_is_a_number_or_a_date_by_the_clock_of_the_service():
    assert named_wait_s({"Retry-After": "7"}) == 7
    assert named_wait_s({"Retry-After": " 0 "}) == 0
    now = 1_700_000_000  # long ago: the clock of the caller would give 0
    dates = {"Date": formatdate(now, usegmt=True), "Retry-After": formatdate(now + 9, usegmt=True)}
    assert named_wait_s(dates) == 9
    assert named_wait_s({**dates, "Retry-After": formatdate(now - 9, usegmt=True)}) == 0


def test_a_date_without_a_clock_of_the_service_is_compared_with_the_callers():
    assert named_wait_s({"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}) == 0
    assert named_wait_s({"Retry-After": "Wed, 01 Jan 3020 00:00:00 GMT"}) > 1e9


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "٣", "Wed, 99 Jan 2020 00:00:00 GMT"])
def test_what_is_neither_names_no_wait(value):
    assert named_wait_s({"Retry-After": value}) is None


def test_who_has_never_answered_is_not_waited_for_long_unless_the_caller_says_so():
    service = Service()
    assert service.patience_s == 5
    service.has_answered = True
    assert service.patience_s == 120
    assert Service(max_wait_s=60).patience_s == Service(60, has_answered=True).patience_s == 60
    assert Service(max_wait_s=0).patience_s == 0
