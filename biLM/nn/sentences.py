"""Turn a caller's sentences into passages, and name the sentence and the word that is wrong."""

from collections.abc import Callable, Collection, Sequence
from operator import index
from typing import SupportsIndex

from biLM.errors import SentenceError, SpanError, TextError
from biLM.given import is_read_wrongly
from biLM.questions.passage import Passage, span_passage, word_passage
from biLM.tokenizer import Tokenizer, refuse_surrogates

# An error message repeats at most this many characters of a value.
SHOWN_CHARACTERS = 40
WORDS = "give a list of sentences, each a list of words, such as [['我', '吃', '苹果'], ['好']]"
TEXTS = "give a list of texts, and in spans a list of [begin, end) pairs for each text"


def passages_of_words(tokenizer: Tokenizer, sentences: object) -> list[Passage]:
    """Return a passage for each sentence, with a row for each of its words.

    Raises:
        SentenceError: the sentences are not lists of words.
    """
    rows = [
        _strings(words, f"sentence {number}", "word", WORDS)
        for number, words in enumerate(_listed(sentences, "the batch of sentences", WORDS))
    ]
    return [word_passage(tokenizer, words) for words in rows]


def passages_of_spans(tokenizer: Tokenizer, texts: object, spans: object) -> list[Passage]:
    """Return a passage for each text, with a row for each of its spans.

    Raises:
        SentenceError: the texts are not strings, or there is not one list of spans for each.
        SpanError: a span is not two whole numbers, empty, reversed or outside its text.
    """
    strings = _strings(texts, "the batch of texts", "text", TEXTS)
    lists = _listed(spans, "spans", TEXTS)
    if len(strings) != len(lists):
        raise SentenceError(
            f"there are {len(strings)} texts and {len(lists)} lists of spans; give one list of"
            " spans for each text"
        )
    return [
        _in_text(number, span_passage, tokenizer, text, _pairs(number, some))
        for number, (text, some) in enumerate(zip(strings, lists, strict=True))
    ]


def _pairs(text: int, spans: object) -> list[list[int]]:
    pairs = []
    for number, span in enumerate(_listed(spans, f"the spans of text {text}", TEXTS)):
        place = f"text {text}: span {number}"
        ends = _listed(span, place, TEXTS)
        whole = [index(end) for end in ends if isinstance(end, SupportsIndex)]
        if len(whole) != len(ends):
            raise SpanError(f"{place} is {_shown(span)}; it must be two whole numbers [begin, end)")
        pairs.append(whole)
    return pairs


def _in_text(
    number: int, make: Callable[..., Passage], tokenizer: Tokenizer, *given: object
) -> Passage:
    """Return the passage, or raise its error again with the number of the text."""
    try:
        return make(tokenizer, *given)
    except SpanError as error:
        raise SpanError(f"text {number}: {error}") from error


def _strings(values: object, place: str, each: str, remedy: str) -> list[str]:
    """Return a list of strings, without lone surrogates."""
    strings = []
    for number, value in enumerate(_listed(values, place, remedy)):
        where = f"{each} {number}" if each == "text" else f"{place}, {each} {number}"
        if not isinstance(value, str):
            raise SentenceError(f"{where} is {_shown(value)}; it must be a str: {remedy}")
        try:
            refuse_surrogates(value)
        except TextError as error:
            raise SentenceError(f"{where}: {error}") from error
        strings.append(value)
    return strings


def _listed(values: object, place: str, remedy: str) -> Sequence[object]:
    if not isinstance(values, Collection) or is_read_wrongly(values):
        raise SentenceError(f"{place} is {_shown(values)}; {remedy}")
    return list(values)


def _shown(value: object) -> str:
    """Return a value and its type for an error message: nan (float)."""
    text = repr(value)
    short = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return f"{short} ({type(value).__name__})"
