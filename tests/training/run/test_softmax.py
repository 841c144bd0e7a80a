import pytest
import torch
from torch.nn.functional import cross_entropy

from training.run.softmax import BLOCK_LOGITS, BLOCK_PLACES, block_places, softmax_loss

PLACES, PIECES, WIDTH = BLOCK_PLACES + 7, 13, 5  # more than one block


@pytest.fixture
def given():
    generator = torch.Generator().manual_seed(1)

    def tensor(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()

    weights = torch.rand(PLACES, generator=generator, dtype=torch.float64)
    weights[::3] = 0.0
    targets = torch.randint(PIECES, (PLACES,), generator=generator)
    return tensor(PLACES, WIDTH), tensor(PIECES, WIDTH), tensor(PIECES), weights, targets


def gradients(total, *leaves):
    return torch.autograd.grad(3.0 * total, leaves, retain_graph=True)


@pytest.mark.parametrize("sampled", [False, True])
def test_loss_and_gradients_are_those_of_torchs_cross_entropy(given, sampled):
    """Sampled, the target is one more class beside the samples: torch's last column."""
    context, pieces, bias, weights, targets = given
    target_logits = (context * pieces[targets]).sum(-1) + bias[targets]
    total, losses = softmax_loss(context, target_logits, pieces, bias, weights, sampled)
    logits, classes = context @ pieces.T + bias, targets
    if sampled:
        logits = torch.cat([logits, target_logits[:, None]], dim=1)
        classes = torch.full_like(targets, PIECES)
    expected = cross_entropy(logits, classes, reduction="none")
    torch.testing.assert_close(losses, expected.detach())
    leaves = context, pieces, bias
    found = gradients(total, *leaves)
    for one, other in zip(found, gradients((expected * weights).sum(), *leaves), strict=True):
        torch.testing.assert_close(one, other)


def test_the_size_of_a_block_changes_no_result(given, monkeypatch):
    context, pieces, bias, weights, targets = given
    found = []
    for size in (BLOCK_PLACES, 5, PLACES):
        monkeypatch.setattr("training.run.softmax.block_places", lambda *_, size=size: size)
        target_logits = (context * pieces[targets]).sum(-1) + bias[targets]
        total, losses = softmax_loss(context, target_logits, pieces, bias, weights, True)
        found.append([losses, *gradients(total, context, pieces, bias)])
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, two, rtol=0.0, atol=1e-12)  # float64


def test_a_gpu_takes_large_blocks_of_bounded_memory():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert block_places(cpu, 2048) == block_places(cpu, 65_536) == BLOCK_PLACES
    assert block_places(cuda, 2048) >= 49_152  # all places of a batch of `base`
    for num_pieces in (2048, 32_000, 65_536):
        assert BLOCK_PLACES < block_places(cuda, num_pieces) <= BLOCK_LOGITS / num_pieces


def test_huge_logits_neither_overflow_nor_vanish(given):
    context, pieces, bias, weights, targets = given
    context, bias = context * 1e4, bias + 1e5
    target_logits = (context * pieces[targets]).sum(-1) + bias[targets]
    _, losses = softmax_loss(context, target_logits, pieces, bias, weights, False)
    expected = cross_entropy(context @ pieces.T + bias, targets, reduction="none")
    torch.testing.assert_close(losses, expected.detach())


def test_in_bfloat16_the_gradients_are_those_of_float32_to_its_precision(given):
    *leaves, weights, targets = (t.detach().float() if t.is_floating_point() else t for t in given)
    context, pieces, bias = (leaf.requires_grad_() for leaf in leaves)
    found = []
    for enabled in (False, True):
        target_logits = (context * pieces[targets]).sum(-1) + bias[targets]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            total, _ = softmax_loss(context, target_logits, pieces, bias, weights, True)
        found.append(gradients(total, context, pieces, bias))
    for exact, rounded in zip(*found, strict=True):
        # bfloat16 keeps 8 bits; its errors add up over a sum of some hundred products.
        torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.02 * exact.abs().max().item())
