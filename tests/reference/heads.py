"""The heads in float64 numpy, written from the equations and from no code of this repository.

    forward   o = E z + a,   z = W_f f + c_f
    backward  o = E z + a,   z = W_b b + c_b
    cloze     o = E z + a,   z = V relu(U [f ; b] + d) + e

f is the forward top state of the piece before a place, b the backward top state of the piece after
it.
"""

import numpy as np


def expected(state_dict, f, b):
    """Return z of the forward, the backward and the cloze head for one place."""
    weights = {name: tensor.double().numpy() for name, tensor in state_dict.items()}

    def linear(name, x):
        return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]

    hidden = np.maximum(linear("cloze_hidden", np.concatenate([f, b])), 0)
    return linear("forward_head", f), linear("backward_head", b), linear("cloze_head", hidden)


def contexts(state_dict, layers, rows, rests=None):
    """Return the context of each row, `[rows, dim]`.

    It is z of the cloze head, plus the mean of what each side expects up to the row, all repeated
    to the full width. In a mean, a place counts half as much as the next place towards the row.

    Args:
        state_dict: The weights of the heads.
        layers: The representations of a text, with a boundary piece at both ends.
        rows: For each row, the half-open range of its pieces.
        rests: For each row, the embeddings of the rest of its pieces; three times their mean is
            added.
    """
    top, half = layers[-1], layers.shape[-1] // 2

    def heads(left, right):
        return expected(state_dict, top[left, :half], top[right, half:])

    last = len(top) - 1
    found = []
    for row, (begin, end) in enumerate(rows):
        so_far = [heads(left, last)[0] for left in range(begin + 1)]
        to_come = [heads(0, right)[1] for right in range(end + 1, last + 1)]
        cloze = heads(begin, end + 1)[2]
        nearness = 0.5 ** np.arange(len(top))
        found.append(
            cloze
            + np.average(so_far[::-1], axis=0, weights=nearness[: len(so_far)])
            + np.average(to_come, axis=0, weights=nearness[: len(to_come)])
        )
        if rests is not None and len(rests[row]):
            found[-1] = found[-1] + 3 * np.mean(rests[row], axis=0)
    return np.array([np.tile(z, 2 * half // len(z)) for z in found]).reshape(len(rows), 2 * half)
