"""The recurrent cells in float64 numpy, one equation a line: the oracle of `training.cells`.

Written from the papers' equations and from nothing in this repository; `lstm` beside it has the
LSTM's. W and U stack the gates of a cell, b is what its input's side adds and d its state's.
"""

import numpy as np
from numpy import tanh

from tests.reference.lstm import sigmoid


def lstm(x, W, U, b, d):  # noqa: N803 - the letters of the equations
    """[time, 2, size]: h and c of the LSTM of Gers et al. 2000; gates i, f, g, o."""
    size = U.shape[1]
    return peephole(x, W, U, b, d, np.zeros(size), np.zeros(size), np.zeros(size))


def peephole(x, W, U, b, d, p_i, p_f, p_o):  # noqa: N803
    """[time, 2, size]: h and c of Graves 2013, equations 7 to 11; gates i, f, g, o."""
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
    """[time, 1, size]: h of Cho et al. 2014 with the reset gate behind its product; r, z, n."""
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
    """[time, 1, size]: h of Elman 1990, with tanh."""
    h = np.zeros(U.shape[1])
    states = []
    for x_t in x:
        h = tanh(W @ x_t + b + U @ h + d)
        states.append([h])
    return np.array(states)
