"""Which pieces touch a range of code points, by the definition and without its search."""


def touching(offsets, begin, end):
    """Pieces that begin before the end, and end after the begin or are empty at it or behind."""
    return [piece for piece, (b, e) in enumerate(offsets) if b < end and (e > begin or b >= begin)]
