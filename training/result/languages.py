"""Determine the language of a source, so that the figures of languages are not mixed.

A character of Chinese carries two to three times as many bits as one of English, so bits per
character over both measure most of all how much English there is.
"""

from typing import NamedTuple

CHINESE, OTHER = "Chinese", "other languages"


class Cell(NamedTuple):
    """The held-out text of a group of sources in one language."""

    group: str
    language: str


def language_of(han: int, letters: int) -> str:
    """Return the language of a text.

    Args:
        han: The number of its Han characters.
        letters: The number of all its letters, Han characters among them.
    """
    return CHINESE if 2 * han > letters else OTHER


def count_letters(text: str) -> tuple[int, int]:
    """Return how many Han characters a text has, and how many letters, which include them."""
    letters = [character for character in text if character.isalpha()]
    return sum(map(is_han, letters)), len(letters)


def is_han(character: str) -> bool:
    """Return whether a character is one of the Han characters that nearly all text uses."""
    return "\u4e00" <= character <= "\u9fff"
