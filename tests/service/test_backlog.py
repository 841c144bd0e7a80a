"""Which texts run together: pure arithmetic, no thread."""

from dataclasses import dataclass

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
    return Text(number, 32, is_wanted, takes_turns=True)


def test_a_search_runs_alone_and_texts_do_not_wait_for_all_searches():
    backlog = backlog_of(32, 32)
    backlog.add([search(2), search(3)])
    backlog.add([Text(4, 128)])
    assert [take(backlog, 64) for _ in range(4)] == [[0, 1], [2], [4], [3]]
    assert backlog.pieces == 0


def test_a_search_that_is_put_back_waits_behind_the_others_and_has_every_second_turn():
    backlog = backlog_of(*[128] * 3)
    backlog.add([search(3), search(4)])
    found = []
    while backlog:
        found += take(backlog)
        if found == [0, 3]:
            backlog.add([search(3)])
    assert found == [0, 3, 1, 4, 2, 3]


def test_searches_nobody_wants_are_dropped_and_all_are_cleared():
    backlog = Backlog()
    backlog.add([search(0, is_wanted=False), search(1), search(2, is_wanted=False)])
    assert take(backlog) == [1]
    assert take(backlog) == []
    assert (bool(backlog), backlog.pieces) == (False, 0)
    backlog.add([search(3), Text(4, 16)])
    assert {text.number for text in backlog.clear()} == {3, 4}
    assert (bool(backlog), backlog.pieces) == (False, 0)
