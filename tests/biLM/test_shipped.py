"""The shipped model keeps its promise: a text gets the same bits alone and among any others."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biLM.encoder import Encoder
from biLM.questions.passage import Passage
from biLM.questions.readout import Readout
from biLM.reading.precision import fastest_precision
from tests.reference.precisions import BFLOAT16

FOLDER = Path(__file__).parents[2] / "models/zh-small"
length = st.integers(0, 70) | st.sampled_from([126, 127, 200, 300])


# The usual run takes the precision that a service would choose here; the long run adds float32.
slower = [pytest.mark.long] if fastest_precision() == "bfloat16" else []


@pytest.fixture(scope="module", params=[pytest.param("float32", marks=slower), BFLOAT16])
def shipped(request):
    return Encoder.load(FOLDER, request.param)


@pytest.fixture(scope="module")
def warm(shipped):
    encoder = Encoder(shipped.artifact, shipped.precision)
    assert len(encoder.warm_up()) > 1  # one shape alone would leave nothing to compare
    return encoder


def ids_of(number, length):
    """Return random piece ids; texts of different numbers or lengths have different ones."""
    random = torch.Generator().manual_seed(1000 * number + length)
    return torch.randint(300, 15_000, (length,), generator=random).tolist()


# The usual run makes this comparison with a small model instead, in test_encoder.py.
@pytest.mark.long
@settings(max_examples=12)
@given(lengths=st.lists(length, min_size=1, max_size=90), data=st.data())
def test_a_text_has_the_same_bits_alone_and_in_any_company(warm, lengths, data):
    texts = [ids_of(number, length) for number, length in enumerate(lengths)]
    together = warm.represent(texts)
    for number in data.draw(st.sets(st.sampled_from(range(len(texts))), min_size=1, max_size=4)):
        (alone,) = warm.represent([texts[number]])
        assert torch.equal(alone, together[number])
        again = warm.represent([*texts[number:], *texts[:number]])[0]
        assert torch.equal(alone, again)


@pytest.mark.long
@settings(max_examples=6)
@given(lengths=st.lists(length, min_size=2, max_size=60), data=st.data())
def test_so_have_its_vectors_however_they_are_read_out(warm, lengths, data):
    mix = warm.mix("default")
    layers = Readout(warm.artifact.layers, center=True, normalize=True)
    readout = data.draw(st.sampled_from([Readout(mix), Readout(mix, center=True), layers]))
    passages = [Passage(tuple(ids_of(*text)), None, ()) for text in enumerate(lengths)]
    together = warm.embed(passages, [readout] * len(passages))
    for number in data.draw(st.sets(st.sampled_from(range(len(passages))), min_size=1, max_size=4)):
        (alone,) = warm.embed([passages[number]], [readout])
        np.testing.assert_array_equal(alone, together[number])


@pytest.mark.long
def test_an_encoder_that_was_not_warmed_up_has_the_same_bits(shipped, warm):
    texts = [ids_of(number, 5 * number) for number in range(20)]
    assert all(map(torch.equal, shipped.represent(texts), warm.represent(texts)))


def test_the_space_before_a_word_is_no_part_of_it(shipped):
    text = "of the apple"
    assert shipped.pieces(text).offsets[1] == (2, 6)
    assert shipped.spans(text, [(3, 6)]).rests is None


def test_a_word_is_where_it_is_in_float32(shipped):
    exact = Encoder(shipped.artifact)
    sentences = ["我吃了一个苹果，味道很甜。", "苹果公司发布了新手机。"]
    layers = Readout(shipped.artifact.layers)
    for sentence in sentences:
        begin = sentence.index("苹果")
        asked = [shipped.spans(sentence, [(begin, begin + 2)])]
        one, other = shipped.embed(asked, [layers])[0], exact.embed(asked, [layers])[0]
        lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
        assert ((one * other).sum(-1) / lengths).min() > 0.9999


def test_the_shipped_model_passes_its_self_test(shipped):
    assert shipped.self_test() < {"float32": 1e-5, "bfloat16": 2e-2}[shipped.precision]
