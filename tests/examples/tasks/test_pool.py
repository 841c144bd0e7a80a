import numpy as np
import pytest
import torch
from bilm_client import Client

from examples.classifier.errors import DataError
from examples.classifier.service import connect
from examples.tasks import head
from examples.tasks.head import PoolingHead
from examples.tasks.sequences import MAX_PIECES, SequencedTexts, Sequences, embed_pieces

# Each test trains a head; its parts have tests of their own.
pytestmark = pytest.mark.long

TEXTS = ["苹果很甜", "", "我在用苹果手机打电话。"]


def sequences(lengths, dim=8, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(sum(lengths), dim)).astype(np.float16)
    lengths = np.array(lengths)
    return Sequences(vectors, np.cumsum(lengths) - lengths, lengths)


def test_texts_are_padded_and_averaged_by_their_own_pieces():
    some = Sequences(
        np.array([[1, 2], [3, 4], [5, 6]], np.float16), np.array([0, 2, 2]), np.array([2, 0, 1])
    )
    assert some.padded().tolist() == [[[1, 2], [3, 4]], [[0, 0], [0, 0]], [[5, 6], [0, 0]]]
    assert some.means().tolist() == [[2, 3], [0, 0], [5, 6]]
    assert some.take(np.array([2, 0])).means().tolist() == [[5, 6], [2, 3]]
    assert some.take(np.array([1])).padded().tolist() == [[[0, 0]]]


def test_the_vectors_on_disk_are_those_of_the_service_and_are_asked_for_once(service_url, tmp_path):
    with connect(service_url) as service:
        found = embed_pieces(service, TEXTS, 1, cache=tmp_path, name="train")
    with Client(service_url) as client:
        asked = client.embed(TEXTS, level="piece", layers=[1], center=True, dtype="float16")
    assert found.lengths.tolist() == [len(one.pieces) for one in asked]
    for number, one in enumerate(asked):
        alone = found.take(np.array([number])).padded()[0, : len(one.pieces)]
        np.testing.assert_array_equal(alone, one.vectors[0])
    with connect(service_url) as service:
        service.client.close()  # nothing more is asked
        again = embed_pieces(service, TEXTS, 1, cache=tmp_path, name="train")
    np.testing.assert_array_equal(again.vectors, found.vectors)


def test_of_a_long_text_the_beginning_is_read(service_url, tmp_path):
    texts = ["苹果很甜" * MAX_PIECES, "苹果"]
    with connect(service_url) as service:
        found = embed_pieces(service, texts, 0, cache=tmp_path, name="train")
        after = embed_pieces(service, texts[1:], 0, cache=tmp_path, name="train")
    assert found.lengths[0] == MAX_PIECES
    np.testing.assert_array_equal(found.means()[1], after.means()[0])


def test_texts_without_a_piece_are_told(service_url, tmp_path):
    with connect(service_url) as service, pytest.raises(DataError, match="train have no piece"):
        embed_pieces(service, [""], 0, cache=tmp_path, name="train")


def test_the_head_is_its_equations():
    torch.manual_seed(1)
    some = sequences([3])
    model = PoolingHead(8, 4, scale=0.5).eval()
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    x = some.vectors.astype(np.float64) / 0.5
    found = np.maximum(x @ weights["filters.weight"].T + weights["filters.bias"], 0)
    pooled = np.concatenate([found.max(axis=0), found.mean(axis=0)])
    expected = weights["output.weight"] @ pooled + weights["output.bias"]
    np.testing.assert_allclose(head.logits(model, some)[0], expected, atol=1e-5)


def test_neighbours_in_a_batch_and_their_order_change_nothing():
    torch.manual_seed(1)
    some = sequences([3, 1, 70, 0, 12] * 30)  # more than one batch
    model = PoolingHead(8, 4, scale=1.0).eval()
    together = head.logits(model, some)
    for number in (0, 1, 2, 3, 4, 149):
        alone = head.logits(model, some.take(np.array([number])))[0]
        np.testing.assert_allclose(together[number], alone, atol=1e-5)


def one_piece_tells(num_texts, seed):
    """One of ten pieces shows the class, in a direction in which the others are random."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 2, num_texts)
    some = sequences([10] * num_texts, seed=seed)
    rows = some.begins + random.integers(0, 10, num_texts)
    some.vectors[rows, 0] = np.where(targets, 4, 0)
    return SequencedTexts.of([""] * num_texts, targets, some)


def test_it_finds_the_one_piece_that_tells():
    train, test = one_piece_tells(600, seed=1), one_piece_tells(200, seed=2)
    model = head.fit(train.sequences, train.targets, 2, seed=0)
    assert test.score(head.logits(model, test.sequences), train) > 0.9


def test_the_same_seed_learns_the_same():
    train = one_piece_tells(100, seed=1)
    first, second = (head.fit(train.sequences, train.targets, 2, seed=3) for _ in range(2))
    np.testing.assert_array_equal(
        head.logits(first, train.sequences), head.logits(second, train.sequences)
    )
