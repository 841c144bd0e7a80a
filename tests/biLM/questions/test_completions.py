"""Completions are compared with the float64 oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biLM.errors import SearchError, TextError
from biLM.questions.completions import Beam, Greedy, Sampling
from tests.reference.heads import expected
from tests.reference.lstm import representations

BOS, UNK, EOS = 1, 0, 2
TEXTS = ["", "我吃了一个", "他感染了病毒，", "龘 quick"]
STRATEGIES = [Greedy(), Sampling(num_completions=4), Sampling(0.5, 5, 9, 2), Beam(6, 6)]


def log_softmax(logits):
    rest = logits - logits.max()
    return rest - np.log(np.exp(rest).sum())


@pytest.fixture(scope="module")
def oracle(artifact):
    """A function of piece ids: the log-probability of each next piece, in float64."""
    half = artifact.config.cell_size
    embedding = artifact.model.embedding.weight.double().numpy()
    bias = artifact.heads.bias.double().numpy()

    def log_probabilities(ids):
        top = representations(artifact.model.state_dict(), [BOS, *ids])[-1]
        z = expected(artifact.heads.state_dict(), top[-1, :half], top[-1, half:])[0]
        return log_softmax(embedding @ z + bias)

    return log_probabilities


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_the_log_probability_is_that_of_the_equations(encoder, oracle, processor, text, strategy):
    ids = processor.encode(text)
    for completion in encoder.complete(text, strategy, max_pieces=5):
        following = [*completion.ids, *([EOS] if completion.finished else [])]
        total = sum(
            oracle([*ids, *following[:place]])[piece] for place, piece in enumerate(following)
        )
        assert completion.log_probability == pytest.approx(total, abs=1e-5)
        assert len(completion.ids) < 5 if completion.finished else len(completion.ids) == 5
        assert completion.pieces == tuple(map(processor.id_to_piece, completion.ids))


@pytest.mark.parametrize("text", TEXTS)
def test_greedy_takes_what_is_most_probable_of_what_may_follow(encoder, oracle, processor, text):
    (completion,) = encoder.complete(text, Greedy(), max_pieces=6)
    ids = processor.encode(text)
    for place, piece in enumerate(completion.ids):
        values = oracle([*ids, *completion.ids[:place]])
        values[[UNK, BOS]] = -np.inf
        best = next(p for p in np.argsort(-values) if not processor.is_byte(int(p)))
        assert piece == best or processor.is_byte(piece)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("num_beams", [1, 2, 5, 16])
def test_no_beam_is_below_greedy(encoder, text, num_beams):
    (greedy,) = encoder.complete(text, Greedy(), max_pieces=8)
    best = encoder.complete(text, Beam(num_beams), max_pieces=8)[0]
    assert best.log_probability >= greedy.log_probability


@settings(max_examples=8)
@given(st.integers(0, 2**40), st.integers(1, 16))
def test_a_draw_does_not_depend_on_how_many_there_are(encoder, seed, number):
    first = encoder.complete("我吃了", Sampling(seed=seed), max_pieces=4)
    many = encoder.complete("我吃了", Sampling(seed=seed, num_completions=number), max_pieces=4)
    assert many[:1] == first
    assert len(many) == number


@settings(max_examples=8)
@given(st.integers(0, 2**40))
def test_a_completion_is_text_of_whole_characters(encoder, seed):
    strategy = Sampling(temperature=5.0, top_k=400, seed=seed, num_completions=16)
    for completion in encoder.complete("龘", strategy, max_pieces=5):
        assert "\ufffd" not in completion.text
        assert not {UNK, BOS, EOS} & set(completion.ids)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_a_search_that_rests_after_each_step_finds_the_same(encoder, strategy):
    underway = encoder.completions_for("我吃了一个", strategy, 5)
    rests = 0
    while (found := underway.go_on(0.0)) is None:
        rests += 1
    assert rests > len(underway.ids)
    assert found == encoder.complete("我吃了一个", strategy, max_pieces=5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Sampling(temperature=0.0), "temperature is 0.0; it must be finite and above 0"),
        (lambda: Sampling(temperature=float("inf")), "temperature is inf"),
        (lambda: Sampling(top_k=0), "top_k is 0; it must be at least 1"),
        (lambda: Sampling(num_completions=17), "num_completions is 17; it must be 1 to 16"),
        (lambda: Beam(num_beams=0), "num_beams is 0; it must be 1 to 16"),
        (lambda: Beam(4, 5), "num_completions is 5; it must be 1 to 4"),
    ],
)
def test_what_no_search_can_do_is_refused_with_what_it_can(wrong, message):
    with pytest.raises(SearchError, match=message):
        wrong()


def test_no_pieces_and_a_lone_surrogate_are_refused(encoder):
    with pytest.raises(SearchError, match="max_pieces is 0; it must be at least 1"):
        encoder.complete("我", max_pieces=0)
    with pytest.raises(TextError, match="lone surrogate"):
        encoder.complete("我" + chr(0xD800))
