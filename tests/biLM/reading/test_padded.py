import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biLM.reading.padded import MAX_RECTANGLE_PIECES, read_padded, rectangles
from tests.reference.lstm import representations

lengths = st.lists(st.integers(1, 3000) | st.just(MAX_RECTANGLE_PIECES + 1), max_size=12)


@given(lengths)
def test_each_text_is_in_one_rectangle_of_a_bounded_size(lengths):
    found = list(rectangles(lengths))
    assert sorted(number for numbers in found for number in numbers) == list(range(len(lengths)))
    for numbers in found:
        longest = max(lengths[number] for number in numbers)
        assert lengths[numbers[0]] == longest
        assert len(numbers) == 1 or len(numbers) * longest <= MAX_RECTANGLE_PIECES


def test_texts_of_other_lengths_beside_it_do_not_change_a_text(artifact):
    texts = [[1, 30, 31, 2], [1, *[40] * 150, 2], [1, 2], [1, 50, 2]]
    found = dict(read_padded(artifact.model, texts))
    for number, ids in enumerate(texts):
        expected = representations(artifact.model.state_dict(), ids)
        torch.testing.assert_close(
            found[number].double(), torch.from_numpy(expected), rtol=0, atol=1e-5
        )


def test_no_texts_are_no_representations(artifact):
    assert list(read_padded(artifact.model, [])) == []


@pytest.mark.parametrize("number", [0, 1])
def test_a_gradient_reaches_the_pieces_of_the_text_alone(artifact, number):
    model = artifact.model
    model.embedding.weight.requires_grad_(True)
    try:
        texts = [[1, 30, 31, 2], [1, 40, 2]]
        dict(read_padded(model, texts))[number].sum().backward()
        learned = model.embedding.weight.grad.any(dim=1).nonzero().flatten().tolist()
        assert learned == sorted(set(texts[number]))
    finally:
        model.embedding.weight.grad = None
        model.embedding.weight.requires_grad_(False)
