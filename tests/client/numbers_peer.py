"""What a peer answers where each text is a number, which is its vector, too."""

import json

import numpy as np
from safetensors.numpy import save

NUMBERS = [str(number) for number in range(40)]


def vectors(body, revision="sha256:1"):
    """Return a response in which the vector of each text is its number."""
    texts = body["texts"]
    tensors = {
        "embedding": np.array([[float(text)] for text in texts], "<f4").reshape(-1, 1),
        "row_splits": np.arange(len(texts) + 1, dtype="<i8"),
    }
    rest = {"model": {"revision": revision}, "data": [{"truncated": False} for _ in texts]}
    return 200, {}, save(tensors, {name: json.dumps(value) for name, value in rest.items()})


def refusal(status, code, message="no", **more):
    """Return a refusal of the service, with further fields."""
    return status, {}, {"error": {"code": code, "message": message, **more}}
