import multiprocessing
import subprocess
import sys
import threading
import weakref
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from biLM.reading.side_by_side import cores_for, on_one_core, side_by_side

PATIENCE_S = 60
# How long a thread of a busy machine may take until it waits for work again.
LET_GO_S = 10


@pytest.fixture(params=[1, 2, 5])
def cores(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_each_side_has_its_own_arguments():
    assert side_by_side(pow, [(2, 5), (3, 2)]) == [32, 9]


def test_both_sides_are_at_work_at_the_same_time():
    both = threading.Barrier(2)  # opens only when two threads wait
    assert sorted(side_by_side(both.wait, [(PATIENCE_S,), (PATIENCE_S,)])) == [0, 1]


def test_callers_do_not_wait_for_each_other():
    all_four = threading.Barrier(4)
    sides = [(PATIENCE_S,), (PATIENCE_S,)]
    with ThreadPoolExecutor(2) as callers:
        places = callers.map(side_by_side, [all_four.wait] * 2, [sides] * 2)
        assert sorted(place for both in places for place in both) == [0, 1, 2, 3]


def test_each_side_has_half_of_the_callers_cores_and_at_least_one(cores):
    both = threading.Barrier(2)

    def count():
        both.wait(PATIENCE_S)  # so that neither thread counts twice
        return torch.get_num_threads()

    assert side_by_side(count, [(), ()]) == [max(1, cores // 2)] * 2


def test_cores_of_both_can_be_named():
    both = threading.Barrier(2)

    def count():
        both.wait(PATIENCE_S)
        return torch.get_num_threads()

    assert side_by_side(count, [(), ()], 6) == [3, 3]


def test_around_the_sides_the_caller_has_one_core_and_then_its_own_again(cores):
    def fail():
        with on_one_core() as num_cores:
            assert (num_cores, torch.get_num_threads()) == (cores, 1)
            raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        fail()
    assert torch.get_num_threads() == cores


def test_the_caller_and_threads_that_begin_later_keep_the_callers_cores(cores, monkeypatch):
    monkeypatch.setattr(
        "biLM.reading.side_by_side._idle", defaultdict(list)
    )  # so that a new pair starts
    side_by_side(pow, [(2, 5), (3, 2)])
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == torch.get_num_threads() == cores


@pytest.mark.parametrize("cores", [5], indirect=True)
def test_threads_that_begin_while_a_text_is_read_have_the_callers_cores(cores):
    with cores_for(None) as cores_of_both, ThreadPoolExecutor(1) as begun:
        assert torch.get_num_threads() == 1
        assert begun.submit(torch.get_num_threads).result() == cores_of_both == cores
    assert torch.get_num_threads() == cores
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == cores


def test_what_fails_at_one_side_fails_for_the_caller():
    with pytest.raises(ZeroDivisionError):
        side_by_side(divmod, [(1, 1), (1, 0)])


def test_what_was_given_is_not_kept():
    given = torch.zeros(3), torch.zeros(3)
    gone = [threading.Event(), threading.Event()]
    for one, event in zip(given, gone, strict=True):
        weakref.finalize(one, event.set)
    side_by_side(torch.numel, [(one,) for one in given])
    del given, one
    assert all(event.wait(LET_GO_S) for event in gone)


STUCK = """
import threading
from biLM.reading.side_by_side import side_by_side

stuck = threading.Barrier(3)
sides = [(lambda: (stuck.wait(), threading.Event().wait()),)] * 2
threading.Thread(target=side_by_side, args=[lambda work: work(), sides], daemon=True).start()
stuck.wait()
"""


@pytest.mark.long
def test_a_process_may_end_while_both_sides_are_stuck():
    subprocess.run([sys.executable, "-c", STUCK], check=True, timeout=PATIENCE_S)


def test_a_forked_process_has_two_threads_of_its_own():
    side_by_side(pow, [(2, 5), (3, 2)])  # starts the threads of this process
    with multiprocessing.get_context("fork").Pool(1) as child:
        found = child.apply_async(side_by_side, (pow, [(2, 3), (3, 3)]))
        assert found.get(PATIENCE_S) == [8, 27]
