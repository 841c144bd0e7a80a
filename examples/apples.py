"""Compare the vectors of 苹果 in four sentences about the fruit and four about the phone.

python -m examples.apples [URL of the service]
"""

import base64
import json
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

WORD = "苹果"
FRUIT = (
    "他每天早上都要啃一个又脆又甜的苹果。",
    "妈妈把苹果削了皮，切成小块放进盘子里。",
    "山坡上的苹果熟了，果农们正忙着采摘。",
    "这箱苹果个头不大，但是汁多味甜。",
)
PHONE = (
    "我的苹果手机没电了，充电器又忘在家里。",
    "她刚把用了五年的旧手机换成苹果最新款。",
    "听说苹果下个月发布新手机，屏幕会更大。",
    "我用苹果手机给朋友发了一条语音消息。",
)
READOUTS = {"mix default": {"mix": "default"}, "context": {"layers": ["context"]}}
Vectors = npt.NDArray[np.float32]


def main(url: str) -> None:
    """Print the mean cosine within each sense and across the two."""
    print(f"{'':12}{'fruit':>8}{'phone':>8}{'across':>8}")
    for name, readout in READOUTS.items():
        vectors = word_vectors(url, FRUIT + PHONE, readout)
        fruit, phone = vectors[: len(FRUIT)], vectors[len(FRUIT) :]
        pairs = combinations(fruit, 2), combinations(phone, 2), product(fruit, phone)
        print(f"{name:12}" + "".join(f"{mean_cosine(some):8.3f}" for some in pairs))


def word_vectors(url: str, texts: tuple[str, ...], readout: Mapping[str, object]) -> Vectors:
    """Return the vector of WORD in each text, scaled to unit length."""
    spans = [[[text.index(WORD), text.index(WORD) + len(WORD)]] for text in texts]
    asked = {"texts": texts, "level": "span", "spans": spans, **readout}
    body = json.dumps({**asked, "center": True, "normalize": True}).encode()
    request = urllib.request.Request(f"{url}/embed", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        data = json.load(answer)["data"]
    rows = [np.frombuffer(base64.b64decode(entry["embedding"]), "<f4") for entry in data]
    return np.stack(rows)


def mean_cosine(pairs: Iterable[tuple[Vectors, Vectors]]) -> float:
    """Return the mean cosine over pairs of unit vectors."""
    return float(np.mean([one @ other for one, other in pairs]))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
