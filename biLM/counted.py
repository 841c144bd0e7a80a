"""How a number of things is said: `1 file`, `2 files`."""


def counted(number: int, noun: str) -> str:
    """Return the number with its noun, in the plural unless it is one; the plural adds an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
