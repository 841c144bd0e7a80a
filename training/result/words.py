"""Find the pieces of a vocabulary that are words."""

import torch
from jaxtyping import Bool
from torch import Tensor

from biLM.tokenizer import Tokenizer

from .languages import is_han

# A piece of at least this many Han characters counts as a word.
WORD_CHARACTERS = 2


def words_of(tokenizer: Tokenizer) -> Bool[Tensor, " vocab"]:
    """Return a mask of the pieces that are words: two or more Han characters and nothing else."""
    pieces = map(tokenizer.piece, range(tokenizer.num_pieces))
    return torch.tensor([len(p) >= WORD_CHARACTERS and all(map(is_han, p)) for p in pieces])
