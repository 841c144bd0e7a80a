"""Compare one-hot vectors with trained embeddings as the input of the biLM.

The first layer's matrix W times a one-hot vector e_j picks a column of W: W e_j = W_j. So with
one-hot input the first layer has a column of 4 * cell_size numbers for every piece and direction.
With embeddings of width D it has only W E, where E has D numbers per piece (Bengio et al. 2003, "A
neural probabilistic language model", section 2). Here the columns are looked up, not multiplied.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..cells.choice import new_layer
from ..choices import LSTM
from ..run.objective import BiLMObjective, build_objective
from .corpus import described
from .findings import Finding, Plot, Table, Value
from .trials import (
    Laboratory,
    Trial,
    bits_per_character,
    fit,
    learning_curves,
)

TIED, UNTIED, ONE_HOT = "embedding, tied", "embedding, untied", "one-hot"
GATES = 4


def measure(lab: Laboratory) -> Finding:
    """Train three models that differ in what their first layers read."""
    recipe = lab.plan.recipe(LSTM)
    one_hot = build_objective(recipe, lab.text)
    read_one_hot(one_hot)
    trials = {
        TIED: lab.trial(recipe),
        UNTIED: lab.trial(replace(recipe, tied=False)),
        ONE_HOT: fit(recipe, one_hot, lab),
    }
    return Finding(
        title="One-hot against trained embeddings as input",
        setting=_setting(lab),
        tables=(_bits(trials, lab), learning_curves(trials, "on the way")),
        plots=(Plot("inputs", 1, "pieces", tuple(trials), "nats per piece, held out"),),
    )


def read_one_hot(objective: BiLMObjective) -> None:
    """Make the first layer of each direction read one-hot vectors of the pieces."""
    sizes = objective.bilm.config
    width = GATES * sizes.cell_size
    table = nn.Embedding(sizes.num_pieces, 2 * width)  # the columns of both directions' W
    for gate in torch.split(table.weight.data, sizes.cell_size, dim=1):
        nn.init.xavier_uniform_(gate)
    objective.inputs = table
    for begin, stack in enumerate((objective.bilm.forward_lm, objective.bilm.backward_lm)):
        stack.layers[0] = OneHotLayer(sizes.cell_size, begin * width)


class OneHotLayer(nn.Module):
    """An LSTM layer whose input is W x instead of x: its own W is the identity and is not trained.

    Args:
        cell_size: Width of each state.
        begin: Index of the layer's first column in the input.
    """

    def __init__(self, cell_size: int, begin: int) -> None:
        super().__init__()
        self.part = slice(begin, begin + GATES * cell_size)
        self.layer = new_layer(LSTM, GATES * cell_size, cell_size)
        product = self.layer.get_parameter("weight_ih_l0").requires_grad_(False)
        nn.init.eye_(product)

    def forward(
        self, x: Float[Tensor, "batch time columns"], state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Float[Tensor, "batch time dim"], tuple[Tensor, Tensor]]:
        """Return what the LSTM layer returns for its part of the columns."""
        found: tuple[Tensor, tuple[Tensor, Tensor]] = self.layer(x[..., self.part], state)
        return found


def trained_parameters(objective: BiLMObjective) -> tuple[int, int]:
    """Count the trained parameters: those of the first layers' input, and all."""
    everything = sum(one.numel() for one in objective.parameters() if one.requires_grad)
    table = objective.inputs or objective.bilm.embedding
    return sum(one.numel() for one in table.parameters()), everything


def _bits(trials: dict[str, Trial], lab: Laboratory) -> Table:
    rows: list[tuple[Value, ...]] = []
    for name, trial in trials.items():
        numbers = trained_parameters(trial.objective)
        bits = bits_per_character(trial.objective, lab.text)
        rows.append((name, *numbers, trial.pieces, *bits))
    return Table(
        "Bits per character of all held-out text (full softmax), and numbers that are trained:"
        " those that a piece's input is looked up in, and all",
        ("input", "input parameters", "parameters", "pieces", "forward bits", "backward bits"),
        tuple(rows),
    )


def _setting(lab: Laboratory) -> str:
    return (
        f"{described(lab.text)} The LSTM of `cells`, at its equal number of pieces: its embedding"
        " is shared by the input and the softmax (tied). Untied, the softmax has vectors of its"
        " own. One-hot, the first layers read one-hot vectors, which is a column of four times the"
        " cell's width for every piece and direction; the softmax keeps its embedding. Everything"
        f" else is the same. One seed ({lab.plan.seed})."
    )
