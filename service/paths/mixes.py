"""Choose the mix that a request names or contains, and describe it in the response."""

from typing import Annotated

from pydantic import BaseModel, Discriminator, Field, FiniteFloat, Tag

from biLM.mixes import DEFAULT_MIX
from biLM.network.scalar_mix import ScalarMix

from ..engine import Engine
from ..errors import SHOWN_NAME_LENGTH, RequestError, invalid
from ..fields import LOGITS, NAME, WEIGHTS, Listed, Strict

# Vectors are float32. Beyond these bounds, a vector cannot be scaled to length 1: its sum of
# squares becomes infinite, or its length falls below what torch still divides by.
LEAST_FACTOR, LARGEST_FACTOR = 1e-9, 1e15


class Weights(Strict):
    """A mix given by its weights, which are used unchanged."""

    weights: Listed[FiniteFloat] = Field(
        description="One number per representation, layer 0 first."
    )
    gamma: FiniteFloat = Field(1.0, description="The factor that scales the mixed vector.")
    logits: None = Field(None, description="Send either weights or logits.")


class Logits(Strict):
    """A mix given by raw weights, as a task learns them; a softmax turns them into weights."""

    logits: Listed[FiniteFloat] = Field(description="One number per representation, layer 0 first.")
    gamma: FiniteFloat = Field(1.0, description="The factor that scales the mixed vector.")
    weights: None = Field(None, description="Send either weights or logits.")


def _kind_of_mix(value: object) -> str:
    if isinstance(value, str):
        return NAME
    has_logits = isinstance(value, dict) and value.get("logits") is not None
    return LOGITS if has_logits else WEIGHTS


# The discriminator chooses a member. A plain union would try every member and report all failures.
Mix = Annotated[
    Annotated[str, Tag(NAME)] | Annotated[Weights, Tag(WEIGHTS)] | Annotated[Logits, Tag(LOGITS)],
    Discriminator(_kind_of_mix),
]


class MixUsed(BaseModel):
    """The mix that was applied."""

    name: str | None = Field(
        examples=["default"],
        description="The name of the mix; null if the request contained weights or logits.",
    )
    weights: list[float] = Field(description="One weight per representation, layer 0 first.")
    gamma: float = Field(description="The factor that scales the mixed vector.")


def chosen_mix(
    requested: str | Weights | Logits | None, engine: Engine
) -> tuple[ScalarMix, str | None]:
    """Return the mix, and its name unless the caller sent a mix of its own.

    Raises:
        RequestError: unknown_mix; or validation_error, if the numbers do not fit the model.
    """
    if isinstance(requested, Weights | Logits):
        return _given_mix(requested, engine.num_representations), None
    name = requested or DEFAULT_MIX
    return _named_mix(name, engine), name


def check_size(mix: ScalarMix) -> None:
    """Refuse a mix of the caller whose numbers are too large or too small to compute with.

    Raises:
        RequestError: validation_error.
    """
    largest = max(abs(mix.gamma * weight) for weight in mix.weights)
    is_zero = not (mix.gamma and any(mix.weights))
    if not is_zero and not LEAST_FACTOR <= largest <= LARGEST_FACTOR:
        raise invalid(
            "mix",
            f"gamma times the largest weight is {largest:.3g}; send numbers for which it is 0 or"
            f" from {LEAST_FACTOR:g} to {LARGEST_FACTOR:g}",
        )


def mix_used(mix: ScalarMix, name: str | None) -> dict[str, object]:
    """Return the description of a mix for a response."""
    return {"name": name, "weights": mix.weights, "gamma": mix.gamma}


def _named_mix(name: str, engine: Engine) -> ScalarMix:
    if name not in engine.mixes:
        raise RequestError(
            "unknown_mix",
            f"there is no mix {name[:SHOWN_NAME_LENGTH]!r}; choose one of {sorted(engine.mixes)}",
            param="mix",
        )
    return engine.mixes[name]


def _given_mix(requested: Weights | Logits, num_representations: int) -> ScalarMix:
    numbers = requested.weights if isinstance(requested, Weights) else requested.logits
    if len(numbers) != num_representations:
        raise invalid(
            "mix",
            f"it has {len(numbers)} numbers for {num_representations} representations; send one"
            " for each, layer 0 first",
        )
    if isinstance(requested, Weights):
        return ScalarMix(tuple(numbers), requested.gamma)
    return ScalarMix.from_logits(numbers, requested.gamma)
