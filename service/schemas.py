"""The pydantic models of the request bodies, which validate every request."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, FiniteFloat, Tag

from biLM.gates import Direction
from biLM.passage import Level
from biLM.pooling import Pooling

Truncate = Literal["error", "right", "left"]
DType = Literal["float32", "float16"]
Encoding = Literal["base64", "json"]
Strategy = Literal["greedy", "sample", "beam"]
T = TypeVar("T")
# Validation stops at the first bad item; a million bad items would otherwise be a million errors.
Listed = Annotated[list[T], Field(fail_fast=True)]
MAX_SEED = 2**53 - 1  # the largest integer that every JSON parser reads exactly


class Strict(BaseModel):
    """A request: unknown fields are refused, and "1" is no number; no text of it is cached."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, cache_strings="keys")


class Weights(Strict):
    """A mix by its weights, used as they are."""

    weights: Listed[FiniteFloat] = Field(description="One per representation, layer 0 first.")
    gamma: FiniteFloat = Field(1.0, description="The scale of the whole.")


class Logits(Strict):
    """A mix by its raw weights, through a softmax, as a task learns them."""

    logits: Listed[FiniteFloat] = Field(description="One per representation, layer 0 first.")
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
    Annotated[str, Tag("one")] | Annotated[Listed[str], Tag("many"), Field(min_length=1)],
    Discriminator(_kind_of_texts),
]
Mix = Annotated[
    Annotated[str, Tag("name")]
    | Annotated[Weights, Tag("weights")]
    | Annotated[Logits, Tag("logits")],
    Discriminator(_kind_of_mix),
]
LayerNumbers = Annotated[Listed[int | Literal["context"]], Field(min_length=1)]
Layers = Annotated[
    Annotated[Literal["all", "context"], Tag("name")] | Annotated[LayerNumbers, Tag("numbers")],
    Discriminator(_kind_of_layers),
]


class TokenizeRequest(Strict):
    """Texts to cut into pieces."""

    texts: Texts | None = Field(
        None, description="One text or a list of texts. Exactly one of texts, words and ids."
    )
    words: Listed[Listed[str]] | None = Field(
        None,
        min_length=1,
        description="Texts in the caller's own segmentation: no piece crosses a word.",
    )
    ids: Listed[Listed[int]] | None = Field(
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
    spans: Listed[Listed[Listed[int]]] | None = Field(
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
        " without a look at the row itself, though at the rest of a piece that it is a part of; it"
        " is not pooled, and every level but text has it.",
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
