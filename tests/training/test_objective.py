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


def test_the_sampled_sum_over_the_vocabulary_is_unbiased(objective):
    """With one negative, the expectation over all of them is the sum the full softmax takes.

    exp(loss) - 1 is the estimate of sum_{j != t} exp(o_j) / exp(o_t); its mean under q must be
    that ratio itself, place by place.
    """
    contexts, targets = torch.randn(5, 4), torch.tensor([0, 3, 3, 10, 7])
    for place in range(len(targets)):
        context, target = contexts[place : place + 1], targets[place : place + 1]
        ratio = torch.expm1(objective._full(context, target)).item()
        estimates = [
            torch.expm1(objective._sampled(context, target, torch.tensor([s]))).item()
            for s in range(NUM_PIECES)
        ]
        mean = np.dot(objective.negative_probabilities.numpy(), estimates)
        assert mean == pytest.approx(ratio, rel=1e-4)


def test_the_sampled_loss_tends_to_the_full_loss(objective, batch):
    negatives = objective.draw_negatives(200_000, torch.Generator().manual_seed(1))
    sampled = objective(batch, negatives, dropout=0.0)
    torch.testing.assert_close(sampled, objective(batch, None, dropout=0.0), rtol=0.02, atol=0)


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
