"""Centring, written out: subtract the mean vector of each layer, then clip to its bound."""

import numpy as np


def centred(geometry, layers):
    """Return the centred representations, and the context if it comes last, in float64.

    Args:
        geometry: The geometry of an artifact.
        layers: `[depth, ..., dim]`, or `[depth + 1, ..., dim]` with the context last.
    """
    found = []
    for layer, mean, bound in zip(layers, geometry.center, geometry.bound, strict=False):
        rest = layer - mean.double().numpy()
        found.append(np.minimum(np.maximum(rest, -float(bound)), float(bound)))
    return np.stack(found)
