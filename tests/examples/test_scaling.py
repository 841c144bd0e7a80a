import numpy as np
import pytest

from examples.classifier.scaling import CHUNK, Scaling


def test_columns_lose_their_mean_and_deviation_and_a_constant_one_everything():
    matrix = np.array([[1.0, 10.0, 3.0, 0.0], [5.0, 30.0, 3.0, 4.0]], dtype="f4")
    scaling = Scaling.of(matrix)
    scaling.apply(matrix)
    # one deviation from the mean, divided by the square root of four columns
    assert matrix.tolist() == [[-0.5, -0.5, 0, -0.5], [0.5, 0.5, 0, 0.5]]


def test_a_column_constant_in_training_stays_silent_afterwards():
    scaling = Scaling.of(np.ones((3, 1), dtype="f4"))
    later = np.array([[7.0]], dtype="f4")
    scaling.apply(later)
    assert later.item() == 0


def test_rows_beyond_one_chunk_count_too():
    matrix = np.random.default_rng(1).normal(3, 2, (2 * CHUNK + 5, 4)).astype("f4")
    scaling = Scaling.of(matrix)
    np.testing.assert_allclose(scaling.factor, 1 / (matrix.std(axis=0) * 2), rtol=1e-4)
    np.testing.assert_allclose(scaling.mean, matrix.mean(axis=0), rtol=1e-4)


def test_a_row_is_about_as_long_as_a_row_of_tf_idf():
    matrix = np.random.default_rng(1).standard_normal((500, 300)).astype("f4")
    Scaling.of(matrix).apply(matrix)
    assert np.square(matrix).sum(axis=1).mean() == pytest.approx(1, rel=1e-3)
