"""Continue a text with the forward language model.

`allowed_pieces` decides what may be written, byte pieces and the end included. Probabilities are
those of the full softmax, so pieces that may not be written keep a small share. The text is cut
into pieces without its continuation: its last piece stays, even where the tokenizer would make one
longer piece of both.
"""

from collections.abc import Generator
from dataclasses import dataclass
from random import Random

from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact
from biLM.errors import SearchError
from biLM.questions import search
from biLM.questions.allowed_pieces import Spelling
from biLM.questions.question import Cost, cost_of_search
from biLM.questions.search import Path, Rules, Search
from biLM.questions.walk import follow, read
from biLM.reading.stepper import ROWS, Stepper
from biLM.tokenizer import Tokenizer


@dataclass(frozen=True)
class Completion:
    """A possible continuation of a text.

    Args:
        text: What its pieces spell.
        pieces: The pieces as the vocabulary spells them.
        ids: Their piece ids.
        log_probability: Natural logarithm of the probability of the pieces, and of the end if
            finished, given the text. It is that of the model itself, whatever temperature and top_k
            are.
        finished: Whether the model ended the text there.
    """

    text: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    log_probability: float
    finished: bool


@dataclass(frozen=True)
class Greedy:
    """Take the most probable piece at each step."""

    @property
    def num_rows(self) -> int:
        """The number of paths that are searched side by side."""
        return 1

    def search(self, rules: Rules) -> Search:
        """Return the search under these rules."""
        return search.greedy(rules)


@dataclass(frozen=True)
class Sampling:
    """Draw each piece at random; completions come in the order of the draws.

    Draw n depends on the seed and on n, not on the number of completions.

    Args:
        temperature: Above 0; p becomes p ^ (1 / temperature), so below 1 probable pieces gain.
        top_k: How many of the most probable pieces to draw from, at least 1.
        seed: Seed of the random numbers.
        num_completions: Number of draws, 1 to 16.

    Raises:
        SearchError: a value is outside its range.
    """

    temperature: float = 1.0
    top_k: int = 50
    seed: int = 0
    num_completions: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise SearchError(f"temperature is {self.temperature}; it must be finite and above 0")
        if self.top_k < 1:
            raise SearchError(f"top_k is {self.top_k}; it must be at least 1")
        _check_rows("num_completions", self.num_completions, ROWS)

    @property
    def num_rows(self) -> int:
        """The number of paths that are searched side by side."""
        return self.num_completions

    def search(self, rules: Rules) -> Search:
        """Return the search under these rules."""
        draws = [Random(f"{self.seed} {number}") for number in range(self.num_completions)]
        return search.sample(rules, self.temperature, self.top_k, draws)


@dataclass(frozen=True)
class Beam:
    """Keep the most probable beginnings; the most probable completion comes first.

    No score makes up for length, so short completions that end often come first.

    Args:
        num_beams: How many beginnings to keep, 1 to 16.
        num_completions: How many completions to return, 1 to num_beams.

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
        """The number of paths that are searched side by side."""
        return self.num_beams

    def search(self, rules: Rules) -> Search:
        """Return the search under these rules."""
        return search.beam(rules, self.num_beams, self.num_completions)


Strategy = Greedy | Sampling | Beam


class Writer:
    """The forward language model of an artifact, used to write completions.

    Args:
        artifact: The artifact; its heads and boundary pieces are used.
        tokenizer: The tokenizer of the artifact.
        stepper: The stepper of its forward direction.
    """

    def __init__(self, artifact: Artifact, tokenizer: Tokenizer, stepper: Stepper) -> None:
        self._artifact = artifact
        self._tokenizer = tokenizer
        self._stepper = stepper
        self._spelling = Spelling(tokenizer, artifact.config.eos_id)

    def completions(
        self, ids: tuple[int, ...], strategy: Strategy, max_pieces: int
    ) -> Generator[None, None, list[Completion]]:
        """Return the completions that the strategy finds, pausing after each step."""
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
class CompletionsFor:
    """A question about the completions of a text.

    Args:
        writer: The writer of the artifact.
        ids: Piece ids of the text.
        strategy: How to search for completions.
        max_pieces: The largest number of pieces in a completion, at least 1.

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
    def cost(self) -> Cost:
        """The cost of reading the text, and of a step for each piece of a completion."""
        num_written = self.max_pieces * self.strategy.num_rows
        return cost_of_search(self.ids, self.max_pieces, num_written)

    def steps(self) -> Generator[None, None, list[Completion]]:
        """Compute the answer, pausing after each step."""
        return self.writer.completions(self.ids, self.strategy, self.max_pieces)


def _check_rows(name: str, value: int, limit: int) -> None:
    if not 1 <= value <= limit:
        raise SearchError(f"{name} is {value}; it must be 1 to {limit}")
