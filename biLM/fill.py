"""A text with one blank -> the pieces expected in it, from the left, the right and both sides."""

import re
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.errors import BlankError
from biLM.heads import SIDES
from biLM.tokenizer import Tokenizer, refuse_surrogates

BLANK = re.compile("_{2,}")


@dataclass(frozen=True)
class Expected:
    """A piece that may stand in a blank.

    Args:
        piece: As it stands in the vocabulary.
        id: Its piece id.
        probability: Among all pieces that are text.
    """

    piece: str
    id: int
    probability: float


def around_blank(tokenizer: Tokenizer, text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The piece ids left and right of the one blank of a text, each side cut by itself.

    Raises:
        BlankError: there is no blank, or more than one.
        TextError: the text holds a lone surrogate.
    """
    refuse_surrogates(text)  # here, where its place in the text is known
    sides = BLANK.split(text)
    if len(sides) != 2:
        raise BlankError(
            f"the text has {len(sides) - 1} blanks; write exactly one, as two or more underscores"
        )
    left, right = (tokenizer.encode(side).ids for side in sides)
    return left, right


def most_probable(
    logits: Float[Tensor, "side vocab"], tokenizer: Tokenizer, top_k: int
) -> dict[str, tuple[Expected, ...]]:
    """The `top_k` most probable pieces of each side, by the names of `SIDES`.

    Bytes, boundaries and the unknown piece are no text a blank could be filled with.
    """
    is_text = torch.tensor([tokenizer.is_text(id_) for id_ in range(tokenizer.num_pieces)])
    probabilities = logits.masked_fill(~is_text, -torch.inf).softmax(-1)
    found = {}
    for side, values in zip(SIDES, probabilities, strict=True):
        top = values.topk(min(top_k, int(is_text.sum())))
        found[side] = tuple(
            Expected(tokenizer.piece(id_), id_, probability)
            for id_, probability in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        )
    return found
