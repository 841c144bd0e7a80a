import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from examples.classifier.linear import LinearModel, fit, weighted_sum


@pytest.fixture(scope="module")
def blobs():
    """Three overlapping clouds of 300 points in 6 dimensions."""
    random = np.random.default_rng(1)
    targets = np.arange(300) % 3
    centers = random.standard_normal((3, 6))
    return (centers[targets] + random.standard_normal((300, 6))).astype("f4"), targets


def test_the_model_is_scikit_learns(blobs):
    points, targets = blobs
    ours = fit([points], targets, 3, strength=0.5)
    theirs = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000).fit(points.astype("f8"), targets)
    # both stop where the loss is flat to about 1e-8; the weights are of size 1
    np.testing.assert_allclose(ours.weights[0], theirs.coef_.T, atol=2e-3)


def test_two_blocks_one_of_them_sparse_are_one_matrix_cut_in_two(blobs):
    points, targets = blobs
    whole = fit([points], targets, 3, strength=0.5)
    blocks = [points[:, :2], sparse.csr_matrix(points[:, 2:])]
    parts = fit(blocks, targets, 3, strength=0.5)
    np.testing.assert_allclose(np.vstack(parts.weights), whole.weights[0], atol=2e-3)
    np.testing.assert_allclose(parts.logits(blocks), whole.logits([points]), atol=1e-2)


def test_a_fit_from_the_answer_stays_there(blobs):
    points, targets = blobs
    once = fit([points], targets, 3, strength=0.5)
    again = fit([points], targets, 3, strength=0.5, start=once)
    np.testing.assert_allclose(again.weights[0], once.weights[0], atol=2e-3)


def test_a_weighted_sum_worked_by_hand():
    first = LinearModel((np.array([[1.0, 2.0]]),), np.array([10.0, 20.0]))
    second = LinearModel((np.array([[3.0, 4.0]]),), np.array([30.0, 40.0]))
    both = weighted_sum([(0.5, first), (2.0, second)])
    # 0.5 * (x + 10) + 2 * (3 y + 30), with x = 2 and y = 1; and the second class alike
    logits = both.logits([np.array([[2.0]]), np.array([[1.0]])])
    assert logits.tolist() == [[0.5 * 12 + 2 * 33, 0.5 * 24 + 2 * 44]]
