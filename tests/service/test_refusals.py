"""Every code of the table that a request alone can cause, each with what it must say."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from service.middleware import USABLE_ID
from service.paths.embed import EmbedRequest
from tests.service.serving import embed, error_of, refused, serving, settings_of, vectors_of

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
async def small(artifact_folder):
    """The app with limits that a short request can pass."""
    limits = {
        "max_body_bytes": 1024,
        "max_texts": 3,
        "max_text_pieces": 8,
        "max_request_pieces": 14,
        "max_response_bytes": 4096,
    }
    async with serving(settings_of(artifact_folder, **limits)) as client:
        yield client


# Reading the body.


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"texts": }', b"\xff\xfe{\0}\0", b"[" * 300 + b"]" * 300]
)
async def test_a_body_that_is_not_json_is_refused(client, body):
    answer = await client.post("/embed", content=body, headers=JSON)
    error_of(answer, 400, "invalid_json")


@pytest.mark.parametrize(
    "body",
    [
        b'{"texts": ["\\ud800"]}',
        b'{"texts": ["\\udc00\\ud800"]}',
        b'{"texts": ["\xed\xa0\x80"]}',
        b'{"texts": ["\xff"]}',
    ],
)
async def test_half_a_character_is_refused_as_such(client, body):
    answer = await client.post("/embed", content=body, headers=JSON)
    error_of(answer, 400, "invalid_unicode")


async def test_a_whole_surrogate_pair_is_a_character(client):
    answer = await client.post("/embed", content=b'{"texts": "\\ud83d\\ude00"}', headers=JSON)
    assert answer.json()["usage"]["characters"] == 1


@pytest.mark.parametrize(
    "headers", [{"content-type": "text/plain"}, {**JSON, "content-encoding": "gzip"}]
)
async def test_a_body_of_another_media_type_is_refused(client, headers):
    answer = await client.post("/embed", content=b'{"texts": ""}', headers=headers)
    error_of(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/vnd.safetensors;q=0", "application/json;q=x, text/*", "*/*;q=-1"],
)
async def test_a_caller_who_takes_nothing_that_is_offered_is_refused(client, accept):
    answer = await client.post("/embed", json={"texts": ""}, headers={"accept": accept})
    error_of(answer, 406, "not_acceptable")


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/*", "text/html, application/json;q=0.1", "application/json;q=1.0"],
)
async def test_a_caller_who_takes_json_among_others_is_answered(client, accept):
    answer = await client.post("/embed", json={"texts": ""}, headers={"accept": accept})
    assert answer.status_code == 200


async def test_a_body_is_refused_by_its_declared_length_before_it_is_read(small):
    sent = []

    async def body():
        sent.append(1)
        yield b"1" * 1025

    headers = {**JSON, "content-length": "1025"}
    answer = await small.post("/embed", content=body(), headers=headers)
    details = error_of(answer, 413, "body_too_large")["details"]
    assert details == {
        "index": None,
        "place": None,
        "limit": 1024,
        "actual": 1025,
        "setting": "max_body_bytes",
    }
    assert sent == []


async def test_a_body_without_a_length_is_counted_while_it_streams(small):
    sent = []

    async def endless():
        while len(sent) < 100:
            sent.append(1)
            yield b"1" * 600

    answer = await small.post("/embed", content=endless(), headers=JSON)
    assert error_of(answer, 413, "body_too_large")["details"]["actual"] == 1200
    assert len(sent) < 100


async def test_a_body_of_exactly_the_limit_is_read(small):
    body = json.dumps({"texts": ""}).encode()
    answer = await small.post("/embed", content=body.ljust(1024), headers=JSON)
    assert answer.status_code == 200


@pytest.mark.parametrize("coding", ["identity", "Identity"])
async def test_a_body_without_a_coding_is_read_whatever_the_case(client, coding):
    headers = {**JSON, "content-encoding": coding}
    answer = await client.post("/embed", content=b'{"texts": ""}', headers=headers)
    assert answer.status_code == 200


# Fields.


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("text", {"text": "a"}),
        ("texts", {}),
        ("texts", {"texts": []}),
        ("texts", {"texts": 1}),
        ("texts", {"texts": "a", "words": [["a"]]}),
        ("words", {"words": []}),
        ("words", {"words": ["a"]}),
        ("ids", {"ids": [[True]]}),
        ("ids", {"ids": [[346]]}),
        ("ids", {"ids": [[-1]]}),
        ("ids", {"ids": [[10**30]]}),
        ("ids", {"ids": [[5, 0, 6]]}),
        ("level", {"texts": "a", "level": "word"}),
        ("level", {"texts": "a", "level": "token"}),
        ("level", {"words": [["a"]], "level": "char"}),
        ("level", {"ids": [[1]], "level": "char"}),
        ("spans", {"texts": "a", "level": "span"}),
        ("spans", {"texts": "a", "spans": [[[0, 1]]]}),
        ("spans", {"texts": ["a", "b"], "level": "span", "spans": [[[0, 1]]]}),
        ("pooling", {"texts": "a", "pooling": "sum"}),
        ("mix", {"texts": "a", "mix": {"weights": [1, 0]}}),
        ("mix", {"texts": "a", "mix": {"logits": [1, 0, 0, 0]}}),
        ("mix", {"texts": "a", "mix": {"weights": [1, 0, 0], "logits": [1, 0, 0]}}),
        ("mix", {"texts": "a", "mix": 1}),
        ("layers", {"texts": "a", "layers": []}),
        ("layers", {"texts": "a", "layers": [True]}),
        ("layers", {"texts": "a", "layers": "top"}),
        ("layers", {"texts": "a", "layers": [0], "mix": "default"}),
        ("layers", {"texts": "a", "layers": [1, 0, 1]}),
        ("layers", {"texts": "a", "layers": ["context"] * 2}),
        ("center", {"texts": "a", "center": "yes"}),
        ("normalize", {"texts": "a", "normalize": 1}),
        ("dtype", {"texts": "a", "dtype": "float64"}),
        ("truncate", {"texts": "a", "truncate": True}),
        ("encoding", {"texts": "a", "encoding": "hex"}),
    ],
)
async def test_a_wrong_field_is_refused_by_name(client, param, fields):
    error = await refused(client, 422, "validation_error", **fields)
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
async def test_a_weight_must_be_finite(client, number):
    body = b'{"texts": "a", "mix": {"weights": [0, 0, %s]}}' % number
    answer = await client.post("/embed", content=body, headers=JSON)
    assert error_of(answer, 422, "validation_error")["param"] == "mix"


@pytest.mark.parametrize("fields", [{"texts": ["a", 1]}, {"ids": [[5], [346]]}])
async def test_a_wrong_item_is_refused_by_its_number(client, fields):
    error = await refused(client, 422, "validation_error", **fields)
    assert error["details"]["index"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"texts": [1] * 9},
        {"words": [[1] * 9] * 9},
        {"ids": [["1"] * 9] * 9},
        {"texts": "a", "spans": [[["0"] * 9] * 9] * 9},
        {"texts": "a", "layers": ["top"] * 9},
        {"texts": "a", "mix": {"weights": ["1"] * 9}},
        {"texts": "a", "mix": {"logits": ["1"] * 9}},
    ],
)
def test_reading_a_list_ends_at_its_first_wrong_item(fields):
    with pytest.raises(ValidationError) as caught:
        EmbedRequest.model_validate_json(json.dumps(fields))
    assert caught.value.error_count() <= 2  # an item of `layers` may be a number or a name


def test_a_text_is_not_kept_for_the_next_request():
    body = json.dumps({"texts": "秘密"})
    one, other = (EmbedRequest.model_validate_json(body).texts for _ in range(2))
    assert one == other
    assert one is not other


async def test_a_body_of_many_unknown_fields_is_refused_by_their_number(client):
    fields = {f"field{number}": 1 for number in range(300)}
    error = await refused(client, 422, "validation_error", texts="a", **fields)
    assert "300 fields" in error["message"]


async def test_a_body_that_is_no_object_is_refused(client):
    answer = await client.post("/embed", json=["a"])
    assert error_of(answer, 422, "validation_error")["param"] is None


@pytest.mark.parametrize("span", [[0, 2], [1, 1], [1, 0], [-1, 1], [0], [0, 1, 1], [10**30, 1]])
async def test_a_span_outside_its_text_is_refused_by_the_number_of_the_text(client, span):
    fields = {"texts": ["ab", "a"], "level": "span", "spans": [[[0, 1]], [span]]}
    error = await refused(client, 422, "bad_span", **fields)
    assert error["param"] == "spans"
    assert (error["details"]["index"], error["details"]["limit"]) == (1, 1)


async def test_a_span_of_many_numbers_is_not_repeated(client):
    fields = {"texts": "a", "level": "span", "spans": [[[7] * 10_000]]}
    error = await refused(client, 422, "bad_span", **fields)
    assert "a list of 10000 numbers" in error["message"]
    assert len(error["message"]) < 200


async def test_an_unknown_mix_is_refused_with_the_names_of_those_there_are(client):
    error = await refused(client, 422, "unknown_mix", texts="a", mix="x" * 1000)
    assert "['default', 'top']" in error["message"]
    assert len(error["message"]) < 200


@pytest.mark.parametrize("layers", [[3], [-1], [0, 10**30], ["context", 3]])
async def test_a_layer_the_model_lacks_is_refused(client, layers):
    assert (await refused(client, 422, "unknown_layer", texts="a", layers=layers))[
        "param"
    ] == "layers"


async def test_no_refusal_repeats_the_text(client):
    secret = "秘密的文字"
    for fields in (
        {"texts": [secret, 1]},
        {"texts": secret, "mix": {secret: 1}},
        {"texts": secret, "level": secret},
        {"texts": secret, "level": "span", "spans": [[[0, 99]]]},
    ):
        assert secret not in (await client.post("/embed", json=fields)).text


# Limits.


async def test_too_many_texts_are_refused(small):
    error = await refused(small, 413, "too_many_texts", texts=["我"] * 4)
    assert error["details"] == {
        "index": None,
        "place": None,
        "limit": 3,
        "actual": 4,
        "setting": "max_texts",
    }


async def test_too_many_pieces_are_refused(small):
    error = await refused(small, 413, "too_many_pieces", texts=[ATE] * 3)
    assert error["details"]["limit"] == 14
    assert error["details"]["actual"] == 18


async def test_overlapping_spans_count_each_time(small):
    assert (await embed(small, texts=ATE, level="span", spans=[[[0, 7]] * 2]))["data"]
    error = await refused(
        small, 413, "too_many_pieces", texts=ATE, level="span", spans=[[[0, 7]] * 3]
    )
    assert error["details"]["actual"] == 18


@pytest.mark.parametrize("path", ["/embed", "/tokenize"])
async def test_words_count_even_where_they_have_no_piece(small, path):
    answer = await small.post(path, json={"words": [[""] * 10, [""] * 5]})
    error = error_of(answer, 413, "too_many_pieces")
    assert (error["details"]["limit"], error["details"]["actual"]) == (14, 15)
    assert "15 words" in error["message"]


@pytest.mark.parametrize(
    ("param", "texts"), [("texts", [ATE * 2]), ("words", [["我"] * 9]), ("ids", [[3] * 9])]
)
async def test_a_text_that_is_too_long_is_refused_by_its_field(small, param, texts):
    error = await refused(small, 422, "text_too_long", **{param: texts})
    assert error["param"] == param
    assert error["details"]["setting"] == "max_text_pieces"


async def test_a_request_of_exactly_the_limits_is_answered(small):
    assert (await embed(small, texts=[ATE, ATE, "我吃"]))["usage"]["pieces"] == 14


@pytest.mark.parametrize(
    ("fields", "actual"),
    [
        # rows * dim * layers * bytes of a number, in base64 four bytes for three
        ({"texts": [ATE, ATE], "layers": "all"}, 12 * 24 * 3 * 4 * 4 // 3),
        ({"texts": [ATE, ATE, "我吃"], "layers": [0, 1], "encoding": "json"}, 14 * 24 * 2 * 12),
        ({"texts": "\u200b" * 100, "level": "char"}, 100 * 24 * 4 * 4 // 3),
        ({"words": [["我"] * 40] * 2}, 80 * 24 * 4 * 4 // 3),
        ({"texts": "我", "level": "span", "spans": [[[0, 1]] * 50]}, 50 * 24 * 4 * 4 // 3),
    ],
)
async def test_a_large_answer_is_refused_before_the_model_runs(small, fields, actual):
    error = await refused(small, 413, "response_too_large", **fields)
    assert error["details"] == {
        "index": None,
        "place": None,
        "limit": 4096,
        "actual": actual,
        "setting": "max_response_bytes",
    }


async def test_half_the_bytes_make_twice_the_answer(small):
    await embed(small, texts=[ATE], layers="all", dtype="float16")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"mix": {"weights": [1e308, 1e308, 1e308]}}, "mix"),
        ({"mix": {"weights": [0, 0, 1], "gamma": -1e308}}, "mix"),
        ({"mix": {"weights": [1e308, 0, 0], "gamma": 1e308}}, "mix"),
        ({"mix": {"logits": [0, 0, 1e308], "gamma": 1e300}}, "mix"),
        ({"mix": {"weights": [1e38, 0, 0]}, "normalize": True}, "mix"),
        ({"mix": {"weights": [1e-30, 0, 0]}, "normalize": True}, "mix"),
        ({"mix": {"weights": [1e6, 1e6, 1e6]}, "dtype": "float16"}, "dtype"),
    ],
)
async def test_numbers_of_a_caller_that_overflow_are_the_caller_s_fault(client, fields, param):
    error = await refused(client, 422, "validation_error", texts=ATE, **fields)
    assert error["param"] == param


@pytest.mark.parametrize("mix", [{"weights": [0, 0, 0]}, {"weights": [1, 1, 1], "gamma": 0}])
async def test_a_mix_of_nothing_is_zero(client, mix):
    assert not vectors_of((await embed(client, texts=ATE, mix=mix))["data"][0]).any()


@pytest.mark.parametrize("factor", [1e-9, 1e15])
async def test_the_largest_and_the_least_mix_still_give_unit_length(client, factor):
    fields = {"mix": {"weights": [factor, 0, 0]}, "normalize": True}
    (entry,) = (await embed(client, texts=ATE, **fields))["data"]
    lengths = np.linalg.norm(vectors_of(entry), axis=-1)
    np.testing.assert_allclose(lengths, 1, rtol=0, atol=1e-6)


async def test_numbers_of_the_operator_that_overflow_are_the_server_s_fault(
    artifact_folder, tmp_path
):
    mixes = tmp_path / "mixes.json"
    mixes.write_text('{"huge": {"weights": [1e38, 1e38, 1e38], "gamma": 1e38}}')
    async with serving(settings_of(artifact_folder, mixes=mixes)) as client:
        error = await refused(client, 500, "nonfinite_output", texts=ATE, mix="huge")
    assert error["type"] == "server_error"


# Paths.


async def test_an_unknown_path_is_refused_in_the_same_shape(client):
    error = error_of(await client.get("/nowhere"), 404, "not_found")
    assert error.keys() == {"code", "message", "type", "param", "request_id", "details"}


async def test_a_wrong_method_is_refused_and_told_the_right_one(client):
    answer = await client.get("/embed")
    error_of(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_a_fault_of_ours_reveals_nothing(artifact_folder):
    async with serving(settings_of(artifact_folder)) as client:
        client.app.add_api_route("/broken", lambda: 1 / 0)
        answer = await client.get("/broken", headers={"x-request-id": "abc"})
    error = error_of(answer, 500, "internal")
    assert "division" not in answer.text
    assert error["request_id"] == answer.headers["x-request-id"] == "abc"


@pytest.mark.parametrize("given", ["", "a b", "é", "x" * 129])
async def test_an_unusable_request_id_is_replaced(client, given):
    answer = await client.get("/livez", headers={"x-request-id": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert USABLE_ID.fullmatch(answer.headers["x-request-id"])


async def test_an_answer_tells_where_its_time_went(client):
    timing = (await client.post("/embed", json={"texts": ATE})).headers["server-timing"]
    names = [part.partition(";dur=")[0] for part in timing.split(", ")]
    assert names == ["tokenize", "queue", "infer", "encode"]
    assert all(float(part.partition("=")[2]) >= 0 for part in timing.split(", "))


# /tokenize.


async def test_tokenize_gives_the_pieces_of_embed(client):
    fields = {"texts": [ATE, "我在用苹果手机"]}
    tokenized = (await client.post("/tokenize", json=fields)).json()
    embedded = await embed(client, **fields)

    assert tokenized["usage"] == embedded["usage"]
    for entry in embedded["data"]:
        del entry["shape"], entry["dtype"], entry["embedding"]
    assert tokenized["data"] == embedded["data"]


async def test_tokenize_knows_no_level(client):
    answer = await client.post("/tokenize", json={"texts": ATE, "level": "char"})
    assert error_of(answer, 422, "validation_error")["param"] == "level"
