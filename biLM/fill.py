"""A text with one blank -> the pieces expected in it, from the left, the right and both sides."""

import re
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.errors import BlankError
from biLM.heads import SIDES
from biLM.tokenizer import Offset, Tokenizer, refuse_surrogates

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


@dataclass(frozen=True)
class Blank:
    """A text with one blank.

    Args:
        left: Piece ids of what stands left of it, cut by itself.
        right: Piece ids of what stands right of it.
        offset: Where it stands in the text, in code points.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    offset: Offset


def find_blank(tokenizer: Tokenizer, text: str) -> Blank:
    """The one blank of a text.

    Raises:
        BlankError: there is no blank, or more than one.
        TextError: the text holds a lone surrogate.
    """
    refuse_surrogates(text)  # here, where its place in the text is known
    found = list(BLANK.finditer(text))
    if len(found) != 1:
        raise BlankError(
            f"the text has {len(found)} blanks; write exactly one, as two or more underscores"
        )
    begin, end = found[0].span()
    return Blank(tokenizer.encode(text[:begin]).ids, tokenizer.encode(text[end:]).ids, (begin, end))


def most_probable(
    logits: Float[Tensor, "side vocab"], tokenizer: Tokenizer, top_k: int
) -> dict[str, tuple[Expected, ...]]:
    """The `top_k` most probable pieces of each side, by the names of `SIDES`.

    Bytes, boundaries and the unknown piece are no text a blank could be filled with.
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
