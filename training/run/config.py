"""Define the configuration of a training run: sizes, data order, objective, optimiser, budget."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from ..choices import CELLS, LSTM
from ..errors import TrainingError

TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the weights a run ends with.

    Args:
        name: Name of the artifact made from the run.
        embedding_size: Width of a piece embedding.
        cell_size: Width of one LSTM's memory.
        num_layers: LSTM layers per direction.
        max_pieces: Budget: the run ends when it has predicted this many pieces per direction.
        batch_pieces: Pieces per step, padding included; the row length decides the rows per step.
        min_rows: Least number of rows per step; with few rows the matrix units stand idle.
        forward_weight: Weight of the forward language model's loss.
        backward_weight: Weight of the backward language model's loss.
        cloze_weight: Weight of the loss of the head that reads both sides.
        num_negatives: Pieces sampled per step to stand for the vocabulary; 0 means full softmax.
        negative_power: Negatives are drawn in proportion to count ** negative_power.
        dropout: Share of the input of every LSTM and every head that is dropped.
        learning_rate: Peak learning rate of Adam.
        warmup_steps: Steps in which the learning rate rises from 0 to the peak.
        decay_share: Share of the budget, at its end, over which the learning rate falls.
        final_share: Final learning rate as a share of the peak.
        max_gradient_norm: Bound on the norm of the whole gradient.
        seed: Seed of the weights, the order, the dropout and the negatives.
        cell: Cell of every layer, by its name in `training.cells`; an artifact can hold only lstm.
        tied: Whether the softmax uses the piece embedding; an artifact has no other vectors for it.
        init_from: Revision of the artifact whose weights the run starts from; empty for none.
        log_every_steps: Steps between two lines of the run log.
        score_every_steps: Steps between two scores on held-out text.
        checkpoint_every_s: Seconds between two checkpoints, and so the most a killed run loses.

    Raises:
        TrainingError: a value is outside its range.
    """

    name: str
    embedding_size: int
    cell_size: int
    max_pieces: int
    num_layers: int = 2
    batch_pieces: int = 2048
    min_rows: int = 64
    forward_weight: float = 0.5
    backward_weight: float = 0.5
    cloze_weight: float = 0.5
    num_negatives: int = 2048
    negative_power: float = 0.75
    dropout: float = 0.0
    learning_rate: float = 2e-3
    warmup_steps: int = 500
    decay_share: float = 0.3
    final_share: float = 0.02
    max_gradient_norm: float = 1.0
    seed: int = 1
    cell: str = LSTM
    tied: bool = True
    init_from: str = ""
    # These do not affect the weights, so a run may be resumed with other values.
    log_every_steps: int = field(default=50, kw_only=True, compare=False)
    score_every_steps: int = field(default=500, kw_only=True, compare=False)
    checkpoint_every_s: float = field(default=300.0, kw_only=True, compare=False)

    def __post_init__(self) -> None:
        at_least_one = ("embedding_size", "cell_size", "max_pieces", "num_layers", "batch_pieces")
        steps = ("min_rows", "warmup_steps", "log_every_steps", "score_every_steps")
        for name in (*at_least_one, *steps):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be at least 1")
        self._check_model()
        if not 0 <= self.dropout < 1:
            raise TrainingError(f"dropout is {self.dropout}; it must be in [0, 1)")
        if not 0 < self.decay_share <= 1:
            raise TrainingError(f"decay_share is {self.decay_share}; it must be in (0, 1]")
        if min(self.objective_weights) < 0 or not sum(self.objective_weights):
            raise TrainingError(
                f"the objective weights are {self.objective_weights}; none may be negative, and one"
                " must be above 0"
            )
        if self.num_negatives < 0:
            raise TrainingError(
                f"num_negatives is {self.num_negatives}; it must be at least 0, which means full"
                " softmax"
            )
        if min(self.learning_rate, self.max_gradient_norm) <= 0:
            raise TrainingError(
                f"learning_rate is {self.learning_rate} and max_gradient_norm is"
                f" {self.max_gradient_norm}; both must be above 0"
            )

    def _check_model(self) -> None:
        if self.cell not in CELLS:
            raise TrainingError(f"cell is {self.cell!r}; it must be one of {', '.join(CELLS)}")
        if not self.init_from:
            return
        if self.cell != LSTM:
            raise TrainingError(
                f"cell is {self.cell!r}, but the artifact that the run starts from has the weights"
                f" of {LSTM} layers; leave out either --init-from or the cell"
            )
        if not self.tied:
            raise TrainingError(
                "tied is false, but the artifact that the run starts from has no vectors for an"
                " untied softmax; leave out either --init-from or tied=false"
            )

    @property
    def objective_weights(self) -> tuple[float, float, float]:
        """The weights of the forward, backward and cloze loss."""
        return self.forward_weight, self.backward_weight, self.cloze_weight

    def decays_at(self, pieces: int) -> bool:
        """Return whether a step taken after this many pieces has a falling learning rate."""
        return pieces > (1 - self.decay_share) * self.max_pieces

    def changed(self, assignments: Sequence[str]) -> "TrainConfig":
        """Return the recipe with some values replaced, each given as `name=value`.

        Raises:
            TrainingError: a recipe has no such name, or the value has the wrong type.
        """
        kinds = {name: type(value) for name, value in self.as_dict().items()}
        values: dict[str, int | float | str] = {}
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            if name not in kinds:
                raise TrainingError(f"a recipe has no {name!r}; choose one of {sorted(kinds)}")
            try:
                kind = kinds[name]
                values[name] = TRUTHS[value.lower()] if kind is bool else kind(value)
            except (ValueError, KeyError) as error:
                raise TrainingError(
                    f"{name} is {value!r}; it must be of type {kinds[name].__name__}"
                ) from error
        return TrainConfig(**{**self.as_dict(), **values})  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, int | float | str]:
        """Return the recipe as it is logged, checkpointed and written on the card."""
        return asdict(self)
