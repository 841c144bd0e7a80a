"""How the bytes of a body are read: what its headers declare, and what is wrong with it where."""

import codecs
import json

import pytest

from service import parsing
from service.parsing import parse
from service.paths.embed import EmbedRequest
from tests.service.serving import error_of, refused

pytestmark = pytest.mark.anyio

JSON = "application/json"
MARK = b"\xef\xbb\xbf"
POSTED = {
    "/embed": {"texts": "木模"},
    "/v1/embeddings": {"input": "木模"},
    "/similarity": {"word": "木", "texts": "木模"},
    "/fill": {"text": "木模____"},
    "/complete": {"text": "木模", "max_pieces": 2},
    "/tokenize": {"texts": "木模"},
}


async def post(client, content, path="/embed", content_type=JSON):
    return await client.post(path, content=content, headers={"content-type": content_type})


# What the headers declare.


@pytest.mark.parametrize(
    "content_type",
    [
        f"{JSON}; charset=gbk",
        f"{JSON};charset=GB18030",
        f'{JSON} ; Charset="utf-16"',
        f"{JSON}; charset=latin1",
        f"{JSON}; profile=x; CHARSET=big5",
        f'{JSON}; profile="a;b"; charset="gbk"',
        f"{JSON}; charset=utf-8; charset=gbk",
        f"{JSON}; charset*=utf-8''gbk",
        f"{JSON}; charset*=utf-8''%67bk",
        f"{JSON}; charset=utf-8; charset*=gbk",
        f"{JSON}; charset*0=gb; charset*1=k",
        f"{JSON}; charset*0*=''gbk",
        f"{JSON}; charset=",
        "Application/JSON; charset=utf-16le",
    ],
)
@pytest.mark.parametrize("path", POSTED)
async def test_another_charset_is_refused_on_every_path(client, path, content_type):
    body = json.dumps(POSTED[path]).encode()
    error = error_of(await post(client, body, path, content_type), 415, "unsupported_media_type")
    assert "UTF-8" in error["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        "",
        f"{JSON}; charset=utf-8",
        f'{JSON};charset="UTF-8"',
        f"{JSON}; Charset=utf8",
        f"{JSON}; charset*=us-ascii''UTF-8",
        f"{JSON}; charset*=utf-8''utf%2D8",
        f'{JSON}; profile="a;charset=gbk"',
        f"{JSON}; charset=utf-8; charset=UTF8",
        f"{JSON};",
        "APPLICATION/JSON; odata=verbose",
    ],
)
async def test_utf_8_is_read_however_it_is_declared(client, content_type):
    body = json.dumps(POSTED["/tokenize"], ensure_ascii=False).encode()
    answer = await post(client, body, "/tokenize", content_type)
    assert answer.json()["usage"]["characters"] == 2


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonlines",
        "text/json",
        "json",
    ],
)
async def test_what_is_not_json_is_refused(client, content_type):
    body = json.dumps(POSTED["/embed"]).encode()
    error_of(await post(client, body, content_type=content_type), 415, "unsupported_media_type")


async def test_headers_given_twice_must_both_be_right(client):
    body = json.dumps(POSTED["/embed"])
    for name, first, second in [
        ("content-type", JSON, "text/plain"),
        ("content-type", JSON, f"{JSON}; charset=gbk"),
        ("content-encoding", "identity", "gzip"),
    ]:
        answer = await client.post("/embed", content=body, headers=[(name, first), (name, second)])
        error_of(answer, 415, "unsupported_media_type")


# Where it is wrong.


@pytest.mark.parametrize("path", POSTED)
async def test_a_byte_order_mark_before_the_body_is_no_part_of_it(client, path):
    body = json.dumps(POSTED[path]).encode()
    plain, marked = await post(client, body, path), await post(client, MARK + body, path)
    assert plain.status_code == 200
    assert marked.json() == plain.json()


async def test_only_one_mark_and_only_before_the_body_is_skipped(client):
    body = json.dumps(POSTED["/embed"]).encode()
    for wrong in (MARK + MARK + body, body + MARK):
        error_of(await post(client, wrong), 400, "invalid_json")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is empty"),
        (b" \n\t", "the body is empty"),
        (MARK, "the body is empty"),
        (b"{'texts':'a'}", "key must be a string at line 1, column 2; send one JSON object"),
        (b'{"texts":"a"} x', "trailing characters at line 1, column 15"),
        (b'{"texts":"a",}', "trailing comma at line 1, column 14"),
        ('{"texts":"甲",\n "苹果":}'.encode(), "expected value at line 2, column 7"),
        ('{"texts":"甲乙" 丙'.encode(), "at line 1, column 15"),
        (b'{"texts"', "at line 1, column 8"),
        (b'{"texts":"a\nb"}', "found while parsing a string at line 2, column 1"),
        (b'{"texts":NULL}', "expected a value at line 1, column 11"),
        (b'{"texts":"a", "mix": {"weights": [1, +Infinity]}}', "expected value"),
        (b'{"texts":"\\x41"}', "invalid escape at line 1, column 12"),
        (b"texts=a", "at line 1, column 2"),
        ('{"texts":"a"}'.encode("utf-16"), "byte order mark of UTF-16 or UTF-32; send UTF-8"),
        ('{"texts":"a"}'.encode("utf-16-le"), "the body is in UTF-16 or UTF-32; send UTF-8"),
        (' {"texts":"a"}'.encode("utf-16-be"), "the body is in UTF-16 or UTF-32; send UTF-8"),
        ('{"texts":"a"}'.encode("utf-32"), "byte order mark of UTF-16 or UTF-32; send UTF-8"),
        ('{"texts":"a"}'.encode("utf-32-le"), "the body is in UTF-16 or UTF-32; send UTF-8"),
        ('{"texts":"a"}'.encode("utf-32-be"), "the body is in UTF-16 or UTF-32; send UTF-8"),
        (codecs.BOM_UTF32_BE + b"{}", "byte order mark of UTF-16 or UTF-32; send UTF-8"),
        (b'\0{"texts":"a"}', "expected value at line 1, column 1"),
        (b"[" * 300, "recursion limit exceeded"),
        (b'{"ids": [[' + b"9" * 5000 + b"]]}", "number out of range"),
    ],
)
async def test_a_body_that_is_no_json_is_refused_with_the_place(client, body, says):
    assert says in error_of(await post(client, body), 400, "invalid_json")["message"]


async def test_half_a_character_is_refused_with_its_place(client):
    body = '{"texts": ["苹果", "'.encode() + "好".encode("gbk") + b'"]}'
    error = error_of(await post(client, body), 400, "invalid_unicode")
    assert "line 1, column 19" in error["message"]


@pytest.mark.parametrize(
    ("fields", "place", "index", "says"),
    [
        ({"texts": ["a", None]}, "texts.1", 1, "texts: text 1: it is null; send a string; see"),
        ({"texts": {"a": 1}}, None, None, "texts: it is an object; send a string or a list of str"),
        ({"texts": 5}, None, None, "texts: it is a whole number; send a string or a list of str"),
        ({"texts": True}, None, None, "texts: it is true or false; send a string or a list"),
        ({"texts": []}, None, None, "texts: it is empty; send at least one item"),
        ({"texts": [["a"]]}, "texts.0", 0, "texts: text 0: it is a list; send a string"),
        ({"words": "a"}, None, None, "words: it is a string; send a list of lists of strings"),
        ({"words": ["a"]}, "words.0", 0, "text 0: it is a string; send a list of strings"),
        (
            {"words": [["a"], ["b", 2]]},
            "words.1.1",
            1,
            "text 1: item 1 is a whole number; send a str",
        ),
        ({"ids": 5}, None, None, "ids: it is a whole number; send a list of lists of piece ids"),
        ({"ids": [5]}, "ids.0", 0, "text 0: it is a whole number; send a list of piece ids"),
        ({"ids": [[1], [2], ["3"]]}, "ids.2.0", 2, "text 2: item 0 is a string; send a whole num"),
        ({"ids": [[5.0]]}, "ids.0.0", 0, "item 0 is a number with a point; send a whole number"),
        (
            {"texts": "a", "spans": 1},
            None,
            None,
            "spans: it is a whole number; send a list of lists",
        ),
        (
            {"texts": "a", "spans": [[0, 1]]},
            "spans.0.0",
            0,
            "item 0 is a whole number; send a span",
        ),
        (
            {"texts": "a", "spans": [[[0, "1"]]]},
            "spans.0.0.1",
            0,
            "item 1 is a string; send a whole",
        ),
        (
            {"texts": "a", "center": "true"},
            None,
            None,
            "center: it is a string; send true or false",
        ),
        (
            {"texts": "a", "layers": 5},
            None,
            None,
            "layers: it is a whole number; send a list of lay",
        ),
        ({"texts": "a", "mix": 5}, None, None, "mix: it is a whole number; send the name of a mix"),
        ({"texts": "a", "mix": {"weights": [0, 0.5, "x"]}}, "mix.weights.2", None, "mix.weights.2"),
        (
            {"texts": "a", "mix": {"weights": [0, 0.5, None]}},
            "mix.weights.2",
            None,
            "mix.weights.2: it is null; send a number",
        ),
        ({"texts": "a", "mix": {"logits": [0], "gamma": "x"}}, "mix.gamma", None, "mix.gamma: "),
        ({"texts": "a", "mix": {"gamma": 1}}, "mix.weights", None, "mix.weights: Field required"),
        ({"texts": "a", "mix": {"weights": [1], "logits": [1]}}, "mix.weights", None, "be null"),
        ({"texts": "a", "layers": [0, "top"]}, "layers.1", None, "layers.1: Input should be"),
        (
            {"texts": "a", "layers": [0, True]},
            "layers.1",
            None,
            "is true or false; send a layer number",
        ),
        ({"texts": "a", "level": "line"}, None, None, "level: Input should be"),
        ({"texts": "a", "extra": 1}, None, None, "extra: Extra inputs"),
        ({"texts": "a", "mix": {"weights": [1], "秘密": 1}}, None, None, "mix: Extra inputs"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_place(client, fields, place, index, says):
    error = await refused(client, 422, "validation_error", **fields)
    assert (error["details"]["place"], error["details"]["index"]) == (place, index)
    assert error["param"] == (place or says).split(".")[0].split(":")[0]
    assert says in error["message"]


@pytest.mark.parametrize("body", ["[]", '["a"]', '"a"', "5", "null", "NaN", "[" * 9 + "]" * 9])
async def test_a_body_that_is_no_object_is_named_by_its_kind(client, body):
    error = error_of(await post(client, body), 422, "validation_error")
    assert "the body: it is " in error["message"]
    assert "; send one JSON object" in error["message"]


async def test_a_literal_that_is_no_number_is_named(client):
    for literal in ("NaN", "Infinity", "-Infinity"):
        error = error_of(await post(client, f'{{"texts": {literal}}}'), 422, "validation_error")
        assert "it is not a finite number; send a string" in error["message"]


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"content-type": "text/plain; x=y"}, "the content-type is text/plain; send content-type:"),
        ({"content-type": "木".encode()}, "the content-type is no name; send"),
        (
            {"content-type": f"{JSON}; charset=gbk"},
            "charset of the content-type is gbk, and only UTF-8",
        ),
        ({"content-type": f'{JSON}; charset="a b"'}, "charset of the content-type is no name, and"),
        ({"content-type": JSON, "content-encoding": "gzip"}, "the content-encoding is gzip; send"),
    ],
)
async def test_a_wrong_header_is_named_with_its_value(client, headers, says):
    answer = await client.post("/embed", content=b'{"texts": "a"}', headers=headers)
    assert says in error_of(answer, 415, "unsupported_media_type")["message"]


async def test_a_wrong_text_of_openai_has_its_number(client):
    answer = await client.post("/v1/embeddings", json={"input": ["a", "b", 3]})
    error = error_of(answer, 422, "validation_error")
    assert (error["details"]["place"], error["details"]["index"]) == ("input.2", 2)


# Keys given twice.


@pytest.mark.parametrize(
    ("body", "param", "place"),
    [
        ('{"texts":"a","texts":"b"}', "texts", None),
        ('{"texts":"a","level":"text" , "level" : "text"}', "level", None),
        ('{"texts":"a","texts\\u0020":1,"level":null,"level":"text"}', "texts ", None),
        ('{"te\\u0078ts":"a","texts":"b"}', "texts", None),
        ('{"texts":"a","pooling":null,"pooling":null}', "pooling", None),
        ('{"texts":"a","mix":{"weights":[1,0,0],"gamma":1,"gamma":2}}', "mix", "mix.gamma"),
        ('{"texts":"a","mix":{"weights":[1,0,0],"weights":[0,1,0]}}', "mix", "mix.weights"),
        ('{"mix":"top","texts":"a","mix":{"weights":[1,0,0]}}', "mix", None),
    ],
)
async def test_a_key_given_twice_is_refused_by_name(client, body, param, place):
    error = error_of(await post(client, body.encode()), 422, "validation_error")
    assert (error["param"], error["details"]["place"]) == (param, place)
    assert param == "texts " or f"{place or param}: the body has this key twice" in error["message"]


@pytest.mark.parametrize("path", POSTED)
async def test_a_key_given_twice_is_refused_on_every_path(client, path):
    name, value = next(iter(POSTED[path].items()))
    body = json.dumps(POSTED[path])[:-1] + f', "{name}": {json.dumps(value)}}}'
    error = error_of(await post(client, body.encode(), path), 422, "validation_error")
    assert error["param"] == name


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', '"texts": "texts":', '他说："苹果":', "\\", ":", ' :"']
)
async def test_a_text_may_look_like_keys(client, text):
    answer = await client.post("/tokenize", json={"texts": [text, text]})
    assert answer.json()["usage"]["characters"] == 2 * len(text)


def test_keys_are_looked_at_one_by_one_only_where_one_may_be_repeated(monkeypatch):
    monkeypatch.setattr(parsing, "TOKEN", None)
    texts = ["时间: 12:30", '{"a": 1, "a": 2}', 'C:\\"'] * 9
    body = json.dumps({"texts": texts, "mix": {"weights": [1, 0, 0], "gamma": 2}})
    assert parse(EmbedRequest, body.encode()).mix.gamma == 2


def test_looking_for_a_repeated_key_takes_few_steps_and_long_ones_let_others_run():
    body = json.dumps({"texts": [": a", "b{}\\"] * 5000, "texts ": 1}).encode()
    tokens = list(parsing.TOKEN.finditer(body))
    assert b"".join(token[0] for token in tokens) == body
    assert [one for token in tokens if (one := token["key"] or token["brace"])] == [
        b"{",
        b'"texts"',
        b'"texts "',
        b"}",
    ]
    assert len(tokens) < 20
    assert max(token[0].count(b",") for token in tokens) <= 1000


@pytest.mark.parametrize("text", [": a", ":", "\n:", " :"])
async def test_a_repeated_key_is_found_between_texts_that_look_like_one(client, text):
    body = json.dumps({"texts": [text] * 99})[:-1] + ', "level": "text", "level": "text"}'
    error_of(await post(client, body.encode()), 422, "validation_error")


# Numbers that are too large to compute with.

HUGE = [10**400, -(10**400), 2**63, -(2**63), 1e308, -1e308, 5e-324, 10**4300 - 1]
NUMBERS = [
    ("/embed", {"ids": [["#"]]}, "ids"),
    ("/embed", {"texts": "木模", "layers": ["#"]}, "layers"),
    ("/embed", {"texts": "木模", "level": "span", "spans": [[["#", 1]]]}, "spans"),
    ("/embed", {"texts": "木模", "level": "span", "spans": [[[0, "#"]]]}, "spans"),
    ("/embed", {"texts": "木模", "mix": {"weights": ["#", 0, 0]}}, "mix"),
    ("/embed", {"texts": "木模", "mix": {"weights": [1, 0, 0], "gamma": "#"}}, "mix"),
    ("/embed", {"texts": "木模", "mix": {"logits": [0, 0, 0], "gamma": "#"}}, "mix"),
    ("/v1/embeddings", {"input": ["#"]}, "input"),
    ("/v1/embeddings", {"input": [["#"]]}, "input"),
    ("/v1/embeddings", {"input": "木模", "dimensions": "#"}, "dimensions"),
    ("/fill", {"text": "木____", "top_k": "#"}, "top_k"),
    ("/fill", {"text": "木____", "num_pieces": "#"}, "num_pieces"),
    ("/complete", {"text": "木", "max_pieces": "#"}, "max_pieces"),
    ("/complete", {"text": "木", "num_completions": "#"}, "num_completions"),
    ("/complete", {"text": "木", "strategy": "sample", "top_k": "#"}, "top_k"),
    ("/complete", {"text": "木", "strategy": "sample", "seed": "#"}, "seed"),
    ("/complete", {"text": "木", "strategy": "beam", "num_beams": "#"}, "num_beams"),
]
# Any number is meaningful here, or all but those above a bound.
LENIENT = [
    ("/embed", {"texts": "木模", "mix": {"logits": ["#", 0, 0]}}, "mix"),
    ("/similarity", {"word": "木", "texts": "木模", "mix": {"weights": ["#", 0, 0]}}, "mix"),
    (
        "/similarity",
        {"word": "木", "texts": "木", "mix": {"weights": [1, 1, 1], "gamma": "#"}},
        "mix",
    ),
    ("/complete", {"text": "木", "strategy": "sample", "temperature": "#"}, "temperature"),
    ("/v1/embeddings", {"input": "木", "truncate_prompt_tokens": "#"}, "truncate_prompt_tokens"),
]


@pytest.mark.parametrize("number", HUGE, ids=[f"{str(n)[:9]}…" for n in HUGE])
@pytest.mark.parametrize(("path", "body", "param"), NUMBERS)
async def test_a_huge_number_is_the_caller_s_fault(client, path, body, param, number):
    content = json.dumps(body).replace('"#"', str(number)).encode()
    answer = await post(client, content, path)
    assert answer.status_code == 422, answer.text[:500]
    assert answer.json()["error"]["param"] == param
    assert len(answer.text) < 800


@pytest.mark.parametrize("number", HUGE, ids=[f"{str(n)[:9]}…" for n in HUGE])
@pytest.mark.parametrize(("path", "body", "param"), LENIENT)
async def test_a_huge_number_is_refused_or_computed_with(client, path, body, param, number):
    content = json.dumps(body).replace('"#"', str(number)).encode()
    answer = await post(client, content, path)
    if answer.status_code != 200:
        assert answer.status_code == 422, answer.text[:500]
        assert answer.json()["error"]["param"] == param
    assert "NaN" not in answer.text
    assert "null" not in answer.text.replace('"name":null', "") or answer.status_code == 422


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(("path", "body", "param"), NUMBERS + LENIENT)
async def test_literals_that_are_no_numbers_are_refused(client, path, body, param, literal):
    content = json.dumps(body).replace('"#"', literal).encode()
    answer = await post(client, content, path)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["param"] == param


# Many lists.


@pytest.mark.parametrize(
    "begin", ['{"ids":[', '{"words":{"a":[', '{"texts":"a","x":[', '{"texts":["\\"[",', "["]
)
async def test_a_body_of_very_many_lists_is_refused_before_python_makes_them(
    client, begin, monkeypatch
):
    def never(*_):
        raise AssertionError("the lists were made")

    monkeypatch.setattr(EmbedRequest, "model_validate_json", never)
    body = begin + "[]," * parsing.MAX_LISTS
    error = error_of(await post(client, body), 413, "body_too_large")
    assert "the body has at least 50001 lists and objects; the limit is 50000" in error["message"]
    assert error["details"]["setting"] == "max_request_pieces"


@pytest.mark.parametrize("text", ["[" * 120_000, '"{' * 120_000, "\\[" * 120_000])
async def test_brackets_of_a_text_are_no_lists(client, text):
    body = json.dumps({"texts": [text], "truncate": "right", "level": "text"})
    assert (await post(client, body)).status_code == 200


async def test_strings_that_look_like_lists_are_skipped_a_thousand_at_a_time(client):
    body = json.dumps({"texts": ["["] * 120_000})
    error_of(await post(client, body), 413, "too_many_texts")


async def test_a_string_that_does_not_end_is_no_list(client):
    error_of(await post(client, '{"texts":"' + "[" * 120_000), 400, "invalid_json")
