"""Group sources, so that a report names the large ones and counts the others."""

from collections.abc import Mapping

# A report with more lines than this is not read to its end.
MAX_NAMED = 40


def groups_of(sizes: Mapping[str, int]) -> dict[str, str]:
    """Return the group of each source: its own name, or `other, N sources`.

    The largest sources have a group of their own. A table never has more than MAX_NAMED groups.

    Args:
        sizes: The size of each source, such as its number of characters.
    """
    if len(sizes) <= MAX_NAMED:
        return {source: source for source in sizes}
    by_size = sorted(sizes, key=lambda source: (-sizes[source], source))
    named = set(by_size[: MAX_NAMED - 1])
    other = f"other, {len(sizes) - len(named):,} sources"
    return {source: source if source in named else other for source in sizes}
