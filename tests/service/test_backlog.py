"""Which texts run together: pure arithmetic, no thread."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.backlog import Backlog

WIDTHS = st.sampled_from([16, 32, 64, 128, 8192])


@dataclass(frozen=True)
class Text:
    """A text that waits."""

    number: int
    width: int
    is_wanted: bool = True
    takes_turns: bool = False

    @property
    def seconds(self):
        """A millisecond a piece, and half a second a search."""
        return 0.5 if self.takes_turns else self.width / 1000


def backlog_of(*widths):
    backlog = Backlog()
    backlog.add(Text(number, width) for number, width in enumerate(widths))
    return backlog


def take(backlog, max_pieces=128):
    return [text.number for text in backlog.take(max_pieces, lambda text: text.is_wanted)]


def test_texts_of_the_oldest_width_go_first_then_the_nearest():
    backlog = backlog_of(32, 128, 32, 16, 64)
    assert take(backlog) == [0, 2, 3]  # 32 + 32 + 16; 64 no longer fits in 128
    assert take(backlog) == [1]
    assert take(backlog) == [4]
    assert not backlog


def test_a_text_wider_than_a_batch_runs_alone():
    assert take(backlog_of(8192, 16)) == [0]


def test_texts_nobody_wants_are_dropped_on_the_way():
    backlog = Backlog()
    backlog.add([Text(0, 16, False), Text(1, 32), Text(2, 16, False), Text(3, 32, False)])
    assert take(backlog) == [1]
    assert backlog.pieces == 0


@given(widths=st.lists(WIDTHS, max_size=40), max_pieces=st.integers(64, 512))
def test_every_batch_has_the_oldest_text_and_fits_and_none_is_lost(widths, max_pieces):
    backlog = backlog_of(*widths)
    left = set(range(len(widths)))
    while backlog:
        assert backlog.pieces == sum(widths[number] for number in left)
        batch = take(backlog, max_pieces)
        assert batch[0] == min(left)
        assert len(batch) == 1 or sum(widths[number] for number in batch) <= max_pieces
        left -= set(batch)
    assert not left


def search(number, is_wanted=True):
    return Text(number, 0, is_wanted, takes_turns=True)


def test_texts_run_together_and_a_search_runs_alone():
    backlog = backlog_of(32, 32)
    backlog.add([search(2), search(3)])
    assert [take(backlog, 64) for _ in range(3)] == [[0, 1], [2], [3]]
    assert backlog.pieces == 0


def test_whoever_had_less_of_the_time_goes_next():
    backlog = backlog_of(*[128] * 5)
    backlog.add([search(5)])
    found = []
    while backlog and len(found) < 12:
        (number,) = take(backlog)
        found.append(number)
        backlog.has_run(number == 5, 0.125 if number == 5 else 0.25)
        if number == 5:
            backlog.add([search(5)], are_put_back=True)
    # texts first; then the search until it has had as much, and again before each further text
    assert found == [0, 5, 5, 1, 5, 5, 2, 5, 5, 3, 5, 5]


@given(st.lists(st.tuples(st.floats(0.001, 1), st.floats(0.001, 0.05)), min_size=20, max_size=60))
def test_where_both_always_wait_each_has_half_of_the_time(turns):
    backlog, had = backlog_of(128), {False: 0.0, True: 0.0}
    backlog.add([search(1)])
    longest = 0.0
    for text_s, turn_s in turns:
        takes_turns = take(backlog) == [1]
        seconds = turn_s if takes_turns else text_s
        backlog.add([search(1) if takes_turns else Text(0, 128)], are_put_back=True)
        backlog.has_run(takes_turns, seconds)
        had[takes_turns] += seconds
        longest = max(longest, seconds)
        assert abs(had[True] - had[False]) <= longest + 1e-9


def test_who_was_away_saves_nothing_up():
    backlog = backlog_of(128)
    for _ in range(100):
        take(backlog)
        backlog.has_run(False, 1.0)
        backlog.add([Text(0, 128)])
    backlog.add([search(1)])
    found = []
    for _ in range(6):
        (number,) = take(backlog)
        found.append(number)
        backlog.has_run(number == 1, 1.0)
        backlog.add([search(1) if number else Text(0, 128)], are_put_back=True)
    assert sorted(found) == [0, 0, 0, 1, 1, 1]


@given(st.lists(st.one_of(WIDTHS.map(lambda width: Text(0, width)), st.just(search(0)))))
def test_the_seconds_that_wait_are_those_of_what_waits(texts):
    backlog = Backlog()
    backlog.add(texts)
    for takes_turns in (False, True):
        expected = sum(text.seconds for text in texts if text.takes_turns == takes_turns)
        assert backlog.seconds[takes_turns] == pytest.approx(expected)
    while backlog:
        backlog.take(128, lambda text: True)
    assert backlog.seconds == {False: 0.0, True: 0.0}


def test_searches_nobody_wants_are_dropped_and_all_are_cleared():
    backlog = Backlog()
    backlog.add([search(0, is_wanted=False), search(1), search(2, is_wanted=False)])
    assert take(backlog) == [1]
    assert take(backlog) == []
    assert (bool(backlog), backlog.pieces) == (False, 0)
    backlog.add([search(3), Text(4, 16)])
    assert {text.number for text in backlog.clear()} == {3, 4}
    assert (bool(backlog), backlog.pieces) == (False, 0)
