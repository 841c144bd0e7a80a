"""The biLM of the papers in float64 numpy, one equation a line: the oracle of the suite.

Written from the equations and from nothing in this repository. For a piece at time t:

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


def lstm(x, W, U, b):  # noqa: N803 - the letters of the equations
    """The outputs of one LSTM over one row; W, U, b stack the gates in the order i, f, g, o."""
    size = U.shape[1]
    h, c = np.zeros(size), np.zeros(size)
    outputs = []
    for x_t in x:
        i, f, g, o = (W @ x_t + U @ h + b).reshape(4, size)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        outputs.append(h)
    return np.array(outputs).reshape(len(x), size)


def direction(x, weights, prefix, num_layers):
    """What leaves each layer of one direction, a residual connection from the second on."""
    outputs = []
    for layer in range(num_layers):
        name = f"{prefix}.layers.{layer}"
        b = weights[f"{name}.bias_ih_l0"] + weights[f"{name}.bias_hh_l0"]
        h = lstm(x, weights[f"{name}.weight_ih_l0"], weights[f"{name}.weight_hh_l0"], b)
        x = h + x if layer else h
        outputs.append(x)
    return outputs


def representations(state_dict, ids, num_layers=2):
    """[depth, pieces, dim] of one row of piece ids, boundary pieces included, nothing padded."""
    weights = {name: tensor.double().numpy() for name, tensor in state_dict.items()}
    x = weights["embedding.weight"][list(ids)]
    ahead = direction(x, weights, "forward_lm", num_layers)
    back = direction(x[::-1], weights, "backward_lm", num_layers)
    layers = [np.concatenate([a, b[::-1]], axis=-1) for a, b in zip(ahead, back, strict=True)]
    copies = layers[0].shape[-1] // x.shape[-1]
    return np.stack([np.tile(x, copies), *layers])
