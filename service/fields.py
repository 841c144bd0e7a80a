"""Types and parts that the requests and the answers of several paths share."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Truncate = Literal["error", "right", "left"]
DType = Literal["float32", "float16"]
Encoding = Literal["base64", "json"]
T = TypeVar("T")
# Validation stops at the first bad item; a million bad items would otherwise be a million errors.
Listed = Annotated[list[T], Field(fail_fast=True)]


class Strict(BaseModel):
    """A request: unknown fields are refused, and "1" is no number; no text of it is cached."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, cache_strings="keys")


def _kind_of_texts(value: object) -> str:
    return "one" if isinstance(value, str) else "many"


# Discriminated by hand: a plain union would try, and report, every member.
Texts = Annotated[
    Annotated[str, Tag("one")] | Annotated[Listed[str], Tag("many"), Field(min_length=1)],
    Discriminator(_kind_of_texts),
]


class ModelFacts(BaseModel):
    """Which model answered."""

    id: str = Field(examples=["zh-small"])
    revision: str = Field(examples=["sha256:…"], description="Of the whole artifact folder.")
    dim: int = Field(examples=[1024], description="Width of a vector.")
    num_layers: int = Field(examples=[2], description="LSTM layers per direction.")


class ModelInfo(ModelFacts):
    """Which model answers, and how large its vocabulary is."""

    num_pieces: int = Field(description="Size of the vocabulary; ids lie below it.")


class Usage(BaseModel):
    """How much was read."""

    pieces: int
    characters: int = Field(description="Code points; 0 with ids.")
