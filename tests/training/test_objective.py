from itertools import product

import numpy as np
import pytest
import torch

from biLM.config import BiLMConfig
from biLM.model import BiLM
from tests.reference.lstm import direction
from training.objective import BiLMObjective
from training.stream import Batch

NUM_PIECES = 11


@pytest.fixture
def objective():
    torch.manual_seed(5)
    bilm = BiLM(BiLMConfig(num_pieces=NUM_PIECES, embedding_size=4, cell_size=6))
    made = BiLMObjective(bilm, torch.arange(NUM_PIECES))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return made


@pytest.fixture
def batch():
    rows = [[1, 5, 6, 7, 2], [1, 9, 2], []]
    ids = torch.zeros(3, 8, dtype=torch.long)
    for row, pieces in enumerate(rows):
        ids[row, : len(pieces)] = torch.tensor(pieces, dtype=torch.long)
    return Batch(ids, torch.tensor([len(row) for row in rows]))


def nats_of_the_equations(objective, batch):
    """-log softmax(E (W h + c) + b) of every next piece, by the numpy oracle."""
    weights = {name: t.double().numpy() for name, t in objective.state_dict().items()}
    bilm = {n.removeprefix("bilm."): w for n, w in weights.items() if n.startswith("bilm.")}
    embedding = bilm["embedding.weight"]
    nats = []
    for number, prefix in enumerate(("forward_lm", "backward_lm")):
        total = 0.0
        for ids, length in zip(batch.ids.tolist(), batch.lengths.tolist(), strict=True):
            row = ids[:length] if number == 0 else ids[:length][::-1]
            if not row:
                continue
            states = direction(embedding[row], bilm, prefix, 2)[-1]
            projection, c = (weights[f"projections.{number}.{p}"] for p in ("weight", "bias"))
            logits = (states @ projection.T + c) @ embedding.T + weights["bias"]
            log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            total -= sum(log_p[place, target] for place, target in enumerate(row[1:]))
        nats.append(total)
    return nats


def test_the_full_loss_equals_the_equations_in_both_directions(objective, batch):
    assert objective.nats(batch).tolist() == pytest.approx(nats_of_the_equations(objective, batch))


def test_the_mean_loss_is_per_predicted_piece(objective, batch):
    assert batch.num_predictions == 4 + 2
    mean = objective(batch, negatives=None, dropout=0.0)
    torch.testing.assert_close(mean, objective.nats(batch) / 6)


@pytest.mark.parametrize("num_negatives", [1, 2])
def test_the_true_distribution_is_where_the_sampled_loss_is_least(num_negatives):
    """At o = log p the expected gradient is zero, taken exactly over targets and negatives.

    Found broken by this: a correction of the negatives alone, and dropping a negative that
    equals the target. With few negatives both put the minimum elsewhere.
    """
    bilm = BiLM(BiLMConfig(num_pieces=4, embedding_size=4, cell_size=2))
    objective = BiLMObjective(bilm, torch.tensor([20, 5, 2, 0]))
    p = torch.tensor([0.1, 0.2, 0.3, 0.4])
    with torch.no_grad():
        objective.bias.copy_(p.log() + 1.5)  # a constant cancels in every softmax
    q = objective.negative_probabilities.double()
    context = torch.zeros(1, 4)
    expected = torch.zeros((), dtype=torch.float64)
    for target in range(4):
        for negatives in product(range(4), repeat=num_negatives):
            drawn = torch.tensor(negatives)
            loss = objective._sampled(context, torch.tensor([target]), drawn)
            expected = expected + p[target] * q[drawn].prod() * loss
    expected.backward()
    assert objective.bias.grad.tolist() == pytest.approx([0.0] * 4, abs=1e-6)


def test_with_many_negatives_the_sampled_loss_is_the_full_one_and_a_known_constant(
    objective, batch
):
    """sum_s u_s tends to K Z, so the loss tends to the full loss + log(K q_target)."""
    number = 200_000
    negatives = objective.draw_negatives(number, torch.Generator().manual_seed(1))
    with torch.no_grad():
        sampled = objective(batch, negatives, dropout=0.0) * batch.num_predictions
        full = objective.nats(batch)
    q = objective.negative_probabilities
    forward_targets, backward_targets = [5, 6, 7, 2, 9, 2], [7, 6, 5, 1, 9, 1]
    for side, targets in enumerate((forward_targets, backward_targets)):
        constant = (number * q[targets]).log().sum()
        torch.testing.assert_close(sampled[side], full[side] + constant, rtol=0, atol=0.1)


def test_negatives_follow_the_power_of_the_counts(objective):
    smoothed = (np.arange(NUM_PIECES) + 1.0) ** 0.75
    expected = smoothed / smoothed.sum()
    drawn = objective.draw_negatives(200_000, torch.Generator().manual_seed(2))
    shares = np.bincount(drawn.numpy(), minlength=NUM_PIECES) / len(drawn)
    assert shares == pytest.approx(expected, abs=0.005)  # 4 standard deviations


def test_padding_and_empty_rows_carry_no_gradient(objective, batch):
    objective(batch, None, dropout=0.0).sum().backward()
    seen = set(batch.ids[0, :5].tolist()) | set(batch.ids[1, :3].tolist())
    before = objective.bilm.embedding.weight.grad.clone()
    objective.zero_grad()
    padded = torch.where(torch.arange(8) < batch.lengths[:, None], batch.ids, 4)
    assert 4 not in seen
    objective(Batch(padded, batch.lengths), None, dropout=0.0).sum().backward()
    torch.testing.assert_close(objective.bilm.embedding.weight.grad, before)


def test_an_untrained_model_starts_near_the_entropy_of_the_counts():
    bilm = BiLM(BiLMConfig(num_pieces=4, embedding_size=4, cell_size=2))
    with torch.no_grad():
        bilm.embedding.weight.zero_()
    objective = BiLMObjective(bilm, torch.tensor([7, 3, 1, 1]))
    batch = Batch(torch.tensor([[3, 0, 1]]), torch.tensor([3]))
    smoothed = np.array([8, 4, 2, 2]) / 16
    assert objective.nats(batch)[0].item() == pytest.approx(-np.log(smoothed[[0, 1]]).sum())
