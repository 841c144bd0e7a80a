"""What the page computes itself, against numpy, scikit-learn and exhaustive search."""

import base64
import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.service.page.node import evaluate, needs_node

pytestmark = needs_node

CLOSE = {"rtol": 0, "atol": 1e-5}  # sums of float32 numbers in another order
NUMBERS = np.random.default_rng(0)


def wire(vectors):
    """An entry of an answer to /embed."""
    data = base64.b64encode(vectors.tobytes()).decode()
    return {"shape": vectors.shape, "dtype": vectors.dtype.name, "embedding": data}


def apart(rows, dim, groups, distance=6.0):
    """Rows in so many groups that no chance can mix up; and the group of each."""
    centres = NUMBERS.normal(size=(groups, dim)) * distance
    of = np.arange(rows) % groups
    return centres[of] + NUMBERS.normal(size=(rows, dim)), of


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_numbers_of_an_answer_are_decoded_bit_for_bit(dtype):
    vectors = NUMBERS.normal(size=(2, 3, 5)).astype(dtype)
    entry = wire(vectors)
    found = evaluate("vectors.js", "[...module.decode(entry.embedding, entry.dtype)]", entry=entry)
    np.testing.assert_array_equal(np.array(found, dtype), vectors.ravel())


def test_every_finite_half_is_the_number_it_means():
    every = np.arange(2**16, dtype="<u2").view("<f2")
    finite = every[np.isfinite(every)]
    entry = wire(finite)
    found = evaluate("vectors.js", "[...module.decode(entry.embedding, entry.dtype)]", entry=entry)
    np.testing.assert_array_equal(np.array(found, "<f4"), finite.astype("<f4"))


def test_rows_of_all_texts_stand_below_each_other_layer_by_layer():
    texts = [NUMBERS.normal(size=(3, rows, 4)).astype("f4") for rows in (2, 1, 3)]
    expression = "module.rowsByLayer(entries).map((layer) => layer.map((row) => [...row]))"
    found = evaluate("vectors.js", expression, entries=[wire(text) for text in texts])
    np.testing.assert_allclose(found, np.concatenate(texts, axis=1), **CLOSE)


def test_a_mix_is_equation_1():
    layers = NUMBERS.normal(size=(3, 4, 6))
    expression = "module.mixed(layers, [0.5, -1, 1.5], 2).map((row) => [...row])"
    found = evaluate("vectors.js", expression, layers=layers.tolist())
    np.testing.assert_allclose(found, 2 * np.tensordot([0.5, -1, 1.5], layers, 1), **CLOSE)


def test_cosines_are_numpys_and_zeros_are_like_nothing():
    rows = NUMBERS.normal(size=(5, 7))
    rows[3] = 0
    found = np.array(evaluate("vectors.js", "module.cosines(rows)", rows=rows.tolist()))
    lengths = np.linalg.norm(rows, axis=1)
    expected = rows @ rows.T / np.outer(lengths, lengths).clip(1e-30)
    np.testing.assert_allclose(found, expected, **CLOSE)


@pytest.mark.parametrize("rows", [2, 3, 30])
def test_eigenvalues_and_vectors_are_those_of_numpy(rows):
    square = NUMBERS.normal(size=(rows, rows))
    symmetric = square @ square.T - 3 * np.eye(rows)
    found = evaluate("plane.js", "module.eigen(matrix)", matrix=symmetric.tolist())
    expected = np.linalg.eigvalsh(symmetric)[::-1]
    np.testing.assert_allclose(found["values"], expected, rtol=1e-9, atol=1e-9)
    vectors = np.array(found["vectors"])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(rows), atol=1e-9)
    rebuilt = vectors * found["values"] @ vectors.T
    np.testing.assert_allclose(rebuilt, symmetric, atol=1e-8 * abs(expected).max())


@pytest.mark.parametrize("shape", [(28, 64), (9, 5), (3, 2)])
def test_the_plane_is_that_of_numpys_singular_values(shape):
    rows = NUMBERS.normal(size=shape) * np.linspace(1, 4, shape[1]) + 10
    found = evaluate("plane.js", "module.plane(rows)", rows=rows.tolist())
    left, values, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    expected = left[:, :2] * values[:2]
    farthest = expected[abs(expected).argmax(0), [0, 1]]
    np.testing.assert_allclose(found["points"], expected * np.sign(farthest), atol=1e-6)
    np.testing.assert_allclose(found["shares"], values[:2] ** 2 / (values**2).sum(), atol=1e-9)


def test_rows_that_are_all_the_same_lie_in_one_point():
    found = evaluate("plane.js", "module.plane(rows)", rows=[[1, 2, 3]] * 4)
    assert found == {"points": [[0, 0]] * 4, "shares": [0, 0]}


def test_clusters_that_lie_apart_are_found_and_numbered_in_order():
    rows, of = apart(rows=24, dim=16, groups=4)
    found = evaluate("clusters.js", "module.clusters(rows, 4).of", rows=rows.tolist())
    assert found == of.tolist()


def test_every_row_is_nearest_to_the_centre_of_its_cluster():
    rows = NUMBERS.normal(size=(40, 8))
    expression = "(({of, centres, spread}) => ({of, centres: centres.map((c) => [...c]), spread}))"
    found = evaluate("clusters.js", f"{expression}(module.clusters(rows, 5))", rows=rows.tolist())
    of, centres = np.array(found["of"]), np.array(found["centres"])
    distances = ((rows[:, None] - centres) ** 2).sum(-1)
    np.testing.assert_array_equal(of, distances.argmin(1))
    means = [rows[of == group].mean(0) for group in range(5)]
    np.testing.assert_allclose(centres, means, **CLOSE)
    assert found["spread"] == pytest.approx(distances.min(1).sum())


def test_no_other_division_of_a_few_rows_has_less_spread():
    rows = NUMBERS.normal(size=(9, 3))
    spreads = []
    for sides in itertools.product([0, 1], repeat=9):
        parts = [rows[np.array(sides) == side] for side in (0, 1)]
        spreads.append(sum(((part - part.mean(0)) ** 2).sum() for part in parts if len(part)))
    found = evaluate("clusters.js", "module.clusters(rows, 2).spread", rows=rows.tolist())
    assert found == pytest.approx(min(spreads))


@pytest.mark.parametrize("rows", [[[1, 2]], [[1, 2], [1, 2], [1, 2]]])
def test_fewer_different_rows_than_clusters_are_no_error(rows):
    found = evaluate("clusters.js", "module.clusters(rows, 3).of", rows=rows)
    assert found == [0] * len(rows)


def test_the_same_rows_always_give_the_same_clusters():
    rows = NUMBERS.normal(size=(30, 4)).tolist()
    one, other = (evaluate("clusters.js", "module.clusters(rows, 6)", rows=rows) for _ in range(2))
    assert one == other


def test_agreement_is_the_best_match_of_clusters_and_groups():
    for _ in range(5):
        found, groups = NUMBERS.integers(0, 4, 20), NUMBERS.integers(0, 3, 20)
        best = max(
            sum(match[group] == cluster for group, cluster in zip(groups, found, strict=True))
            for match in itertools.permutations(range(4), 3)
        )
        values = {"found": found.tolist(), "groups": groups.tolist()}
        assert evaluate("clusters.js", "module.agreement(found, groups)", **values) == best


def test_agreement_with_more_groups_than_clusters_leaves_some_unmatched():
    values = {"found": [0, 0, 1, 1, 1], "groups": [0, 0, 1, 2, 2]}
    assert evaluate("clusters.js", "module.agreement(found, groups)", **values) == 4


def test_separation_is_the_area_under_the_roc_curve():
    groups = [0, 0, 0, 1, 1, 2]
    cosines = NUMBERS.normal(size=(6, 6)).round(1)  # rounded, so that some are equal
    cosines = cosines + cosines.T
    values = {"cosines": cosines.tolist(), "groups": groups}
    found = evaluate("separation.js", "module.separation(cosines, groups)", **values)
    one, other = np.triu_indices(6, 1)
    alike = np.array(groups)[one] == np.array(groups)[other]
    pairs = cosines[one, other]
    assert found["ranking"] == pytest.approx(roc_auc_score(alike, pairs))
    assert found["inside"] == pytest.approx(pairs[alike].mean())
    assert found["across"] == pytest.approx(pairs[~alike].mean())


@pytest.mark.parametrize("groups", [[0, 0, 0], [0, 1, 2], [0]])
def test_there_is_no_separation_without_pairs_of_both_kinds(groups):
    square = np.eye(len(groups)).tolist()
    values = {"cosines": square, "groups": groups}
    assert evaluate("separation.js", "module.separation(cosines, groups)", **values) is None


def test_numbers_in_cells_have_two_digits_and_a_true_minus():
    values = [0.4231, -0.5, -0.001, 1, 0]
    found = evaluate("matrix.js", "values.map(module.shown)", values=values)
    assert found == ["0.42", "−0.50", "0.00", "1.00", "0.00"]
