"""Find the pieces that touch a range of code points by the definition, without bisection."""


def touching(offsets, begin, end):
    """Return the pieces that touch [begin, end).

    A piece must begin before the end; and it must end after the begin, or begin there or later.
    """
    return [piece for piece, (b, e) in enumerate(offsets) if b < end and (e > begin or b >= begin)]
