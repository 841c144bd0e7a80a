"""The words of the page: the same in both languages, none missing, none too many."""

import re

import pytest

from service.static import FOLDER
from tests.service.page.node import evaluate, needs_node

DICTIONARIES = sorted(path.name for path in (FOLDER / "words").glob("*.js"))
HAN = re.compile(r"[\u4e00-\u9fff]")

pytestmark = needs_node


@pytest.fixture(scope="module")
def dictionaries():
    return {name: evaluate(f"words/{name}", "module.default") for name in DICTIONARIES}


@pytest.mark.parametrize("name", DICTIONARIES)
def test_both_languages_have_the_same_texts_with_the_same_holes(dictionaries, name):
    words = dictionaries[name]
    assert list(words) == ["en", "zh"]
    assert list(words["en"]) == list(words["zh"])
    for key, text in words["en"].items():
        assert holes(text) == holes(words["zh"][key]), key


def holes(text):
    return sorted(re.findall(r"\{\w+\}", text))


@pytest.mark.parametrize("name", DICTIONARIES)
def test_english_is_english_and_no_text_is_empty(dictionaries, name):
    words = dictionaries[name]
    assert not [key for key, text in words["en"].items() if HAN.search(text)]
    assert all(text.strip() for texts in words.values() for text in texts.values())


def test_a_language_is_the_one_asked_for_else_the_browsers_else_english():
    cases = [
        ["?lang=zh", ["en-GB"]],
        ["", ["zh-TW", "en"]],
        ["", ["fr", "zh"]],
        ["?lang=xx", ["de"]],
    ]
    found = evaluate("language.js", "cases.map((c) => module.initialLanguage(...c))", cases=cases)
    assert found == ["zh", "zh", "zh", "en"]


def test_a_text_gets_its_values_and_a_missing_one_is_a_bug():
    expression = """(() => {
      const t = module.translator("en", {en: {a: "{n} of {m}"}}, {en: {b: "later"}});
      let complaint = "";
      try { t("c"); } catch (error) { complaint = error.message; }
      return [t("a", {n: 0}), t("b"), complaint];
    })()"""
    assert evaluate("language.js", expression) == [
        "0 of {m}",
        "later",
        "no text for c; this is a bug",
    ]


def test_no_text_is_left_that_nothing_shows(dictionaries):
    sources = [path for path in FOLDER.rglob("*.js") if path.parent.name != "words"]
    code = "".join(path.read_text("utf-8") for path in sources)
    built = re.findall(r"`([\w.]*)\$\{[^}]*\}([\w.]*)`", code)  # `${side}.note`
    keys = {key for words in dictionaries.values() for key in words["en"]}

    def is_shown(key):
        return f'"{key}"' in code or any(
            (begin or end) and key.startswith(begin) and key.endswith(end) for begin, end in built
        )

    assert not {key for key in keys if not is_shown(key)}
