"""The heads in float64 numpy, written from the equations and from nothing in this repository.

    forward   o = E z + a,   z = W_f f + c_f
    backward  o = E z + a,   z = W_b b + c_b
    cloze     o = E z + a,   z = V relu(U [f ; b] + d) + e

f is the forward top state of the piece before a place, b the backward top state of the one after.
"""

import numpy as np


def expected(state_dict, f, b):
    """Z of the forward, the backward and the cloze head for one place."""
    weights = {name: tensor.double().numpy() for name, tensor in state_dict.items()}

    def linear(name, x):
        return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]

    hidden = np.maximum(linear("cloze_hidden", np.concatenate([f, b])), 0)
    return linear("forward_head", f), linear("backward_head", b), linear("cloze_head", hidden)


def contexts(state_dict, layers, rows):
    """[rows, dim]: the cloze's z around each half-open range of pieces, repeated to the width.

    `layers` are the representations of a row with a boundary piece at both ends.
    """
    top, half = layers[-1], layers.shape[-1] // 2
    found = [expected(state_dict, top[begin, :half], top[end + 1, half:])[2] for begin, end in rows]
    return np.array([np.tile(z, 2 * half // len(z)) for z in found]).reshape(len(rows), 2 * half)
