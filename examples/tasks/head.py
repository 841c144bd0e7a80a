"""A classification head that learns how to pool the vectors of a text's pieces.

Kim 2014, "Convolutional neural networks for sentence classification", section 2, with filters of
one piece:

    c_t = relu(x_t W + b)
    pooled = [max_t c_t ; mean_t c_t]
    logits = pooled V + bias

Unlike the paper, the head pools by the mean as well as by the maximum, because it also matters how
often something is said.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from examples.tasks.mixed import Array, Numbers
from examples.tasks.sequences import Sequences

NUM_FILTERS = 256
# The shares that are dropped of the input of the filters, and of their pooled output.
INPUT_DROPOUT, DROPOUT = 0.3, 0.5
EPOCHS = 5
# Few texts make few batches; there are then more epochs than EPOCHS, until this many steps.
MIN_STEPS = 500
BATCH_TEXTS = 64
# This many batches are sorted by length together, so that a batch needs little padding.
BATCHES_SORTED = 50
# The learning rate of AdamW after the warm-up; it falls linearly to 0.
LEARNING_RATE = 0.002
WARM_UP_STEPS = 50


class PoolingHead(nn.Module):
    """The network of the head.

    Args:
        dim: Width of a vector.
        num_classes: Number of classes.
        scale: The root mean square of the numbers in the vectors, by which they are divided.
    """

    def __init__(self, dim: int, num_classes: int, scale: float) -> None:
        super().__init__()
        self.filters = nn.Linear(dim, NUM_FILTERS)
        self.output = nn.Linear(2 * NUM_FILTERS, num_classes)
        self.scale = scale

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits `[texts, classes]` of vectors `[texts, longest, dim]`."""
        x = nn.functional.dropout(vectors / self.scale, INPUT_DROPOUT, self.training)
        is_piece = torch.arange(x.shape[1]) < lengths[:, None]
        found = self.filters(x).relu() * is_piece[..., None]
        mean = found.sum(dim=1) / lengths.clamp(min=1)[:, None]
        pooled = torch.cat([found.amax(dim=1), mean], dim=1)
        logits: Tensor = self.output(nn.functional.dropout(pooled, DROPOUT, self.training))
        return logits


def fit(sequences: Sequences, targets: Numbers, num_classes: int, seed: int) -> PoolingHead:
    """Train a head.

    Args:
        sequences: The vectors of each text's pieces.
        targets: Class of each text, from 0.
        num_classes: Number of classes.
        seed: Seed of the initial weights, the dropout and the order of the texts.
    """
    torch.manual_seed(seed)
    head = PoolingHead(sequences.vectors.shape[1], num_classes, _root_mean_square(sequences))
    num_batches = -(-len(sequences) // BATCH_TEXTS)
    epochs = max(EPOCHS, -(-MIN_STEPS // num_batches))
    optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE)
    num_steps = epochs * num_batches
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / WARM_UP_STEPS) * (1 - step / num_steps)
    )
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        for items in _batches(sequences.lengths, random):
            loss = nn.functional.cross_entropy(
                head(*_tensors(sequences, items)), torch.from_numpy(targets[items])
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return head.eval()


@torch.inference_mode()
def logits(head: PoolingHead, sequences: Sequences) -> Array:
    """Return a score for each text and class."""
    order = np.argsort(sequences.lengths, kind="stable")
    scores = np.empty((len(sequences), head.output.out_features), np.float32)
    for begin in range(0, len(order), BATCH_TEXTS):
        items = order[begin : begin + BATCH_TEXTS]
        scores[items] = head(*_tensors(sequences, items)).numpy()
    return scores


def _batches(lengths: Numbers, random: np.random.Generator) -> Iterator[Numbers]:
    """Yield every text once, in batches of texts of about the same length."""
    order = random.permutation(len(lengths))
    for begin in range(0, len(order), BATCHES_SORTED * BATCH_TEXTS):
        some = order[begin : begin + BATCHES_SORTED * BATCH_TEXTS]
        some = some[np.argsort(lengths[some], kind="stable")]
        batches = np.split(some, range(BATCH_TEXTS, len(some), BATCH_TEXTS))
        yield from (batches[number] for number in random.permutation(len(batches)))


def _tensors(sequences: Sequences, items: Numbers) -> tuple[Tensor, Tensor]:
    some = sequences.take(items)
    return torch.from_numpy(some.padded()), torch.from_numpy(some.lengths)


def _root_mean_square(sequences: Sequences) -> float:
    """Return the root mean square of the numbers in a sample of the texts."""
    some = sequences.take(np.arange(0, len(sequences), -(-len(sequences) // 1000)))
    squares, count = np.square(some.padded()).sum(dtype=np.float64), some.lengths.sum()
    return float(np.sqrt(squares / max(1, count * sequences.vectors.shape[1]))) or 1.0
