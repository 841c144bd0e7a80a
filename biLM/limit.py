"""Limit how many pieces a text may have, and say what becomes of a longer one."""

import sys
from dataclasses import dataclass
from typing import Literal

from biLM.errors import TextTooLongError

# The end at which a text loses pieces.
Lost = Literal["left", "right"] | None


@dataclass(frozen=True)
class Limit:
    """How many pieces a text may have, and what becomes of a longer one.

    Args:
        max_pieces: How many pieces the text may have.
        lost: The end at which a longer text loses pieces; None refuses it.
    """

    max_pieces: int
    lost: Lost = None

    def check(self, num_pieces: int) -> None:
        """Refuse a text that has more pieces and must not lose any.

        Raises:
            TextTooLongError: there are more, and `lost` is None.
        """
        if num_pieces > self.max_pieces and self.lost is None:
            raise TextTooLongError(at_least=num_pieces, limit=self.max_pieces)


NO_LIMIT = Limit(sys.maxsize)
