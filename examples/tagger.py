"""Find named entities with a biLSTM over a mix of the biLM's layers that is learned with it.

python -m examples.tagger path/to/resume_ner [--way WAY] [--epochs 15] [--seeds 3] [--threads 2]

The folder has `train`, `dev` and `test.char.bmes.xz`: a character and its tag on each line.
`--way` runs one way to mix the layers, and may be given several times; without it all ways are run.
Each gets the same tagger. `--sentences` limits how many sentences of each file are read. The dev
split chooses the epoch, and the test split chooses nothing.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from biLM.nn import Elmo
from examples.tasks.sentences import Sentences, read_tagged

SPLITS = "train", "dev", "test"
BATCH_SENTENCES = 32
# The share of each layer. With None the tagger learns the shares; with zeros it gets no vectors.
WAYS = {
    "no ELMo": (0.0, 0.0, 0.0),
    "layer 0": (1.0, 0.0, 0.0),
    "layer 1": (0.0, 1.0, 0.0),
    "layer 2": (0.0, 0.0, 1.0),
    "mean mix": (1.0, 1.0, 1.0),
    "learned mix": None,
}


class Tagger(nn.Module):
    """An embedding of each character beside its mixed vector, a biLSTM, a score for each tag."""

    def __init__(self, elmo: Elmo, num_characters: int, num_tags: int) -> None:
        super().__init__()
        self.elmo = elmo
        self.embedding = nn.Embedding(num_characters, 64)
        self.lstm = nn.LSTM(elmo.dim + 64, 200, batch_first=True, bidirectional=True)
        self.scores = nn.Sequential(nn.Dropout(0.5), nn.Linear(400, num_tags))

    def forward(self, characters: Tensor, layers: Tensor) -> Tensor:
        """Return the log-probability of each tag of each character."""
        (vectors,) = self.elmo.mixed(layers)
        read, _ = self.lstm(torch.cat([self.embedding(characters), vectors], dim=-1))
        return self.scores(read).log_softmax(-1)


class Split:
    """The sentences of one file, with the layers of a frozen biLM, which stay the same.

    Args:
        path: The file.
        elmo: The biLM.
        known: The split whose tags and characters have the numbers; None if this is that split.
        limit: How many sentences are read; 0 for all.
    """

    def __init__(self, path: Path, elmo: Elmo, known: "Split | None", limit: int) -> None:
        tagged = read_tagged(path)[: limit or None]
        texts = ["".join(one.tokens) for one in tagged]
        tags = [tag for one in tagged for tag in one.tags]
        self.tags = known.tags if known else sorted(set(tags))
        self.characters = known.characters if known else ["", "?", *sorted(set("".join(texts)))]
        numbers = {tag: number for number, tag in enumerate(self.tags)}
        places = {one: place for place, one in enumerate(self.characters)}
        targets = np.array([numbers.get(tag, len(numbers)) for tag in tags])
        self.sentences = Sentences(tagged, self.tags, targets, np.empty((len(tags), 0, 0)), True)
        lengths = [len(text) for text in texts]
        self.targets = torch.from_numpy(targets).split(lengths)
        self.ids = [torch.tensor([places.get(one, 1) for one in text]) for text in texts]
        self.layers = list(layers_of(elmo, texts))

    def shuffled(self) -> list[int]:
        """Return the sentences in a random order of batches, each of about one length."""
        chance = torch.rand(len(self.ids)).tolist()
        order = sorted(
            range(len(self.ids)), key=lambda number: len(self.ids[number]) + chance[number]
        )
        batches = [order[at : at + BATCH_SENTENCES] for at in range(0, len(order), BATCH_SENTENCES)]
        return [
            number for batch in torch.randperm(len(batches)).tolist() for number in batches[batch]
        ]

    def batches(self, order: Sequence[int]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield characters, layers and tags of the sentences in this order; -100 means no tag."""
        for begin in range(0, len(order), BATCH_SENTENCES):
            some = order[begin : begin + BATCH_SENTENCES]
            ids, layers, targets = (
                pad_sequence([rows[number] for number in some], batch_first=True, padding_value=pad)
                for rows, pad in ((self.ids, 0), (self.layers, 0.0), (self.targets, -100))
            )
            yield ids, layers.permute(2, 0, 1, 3).float(), targets

    @torch.inference_mode()
    def f1(self, tagger: Tagger, train: "Split") -> float:
        """Return the F1 of entities; a tag may only follow one that it followed in training."""
        tagger.eval()
        order = range(len(self.ids))
        found = [tagger(ids, layers)[targets >= 0] for ids, layers, targets in self.batches(order)]
        return self.sentences.score(torch.cat(found).numpy(), train.sentences)


def layers_of(elmo: Elmo, texts: Sequence[str]) -> Iterator[Tensor]:
    """Yield the layers of the characters of each text, `[characters, depth, dim]` in float16."""
    for begin in range(0, len(texts), BATCH_SENTENCES):
        some = texts[begin : begin + BATCH_SENTENCES]
        spans = [[(place, place + 1) for place in range(len(text))] for text in some]
        layers, _ = elmo.layers(some, spans=spans)
        for row, text in zip(layers.half().unbind(1), some, strict=True):
            yield row[:, : len(text)].transpose(0, 1).clone()


def fit(elmo: Elmo, way: str, splits: Sequence[Split], seed: int, epochs: int) -> tuple[float, ...]:
    """Train a tagger and return the F1 of test and dev in the best epoch, and seconds per epoch."""
    train, dev, test = splits
    torch.manual_seed(seed)
    shares, mix = WAYS[way], elmo.mixes[0]
    with torch.no_grad():
        mix.w.copy_(torch.tensor(shares or (1.0, 1.0, 1.0)).clamp(min=1e-30).log())
        mix.gamma.fill_(float(shares is None or any(shares)))
    for parameter in mix.parameters():
        parameter.requires_grad_(shares is None)
    tagger = Tagger(elmo, len(train.characters), len(train.tags))
    own = [one for name, one in tagger.named_parameters() if not name.startswith("elmo.")]
    groups = [{"params": own, "lr": 1e-3}, {"params": [*mix.parameters()], "lr": 1e-2}]
    optimizer, best, began = torch.optim.Adam(groups), (0.0, 0.0), perf_counter()
    for _ in range(epochs):
        tagger.train()
        for ids, layers, targets in train.batches(train.shuffled()):
            log_p = tagger(ids, layers).flatten(0, 1)
            loss = nn.functional.nll_loss(log_p, targets.flatten(), ignore_index=-100)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(own, 5.0)
            optimizer.step()
        of_dev = dev.f1(tagger, train)
        if of_dev > best[0]:
            best = of_dev, test.f1(tagger, train)
    return best[1], best[0], (perf_counter() - began) / epochs


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the ways, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m examples.tagger")
    parser.add_argument("folder", type=Path)
    for name, default in (("epochs", 15), ("seeds", 3), ("sentences", 0), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--way", action="append", choices=WAYS, metavar="WAY", help=", ".join(WAYS))
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    elmo, splits, began = Elmo.load(dropout=0.3), list[Split](), perf_counter()
    for name in SPLITS:
        path = given.folder / f"{name}.char.bmes.xz"
        splits.append(Split(path, elmo, splits[0] if splits else None, given.sentences))
    print(f"{[len(one.ids) for one in splits]} sentences read in {perf_counter() - began:.0f} s")
    for way in given.way or WAYS:
        found = [fit(elmo, way, splits, seed, given.epochs) for seed in range(given.seeds)]
        test, dev, seconds = zip(*found, strict=True)
        spread = stdev(test) if len(test) > 1 else 0.0
        shares = "  ".join(f"{mix:.2f}" for mix in elmo.mixes[0].w.softmax(0).tolist())
        print(
            f"{way:12} F1 {mean(test):.4f} +- {spread:.4f} (dev {mean(dev):.4f}),"
            f" {mean(seconds):.1f} s an epoch; last shares {shares}",
            flush=True,
        )


if __name__ == "__main__":
    main()
