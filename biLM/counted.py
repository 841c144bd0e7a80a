"""Write a number together with its noun: `1 file`, `2 files`."""


def counted(number: int, noun: str) -> str:
    """Return the number and its noun, with an s at its end unless the number is 1."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
