"""A question that is answered in steps can pause, resume, fail and begin again."""

import pytest

from biLM.questions.question import Cost, Underway


class Counting:
    """A question that takes some steps, and fails once if `fails` is set."""

    ids = ()
    cost = Cost()

    def __init__(self, num_steps, fails=False):
        self.num_steps, self.fails = num_steps, fails

    def steps(self):
        """Return the number of steps, after as many pauses."""
        for number in range(self.num_steps):
            if number == 2 and self.fails:
                self.fails = False
                raise RuntimeError("broken")
            yield
        return self.num_steps


def turns(underway):
    """Return how many turns of one step the question takes, and the answer."""
    number = 1
    while (answer := underway.go_on(0.0)) is None:
        number += 1
    return number, answer


def test_without_time_there_is_one_step_a_turn():
    assert turns(Underway(Counting(4))) == (5, 4)


def test_with_time_enough_there_is_one_turn():
    assert Underway(Counting(4)).go_on(float("inf")) == 4


def test_what_failed_begins_anew():
    underway = Underway(Counting(4, fails=True))
    with pytest.raises(RuntimeError, match="broken"):
        turns(underway)
    assert turns(underway) == (5, 4)
