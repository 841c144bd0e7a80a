"""Pack a checkpoint into a file small enough to go to another machine, and unpack it there.

A checkpoint has three numbers for each weight: itself and Adam's two moments. A packed checkpoint
has the weight in bfloat16 and, of the second moments of a matrix, the means of its rows and of its
columns, whose product over the mean of all stands for them (Shazeer and Stern 2018, "Adafactor",
section 3). First moments are left out; they are 0 after unpacking and come back within some ten
steps. So the run that goes on is not the same to the bit; decision 66 has what that costs.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.files import write_atomically

from ..errors import CheckpointError
from .checkpoint import (
    NAME,
    PLATEAU,
    WEIGHT,
    Checkpoint,
    find_checkpoints,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
    serialised,
)

VERSION = "packed 1"
STEP, FIRST, SECOND = "step.", "exp_avg.", "exp_avg_sq."
ROWS, COLUMNS = "row_means.", "column_means."


def pack(run: Path, out: Path, plateau: bool = False) -> Checkpoint:
    """Write a run's checkpoint in its small form to the file `out`, and return it.

    Args:
        run: The folder of the run.
        out: The file.
        plateau: Whether to take the state at which the learning rate began to fall, from which a
            run with a larger budget goes on, and not the latest.

    Raises:
        CheckpointError: the run has no such checkpoint, or it is damaged.
    """
    whole = load_checkpoint(run)
    if plateau and not (run / PLATEAU).exists():
        raise CheckpointError(
            f"{run / PLATEAU} does not exist, because the learning rate has not begun to fall; pack"
            " the latest checkpoint, without --plateau"
        )
    if plateau:
        whole = read_checkpoint(run / PLATEAU)
    small = whole.having(_packed(whole))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, serialised(small, VERSION))
    return small


def unpack(file: Path, run: Path) -> Checkpoint:
    """Write the checkpoint in a packed file into the folder of a run, and return it.

    Raises:
        CheckpointError: the file is missing, damaged or not a packed checkpoint, or the folder has
            a run already.
    """
    found, refusals = find_checkpoints(run)
    if found or refusals:
        raise CheckpointError(f"{run} has a run already, with {NAME}; choose another --out")
    if not file.is_file():
        raise CheckpointError(f"{file} is not a file; make one with `bilm train pack`")
    small = read_checkpoint(file, VERSION)
    whole = small.having(_unpacked(small))
    run.mkdir(parents=True, exist_ok=True)
    save_checkpoint(run, whole)
    return whole


def _packed(whole: Checkpoint) -> dict[str, Tensor]:
    small = {}
    for name, tensor in whole.tensors.items():
        if name.startswith(WEIGHT):
            small[name] = tensor.bfloat16()
        elif name.startswith(SECOND) and tensor.ndim == 2:
            weight = name.removeprefix(SECOND)
            small[ROWS + weight], small[COLUMNS + weight] = tensor.mean(1), tensor.mean(0)
        elif name.startswith((STEP, SECOND)):
            small[name] = tensor
    return small


def _unpacked(small: Checkpoint) -> dict[str, Tensor]:
    whole = {}
    for name, tensor in small.tensors.items():
        if name.startswith(WEIGHT):
            whole[name] = tensor.float()
        elif name.startswith(ROWS):
            weight = name.removeprefix(ROWS)
            whole[SECOND + weight] = _product(tensor, small.tensors[COLUMNS + weight])
        elif name.startswith((STEP, SECOND)):
            whole[name] = tensor
    for name in [name for name in whole if name.startswith(SECOND)]:
        whole[FIRST + name.removeprefix(SECOND)] = torch.zeros_like(whole[name])
    return whole


def _product(
    rows: Float[Tensor, " row"], columns: Float[Tensor, " column"]
) -> Float[Tensor, "row column"]:
    """Return the matrix of rank one that has these means of rows and columns."""
    mean = rows.mean()
    return torch.outer(rows, columns) / mean if mean else rows.new_zeros(len(rows), len(columns))
