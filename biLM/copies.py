"""Copy an artifact's weights for the fast reader, and notice that they have changed since.

The fast LSTM layers hold rearranged copies of the weights. After an artifact's model has been
trained further in place, the copies would go on giving the vectors of the old weights.
"""

from copy import deepcopy

import torch

from biLM.artifact import Artifact
from biLM.network.model import BiLM
from biLM.questions.completions import Writer
from biLM.questions.phrases import Filler
from biLM.reading.reader import Reader
from biLM.reading.watch import Watch
from biLM.tokenizer import Tokenizer


class Copies:
    """Everything that the encoder makes of the weights as they are at one moment.

    Args:
        artifact: The artifact.
        tokenizer: Its tokenizer.
        dtype: The type of the numbers that the fast layers multiply.
        device: Where texts are read in batches; on any device but a CPU, torch's own LSTM does it.

    Attributes:
        reader: The fast reader. Searches use its steppers, on whatever device batches are read.
        writer: Continues texts.
        filler: Fills blanks of several pieces.
        elsewhere: The model on the device, if it is not a CPU.
    """

    def __init__(
        self, artifact: Artifact, tokenizer: Tokenizer, dtype: torch.dtype, device: torch.device
    ) -> None:
        self._watch = Watch(artifact.model)
        self.reader = Reader(artifact.model, dtype)
        forward, backward = self.reader.forward_stepper, self.reader.backward_stepper
        self.writer = Writer(artifact, tokenizer, forward)
        self.filler = Filler(artifact, tokenizer, forward, backward)
        self.elsewhere: BiLM | None = None
        if not reads_fast(device):
            self.elsewhere = deepcopy(artifact.model).requires_grad_(False).to(device)

    def are_current(self) -> bool:
        """Return whether the artifact's model still has the weights that were copied."""
        return not self._watch.has_changed()


def reads_fast(device: torch.device) -> bool:
    """Return whether a device is a CPU, for which the fast reader is made."""
    return device.type == "cpu"
