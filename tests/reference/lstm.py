"""The biLM of the papers in float64 numpy, one equation per line: the oracle of the suite.

It is written from the equations and from no code of this repository. For a piece at time t:

    i = sigmoid(W_i x_t + U_i h_{t-1} + b_i)          input gate
    f = sigmoid(W_f x_t + U_f h_{t-1} + b_f)          forget gate
    g = tanh   (W_g x_t + U_g h_{t-1} + b_g)          candidate
    o = sigmoid(W_o x_t + U_o h_{t-1} + b_o)          output gate
    c_t = f * c_{t-1} + i * g
    h_t = o * tanh(c_t)

Hochreiter and Schmidhuber 1997; Gers et al. 2000. Layer 2 adds its input (Peters et al. 2018).
"""

import numpy as np
from numpy import tanh


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(x, h, c, W, U, b):  # noqa: N803 - the letters of the equations
    """Return i, f, g, o, c and h after one more x; W, U and b stack the gates i, f, g, o."""
    i, f, g, o = (W @ x + U @ h + b).reshape(4, -1)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    c = f * c + i * g
    return np.stack([i, f, g, o, c, o * tanh(c)])


def steps(x, W, U, b):  # noqa: N803
    """Return i, f, g, o, c and h of one LSTM over one row, `[6, pieces, cells]`."""
    size = U.shape[1]
    h, c = np.zeros(size), np.zeros(size)
    found = []
    for x_t in x:
        found.append(step(x_t, h, c, W, U, b))
        c, h = found[-1][4:]
    return np.array(found).reshape(len(x), 6, size).swapaxes(0, 1)


def layers(x, weights, prefix, num_layers):
    """Yield the steps of each layer of one direction, and its output: h + x from layer 2 on."""
    for layer in range(num_layers):
        name = f"{prefix}.layers.{layer}"
        b = weights[f"{name}.bias_ih_l0"] + weights[f"{name}.bias_hh_l0"]
        found = steps(x, weights[f"{name}.weight_ih_l0"], weights[f"{name}.weight_hh_l0"], b)
        x = found[-1] + x if layer else found[-1]
        yield found, x


def direction(x, weights, prefix, num_layers):
    """Return the output of each layer of one direction; from layer 2 on it adds the input."""
    return [output for _, output in layers(x, weights, prefix, num_layers)]


def gates(x, weights, prefix, layer):
    """Return i, f, g, o, c and h of one layer, counted from 1: `[6, pieces, cells]`."""
    *_, (found, _) = layers(x, weights, prefix, layer)
    return found


def representations(state_dict, ids, num_layers=2):
    """Return the representations of one row of piece ids, `[depth, pieces, dim]`.

    The ids include the boundary pieces and no padding.
    """
    weights = {name: tensor.double().numpy() for name, tensor in state_dict.items()}
    x = weights["embedding.weight"][list(ids)]
    ahead = direction(x, weights, "forward_lm", num_layers)
    back = direction(x[::-1], weights, "backward_lm", num_layers)
    both = [np.concatenate([a, b[::-1]], axis=-1) for a, b in zip(ahead, back, strict=True)]
    copies = both[0].shape[-1] // x.shape[-1]
    return np.stack([np.tile(x, copies), *both])
