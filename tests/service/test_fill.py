"""What /fill answers, against the encoder, which tests/biLM/questions compares with the oracle."""

from dataclasses import asdict

import anyio
import pytest

from biLM.network.heads import SIDES
from tests.service.serving import embed, error_of, serving, settings_of

pytestmark = pytest.mark.anyio

ATE = "我吃了一个____。"


async def fill(client, **fields):
    answer = await client.post("/fill", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_each_side_has_its_guesses_the_most_probable_first(client, encoder):
    answer = await fill(client, text=ATE, top_k=4)
    expected = encoder.fill(ATE, top_k=4)
    assert {side: answer.pop(side) for side in SIDES} == {
        side: [asdict(guess) for guess in expected[side]] for side in SIDES
    }
    assert answer.pop("model")["id"] == "tiny"
    assert answer == {"blank": [5, 9], "usage": {"pieces": 6, "characters": 10}}


async def test_a_full_width_blank_is_a_blank(client):
    answer = await fill(client, text="我吃了一个＿＿＿。", top_k=4)
    assert answer["blank"] == [5, 8]
    narrow = await fill(client, text=ATE, top_k=4)
    assert {side: answer[side] for side in SIDES} == {side: narrow[side] for side in SIDES}


async def test_ten_guesses_unless_asked_for_others(client):
    answer = await fill(client, text=ATE)
    assert [len(answer[side]) for side in SIDES] == [10, 10, 10]


async def test_guesses_are_the_same_among_other_requests(client):
    alone = await fill(client, text=ATE)
    found = []

    async def ask():
        found.append(await fill(client, text=ATE))

    async with anyio.create_task_group() as together:
        for length in range(1, 20):
            together.start_soon(ask)
            together.start_soon(embed_text, client, "苹果" * length)
    assert found == [alone] * 19


async def embed_text(client, text):
    await embed(client, texts=[text])


@pytest.mark.parametrize(("text", "blanks"), [("我爱你", 0), ("我_爱", 0), ("__和__", 2)])
async def test_anything_but_one_blank_is_refused_with_the_number_found(client, text, blanks):
    error = error_of(await client.post("/fill", json={"text": text}), 422, "validation_error")
    assert error["param"] == "text"
    assert f"has {blanks} blanks; write exactly one" in error["message"]


@pytest.mark.parametrize("top_k", [0, 1001, "3", True])
async def test_a_number_of_guesses_out_of_range_is_refused(client, top_k):
    answer = await client.post("/fill", json={"text": ATE, "top_k": top_k})
    assert error_of(answer, 422, "validation_error")["param"] == "top_k"


async def test_too_long_a_text_is_refused_with_the_numbers(artifact_folder):
    limits = {"max_text_pieces": 5, "max_request_pieces": 5}
    async with serving(settings_of(artifact_folder, **limits)) as client:
        error = error_of(await client.post("/fill", json={"text": ATE}), 422, "text_too_long")
    details = {"index": None, "place": None, "limit": 5, "actual": 6, "setting": "max_text_pieces"}
    assert error["details"] == details


@pytest.mark.parametrize("num_pieces", [2, 6])
async def test_each_side_has_its_phrases_the_most_probable_first(client, encoder, num_pieces):
    answer = await fill(client, text=ATE, top_k=4, num_pieces=num_pieces)
    expected = encoder.fill(ATE, top_k=4, num_pieces=num_pieces)
    for side in SIDES:
        for found, phrase in zip(answer.pop(side), expected[side], strict=True):
            # by as many threads as there are cores or by one: another order of sums
            assert found.pop("log_probability") == pytest.approx(phrase.log_probability, abs=1e-5)
            assert found == {
                "pieces": list(phrase.pieces),
                "ids": list(phrase.ids),
                "text": phrase.text,
            }
    assert answer.pop("model")["id"] == "tiny"
    assert answer == {"blank": [5, 9], "usage": {"pieces": 6, "characters": 10}}


async def test_one_piece_is_what_it_was(client):
    assert await fill(client, text=ATE, num_pieces=1) == await fill(client, text=ATE)


@pytest.mark.parametrize("num_pieces", [0, 7, "2", True])
async def test_a_number_of_pieces_out_of_range_is_refused(client, num_pieces):
    answer = await client.post("/fill", json={"text": ATE, "num_pieces": num_pieces})
    assert error_of(answer, 422, "validation_error")["param"] == "num_pieces"


async def test_more_phrases_than_there_are_beams_are_refused(client):
    answer = await client.post("/fill", json={"text": ATE, "num_pieces": 2, "top_k": 17})
    error = error_of(answer, 422, "validation_error")
    assert error["param"] == "top_k"
    assert "it is 17; with num_pieces above 1 it must be at most 16" in error["message"]


async def test_phrases_that_read_too_many_pieces_are_refused_with_the_numbers(artifact_folder):
    async with serving(settings_of(artifact_folder, max_stepped_pieces=69)) as client:
        fields = {"text": ATE, "num_pieces": 2}
        error = error_of(await client.post("/fill", json=fields), 422, "text_too_long")
        await fill(client, text=ATE)
    details = {
        "index": None,
        "place": None,
        "limit": 69,
        "actual": 70,
        "setting": "max_stepped_pieces",
    }
    assert error["details"] == details
