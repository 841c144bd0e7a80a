"""Define the losses that train a biLM to predict each piece from the left, the right and both.

There are three losses, each with a weight in the recipe: `forward` and `backward` are those of the
two language models of Peters et al. 2018, section 3.1; `cloze` reads the forward state left of a
place and the backward state right of it together (Melamud et al. 2016, "context2vec").
`biLM.network.heads` has the equations.

All reported numbers use the full softmax. For the sampled softmax, K negatives are drawn with
replacement from q, and the target has to be distinguished from them (Jean et al. 2015, section 3;
van den Oord et al. 2018, equation 4):

    loss = log (u_t + sum_{s in negatives} u_s) - log u_t,    u_j = exp(o_j) / q_j

The target's logit is corrected like the negatives', and a negative that happens to be the target
is kept. Only then is softmax(o) = p the minimum for every K. Correcting only the negatives
estimates the full sum without bias, but not its logarithm: pieces with p > K q are then never held
down, and the full loss rises while the sampled loss falls.
"""

from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from biLM.network.config import BiLMConfig
from biLM.network.heads import Heads
from biLM.network.lstm import reverse_padded
from biLM.network.model import BiLM

from ..cells.choice import give_cell
from ..text.shards import Shards
from .config import TrainConfig
from .side_by_side import read_both
from .softmax import softmax_loss
from .stream import Batch


@dataclass(frozen=True)
class Judged:
    """How one head did on the places it predicts.

    Args:
        targets: The piece that stands in each place.
        nats: -log of the probability given to that piece, by the full softmax.
        ranks: How many pieces were given a higher probability.
    """

    targets: Int[Tensor, " place"]
    nats: Float[Tensor, " place"]
    ranks: Int[Tensor, " place"]

    def only(self, chosen: Bool[Tensor, " place"]) -> "Judged":
        """Return the results for the chosen places."""
        return Judged(self.targets[chosen], self.nats[chosen], self.ranks[chosen])


class BiLMObjective(nn.Module):
    """A biLM with its heads and the losses that train them.

    Args:
        bilm: The model to train.
        counts: Occurrences of each piece in the training rows.
        negative_power: Negatives are drawn in proportion to count ** negative_power.
        weights: Weights of the forward, backward and cloze loss; 0 leaves a loss out.
        batch_pieces: Pieces of a usual batch, by which the summed loss is divided. Dividing by the
            pieces of the actual batch would give a piece more weight in a batch with fewer pieces.
    """

    def __init__(
        self,
        bilm: BiLM,
        counts: Int[Tensor, " vocab"],
        negative_power: float = 0.75,
        weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
        batch_pieces: int = 1,
    ) -> None:
        super().__init__()
        self.bilm = bilm
        self.heads = Heads(bilm.config)
        # Computes from ids what the layers read; None means the piece embedding.
        self.inputs: nn.Module | None = None
        # Has the softmax's vectors of the pieces; None means the piece embedding.
        self.outputs: nn.Embedding | None = None
        smoothed = counts.double() + 1  # a piece that never occurs is rare, not impossible
        with torch.no_grad():
            # With a start at the log frequencies, the first steps learn context instead of counts.
            self.heads.bias.copy_((smoothed / smoothed.sum()).log())
        drawn = smoothed**negative_power
        self.negative_probabilities: Tensor
        self.register_buffer("negative_probabilities", (drawn / drawn.sum()).float(), False)
        self.weights: Tensor
        self.register_buffer("weights", torch.tensor(weights) / batch_pieces, False)

    def forward(
        self, batch: Batch, negatives: Int[Tensor, " sample"] | None, dropout: float
    ) -> tuple[Float[Tensor, ""], Float[Tensor, " side"]]:
        """Return the loss to minimise, and the summed loss of each head, in nats.

        Args:
            batch: The rows to read.
            negatives: Pieces that stand for the vocabulary; None means the full softmax.
            dropout: Share of every LSTM's input, and of the last state, that is dropped.
        """
        bias: Tensor = self.heads.bias
        embedding = self._softmax_embedding
        if negatives is None:
            target_vectors, pieces = embedding(batch.ids), embedding.weight
            piece_bias, target_bias = bias, bias
        else:
            # One lookup for both, since each costs a gradient as large as the whole embedding.
            vectors = embedding(torch.cat([batch.ids.flatten(), negatives]))
            target_vectors = vectors[: batch.ids.numel()].view(*batch.ids.shape, -1)
            pieces = vectors[batch.ids.numel() :]
            target_bias = bias - self.negative_probabilities.log()
            piece_bias = target_bias[negatives]
        # With a tied softmax, the vectors of the targets are also the input of the layers.
        x = target_vectors if self.outputs is None else self.bilm.embedding(batch.ids)
        expected = self._expected(self._read(batch.ids, x), batch.lengths, dropout)
        target_logits = (expected * target_vectors).sum(-1).float() + target_bias[batch.ids]
        is_place = predicted(batch)
        total, losses = softmax_loss(
            expected.flatten(0, 2),
            target_logits.flatten(),
            pieces,
            piece_bias,
            (is_place * self.weights[:, None, None]).flatten(),
            targets_apart=negatives is not None,
        )
        return total, (losses.view_as(is_place) * is_place).sum((1, 2))

    def judge(self, batch: Batch) -> list[Judged]:
        """Score each head on every place it predicts, by the full softmax."""
        x = self._read(batch.ids, self.bilm.embedding(batch.ids))
        expected = self._expected(x, batch.lengths, 0.0)
        vectors = self._softmax_embedding.weight
        judged = []
        for side, is_place in zip(expected, predicted(batch), strict=True):
            targets = batch.ids[is_place]
            logits = nn.functional.linear(side[is_place], vectors, self.heads.bias)
            target_logits = logits.gather(1, targets[:, None])
            nats = logits.logsumexp(-1) - target_logits[:, 0]
            judged.append(Judged(targets, nats, (logits > target_logits).sum(-1)))
        return judged

    def draw_negatives(self, number: int, generator: torch.Generator) -> Int[Tensor, " sample"]:
        """Draw piece ids with replacement."""
        return torch.multinomial(
            self.negative_probabilities, number, replacement=True, generator=generator
        )

    @property
    def _softmax_embedding(self) -> nn.Embedding:
        return self.bilm.embedding if self.outputs is None else self.outputs

    def _read(
        self, ids: Int[Tensor, "batch time"], vectors: Float[Tensor, "batch time width"]
    ) -> Float[Tensor, "batch time input"]:
        return vectors if self.inputs is None else self.inputs(ids)

    def _expected(
        self, x: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"], dropout: float
    ) -> Float[Tensor, "side batch time width"]:
        """Return what each head expects in every column; beyond a row's ends the states are 0."""
        stacks = self.bilm.forward_lm, self.bilm.backward_lm
        ahead, turned = read_both(stacks, (x, reverse_padded(x, lengths)), dropout)
        left = nn.functional.pad(ahead[:, :-1], (0, 0, 1, 0))
        right = nn.functional.pad(reverse_padded(turned, lengths)[:, 1:], (0, 0, 0, 1))
        drop = nn.functional.dropout
        found: Tensor = self.heads(drop(left, dropout), drop(right, dropout))
        return found


def predicted(batch: Batch) -> Bool[Tensor, "side batch time"]:
    """Mark the columns each head predicts: forward all but the first, backward all but the last."""
    time = torch.arange(batch.ids.shape[1], device=batch.ids.device)
    forward = (time > 0) & (time < batch.lengths[:, None])
    backward = time < batch.lengths[:, None] - 1
    return torch.stack([forward, backward, forward & backward])


def build_objective(
    config: TrainConfig, shards: Shards, num_pieces: int | None = None
) -> BiLMObjective:
    """Build the untrained model of a recipe; the same seed gives the same weights.

    Args:
        config: The recipe.
        shards: The shards, which say how often each piece occurs.
        num_pieces: The size of the vocabulary, if it is larger than that of the shards.
    """
    torch.manual_seed(config.seed)
    counts = torch.from_numpy(shards.counts)
    if num_pieces is not None:
        counts = nn.functional.pad(counts, (0, max(0, num_pieces - len(counts))))
    sizes = BiLMConfig(
        num_pieces=len(counts),
        embedding_size=config.embedding_size,
        cell_size=config.cell_size,
        num_layers=config.num_layers,
    )
    model = BiLM(sizes)
    give_cell(model, config.cell)
    weights = config.objective_weights
    objective = BiLMObjective(model, counts, config.negative_power, weights, config.batch_pieces)
    if not config.tied:
        objective.outputs = deepcopy(model.embedding)
    return objective
