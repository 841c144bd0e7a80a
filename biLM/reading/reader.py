"""The biLM that only reads: it computes the function of `BiLM.forward` by the fastest path.

Each LSTM call reads one strip of a batch and passes its state to the next call. Padding is dropped
from the outputs, and the representations of all texts follow one another without gaps.

numpy computes the position of each piece. Every operation of torch releases the interpreter's lock
and then has to get it back. Beside a busy event loop that takes longer than so small an operation.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, starmap
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from biLM.network.lstm import LstmStack
from biLM.network.model import BiLM
from biLM.reading.batch import STRETCH_COLUMNS, Batch, Strip
from biLM.reading.layer import ReadingLayer, State
from biLM.reading.side_by_side import cores_for, side_by_side
from biLM.reading.stepper import Stepper

Found = TypeVar("Found")


@dataclass(frozen=True)
class Side:
    """What one direction reads of a batch.

    Args:
        ids: Piece ids in the order of reading, padded on the right.
        places: For each piece of all texts, in the order of the texts, its index in the outputs of
            the strips.
    """

    ids: Int[np.ndarray, "batch time"]
    places: Int[np.ndarray, " pieces"]


class Reader:
    """A biLM that only reads.

    Args:
        model: The model whose function is computed. Its embedding is shared, its layers are copied.
        dtype: The type of the numbers that are multiplied; see `ReadingLayer`.

    Attributes:
        forward_stepper: The forward direction, which reads one piece at a time.
        backward_stepper: The backward direction, which does so from the end of a text.
    """

    def __init__(self, model: BiLM, dtype: torch.dtype) -> None:
        self._config = model.config
        self._embedding = model.embedding.weight.detach().to("cpu", torch.float32)
        self._inputs = self._embedding.to(dtype)
        self._forward_lm = _reading_layers(model.forward_lm, dtype)
        self._backward_lm = _reading_layers(model.backward_lm, dtype)
        self.forward_stepper = Stepper(self._inputs, self._forward_lm)
        self.backward_stepper = Stepper(self._inputs, self._backward_lm)

    @torch.inference_mode()
    def read(
        self, batch: Batch, cores_of_both: int | None = None
    ) -> list[Float[Tensor, "depth time dim"]]:
        """Return all representations of each text of the batch, in the batch's order.

        Args:
            batch: The texts.
            cores_of_both: The number of cores for both directions together, which then run side by
                side. With None, one direction runs after the other, in the same kernels.
        """
        pieces, ahead, turned = _both_sides(batch)
        found = self._begun(pieces)
        left, right = found[1:].chunk(2, dim=-1)
        start = self._zero_states(len(batch.ids))
        sides = zip(self._layers, start, (ahead, turned), (left, right), strict=True)
        _both(partial(self._read_direction, batch.strips), sides, cores_of_both)
        return list(torch.split(found, batch.lengths.tolist(), dim=1))

    def read_alone(
        self, batch: Batch, both_at_once: bool | None
    ) -> Generator[None, None, Float[Tensor, "depth time dim"]]:
        """Do the work of `read` for a batch of one text, pausing after each stretch of it.

        A stretch is read through all layers before the next one. Every call has the inputs that it
        has in `read`, so the bits are the same.

        Args:
            batch: The text.
            both_at_once: Whether the two directions are read side by side; see `Encoder`.
        """
        (length,) = batch.lengths.tolist()
        found = self._begun(batch.ids[0, :length])
        left, right = found[1:].chunk(2, dim=-1)
        states = self._zero_states(len(batch.ids))
        for begin, strips, ahead, turned in _stretches(batch):
            end = begin + len(ahead.places)
            read = left[:, begin:end], right[:, length - end : length - begin]
            sides = zip(self._layers, states, (ahead, turned), read, strict=True)
            with cores_for(both_at_once) as cores_of_both:
                work = partial(self._read_direction, strips)
                states = tuple(_both(work, sides, cores_of_both))
            yield
        return found

    def reading_bytes(self, num_pieces: int, num_read: int) -> int:
        """Return how many bytes `read` takes for a batch at most, its result included.

        Beside the representations, each direction has the embeddings of its strips. Of one layer it
        has the input and the output of all strips, and the output once more in one piece. Of two
        layers it has the output in the order of the texts.

        Args:
            num_pieces: Pieces of all texts.
            num_read: Pieces of all strips, padding included.
        """
        config, number_bytes = self._config, self._inputs.element_size()
        found_bytes = config.num_representations * config.dim * self._embedding.element_size()
        piece_bytes = found_bytes + 2 * config.dim * number_bytes
        read_bytes = (3 * config.dim + 2 * config.embedding_size) * number_bytes
        return num_pieces * piece_bytes + num_read * read_bytes

    @property
    def _layers(self) -> tuple[Sequence[ReadingLayer], Sequence[ReadingLayer]]:
        return self._forward_lm, self._backward_lm

    def _zero_states(self, num_rows: int) -> tuple[Sequence[State], ...]:
        """Return the state in which each layer of each direction begins a batch."""
        return tuple([layer.zero_state(num_rows) for layer in layers] for layers in self._layers)

    def _begun(self, pieces: Int[np.ndarray, " pieces"]) -> Float[Tensor, "depth pieces dim"]:
        """Return the array for all representations; the first, the embeddings, is filled in."""
        config = self._config
        x = self._embedding[torch.from_numpy(pieces)]
        found = x.new_empty(config.num_representations, len(x), config.dim)
        # Representation 0 is the embedding, repeated to the width of the others.
        found[0].view(len(x), -1, config.embedding_size).copy_(x[:, None])
        return found

    def embedded(self, ids: Int[Tensor, "time batch"]) -> Float[Tensor, "time batch width"]:
        """Return the input of the first layer, which is the same in both directions."""
        return nn.functional.embedding(ids, self._inputs)

    def call(
        self,
        depth: int,
        x: Float[Tensor, "direction time batch width"],
        state: State,
        both_at_once: bool | None,
    ) -> tuple[Float[Tensor, "direction time batch dim"], State]:
        """Run one layer of each direction in a single call, as `read` does for each strip.

        Args:
            depth: The number of the layer, counted from 0.
            x: The inputs of the forward and of the backward layer.
            state: The initial h and c, each `[direction, 1, batch, cells]`.
            both_at_once: The same as for `read_alone`.
        """
        layers = self._forward_lm[depth], self._backward_lm[depth]
        sides = zip(layers, x, zip(*state, strict=True), strict=True)
        with cores_for(both_at_once) as cores_of_both:
            outputs, states = zip(*_both(_call, sides, cores_of_both), strict=True)
        h, c = map(torch.stack, zip(*states, strict=True))
        return torch.stack(outputs), (h, c)

    @torch.inference_mode()  # applies to the thread that runs it
    def _read_direction(
        self,
        strips: Sequence[Strip],
        layers: Sequence[ReadingLayer],
        states: Sequence[State],
        side: Side,
        found: Float[Tensor, "layers pieces half"],
    ) -> Sequence[State]:
        """Write the output of each layer into this direction's half of `found`.

        Returns:
            The state of each layer after the strips.
        """
        by_time = [side.ids[strip].T for strip in strips]
        ids = torch.from_numpy(np.concatenate([one.reshape(-1) for one in by_time]))
        x = nn.functional.embedding(ids, self._inputs)
        parts = torch.split(x, [one.size for one in by_time])
        inputs = [part.view(*one.shape, -1) for part, one in zip(parts, by_time, strict=True)]
        places = torch.from_numpy(side.places)
        ends = []
        for depth, (layer, state) in enumerate(zip(layers, states, strict=True)):
            outputs, end = _read_strips(layer, inputs, state)
            ends.append(end)
            picked = torch.cat([y.flatten(0, 1) for y in outputs]).index_select(0, places)
            if depth == 0:
                found[depth], inputs = picked, outputs
                continue
            # Each layer from the second on has a residual connection around it.
            torch.add(found[depth - 1], picked, out=found[depth])
            if depth + 1 < len(layers):
                inputs = [y + x for y, x in zip(outputs, inputs, strict=True)]
        return ends


def _both(
    work: Callable[..., Found], sides: Iterable[tuple[Any, ...]], cores_of_both: int | None
) -> list[Found]:
    """Return the results of both directions, which run side by side if cores are given."""
    return side_by_side(work, sides, cores_of_both) if cores_of_both else list(starmap(work, sides))


@torch.inference_mode()  # applies to the thread that runs it
def _call(layer: ReadingLayer, x: Tensor, state: State) -> tuple[Tensor, State]:
    return layer(x, state)


def _read_strips(
    layer: ReadingLayer, inputs: Sequence[Tensor], state: State
) -> tuple[list[Tensor], State]:
    num_rows, outputs = inputs[0].shape[1], []
    for x in inputs:
        if x.shape[1] < num_rows:  # the last texts have ended
            num_rows = x.shape[1]
            h, c = state
            state = h[:, :num_rows], c[:, :num_rows]
        output, state = layer(x, state)
        outputs.append(output)
    return outputs, state


def _both_sides(batch: Batch) -> tuple[Int[np.ndarray, " pieces"], Side, Side]:
    """Return the pieces of all texts, one after the other, and what each direction reads."""
    rows = np.repeat(np.arange(len(batch.lengths)), batch.lengths)
    to_end = np.cumsum(batch.lengths)[rows] - 1 - np.arange(len(rows))
    column = batch.lengths[rows] - 1 - to_end
    pieces, places, turned = batch.ids[rows, column], _places(batch), np.zeros_like(batch.ids)
    turned[rows, to_end] = pieces  # each text inside its own length
    return pieces, Side(batch.ids, places[rows, column]), Side(turned, places[rows, to_end])


def _stretches(batch: Batch) -> Iterator[tuple[int, Sequence[Strip], Side, Side]]:
    """Yield each stretch of a text: where it begins, its strips, and what each direction reads.

    The places of both directions are in the order of the text, but the backward direction reads its
    first stretch at the end of the text.
    """
    (length,) = batch.lengths.tolist()
    turned = np.zeros_like(batch.ids)
    turned[0, :length] = batch.ids[0, :length][::-1]
    for number, group in groupby(batch.strips, lambda one: one.columns.start // STRETCH_COLUMNS):
        begin = number * STRETCH_COLUMNS
        strips = tuple(
            Strip(rows, slice(columns.start - begin, columns.stop - begin))
            for rows, columns in group
        )
        here = slice(begin, begin + strips[-1].columns.stop)
        places = _places(Batch(batch.ids[:, here], batch.lengths, strips, batch.texts))
        ahead = places[0, : length - begin]
        yield (
            begin,
            strips,
            Side(batch.ids[:, here], ahead),
            Side(turned[:, here], ahead[::-1].copy()),
        )


def _places(batch: Batch) -> Int[np.ndarray, "batch time"]:
    """Return each piece's index in the outputs of all strips, one after the other."""
    places, seen = np.zeros_like(batch.ids), 0
    for strip in batch.strips:
        height, width = places[strip].shape
        numbers = np.arange(seen, seen + height * width)
        places[strip] = numbers.reshape(width, height).T
        seen += height * width
    return places


def _reading_layers(stack: LstmStack, dtype: torch.dtype) -> list[ReadingLayer]:
    return [ReadingLayer(layer, dtype) for layer in stack.layers]
