"""An encoder becomes fast while it is used, and no call of a user is needed for that."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import torch

from biLM.encoder import Encoder
from biLM.questions.readout import Readout
from biLM.warming import Warming

LAYERS = Readout((0, 1, 2))
PATIENCE_S = 60


class Clock:
    """A clock that goes on by one second for each step of a proof, and as a test says."""

    def __init__(self):
        self.now, self.steps = 0.0, 0

    def __call__(self):
        """Return the seconds of now."""
        return self.now

    def prove(self):
        """Prove in ten steps."""
        for _ in range(10):
            self.now += 1.0
            self.steps += 1
            yield


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("biLM.warming.perf_counter", clock)
    return clock


def test_a_call_proves_for_no_longer_than_earlier_calls_have_read(clock):
    warming, steps = Warming(), []
    for seconds in (3.0, 0.0, 0.5, 0.5, 20.0, 0.0):
        with warming.beside(clock.prove):
            steps.append(clock.steps)
            clock.now += seconds
    # A step that has begun is finished, and what it took too long is taken off later.
    assert steps == [0, 3, 3, 4, 4, 10]


def test_after_the_end_nothing_is_proved(clock):
    warming = Warming()
    warming.end()
    for _ in range(3):
        with warming.beside(clock.prove):
            clock.now += 5.0
    assert clock.steps == 0


def test_while_one_thread_proves_another_reads_at_once(clock):
    warming, entered, released = Warming(), Event(), Event()

    def prove():
        entered.set()
        assert released.wait(PATIENCE_S)
        clock.now += 100.0
        yield

    def read():
        with warming.beside(prove):
            pass

    with warming.beside(prove):
        clock.now += 1.0
    with ThreadPoolExecutor(1) as threads:
        proving = threads.submit(read)
        assert entered.wait(PATIENCE_S)
        read()
        released.set()
        proving.result(PATIENCE_S)


def test_an_encoder_that_is_used_proves_shapes_by_itself(artifact):
    encoder = Encoder(artifact)
    passage = encoder.pieces("我吃了一个苹果")
    before = encoder.embed([passage], [LAYERS])[0]
    assert encoder.heights == (16,)  # a single call has nothing to gain
    while 1 not in encoder.heights:  # single rows come first
        np.testing.assert_array_equal(encoder.embed([passage], [LAYERS])[0], before)
    np.testing.assert_array_equal(encoder.embed([passage], [LAYERS])[0], before)


def test_questions_of_a_scheduler_prove_nothing(artifact):
    encoder = Encoder(artifact)
    question = encoder.vectors_for(encoder.pieces("我吃了一个苹果"), LAYERS)
    for _ in range(50):
        encoder.answer([question])
    encoder.self_test()
    assert encoder.heights == (16,)


def test_a_proof_that_goes_on_beside_warm_up_takes_no_shape_away(artifact):
    encoder = Encoder(artifact)
    with torch.inference_mode():
        steps = encoder.prove()
        next(steps)
        warm = encoder.warm_up()
        next(steps)
    assert encoder.heights == warm
