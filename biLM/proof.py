"""Prove, on this machine, which shapes of a call give a text the same bits.

A kernel may add in another order when it gets another number of rows. Which shapes agree depends on
the processor and on the sizes of the model. So every shape is compared with the sure shape before
it is used: each layer of both directions reads the same rows from the same state in both shapes,
and all results must be equal, bit for bit. Every shape has then run once, so no caller waits for
oneDNN to build a primitive.

The comparison consists of short steps, one call of a layer each. Texts can be read in between.
"""

import logging
from collections.abc import Callable, Generator, Iterable
from time import perf_counter
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from biLM.network.config import BiLMConfig
from biLM.reading.batch import FEW_HEIGHTS, SHAPES, SURE_SHAPE, Shape
from biLM.reading.layer import State

SURE_ROWS, SURE_COLUMNS = SURE_SHAPE
TIMED_HEIGHTS, TIMED_RUNS = (8, 64), 3
# How many times as long the more rows must take for fewer rows to count as faster. The ratio is
# about 7 without matrix units, and about 3 with them.
CLEARLY = 4.5

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
Call = Callable[[int, Tensor, State], tuple[Tensor, State]]
Embedded = Callable[[Int[Tensor, "time batch"]], Float[Tensor, "time batch width"]]

logger = logging.getLogger(__name__)


class Sample(NamedTuple):
    """Rows that a layer of each direction reads, with its results in the sure shape.

    Args:
        x: The input.
        start: The state before the first column.
        output: The output of the layer.
        states: The state after every `SURE_COLUMNS` columns.
    """

    x: Float[Tensor, "direction time batch width"]
    start: State
    output: Float[Tensor, "direction time batch dim"]
    states: tuple[State, ...]


class Proof:
    """Compares every shape that may make reading faster with the sure shape.

    Args:
        call: Runs the layer of a depth, counted from 0, in both directions; see `Reader.call`.
        embedded: Returns the input of the first layer for piece ids; see `Reader.embedded`.
        config: The sizes of the model.

    Attributes:
        proved: The shapes that have been found to agree.
        rejected: The shapes that have been found to differ.
    """

    def __init__(self, call: Call, embedded: Embedded, config: BiLMConfig) -> None:
        self._call = call
        self._rows = SureRows(call, embedded, config)
        self._depths = range(config.num_layers)
        self.proved: frozenset[Shape] = frozenset([SURE_SHAPE])
        self.rejected: list[Shape] = []

    def steps(self) -> Steps[None]:
        """Compare the shapes, the most useful ones first, and yield after each call.

        A single text gains most, so one row comes first, followed by the other powers of two. The
        heights between them are left out on a processor that reads few rows as slowly as many.
        """
        shapes = sorted(set(SHAPES) - {SURE_SHAPE})
        yield from self._compare(shape for shape in shapes if shape[0] in FEW_HEIGHTS)
        if (yield from self._fewer_rows_are_faster()):
            yield from self._compare(shape for shape in shapes if shape[0] not in FEW_HEIGHTS)
        if self.rejected:
            logger.warning(
                "some shapes of a call give a text other bits on this machine; they are not used,"
                " so texts are read more slowly; rows x columns: %s",
                ", ".join(f"{height} x {width}" for height, width in self.rejected),
            )

    def _compare(self, shapes: Iterable[Shape]) -> Steps[None]:
        for shape in shapes:
            if (yield from self._agrees(shape)):
                self.proved |= {shape}
            else:
                self.rejected.append(shape)

    def _agrees(self, shape: Shape) -> Steps[bool]:
        height, width = shape
        columns = max(width, SURE_COLUMNS)
        yield from self._rows.read(height)
        for depth in self._depths:
            expected = self._rows.sample(depth, height, columns)
            state, outputs = expected.start, []
            for x in torch.split(expected.x, width, dim=1):
                output, state = self._call(depth, x, state)
                outputs.append(output)
                yield
            found = torch.cat(outputs, dim=1), *state
            if not all(map(torch.equal, found, (expected.output, *expected.states[-1]))):
                return False
        return True

    def _fewer_rows_are_faster(self) -> Steps[bool]:
        """Return whether an eighth of the rows takes clearly less time, as without matrix units."""
        yield from self._rows.read(max(TIMED_HEIGHTS))
        samples = [self._rows.sample(0, height, SURE_COLUMNS) for height in TIMED_HEIGHTS]
        seconds: list[list[float]] = [[], []]
        for _ in range(TIMED_RUNS):  # they take turns, so that a busy moment slows both
            for sample, taken in zip(samples, seconds, strict=True):
                begin = perf_counter()
                self._call(0, sample.x, sample.start)
                taken.append(perf_counter() - begin)
                yield
        fewer, more = map(min, seconds)
        return more > CLEARLY * fewer


class SureRows:
    """Rows of random pieces, with the results of each layer in the sure shape.

    Args:
        call: The same as for `Proof`.
        embedded: The same as for `Proof`.
        config: The sizes of the model.
    """

    def __init__(self, call: Call, embedded: Embedded, config: BiLMConfig) -> None:
        self._call = call
        self._embedded = embedded
        self._config = config
        # Each group holds as many rows as the sure shape has, and has one sample per layer.
        self._groups: list[list[Sample]] = []

    def read(self, height: int) -> Steps[None]:
        """Read more rows until there are at least `height`."""
        while len(self._groups) * SURE_ROWS < height:
            group = yield from self._new_group()
            self._groups.append(group)

    def sample(self, depth: int, height: int, columns: int) -> Sample:
        """Return the first rows and columns of what was read, with the state after them."""
        samples = [group[depth] for group in self._groups[: -(-height // SURE_ROWS)]]
        after = [sample.states[columns // SURE_COLUMNS - 1] for sample in samples]
        return Sample(
            torch.cat([sample.x[:, :columns] for sample in samples], dim=2)[:, :, :height],
            _joined([sample.start for sample in samples], height),
            torch.cat([sample.output[:, :columns] for sample in samples], dim=2)[:, :, :height],
            (_joined(after, height),),
        )

    def _new_group(self) -> Steps[list[Sample]]:
        """Read sixteen more rows, as wide as the widest shape with more rows than these."""
        first_row, samples = len(self._groups) * SURE_ROWS, list[Sample]()
        columns = max(SURE_COLUMNS, *(width for height, width in SHAPES if height > first_row))
        random = torch.Generator().manual_seed(first_row)
        pieces = torch.randint(self._config.num_pieces, (columns, SURE_ROWS), generator=random)
        x = self._embedded(pieces).expand(2, -1, -1, -1)
        for depth in range(self._config.num_layers):
            sample = yield from self._new_sample(depth, x, random)
            samples.append(sample)
            # The next layer reads this; each layer but the first has a residual connection.
            x = x + sample.output if depth else sample.output
        return samples

    def _new_sample(self, depth: int, x: Tensor, random: torch.Generator) -> Steps[Sample]:
        """Read from a random state, like that of a layer inside a text."""
        h, c = torch.rand(2, 2, 1, SURE_ROWS, self._config.cell_size, generator=random) - 0.5
        start = state = h.to(x.dtype), c
        outputs, states = [], []
        for part in torch.split(x, SURE_COLUMNS, dim=1):
            output, state = self._call(depth, part, state)
            outputs.append(output)
            states.append(state)
            yield
        return Sample(x, start, torch.cat(outputs, dim=1), tuple(states))


def _joined(states: list[State], height: int) -> State:
    h, c = (torch.cat(rows, dim=2)[:, :, :height] for rows in zip(*states, strict=True))
    return h, c
