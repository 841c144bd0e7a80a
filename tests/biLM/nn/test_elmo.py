"""`Elmo` gives the vectors of the equations and of the encoder, and learns how to mix them."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biLM.errors import ConfigError
from biLM.nn import Elmo
from biLM.questions.readout import Readout
from tests.biLM.nn.conftest import READ_AS, WORDS
from tests.properties import examples
from tests.reference.geometry import centred

# Float32 rounding against float64, as in the tests of the encoder; a wrong layer is off by 1e-1.
TO_THE_ORACLE = {"rtol": 0, "atol": 1e-5}
REORDERED = {"rtol": 0, "atol": 1e-6}
LENGTHS = [5, 2, 0, 4]


def only(found):
    (vectors,) = found["elmo_representations"]
    return vectors


def fine_tuned(elmo):
    """Return the same layer on its other path: torch's own LSTM, as for a biLM in training."""
    elmo.bilm.requires_grad_(True)
    return elmo


@pytest.fixture(params=["by the encoder", "by torch's own LSTM"])
def either(request, load):
    def loaded(**options):
        elmo = load(**options)
        return elmo if request.param == "by the encoder" else fine_tuned(elmo)

    return loaded


# Values


def test_an_untrained_mix_is_the_mean_of_the_layers(either, equations):
    found = only(either()(WORDS)).detach()
    assert found.shape == (4, 5, 24)
    for row, words in enumerate(READ_AS):
        expected = equations(words)[:3].mean(axis=0)
        np.testing.assert_allclose(found[row, : len(words)], expected, **TO_THE_ORACLE)
        assert not found[row, len(words) :].any()


def test_each_mix_is_equation_1_with_its_own_weights(either, equations):
    elmo = either(num_output_representations=2)
    with torch.no_grad():
        elmo.mixes[0].w.copy_(torch.tensor([0.0, 0.0, 1.0]).log())  # s = 0, 0, 1
        elmo.mixes[1].w.copy_(torch.tensor([0.25, 0.25, 0.5]).log())
        elmo.mixes[1].gamma.fill_(2.0)
    top, second = elmo(WORDS)["elmo_representations"]
    layers = equations(READ_AS[0])[:3]
    np.testing.assert_allclose(top[0].detach(), layers[2], **TO_THE_ORACLE)
    expected = 2 * np.tensordot([0.25, 0.25, 0.5], layers, axes=1)
    np.testing.assert_allclose(second[0].detach(), expected, rtol=0, atol=2e-5)  # gamma 2


def test_the_context_is_mixed_as_the_last_layer(either, equations):
    elmo = either(context=True)
    assert elmo.mixes[0].w.shape == (4,)
    with torch.no_grad():
        elmo.mixes[0].w.copy_(torch.tensor([0.5, 0.0, 0.0, 0.5]).log())
    expected = equations(READ_AS[0])[[0, 3]].mean(axis=0)
    np.testing.assert_allclose(only(elmo(WORDS))[0].detach(), expected, **TO_THE_ORACLE)


def test_centred_layers_are_those_of_the_artifacts_geometry(either, artifact, equations):
    sentence = ["我", "苹果"]  # one piece each: pooling is no mean
    expected = centred(artifact.geometry, equations(sentence)).mean(axis=0)
    found = only(either(center=True, context=True)([sentence]))[0]
    np.testing.assert_allclose(found.detach(), expected, **TO_THE_ORACLE)


def test_normalised_layers_have_mean_0_and_variance_1(either, equations):
    layers = equations(READ_AS[0])[:3]
    spread = np.sqrt(layers.var(axis=-1, keepdims=True) + 1e-5)  # torch adds this, too
    expected = ((layers - layers.mean(axis=-1, keepdims=True)) / spread).mean(axis=0)
    found = only(either(layer_norm=True)(WORDS)).detach()
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=5e-5)  # divided by a spread
    assert not found[2].any()


@pytest.mark.parametrize("center", [False, True])
def test_words_and_spans_have_the_vectors_of_the_encoder(either, encoder, center):
    text, spans = "我吃了一个苹果，味道ﬁne👍。", [(0, 1), (5, 7), (6, 7), (0, 15), (1, 3)]
    elmo = either(center=center)
    mean = Readout(encoder.artifact.layers[:-1], center=center)
    by_words, by_spans = only(elmo(WORDS)), only(elmo([text, "好"], spans=[spans, []]))
    asked = [*map(encoder.words, WORDS), encoder.spans(text, spans)]
    for found, vectors in zip(
        [*by_words, by_spans[0]], encoder.embed(asked, [mean] * 5), strict=True
    ):
        expected = vectors.mean(axis=0)
        np.testing.assert_allclose(found[: len(expected)].detach(), expected, **TO_THE_ORACLE)


def test_a_sentence_of_several_calls_of_an_lstm_is_that_of_the_encoder(either, encoder):
    sentence = ["病毒", "和", "菜单"] * 50
    (layers,) = encoder.embed([encoder.words(sentence)], [Readout((0, 1, 2))])
    found = only(either()([sentence]))[0].detach()
    np.testing.assert_allclose(found, layers.mean(axis=0), **TO_THE_ORACLE)


# What does not change a vector


@examples(12)
@given(
    neighbours=st.lists(
        st.lists(st.sampled_from(["我", "苹果", "病毒和", ""]), max_size=40), max_size=4
    ),
    place=st.integers(0, 4),
    is_frozen=st.booleans(),
)
def test_padding_and_neighbours_change_nothing(both, neighbours, place, is_frozen):
    elmo = both[is_frozen]
    alone = only(elmo([WORDS[0]]))[0]
    batch = [*neighbours[:place], WORDS[0], *neighbours[place:]]
    found = only(elmo(batch))[min(place, len(neighbours))]
    torch.testing.assert_close(found[:5], alone, **REORDERED)
    assert not found[5:].any()


@pytest.fixture(scope="module")
def both(artifact_folder):
    frozen = Elmo.load(artifact_folder, dropout=0.0)
    return [fine_tuned(deepcopy(frozen)), frozen]


def test_many_texts_of_many_lengths_come_back_in_their_order(both, monkeypatch):
    monkeypatch.setattr("biLM.reading.padded.MAX_RECTANGLE_PIECES", 40)
    sentences = [["病毒"] * (7 * number % 19) + ["我"] for number in range(12)]
    trained, frozen = (only(elmo(sentences)) for elmo in both)
    torch.testing.assert_close(trained, frozen, **REORDERED)


def test_a_vector_depends_on_the_sentence(either):
    found = only(either()([["吃", "苹果"], ["用", "苹果"]])).detach()
    assert (found[0, 1] - found[1, 1]).abs().max() > 1e-2


# Shapes and masks


def test_the_mask_has_a_place_for_each_word_also_for_one_without_pieces(either):
    mask = either()(WORDS)["mask"]
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[place < length for place in range(5)] for length in LENGTHS]


@pytest.mark.parametrize(
    ("batch", "shape"), [([], (0, 0, 24)), ([[]], (1, 0, 24)), ([[""]], (1, 1, 24))]
)
def test_an_empty_batch_sentence_or_word_has_a_shape_and_zeros(either, batch, shape):
    found = either()(batch)
    assert only(found).shape == shape
    assert found["mask"].shape == shape[:2]
    assert not only(found).any()


def test_every_mix_has_its_parameters_under_its_number(load):
    names = {name for name, _ in load(num_output_representations=2).mixes.named_parameters()}
    assert names == {"0.w", "0.gamma", "1.w", "1.gamma"}


# Types and devices


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_another_type_of_number_is_that_of_the_vectors(load, equations, dtype):
    found = only(load(context=True).to(dtype)(WORDS))[0].detach()
    assert found.dtype == dtype
    expected = equations(READ_AS[0]).mean(axis=0)
    # Rounding of each type, over three layers of LSTMs whose vectors are of the size 1.
    tolerance = {torch.float64: 1e-12, torch.bfloat16: 5e-2, torch.float16: 5e-3}[dtype]
    np.testing.assert_allclose(found.double(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("options", [{}, {"context": True, "center": True}])
def test_everything_is_on_the_device_of_the_module(load, options):
    """On the device `meta` there are no values, but a tensor of another device is an error."""
    found = load(**options).to("meta")(WORDS)
    assert only(found).device.type == found["mask"].device.type == "meta"
    assert only(found).shape == (4, 5, 24)


# Training


def test_a_frozen_bilm_learns_nothing_and_the_mix_does(load):
    elmo = load()
    only(elmo(WORDS)).square().sum().backward()
    trained = {name for name, one in elmo.named_parameters() if one.grad is not None}
    assert trained == {"mixes.0.w", "mixes.0.gamma"}


def test_with_requires_grad_every_weight_that_is_used_learns(load):
    elmo = load(requires_grad=True, context=True)
    only(elmo(WORDS)).square().sum().backward()
    learning = {name for name, one in elmo.named_parameters() if one.requires_grad}
    trained = {
        name for name, one in elmo.named_parameters() if one.grad is not None and one.grad.any()
    }
    assert trained == learning == {name for name, _ in elmo.named_parameters()} - {"heads.bias"}


def test_the_heads_learn_only_where_they_are_used(load):
    assert not any(one.requires_grad for one in load(requires_grad=True).heads.parameters())


def test_without_gradients_a_bilm_in_training_is_read_by_the_encoder(load):
    elmo = load(requires_grad=True)
    with torch.no_grad():
        fast = only(elmo(WORDS))
    assert torch.equal(fast, only(load()(WORDS)))
    assert not fast.requires_grad


def test_requires_grad_may_be_changed_later(load):
    elmo = load().requires_grad_(True)
    only(elmo(WORDS)).sum().backward()
    assert elmo.bilm.embedding.weight.grad.any()
    elmo.bilm.requires_grad_(False)
    elmo.zero_grad()
    only(elmo(WORDS)).sum().backward()
    assert elmo.bilm.embedding.weight.grad is None


def test_dropout_is_applied_in_training_alone(artifact_folder):
    elmo = Elmo.load(artifact_folder, dropout=0.5)
    torch.manual_seed(0)
    dropped = only(elmo(WORDS))[0].detach()
    kept = only(elmo.eval()(WORDS))[0].detach()
    gone = dropped == 0
    assert 0.2 < gone[kept != 0].float().mean() < 0.8
    torch.testing.assert_close(dropped[~gone], 2 * kept[~gone])


def test_the_bilm_stays_in_the_mode_in_which_cudnn_has_gradients(load):
    elmo = load()
    assert elmo.bilm.training
    assert elmo.eval().bilm.training
    assert not elmo.dropout.training


def test_gradients_are_those_of_finite_differences(load):
    elmo = load(requires_grad=True, context=True, num_output_representations=2).double()
    learning = [one for one in elmo.parameters() if one.requires_grad]

    def read(*_):
        return tuple(elmo([["我", "苹果"], ["病毒"]])["elmo_representations"])

    assert torch.autograd.gradcheck(read, learning, fast_mode=True)


def test_a_layer_in_another_network_trains(load):
    """Two senses of 苹果 are told apart after a few steps, with the biLM and with the mix alone."""
    eaten, used = (
        [["我", "吃", "苹果"], ["苹果", "很", "甜"]],
        [["用", "苹果", "手机"], ["苹果", "电脑"]],
    )
    wanted = torch.tensor([1.0, 1.0, 0.0, 0.0])
    torch.manual_seed(0)
    elmo, head = load(requires_grad=True), torch.nn.Linear(24, 1)
    optimizer = torch.optim.Adam([*elmo.parameters(), *head.parameters()], lr=0.02)
    losses = []
    for _ in range(12):
        found = elmo([*eaten, *used])
        mean = (only(found) * found["mask"][..., None]).sum(1) / found["mask"].sum(1, keepdim=True)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(mean)[:, 0], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3


# Refusals of numbers


@pytest.mark.usefixtures("any_types")
@pytest.mark.parametrize("number", [0, -1, 1.5, True, None])
def test_a_number_of_mixes_below_one_is_refused(artifact_folder, number):
    with pytest.raises(ConfigError, match=r"num_output_representations is .* at least 1"):
        Elmo.load(artifact_folder, number)


@pytest.mark.usefixtures("any_types")
@pytest.mark.parametrize("share", [-0.1, 1.0, 2, float("nan")])
def test_a_dropout_outside_its_range_is_refused(artifact_folder, share):
    with pytest.raises(ConfigError, match=r"dropout is .* below 1"):
        Elmo.load(artifact_folder, dropout=share)
