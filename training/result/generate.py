"""Continue a text from the command line with the forward model of an artifact."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from biLM.encoder import Encoder
from biLM.questions.completions import Beam, Completion, Greedy, Sampling, Strategy

from ..errors import TrainingError

STRATEGIES: Mapping[str, type[Strategy]] = {"greedy": Greedy, "sample": Sampling, "beam": Beam}


def strategy_of(name: str, given: Mapping[str, int | float]) -> Strategy:
    """Return a strategy with the values that were given.

    Raises:
        TrainingError: the strategy does not take one of the values.
        SearchError: a value is outside its range.
    """
    kind = STRATEGIES[name]
    used = [field.name for field in fields(kind)]
    for value in given:
        if value not in used:
            others = ", ".join(map(_option, used)) or "no values"
            raise TrainingError(
                f"{_option(value)} is given, but the strategy {name} takes {others};"
                " leave it out, or choose another --strategy"
            )
    return kind(**given)  # type: ignore[arg-type]  # the command line has converted each value


def generate(artifact: Path, text: str, strategy: Strategy, max_pieces: int) -> list[str]:
    """Return a line for each completion: its log-probability and the whole text.

    Raises:
        ArtifactError: the folder is incomplete, foreign or damaged.
        SearchError: max_pieces is below 1.
        TextError: the text contains a lone surrogate.
    """
    found = Encoder.load(artifact).complete(text, strategy, max_pieces)
    return [_line(text, completion) for completion in found]


def _line(text: str, completion: Completion) -> str:
    end = " [end]" if completion.finished else ""
    return f"{completion.log_probability:9.3f}  {text}{completion.text}{end}"


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
