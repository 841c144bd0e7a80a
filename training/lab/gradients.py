"""Measure how much of a loss's gradient arrives at the states k steps before the loss.

Hochreiter 1991, Bengio et al. 1994, "Learning long-term dependencies with gradient descent is
difficult"; Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", section
2. The state of step T - k reaches the loss L of step T only through k steps of the recurrence:

    dL/ds_{T-k} = dL/ds_T  J_T J_{T-1} ... J_{T-k+1},    J_t = ds_t / ds_{t-1}

So the gradient vanishes with k if the norms of the J are below 1, and it may explode if they are
above 1. An LSTM's state is (h, c), and along c the product contains that of the forget gates.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..cells.choice import CELLS, written_out
from ..cells.layer import WrittenOut
from ..choices import LSTM
from ..run.objective import BiLMObjective, build_objective
from ..text.shards import Shard, Shards
from .corpus import described
from .findings import Finding, Plot, Table, Value
from .trials import Laboratory

SHOWN = (1, 2, 3, 5, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 320, 384, 512, 768)
FORGET_BIASES = (0.0, 1.0, 3.0, 5.0)
STATE_NAMES = ("h", "c")
# A gradient teaches little once it is below this share of the gradient one step back.
FAINT = 0.01

# For each line of a plot, the norm at k = 0, 1, 2, ...
Norms = dict[str, Tensor]


def measure(lab: Laboratory) -> Finding:
    """Trace the loss back through each cell, new and trained, and through several forget biases."""
    untrained = {cell: build_objective(lab.plan.recipe(cell), lab.text) for cell in CELLS}
    trained = {cell: lab.trial(lab.plan.recipe(cell)).objective for cell in CELLS}
    rows = held_out_rows(lab.text, lab.plan.gradient_pieces, lab.plan.gradient_rows)
    new, old = _of_cells(untrained, rows), _of_cells(trained, rows)
    biases = _of_forget_biases(untrained[LSTM], rows)
    return Finding(
        title="What arrives of a gradient k steps before its loss",
        setting=_setting(lab, rows),
        tables=(
            _table("At initialisation: median norm of dL/ds at step T-k", new),
            _table("After training, likewise", old),
            _reach(new, old),
            _table("dL/dc of a new LSTM by the constant in its forget gate, likewise", biases),
        ),
        plots=(
            Plot("gradients-new", 0, "k", tuple(new), "norm of dL/ds, new", "xy"),
            Plot("gradients-trained", 1, "k", tuple(old), "norm of dL/ds, trained", "xy"),
            Plot("gradients-bias", 3, "k", tuple(biases), "norm of dL/dc, new LSTM", "xy"),
        ),
    )


def state_gradients(
    layer: WrittenOut,
    x: Float[Tensor, "batch time width"],
    losses: Callable[[Float[Tensor, "batch dim"]], Float[Tensor, " batch"]],
) -> Float[Tensor, "parts time batch"]:
    """Return the norm of dL/ds, for each part of the state, at k = 0, 1, ... steps before the last.

    Args:
        layer: The layer, in float64 so that small norms are not lost.
        x: The input of the layer.
        losses: Computes the loss of each row from its last h.
    """
    states = list(layer.states(x))
    parts = [part for state in reversed(states) for part in state]
    loss = losses(states[-1][0]).sum()  # rows are independent: each gets its own gradient
    found = torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True)
    by_step = torch.stack(found).view(len(states), layer.num_states, *parts[0].shape)
    norms: Tensor = by_step.norm(dim=-1)
    return norms.transpose(0, 1)


def of_model(objective: BiLMObjective, cell: str, rows: Int[Tensor, "batch time"]) -> Norms:
    """Return the median norms over the rows, for the top layer of the forward language model.

    Only the top layer's own recurrence leads from its states to a later loss.
    """
    model = deepcopy(objective).double().requires_grad_()
    rows = rows.to(model.heads.bias.device)
    ids, targets = rows[:, :-1], rows[:, -1]
    *below, top = (written_out(cell, layer) for layer in model.bilm.forward_lm.layers)
    x = model.bilm.embedding(ids)
    for depth, layer in enumerate(below):
        x = layer(x)[0] + (x if depth else 0)

    def losses(h: Tensor) -> Tensor:
        z = model.heads.forward_head(h + (x[:, -1] if below else 0))
        logits = nn.functional.linear(z, model.bilm.embedding.weight, model.heads.bias)
        return nn.functional.cross_entropy(logits, targets, reduction="none")

    norms = state_gradients(top, x.detach(), losses).median(dim=-1).values.cpu()
    names = [f"{cell} d{part}" for part in STATE_NAMES[: top.num_states]]
    return dict(zip(names, norms, strict=True))


def held_out_rows(shards: Shards, num_pieces: int, num_rows: int) -> Int[Tensor, "batch time"]:
    """Return rows of `num_pieces` + 1 pieces; the held-out documents are joined and then cut."""
    joined = Shard.joined(list(shards.held_out().values())).pieces.astype("int64")
    length = min(num_pieces, len(joined) - 1) + 1
    count = min(num_rows, len(joined) // length)
    return torch.from_numpy(joined[: count * length].reshape(count, length))


def reach(norms: Float[Tensor, " time"]) -> int | None:
    """Return the first k with less than FAINT of the norm at k = 1; None if there is no such k."""
    faint = (norms[1:] < FAINT * norms[1]).nonzero()
    return int(faint[0]) + 1 if len(faint) else None


def _of_cells(models: dict[str, BiLMObjective], rows: Tensor) -> Norms:
    found: Norms = {}
    for cell, model in models.items():
        found |= of_model(model, cell, rows)
    return found


def _of_forget_biases(untrained: BiLMObjective, rows: Tensor) -> Norms:
    found = {}
    for bias in FORGET_BIASES:
        model = deepcopy(untrained)
        for layer in model.bilm.forward_lm.layers:
            size = model.bilm.config.cell_size
            nn.init.constant_(layer.get_parameter("bias_ih_l0").data[size : 2 * size], bias)
        found[f"bias {bias:g}"] = of_model(model, LSTM, rows)[f"{LSTM} dc"]
    return found


def _table(caption: str, norms: Norms) -> Table:
    steps = len(next(iter(norms.values())))
    rows = [(k, *(float(line[k]) for line in norms.values())) for k in _shown(steps)]
    return Table(caption, ("k", *norms), tuple(rows))


def _shown(steps: int) -> Iterator[int]:
    return (k for k in SHOWN if k < steps)


def _reach(new: Norms, old: Norms) -> Table:
    rows: list[tuple[Value, ...]] = [(line, reach(new[line]), reach(old[line])) for line in new]
    return Table(
        f"The first k at which less than {FAINT:g} of the norm at k = 1 is left (none: not within"
        " the row)",
        ("state", "new", "trained"),
        tuple(rows),
    )


def _setting(lab: Laboratory, rows: Int[Tensor, "batch time"]) -> str:
    return (
        f"{described(lab.text)} The forward language models of `cells`, new and after the equal"
        f" number of pieces, read {len(rows)} rows of {rows.shape[1] - 1} held-out pieces,"
        " documents one after the other without boundaries. L is the loss of the piece that"
        " follows (full softmax), s the state of the top layer, to which nothing leads back but"
        " its own recurrence. For the LSTMs dh and dc are the two parts of dL/d(h, c), each with"
        " the other held still. Written-out layers in float64, so that small norms are numbers."
        " Training rows have at most 64 pieces and begin with a zero state, so beyond k = 64 a"
        " trained cell does what nothing has taught it. Initialisation as in training: Xavier's"
        f" rule for every gate, forget bias 1. One seed ({lab.plan.seed}), median over the rows."
    )
