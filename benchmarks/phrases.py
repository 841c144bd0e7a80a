"""Measure how often a blank of several pieces is filled with the original pieces.

python -m benchmarks.phrases models/zh-small --held-out build/corpus/held_out

The program cuts blanks of 2 and of 3 pieces into held-out lines, of which it draws the same number
from each source. Only the original pieces count as right, not the same text in other pieces. The
three sides of `Filler` fill the blanks, and so does another score over the same candidates:

    pseudo   sum_i log p_cloze(x_i | L x_1 .. x_i-1, x_i+1 .. x_n R)

This is the pseudo-log-likelihood of Besag 1975 and Salazar et al. 2020, equation 1. The program
also prints how often the original is among the candidates at all.
"""

import argparse
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from random import Random

import torch

from biLM.artifact import load_artifact
from biLM.questions.blank import Blank
from biLM.questions.phrases import Filler, PhrasesFor
from biLM.questions.question import Underway
from biLM.questions.search import Ids
from biLM.questions.search import Path as Way
from biLM.questions.walk import Standing
from biLM.reading.precision import fastest_precision
from biLM.reading.reader import Reader
from biLM.reading.stepper import ROWS, Stepper
from biLM.tokenizer import Tokenizer
from training.run.provenance import provenance

LINES_OF_A_SOURCE = 12
MAX_CHARACTERS = 80
# A blank has at least this many pieces on either side.
MARGIN = 3
TOP = 10


class PseudoFiller(Filler):
    """Scores the same candidates by the cloze head, with all other pieces in place."""

    candidates: Sequence[Ids] = ()

    def _judged(
        self, _: Blank, before: Standing, after: Standing, candidates: Sequence[Ids]
    ) -> Generator[None, None, list[Way]]:
        self.candidates = candidates
        found = []
        for begin in range(0, len(candidates), ROWS):
            block = candidates[begin : begin + ROWS]
            rows = [*block, *[block[0]] * (ROWS - len(block))]
            columns = list(zip(*rows, strict=True))
            left = _tops(self._forward, before, columns[:-1])
            right = _tops(self._backward, after, columns[:0:-1])
            total = torch.zeros(ROWS)
            for ids, *tops in zip(columns, left, reversed(right), strict=True):
                expected = self._from_both(*tops).log_softmax(-1)
                total += expected[torch.arange(ROWS), torch.tensor(ids)]
            found += [Way(*one) for one in zip(block, total.tolist(), strict=False)]
        yield
        return sorted(found, key=lambda way: -way.log_probability)


def main() -> None:
    """Print how often each score finds the original pieces, for blanks of 2 and of 3 pieces."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument(
        "--held-out", type=Path, required=True, help="held_out of bilm train corpus"
    )
    parser.add_argument("--blanks", type=int, default=250)
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    artifact = load_artifact(given.artifact)
    tokenizer = Tokenizer(artifact.pieces_model)
    reader = Reader(artifact.model, getattr(torch, fastest_precision()))
    parts = artifact, tokenizer, reader.forward_stepper, reader.backward_stepper
    for num_pieces in (2, 3):
        blanks = list(_blanks(given.held_out, tokenizer, num_pieces))[: given.blanks]
        _show(Filler(*parts), PseudoFiller(*parts), blanks)


def _show(filler: Filler, pseudo: PseudoFiller, blanks: Sequence[tuple[Blank, Ids]]) -> None:
    hits: Counter[tuple[str, int]] = Counter()
    candidate = 0
    for blank, right in blanks:
        found = _ids_by_side(filler, blank, len(right))
        found["pseudo"] = _ids_by_side(pseudo, blank, len(right))["cloze"]
        candidate += right in pseudo.candidates
        for side, ids in found.items():
            hits.update((side, most) for most in (1, TOP) if right in ids[:most])
    number = len(blanks)
    print(f"\n{number} blanks of {len(blanks[0][1])} pieces; first, among the first {TOP}")
    for side in ("forward", "backward", "cloze", "pseudo"):
        print(f"{side:10} {hits[side, 1] / number:.3f} {hits[side, TOP] / number:.3f}")
    print(f"candidate  {candidate / number:.3f}", flush=True)


def _ids_by_side(filler: Filler, blank: Blank, num_pieces: int) -> dict[str, list[Ids]]:
    found = Underway(PhrasesFor(filler, blank, num_pieces, ROWS)).finish()
    return {side: [phrase.ids for phrase in phrases] for side, phrases in found.items()}


def _blanks(folder: Path, tokenizer: Tokenizer, num_pieces: int) -> Iterator[tuple[Blank, Ids]]:
    """Yield blanks with their original pieces, in a random order that is the same in every run."""
    chance = Random(num_pieces)
    lines = []
    for path in sorted(folder.glob("*.txt")):
        all_of_it = path.read_text("utf-8").splitlines()
        lines += chance.sample(all_of_it, min(LINES_OF_A_SOURCE, len(all_of_it)))
    chance.shuffle(lines)
    for line in lines:
        ids = tokenizer.encode(line[:MAX_CHARACTERS]).ids
        last = len(ids) - num_pieces - MARGIN
        if last < MARGIN:
            continue
        begin = chance.randint(MARGIN, last)
        right = ids[begin : begin + num_pieces]
        if all(tokenizer.is_text[piece_id] for piece_id in right):
            yield Blank(ids[:begin], ids[begin + num_pieces :], (0, 0)), right


def _tops(
    stepper: Stepper, standing: Standing, columns: Sequence[Sequence[int]]
) -> list[torch.Tensor]:
    tops = [standing.top]
    for ids in columns:
        standing = Standing(*stepper.step(standing.states, ids))
        tops.append(standing.top)
    return tops


if __name__ == "__main__":
    main()
