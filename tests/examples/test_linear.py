import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from examples.classifier.linear import LinearModel, fit_path, weighted_sum


@pytest.fixture(scope="module")
def blobs():
    """Return 300 points in 6 dimensions, in three overlapping clouds, and the cloud of each."""
    random = np.random.default_rng(1)
    targets = np.arange(300) % 3
    centers = random.standard_normal((3, 6))
    return (centers[targets] + random.standard_normal((300, 6))).astype("f4"), targets


@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_model_gives_scikit_learns_probabilities(blobs, num_classes):
    points, targets = blobs
    rows = targets < num_classes
    points, targets = points[rows], targets[rows]
    (ours,) = fit_path(points, targets, num_classes, [0.5])
    theirs = LogisticRegression(C=0.5, max_iter=1000).fit(points, targets)
    expected = theirs.predict_proba(points)
    np.testing.assert_allclose(softmax(ours.logits([points]), axis=1), expected, atol=1e-5)


def test_a_sparse_block_gives_the_model_of_a_dense_one(blobs):
    points, targets = blobs
    (dense,) = fit_path(points, targets, 3, [0.5])
    (thin,) = fit_path(sparse.csr_matrix(points), targets, 3, [0.5])
    # Both fits stop once the gradient is below 1e-4, and the weights are about 1 in size.
    np.testing.assert_allclose(thin.weights[0], dense.weights[0], atol=1e-2)


def test_a_path_ends_in_the_model_of_its_last_strength(blobs):
    points, targets = blobs
    *_, last = fit_path(points, targets, 3, [0.1, 0.5])
    (alone,) = fit_path(points, targets, 3, [0.5])
    np.testing.assert_allclose(last.weights[0], alone.weights[0], atol=1e-2)


def test_a_class_without_rows_is_never_predicted(blobs):
    points, targets = blobs
    (model,) = fit_path(points, np.where(targets == 1, 2, targets), 3, [0.5])
    assert set(model.logits([points]).argmax(axis=1)) == {0, 2}


def test_a_weighted_sum_worked_by_hand():
    first = LinearModel((np.array([[1.0, 2.0]]),), np.array([10.0, 20.0]))
    second = LinearModel((np.array([[3.0, 4.0]]),), np.array([30.0, 40.0]))
    both = weighted_sum([(0.5, first), (2.0, second)])
    # With x = 2 and y = 1, the first class has 0.5 * (x + 10) + 2 * (3 y + 30), and the second
    # class has 0.5 * (2 x + 20) + 2 * (4 y + 40).
    logits = both.logits([np.array([[2.0]]), np.array([[1.0]])])
    assert logits.tolist() == [[0.5 * 12 + 2 * 33, 0.5 * 24 + 2 * 44]]
