"""What a training run is made of: sizes, data order, objective, optimiser, budget."""

from dataclasses import asdict, dataclass, field

from training.errors import TrainingError


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the weights a run ends with.

    Args:
        name: Of the artifact made of it.
        embedding_size: Width of a piece embedding.
        cell_size: Width of one LSTM's memory.
        num_layers: LSTM layers per direction.
        max_pieces: Budget: the run ends when it has predicted this many pieces per direction.
        batch_pieces: Padded pieces per step; rows per step follow from the row length.
        num_negatives: Sampled pieces per step that stand for the vocabulary; 0 is full softmax.
        negative_power: Negatives are drawn in proportion to count ** negative_power.
        dropout: Share of every LSTM's input that is dropped.
        learning_rate: Peak of Adam's step.
        warmup_steps: Steps from 0 to the peak; from there a cosine goes to `final_share` of it.
        final_share: Last learning rate as a share of the peak.
        max_gradient_norm: Bound on the norm of the whole gradient.
        seed: Of weights, order, dropout and negatives.
        log_every_steps: Steps between two lines of the run log.
        score_every_steps: Steps between two scores on held-out text.
        checkpoint_every_s: Seconds between two checkpoints; more are lost if the run is killed.

    Raises:
        TrainingError: a value is outside its range.
    """

    name: str
    embedding_size: int
    cell_size: int
    max_pieces: int
    num_layers: int = 2
    batch_pieces: int = 2048
    num_negatives: int = 2048
    negative_power: float = 0.75
    dropout: float = 0.0
    learning_rate: float = 2e-3
    warmup_steps: int = 500
    final_share: float = 0.02
    max_gradient_norm: float = 1.0
    seed: int = 1
    log_every_steps: int = field(default=50, kw_only=True)
    score_every_steps: int = field(default=500, kw_only=True)
    checkpoint_every_s: float = field(default=300.0, kw_only=True)

    def __post_init__(self) -> None:
        at_least_one = ("embedding_size", "cell_size", "max_pieces", "num_layers", "batch_pieces")
        for name in (*at_least_one, "warmup_steps", "log_every_steps", "score_every_steps"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.dropout < 1:
            raise TrainingError(f"dropout is {self.dropout}; it must be in [0, 1)")
        if self.num_negatives < 0:
            raise TrainingError(f"num_negatives is {self.num_negatives}; 0 means full softmax")
        if min(self.learning_rate, self.max_gradient_norm) <= 0:
            raise TrainingError("learning_rate and max_gradient_norm must be above 0")

    def as_dict(self) -> dict[str, int | float | str]:
        """The recipe as it is logged, checkpointed and put on the card."""
        return asdict(self)
