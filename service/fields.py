"""Types and fields that the requests and responses of several paths share."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Truncate = Literal["error", "right", "left"]
DType = Literal["float32", "float16"]
Encoding = Literal["base64", "json"]
T = TypeVar("T")
# Validation stops at the first bad item; a million bad items would otherwise give a million errors.
Listed = Annotated[list[T], Field(fail_fast=True)]


class Strict(BaseModel):
    """A request. Unknown fields and strings for numbers are refused, and no text is cached."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, cache_strings="keys")


def _kind_of_texts(value: object) -> str:
    return "one" if isinstance(value, str) else "many"


# The discriminator chooses a member. A plain union would try every member and report all failures.
Texts = Annotated[
    Annotated[str, Tag("one")] | Annotated[Listed[str], Tag("many"), Field(min_length=1)],
    Discriminator(_kind_of_texts),
]


class ModelFacts(BaseModel):
    """The model that computed the response."""

    id: str = Field(examples=["zh-small"], description="The name of the model.")
    revision: str = Field(examples=["sha256:…"], description="A hash of the whole artifact folder.")
    dim: int = Field(examples=[1024], description="The number of values in a vector.")
    num_layers: int = Field(examples=[2], description="The number of LSTM layers per direction.")


class ModelInfo(ModelFacts):
    """The model that the service runs."""

    num_pieces: int = Field(description="The size of the vocabulary. Every piece id is below it.")


class Usage(BaseModel):
    """How much text was read."""

    pieces: int = Field(description="The number of pieces.")
    characters: int = Field(description="The number of code points; 0 for ids.")
