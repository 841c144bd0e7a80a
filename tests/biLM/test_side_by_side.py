import multiprocessing
import threading

import pytest
import torch

from biLM.side_by_side import side_by_side

PATIENCE_S = 60


@pytest.fixture(params=[1, 2, 5])
def cores(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_each_side_has_its_own_arguments():
    assert side_by_side(pow, [(2, 5), (3, 2)]) == [32, 9]


def test_both_sides_are_at_work_at_the_same_time():
    both = threading.Barrier(2)  # opens for two that wait, and for no one alone
    assert sorted(side_by_side(both.wait, [(PATIENCE_S,), (PATIENCE_S,)])) == [0, 1]


def test_each_side_has_half_of_the_callers_cores_and_at_least_one(cores):
    assert side_by_side(torch.get_num_threads, [(), ()]) == [max(1, cores // 2)] * 2
    assert torch.get_num_threads() == cores


def test_what_fails_at_one_side_fails_for_the_caller():
    with pytest.raises(ZeroDivisionError):
        side_by_side(divmod, [(1, 1), (1, 0)])


def test_a_forked_process_has_two_threads_of_its_own():
    side_by_side(pow, [(2, 5), (3, 2)])  # those of this process
    with multiprocessing.get_context("fork").Pool(1) as child:
        found = child.apply_async(side_by_side, (pow, [(2, 3), (3, 3)]))
        assert found.get(PATIENCE_S) == [8, 27]
