"""A head that learns to pool: from the vector of every piece to the class of a text.

Kim 2014, "Convolutional neural networks for sentence classification", section 2, with filters of
one piece:

    c_t = relu(x_t W + b)
    pooled = [max_t c_t ; mean_t c_t]
    logits = pooled V + bias

Unlike the paper, the mean over the pieces stands beside the largest: how often something is said
tells, too.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from examples.tasks.mixed import Array, Numbers
from examples.tasks.sequences import Sequences

NUM_FILTERS = 256
INPUT_DROPOUT, DROPOUT = 0.3, 0.5  # of what the filters read, of what they found
EPOCHS = 5
MIN_STEPS = 500  # more epochs where few texts make few batches
BATCH_TEXTS = 64
BATCHES_SORTED = 50  # together by length, so that a batch is padded little
LEARNING_RATE = 0.002  # of AdamW, after the warm-up; it falls to 0 along a line
WARM_UP_STEPS = 50


class PoolingHead(nn.Module):
    """What is learnt.

    Args:
        dim: Width of a vector.
        num_classes: How many there are.
        scale: The length of a vector that is read as the square root of its width.
    """

    def __init__(self, dim: int, num_classes: int, scale: float) -> None:
        super().__init__()
        self.filters = nn.Linear(dim, NUM_FILTERS)
        self.output = nn.Linear(2 * NUM_FILTERS, num_classes)
        self.scale = scale

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Logits `[texts, classes]` of `[texts, longest, dim]`."""
        x = nn.functional.dropout(vectors / self.scale, INPUT_DROPOUT, self.training)
        is_piece = torch.arange(x.shape[1]) < lengths[:, None]
        found = self.filters(x).relu() * is_piece[..., None]
        mean = found.sum(dim=1) / lengths.clamp(min=1)[:, None]
        pooled = torch.cat([found.amax(dim=1), mean], dim=1)
        logits: Tensor = self.output(nn.functional.dropout(pooled, DROPOUT, self.training))
        return logits


def fit(sequences: Sequences, targets: Numbers, num_classes: int, seed: int) -> PoolingHead:
    """Learn a head.

    Args:
        sequences: Of each text.
        targets: Class of each text, from 0.
        num_classes: How many there are.
        seed: Of the first weights, of what is dropped, and of the order.
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
    """A score for each text and class."""
    order = np.argsort(sequences.lengths, kind="stable")
    scores = np.empty((len(sequences), head.output.out_features), np.float32)
    for begin in range(0, len(order), BATCH_TEXTS):
        items = order[begin : begin + BATCH_TEXTS]
        scores[items] = head(*_tensors(sequences, items)).numpy()
    return scores


def _batches(lengths: Numbers, random: np.random.Generator) -> Iterator[Numbers]:
    """Every text once, those of a batch of about one length."""
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
    """Of the numbers in some of the texts."""
    some = sequences.take(np.arange(0, len(sequences), -(-len(sequences) // 1000)))
    squares, count = np.square(some.padded()).sum(dtype=np.float64), some.lengths.sum()
    return float(np.sqrt(squares / max(1, count * sequences.vectors.shape[1]))) or 1.0
