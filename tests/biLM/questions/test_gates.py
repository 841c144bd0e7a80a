from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biLM.encoder import Encoder
from biLM.errors import LayerError, TextError
from biLM.network.config import BiLMConfig
from biLM.network.model import BiLM
from biLM.questions.gates import GatesFor
from biLM.questions.question import Underway
from tests.properties import examples
from tests.reference import lstm as oracle
from tests.reference.precisions import PRECISIONS
from tests.reference.texts import texts

SHIPPED = Path(__file__).parents[3] / "models/zh-small"
ATE = "我吃了一个苹果，味道很甜。"
PLACES = [(layer, direction) for layer in (1, 2) for direction in ("forward", "backward")]
VALUES = ("input_gate", "forget_gate", "candidate", "output_gate", "cell_state", "state")
# Float32 rounding of a few dozen recurrent steps against float64; a wrong gate is off by 1e-1.
TO_THE_ORACLE = {"rtol": 0, "atol": 1e-5}
# Two float32 results, each within that distance of the equations.
TO_THE_FUSED_PATH = {"rtol": 0, "atol": 1e-5}
# One float32 step from the same values: it sums up to 768 products in the shipped model.
ONE_STEP = {"rtol": 1e-5, "atol": 4e-6}

HEAVY = 6

any_place = st.sampled_from(PLACES)


def gates_of(model, ids, layer, direction):
    return Underway(GatesFor(model, tuple(ids), layer, direction)).finish()


def values(gates):
    """Return the values in the order of the equations, `[6, pieces, cells]`."""
    return np.stack([getattr(gates, name) for name in VALUES])


def expected(model, ids, layer, direction):
    """Return the same values from the oracle."""
    weights = {n: t.double().numpy() for n, t in model.state_dict().items()}
    framed = [model.config.bos_id, *ids, model.config.eos_id]
    turn = slice(None, None, 1 if direction == "forward" else -1)
    x = weights["embedding.weight"][framed[turn]]
    found = oracle.gates(x, weights, f"{direction}_lm", layer)
    return found[:, turn][:, 1:-1]


def own_state(representations, layer, direction):
    """Return the output of a layer by the fused path, without the residual from below."""
    half = representations.shape[-1] // 2
    side = slice(None, half) if direction == "forward" else slice(half, None)
    state = representations[layer, :, side]
    return state - representations[layer - 1, :, side] if layer > 1 else state


@pytest.mark.parametrize(("layer", "direction"), PLACES)
@pytest.mark.parametrize("text", [ATE, "The quick fox", "龘", ""])
def test_every_gate_and_cell_equals_the_equations(
    encoder, artifact, processor, text, layer, direction
):
    found = values(encoder.inspect(text, layer, direction))
    assert found.dtype == np.float32
    ids = processor.encode(text)
    np.testing.assert_allclose(
        found, expected(artifact.model, ids, layer, direction), **TO_THE_ORACLE
    )


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_third_layer_reads_what_the_residual_leaves(direction):
    config = BiLMConfig(num_pieces=20, embedding_size=4, cell_size=6, num_layers=3)
    torch.manual_seed(1)
    model, ids = BiLM(config).requires_grad_(False), [5, 3, 9, 9, 17]
    found = values(gates_of(model, ids, 3, direction))
    np.testing.assert_allclose(found, expected(model, ids, 3, direction), **TO_THE_ORACLE)


@examples(50)
@given(text=texts, place=any_place)
def test_the_state_is_what_the_fused_path_gives_without_the_residual(encoder, text, place):
    (fused,) = encoder.represent([encoder.pieces(text).ids])
    np.testing.assert_allclose(
        encoder.inspect(text, *place).state,
        own_state(fused[:, 1:-1].numpy(), *place),
        **TO_THE_FUSED_PATH,
    )


def assert_every_row_follows(model, ids, layer, direction, tolerance=ONE_STEP):
    """Assert that each row is one step of the equations from the row before it as computed."""
    x = model.embedding.weight[list(ids)].double().numpy()
    for below in range(1, layer):
        h = gates_of(model, ids, below, direction).state.astype("f8")
        x = h + x if below > 1 else h
    found = values(gates_of(model, ids, layer, direction)).astype("f8")
    if direction == "backward":
        x, found = x[::-1], found[:, ::-1]
    layers = model.forward_lm if direction == "forward" else model.backward_lm
    W, U, b, a = (p.double().numpy() for p in layers.layers[layer - 1].parameters())  # noqa: N806
    for step in range(1, len(ids)):
        c, h = found[4:, step - 1]
        np.testing.assert_allclose(
            found[:, step], oracle.step(x[step], h, c, W, U, b + a), **tolerance
        )


@examples(50)
@given(text=texts, place=any_place)
def test_every_row_follows_from_the_row_before(encoder, artifact, text, place):
    assert_every_row_follows(artifact.model, encoder.pieces(text).ids, *place)


@pytest.fixture(scope="module")
def shipped():
    return Encoder.load(SHIPPED)


@pytest.mark.long
@pytest.mark.parametrize(("layer", "direction"), PLACES)
@pytest.mark.parametrize("length", [1, 20, 300])
def test_the_shipped_model_ends_where_the_fused_path_does(shipped, length, layer, direction):
    generator = torch.Generator().manual_seed(length)
    ids = torch.randint(300, 15_000, (length,), generator=generator).tolist()
    fused = own_state(shipped.represent([ids])[0][:, 1:-1].numpy(), layer, direction)
    stepped = gates_of(shipped.artifact.model, ids, layer, direction).state
    np.testing.assert_allclose(stepped, fused, **TO_THE_FUSED_PATH)


def test_where_rounding_grows_without_end_each_step_is_still_the_equations():
    torch.manual_seed(1)
    model = BiLM(BiLMConfig(num_pieces=20, embedding_size=4, cell_size=16)).requires_grad_(False)
    # So heavy that no two ways of computing stay together.
    model.forward_lm.layers[0].weight_hh_l0.mul_(HEAVY)
    ids = [5] * 512
    state = gates_of(model, ids, 1, "forward").state
    far = np.abs(state - expected(model, ids, 1, "forward")[-1]).max(axis=1)
    # The first step adds four products and two biases, all below 1, to a state of zeros: six
    # roundings of at most 2 ** -24 each, and a few more in the gates and the cell, whose slopes are
    # at most 1. A wrong gate is off by 1e-1.
    assert far[0] < 1e-6
    # How fast that grows depends on the order of the sums, hence on the processor. It was 2e7 times
    # with SSE 4.1 and 2e8 with AVX2 and AVX-512.
    assert far.max() > 1e4 * far[0]
    # The products of a step are so many times as large as in a model of usual weights, and so is
    # what their sum is rounded by.
    heavy = {**ONE_STEP, "atol": HEAVY * ONE_STEP["atol"]}
    assert_every_row_follows(model, ids, 1, "forward", heavy)


@examples(50)
@given(text=texts, place=any_place)
def test_the_cell_keeps_by_the_forget_gate_and_takes_by_the_input_gate(encoder, text, place):
    i, f, g, o, c, h = values(encoder.inspect(text, *place)).astype("f8")
    order = slice(None, None, 1 if place[1] == "forward" else -1)
    i, f, g, c_t = i[order], f[order], g[order], c[order]
    np.testing.assert_allclose(c_t[1:], f[1:] * c_t[:-1] + i[1:] * g[1:], **ONE_STEP)
    np.testing.assert_allclose(h, o * np.tanh(c), **ONE_STEP)
    assert ((i >= 0) & (i <= 1) & (f >= 0) & (f <= 1) & (np.abs(g) <= 1)).all()


@pytest.mark.parametrize(
    ("direction", "one", "other", "read"),
    [
        ("forward", "我吃了一个苹果", "我吃了一个菜单", slice(None, 5)),
        ("backward", "苹果打不开了！", "菜单打不开了！", slice(-5, None)),
    ],
)
def test_a_row_knows_only_what_was_read_before_it(encoder, direction, one, other, read):
    two = [values(encoder.inspect(text, 2, direction))[:, read] for text in (one, other)]
    np.testing.assert_allclose(*two, rtol=0, atol=1e-6)  # the same sums in another order


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_numbers_are_those_of_float32_in_either_precision(artifact_folder, encoder, precision):
    found = Encoder.load(artifact_folder, precision).inspect(ATE, 2, "backward")
    np.testing.assert_array_equal(values(found), values(encoder.inspect(ATE, 2, "backward")))


@pytest.mark.parametrize("layer", [1, 2])
def test_a_rest_after_each_step_changes_no_bit(artifact, processor, layer):
    question = GatesFor(artifact.model, tuple(processor.encode(ATE)), layer, "backward")
    resting, found, rests = Underway(question), None, 0
    while found is None:
        found = resting.go_on(0.0)
        rests += found is None
    assert rests == question.cost.num_gate_steps
    whole = Underway(question).finish()
    np.testing.assert_array_equal(values(found), values(whole))


@pytest.mark.parametrize("layer", [-1, 0, 3])
def test_a_layer_that_is_not_there_is_refused_with_those_that_are(encoder, layer):
    with pytest.raises(LayerError, match=f"layer {layer} has no gates; choose .* numbered 1 to 2"):
        encoder.inspect(ATE, layer)


def test_half_a_character_is_refused(encoder):
    with pytest.raises(TextError, match="code point 1 is the lone surrogate"):
        encoder.inspect("我" + chr(0xD800))
