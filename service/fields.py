"""Types and fields that the requests and responses of several paths share."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

Truncate = Literal["error", "right", "left"]
DType = Literal["float32", "float16"]
Encoding = Literal["base64", "json"]
T = TypeVar("T")
# Validation stops at the first bad item; a million bad items would otherwise give a million errors.
Listed = Annotated[list[T], Field(fail_fast=True)]


# Each of these fields has an entry for each text, so an index into it is the number of a text.
FIELDS_OF_TEXTS = frozenset({"texts", "words", "ids", "spans", "input"})
# The names of the members of unions. Pydantic puts them among the steps to the place of an error,
# where the brackets distinguish them from fields.
ONE, MANY, IDS, ID_LISTS = "<one>", "<many>", "<ids>", "<id lists>"
NAME, NUMBER, NUMBERS, SWITCH = "<name>", "<number>", "<numbers>", "<switch>"
WEIGHTS, LOGITS = "<weights>", "<logits>"
TAGS = frozenset({ONE, MANY, IDS, ID_LISTS, NAME, NUMBER, NUMBERS, SWITCH, WEIGHTS, LOGITS})


class Strict(BaseModel):
    """A request, or a part of one. Unknown fields and strings for numbers are refused.

    A field that is null counts as absent if it may be absent. No text is cached.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, cache_strings="keys")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the model, in which every field with a default admits null."""
        schema = handler(source)
        part: Any = schema  # Any: which kind of schema it is decides about its keys
        while part["type"] != "model-fields":
            part = part["schema"]
        for field in part["fields"].values():
            of_field = field["schema"]
            if of_field["type"] == "default" and of_field["schema"]["type"] != "nullable":
                of_field["schema"] = core_schema.nullable_schema(of_field["schema"])
        return schema

    @model_validator(mode="after")
    def _null_is_absent(self) -> Self:
        for name in [name for name in self.model_fields_set if getattr(self, name) is None]:
            self.__dict__[name] = type(self).model_fields[name].get_default()
            self.model_fields_set.discard(name)
        return self


def _kind_of_texts(value: object) -> str:
    return ONE if isinstance(value, str) else MANY


# The discriminator chooses a member. A plain union would try every member and report all failures.
Texts = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[Listed[str], Tag(MANY), Field(min_length=1)],
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
