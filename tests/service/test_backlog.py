"""Which texts run together: pure arithmetic, no thread."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.backlog import Backlog
from service.costs import SHARES, Share

WIDTHS = st.sampled_from([16, 32, 64, 128, 8192])


@dataclass(frozen=True)
class Text:
    """A text that waits."""

    number: int
    width: int
    is_wanted: bool = True
    share: Share = "batches"
    extra: int = 0

    @property
    def batch_share(self):
        """Its pieces, and what is made of them."""
        return self.width + self.extra

    @property
    def seconds(self):
        """A millisecond a piece, and half a second for what takes turns."""
        return self.width / 1000 if self.share == "batches" else 0.5


def backlog_of(*widths):
    backlog = Backlog()
    backlog.add(Text(number, width) for number, width in enumerate(widths))
    return backlog


def take(backlog, max_pieces=128):
    return [text.number for text in backlog.take(max_pieces, lambda text: text.is_wanted)]


def test_texts_of_the_first_width_go_first_then_the_nearest():
    backlog = backlog_of(32, 128, 32, 16, 64)
    assert take(backlog) == [0, 2, 3]  # 32 + 32 + 16; 64 no longer fits in 128
    assert take(backlog) == [1]
    assert take(backlog) == [4]
    assert not backlog


def test_a_text_wider_than_a_batch_runs_alone():
    assert take(backlog_of(8192, 16)) == [0]


def test_a_small_request_need_not_wait_for_the_whole_of_a_large_one():
    backlog = backlog_of(*[128] * 8)  # 0.128 s each, due at 0, 0.128, 0.256, ...
    assert take(backlog) == [0]
    backlog.add([Text(8, 16)], now=0.3)
    backlog.add([Text(9, 120)], now=0.5)
    order = [take(backlog, 128)[0] for _ in range(9)]
    assert order == [1, 2, 8, 3, 9, 4, 5, 6, 7]


def test_nobody_is_overtaken_by_whoever_comes_after_it_was_due():
    backlog = backlog_of(*[128] * 4)
    found = []
    for turn in range(12):  # while one small request after the other comes
        backlog.add([Text(100 + turn, 128)], now=0.1 * turn)
        found += take(backlog)
    assert [number for number in found if number < 100] == [0, 1, 2, 3]


def test_what_is_made_of_a_text_takes_its_part_of_a_batch():
    backlog = Backlog()
    backlog.add([Text(0, 16, extra=40), Text(1, 16, extra=40), Text(2, 16), Text(3, 8, extra=200)])
    assert backlog.batch_share == 336
    assert [take(backlog) for _ in range(3)] == [[0, 1, 2], [3], []]
    assert (backlog.pieces, backlog.batch_share) == (0, 0)


def test_texts_nobody_wants_are_dropped_on_the_way():
    backlog = Backlog()
    backlog.add([Text(0, 16, False), Text(1, 32), Text(2, 16, False), Text(3, 32, False)])
    assert take(backlog) == [1]
    assert backlog.pieces == 0


@given(widths=st.lists(WIDTHS, max_size=40), max_pieces=st.integers(64, 512))
def test_every_batch_has_the_first_text_and_fits_and_none_is_lost(widths, max_pieces):
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
    return Text(number, 0, is_wanted, "searches")


def long_text(number, is_wanted=True):
    return Text(number, 0, is_wanted, "long texts")


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
        backlog.has_run(*(("searches", 0.125) if number == 5 else ("batches", 0.25)))
        if number == 5:
            backlog.add([search(5)], are_put_back=True)
    # texts first; then the search until it has had as much, and again before each further text
    assert found == [0, 5, 5, 1, 5, 5, 2, 5, 5, 3, 5, 5]


def test_searches_go_on_by_turns_and_a_long_text_until_it_is_over():
    for one, order in (search, [0, 1, 2, 0, 1, 2]), (long_text, [0, 0, 1, 1, 2, 2]):
        backlog, begun, found = Backlog(), set(), []
        backlog.add(map(one, range(3)))
        while backlog:
            (number,) = take(backlog)
            found.append(number)
            if number not in begun:
                begun.add(number)
                backlog.add([one(number)], are_put_back=True)
        assert found == order


TURNS = st.tuples(st.floats(0.001, 1), st.floats(0.001, 0.05), st.floats(0.001, 0.1))


@given(st.lists(TURNS, min_size=20, max_size=60))
def test_where_all_always_wait_each_has_an_equal_part_of_the_time(turns):
    waiting = {"batches": Text(0, 128), "searches": search(1), "long texts": long_text(2)}
    backlog, had = Backlog(), dict.fromkeys(SHARES, 0.0)
    backlog.add(waiting.values())
    longest = 0.0
    for seconds_of in turns:
        (number,) = take(backlog)
        share = [*waiting][number]
        backlog.add([waiting[share]], are_put_back=True)
        backlog.has_run(share, seconds_of[number])
        had[share] += seconds_of[number]
        longest = max(longest, seconds_of[number])
        assert max(had.values()) - min(had.values()) <= longest + 1e-9


def test_who_was_away_saves_nothing_up():
    backlog = backlog_of(128)
    for _ in range(100):
        take(backlog)
        backlog.has_run("batches", 1.0)
        backlog.add([Text(0, 128)])
    backlog.add([search(1)])
    found = []
    for _ in range(6):
        (number,) = take(backlog)
        found.append(number)
        backlog.has_run("searches" if number else "batches", 1.0)
        backlog.add([search(1) if number else Text(0, 128)], are_put_back=True)
    assert sorted(found) == [0, 0, 0, 1, 1, 1]


@given(
    st.lists(
        st.one_of(
            WIDTHS.map(lambda width: Text(0, width)), st.sampled_from([search(0), long_text(0)])
        )
    )
)
def test_the_seconds_that_wait_are_those_of_what_waits(texts):
    backlog = Backlog()
    backlog.add(texts)
    for share in SHARES:
        expected = sum(text.seconds for text in texts if text.share == share)
        assert backlog.seconds[share] == pytest.approx(expected)
    while backlog:
        backlog.take(128, lambda text: True)
    assert backlog.seconds == dict.fromkeys(SHARES, 0.0)


def test_searches_nobody_wants_are_dropped_and_all_are_cleared():
    backlog = Backlog()
    backlog.add([search(0, is_wanted=False), search(1), search(2, is_wanted=False)])
    assert take(backlog) == [1]
    assert take(backlog) == []
    assert (bool(backlog), backlog.pieces) == (False, 0)
    backlog.add([search(3), Text(4, 16), long_text(5)])
    assert {text.number for text in backlog.clear()} == {3, 4, 5}
    assert (bool(backlog), backlog.pieces) == (False, 0)
