"""A long text that is read alone, stretch by stretch, has the bits it has in a batch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from biLM.encoder import Encoder
from biLM.questions.question import Cost
from biLM.questions.readout import Readout
from tests.properties import examples

EVERYTHING = Readout((0, 1, 2, "context"))


def alone(encoder, question):
    """Return the answer, and how often it paused."""
    underway, pauses = encoder.alone(question), 0
    while (answer := underway.go_on(0.0)) is None:
        pauses += 1
        assert underway.cost == encoder.alone(question).cost.after(pauses)
    return answer, pauses


@examples(15)
@given(length=st.integers(0, 40), both_at_once=st.booleans(), is_warm=st.booleans())
def test_alone_and_in_a_batch_it_has_the_same_bits(encoder, length, both_at_once, is_warm):
    encoder = Encoder(encoder.artifact, both_at_once=both_at_once)
    if is_warm:
        encoder.warm_up()
    question = encoder.vectors_for(encoder.chars("我吃了一个苹果" * length), EVERYTHING)
    (expected,) = encoder.answer([question])
    found, pauses = alone(encoder, question)
    np.testing.assert_array_equal(found, expected)
    assert pauses == sum(encoder.alone(question).cost)


def test_so_has_a_blank(encoder):
    question = encoder.guesses_for(encoder.blank("我吃" * 90 + "__" + "苹果" * 40), 5)
    (expected,) = encoder.answer([question])
    assert alone(encoder, question)[0] == expected


def test_what_is_left_is_counted_in_the_order_of_the_work():
    cost = Cost(num_stretches=2, num_context_blocks=3, num_guesses=7)
    assert cost.after(1) == Cost(num_stretches=1, num_context_blocks=3, num_guesses=7)
    assert cost.after(4) == Cost(num_context_blocks=1, num_guesses=7)
    assert cost.after(9) == Cost(num_guesses=7)
