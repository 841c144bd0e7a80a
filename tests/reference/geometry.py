"""Centring, written out: subtract the mean vector of each layer, then cut what is too large."""

import numpy as np


def centred(geometry, layers):
    """The representations, and the context if it stands below them, in float64.

    Args:
        geometry: An artifact's.
        layers: `[depth, ..., dim]`, or `[depth + 1, ..., dim]` with the context last.
    """
    found = []
    for layer, mean, bound in zip(layers, geometry.center, geometry.bound, strict=False):
        rest = layer - mean.double().numpy()
        found.append(np.minimum(np.maximum(rest, -float(bound)), float(bound)))
    return np.stack(found)
