"""Exhaustive search: look at every path, and compute its probability by the chain rule."""

from itertools import product


def all_paths(vocabulary, end, max_pieces, log_probabilities):
    """Return every path with its log-probability, most probable first: `[(ids, value, ended)]`.

    `log_probabilities(prefix)` returns the log-probability of each piece after a prefix.
    """
    found = []
    for length in range(max_pieces + 1):
        for ids in product([v for v in range(vocabulary) if v != end], repeat=length):
            steps = [log_probabilities(ids[:place])[ids[place]] for place in range(length)]
            if length == max_pieces:
                found.append((ids, sum(steps), False))
            elif end is not None:
                found.append((ids, sum(steps) + log_probabilities(ids)[end], True))
    return sorted(found, key=lambda one: -one[1])


def drive(search, log_probabilities, tensor):
    """Return what a search finds in a model that gives log-probabilities for each prefix."""
    assert next(search) is None
    prefixes = [()]
    try:
        while True:
            step = search.send(tensor([log_probabilities(prefix) for prefix in prefixes]))
            prefixes = [
                (*prefixes[row], piece) for row, piece in zip(step.parents, step.ids, strict=True)
            ]
    except StopIteration as end:
        return end.value
