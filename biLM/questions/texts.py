"""Turn a text of any kind into a passage: the pieces to read, and the rows that are requested."""

from collections.abc import Sequence
from typing import Literal

from biLM.limit import NO_LIMIT, Limit
from biLM.questions.blank import Blank, find_blank
from biLM.questions.passage import (
    Passage,
    char_passage,
    ids_passage,
    piece_passage,
    span_passage,
    text_passage,
    word_passage,
)
from biLM.tokenizer import Tokenizer


class Texts:
    """Makes passages of texts, by one method for each kind of rows.

    Args:
        tokenizer: The vocabulary.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def pieces(self, text: str, limit: Limit = NO_LIMIT) -> Passage:
        """Return a text with a row for each piece.

        Raises:
            TextError: the text contains a lone surrogate; here and below.
            TextTooLongError: the text has more pieces than the limit, which names no end to lose;
                here and below.
        """
        return piece_passage(self._tokenizer, text, limit)

    def chars(self, text: str, limit: Limit = NO_LIMIT) -> Passage:
        """Return a text with a row for each code point."""
        return char_passage(self._tokenizer, text, limit)

    def spans(self, text: str, spans: Sequence[Sequence[int]], limit: Limit = NO_LIMIT) -> Passage:
        """Return a text with a row for each half-open span of code points.

        Raises:
            SpanError: a span is empty, reversed or outside the text.
        """
        return span_passage(self._tokenizer, text, spans, limit)

    def words(
        self,
        words: Sequence[str],
        level: Literal["word", "piece", "text"] = "word",
        limit: Limit = NO_LIMIT,
    ) -> Passage:
        """Return a text in the caller's segmentation, with a row for each word or piece, or one."""
        return word_passage(self._tokenizer, words, level, limit)

    def text(self, text: str, limit: Limit = NO_LIMIT) -> Passage:
        """Return a text with one row."""
        return text_passage(self._tokenizer, text, limit)

    def ids(
        self,
        ids: Sequence[int],
        level: Literal["piece", "text"] = "piece",
        limit: Limit = NO_LIMIT,
    ) -> Passage:
        """Return a text that is given by its piece ids, with a row for each piece, or one.

        Raises:
            IdError: an id is outside the vocabulary, or the model was never trained on its piece.
            TextTooLongError: as above.
        """
        return ids_passage(self._tokenizer, ids, level, limit)

    def blank(self, text: str, limit: Limit = NO_LIMIT) -> Blank:
        """Find the blank of a text such as `我爱____`.

        Raises:
            BlankError: the text has no blank, or more than one.
            TextError: the text contains a lone surrogate.
            TextTooLongError: more pieces than the limit stand around the blank.
        """
        return find_blank(self._tokenizer, text, limit)
