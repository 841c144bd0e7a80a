"""The two language-model objectives over a biLM, and the sampled softmax that makes them cheap.

Peters et al. 2018, section 3.1: one softmax layer for both directions; here it is tied to the
piece embedding E, through a projection of each direction's top state h to the embedding's width:

    o = E (W h + c) + b,    loss = log sum_j exp(o_j) - o_target

Full softmax: the sum as it stands; all reported numbers use it. Sampled: K negatives are drawn
with replacement from q, and the target is to be told from them (Jean et al. 2015, section 3;
van den Oord et al. 2018, equation 4):

    loss = log (u_t + sum_{s in negatives} u_s) - log u_t,    u_j = exp(o_j) / q_j

The target's logit is corrected like the others', and a negative that happens to be the target
stays. Only so is softmax(o) = p the minimum for every K. Correcting the negatives alone estimates
the full sum without bias, but not its logarithm: pieces with p > K q are then never held
down, and the full loss rises while the sampled one falls.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from biLM.config import BiLMConfig
from biLM.lstm import reverse_padded
from biLM.model import BiLM
from training.config import TrainConfig
from training.shards import Shards
from training.stream import Batch

IGNORED = -100  # torch's cross_entropy leaves this target out


class BiLMObjective(nn.Module):
    """A biLM with the softmax of its two language models.

    Args:
        bilm: The model that is trained.
        counts: Occurrences of each piece in the training rows.
        negative_power: Negatives are drawn in proportion to count ** negative_power.
    """

    def __init__(
        self, bilm: BiLM, counts: Int[Tensor, " vocab"], negative_power: float = 0.75
    ) -> None:
        super().__init__()
        config = bilm.config
        self.bilm = bilm
        self.projections = nn.ModuleList(
            nn.Linear(config.cell_size, config.embedding_size) for _ in ("forward", "backward")
        )
        smoothed = counts.double() + 1  # a piece never seen is rare, not impossible
        # Started at the log frequencies, so that the first steps learn context and not counts.
        self.bias = nn.Parameter((smoothed / smoothed.sum()).log().float())
        drawn = smoothed**negative_power
        self.negative_probabilities: Tensor
        self.register_buffer("negative_probabilities", (drawn / drawn.sum()).float(), False)

    def forward(
        self, batch: Batch, negatives: Int[Tensor, " sample"] | None, dropout: float
    ) -> Float[Tensor, " direction"]:
        """Return the mean loss per piece of the forward and of the backward model, in nats."""
        losses = []
        for context, targets in self.predictions(batch, dropout):
            loss = self._full(context, targets) if negatives is None else None
            if loss is None:
                assert negatives is not None, "one of the two: this is a bug"
                loss = self._sampled(context, targets, negatives)
            losses.append(loss / max(1, batch.num_predictions))
        return torch.stack(losses)

    def nats(self, batch: Batch) -> Float[Tensor, " direction"]:
        """Return the summed loss of each direction over a batch, full softmax, in nats."""
        return torch.stack(
            [self._full(context, targets) for context, targets in self.predictions(batch, 0.0)]
        )

    def draw_negatives(self, number: int, generator: torch.Generator) -> Int[Tensor, " sample"]:
        """Piece ids drawn with replacement."""
        return torch.multinomial(
            self.negative_probabilities, number, replacement=True, generator=generator
        )

    def predictions(
        self, batch: Batch, dropout: float
    ) -> list[tuple[Float[Tensor, "place width"], Int[Tensor, " place"]]]:
        """The context vector and the target of every place, forward then backward.

        Places without a prediction carry the target IGNORED, so that shapes stay fixed.
        """
        layers = self.bilm.directions(batch.ids, batch.lengths, dropout)
        orders = (batch.ids, reverse_padded(batch.ids, batch.lengths))
        time = torch.arange(1, batch.ids.shape[1], device=batch.ids.device)
        is_target = time < batch.lengths[:, None]
        found = []
        for projection, tops, ids in zip(self.projections, layers, orders, strict=True):
            states = nn.functional.dropout(tops[-1][:, :-1], dropout)
            context = projection(states).flatten(0, 1)
            found.append((context, ids[:, 1:].where(is_target, IGNORED).flatten()))
        return found

    def _full(
        self, context: Float[Tensor, "place width"], targets: Int[Tensor, " place"]
    ) -> Float[Tensor, ""]:
        logits = nn.functional.linear(context, self.bilm.embedding.weight, self.bias)
        return nn.functional.cross_entropy(
            logits.float(), targets, ignore_index=IGNORED, reduction="sum"
        )

    def _sampled(
        self,
        context: Float[Tensor, "place width"],
        targets: Int[Tensor, " place"],
        negatives: Int[Tensor, " sample"],
    ) -> Float[Tensor, ""]:
        is_target = targets != IGNORED
        targets = targets.clamp(min=0)
        embedding = self.bilm.embedding
        corrected_bias = self.bias - self.negative_probabilities.log()
        sampled = nn.functional.linear(context, embedding(negatives)).float()
        sampled = sampled + corrected_bias[negatives]
        wanted = (context * embedding(targets)).sum(-1).float() + corrected_bias[targets]
        log_total = torch.logaddexp(sampled.logsumexp(-1), wanted)
        loss: Tensor = ((log_total - wanted) * is_target).sum()
        return loss


def build_objective(config: TrainConfig, shards: Shards) -> BiLMObjective:
    """The untrained model of a recipe, the same for the same seed."""
    torch.manual_seed(config.seed)
    sizes = BiLMConfig(
        num_pieces=len(shards.counts),
        embedding_size=config.embedding_size,
        cell_size=config.cell_size,
        num_layers=config.num_layers,
    )
    return BiLMObjective(BiLM(sizes), torch.from_numpy(shards.counts), config.negative_power)
