"""Measure whether time per piece, and memory, grow with the number of texts or a text's length.

python -m benchmarks.growth models/zh-small --tasks TASKS

Many texts: a thousand to a million titles, cut to 12 characters, 256 at a time as the service takes
them. One text: 100 to 8,192 pieces. Pieces are counted without padding. Resident memory is the peak
of this process. Run it with nothing else on the machine.
"""

import argparse
import resource
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import torch

from benchmarks.encoder import some_texts
from benchmarks.timing import seconds_of
from biLM.encoder import Encoder
from biLM.questions.passage import Passage
from biLM.questions.readout import Readout
from biLM.reading.precision import fastest_precision
from training.run.provenance import provenance

CHARACTERS, TEXTS_PER_CALL = 12, 256
NUMBERS = (1_000, 10_000, 100_000, 1_000_000)
LENGTHS = (100, 200, 400, 1_000, 2_000, 4_000, 8_192)
RUNS, WARM_UP = 5, 2_000


def main() -> None:
    """Print a line for each number of texts, then one for each length of a text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=NUMBERS[-1], help="the most texts")
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    encoder = Encoder.load(given.artifact, fastest_precision())
    encoder.warm_up()
    texts = [text[:CHARACTERS] for text in some_texts(given.tasks)]
    seconds_of_many(encoder, texts, WARM_UP)
    for number in (number for number in NUMBERS if number <= given.texts):
        seconds, pieces = seconds_of_many(encoder, texts, number)
        print(f"{number:9,} texts {1e6 * seconds / pieces:7.1f} us a piece  {peak_mib():7,.0f} MiB")
    ids = [piece_id for text in some_texts(given.tasks) for piece_id in encoder.pieces(text).ids]
    readout = [Readout(encoder.mix("default"))]
    for length in LENGTHS:
        passage = [Passage(tuple(ids[:length]), None, ())]
        one = partial(encoder.embed, passage, readout)
        took = [seconds_of(one) for _ in range(RUNS)]
        each = 1e6 * min(took) / length
        print(f"one text of {length:5,} pieces {each:7.1f} us a piece  {peak_mib():7,.0f} MiB")


def seconds_of_many(encoder: Encoder, texts: list[str], number: int) -> tuple[float, int]:
    """Return the seconds of the model alone over `number` texts, and the number of their pieces."""
    endless, readout = cycle(texts), Readout(encoder.mix("default"))
    seconds, pieces = 0.0, 0
    for begin in range(0, number, TEXTS_PER_CALL):
        some = islice(endless, min(TEXTS_PER_CALL, number - begin))
        passages = [encoder.pieces(text) for text in some]
        seconds += seconds_of(partial(encoder.embed, passages, [readout] * len(passages)))
        pieces += sum(len(passage.ids) for passage in passages)
    return seconds, pieces


def peak_mib() -> float:
    """Return the peak resident memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
