from itertools import product

import numpy as np
import pytest
import torch

from biLM.network.config import BiLMConfig
from biLM.network.model import BiLM
from tests.reference.heads import expected
from tests.reference.lstm import direction
from training.run.objective import BiLMObjective
from training.run.stream import Batch

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
    """-log softmax(E z + a) of the piece in every place, z as each head has it, by the oracle."""
    weights = {name: t.double().numpy() for name, t in objective.state_dict().items()}
    bilm = {n.removeprefix("bilm."): w for n, w in weights.items() if n.startswith("bilm.")}
    heads_bias = weights["heads.bias"]
    embedding = bilm["embedding.weight"]
    totals = np.zeros(3)
    for ids, length in zip(batch.ids.tolist(), batch.lengths.tolist(), strict=True):
        row = ids[:length]
        nothing = np.zeros((1, 6))  # beyond an end; only a head that is not asked there reads it
        ahead, back = nothing, nothing
        if row:
            ahead = np.concatenate([nothing, direction(embedding[row], bilm, "forward_lm", 2)[-1]])
            turned = direction(embedding[row][::-1], bilm, "backward_lm", 2)[-1]
            back = np.concatenate([turned[::-1][1:], nothing])
        for place, target in enumerate(row):
            inside = place > 0, place < length - 1, 0 < place < length - 1
            vectors = expected(objective.heads.state_dict(), ahead[place], back[place])
            for side, z in enumerate(vectors):
                logits = embedding @ z + heads_bias
                totals[side] += inside[side] * (np.log(np.exp(logits).sum()) - logits[target])
    return totals


def summed(objective, batch):
    return [float(judged.nats.detach().sum()) for judged in objective.judge(batch)]


def test_the_full_loss_of_each_head_equals_the_equations(objective, batch):
    assert summed(objective, batch) == pytest.approx(nats_of_the_equations(objective, batch))


def test_the_ends_of_a_row_are_predicted_by_one_side_and_by_no_cloze(objective, batch):
    targets = [judged.targets.tolist() for judged in objective.judge(batch)]
    assert targets == [[5, 6, 7, 2, 9, 2], [1, 5, 6, 7, 1, 9], [5, 6, 7, 9]]


def test_a_rank_counts_the_pieces_thought_more_probable(objective, batch):
    with torch.no_grad():
        objective.bilm.embedding.weight.zero_()  # only the bias speaks
        objective.heads.bias.copy_(torch.arange(NUM_PIECES).float())
    assert objective.judge(batch)[2].ranks.tolist() == [5, 4, 3, 1]


def test_every_place_weighs_the_same_however_full_its_batch(batch):
    torch.manual_seed(5)
    bilm = BiLM(BiLMConfig(num_pieces=NUM_PIECES, embedding_size=4, cell_size=6))
    weights = 0.5, 0.25, 2.0
    objective = BiLMObjective(bilm, torch.arange(NUM_PIECES), 0.75, weights, batch_pieces=100)
    total, found = objective(batch, negatives=None, dropout=0.0)
    sums = np.array(summed(objective, batch))
    assert found.tolist() == pytest.approx(sums)
    assert total.item() == pytest.approx(sums @ weights / 100)


@pytest.mark.parametrize("side", [0, 1, 2])
def test_a_head_of_weight_0_learns_nothing(objective, batch, side):
    objective.weights.copy_(torch.ones(3).index_fill(0, torch.tensor([side]), 0.0))
    objective(batch, negatives=None, dropout=0.0)[0].backward()
    heads = objective.heads
    gradients = [heads.forward_head, heads.backward_head, heads.cloze_head]
    assert [bool(head.weight.grad.any()) for head in gradients] == [s != side for s in range(3)]


@pytest.mark.parametrize("num_negatives", [1, 2])
def test_the_true_distribution_is_where_the_sampled_loss_is_least(num_negatives):
    """At o = log p the expected gradient is zero, taken exactly over targets and negatives.

    Found broken by this: a correction of the negatives alone, and dropping a negative that
    equals the target. With few negatives both put the minimum elsewhere.
    """
    bilm = BiLM(BiLMConfig(num_pieces=4, embedding_size=4, cell_size=2, bos_id=1, eos_id=2))
    objective = BiLMObjective(bilm, torch.tensor([20, 5, 2, 0]), weights=(0.0, 0.0, 1.0))
    p = torch.tensor([0.1, 0.2, 0.3, 0.4])
    with torch.no_grad():
        bilm.embedding.weight.zero_()
        objective.heads.bias.copy_(p.log() + 1.5)  # a constant cancels in every softmax
    q = objective.negative_probabilities.double()
    expected = torch.zeros((), dtype=torch.float64)
    for target in range(4):
        batch = Batch(torch.tensor([[1, target, 2]]), torch.tensor([3]))
        for negatives in product(range(4), repeat=num_negatives):
            drawn = torch.tensor(negatives)
            loss = objective(batch, drawn, dropout=0.0)[0]
            expected = expected + p[target] * q[drawn].prod() * loss
    expected.backward()
    assert objective.heads.bias.grad.tolist() == pytest.approx([0.0] * 4, abs=1e-6)


def test_with_many_negatives_the_sampled_loss_is_the_full_one_and_a_known_constant(
    objective, batch
):
    """sum_s u_s tends to K Z, so the loss tends to the full loss + log(K q_target)."""
    number = 200_000
    negatives = objective.draw_negatives(number, torch.Generator().manual_seed(1))
    with torch.no_grad():
        sampled = objective(batch, negatives, dropout=0.0)[1]
    q = objective.negative_probabilities
    for nats, judged in zip(sampled, objective.judge(batch), strict=True):
        constant = (number * q[judged.targets]).log()
        expected = (judged.nats + constant).mean().item()
        assert nats.item() / len(judged.nats) == pytest.approx(expected, abs=0.02)


def test_negatives_follow_the_power_of_the_counts(objective):
    smoothed = (np.arange(NUM_PIECES) + 1.0) ** 0.75
    expected = smoothed / smoothed.sum()
    drawn = objective.draw_negatives(200_000, torch.Generator().manual_seed(2))
    shares = np.bincount(drawn.numpy(), minlength=NUM_PIECES) / len(drawn)
    assert shares == pytest.approx(expected, abs=0.005)  # 4 standard deviations


def test_padding_and_empty_rows_carry_no_gradient(objective, batch):
    objective(batch, None, dropout=0.0)[0].backward()
    seen = set(batch.ids[0, :5].tolist()) | set(batch.ids[1, :3].tolist())
    before = objective.bilm.embedding.weight.grad.clone()
    objective.zero_grad()
    padded = torch.where(torch.arange(8) < batch.lengths[:, None], batch.ids, 4)
    assert 4 not in seen
    objective(Batch(padded, batch.lengths), None, dropout=0.0)[0].backward()
    torch.testing.assert_close(objective.bilm.embedding.weight.grad, before)


def test_an_untrained_model_starts_near_the_entropy_of_the_counts():
    bilm = BiLM(BiLMConfig(num_pieces=4, embedding_size=4, cell_size=2))
    with torch.no_grad():
        bilm.embedding.weight.zero_()
    objective = BiLMObjective(bilm, torch.tensor([7, 3, 1, 1]))
    batch = Batch(torch.tensor([[3, 0, 1]]), torch.tensor([3]))
    smoothed = np.array([8, 4, 2, 2]) / 16
    expected = [-np.log(smoothed[[0, 1]]).sum(), -np.log(smoothed[[3, 0]]).sum()]
    assert summed(objective, batch)[:2] == pytest.approx(expected)
