"""Places of words, and the programs that the page shows for its requests."""

import json
import re
import shlex
import subprocess
import sys

import httpx
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from biLM.questions.blank import UNDERSCORES
from service.environment import load_settings
from tests.reference.normaliser import is_dropped
from tests.service.page.node import evaluate, needs_node
from tests.service.serving import PATIENCE_S

pytestmark = needs_node

URL = "http://127.0.0.1:8000/embed"
AWKWARD = 'it\'s "苹果" \\ $HOME `x`\n😀\u2028'
BODY = {"texts": [AWKWARD, "苹果"], "center": True, "mix": None, "spans": [[[0, 1]]], "top": 1.5}


def test_places_are_counted_in_code_points_and_do_not_overlap():
    cases = [
        ["😀苹果😀苹果", "苹果"],
        ["哈哈哈哈哈", "哈哈"],
        ["苹果", ""],
        ["a.b", "."],
        ["无", "苹果"],
    ]
    found = evaluate("text.js", "cases.map((c) => module.occurrences(...c))", cases=cases)
    expected = [
        [list(match.span()) for match in re.finditer(re.escape(word), text)] if word else []
        for text, word in cases
    ]
    assert found == expected


@settings(max_examples=5)
@given(
    st.lists(st.tuples(st.text("a😀苹", max_size=12), st.text("a😀苹", min_size=1)), min_size=50)
)
def test_places_are_those_that_python_finds(cases):
    found = evaluate("text.js", "cases.map((c) => module.occurrences(...c))", cases=cases)
    for (text, word), places in zip(cases, found, strict=True):
        assert places == [list(match.span()) for match in re.finditer(re.escape(word), text)]


def test_an_empty_line_begins_another_group_and_is_no_line():
    found = evaluate("text.js", "module.groupedLines(typed)", typed="\n a \r\nb\n\n \nc\n\n")
    assert found == [
        {"text": "a", "group": 0},
        {"text": "b", "group": 0},
        {"text": "c", "group": 1},
    ]


def every_character(expression):
    """Return the characters for which an expression over `c` is true in the page."""
    loop = f"if ((c < 0xd800 || c > 0xdfff) && {expression}) found.push(c);"
    program = (
        f"((found) => {{ for (let c = 0; c < 0x110000; c++) {{ {loop} }} return found; }})([])"
    )
    return {chr(code) for code in evaluate("text.js", program)}


@pytest.mark.long
def test_a_blank_may_have_characters_without_content_in_it_as_in_the_service():
    found = every_character('module.BLANK.test("_" + String.fromCodePoint(c) + "_")')
    characters = (chr(code) for code in range(0x110000))
    expected = {one for one in characters if is_dropped(one) or re.match(UNDERSCORES, one)}
    assert found == expected
    (blank,) = evaluate("text.js", "'我_\\u200b＿\\u00ad_果_'.match(module.BLANK)")
    assert blank == "_\u200b＿\u00ad_"


@pytest.mark.long
def test_a_text_of_nothing_to_be_seen_is_empty():
    found = every_character("module.isEmpty(String.fromCodePoint(c))")
    characters = (chr(code) for code in range(0x110000))
    assert found == {one for one in characters if is_dropped(one) or regex.match(r"\s", one)}
    typed = "a\n\u200b \ufeff\nb\n\u00ad"
    lines = evaluate("text.js", "module.groupedLines(typed)", typed=typed)
    assert [(line["text"], line["group"]) for line in lines] == [("a", 0), ("b", 1)]


@pytest.mark.parametrize("needs_key", [False, True])
def test_the_command_line_sends_the_body_whatever_is_in_it(needs_key):
    source = evaluate(
        "programs.js", "module.curl(url, body, needsKey)", url=URL, body=BODY, needsKey=needs_key
    )
    words = shlex.split(source)
    assert words[:3] == ["curl", "-s", URL]
    assert json.loads(words[words.index("-d") + 1]) == BODY
    assert ("Authorization: Bearer $KEY_FOR_BILM" in words) == needs_key


@pytest.mark.parametrize("language", ["curl", "python"])
def test_a_shell_that_holds_the_key_for_the_programs_can_also_start_a_server(language, monkeypatch):
    source = evaluate("programs.js", f"module.{language}(url, body, true)", url=URL, body=BODY)
    (name,) = re.findall(r"Bearer \$(\w+)|os\.environ\['(\w+)'\]", source)
    monkeypatch.setenv("".join(name), "first-key-1")
    assert not load_settings({}).needs_key  # a BILM_ name that is no setting would be refused


def test_a_literal_is_what_python_reads_as_the_same_value():
    body = BODY | {"long": ["苹果" * 9] * 9, "nested": {"deep": [{"a": False}] * 20}, "none": []}
    source = evaluate("programs.js", "module.literal(body)", body=body)
    assert eval(source, {}) == body  # a literal of ours, with no names to look up


@pytest.mark.parametrize("key", [None, "first-key-1"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/embed", {"texts": ["我吃了一个苹果"], "layers": "all", "dtype": "float16"}),
        ("/tokenize", {"texts": ['它\'s "苹果" \\']}),
    ],
)
def test_the_python_program_gets_the_answer(service_url, path, body, key):
    url = service_url + path
    source = evaluate(
        "programs.js", "module.python(url, body, needsKey)", url=url, body=body, needsKey=bool(key)
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={"KEY_FOR_BILM": key or "", "PYTHONIOENCODING": "utf-8", "no_proxy": "*"},
    )
    assert done.returncode == 0, done.stderr
    answer = httpx.post(url, json=body, trust_env=False).json()
    if path == "/tokenize":
        assert json.loads(done.stdout) == answer
    else:
        assert done.stdout.startswith("0 [[[")
        assert str(answer["data"][0]["embedding"])[:8] not in done.stdout


def test_the_example_sentences_hold_their_word_once_and_are_not_repeated():
    examples = evaluate("examples.js", "module.EXAMPLES")
    assert [example["word"] for example in examples] == [
        "苹果",
        "病毒",
        "窗口",
        "菜单",
        "长城",
        "打",
    ]
    every = [line for example in examples for sense in example["senses"] for line in sense]
    assert len(set(every)) == len(every)
    for example in examples:
        lines = [line for sense in example["senses"] for line in sense]
        assert all(line.count(example["word"]) == 1 for line in lines)
        assert len(example["senses"]) > 1
    large = [e["word"] for e in examples if sum(map(len, e["senses"])) >= 24]
    assert {"苹果", "病毒"} <= set(large)


def test_the_time_of_each_step_is_read_from_server_timing():
    header = "tokenize;dur=0.512, queue;dur=1.000, infer;dur=12.5"
    expected = [
        {"name": "tokenize", "ms": 0.512},
        {"name": "queue", "ms": 1},
        {"name": "infer", "ms": 12.5},
    ]
    assert evaluate("api.js", "module.parseTiming(header)", header=header) == expected
