"""Learn a mix of the layers for a task, and measure what that gains.

Peters et al. 2018, section 3.2, equation 1: ELMo = gamma * sum_j s_j h_j, s = softmax(w). The biLM
is frozen; w and gamma are learned together with a linear classifier of the mean over a text's
pieces, behind dropout, with an L2 penalty on w that pulls towards equal shares (section 3.3).
Unlike the paper, the layers are first scaled to one length; the weights that are served include
this scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from biLM.artifact import Artifact, save_artifact
from biLM.mixes import add_mixes, read_mixes, refuse_taken
from biLM.network.scalar_mix import ScalarMix

from ..errors import TrainingError
from .tasks import Task, parted


@dataclass(frozen=True)
class TaskMixConfig:
    """Settings for learning a mix.

    Args:
        center: Whether layers are centred; requests that use the mix must set `center` likewise.
        dropout: Share of the mixed vector that is dropped.
        penalty: Factor of the squared length of w in the loss.
        learning_rate: First learning rate of Adam, for vectors of unit length; it falls linearly
            to 0.
        batch_texts: Texts per step.
        epochs: Passes over the texts; the best one counts.
        seeds: How many times the mix is learned, each time with another order and start.
    """

    center: bool = True
    dropout: float = 0.3
    penalty: float = 0.001
    learning_rate: float = 0.03
    batch_texts: int = 64
    epochs: int = 20
    seeds: int = 3

    def __post_init__(self) -> None:
        for name in ("batch_texts", "epochs", "seeds"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be at least 1")


@dataclass(frozen=True)
class Fit:
    """A learned mix, and how well its classifier does.

    Args:
        mix: The mix as it is served.
        held_back_nats: Cross-entropy on the held-back texts, which chose the epoch.
        accuracy: Accuracy on the test texts.
    """

    mix: ScalarMix
    held_back_nats: float
    accuracy: float


class MixClassifier(nn.Module):
    """A linear classifier over a mix of layers.

    Args:
        depth: Number of layers, all scaled to one length.
        dim: Width of each layer.
        num_labels: Number of classes.
        fixed: The share of each layer; None if the shares are to be learned.
    """

    def __init__(
        self, depth: int, dim: int, num_labels: int, fixed: Float[Tensor, " depth"] | None
    ) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(depth))
        self.gamma = nn.Parameter(torch.ones(()))
        self.linear = nn.Linear(dim, num_labels)
        self._fixed = None if fixed is None else fixed / fixed.sum()

    @property
    def s(self) -> Float[Tensor, " depth"]:
        """The share of each layer."""
        return self.w.softmax(0) if self._fixed is None else self._fixed

    def forward(
        self, layers: Float[Tensor, "batch depth dim"], dropout: float = 0.0
    ) -> Float[Tensor, "batch labels"]:
        """Return the logit of each label."""
        mixed = self.gamma * torch.einsum("j,bjd->bd", self.s, layers)
        logits: Tensor = self.linear(nn.functional.dropout(mixed, dropout))
        return logits


def fit_mix(
    train: Task, test: Task, config: TaskMixConfig, seed: int, fixed: Sequence[float] | None = None
) -> Fit:
    """Learn a mix and its classifier, or with `fixed` only the classifier over a given mix."""
    torch.manual_seed(seed)
    # Layers differ in length; unscaled, a long one would dominate even with a small share.
    scales = train.layers.square().sum(dim=2).mean(dim=0).sqrt()
    train, test = (replace(task, layers=task.layers / scales[:, None]) for task in (train, test))
    shares = None if fixed is None else torch.tensor(fixed) * scales
    front, back = parted(len(train.labels), torch.default_generator)
    _, depth, dim = train.layers.shape
    model = MixClassifier(depth, dim, train.num_labels, shares)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    best, kept = float("inf"), model.state_dict()
    for epoch in range(config.epochs):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * (1 - epoch / config.epochs)
        for batch in torch.split(front[torch.randperm(len(front))], config.batch_texts):
            logits = model(train.layers[batch], config.dropout)
            loss = nn.functional.cross_entropy(logits, train.labels[batch])
            loss = loss + config.penalty * model.w.square().sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's stubs
            optimizer.step()
        nats, _ = _score(model, train, back)
        if nats < best:
            best = nats
            kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(kept)
    weights = model.s.detach() / scales  # for the layers as they are, unscaled
    total = float(weights.sum())
    mix = ScalarMix(tuple((weights / total).tolist()), float(model.gamma.detach()) * total)
    _, accuracy = _score(model, test, torch.arange(len(test.labels)))
    return Fit(mix, best, accuracy)


def compare(train: Task, test: Task, config: TaskMixConfig) -> dict[str, list[Fit]]:
    """Fit a learned mix, each single layer and the plain mean, once for each seed."""
    depth = train.layers.shape[1]
    fixed: dict[str, Sequence[float] | None] = {
        f"layer {layer}": [float(layer == other) for other in range(depth)]
        for layer in range(depth)
    }
    fixed |= {"mean": [1 / depth] * depth, "learned": None}
    return {
        name: [fit_mix(train, test, config, seed, shares) for seed in range(config.seeds)]
        for name, shares in tqdm(fixed.items(), unit=" mixes")
    }


def report(found: Mapping[str, Sequence[Fit]]) -> str:
    """Return a line for each mix: mean accuracy over the seeds, spread, and the mix if learned."""
    lines = []
    for name, fits in found.items():
        accuracies = [fit.accuracy for fit in fits]
        spread = stdev(accuracies) if len(accuracies) > 1 else 0.0
        line = f"{name:10} accuracy {mean(accuracies):.4f} +- {spread:.4f}"
        if name == "learned":
            mix = best_of(fits)
            line += f"   s {' '.join(f'{s:.3f}' for s in mix.weights)}   gamma {mix.gamma:.3f}"
        lines.append(line)
    return "\n".join(lines)


def best_of(fits: Sequence[Fit]) -> ScalarMix:
    """Return the mix of the seed that was best on the held-back texts."""
    return min(fits, key=lambda fit: fit.held_back_nats).mix


@dataclass(frozen=True)
class NamedMix:
    """The name of a new mix of an artifact. Create it first: a taken name is then refused early.

    Args:
        name: The name of the mix.
        artifact: The artifact whose layers it mixes.

    Raises:
        MixError: the artifact already has a mix of that name.
    """

    name: str
    artifact: Artifact

    def __post_init__(self) -> None:
        refuse_taken([self.name], self.artifact.mixes)

    def others_of(self, path: Path) -> dict[str, ScalarMix]:
        """Read the mixes of a file for `BILM_MIXES`; a missing file counts as empty.

        Raises:
            MixError: the file does not contain mixes of this artifact.
        """
        depth = self.artifact.config.num_representations
        return read_mixes(path, depth, self.artifact.mixes) if path.exists() else {}

    def add_to(self, path: Path, mix: ScalarMix) -> None:
        """Add the mix to a file for `BILM_MIXES`, and keep the mixes that are in it."""
        add_mixes(path, {self.name: mix}, self.artifact.mixes)

    def save_with(self, folder: Path, mix: ScalarMix) -> str:
        """Write the artifact with the mix added to its own, and return the new revision."""
        mixes = {**self.artifact.mixes, self.name: mix}
        return save_artifact(replace(self.artifact, mixes=mixes), folder)


def _score(model: MixClassifier, task: Task, some: Tensor) -> tuple[float, float]:
    """Return the cross-entropy in nats, and the accuracy."""
    labels = task.labels[some]
    with torch.no_grad():
        logits = model(task.layers[some])
    nats = nn.functional.cross_entropy(logits, labels)
    return float(nats), float((logits.argmax(1) == labels).double().mean())
