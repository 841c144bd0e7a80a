"""A bidirectional LSTM language model whose layers are contextual vectors (Peters et al. 2018).

    from biLM import Encoder, Readout

The names load what they need when they are first used, so that `biLM.errors` or a `--help` does
not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from biLM.encoder import Encoder
    from biLM.questions.readout import Readout

__all__ = ["Encoder", "Readout"]
HOMES = {"Encoder": "biLM.encoder", "Readout": "biLM.questions.readout"}


def __getattr__(name: str) -> object:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)
