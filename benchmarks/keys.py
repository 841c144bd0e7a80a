"""Measure whether the time of a refusal reveals how close a wrong API key was to the right one.

python -m benchmarks.keys

One client sends four wrong keys in turns to a service with one key: a key that is right except for
the last character, one whose first half is right, one with no character right, and one a tenth as
long. For each key, the program prints the quartiles of the time to the refusal, and the probability
that its refusal takes longer than that of the key with no character right, with the standard error.
A probability of 0.5 reveals nothing.
"""

import asyncio
import os
import secrets
import time

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.load import Load, ask, connect, post
from benchmarks.processes import SERVICE, serving
from training.run.provenance import provenance

ROUNDS, WARM_UP = 10_000, 500


def main() -> None:
    """Print a line for each kind of wrong key."""
    key = secrets.token_urlsafe(48)
    os.environ["BILM_API_KEYS"] = key
    other = "".join("A" if character != "A" else "B" for character in key)
    wrong = {
        "nothing right": other,
        "half right": key[:32] + other[32:],
        "all but one right": key[:-1] + other[-1],
        "short": other[:6],
    }
    print(provenance(torch.device("cpu")))
    with serving(*SERVICE) as port:
        took = asyncio.run(refusals(port, list(wrong.values())))
    took = took[WARM_UP:]
    error = np.sqrt((2 * len(took) + 1) / (12 * len(took) ** 2))
    is_first = np.repeat([0, 1], len(took))
    for name, column in zip(wrong, took.T, strict=True):
        chance = roc_auc_score(is_first, np.concatenate([took[:, 0], column]))
        quartiles = " ".join(f"{1e6 * q:6.0f}" for q in np.quantile(column, [0.25, 0.5, 0.75]))
        print(f"{name:18} {quartiles} us   slower with probability {chance:.3f} +- {error:.3f}")


async def refusals(port: int, keys: list[str]) -> np.ndarray:
    """Return the seconds of each refusal, one row per round."""
    random = np.random.default_rng(1)
    requests = [post("/embed", {"texts": "苹果"}, headers={"X-API-Key": key}) for key in keys]
    took = np.zeros((ROUNDS, len(keys)))
    connection = await connect(port)
    load = Load(0.0)
    for row in took:
        for kind in random.permutation(len(keys)):
            began = time.perf_counter()
            await ask(connection, requests[kind], began, load)
            row[kind] = time.perf_counter() - began
    connection.close()
    assert set(load.statuses) == {401}, load.statuses
    return took


if __name__ == "__main__":
    main()
