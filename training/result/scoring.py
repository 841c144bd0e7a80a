"""Score models on a sample of held-out text, block by block, and keep what has been scored.

A block is scored by every model before the next one is begun, so all of them have always read the
same text. Rows of similar length share a batch, and every batch has one of a few shapes, because
oneDNN prepares each new shape for longer than it then computes. After each block the sums are
written to a file, from which an interrupted scoring resumes.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sentencepiece
import torch
from tqdm import tqdm

from biLM.files import to_json, write_atomically
from biLM.network.config import BOUNDARY_PIECES
from biLM.reading.precision import without_tf32
from biLM.reading.side_by_side import on_one_core, side_by_side
from biLM.tokenizer import Tokenizer

from ..run.device import choose_device
from ..run.objective import BiLMObjective, predicted
from ..run.stream import Batch
from ..text.shards import encode_rows
from .sample import Excerpt, Sample
from .tally import Tally
from .words import words_of

# A block takes some seconds on a slow machine, so that scoring ends soon after its time. The last
# batch of a block has empty rows, which fewer characters would make a larger part of all.
BLOCK_CHARACTERS = 2_000
# The rows of a batch, and the number to a multiple of which their length is rounded up.
BATCH_ROWS = 8
LENGTH_STEP = 8


class Reader:
    """A model to be scored, with the vocabulary by which it reads text.

    Args:
        objective: The model, which is moved to the device that reads.
        pieces_model: Its sentencepiece model.
        layout: The length of the longest row, boundaries included, and whether a row has only one
            sentence.
    """

    def __init__(
        self, objective: BiLMObjective, pieces_model: bytes, layout: tuple[int, bool]
    ) -> None:
        self.device, self.layout = choose_device(), layout
        self.objective = objective.to(self.device).eval()
        self.is_word = words_of(Tokenizer(pieces_model)).numpy()
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=pieces_model)

    def tally(self, block: Sequence[Excerpt], group_of: Mapping[str, int]) -> Tally:
        """Score the excerpts of one block.

        Args:
            block: The excerpts.
            group_of: The number of the group of each source.
        """
        num_groups = max(group_of.values()) + 1
        total = Tally.empty(num_groups)
        for batch, groups in self._batches(block, group_of):
            with torch.inference_mode(), without_tf32(self.device):
                judged = self.objective.judge(batch.to(self.device))
            places = [groups[np.nonzero(side)[0]] for side in predicted(batch).numpy()]
            total += Tally.of(judged, places, self.is_word, num_groups)
        return total

    def rows(self, excerpt: Excerpt) -> list[list[int]]:
        """Return the rows of piece ids of an excerpt, without boundaries."""
        return list(encode_rows([excerpt.text], self._processor, *self.layout))

    def _batches(
        self, block: Sequence[Excerpt], group_of: Mapping[str, int]
    ) -> Iterator[tuple[Batch, npt.NDArray[np.int64]]]:
        rows = [(row, group_of[one.source]) for one in block for row in self.rows(one)]
        rows.sort(key=lambda row: len(row[0]))
        for begin in range(0, len(rows), BATCH_ROWS):
            some = rows[begin : begin + BATCH_ROWS]
            groups = [group for _, group in some] + [0] * (BATCH_ROWS - len(some))
            yield self._batch([row for row, _ in some]), np.array(groups)

    def _batch(self, rows: Sequence[list[int]]) -> Batch:
        sizes = self.objective.bilm.config
        longest = len(rows[-1]) + BOUNDARY_PIECES
        ids = np.zeros((BATCH_ROWS, -(-longest // LENGTH_STEP) * LENGTH_STEP), dtype=np.int64)
        lengths = np.zeros(BATCH_ROWS, dtype=np.int64)
        for place, row in enumerate(rows):
            framed = [sizes.bos_id, *row, sizes.eos_id]
            ids[place, : len(framed)], lengths[place] = framed, len(framed)
        return Batch(torch.from_numpy(ids), torch.from_numpy(lengths))


@dataclass(frozen=True)
class Scored:
    """What has been scored so far.

    Args:
        tallies: The sums of each model, by the model's name.
        blocks: The number of blocks that were scored, from the beginning of the sample.
        seconds: The time that took.
    """

    tallies: Mapping[str, Tally]
    blocks: int = 0
    seconds: float = 0.0

    def excerpts(self, sample: Sample) -> tuple[Excerpt, ...]:
        """Return the excerpts that were scored."""
        return tuple(one for block in blocks_of(sample)[: self.blocks] for one in block)

    @classmethod
    def read(cls, kept: Path, identity: str) -> "Scored | None":
        """Return what was kept in a file, or None if nothing of this identity was."""
        if not kept.exists():
            return None
        found = json.loads(kept.read_bytes())
        if found["identity"] != identity:
            return None
        tallies = {
            name: Tally(np.array(sums["heads"]), np.array(sums["words"]))
            for name, sums in found["tallies"].items()
        }
        return cls(tallies, found["blocks"], found["seconds"])

    def keep(self, kept: Path, identity: str) -> None:
        """Write this to a file, from which an interrupted scoring resumes."""
        tallies = {name: tally.as_lists() for name, tally in self.tallies.items()}
        facts = {"identity": identity, "blocks": self.blocks, "seconds": self.seconds}
        write_atomically(kept, to_json({**facts, "tallies": tallies}))


def score_sample(
    readers: Mapping[str, Reader], sample: Sample, kept: Path, identity: str, allowed_s: float
) -> Scored:
    """Score each model on the sample.

    Args:
        readers: The models, by name.
        sample: The text.
        kept: The file that keeps the sums of the blocks that have been scored.
        identity: Names the models and the sample; sums of another identity are not used.
        allowed_s: After this many seconds no further block is begun, but the first one is always
            scored.
    """
    names = sample.cells
    numbers = {source: names.index(cell) for source, cell in sample.cell_of.items()}
    nothing = Scored({name: Tally.empty(len(names)) for name in readers})
    found = Scored.read(kept, identity) or nothing
    blocks = blocks_of(sample)
    done = sum(characters_of(block) for block in blocks[: found.blocks])
    with tqdm(
        total=sample.characters, initial=done, unit=" characters", unit_scale=True, desc="scoring"
    ) as bar:
        for block in blocks[found.blocks :]:
            if found.blocks and found.seconds >= allowed_s:
                break
            began = time.monotonic()
            more = tally_all(readers, block, numbers)
            tallies = {name: found.tallies[name] + more[name] for name in readers}
            seconds = found.seconds + time.monotonic() - began
            found = Scored(tallies, found.blocks + 1, seconds)
            found.keep(kept, identity)
            bar.update(characters_of(block))
    return found


def tally_all(
    readers: Mapping[str, Reader], block: Sequence[Excerpt], group_of: Mapping[str, int]
) -> dict[str, Tally]:
    """Return the tally of each model, two of which compute at once with half of the cores each.

    Two cores that share every operation wait for each other after each. On a busy machine the
    shipped model took 40 to 60 s for a block, and 7 s on one core.
    """
    with on_one_core() as num_cores:
        work = [(reader, block, group_of) for reader in readers.values()]
        found = side_by_side(Reader.tally, work, num_cores)
    return dict(zip(readers, found, strict=True))


def blocks_of(sample: Sample) -> list[tuple[Excerpt, ...]]:
    """Cut a sample into blocks of about BLOCK_CHARACTERS, in the order of its excerpts."""
    blocks, begin, characters = [], 0, 0
    for end, excerpt in enumerate(sample.excerpts, start=1):
        characters += len(excerpt.text)
        if characters >= BLOCK_CHARACTERS:
            blocks.append(sample.excerpts[begin:end])
            begin, characters = end, 0
    return blocks + [sample.excerpts[begin:]] * (begin < len(sample.excerpts))


def characters_of(excerpts: Sequence[Excerpt]) -> int:
    """Return the number of characters of some excerpts."""
    return sum(len(one.text) for one in excerpts)
