"""Find the most probable phrases of several pieces for a blank, from the left, the right or both.

Let L be the text left of the blank, R the text right of it, and x = x_1 .. x_n the phrase between
them:

    forward   log p(x) = sum_i log p_forward(x_i | L x_1 .. x_i-1)      a beam from left to right
    backward  log p(x) = sum_i log p_backward(x_i | x_i+1 .. x_n R)     a beam from right to left

Both are probabilities among the pieces that are text, as for a blank of one piece. From both sides,
p(x | L, R) is proportional to p(x, R | L) by the forward model, and to p(x, L | R) by the backward
model (Bayes). So each model reads a phrase and then on into the side that it does not know, and the
two results are pooled in equal parts (a logarithmic pool; Genest and Zidek 1986, "Combining
probability distributions"):

    cloze     log p(x) = (log p_forward(x R' | L) + log p_backward(L' x | R)) / 2 - log Z

R' and L' are the NUM_BEYOND pieces nearest to the blank on either side, the boundary piece
included, and Z makes the probabilities of the candidates sum to 1. The candidates come from two
beams. Each beam knows one side until its last piece, which the cloze head predicts from both sides;
so a phrase is made to fit where it ends:

    from the left    sum_i<n log p_forward(x_i | L x_1 .. x_i-1) + log p_cloze(x_n | L .. x_n-1, R)
    from the right   sum_i>1 log p_backward(x_i | x_i+1 .. x_n R) + log p_cloze(x_1 | L, x_2 .. R)

docs/decisions/0031 shows how often the right phrase is found, compared with other ways to judge
candidates.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact
from biLM.errors import SearchError
from biLM.network.heads import SIDES
from biLM.questions.blank import Blank
from biLM.questions.question import Cost, cost_of_search
from biLM.questions.search import Ids, Path, Rules, beam
from biLM.questions.walk import Logits, Standing, follow, read
from biLM.reading.stepper import ROWS, Stepper
from biLM.tokenizer import Tokenizer

# Each beam is as wide as there are rows.
MAX_PHRASES = ROWS
# One beam forward, one backward, and one from either side that proposes candidates.
NUM_BEAMS = 4
# Each side proposes at most ROWS candidates, which are judged in blocks of ROWS.
NUM_BLOCKS = 2
# How many pieces of the other side are read after a phrase; with 4, phrases are slightly worse.
NUM_BEYOND = 8

Head = Callable[[Float[Tensor, "batch half"]], Float[Tensor, "batch width"]]


@dataclass(frozen=True)
class Phrase:
    """A phrase that may fill a blank.

    Args:
        pieces: The pieces as the vocabulary spells them.
        ids: Their piece ids.
        text: What they spell.
        log_probability: Natural logarithm of its probability; the module gives the equations.
    """

    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    text: str
    log_probability: float


Phrases = dict[str, tuple[Phrase, ...]]


class Filler:
    """Both directions of an artifact, used to fill blanks.

    Args:
        artifact: The artifact; its heads and boundary pieces are used.
        tokenizer: The tokenizer of the artifact.
        forward_stepper: The stepper of its forward direction.
        backward_stepper: The stepper of its backward direction.
    """

    def __init__(
        self,
        artifact: Artifact,
        tokenizer: Tokenizer,
        forward_stepper: Stepper,
        backward_stepper: Stepper,
    ) -> None:
        self._artifact = artifact
        self._tokenizer = tokenizer
        self._forward = forward_stepper
        self._backward = backward_stepper
        self._is_text = torch.from_numpy(tokenizer.is_text)

    def phrases(self, blank: Blank, num_pieces: int, top_k: int) -> Generator[None, None, Phrases]:
        """Return the most probable phrases by the names of `SIDES`, pausing after each step."""
        config = self._artifact.config
        before = yield from read(self._forward, [config.bos_id, *blank.left])
        after = yield from read(self._backward, [config.eos_id, *reversed(blank.right)])
        rules = Rules(num_pieces, None, lambda *_: self._is_text)
        walks: list[tuple[Stepper, Standing, Logits]] = [
            (self._forward, before, self._from_left),
            (self._backward, after, self._from_right),
            (
                self._forward,
                before,
                _last(num_pieces, self._from_left, lambda top: self._from_both(top, after.top)),
            ),
            (
                self._backward,
                after,
                _last(num_pieces, self._from_right, lambda top: self._from_both(before.top, top)),
            ),
        ]
        found = []
        for stepper, standing, logits in walks:
            found.append((yield from follow(stepper, standing, logits, beam(rules, ROWS, ROWS))))
        forward, left_first = found[0], found[2]
        backward, right_first = ([_turned(path) for path in paths] for paths in found[1::2])
        candidates = list(dict.fromkeys(path.ids for path in [*left_first, *right_first]))
        cloze = yield from self._judged(blank, before, after, candidates)
        ranked = (forward, backward, cloze)
        return {
            side: tuple(map(self._phrase, paths[:top_k]))
            for side, paths in zip(SIDES, ranked, strict=True)
        }

    def _judged(
        self, blank: Blank, before: Standing, after: Standing, candidates: Sequence[Ids]
    ) -> Generator[None, None, list[Path]]:
        """Return the candidates as both directions judge them, the most probable first."""
        config, heads = self._artifact.config, self._artifact.heads
        to_come = [*blank.right, config.eos_id][:NUM_BEYOND]
        so_far = [*reversed(blank.left), config.bos_id][:NUM_BEYOND]
        found: list[float] = []
        for begin in range(0, len(candidates), ROWS):
            block = candidates[begin : begin + ROWS]
            rows = [*block, *[block[0]] * (ROWS - len(block))]
            columns = list(zip(*rows, strict=True))
            ahead = [*columns, *([piece_id] * ROWS for piece_id in to_come)]
            back = [*columns[::-1], *([piece_id] * ROWS for piece_id in so_far)]
            total = yield from self._read_on(self._forward, before, heads.forward_head, ahead)
            total += yield from self._read_on(self._backward, after, heads.backward_head, back)
            found += (total / 2).tolist()[: len(block)]
        values = torch.tensor(found, dtype=torch.float64).log_softmax(0).tolist()
        paths = [Path(*one) for one in zip(candidates, values, strict=True)]
        return sorted(paths, key=lambda path: -path.log_probability)

    def _read_on(
        self, stepper: Stepper, standing: Standing, head: Head, columns: Sequence[Sequence[int]]
    ) -> Generator[None, None, Tensor]:
        """Return the log-probability, `[ROWS]`, of what each row reads, by the full softmax."""
        total = torch.zeros(ROWS, dtype=torch.float64)
        for ids in columns:
            logits = self._full_logits(head(standing.top))
            total += logits[torch.arange(ROWS), torch.tensor(ids)] - logits.logsumexp(-1)
            standing = Standing(*stepper.step(standing.states, ids))
            yield
        return total

    def _from_left(self, top: Float[Tensor, "batch half"], _: int) -> Float[Tensor, "batch vocab"]:
        return self._logits(self._artifact.heads.forward_head(top))

    def _from_right(self, top: Float[Tensor, "batch half"], _: int) -> Float[Tensor, "batch vocab"]:
        return self._logits(self._artifact.heads.backward_head(top))

    def _from_both(
        self, left: Float[Tensor, "batch half"], right: Float[Tensor, "batch half"]
    ) -> Float[Tensor, "batch vocab"]:
        return self._logits(self._artifact.heads.cloze(left, right))

    def _logits(self, z: Float[Tensor, "batch width"]) -> Float[Tensor, "batch vocab"]:
        """Return logits in which bytes, boundaries and the unknown piece are minus infinity."""
        return self._full_logits(z).masked_fill(~self._is_text, -torch.inf)

    def _full_logits(self, z: Float[Tensor, "batch width"]) -> Float[Tensor, "batch vocab"]:
        return self._artifact.heads.logits(z, self._artifact.model.embedding.weight)

    def _phrase(self, path: Path) -> Phrase:
        pieces = tuple(map(self._tokenizer.piece, path.ids))
        return Phrase(pieces, path.ids, self._tokenizer.decode(path.ids), path.log_probability)


@dataclass(frozen=True)
class PhrasesFor:
    """A question about the phrases for the blank of a text.

    Args:
        filler: The filler of the artifact.
        blank: The blank, with the text around it.
        num_pieces: Number of pieces of a phrase, at least 1.
        top_k: How many phrases to return from each side, 1 to 16.

    Raises:
        SearchError: a value is outside its range.
    """

    filler: Filler
    blank: Blank
    num_pieces: int
    top_k: int

    def __post_init__(self) -> None:
        if self.num_pieces < 1:
            raise SearchError(f"num_pieces is {self.num_pieces}; it must be at least 1")
        if not 1 <= self.top_k <= MAX_PHRASES:
            raise SearchError(
                f"top_k is {self.top_k}; for several pieces it must be 1 to {MAX_PHRASES}"
            )

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text around the blank."""
        return self.blank.left + self.blank.right

    @property
    def cost(self) -> Cost:
        """The cost of reading both sides, of the searches, and of judging the candidates.

        Of what is written, only the two plain beams count as pieces read one at a time. Proposing
        and judging candidates reads more, but no more for a longer text; the steps count them.
        """
        judging = 2 * NUM_BLOCKS * (self.num_pieces + NUM_BEYOND)
        num_steps = NUM_BEAMS * self.num_pieces + judging
        return cost_of_search(self.ids, num_steps, num_written=2 * ROWS * self.num_pieces)

    def steps(self) -> Generator[None, None, Phrases]:
        """Compute the answer, pausing after each step."""
        return self.filler.phrases(self.blank, self.num_pieces, self.top_k)


def _last(num_pieces: int, others: Logits, last: Callable[[Tensor], Tensor]) -> Logits:
    """Return logits that come from `last` for the last piece and from `others` before it."""
    return lambda top, written: last(top) if written == num_pieces - 1 else others(top, written)


def _turned(path: Path) -> Path:
    return Path(path.ids[::-1], path.log_probability)
