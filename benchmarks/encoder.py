"""Compare the encoder's speed with the bare LSTM kernel and with other ways to read texts.

python -m benchmarks.encoder models/zh-small --tasks TASKS

All ways read the same texts (titles and reviews, with the lengths that they have). They take turns,
so that a noisy neighbour slows all of them alike. Padding and boundary pieces do not count:

    encoder  `Encoder.embed` as the service uses it: pieces in, vectors of the default mix out
    float32  the same in float32, if the service uses a faster precision
    bare     only torch's own LSTMs, in the encoder's precision, on strips of the same shapes that
             are already embedded; each call uses all cores
    beside   the same, with the two directions side by side, as in the encoder
    packed   embedding and LSTMs over `pack_padded_sequence`, sorted, 32 texts at a time, float32
    steps    the equations of an LSTM step by step in Python, as AllenNLP ran its projected LSTM,
             32 texts at a time, float32; on a tenth of the texts

Run it with nothing else on the machine.
"""

import argparse
import lzma
import random
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import starmap
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.timing import seconds_of
from biLM.encoder import Encoder
from biLM.network.lstm import LstmStack, reverse_padded
from biLM.network.model import CHUNK_PIECES
from biLM.questions.passage import Passage
from biLM.questions.readout import Readout
from biLM.reading.batch import SHAPES, batches
from biLM.reading.precision import fastest_precision
from biLM.reading.side_by_side import side_by_side
from training.run.provenance import provenance

# The number of texts from each task.
NUM_TEXTS = 400
TEXT_COLUMNS = {"thucnews_titles": 0, "online_shopping_10_cats": 2}
ROWS = 32
TURNS = 5
SLOW_SHARE = 10


def main() -> None:
    """Print the speeds and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--tasks", type=Path, required=True)
    given = parser.parse_args()
    encoder = Encoder.load(given.artifact, fastest_precision())
    encoder.warm_up()
    exact = Encoder.load(given.artifact)
    exact.warm_up()
    texts = [encoder.pieces(text).ids for text in some_texts(given.tasks)]
    few = texts[::SLOW_SHARE]
    ways = {
        "encoder": (embed(encoder, texts), texts),
        "float32": (embed(exact, texts), texts),
        "bare": (bare(encoder, texts, starmap), texts),
        "beside": (bare(encoder, texts, side_by_side), texts),
        "packed": (in_batches(encoder, texts, packed), texts),
        "steps": (in_batches(encoder, few, steps), few),
    }
    print(provenance(torch.device("cpu")))
    lengths = sorted(map(len, texts))
    median = lengths[len(lengths) // 2]
    print(f"{encoder.precision}; {len(texts)} texts, {sum(lengths)} pieces, median {median}")
    best = dict.fromkeys(ways, 0.0)
    for _ in range(TURNS):
        for name, (run, read) in ways.items():
            best[name] = max(best[name], sum(map(len, read)) / seconds_of(run))
    for name, speed in best.items():
        print(f"{name:8} {speed:9,.0f} pieces/s   encoder / {name} {best['encoder'] / speed:.2f}")


def some_texts(tasks: Path) -> list[str]:
    """Return texts of two tasks, the same ones in the same random order in every call."""
    found = []
    for task, column in TEXT_COLUMNS.items():
        with lzma.open(tasks / task / "test.tsv.xz", "rt", encoding="utf-8") as file:
            every = [line.rstrip("\n").split("\t")[column] for line in file]
        found += random.Random(1).sample(every, NUM_TEXTS)
    random.Random(2).shuffle(found)
    return found


def short_texts(tasks: Path) -> list[str]:
    """Return those of `some_texts` that have 20 to 60 characters."""
    return [text for text in some_texts(tasks) if 20 <= len(text) <= 60]


def embed(encoder: Encoder, texts: Sequence[tuple[int, ...]]) -> Callable[[], object]:
    """Return a function that runs the encoder itself."""
    passages = [Passage(ids, None, ()) for ids in texts]
    readouts = [Readout(encoder.mix("default"))] * len(passages)
    return lambda: encoder.embed(passages, readouts)


def bare(
    encoder: Encoder, texts: Sequence[tuple[int, ...]], each: Callable[..., Iterable[None]]
) -> Callable[[], object]:
    """Return a function that runs the LSTMs over random numbers in the shapes of the encoder.

    Args:
        encoder: The encoder whose LSTMs run.
        texts: The texts whose shapes are read.
        each: Applies a function to both directions: `starmap` or `side_by_side`.
    """
    framed = [[1, *ids, 2] for ids in texts]
    width = encoder.artifact.config.embedding_size
    dtype = getattr(torch, encoder.precision)
    blocks = [
        torch.randn(*one.ids[strip].shape, width, dtype=dtype)
        for one in batches(framed, SHAPES)
        for strip in one.strips
    ]
    model = encoder.artifact.model
    stacks = [deepcopy(stack).to(dtype) for stack in (model.forward_lm, model.backward_lm)]

    @torch.inference_mode()
    def read(stack: LstmStack) -> None:
        for block in blocks:
            stack(block, CHUNK_PIECES)

    return lambda: list(each(read, [(stack,) for stack in stacks]))


def in_batches(
    encoder: Encoder, texts: Sequence[tuple[int, ...]], read: Callable[..., Tensor]
) -> Callable[[], object]:
    """Return a function that runs all batches through both stacks, each layer by `read`."""
    model = encoder.artifact.model

    @torch.inference_mode()
    def run() -> None:
        for ids, lengths in padded(texts):
            x = model.embedding(ids)
            for stack, top in (
                (model.forward_lm, x),
                (model.backward_lm, reverse_padded(x, lengths)),
            ):
                for number, layer in enumerate(stack.layers):
                    found = read(layer, top, lengths)
                    top = found + top if number else found

    return run


def packed(layer: nn.Module, x: Tensor, lengths: Tensor) -> Tensor:
    """Run one layer over packed sequences; the texts of a batch are sorted by length."""
    found, _ = layer(pack_padded_sequence(x, lengths, batch_first=True))
    output, _ = pad_packed_sequence(found, batch_first=True)
    return output


def steps(layer: nn.Module, x: Tensor, _: Tensor) -> Tensor:
    """Run one layer step by step, all gates of a step in one product, as in AllenNLP's cell.

    i, f, o = sigmoid, g = tanh of W x + U h + b; c = f c + i g; h = o tanh c
    """
    weights = [layer.get_parameter(f"{name}_l0") for name in ("weight_ih", "weight_hh")]
    bias = layer.get_parameter("bias_ih_l0") + layer.get_parameter("bias_hh_l0")
    h = c = x.new_zeros(len(x), weights[1].shape[1])
    outputs = []
    for column in x.unbind(1):
        gates = column @ weights[0].T + h @ weights[1].T + bias
        i, f, g, o = gates.chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def padded(texts: Sequence[tuple[int, ...]]) -> list[tuple[Tensor, Tensor]]:
    """Pad the texts to batches, with boundaries; the longest text of each batch comes first."""
    made = []
    for begin in range(0, len(texts), ROWS):
        framed = sorted(
            ([1, *ids, 2] for ids in texts[begin : begin + ROWS]), key=len, reverse=True
        )
        ids = torch.zeros(len(framed), len(framed[0]), dtype=torch.long)
        for row, pieces in enumerate(framed):
            ids[row, : len(pieces)] = torch.tensor(pieces)
        made.append((ids, torch.tensor([len(pieces) for pieces in framed])))
    return made


if __name__ == "__main__":
    main()
