"""The pydantic models of the responses: documentation only, vectors never pass through them."""

from typing import Literal

from pydantic import BaseModel, Field

from biLM.gates import Direction
from service.schemas import DType

Array = str | list[list[float]]
"""base64 of little-endian C-order numbers, or nested lists."""


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
        description="Natural logarithm. forward: of all pieces given what stands left, backward:"
        " given what stands right, both over phrases of text; cloze: given both, over the at most"
        " 32 phrases that were considered."
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
    pieces_per_s: float = Field(
        description="Padded pieces a second, measured at start and again when the proof has ended."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        description="Numbers the model multiplies in; vectors are float32 in either."
    )
    self_test_deviation: float = Field(
        description="Largest deviation from the golden vectors, which are float32's."
    )
    bit_identical_heights: list[int] = Field(
        description="How many rows one call of the model may read. Shapes of so many rows have been"
        " compared on this machine; those that gave a text other bits are not used."
    )
    proof_ended: bool = Field(
        description="Whether all shapes have been compared. Until then texts are read in those that"
        " have been: more slowly, with the same bits."
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
