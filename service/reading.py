"""Turn the texts of a request into passages, and enforce the limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from biLM.errors import SpanError
from biLM.passage import Level, Passage, shortened
from service.engine import Engine
from service.errors import Details, RequestError
from service.limits import check_number
from service.schemas import EmbedRequest, TokenizeRequest, Truncate
from service.settings import Settings

SOURCES = ("texts", "words", "ids")


@dataclass(frozen=True)
class Reading:
    """The texts of a request as the model reads them.

    Args:
        level: What each row stands for: a piece, a word and so on.
        passages: The texts, in the order of the request.
        truncated: For each text, whether it was truncated.
        characters: Length of all texts that were sent, in code points.
        has_offsets: Whether the rows have offsets; False for ids, which have no text.
    """

    level: Level
    passages: tuple[Passage, ...]
    truncated: tuple[bool, ...]
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


def least_rows(request: EmbedRequest, level: Level) -> int:
    """Return a lower bound on the number of rows, known before the texts are split into pieces."""
    match level:
        case "char":
            return sum(map(len, request.all_texts))
        case "word":
            return sum(map(len, request.words or ()))
        case "span":
            return sum(map(len, request.spans or ()))
        case _:
            return 0


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
    read_one = _reader(request, level, engine, spans)
    source = next(name for name in SOURCES if getattr(request, name) is not None)
    passages, truncated = [], []
    pieces = 0
    for index in range(num_texts):
        whole = read_one(index)
        passage = _fit(whole, source, index, request.truncate, settings.max_text_pieces)
        pieces += _covered(passage) if level == "span" else len(passage.ids)
        check_number(
            "too_many_pieces", pieces, "pieces", settings.max_request_pieces, "max_request_pieces"
        )
        passages.append(passage)
        truncated.append(passage is not whole)
    words = (word for text in request.words or () for word in text)
    characters = sum(map(len, words)) + sum(map(len, request.all_texts))
    return Reading(level, tuple(passages), tuple(truncated), characters, request.ids is None)


def _reader(
    request: TokenizeRequest,
    level: Level,
    engine: Engine,
    spans: Sequence[Sequence[Sequence[int]]],
) -> Callable[[int], Passage]:
    """Return a function from a text's index to its passage, for the kind of text that was sent."""
    if request.words is not None:
        words = request.words
        return lambda index: engine.read_words(words[index], level)
    if request.ids is not None:
        ids = request.ids
        return lambda index: _read_ids(ids[index], index, level, engine.model.num_pieces)
    texts = request.all_texts
    if level == "span":
        return lambda index: _read_spans(texts[index], index, spans[index], engine)
    return lambda index: engine.read_text(texts[index], level)


def _read_ids(ids: Sequence[int], index: int, level: Level, num_pieces: int) -> Passage:
    if not all(0 <= piece_id < num_pieces for piece_id in ids):
        raise RequestError(
            "validation_error",
            f"ids: text {index} has an id that is not one of 0 to {num_pieces - 1}; send ids of"
            " this model, as /tokenize gives them",
            param="ids",
            details=Details(index=index, limit=num_pieces - 1),
        )
    return Passage(tuple(ids), ((0, len(ids)),) if level == "text" else None, offsets=())


def _read_spans(text: str, index: int, spans: Sequence[Sequence[int]], engine: Engine) -> Passage:
    try:
        return engine.read_spans(text, spans)
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


def _fit(passage: Passage, source: str, index: int, truncate: Truncate, max_pieces: int) -> Passage:
    if len(passage.ids) <= max_pieces:
        return passage
    if truncate == "error":
        raise RequestError(
            "text_too_long",
            f"text {index} has {len(passage.ids)} pieces; the limit is {max_pieces}",
            'split it, or send "truncate": "right" or "left"',
            param=source,
            details=Details(index, max_pieces, len(passage.ids), "max_text_pieces"),
        )
    return shortened(passage, max_pieces, truncate)
