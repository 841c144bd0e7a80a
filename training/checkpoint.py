"""The files from which a run goes on as if it had never stopped.

    checkpoint.safetensors   where the run is
    previous.safetensors     where it was one checkpoint before: used if the first is torn
    plateau.safetensors      where it was when the learning rate began to fall: a larger budget
                             goes on from here

Each holds weights, Adam's moments, and in its metadata the recipe, how far the run had come and the
sha256 of the vocabulary and of the tensors. There is no random state to keep, because every step
derives its own from the seed and its number.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from biLM.files import write_atomically
from training.config import TrainConfig
from training.errors import CheckpointError
from training.stream import Position

FORMAT_VERSION = "3"
NAME = "checkpoint.safetensors"
PREVIOUS = "previous.safetensors"
PLATEAU = "plateau.safetensors"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Args:
        step: Steps, skipped ones included.
        pieces: Pieces predicted per direction.
        seconds: Time spent in steps.
        position: Place in the stream of batches.
        at_peak: No step has been taken yet with a falling learning rate.
        skipped: Steps whose gradient was no number, so that no weight moved.
        skipped_in_a_row: Of them, the last ones without a sound step after them.
    """

    step: int = 0
    pieces: int = 0
    seconds: float = 0.0
    position: Position = field(default_factory=Position)
    at_peak: bool = True
    skipped: int = 0
    skipped_in_a_row: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """What one file holds.

    Args:
        config: The recipe.
        progress: How far the run has come.
        vocabulary: sha256 of the sentencepiece model whose ids the run reads.
        tensors: Weights and moments.
    """

    config: TrainConfig
    progress: Progress
    vocabulary: str
    tensors: Mapping[str, Tensor]

    @classmethod
    def of(
        cls,
        config: TrainConfig,
        progress: Progress,
        vocabulary: str,
        model: nn.Module,
        optimizer: torch.optim.Adam,
    ) -> "Checkpoint":
        """The state of a run; Adam has no moments of what it has not moved yet."""
        tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
        for name, parameter in model.named_parameters():
            for moment in MOMENTS:
                if parameter in optimizer.state:
                    tensors[f"{moment}.{name}"] = optimizer.state[parameter][moment]
        on_cpu = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        return cls(config, progress, vocabulary, on_cpu)

    def restore(self, model: nn.Module, optimizer: torch.optim.Adam | None = None) -> None:
        """Fill the model, and the optimizer if given.

        Raises:
            CheckpointError: they are of other sizes.
        """
        model_tensors = [name for name in self.tensors if name.startswith("model.")]
        weights = {n.removeprefix("model."): self.tensors[n] for n in model_tensors}
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointError(
                f"the checkpoint is of a model of other sizes: {error}"
            ) from error
        if optimizer is not None:
            for name, parameter in model.named_parameters():
                if f"step.{name}" in self.tensors:
                    optimizer.state[parameter] = {
                        moment: self.tensors[f"{moment}.{name}"].to(parameter.device)
                        for moment in MOMENTS
                    }

    def leads_to(self, config: TrainConfig) -> bool:
        """Whether a run of that recipe passes through this state.

        Another budget or decay is the same run for as long as neither's rate has begun to fall.
        """
        if self.config == config:
            return True
        falls_later = self.progress.at_peak and not config.decays_at(self.progress.pieces)
        as_asked = replace(
            self.config, max_pieces=config.max_pieces, decay_share=config.decay_share
        )
        return falls_later and as_asked == config

    def require_vocabulary(self, vocabulary: str) -> None:
        """Make sure that ids mean what they meant to the run.

        Raises:
            CheckpointError: the shards are of another vocabulary.
        """
        if self.vocabulary != vocabulary:
            raise CheckpointError(
                f"the run has read shards of vocabulary {self.vocabulary}, but these are of"
                f" {vocabulary}; give it its own with --shards, or start another with --out"
            )


def save_checkpoint(folder: Path, checkpoint: Checkpoint, ends_plateau: bool = False) -> None:
    """Write where a run is, and keep the checkpoint before it.

    Args:
        folder: Of the run.
        checkpoint: Where it is.
        ends_plateau: Keep this one, too, as the place where a larger budget would go on.

    Raises:
        CheckpointError: the disk is full or cannot be written; what was there before is intact.
    """
    data = _serialised(checkpoint)
    path = folder / NAME
    try:
        if ends_plateau:  # first: once the checkpoint stands, a resumed run has passed this place
            write_atomically(folder / PLATEAU, data)
        if path.exists():
            path.replace(folder / PREVIOUS)
        write_atomically(path, data)
    except OSError as error:
        raise CheckpointError(
            f"{path} could not be written ({error}); {len(data) / 2**20:.0f} MiB are needed. The"
            f" checkpoint before it is intact in {folder}: make room and run the same command again"
        ) from error


def load_checkpoint(folder: Path) -> Checkpoint:
    """The last checkpoint of a run that can be read.

    Raises:
        CheckpointError: there is none, or each is damaged or foreign.
    """
    found, refusals = find_checkpoints(folder)
    if found:
        return found[0]
    if refusals:
        raise CheckpointError("; ".join(refusals) + "; remove the folder to start over")
    raise CheckpointError(f"{folder / NAME} does not exist; run `bilm train train` first")


def find_checkpoints(folder: Path) -> tuple[list[Checkpoint], list[str]]:
    """The checkpoints of a folder, the last first, and why others were refused."""
    found, refusals = [], []
    for name in (NAME, PREVIOUS, PLATEAU):
        if (folder / name).exists():
            try:
                found.append(_read(folder / name))
            except CheckpointError as error:
                refusals.append(str(error))
    return found, refusals


def _serialised(checkpoint: Checkpoint) -> bytes:
    metadata = {
        "version": FORMAT_VERSION,
        "config": json.dumps(checkpoint.config.as_dict()),
        "progress": json.dumps(asdict(checkpoint.progress)),
        "vocabulary": checkpoint.vocabulary,
        "sha256": _digest(checkpoint.tensors),
    }
    return save(dict(checkpoint.tensors), metadata)


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().data)
    return digest.hexdigest()


def _read(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors: dict[str, Tensor] = {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged ({error})") from error
    if metadata.get("version") != FORMAT_VERSION:
        found = metadata.get("version")
        raise CheckpointError(f"{path} has version {found}; this program reads {FORMAT_VERSION}")
    if metadata.get("sha256") != _digest(tensors):
        raise CheckpointError(f"{path} is damaged (its tensors are not the ones that were written)")
    try:
        progress = json.loads(metadata["progress"])
        position = Position(**progress.pop("position"))
        config = TrainConfig(**json.loads(metadata["config"]))
        progress = Progress(position=position, **progress)
        return Checkpoint(config, progress, metadata["vocabulary"], tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is of another program ({error!r})") from error
