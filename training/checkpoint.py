"""One file from which a run goes on as if it had never stopped.

A checkpoint is a safetensors file: weights, Adam's moments, and in its metadata the recipe and
how far the run had come. There is no random state to keep, because every step derives its own
from the seed and its number.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from biLM.files import write_atomically
from training.config import TrainConfig
from training.errors import CheckpointError
from training.stream import Position

FORMAT_VERSION = "1"
NAME = "checkpoint.safetensors"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    step: int = 0
    pieces: int = 0
    seconds: float = 0.0
    position: Position = field(default_factory=Position)


def save_checkpoint(
    folder: Path,
    config: TrainConfig,
    progress: Progress,
    model: nn.Module,
    optimizer: torch.optim.Adam,
) -> None:
    """Write the checkpoint of a run atomically over the one before."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        for moment in MOMENTS:
            if parameter in optimizer.state:
                tensors[f"{moment}.{name}"] = optimizer.state[parameter][moment]
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    metadata = {
        "version": FORMAT_VERSION,
        "config": json.dumps(config.as_dict()),
        "progress": json.dumps(asdict(progress)),
    }
    write_atomically(folder / NAME, save(contiguous, metadata))


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Adam | None = None
) -> Progress:
    """Fill the model, and the optimizer if given, from a run's checkpoint.

    Raises:
        CheckpointError: there is none, it is damaged, or it belongs to a model of other sizes.
    """
    tensors, metadata = _read(folder)
    weights = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{folder / NAME} is of a model of other sizes: {error}") from error
    if optimizer is not None:
        for name, parameter in model.named_parameters():
            optimizer.state[parameter] = {
                moment: tensors[f"{moment}.{name}"].to(parameter.device) for moment in MOMENTS
            }
    return _progress(metadata)


def read_progress(folder: Path) -> Progress:
    """How far the run with this checkpoint has come."""
    return _progress(_read(folder)[1])


def saved_config(folder: Path) -> TrainConfig:
    """The recipe a run's checkpoint was written by."""
    return TrainConfig(**json.loads(_read(folder)[1]["config"]))


def has_checkpoint(folder: Path) -> bool:
    """Whether a run has a checkpoint to go on from."""
    return (folder / NAME).exists()


def _progress(metadata: dict[str, str]) -> Progress:
    progress = json.loads(metadata["progress"])
    return Progress(**{**progress, "position": Position(**progress["position"])})


def _read(folder: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    path = folder / NAME
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; run `python -m training train` first")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors: dict[str, torch.Tensor] = {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged ({error}); remove it to start over") from error
    if metadata.get("version") != FORMAT_VERSION:
        found = metadata.get("version")
        raise CheckpointError(f"{path} has version {found}; this program reads {FORMAT_VERSION}")
    return tensors, metadata
