import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from examples.tasks.mixed import PENALTY, Mixed, fit, loss_and_gradient


@pytest.fixture
def noisy():
    """Three layers of which the middle one knows the class, and the others nothing."""
    random = np.random.default_rng(1)
    targets = random.integers(0, 3, 600)
    layers = random.normal(size=(600, 3, 8)).astype(np.float32)
    layers[np.arange(600), 1, targets] += 3
    return layers / np.sqrt(8, dtype=np.float32), targets


def test_the_gradient_is_that_of_the_loss(noisy):
    layers, targets = noisy[0].astype(np.float64), noisy[1]

    def both(flat):
        return loss_and_gradient(Mixed.of(flat, 3, 3), layers, targets, 0.01)

    start = np.random.default_rng(2).normal(size=3 + 9 * 3)
    assert check_grad(lambda x: both(x)[0], lambda x: both(x)[1], start) < 1e-5


def test_the_loss_worked_by_hand():
    layers = np.array([[[1.0], [3.0]]])  # one row, two layers of width 1
    model = Mixed(np.array([0.0, np.log(3)]), np.array([[0.0, 1.0]]), np.zeros(2))
    # shares 1/4 and 3/4: logits 0 and 2.5
    loss, _ = loss_and_gradient(model, layers, np.array([1]), decay=0.5)
    assert loss == pytest.approx(np.log(1 + np.exp(-2.5)) + 1 / 4 + PENALTY * np.log(3) ** 2)


def test_the_layer_that_knows_gets_the_largest_share(noisy):
    model = fit(*noisy, 3, 4.0, seed=0)
    assert model.s.argmax() == 1
    assert model.s[1] > 0.8
    assert (model.logits(noisy[0]).argmax(axis=1) == noisy[1]).mean() > 0.95


def test_of_one_layer_it_is_the_logistic_regression_of_scikit_learn(noisy):
    layers, targets = noisy
    model = fit(layers[:, 1:2], targets, 3, 0.25, seed=0)
    reference = LogisticRegression(C=0.25, max_iter=1000, tol=1e-8).fit(layers[:, 1], targets)
    found = softmax(model.logits(layers[:, 1:2]), axis=1)
    # the optimum of the same loss; a freer one is farther away than 500 steps lead
    np.testing.assert_allclose(found, reference.predict_proba(layers[:, 1]), atol=0.02)
