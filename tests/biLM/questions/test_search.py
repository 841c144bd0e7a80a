"""The searches are tested on models small enough to enumerate every path."""

import math
from collections import Counter
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biLM.questions.search import Rules, beam, greedy, sample
from tests.reference.search import all_paths, drive

END = 3
VOCABULARY = 4
LONGEST = 3


def toy(seed, ties=False):
    """Return a model whose log-probabilities depend on the whole prefix."""

    def log_probabilities(prefix):
        chance = Random(f"{seed} {prefix}")
        weights = [chance.choice((1, 2)) if ties else chance.random() for _ in range(VOCABULARY)]
        return [math.log(weight / sum(weights)) for weight in weights]

    return log_probabilities


def rules(max_pieces=LONGEST, end_id=END, forbidden=()):
    allowed = torch.tensor([piece not in forbidden for piece in range(VOCABULARY)])
    return Rules(max_pieces, end_id, lambda ids, room: allowed)


def run(search, model):
    return drive(search, model, lambda rows: torch.tensor(rows, dtype=torch.float64))


def written(path):
    """Return pieces, probability and end of a path, for comparison."""
    return path.ids, pytest.approx(math.exp(path.log_probability)), path.is_finished


def by_hand(prefix):
    """Piece 0 is the best first step, piece 1 begins the best path; END is unlikely."""
    table = {
        (): (0.5, 0.4, 0.05, 0.05),
        (0,): (0.3, 0.3, 0.2, 0.2),
        (1,): (0.9, 0.05, 0.04, 0.01),
    }
    return [math.log(p) for p in table.get(prefix, (0.25, 0.25, 0.25, 0.25))]


def test_greedy_takes_the_best_piece_each_time():
    (path,) = run(greedy(rules(max_pieces=2)), by_hand)
    assert written(path) == ((0, 0), 0.5 * 0.3, False)


def test_a_beam_of_two_finds_what_greedy_misses():
    best, second = run(beam(rules(max_pieces=2), 2, 2), by_hand)
    assert written(best) == ((1, 0), 0.4 * 0.9, False)
    assert written(second) == ((0, 0), 0.5 * 0.3, False)


def test_the_end_of_a_text_ends_a_path_and_counts():
    def model(prefix):
        return [math.log(p) for p in ((0.1, 0.1, 0.1, 0.7) if prefix else (0.7, 0.1, 0.1, 0.1))]

    for search in (greedy(rules()), beam(rules(), 4, 1)):
        (path,) = run(search, model)
        assert written(path) == ((0,), 0.7 * 0.7, True)


def test_an_end_beyond_the_last_piece_is_not_asked_for():
    (path,) = run(greedy(rules(max_pieces=1)), by_hand)
    assert written(path) == ((0,), 0.5, False)


@given(st.integers(0, 10**6))
def test_a_beam_with_room_for_all_is_the_exhaustive_search(seed):
    model = toy(seed)
    expected = all_paths(VOCABULARY, END, LONGEST, model)[:9]
    found = run(beam(rules(), 9, 9), model)  # there are 3 ** 2 beginnings before the last piece
    assert [(path.ids, path.is_finished) for path in found] == [(i, end) for i, _, end in expected]
    assert [path.log_probability for path in found] == pytest.approx([p for _, p, _ in expected])


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_it_is_over_no_sooner_than_nothing_better_can_come(seed, num_paths):
    model = toy(seed)
    expected = all_paths(VOCABULARY, END, LONGEST, model)[:num_paths]
    found = run(beam(rules(), 9, num_paths), model)
    assert [path.ids for path in found] == [ids for ids, _, _ in expected]


def test_the_end_takes_no_beam_from_a_path_that_goes_on():
    def model(prefix):
        table = {(): (0.3, 0.25, 0.05, 0.4), (1,): (0.97, 0.01, 0.01, 0.01)}
        return [math.log(p) for p in table.get(prefix, (0.25, 0.25, 0.25, 0.25))]

    best, second = run(beam(rules(max_pieces=2), 2, 2), model)
    assert written(best) == ((), 0.4, True)
    assert written(second) == ((1, 0), 0.25 * 0.97, False)


def test_an_end_counts_however_many_pieces_are_more_probable():
    def model(prefix):
        table = {(): (0.4, 0.25, 0.2, 0.15)}
        return [math.log(p) for p in table.get(prefix, (0.25, 0.25, 0.25, 0.25))]

    (best,) = run(beam(rules(max_pieces=2), 1, 1), model)
    assert written(best) == ((), 0.15, True)


@given(st.integers(0, 10**6))
def test_without_an_end_all_paths_are_of_one_length(seed):
    model = toy(seed)
    found = run(beam(rules(2, None), 4, 4), model)
    expected = all_paths(VOCABULARY, None, 2, model)[:4]
    assert [path.ids for path in found] == [ids for ids, _, _ in expected]


@given(st.integers(0, 10**6), st.integers(1, 9), st.booleans(), st.integers(1, 6))
def test_no_beam_is_below_greedy(seed, num_beams, ties, longest):
    model = toy(seed, ties)
    (by_greed,) = run(greedy(rules(longest)), model)
    best = run(beam(rules(longest), num_beams, 1), model)[0]
    assert best.log_probability >= by_greed.log_probability - 1e-12


def test_the_greedy_path_stays_where_a_plain_beam_drops_it():
    """After two pieces (0, 0) is only the third best path, but it alone ends up probable."""

    def model(prefix):
        table = {
            (): (0.4, 0.35, 0.25, 0.0),
            (0,): (0.34, 0.33, 0.33, 0.0),
            (1,): (0.5, 0.5, 0.0, 0.0),
            (0, 0): (1.0, 0.0, 0.0, 0.0),
            (0, 0, 0): (1.0, 0.0, 0.0, 0.0),
        }
        row = table.get(prefix, (0.25, 0.25, 0.25, 0.25))
        return [math.log(p) if p else -math.inf for p in row]

    (best,) = run(beam(rules(4), 2, 1), model)
    assert written(best) == ((0, 0, 0, 0), 0.4 * 0.34, False)


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_paths_of_a_beam_differ_and_come_best_first(seed, num_beams):
    found = run(beam(rules(), num_beams, num_beams), toy(seed))
    assert len({(path.ids, path.is_finished) for path in found}) == len(found) == num_beams
    values = [path.log_probability for path in found]
    assert values == sorted(values, reverse=True)


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_what_may_not_follow_never_does(seed, num_beams):
    for search in (
        greedy(rules(forbidden={0})),
        beam(rules(forbidden={0}), num_beams, num_beams),
        sample(rules(forbidden={0}), 1.0, 4, [Random(n) for n in range(5)]),
    ):
        assert all(0 not in path.ids for path in run(search, toy(seed)))


@given(st.integers(0, 10**6))
def test_a_draw_depends_on_itself_alone(seed):
    def draws(number):
        return [Random(f"{seed} {n}") for n in range(number)]

    together = run(sample(rules(), 1.0, 4, draws(6)), toy(seed))
    assert run(sample(rules(), 1.0, 4, draws(2)), toy(seed)) == together[:2]


@given(st.integers(0, 10**6))
def test_the_log_probability_of_a_draw_is_the_models_own(seed):
    model = toy(seed)
    of = {(ids, end): value for ids, value, end in all_paths(VOCABULARY, END, LONGEST, model)}
    for path in run(sample(rules(), 3.0, 2, [Random(n) for n in range(4)]), model):
        assert path.log_probability == pytest.approx(of[path.ids, path.is_finished])


@given(st.integers(0, 10**6), st.sampled_from([(1.0, 1), (1e-9, 4), (5e-324, 4)]))
def test_one_piece_to_choose_from_or_no_temperature_is_greedy(seed, given_values):
    search = sample(rules(), *given_values, [Random(seed)])
    assert run(search, toy(seed)) == run(greedy(rules()), toy(seed))


@pytest.mark.parametrize(
    ("temperature", "top_k", "expected"),
    [
        (1.0, 4, (0.5, 0.4, 0.05, 0.05)),
        (1.0, 2, (5 / 9, 4 / 9, 0, 0)),
        (0.5, 2, (25 / 41, 16 / 41, 0, 0)),  # in proportion to p ** 2
    ],
)
def test_pieces_are_drawn_as_often_as_the_equation_says(temperature, top_k, expected):
    draws = [Random(number) for number in range(4000)]
    found = run(sample(rules(1), temperature, top_k, draws), by_hand)
    often = Counter(path.ids[0] if path.ids else END for path in found)
    for piece, probability in enumerate(expected):
        deviation = math.sqrt(probability * (1 - probability) / len(draws))
        assert abs(often[piece] / len(draws) - probability) <= 4 * deviation
