"""The recurrent cells in float64 numpy, one equation per line: the oracle of `training.cells`.

It is written from the papers' equations and from no other code of this repository, except `lstm`
beside it. W and U stack the gates of a cell; b is the bias on the side of the input, and d the bias
on the side of the state.
"""

import numpy as np
from numpy import tanh

from tests.reference.lstm import sigmoid


def lstm(x, W, U, b, d):  # noqa: N803 - the letters of the equations
    """Return h and c of the LSTM of Gers et al. 2000, `[time, 2, size]`; gates i, f, g, o."""
    size = U.shape[1]
    return peephole(x, W, U, b, d, np.zeros(size), np.zeros(size), np.zeros(size))


def peephole(x, W, U, b, d, p_i, p_f, p_o):  # noqa: N803
    """Return h and c of Graves 2013, equations 7 to 11, `[time, 2, size]`; gates i, f, g, o."""
    size = U.shape[1]
    h, c = np.zeros(size), np.zeros(size)
    states = []
    for x_t in x:
        in_i, in_f, in_g, in_o = (W @ x_t + b + U @ h + d).reshape(4, size)
        i = sigmoid(in_i + p_i * c)
        f = sigmoid(in_f + p_f * c)
        c = f * c + i * tanh(in_g)
        o = sigmoid(in_o + p_o * c)
        h = o * tanh(c)
        states.append([h, c])
    return np.array(states)


def gru(x, W, U, b, d):  # noqa: N803
    """Return h of the GRU of Cho et al. 2014, `[time, 1, size]`; gates r, z, n.

    Unlike the paper, the reset gate is applied after the product with the state.
    """
    size = U.shape[1]
    W_r, W_z, W_n = W.reshape(3, size, -1)  # noqa: N806
    U_r, U_z, U_n = U.reshape(3, size, size)  # noqa: N806
    b_r, b_z, b_n = b.reshape(3, size)
    d_r, d_z, d_n = d.reshape(3, size)
    h = np.zeros(size)
    states = []
    for x_t in x:
        r = sigmoid(W_r @ x_t + b_r + U_r @ h + d_r)
        z = sigmoid(W_z @ x_t + b_z + U_z @ h + d_z)
        n = tanh(W_n @ x_t + b_n + r * (U_n @ h + d_n))
        h = z * h + (1 - z) * n
        states.append([h])
    return np.array(states)


def rnn(x, W, U, b, d):  # noqa: N803
    """Return h of the network of Elman 1990 with tanh, `[time, 1, size]`."""
    h = np.zeros(U.shape[1])
    states = []
    for x_t in x:
        h = tanh(W @ x_t + b + U @ h + d)
        states.append([h])
    return np.array(states)
