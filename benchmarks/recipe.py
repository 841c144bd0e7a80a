"""Measure one row of docs/experiments: train a recipe on a small budget and score its vectors.

python -m benchmarks.recipe build/rows/rate4 --senses SENSES --tasks TASKS --set learning_rate=0.004

The program trains `small` with the settings into the folder, or resumes if it was stopped. Then it
prints, as a line of a Markdown table,

    settings · million pieces · minutes of steps
    bits per character, forward and backward · cloze among the first 1 and 10
    AUC of the centred cosine on each file of sense pairs: layers 1, 2, both, default mix, context
    accuracy on development parts by layer 2 (benchmarks/probe.py): titles, reviews, tags

The weights are scored as an artifact holds them, and on the same held-out batches for the same
shards. Run it with nothing else on the machine.
"""

import argparse
import math
from pathlib import Path

from benchmarks.probe import probe
from biLM.encoder import Encoder
from training.choices import LSTM
from training.result.assemble import assemble, load_objective
from training.result.senses import read_folder, score_senses
from training.run.checkpoint import load_checkpoint
from training.run.held_out import Scores, score
from training.run.loop import train
from training.run.recipes import small
from training.text.shards import Shard, Shards

SCORED_BATCHES = 200
PROBED = "layer 2"
COMPARED = ("layer 1", PROBED, "layers 1 and 2", "mix default", "context")


def main() -> None:
    """Train, measure and print one row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--shards", type=Path, default=Path("build/shards"))
    parser.add_argument("--senses", type=Path, required=True)
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    if not given.tasks.is_dir() or not any(given.senses.glob("*.jsonl")):
        parser.error("--tasks must be a folder, and --senses one that holds .jsonl files")
    config = small().changed(given.set)
    if (config.num_layers, config.cell) != (2, LSTM):
        parser.error("the columns of a row are those of an artifact of two layers")
    shards = Shards(given.shards)
    train(config, shards, given.out)
    print(row(given.out, shards, given.senses, given.tasks, " ".join(given.set)))


def row(run: Path, shards: Shards, senses: Path, tasks: Path, settings: str) -> str:
    """Score a trained run, and return the scores as a line of a table."""
    checkpoint = load_checkpoint(run)
    objective = load_objective(checkpoint, shards)
    artifact = assemble(objective, checkpoint.config, shards)
    encoder = Encoder(artifact)
    encoder.warm_up()
    spent = f"{checkpoint.progress.pieces / 1e6:.1f}", f"{checkpoint.progress.seconds / 60:.1f}"
    held_out = Shard.joined(list(shards.held_out().values()))
    scores = score(objective, held_out, SCORED_BATCHES)
    characters = sum(shards.manifest.held_out_characters.values())
    characters_per_piece = characters / (len(held_out.pieces) + len(held_out))
    cells = [f"`{settings}`", *spent, *predictions(scores, characters_per_piece)]
    for pairs in read_folder(senses).values():
        found = score_senses(encoder, pairs, artifact.mixes, ["centred"])
        cells.append(", ".join(f"{found[f'{name}, centred'].auc:.3f}" for name in COMPARED))
    accuracy = probe(encoder, {}, tasks, names=[PROBED])
    cells.append(", ".join(f"{column[PROBED]:.3f}" for column in accuracy.values()))
    return f"| {' | '.join(cells)} |"


def predictions(scores: Scores, characters_per_piece: float) -> list[str]:
    """Format the bits per character of both language models, and the accuracy of the cloze."""
    forward, backward, cloze = scores
    bits_per_piece = [side.nats_per_piece / math.log(2) for side in (forward, backward)]
    bits = [bits / characters_per_piece for bits in bits_per_piece]
    right = [cloze.accuracy_at(number) for number in (1, 10)]
    return [", ".join(f"{number:.3f}" for number in pair) for pair in (bits, right)]


if __name__ == "__main__":
    main()
