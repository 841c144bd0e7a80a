"""Choose the layers that a request names instead of a mix."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from biLM.network.config import CONTEXT, Layer

from ..errors import SHOWN_NAME_LENGTH, RequestError, invalid
from ..fields import NAME, NUMBER, NUMBERS, Listed

# More layers than any model has. A longer list is refused before its items are read.
MAX_LAYERS = 64


def _kind_of_layers(value: object) -> str:
    return NAME if isinstance(value, str) else NUMBERS


def _kind_of_layer(value: object) -> str:
    return NAME if isinstance(value, str) else NUMBER


# The discriminator chooses a member. A plain union would try every member and report all failures.
OneLayer = Annotated[
    Annotated[int, Tag(NUMBER)] | Annotated[Literal["context"], Tag(NAME)],
    Discriminator(_kind_of_layer),
]
Layers = Annotated[
    Annotated[Literal["all", "context"], Tag(NAME)]
    | Annotated[Listed[OneLayer], Tag(NUMBERS), Field(min_length=1, max_length=MAX_LAYERS)],
    Discriminator(_kind_of_layers),
]


def chosen_layers(
    requested: Literal["all", "context"] | Sequence[Layer], num_representations: int
) -> tuple[Layer, ...]:
    """Return the layers that a request names.

    Raises:
        RequestError: unknown_layer, or validation_error if one occurs twice.
    """
    if requested == "all":
        return tuple(range(num_representations))
    if requested == CONTEXT:
        return (CONTEXT,)
    for layer in requested:
        if isinstance(layer, int) and not 0 <= layer < num_representations:
            raise RequestError(
                "unknown_layer",
                f"layers: there is no layer {str(layer)[:SHOWN_NAME_LENGTH]}; send numbers from 0"
                f' to {num_representations - 1} or "context"; see /info',
                param="layers",
            )
    if len(set(requested)) < len(requested):
        raise invalid("layers", "one layer occurs twice; send each once")
    return tuple(requested)
