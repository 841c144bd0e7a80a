"""A text -> how the forward language model goes on with it.

What may be written, byte pieces and the end among it, is told in `biLM.spelling`; probabilities are
those of the full softmax, so what may not be written has its share, a small one. The text is cut
by itself: its last piece stays, even where the model would have made one longer piece of it and
what follows.
"""

from collections.abc import Generator
from dataclasses import dataclass
from random import Random

from jaxtyping import Float
from torch import Tensor

from biLM import search
from biLM.artifact import Artifact
from biLM.errors import SearchError
from biLM.search import Path, Rules, Search
from biLM.spelling import Spelling
from biLM.stepper import ROWS, Stepper
from biLM.tokenizer import Tokenizer
from biLM.walk import follow, read


@dataclass(frozen=True)
class Completion:
    """How a text may go on.

    Args:
        text: What its pieces spell.
        pieces: As they stand in the vocabulary.
        ids: Their piece ids.
        log_probability: Natural logarithm, given the text: of the pieces, and of the end if
            finished, as the model has it, whatever temperature and top_k were.
        finished: Whether the model ended the text there.
    """

    text: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    log_probability: float
    finished: bool


@dataclass(frozen=True)
class Greedy:
    """Take the most probable piece each time."""

    @property
    def num_rows(self) -> int:
        """Paths side by side."""
        return 1

    def search(self, rules: Rules) -> Search:
        """The search itself."""
        return search.greedy(rules)


@dataclass(frozen=True)
class Sampling:
    """Draw each piece by chance; completions come in the order of the draws.

    Draw n depends on the seed and on n, not on how many there are.

    Args:
        temperature: Above 0: p ^ (1 / temperature); below 1 the probable gets more probable.
        top_k: How many of the most probable pieces are drawn from.
        seed: Of the chance.
        num_completions: 1 to 16.

    Raises:
        SearchError: a value is outside its range.
    """

    temperature: float = 1.0
    top_k: int = 50
    seed: int = 0
    num_completions: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise SearchError(f"temperature is {self.temperature}; it must be above 0, and finite")
        if self.top_k < 1:
            raise SearchError(f"top_k is {self.top_k}; it must be at least 1")
        _check_rows("num_completions", self.num_completions, ROWS)

    @property
    def num_rows(self) -> int:
        """Paths side by side."""
        return self.num_completions

    def search(self, rules: Rules) -> Search:
        """The search itself."""
        draws = [Random(f"{self.seed} {number}") for number in range(self.num_completions)]
        return search.sample(rules, self.temperature, self.top_k, draws)


@dataclass(frozen=True)
class Beam:
    """Keep the most probable beginnings; completions come the most probable first.

    Nothing makes up for length, so short ones that end are often ahead.

    Args:
        num_beams: 1 to 16.
        num_completions: 1 to num_beams.

    Raises:
        SearchError: a value is outside its range.
    """

    num_beams: int = 4
    num_completions: int = 1

    def __post_init__(self) -> None:
        _check_rows("num_beams", self.num_beams, ROWS)
        _check_rows("num_completions", self.num_completions, self.num_beams)

    @property
    def num_rows(self) -> int:
        """Paths side by side."""
        return self.num_beams

    def search(self, rules: Rules) -> Search:
        """The search itself."""
        return search.beam(rules, self.num_beams, self.num_completions)


Strategy = Greedy | Sampling | Beam


class Writer:
    """The forward language model of an artifact as it writes.

    Args:
        artifact: Its heads and boundary pieces.
        tokenizer: Of the artifact.
        stepper: Its forward direction.
    """

    def __init__(self, artifact: Artifact, tokenizer: Tokenizer, stepper: Stepper) -> None:
        self._artifact = artifact
        self._tokenizer = tokenizer
        self._stepper = stepper
        self._spelling = Spelling(tokenizer, artifact.config.eos_id)

    def completions(
        self, ids: tuple[int, ...], strategy: Strategy, max_pieces: int
    ) -> Generator[None, None, list[Completion]]:
        """What the strategy finds, resting after each step."""
        config = self._artifact.config
        rules = Rules(max_pieces, config.eos_id, self._spelling.may_follow)
        standing = yield from read(self._stepper, [config.bos_id, *ids])
        paths = yield from follow(self._stepper, standing, self._logits, strategy.search(rules))
        return [self._completion(path) for path in paths]

    def _logits(self, top: Float[Tensor, "batch half"], _: int) -> Float[Tensor, "batch vocab"]:
        heads = self._artifact.heads
        return heads.logits(heads.forward_head(top), self._artifact.model.embedding.weight)

    def _completion(self, path: Path) -> Completion:
        return Completion(
            text=self._tokenizer.decode(path.ids),
            pieces=tuple(map(self._tokenizer.piece, path.ids)),
            ids=path.ids,
            log_probability=path.log_probability,
            finished=path.is_finished,
        )


@dataclass(frozen=True)
class CompletionsOf:
    """The question after completions of a text.

    Args:
        writer: Of the artifact.
        ids: Piece ids of the text.
        strategy: How they are searched.
        max_pieces: How long one may be, at least 1.

    Raises:
        SearchError: max_pieces is below 1.
    """

    writer: Writer
    ids: tuple[int, ...]
    strategy: Strategy
    max_pieces: int

    def __post_init__(self) -> None:
        if self.max_pieces < 1:
            raise SearchError(f"max_pieces is {self.max_pieces}; it must be at least 1")

    @property
    def num_steps(self) -> int:
        """Steps of the search, at most."""
        return self.max_pieces

    @property
    def stepped_pieces(self) -> int:
        """Pieces read one at a time: those of the text, and of all paths together."""
        return len(self.ids) + self.max_pieces * self.strategy.num_rows

    def steps(self) -> Generator[None, None, list[Completion]]:
        """The answer, after as many rests as there are steps."""
        return self.writer.completions(self.ids, self.strategy, self.max_pieces)


def _check_rows(name: str, value: int, limit: int) -> None:
    if not 1 <= value <= limit:
        raise SearchError(f"{name} is {value}; it must be 1 to {limit}")
