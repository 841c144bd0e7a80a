"""Prices follow what runs, whatever was measured first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.prices import HALF_LIFE_S, Prices

prices = st.floats(1e-6, 1e-2)


def test_before_anything_has_run_the_first_price_holds():
    assert Prices({"piece": 0.002}).of("piece") == 0.002


def test_work_of_several_kinds_is_added_up():
    known = Prices({"piece": 0.002, "step": 0.01, "guess": 1.0})
    assert known.seconds({"piece": 100, "step": 3}) == pytest.approx(0.23)


def test_after_a_half_life_the_price_is_the_geometric_mean_of_old_and_new():
    known = Prices({"piece": 0.02})
    known.learn("piece", units=HALF_LIFE_S / 0.08, seconds=HALF_LIFE_S)
    assert known.of("piece") == pytest.approx(0.04)


def test_other_kinds_keep_their_price():
    known = Prices({"piece": 0.002, "step": 0.01})
    known.learn("piece", 1, 5.0)
    assert known.of("step") == 0.01


@pytest.mark.parametrize(("units", "seconds"), [(0, 1.0), (5, 0.0)])
def test_what_tells_nothing_changes_nothing(units, seconds):
    known = Prices({"piece": 0.002})
    known.learn("piece", units, seconds)
    assert known.of("piece") == 0.002


@given(prices, prices)
def test_a_wrong_first_price_is_forgotten_after_some_seconds_of_work(first, real):
    known = Prices({"piece": first})
    worked_s = 0.0
    while worked_s < 10 * HALF_LIFE_S:
        known.learn("piece", units=0.2 / real, seconds=0.2)
        worked_s += 0.2
    assert known.of("piece") == pytest.approx(real, rel=0.01)  # 10,000 ** (1 / 1024) - 1


@given(prices, st.floats(0.01, 5), st.integers(1, 50))
def test_it_does_not_matter_in_how_many_runs_the_same_work_was_done(first, seconds, num_runs):
    whole, parts = Prices({"piece": first}), Prices({"piece": first})
    whole.learn("piece", 100, seconds)
    for _ in range(num_runs):
        parts.learn("piece", 100 / num_runs, seconds / num_runs)
    assert parts.of("piece") == pytest.approx(whole.of("piece"))


@given(prices, st.lists(st.tuples(st.floats(1, 1e4), st.floats(1e-4, 2)), max_size=20))
def test_a_price_lies_between_the_cheapest_and_the_dearest_unit_seen(first, runs):
    known = Prices({"piece": first})
    for units, seconds in runs:
        known.learn("piece", units, seconds)
    seen = [first, *(seconds / units for units, seconds in runs)]
    assert min(seen) * 0.999 <= known.of("piece") <= max(seen) * 1.001
