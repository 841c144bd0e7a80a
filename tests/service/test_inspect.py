"""What /inspect answers, against the oracle; tests/biLM/questions compares the equations."""

import base64
from functools import partial

import anyio
import numpy as np
import pytest

from tests.reference.lstm import gates
from tests.service.serving import embed, embed_one, error_of, serving, settings_of, until

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"  # six pieces
NAMES = ("input_gate", "forget_gate", "candidate", "output_gate", "cell_state", "state")
CELLS = 12
PLACES = [(layer, direction) for layer in (1, 2) for direction in ("forward", "backward")]


@pytest.fixture(scope="module")
async def open_client(artifact_folder):
    """The real app with inspection turned on."""
    async with serving(settings_of(artifact_folder, inspect=True)) as client:
        yield client


@pytest.fixture(scope="module")
def expected(artifact, cut):
    """Text, layer, direction -> `[6, pieces, cells]` by the oracle."""
    weights = {n: t.double().numpy() for n, t in artifact.model.state_dict().items()}

    def gates_of(text, layer, direction):
        ids = [artifact.config.bos_id, *cut(text), artifact.config.eos_id]
        turn = slice(None, None, 1 if direction == "forward" else -1)
        x = weights["embedding.weight"][ids[turn]]
        return gates(x, weights, f"{direction}_lm", layer)[:, turn][:, 1:-1]

    return gates_of


async def inspect(client, **fields):
    answer = await client.post("/inspect", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def arrays_of(answer):
    """`[6, pieces, cells]` of an answer in base64."""
    found = [np.frombuffer(base64.b64decode(answer[name]), "<f4") for name in NAMES]
    return np.stack([numbers.reshape(answer["shape"]) for numbers in found])


@pytest.mark.parametrize(("layer", "direction"), PLACES)
@pytest.mark.parametrize("text", [ATE, "Ａ①👍🏽", ""])
async def test_every_gate_and_cell_equals_the_equations(
    open_client, expected, text, layer, direction
):
    found = arrays_of(await inspect(open_client, text=text, layer=layer, direction=direction))
    # float32 arithmetic of the service against float64 of the oracle
    np.testing.assert_allclose(found, expected(text, layer, direction), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("layer", "direction"), PLACES)
async def test_the_state_is_that_of_embed_less_the_residual(open_client, layer, direction):
    answer = await inspect(open_client, text=ATE, layer=layer, direction=direction)
    side = slice(None, CELLS) if direction == "forward" else slice(CELLS, None)
    one, two = (await embed_one(open_client, ATE, layers=[1, 2]))[..., side]
    state = one if layer == 1 else two - one
    np.testing.assert_allclose(arrays_of(answer)[-1], state, rtol=0, atol=1e-5)


async def test_pieces_and_places_are_those_of_embed(open_client):
    answer = await inspect(open_client, text=ATE)
    (embedded,) = (vectors := await embed(open_client, texts=ATE))["data"]
    for name in ("pieces", "ids", "offsets"):
        assert answer[name] == embedded[name]
    assert answer["model"] == vectors["model"]
    assert (answer["layer"], answer["direction"]) == (1, "forward")
    assert (answer["shape"], answer["dtype"]) == ([6, CELLS], "float32")
    assert answer["usage"] == vectors["usage"] == {"pieces": 6, "characters": 7}


async def test_plain_numbers_are_the_same_numbers(open_client):
    lists = await inspect(open_client, text=ATE, layer=2, encoding="json")
    numbers = np.array([lists[name] for name in NAMES], "f4")
    np.testing.assert_array_equal(numbers, arrays_of(await inspect(open_client, text=ATE, layer=2)))


async def test_an_answer_is_the_same_among_other_requests(open_client):
    alone = await inspect(open_client, text=ATE, layer=2)
    found = []

    async def ask():
        found.append(await inspect(open_client, text=ATE, layer=2))

    async with anyio.create_task_group() as together:
        for length in range(1, 10):
            together.start_soon(ask)
            together.start_soon(embed_texts, open_client, ["苹果" * length])
    assert found == [alone] * 9


async def embed_texts(client, texts):
    await embed(client, texts=texts)


async def test_info_says_whether_it_is_on(client, open_client):
    for one, is_on in ((client, False), (open_client, True)):
        info = (await one.get("/info")).json()
        assert info["features"]["inspect"] is info["limits"]["inspect"] is is_on


@pytest.mark.parametrize("body", [{"text": ATE}, {"nothing": "right"}])
async def test_off_it_is_not_found_and_says_how_to_turn_it_on(client, body):
    error = error_of(await client.post("/inspect", json=body), 404, "not_found")
    assert "BILM_INSPECT=1" in error["message"]
    assert error["details"]["setting"] == "inspect"


async def test_a_layer_above_the_last_is_refused_with_the_last(open_client):
    answer = await open_client.post("/inspect", json={"text": ATE, "layer": 3})
    error = error_of(answer, 422, "unknown_layer")
    assert error["param"] == "layer"
    assert error["message"] == (
        "layer 3 has no gates; choose an LSTM layer, numbered 1 to 2; see /info"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layer", 0),
        ("layer", "1"),
        ("direction", "up"),
        ("encoding", "hex"),
        ("text", [ATE]),
        ("texts", ATE),
    ],
)
async def test_any_other_field_or_value_is_refused_by_name(open_client, name, value):
    answer = await open_client.post("/inspect", json={"text": ATE, name: value})
    assert error_of(answer, 422, "validation_error")["param"] == name


@pytest.mark.parametrize("setting", ["max_text_pieces", "max_stepped_pieces"])
async def test_a_text_of_one_piece_too_many_is_refused_with_the_numbers(artifact_folder, setting):
    limited = settings_of(artifact_folder, inspect=True, **{setting: 6})
    async with serving(limited) as client:
        await inspect(client, text=ATE)
        answer = await client.post("/inspect", json={"text": ATE + "。"})
    error = error_of(answer, 422, "text_too_long")
    assert error["param"] == "text"
    assert error["details"] == {
        "index": None,
        "place": None,
        "limit": 6,
        "actual": 7,
        "setting": setting,
    }
    assert error["message"].endswith("; send a shorter text")


async def test_too_large_an_answer_is_refused_with_what_it_would_have(artifact_folder, cut):
    text = ATE * 3
    limited = settings_of(artifact_folder, inspect=True, max_response_bytes=8192)
    async with serving(limited) as client:
        await inspect(client, text=text)  # base64: 6 x 18 x 12 numbers of 16/3 bytes
        answer = await client.post("/inspect", json={"text": text, "encoding": "json"})
    error = error_of(answer, 413, "response_too_large")
    assert error["details"]["actual"] == 6 * len(cut(text)) * CELLS * 12
    assert error["message"].endswith("; send a shorter text, or request base64")


async def test_half_a_character_is_refused(open_client):
    answer = await open_client.post("/inspect", content=b'{"text": "\\ud800"}')
    error_of(answer, 400, "invalid_unicode")


async def test_steps_are_counted_as_work_and_a_full_queue_refuses_them(
    artifact_folder, load_held, gate
):
    settings = settings_of(artifact_folder, inspect=True, max_queue_s=0.1)
    async with serving(settings, load_held) as client, anyio.create_task_group() as together:
        together.start_soon(embed_texts, client, [ATE])
        await gate.wait_until_entered()
        together.start_soon(partial(inspect, client, text=ATE))  # waits: a layer of 8 steps
        await until(lambda: client.runtime.batcher.waiting_s)
        many = await client.post("/inspect", json={"text": ATE * 3, "layer": 2})
        # 2 layers of 20 steps, 3 ms each
        actual = error_of(many, 429, "overloaded")["details"]["actual"]
        assert actual == pytest.approx(0.003 * (8 + 2 * 20))
        gate.is_open.set()


async def test_others_have_their_turn_between_two_steps(artifact_folder, load_held, gate, expected):
    gate.is_open.set()
    async with serving(settings_of(artifact_folder, inspect=True), load_held) as client:
        answer = await inspect(client, text=ATE, layer=2)
    assert len(gate.batches) == 2 * 8 + 1  # each layer reads the boundary pieces, too
    np.testing.assert_allclose(arrays_of(answer), expected(ATE, 2, "forward"), rtol=0, atol=1e-5)
