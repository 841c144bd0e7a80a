"""The engine learns what each kind of question costs, whatever it believed at first."""

from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biLM.encoder import Encoder
from biLM.questions.completions import Greedy
from biLM.questions.passage import Passage
from biLM.questions.question import Underway
from biLM.questions.readout import Readout
from service.costs import KINDS_OF_ROWS, kind_of_rows, work_of
from service.engine import Engine
from service.prices import Prices
from tests.properties import examples

BATCH_PIECES = 512
KINDS = [*KINDS_OF_ROWS.values(), "context", "guesses", "search", "gates"]
prices = st.fixed_dictionaries({kind: st.floats(0.1, 100.0) for kind in KINDS})
VECTORS, CONTEXT = Readout((0, 1, 2)), Readout(("context",))


class Clock:
    """Stands still but while the model works, which takes what the true prices say."""

    def __init__(self, true):
        self.true, self.now = Prices(true), 0.0

    def __call__(self):
        """Return the time."""
        return self.now

    def after(self, work):
        """Let the model work for that time."""
        self.now += self.true.seconds(work)


@contextmanager
def timed(true):
    """Let the model take as long as the true prices say."""
    clock, answer, go_on = Clock(true), Encoder.answer, Underway.go_on
    with pytest.MonkeyPatch.context() as patch:

        def answer_timed(encoder, questions):
            found, costs = answer(encoder, questions), [question.cost for question in questions]
            clock.after(
                {
                    kind_of_rows(len(costs)): sum(cost.padded_pieces for cost in costs),
                    "context": sum(cost.num_context_blocks for cost in costs),
                    "guesses": sum(cost.num_guesses for cost in costs),
                }
            )
            return found

        def go_on_timed(underway, seconds):
            before = underway.cost
            found = go_on(underway, seconds)
            left = underway.cost
            clock.after(
                {
                    "1 row": before.pieces_alone - left.pieces_alone,
                    "context": before.num_context_blocks - left.num_context_blocks,
                    "search": before.num_search_steps - left.num_search_steps,
                    "gates": before.num_gate_steps - left.num_gate_steps,
                }
            )
            return found

        patch.setattr(Encoder, "answer", answer_timed)
        patch.setattr(Underway, "go_on", go_on_timed)
        patch.setattr("service.engine.perf_counter", clock)
        yield clock


def workloads(encoder):
    """Full batches of every kind of question that the service has."""
    full = {rows: Passage((30,) * (BATCH_PIECES // rows - 2), None, ()) for rows in (32, 4, 2, 1)}
    blank = encoder.blank("我吃__。")
    vectors = {rows: encoder.vectors_for(passage, VECTORS) for rows, passage in full.items()}
    return [
        *(lambda rows=rows: [vectors[rows]] * rows for rows in full),
        lambda: [encoder.vectors_for(full[32], CONTEXT)] * 32,
        lambda: [encoder.guesses_for(blank, 40)] * 64,
        lambda: [encoder.completions_for("我吃", Greedy(), 20)],
        lambda: [encoder.gates_for(full[32], 2, "forward")],
        lambda: [encoder.alone(vectors[1])],
    ]


@examples(10)
@given(first=prices, true=prices)
def test_after_twenty_seconds_of_work_predictions_are_right_within_a_factor_of_two(
    encoder, first, true
):
    engine = Engine(
        encoder,
        self_test_deviation=0.0,
        num_threads=1,
        batch_pieces=BATCH_PIECES,
        prices=Prices(first),
        turn_s=1.0,
        proof=None,
        similar_words={},
    )
    for questions in workloads(encoder):
        works = [work_of(question.cost, BATCH_PIECES) for question in questions()]
        with timed(true) as clock:
            while clock.now < 20:
                engine.run(questions())
        real = sum(map(clock.true.seconds, works))
        assert real / 2 <= sum(map(engine.prices.seconds, works)) <= real * 2
