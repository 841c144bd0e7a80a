"""The question about the most probable pieces for the blank of a text."""

import re
from collections.abc import Generator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact
from biLM.errors import BlankError
from biLM.limit import NO_LIMIT, Limit
from biLM.network.heads import SIDES
from biLM.questions.question import Cost, cost_in_batch
from biLM.tokenizer import Offset, Tokenizer, refuse_surrogates

# All characters that normalisation turns into an underscore.
UNDERSCORES = "[_＿︳︴﹍﹎﹏]"
BLANK = re.compile(f"{UNDERSCORES}{{2,}}")
# The probabilities of all pieces of the vocabulary take about as long as this many guesses.
GUESSES_OF_ALL = 300


@dataclass(frozen=True)
class Expected:
    """A piece that may fill a blank.

    Args:
        piece: The piece as the vocabulary spells it.
        id: Its piece id.
        probability: Its probability among all pieces that are text.
    """

    piece: str
    id: int
    probability: float


@dataclass(frozen=True)
class Blank:
    """A text with one blank.

    Args:
        left: Piece ids of the text left of the blank, which is cut into pieces by itself.
        right: Piece ids of the text right of the blank, which is cut into pieces by itself.
        offset: Where the blank is in the text, in code points.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    offset: Offset


Guesses = dict[str, tuple[Expected, ...]]


@dataclass(frozen=True)
class GuessesFor:
    """A question about the most probable pieces for the blank of a text.

    Args:
        blank: The blank, with the text around it.
        top_k: How many pieces to return from each side.
        tokenizer: The tokenizer of the artifact.
    """

    blank: Blank
    top_k: int
    tokenizer: Tokenizer

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text around the blank."""
        return self.blank.left + self.blank.right

    @property
    def cost(self) -> Cost:
        """The cost of the text around the blank in a batch."""
        return cost_in_batch(self.ids, num_guesses=GUESSES_OF_ALL + self.top_k)

    def answering(
        self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact
    ) -> Generator[None, None, Guesses]:
        """Return guesses by head: `forward` reads the left, `backward` the right, `cloze` both."""
        heads, half = artifact.heads, artifact.config.cell_size
        before = len(self.blank.left)  # the column of the piece before the blank
        z = heads(framed[-1, before, :half], framed[-1, before + 1, half:])
        yield
        logits = heads.logits(z, artifact.model.embedding.weight)
        return most_probable(logits, self.tokenizer, self.top_k)


def find_blank(tokenizer: Tokenizer, text: str, limit: Limit = NO_LIMIT) -> Blank:
    """Return the one blank of a text.

    Args:
        tokenizer: The tokenizer of the artifact.
        text: The text.
        limit: How many pieces may stand around the blank. A longer text is refused even if the
            limit names an end to lose.

    Raises:
        BlankError: the text has no blank, or more than one.
        TextError: the text contains a lone surrogate.
        TextTooLongError: too many pieces stand around the blank.
    """
    # Below, each side is cut into pieces by itself; here the error names a place in the whole text.
    refuse_surrogates(text)
    blank = BLANK
    if vanishing := re.escape(tokenizer.vanishing(text)):
        blank = re.compile(f"{UNDERSCORES}(?:[{vanishing}]*{UNDERSCORES})+")
    found = blank.search(text)
    num_blanks = sum(1 for _ in blank.finditer(text))
    if found is None or num_blanks > 1:
        raise BlankError(
            f"the text has {num_blanks} blanks; write exactly one, as two or more underscores"
        )
    begin, end = found.span()
    left = tokenizer.encode(text[:begin], Limit(limit.max_pieces)).ids
    right = tokenizer.encode(text[end:], Limit(limit.max_pieces)).ids
    Limit(limit.max_pieces).check(len(left) + len(right))
    return Blank(left, right, (begin, end))


def most_probable(logits: Float[Tensor, "side vocab"], tokenizer: Tokenizer, top_k: int) -> Guesses:
    """Return the `top_k` most probable pieces of each side, by the names of `SIDES`.

    Byte pieces, boundary pieces and the unknown piece are left out, because a blank is filled with
    text.
    """
    is_text = torch.from_numpy(tokenizer.is_text)
    probabilities = logits.masked_fill(~is_text, -torch.inf).softmax(-1)
    found = {}
    for side, values in zip(SIDES, probabilities, strict=True):
        top = values.topk(min(top_k, int(is_text.sum())))
        found[side] = tuple(
            Expected(tokenizer.piece(id_), id_, probability)
            for id_, probability in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        )
    return found
