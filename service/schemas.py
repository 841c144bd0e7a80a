"""What callers send and what they get, as pydantic models.

Requests are validated by these models. Answers are only described by them: vectors never pass
through pydantic.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, FiniteFloat, Tag

from biLM.gates import Direction
from biLM.pooling import Pooling

Level = Literal["piece", "char", "word", "span", "text"]
Truncate = Literal["error", "right", "left"]
DType = Literal["float32", "float16"]
Encoding = Literal["base64", "json"]
Array = str | list[list[float]]
"""base64 of little-endian C-order numbers, or nested lists."""
Strategy = Literal["greedy", "sample", "beam"]
MAX_SEED = 2**53 - 1  # the largest whole number that every reader of JSON keeps


class Strict(BaseModel):
    """A request: unknown fields are refused, and "1" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Weights(Strict):
    """A mix by its weights, used as they are."""

    weights: list[FiniteFloat] = Field(description="One per representation, layer 0 first.")
    gamma: FiniteFloat = Field(1.0, description="The scale of the whole.")


class Logits(Strict):
    """A mix by its raw weights, through a softmax, as a task learns them."""

    logits: list[FiniteFloat] = Field(description="One per representation, layer 0 first.")
    gamma: FiniteFloat = Field(1.0, description="The scale of the whole.")


def _kind_of_texts(value: object) -> str:
    return "one" if isinstance(value, str) else "many"


def _kind_of_mix(value: object) -> str:
    if isinstance(value, str):
        return "name"
    return "logits" if isinstance(value, dict) and "logits" in value else "weights"


def _kind_of_layers(value: object) -> str:
    return "name" if isinstance(value, str) else "numbers"


# Discriminated by hand: a plain union would try, and report, every member.
Texts = Annotated[
    Annotated[str, Tag("one")] | Annotated[list[str], Tag("many"), Field(min_length=1)],
    Discriminator(_kind_of_texts),
]
Mix = Annotated[
    Annotated[str, Tag("name")]
    | Annotated[Weights, Tag("weights")]
    | Annotated[Logits, Tag("logits")],
    Discriminator(_kind_of_mix),
]
LayerNumbers = Annotated[list[int | Literal["context"]], Field(min_length=1)]
Layers = Annotated[
    Annotated[Literal["all", "context"], Tag("name")] | Annotated[LayerNumbers, Tag("numbers")],
    Discriminator(_kind_of_layers),
]


class TokenizeRequest(Strict):
    """Texts to cut into pieces."""

    texts: Texts | None = Field(
        None, description="One text or a list of texts. Exactly one of texts, words and ids."
    )
    words: list[list[str]] | None = Field(
        None,
        min_length=1,
        description="Texts in the caller's own segmentation: no piece crosses a word.",
    )
    ids: list[list[int]] | None = Field(
        None, min_length=1, description="Texts as piece ids; levels piece and text only."
    )
    truncate: Truncate = Field(
        "error",
        description="What happens to a text of more than max_text_pieces pieces: it is refused, or"
        " loses its right or its left end. A row whose pieces are all cut off is a zero vector.",
    )

    @property
    def all_texts(self) -> list[str]:
        """The texts, whether they came as one or as many."""
        if self.texts is None:
            return []
        return [self.texts] if isinstance(self.texts, str) else self.texts


class EmbedRequest(TokenizeRequest):
    """Texts to embed, and how."""

    level: Level | None = Field(
        None,
        description="What gets a vector: every piece, code point, word (with words), span (with"
        " spans), or the whole text. Default: word with words, else piece.",
    )
    spans: list[list[list[int]]] | None = Field(
        None, description="With level span: per text a list of half-open [begin, end) code points."
    )
    pooling: Pooling = Field(
        "mean", description="How pieces become a char, word, span or text vector."
    )
    mix: Mix | None = Field(
        None,
        description="How layers become one vector: a name from /info, weights, or logits."
        ' Default: the artifact\'s mix "default".',
    )
    layers: Layers | None = Field(
        None,
        description='Instead of mix: layer numbers, or "all"; the vectors come unmixed under a'
        ' leading layer axis. "context" is what is expected in and around the place of a row,'
        " without a look at the row itself; it is not pooled, and every level but text has it.",
    )
    center: bool = Field(
        False,
        description="Subtract the artifact's mean vector of each layer, and bound what remains,"
        " before mixing. Cosines mean little without it.",
    )
    normalize: bool = Field(False, description="Scale every returned vector to unit L2 norm.")
    dtype: DType = Field("float32", description="Of the numbers on the wire.")
    encoding: Encoding = Field(
        "base64",
        description="How embedding travels: base64 of little-endian C-order numbers, or lists.",
    )


class SimilarityRequest(Strict):
    """A word and the texts in which its occurrences are compared."""

    word: str = Field(
        min_length=1,
        description="Found as it is written, from left to right; occurrences do not overlap.",
    )
    texts: Texts = Field(description="One text or a list of texts.")
    mix: Mix | None = Field(None, description='As in /embed. Default: the mix "default".')
    center: bool = Field(True, description="As in /embed. Cosines mean little without it.")


class FillRequest(Strict):
    """A text with a blank to fill."""

    text: str = Field(description="With one blank, written as two or more underscores.")
    top_k: int = Field(
        10,
        ge=1,
        le=1000,
        description="How many from each side; with num_pieces above 1 at most 16.",
    )
    num_pieces: int = Field(1, ge=1, le=6, description="How many pieces fill the blank.")


class CompleteRequest(Strict):
    """A text to go on with. A field that the strategy does not use is refused."""

    text: str = Field(description="Cut into pieces by itself; may be empty.")
    max_pieces: int = Field(20, ge=1, le=256, description="How long a completion may be.")
    strategy: Strategy = Field(
        "greedy",
        description="The most probable piece each time; pieces by chance; or the most probable"
        " beginnings kept side by side, never with less than greedy's probability. Nothing makes up"
        " for length: the best of a beam are often short.",
    )
    temperature: FiniteFloat = Field(
        1.0, gt=0, le=10, description="sample: below 1 the probable becomes more probable."
    )
    top_k: int = Field(
        50, ge=1, le=1000, description="sample: how many of the most probable pieces it draws from."
    )
    seed: int = Field(
        0,
        ge=0,
        le=MAX_SEED,
        description="sample: of the chance. The same request has the same answer, and draw n is the"
        " same however many there are.",
    )
    num_beams: int = Field(4, ge=1, le=16, description="beam: how many beginnings are kept.")
    num_completions: int = Field(
        1, ge=1, le=16, description="sample: draws. beam: the best, at most num_beams. greedy: 1."
    )


class InspectRequest(Strict):
    """A text to look into."""

    text: str = Field(description="At most max_stepped_pieces pieces.")
    layer: int = Field(1, ge=1, description="LSTM layer, counted from 1.")
    direction: Direction = Field(
        "forward",
        description="From which end the text is read. Rows are in the order of the text in either.",
    )
    encoding: Encoding = Field("base64", description="As in /embed, of each of the six arrays.")


class OpenAIRequest(Strict):
    """Texts to embed, as clients of OpenAI's API send them."""

    input: Texts = Field(description="One text or a list of texts, none of them empty.")
    model: str | None = Field(None, description="The id of the model that is served.")
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="Lists, or base64 of little-endian float32."
    )
    dimensions: int | None = Field(None, description="The width of the model; none other.")
    user: str | None = Field(None, description="Ignored.")


class ModelFacts(BaseModel):
    """Which model answered."""

    id: str = Field(examples=["zh-small"])
    revision: str = Field(examples=["sha256:…"], description="Of the whole artifact folder.")
    dim: int = Field(examples=[1024], description="Width of a vector.")
    num_layers: int = Field(examples=[2], description="LSTM layers per direction.")


class ModelInfo(ModelFacts):
    """Which model answers, and how large its vocabulary is."""

    num_pieces: int = Field(description="Size of the vocabulary; ids lie below it.")


class MixUsed(BaseModel):
    """The mix that was applied."""

    name: str | None = Field(examples=["default"], description="Null where the caller gave it.")
    weights: list[float]
    gamma: float


class Cut(BaseModel):
    """One text in pieces."""

    index: int = Field(description="Place of the text in the request.")
    num_pieces: int
    truncated: bool
    pieces: list[str] | None = Field(None, description="Level piece only; null with ids.")
    ids: list[int] | None = Field(None, description="Level piece only.")
    offsets: list[tuple[int, int]] | None = Field(
        description="Of each row, half-open, in code points of the text; null with ids."
    )


class Embedded(Cut):
    """One text and its vectors."""

    shape: list[int] = Field(description="[rows, dim], or [layers, rows, dim] with layers.")
    dtype: DType
    embedding: str | list[object] = Field(
        description="base64 of little-endian C-order numbers, or nested lists of that shape."
    )
    empty: Literal[True] | None = Field(
        None, description="With level text: the text has no pieces and its vector is zero."
    )


class Usage(BaseModel):
    """How much was read."""

    pieces: int
    characters: int = Field(description="Code points; 0 with ids.")


class TokenizeAnswer(BaseModel):
    """Texts in pieces, in the order of the request."""

    model: ModelFacts
    data: list[Cut]
    usage: Usage


class EmbedAnswer(BaseModel):
    """Vectors, in the order of the request."""

    model: ModelFacts
    mix: MixUsed | None = Field(description="Null with layers.")
    layers: list[int | Literal["context"]] | None = Field(None, description="With layers only.")
    data: list[Embedded]
    usage: Usage


class OpenAIEmbedding(BaseModel):
    """A text and its vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class OpenAIUsage(BaseModel):
    """How much was read, in pieces."""

    prompt_tokens: int
    total_tokens: int


class OpenAIAnswer(BaseModel):
    """Vectors, in the order of the request."""

    object: Literal["list"]
    data: list[OpenAIEmbedding]
    model: str
    usage: OpenAIUsage


class Occurrence(BaseModel):
    """A place where the word stands."""

    index: int = Field(description="Place of the text in the request.")
    offset: tuple[int, int] = Field(description="Half-open, in code points of the text.")


class Cosines(BaseModel):
    """Matrices of cosines: a row and a column for each occurrence."""

    layers: list[list[list[float]]] = Field(description="A matrix a layer, layer 0 first.")
    context: list[list[float]] = Field(description="By what is expected around and in its place.")
    mix: list[list[float]]


class SimilarityAnswer(BaseModel):
    """How alike the occurrences of a word are."""

    model: ModelFacts
    mix: MixUsed
    occurrences: list[Occurrence] = Field(description="From left to right, text by text.")
    cosine: Cosines
    usage: Usage


class Guess(BaseModel):
    """A piece that may stand in the blank."""

    piece: str = Field(description="As it stands in the vocabulary; U+2581 is a space.")
    id: int
    probability: float = Field(description="Among all pieces that are text.")


class Phrase(BaseModel):
    """Several pieces that may stand in the blank."""

    pieces: list[str]
    ids: list[int]
    text: str = Field(description="What they spell.")
    log_probability: float = Field(
        description="Natural logarithm, summed over the pieces, among all that are text. forward:"
        " of each given those left of it; backward: right of it; cloze: given all others, as a"
        " pseudo-log-likelihood."
    )


class FillAnswer(BaseModel):
    """What is most probable in a blank, by what was read; with num_pieces above 1, phrases."""

    model: ModelFacts
    blank: tuple[int, int] = Field(description="Half-open, in code points of the text.")
    forward: list[Guess] | list[Phrase] = Field(description="By what stands left of the blank.")
    backward: list[Guess] | list[Phrase] = Field(description="By what stands right of it.")
    cloze: list[Guess] | list[Phrase] = Field(description="By both sides.")
    usage: Usage


class Completed(BaseModel):
    """How the text may go on."""

    index: int = Field(description="By probability with beam, by draw with sample.")
    text: str = Field(
        description="What the pieces spell: whole characters, in the model's spelling (NFKC)."
    )
    pieces: list[str]
    ids: list[int]
    log_probability: float = Field(
        description="Natural logarithm, summed over the pieces, and the end if finished, as the"
        " model has them, whatever temperature and top_k were."
    )
    finished: bool = Field(description="Whether the model ended the text there.")


class CompleteAnswer(BaseModel):
    """How the forward model goes on with a text."""

    model: ModelFacts
    data: list[Completed]
    usage: Usage


class InspectAnswer(BaseModel):
    """Gates and cells of one layer of one direction, a row for each piece."""

    model: ModelFacts
    layer: int
    direction: Direction
    pieces: list[str]
    ids: list[int]
    offsets: list[tuple[int, int]] = Field(
        description="Of each piece, half-open, in code points of the text."
    )
    shape: tuple[int, int] = Field(description="[pieces, cells] of each of the six.")
    dtype: Literal["float32"]
    input_gate: Array = Field(description="How much of the candidate is written, 0 to 1.")
    forget_gate: Array = Field(description="How much of the cell is kept, 0 to 1.")
    candidate: Array = Field(description="What may be written, -1 to 1.")
    output_gate: Array = Field(description="How much of the cell is shown, 0 to 1.")
    cell_state: Array = Field(
        description="After the piece: forget_gate x the cell before + input_gate x candidate."
    )
    state: Array = Field(
        description="output_gate x tanh(cell_state): what leaves the layer. In /embed, from layer 2"
        " on, the residual connection adds the layer below."
    )
    usage: Usage


class Features(BaseModel):
    """What there is beyond the layers."""

    fill: bool = Field(description="POST /fill.")
    context: bool = Field(description='The layer "context" of /embed.')
    complete: bool = Field(description="POST /complete.")
    inspect: bool = Field(description="POST /inspect; the setting of that name.")


class InfoAnswer(BaseModel):
    """Everything a caller may want to know before the first request."""

    model: ModelInfo
    mixes: dict[str, MixUsed]
    features: Features
    limits: dict[str, object] = Field(description="Every setting of this process, by its name.")
    pieces_per_s: float = Field(description="Padded pieces a second, measured at start.")
    precision: Literal["float32", "bfloat16"] = Field(
        description="Numbers the model multiplies in; vectors are float32 in either."
    )
    self_test_deviation: float = Field(
        description="Largest deviation from the golden vectors, which are float32's."
    )
    bit_identical_heights: list[int] = Field(
        description="How many rows one call of the model reads. Shapes of so many rows were"
        " compared at start, on this machine; those that gave a text other bits are not used."
    )
    versions: dict[str, str]
    card: dict[str, object] = Field(description="Data, recipe, hardware and scores of the model.")


class Health(BaseModel):
    """A probe that succeeded."""

    status: Literal["alive", "ready"]


class ErrorDetails(BaseModel):
    """The numbers behind a refusal; null where there is none."""

    index: int | None = Field(description="Which text it is about, counted from 0.")
    limit: int | None
    actual: int | None
    setting: str | None = Field(description="Which setting sets the limit.")


class ErrorFacts(BaseModel):
    """Why there is no answer."""

    code: str = Field(description="A stable word; the status says which are possible.")
    message: str = Field(description="What was found, what is allowed, what to do.")
    type: Literal["invalid_request_error", "overloaded_error", "server_error"]
    param: str | None = Field(description="The field of the request it is about.")
    request_id: str
    details: ErrorDetails


class ErrorAnswer(BaseModel):
    """The one body of every refusal."""

    error: ErrorFacts
