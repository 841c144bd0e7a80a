"""Read the texts of a request within the limits, and describe them in the response."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from biLM.errors import IdError, SpanError, TextTooLongError
from biLM.limit import Limit
from biLM.questions.passage import Level, Passage

from ..engine import Engine
from ..errors import Details, RequestError, invalid
from ..fields import Listed, Strict, Texts, Truncate
from ..limits import check_number, text_too_long
from ..openapi import Json
from ..settings import Settings

SOURCES = ("texts", "words", "ids")
SHORTER = 'split it, or send "truncate": "right" or "left"'

# Examples for the documentation of several paths.
APPLES = ["我吃了一个苹果", "我在用苹果手机"]
TWO_TEXTS: Json = {"summary": "Request a vector for every piece", "value": {"texts": APPLES}}


class TokenizeRequest(Strict):
    """Texts to split into pieces."""

    texts: Texts | None = Field(
        None, description="One text or a list of texts. Send exactly one of texts, words and ids."
    )
    words: Listed[Listed[str]] | None = Field(
        None,
        min_length=1,
        description="Each text as a list of words, in your own segmentation. No piece crosses the"
        " boundary of a word.",
    )
    ids: Listed[Listed[int]] | None = Field(
        None,
        min_length=1,
        description="Each text as a list of piece ids. Their levels are piece and text only."
        " The id of the unknown piece is refused, because no text has it.",
    )
    truncate: Truncate = Field(
        "error",
        description="What to do with a text of more than max_text_pieces pieces: refuse it with an"
        " error, or cut off its right or its left end, between two characters. A row whose pieces"
        " are all cut off gets a zero vector.",
    )

    @property
    def all_texts(self) -> list[str]:
        """The texts, whether they came as one or as many."""
        if self.texts is None:
            return []
        return [self.texts] if isinstance(self.texts, str) else self.texts


class Cut(BaseModel):
    """One text, split into pieces."""

    index: int = Field(description="The position of the text in the request, counted from 0.")
    num_pieces: int = Field(description="The number of pieces in the text.")
    truncated: bool = Field(description="Whether an end of the text was cut off.")
    pieces: list[str] | None = Field(
        None, description="The pieces, at level piece only; null for ids."
    )
    ids: list[int] | None = Field(None, description="The piece ids, at level piece only.")
    offsets: list[tuple[int, int]] | None = Field(
        description="For each row, the half-open range of code points that it covers; null for ids."
    )


@dataclass(frozen=True)
class Reading:
    """The texts of a request as the model reads them.

    Args:
        level: What each row stands for: a piece, a word and so on.
        passages: The texts, in the order of the request.
        characters: Length of all texts that were sent, in code points.
        has_offsets: Whether the rows have offsets; False for ids, which have no text.
    """

    level: Level
    passages: tuple[Passage, ...]
    characters: int
    has_offsets: bool = True

    @property
    def pieces(self) -> int:
        """Number of pieces in all texts together."""
        return sum(len(passage.ids) for passage in self.passages)

    @property
    def rows(self) -> int:
        """Number of rows of all texts together."""
        return sum(passage.num_rows for passage in self.passages)


@dataclass(frozen=True)
class OfTexts:
    """A plan for texts that have been split into pieces.

    Args:
        reading: The texts as the model reads them.
    """

    reading: Reading

    @property
    def pieces(self) -> int:
        """Number of pieces in all texts together."""
        return self.reading.pieces


def source_of(request: TokenizeRequest) -> str:
    """Return the name of the field that has the texts.

    Raises:
        RequestError: validation_error, unless exactly one of texts, words and ids was sent.
    """
    given = [name for name in SOURCES if getattr(request, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise invalid("texts", f"send exactly one of texts, words and ids; the request has {found}")
    return given[0]


def read(
    request: TokenizeRequest,
    level: Level,
    engine: Engine,
    settings: Settings,
    spans: Sequence[Sequence[Sequence[int]]] = (),
) -> Reading:
    """Split every text into pieces and rows.

    Raises:
        RequestError: too_many_texts, too_many_pieces, text_too_long, bad_span, or
            validation_error for an id that the vocabulary does not have.
    """
    num_texts = len(request.all_texts or request.words or request.ids or ())
    check_number("too_many_texts", num_texts, "texts", settings.max_texts, "max_texts")
    check_number(
        "too_many_pieces",
        sum(map(len, request.words or ())),  # even an empty word takes time to read
        "words",
        settings.max_request_pieces,
        "max_request_pieces",
    )
    # A span covers at least one piece, and each span takes time to read.
    check_number(
        "too_many_pieces",
        sum(map(len, spans)),
        "spans",
        settings.max_request_pieces,
        "max_request_pieces",
    )
    lost = None if request.truncate == "error" else request.truncate
    read_one = _reader(request, level, engine, spans, Limit(settings.max_text_pieces, lost))
    source = next(name for name in SOURCES if getattr(request, name) is not None)
    passages = []
    pieces = 0
    for index in range(num_texts):
        try:
            passage = read_one(index)
        except TextTooLongError as error:
            raise text_too_long(error, f"text {index}", source, SHORTER, index) from error
        pieces += _covered(passage) if level == "span" else len(passage.ids)
        check_number(
            "too_many_pieces", pieces, "pieces", settings.max_request_pieces, "max_request_pieces"
        )
        passages.append(passage)
    words = (word for text in request.words or () for word in text)
    characters = sum(map(len, words)) + sum(map(len, request.all_texts))
    return Reading(level, tuple(passages), characters, request.ids is None)


def cut_entry(reading: Reading, index: int) -> dict[str, object]:
    """Return the entry of one text in a response: the fields of `Cut`."""
    passage = reading.passages[index]
    return {
        "index": index,
        "num_pieces": len(passage.ids),
        "truncated": passage.truncated,
        **_pieces(passage),
        "offsets": passage.offsets if reading.has_offsets else None,
    }


def usage_of(reading: Reading) -> dict[str, object]:
    """Return how much was read: the fields of `Usage`."""
    return {"pieces": reading.pieces, "characters": reading.characters}


def model_facts(engine: Engine) -> dict[str, object]:
    """Return which model answers: the fields of `ModelFacts`."""
    return engine.model.model_dump(include={"id", "revision", "dim", "num_layers"})


def _reader(
    request: TokenizeRequest,
    level: Level,
    engine: Engine,
    spans: Sequence[Sequence[Sequence[int]]],
    limit: Limit,
) -> Callable[[int], Passage]:
    """Return a function from a text's index to its passage, for the kind of text that was sent."""
    encoder = engine.encoder
    if request.words is not None:
        words = request.words
        assert level in ("word", "piece", "text"), "a level that words do not have; this is a bug"
        return lambda index: encoder.words(words[index], level, limit)
    if request.ids is not None:
        ids = request.ids
        return lambda index: _read_ids(ids[index], index, level, engine, limit)
    texts = request.all_texts
    if level == "span":
        return lambda index: _read_spans(texts[index], index, spans[index], engine, limit)
    read_one = {"piece": encoder.pieces, "char": encoder.chars, "text": encoder.text}[level]
    return lambda index: read_one(texts[index], limit)


def _read_ids(
    ids: Sequence[int], index: int, level: Level, engine: Engine, limit: Limit
) -> Passage:
    assert level in ("piece", "text"), "a level that ids do not have; this is a bug"
    try:
        return engine.encoder.ids(ids, level, limit)
    except IdError as error:
        raise RequestError(
            "validation_error",
            f"text {index} has {error}",
            param="ids",
            details=Details(index=index, limit=engine.model.num_pieces - 1),
        ) from error


def _read_spans(
    text: str, index: int, spans: Sequence[Sequence[int]], engine: Engine, limit: Limit
) -> Passage:
    try:
        return engine.encoder.spans(text, spans, limit)
    except SpanError as error:
        raise RequestError(
            "bad_span",
            f"text {index}: {error}",
            param="spans",
            details=Details(index, limit=len(text)),
        ) from error


def _covered(passage: Passage) -> int:
    # Spans can overlap, and pooling gathers the pieces of each span: a wide span requested many
    # times would fill the memory long before the response is too large.
    return max(len(passage.ids), sum(end - begin for begin, end in passage.ranges or ()))


def _pieces(passage: Passage) -> dict[str, object]:
    if passage.ranges is not None:
        return {}
    return {"pieces": passage.pieces, "ids": passage.ids}
