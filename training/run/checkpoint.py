"""Write and read the checkpoints from which a run resumes as if it had never stopped.

    checkpoint.safetensors   the latest state of the run
    previous.safetensors     the state one checkpoint earlier, used if the first file is damaged
    plateau.safetensors      the state when the learning rate began to fall; a run with a larger
                             budget resumes here

Each file contains the weights and Adam's moments. Its metadata contains the recipe, the progress of
the run and the sha256 of the vocabulary, of the rows that the run reads, and of the tensors. The
sha256 of the rows is missing in older checkpoints, which are taken with any rows. No random state
needs to be saved, because every step derives its own from the seed and the number of the step.
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

from ..errors import CheckpointError
from .config import TrainConfig
from .stream import Position

FORMAT_VERSION = "3"
NAME = "checkpoint.safetensors"
PREVIOUS = "previous.safetensors"
PLATEAU = "plateau.safetensors"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
# The names of the model's weights begin with this, among the tensors of a checkpoint.
WEIGHT = "model."


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Args:
        step: Steps taken, skipped ones included.
        pieces: Pieces predicted per direction.
        seconds: Time spent in steps.
        position: Position in the stream of batches.
        at_peak: Whether no step has yet been taken with a falling learning rate.
        skipped: Steps that moved no weight because the gradient was not finite.
        skipped_in_a_row: How many of the most recent steps, one after the other, were skipped.
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
    """The contents of one checkpoint file.

    Args:
        config: The recipe of the run.
        progress: How far the run has come.
        vocabulary: sha256 of the sentencepiece model whose ids the run reads.
        tensors: The weights and Adam's moments, by name.
        rows: sha256 of the rows that the run reads; empty if it is not known.
    """

    config: TrainConfig
    progress: Progress
    vocabulary: str
    tensors: Mapping[str, Tensor]
    rows: str = ""

    @classmethod
    def of(
        cls,
        config: TrainConfig,
        progress: Progress,
        vocabulary: str,
        model: nn.Module,
        optimizer: torch.optim.Adam,
    ) -> "Checkpoint":
        """Return the state of a run; a parameter that Adam has not moved yet has no moments."""
        tensors = {f"{WEIGHT}{name}": value for name, value in model.state_dict().items()}
        for name, parameter in model.named_parameters():
            for moment in MOMENTS:
                if parameter in optimizer.state:
                    tensors[f"{moment}.{name}"] = optimizer.state[parameter][moment]
        on_cpu = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        return cls(config, progress, vocabulary, on_cpu)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The weights of the model, by their names in the model."""
        return {
            name.removeprefix(WEIGHT): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(WEIGHT)
        }

    def having(self, tensors: Mapping[str, Tensor]) -> "Checkpoint":
        """Return the checkpoint with these tensors in place of its own."""
        return replace(self, tensors={name: one.contiguous() for name, one in tensors.items()})

    def restore(self, model: nn.Module, optimizer: torch.optim.Adam | None = None) -> None:
        """Load the state into the model, and into the optimiser if one is given.

        Raises:
            CheckpointError: the model has other sizes than the checkpoint.
        """
        try:
            model.load_state_dict(self.weights)
        except RuntimeError as error:
            raise CheckpointError(
                f"the checkpoint belongs to a model of other sizes: {error}"
            ) from error
        if optimizer is not None:
            for name, parameter in model.named_parameters():
                if f"step.{name}" in self.tensors:
                    optimizer.state[parameter] = {
                        moment: self.tensors[f"{moment}.{name}"].to(parameter.device)
                        for moment in MOMENTS
                    }

    def leads_to(self, config: TrainConfig) -> bool:
        """Return whether a run of this recipe passes through this state.

        Recipes that differ only in budget and decay describe the same run until the learning rate
        of one of them begins to fall.
        """
        if self.config == config:
            return True
        falls_later = self.progress.at_peak and not config.decays_at(self.progress.pieces)
        as_asked = replace(
            self.config, max_pieces=config.max_pieces, decay_share=config.decay_share
        )
        return falls_later and as_asked == config

    def require_rows(self, rows: str) -> None:
        """Refuse shards of another text than the run has read so far.

        Raises:
            CheckpointError: both texts are known, and they differ.
        """
        if self.rows and rows and self.rows != rows:
            raise CheckpointError(
                f"the run has read the rows {self.rows}, but these shards have {rows}; name the"
                " run's own shards with --shards, or start another run with another --out: to train"
                " a model further on other text, export it and use --init-from"
            )

    def require_vocabulary(self, vocabulary: str) -> None:
        """Refuse shards whose piece ids do not mean what they meant in the run.

        Raises:
            CheckpointError: the shards have another vocabulary.
        """
        if self.vocabulary != vocabulary:
            raise CheckpointError(
                f"the run has read shards of vocabulary {self.vocabulary}, but these are of"
                f" {vocabulary}; name the run's own shards with --shards, or start another run with"
                " another --out"
            )


def save_checkpoint(folder: Path, checkpoint: Checkpoint, ends_plateau: bool = False) -> None:
    """Write the current state of a run, and keep the previous checkpoint.

    Args:
        folder: The folder of the run.
        checkpoint: The state to write.
        ends_plateau: Whether to keep this state also as the one where a larger budget resumes.

    Raises:
        CheckpointError: the disk is full or cannot be written; earlier checkpoints stay intact.
    """
    data = serialised(checkpoint)
    path = folder / NAME
    try:
        # The plateau is written first: a run resumed from the checkpoint never comes back to it.
        if ends_plateau:
            write_atomically(folder / PLATEAU, data)
        if path.exists():
            path.replace(folder / PREVIOUS)
        write_atomically(path, data)
    except OSError as error:
        raise CheckpointError(
            f"{path} could not be written ({error}); {len(data) / 2**20:.0f} MiB are needed. The"
            f" previous checkpoint in {folder} is intact: make room and run the same command again"
        ) from error


def load_checkpoint(folder: Path) -> Checkpoint:
    """Load the latest readable checkpoint of a run.

    Raises:
        CheckpointError: the folder has no checkpoint, or every one is damaged or foreign.
    """
    found, refusals = find_checkpoints(folder)
    if found:
        return found[0]
    if refusals:
        raise CheckpointError("; ".join(refusals) + "; remove the folder to start over")
    raise CheckpointError(f"{folder / NAME} does not exist; run `bilm train train` first")


def find_checkpoints(folder: Path) -> tuple[list[Checkpoint], list[str]]:
    """Return a folder's readable checkpoints, the latest first, and why others were refused."""
    found, refusals = [], []
    for name in (NAME, PREVIOUS, PLATEAU):
        if (folder / name).exists():
            try:
                found.append(read_checkpoint(folder / name))
            except CheckpointError as error:
                refusals.append(str(error))
    return found, refusals


def serialised(checkpoint: Checkpoint, version: str = FORMAT_VERSION) -> bytes:
    """Return the bytes of a checkpoint's file, in which the version tells what its tensors are."""
    metadata = {
        "version": version,
        "config": json.dumps(checkpoint.config.as_dict()),
        "progress": json.dumps(asdict(checkpoint.progress)),
        "vocabulary": checkpoint.vocabulary,
        "rows": checkpoint.rows,
        "sha256": digest(checkpoint.tensors),
    }
    return save(dict(checkpoint.tensors), metadata)


def read_checkpoint(path: Path, version: str = FORMAT_VERSION) -> Checkpoint:
    """Read one file.

    Raises:
        CheckpointError: the file is missing or damaged, or of another version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors: dict[str, Tensor] = {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged ({error})") from error
    if metadata.get("version") != version:
        found = metadata.get("version")
        raise CheckpointError(f"{path} has version {found}, but {version} is needed here")
    if metadata.get("sha256") != digest(tensors):
        raise CheckpointError(f"{path} is damaged (its tensors are not the ones that were written)")
    try:
        progress = json.loads(metadata["progress"])
        position = Position(**progress.pop("position"))
        config = TrainConfig(**json.loads(metadata["config"]))
        progress = Progress(position=position, **progress)
        rows = metadata.get("rows", "")
        return Checkpoint(config, progress, metadata["vocabulary"], tensors, rows)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} was written by another program ({error!r})") from error


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of tensors and their names."""
    sha256 = hashlib.sha256()
    for name in sorted(tensors):
        sha256.update(name.encode())
        # As bytes, because NumPy has no bfloat16.
        sha256.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return sha256.hexdigest()
