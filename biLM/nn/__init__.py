"""The biLM as a layer of your own network: `Elmo`, a `torch.nn.Module`."""

from biLM.nn.elmo import Elmo

__all__ = ["Elmo"]
