"""The biLM as it reads texts: the function of `BiLM.forward`, on the fastest path there is.

Each LSTM call reads one strip of a batch and leaves its state for the next. Padding is dropped
on the way out: the representations of all texts stand one after the other.
"""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from biLM.batch import Batch, Strip
from biLM.lstm import LstmStack, reverse_padded
from biLM.model import BiLM
from biLM.reading_layer import ReadingLayer
from biLM.side_by_side import side_by_side
from biLM.stepper import Stepper


class Reader:
    """A biLM that only reads.

    Args:
        model: Whose function it is; its embedding is shared, its layers are copied.
        dtype: Of the numbers that are multiplied; see `ReadingLayer`.

    Attributes:
        forward_stepper: Its forward direction, to be read one piece at a time.
        backward_stepper: Its backward direction, from the end of a text.
    """

    def __init__(self, model: BiLM, dtype: torch.dtype) -> None:
        self._config = model.config
        self._embedding = model.embedding.weight
        self._inputs = model.embedding.weight.to(dtype)
        self._forward_lm = _reading_layers(model.forward_lm, dtype)
        self._backward_lm = _reading_layers(model.backward_lm, dtype)
        self.forward_stepper = Stepper(self._inputs, self._forward_lm)
        self.backward_stepper = Stepper(self._inputs, self._backward_lm)

    @torch.inference_mode()
    def read(
        self, batch: Batch, cores_of_both: int | None = None
    ) -> list[Float[Tensor, "depth time dim"]]:
        """Every representation of every piece of each text of the batch, in the batch's order.

        Args:
            batch: The texts.
            cores_of_both: Of the directions together, which are then read side by side; None reads
                one after the other. The same kernels run.
        """
        config = self._config
        is_piece = torch.arange(batch.ids.shape[1]) < batch.lengths[:, None]
        x = self._embedding[batch.ids[is_piece]]
        found = x.new_empty(config.num_representations, len(x), config.dim)
        found[0].view(len(x), -1, config.embedding_size).copy_(x[:, None])  # repeated
        ids, places = batch.ids, _places(batch)
        turned_ids, turned_places = (reverse_padded(of, batch.lengths) for of in (ids, places))
        ahead, turned = found[1:].chunk(2, dim=-1)
        sides = (
            (self._forward_lm, ids, places[is_piece], ahead),
            (self._backward_lm, turned_ids, turned_places[is_piece], turned),
        )
        read = partial(self._read_direction, batch.strips)
        if cores_of_both:
            side_by_side(read, sides, cores_of_both)
        else:
            for side in sides:
                read(*side)
        return list(torch.split(found, batch.lengths[: len(batch.texts)].tolist(), dim=1))

    @torch.inference_mode()  # of the thread it runs on
    def _read_direction(
        self,
        strips: Sequence[Strip],
        layers: Sequence[ReadingLayer],
        ids: Int[Tensor, "batch time"],
        places: Int[Tensor, " pieces"],
        found: Float[Tensor, "layers pieces half"],
    ) -> None:
        """Write what leaves each layer into its half; a piece stands at its place in the strips."""
        inputs = [nn.functional.embedding(ids[strip].T, self._inputs) for strip in strips]
        for depth, layer in enumerate(layers):
            outputs = _read_strips(layer, inputs, strips, len(ids))
            picked = torch.cat([y.flatten(0, 1) for y in outputs]).index_select(0, places)
            if depth == 0:
                found[depth], inputs = picked, outputs
                continue
            # A residual connection around each layer from the second on.
            torch.add(found[depth - 1], picked, out=found[depth])
            if depth + 1 < len(layers):
                inputs = [y + x for y, x in zip(outputs, inputs, strict=True)]


def _read_strips(
    layer: ReadingLayer, inputs: Sequence[Tensor], strips: Sequence[Strip], num_rows: int
) -> list[Tensor]:
    h, c = layer.zero_state(num_rows)
    outputs = []
    for x, strip in zip(inputs, strips, strict=True):
        rows = strip.rows
        output, (h[:, rows], c[:, rows]) = layer(x, (h[:, rows], c[:, rows]))
        outputs.append(output)
    return outputs


def _places(batch: Batch) -> Int[Tensor, "batch time"]:
    """Where a piece is found among the outputs of all strips, one after the other."""
    places, seen = torch.zeros_like(batch.ids), 0
    for strip in batch.strips:
        place = places[strip].T
        numbers = torch.arange(seen, seen + place.numel())
        places[strip] = numbers.view(place.shape).T
        seen += place.numel()
    return places


def _reading_layers(stack: LstmStack, dtype: torch.dtype) -> list[ReadingLayer]:
    return [ReadingLayer(layer, dtype) for layer in stack.layers]
