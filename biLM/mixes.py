"""Read and write a file of named scalar mixes, learned by a task or written by an operator.

{"reviews": {"weights": [0.1, 0.3, 0.6], "gamma": 1.2}, "titles": {"logits": [0, 1, 2]}}
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from biLM.errors import MixError
from biLM.files import to_json, write_atomically
from biLM.network.scalar_mix import ScalarMix

# Every artifact has a mix of this name.
DEFAULT_MIX = "default"
KINDS = {"weights": ScalarMix, "logits": ScalarMix.from_logits}


def read_mixes(
    path: Path, num_representations: int, taken: Mapping[str, object]
) -> dict[str, ScalarMix]:
    """Read a file of mixes and return them by name.

    Args:
        path: The file, in JSON.
        num_representations: Number of representations of the model, and so of weights in a mix.
        taken: Names that are already in use; a name has one meaning for each model.

    Raises:
        MixError: the file cannot be read, or a mix in it does not fit.
    """
    try:
        named = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MixError(f"mixes of {path}: {error}; name a JSON file") from error
    if not isinstance(named, dict):
        raise MixError(f"mixes of {path}: a {type(named).__name__}; write an object of named mixes")
    refuse_taken(named, taken, f"mixes of {path}: ")
    return {name: _mix(path, name, given, num_representations) for name, given in named.items()}


def add_mixes(path: Path, added: Mapping[str, ScalarMix], taken: Mapping[str, object]) -> None:
    """Add mixes to a file, and keep the mixes of other names that are in it.

    Args:
        path: The file; it is written if it is missing.
        added: The mixes, at least one.
        taken: Names of the model's own mixes.

    Raises:
        MixError: a name is taken, or the file has something else than mixes of this model.
    """
    refuse_taken(added, taken)
    depth = len(next(iter(added.values())).weights)
    mixes = (read_mixes(path, depth, taken) if path.exists() else {}) | dict(added)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, to_json({name: fields_of(mix) for name, mix in mixes.items()}))


def fields_of(mix: ScalarMix) -> dict[str, Any]:
    """Return a mix as the file has it."""
    return {"weights": list(mix.weights), "gamma": mix.gamma}


def refuse_taken(names: Iterable[str], taken: Mapping[str, object], place: str = "") -> None:
    """Refuse a name that the model's own mixes have, because a name has one meaning.

    Raises:
        MixError: a name is taken.
    """
    for name in names:
        if name in taken:
            raise MixError(f"{place}the model already has a mix {name!r}; choose another name")


def _mix(path: Path, name: str, given: Any, num_representations: int) -> ScalarMix:
    place = f"mixes of {path}: {name!r}"
    kinds = KINDS.keys() & given.keys() if isinstance(given, dict) else set()
    if len(kinds) != 1 or given.keys() - {"gamma", *kinds}:
        raise MixError(
            f"{place} must have either weights or logits, may have gamma, and nothing else"
        )
    (kind,) = kinds
    numbers, gamma = given[kind], given.get("gamma", 1.0)
    if not isinstance(numbers, list) or not all(map(_is_number, [*numbers, gamma])):
        raise MixError(f"{place}: {kind} must be a list of numbers and gamma a number")
    if len(numbers) != num_representations:
        raise MixError(
            f"{place} has {len(numbers)} {kind}; this model has {num_representations}"
            " representations: give one number for each, layer 0 first"
        )
    try:
        return KINDS[kind](tuple(map(float, numbers)), float(gamma))
    except (MixError, OverflowError) as error:
        raise MixError(f"{place}: {error}") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
