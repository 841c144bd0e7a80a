"""Plan a request: decide what the model has to compute, or refuse what it cannot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from biLM.errors import BlankError
from biLM.fill import Blank
from biLM.mixes import DEFAULT_MIX
from biLM.passage import Level
from biLM.phrase import MAX_PHRASES, Phrases
from biLM.question import GuessesFor, Underway, VectorsOf
from biLM.readout import CONTEXT, Layer, Readout
from biLM.scalar_mix import ScalarMix
from service.engine import Engine
from service.errors import SHOWN_NAME_LENGTH, RequestError, invalid
from service.limits import as_field, check_length, check_response, check_steps
from service.reading import SOURCES, Reading, least_rows, read
from service.schemas import (
    DType,
    EmbedRequest,
    Encoding,
    FillRequest,
    Logits,
    OpenAIRequest,
    SimilarityRequest,
    TokenizeRequest,
    Weights,
)
from service.settings import Settings
from service.wire import num_bytes

# An estimate of what a guess takes in a response: piece, id and probability for each of 3 heads.
GUESS_BYTES = 240
# An estimate of what a piece of /tokenize takes in a response, with its id and its offset.
CUT_PIECE_BYTES = 40
LEVELS_OF_SOURCE: dict[str, tuple[Level, ...]] = {  # the default level first
    "texts": ("piece", "char", "span", "text"),
    "words": ("word", "piece", "text"),
    "ids": ("piece", "text"),
}


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


@dataclass(frozen=True)
class Embedding(OfTexts):
    """The plan of a request to /embed or /v1/embeddings.

    Args:
        questions: One for each text.
        readout: What to compute from the representations.
        mix_name: Name of the mix; None with layers, or if the caller sent a mix of its own.
        dtype: Number format of the vectors in the response.
        encoding: How the vectors are encoded in the response.
        answer_bytes: Estimated size of the response.
    """

    questions: Sequence[VectorsOf]
    readout: Readout
    mix_name: str | None
    dtype: DType
    encoding: Encoding
    answer_bytes: int


@dataclass(frozen=True)
class Comparison(OfTexts):
    """The plan of a request to /similarity; each occurrence of the word is a span of its text.

    Args:
        questions: One for each text that has the word, by every layer and the context.
        mix: A mix of the layers, by which the occurrences are compared as well.
        mix_name: Name of the mix; None if the caller sent a mix of its own.
        answer_bytes: Estimated size of the response.
    """

    questions: Sequence[VectorsOf]
    mix: ScalarMix
    mix_name: str | None
    answer_bytes: int


@dataclass(frozen=True)
class Filling:
    """The plan of a request to /fill.

    Args:
        question: The question for the model: guesses of one piece, or a search for phrases.
        blank: The text around the blank.
        characters: Length of the text that was sent, in code points.
        answer_bytes: Estimated size of the response.
    """

    question: GuessesFor | Underway[Phrases]
    blank: Blank
    characters: int
    answer_bytes: int

    @property
    def questions(self) -> Sequence[GuessesFor | Underway[Phrases]]:
        """The one question."""
        return [self.question]

    @property
    def pieces(self) -> int:
        """Number of pieces around the blank."""
        return len(self.question.ids)


@dataclass(frozen=True)
class Cutting(OfTexts):
    """The plan of a request to /tokenize, which does not need the model."""

    @property
    def questions(self) -> tuple[()]:
        """No question."""
        return ()

    @property
    def answer_bytes(self) -> int:
        """Estimated size of the response."""
        return self.pieces * CUT_PIECE_BYTES


def plan_embedding(request: EmbedRequest, engine: Engine, settings: Settings) -> Embedding:
    """Split the texts into pieces and choose the readout.

    Raises:
        RequestError: a field contradicts another field or the model, or a limit is exceeded.
    """
    level = _level(request)
    _check_spans(request, level)
    readout, mix_name = _readout(request, engine)
    if readout.has_context and level == "text":
        raise invalid(
            "layers", "nothing stands around a whole text; ask for context at another level"
        )
    row_bytes = num_bytes(
        engine.model.dim * (readout.num_layers() or 1), request.dtype, request.encoding
    )
    # Where the number of rows is known beforehand, refuse before the work of splitting the texts.
    check_response(least_rows(request, level) * row_bytes, settings)
    reading = read(request, level, engine, settings, request.spans or ())
    answer_bytes = reading.rows * row_bytes
    check_response(answer_bytes, settings)
    return Embedding(
        reading,
        questions=engine.ask_vectors(reading.passages, readout),
        readout=readout,
        mix_name=mix_name,
        dtype=request.dtype,
        encoding=request.encoding,
        answer_bytes=answer_bytes,
    )


def plan_openai(request: OpenAIRequest, engine: Engine, settings: Settings) -> Embedding:
    """Plan a vector for each text: default mix, centred, averaged over the pieces, of unit length.

    Raises:
        RequestError: the requested model or width is not the one served, a text is empty, or a
            limit is exceeded.
    """
    model = engine.model
    if request.model not in (None, model.id):
        raise invalid("model", f"this service has the model {model.id!r}; send that or none")
    if request.dimensions not in (None, model.dim):
        raise invalid("dimensions", f"a vector has {model.dim} numbers; send that or nothing")
    texts = [request.input] if isinstance(request.input, str) else request.input
    if "" in texts:
        raise invalid("input", "a text is empty and has no vector; leave it out", texts.index(""))
    encoding: Encoding = "base64" if request.encoding_format == "base64" else "json"
    asked = EmbedRequest(texts=texts, level="text", center=True, normalize=True, encoding=encoding)
    with as_field("input", "send fewer or shorter texts"):
        plan = plan_embedding(asked, engine, settings)
    for index, passage in enumerate(plan.reading.passages):
        if not passage.ids:
            raise invalid("input", f"text {index} holds nothing the model can read", index)
    return plan


def plan_similarity(request: SimilarityRequest, engine: Engine, settings: Settings) -> Comparison:
    """Find the word and split the texts into pieces.

    Raises:
        RequestError: the word is in no text, the mix does not fit the model, or a limit is
            exceeded.
    """
    mix, mix_name = _mix(request.mix, engine)
    asked = TokenizeRequest(texts=request.texts)
    spans = [list(_occurrences(request.word, text)) for text in asked.all_texts]
    num_occurrences = sum(map(len, spans))
    if not num_occurrences:
        raise invalid("word", "it stands in no text; send texts that hold it as it is written")
    layers = (*range(engine.num_representations), CONTEXT)
    answer_bytes = num_bytes(num_occurrences**2 * (len(layers) + 1), "float32", "json")
    with as_field("texts", "send fewer or shorter texts"):
        check_response(answer_bytes, settings)
        reading = read(asked, "span", engine, settings, spans)
    holding = [passage for passage in reading.passages if passage.ranges]
    questions = engine.ask_vectors(holding, Readout(layers, center=request.center))
    return Comparison(reading, questions, mix, mix_name, answer_bytes)


def _occurrences(word: str, text: str) -> Iterator[tuple[int, int]]:
    begin = text.find(word)
    while begin >= 0:
        yield begin, begin + len(word)
        begin = text.find(word, begin + len(word))


def plan_filling(request: FillRequest, engine: Engine, settings: Settings) -> Filling:
    """Find the blank and split the text around it into pieces.

    Raises:
        RequestError: there is not exactly one blank, or a limit is exceeded.
    """
    num_pieces, top_k = request.num_pieces, request.top_k
    if num_pieces > 1 and top_k > MAX_PHRASES:
        raise invalid(
            "top_k", f"it is {top_k}; with num_pieces above 1 it is at most {MAX_PHRASES}"
        )
    try:
        blank = engine.read_blank(request.text)
    except BlankError as error:
        raise invalid("text", str(error)) from error
    question: GuessesFor | Underway[Phrases] = engine.ask_guesses(blank, top_k)
    check_length(
        len(question.ids), settings.max_text_pieces, "max_text_pieces", "send less around the blank"
    )
    if num_pieces > 1:
        question = engine.ask_phrases(blank, num_pieces, top_k)
        check_steps(question.asked, settings, "send less around the blank, or ask for fewer pieces")
    return Filling(question, blank, len(request.text), top_k * num_pieces * GUESS_BYTES)


def plan_tokenizing(request: TokenizeRequest, engine: Engine, settings: Settings) -> Cutting:
    """Split the texts into pieces.

    Raises:
        RequestError: not exactly one of texts, words and ids was sent, or a limit is exceeded.
    """
    _source(request)
    return Cutting(read(request, "piece", engine, settings))


def _source(request: TokenizeRequest) -> str:
    given = [name for name in SOURCES if getattr(request, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise invalid("texts", f"send exactly one of texts, words and ids; there is {found}")
    return given[0]


def _level(request: EmbedRequest) -> Level:
    source = _source(request)
    levels = LEVELS_OF_SOURCE[source]
    level = request.level or levels[0]
    if level not in levels:
        raise invalid("level", f"{source} have the levels {', '.join(levels)}, not {level}")
    return level


def _check_spans(request: EmbedRequest, level: Level) -> None:
    if (request.spans is not None) != (level == "span"):
        raise invalid("spans", 'spans and "level": "span" go together; send both or neither')
    num_texts = len(request.all_texts)
    if request.spans is not None and len(request.spans) != num_texts:
        raise invalid(
            "spans", f"{len(request.spans)} lists for {num_texts} texts; send one list per text"
        )


def _readout(request: EmbedRequest, engine: Engine) -> tuple[Readout, str | None]:
    source: ScalarMix | tuple[Layer, ...]
    mix_name = None
    if request.layers is not None:
        if request.mix is not None:
            raise invalid("layers", "layers come unmixed; send either layers or mix")
        source = _layers(request.layers, engine.num_representations)
    else:
        source, mix_name = _mix(request.mix, engine)
    return Readout(source, request.pooling, request.center, request.normalize), mix_name


def _layers(
    asked: Literal["all", "context"] | Sequence[Layer], num_representations: int
) -> tuple[Layer, ...]:
    if asked == "all":
        return tuple(range(num_representations))
    if asked == CONTEXT:
        return (CONTEXT,)
    for layer in asked:
        if isinstance(layer, int) and not 0 <= layer < num_representations:
            raise RequestError(
                "unknown_layer",
                f"layers: they are numbered 0 to {num_representations - 1}, and there is"
                ' "context"; see /info',
                param="layers",
            )
    if len(set(asked)) < len(asked):
        raise invalid("layers", "one is named twice; name each once")
    return tuple(asked)


def _mix(asked: str | Weights | Logits | None, engine: Engine) -> tuple[ScalarMix, str | None]:
    """Return the mix, and its name unless the caller sent a mix of its own."""
    if isinstance(asked, Weights | Logits):
        return _given_mix(asked, engine.num_representations), None
    name = asked or DEFAULT_MIX
    return _named_mix(name, engine), name


def _named_mix(name: str, engine: Engine) -> ScalarMix:
    if name not in engine.mixes:
        raise RequestError(
            "unknown_mix",
            f"there is no mix {name[:SHOWN_NAME_LENGTH]!r}; there are {sorted(engine.mixes)}",
            param="mix",
        )
    return engine.mixes[name]


def _given_mix(asked: Weights | Logits, num_representations: int) -> ScalarMix:
    numbers = asked.weights if isinstance(asked, Weights) else asked.logits
    if len(numbers) != num_representations:
        raise invalid(
            "mix",
            f"there are {len(numbers)} numbers for {num_representations} representations; send"
            " one for each, layer 0 first",
        )
    if isinstance(asked, Weights):
        return ScalarMix(tuple(numbers), asked.gamma)
    return ScalarMix.from_logits(numbers, asked.gamma)
