import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biLM.network.config import BiLMConfig
from biLM.network.model import BiLM
from biLM.reading.batch import SHAPES, SURE_SHAPE, batches
from biLM.reading.reader import Reader
from tests.properties import examples
from tests.reference.instruction_sets import AGREEING_SHAPES
from tests.reference.lstm import representations
from tests.reference.precisions import PRECISIONS

NUM_PIECES = 30
# Float32 rounding of up to 150 recurrent steps against float64; a wrong layer is off by 1e-1.
TO_THE_ORACLE = {"rtol": 0, "atol": 1e-5}
texts = st.lists(st.integers(1, 150), min_size=1, max_size=40).map(
    lambda lengths: [[(7 * n + k) % NUM_PIECES for k in range(t)] for n, t in enumerate(lengths)]
)


def random_model(num_layers=2):
    random = torch.Generator().manual_seed(0)
    config = BiLMConfig(NUM_PIECES, embedding_size=4, cell_size=6, num_layers=num_layers)
    made = BiLM(config).requires_grad_(False)
    for parameter in made.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=random) * 0.7)
    return made


@pytest.fixture(scope="module")
def model():
    return random_model()


@pytest.fixture(scope="module", params=PRECISIONS)
def reader(request, model):
    return Reader(model, getattr(torch, request.param))


def read(reader, texts, shapes, cores_of_both=None):
    found = {}
    for batch in batches(texts, shapes):
        found |= zip(batch.texts, reader.read(batch, cores_of_both), strict=True)
    return [found[number] for number in range(len(texts))]


@pytest.mark.parametrize("shapes", [(SURE_SHAPE,), ((8, 24),), SHAPES], ids=["sure", "one", "all"])
@pytest.mark.parametrize("lengths", [[9], [150, 20, 20, 8, 3, 1], [33] * 9 + [70, 2]])
def test_all_representations_equal_the_equations(model, shapes, lengths):
    rows = [[(5 * n + k) % NUM_PIECES for k in range(t)] for n, t in enumerate(lengths)]
    for row, found in zip(rows, read(Reader(model, torch.float32), rows, shapes), strict=True):
        np.testing.assert_allclose(found, representations(model.state_dict(), row), **TO_THE_ORACLE)


@pytest.mark.parametrize("num_layers", [1, 3, 4])
def test_models_of_other_depths_are_read_too(num_layers):
    made, row = random_model(num_layers), [5, 9, 9, 2, 0, 7, 29, 1, 1, 3]
    (found,) = read(Reader(made, torch.float32), [row], SHAPES)
    expected = representations(made.state_dict(), row, num_layers)
    np.testing.assert_allclose(found, expected, **TO_THE_ORACLE)


@examples(20)
@given(texts)
def test_company_and_strips_change_no_bit(reader, texts):
    together = read(reader, texts, AGREEING_SHAPES)
    for text, found in zip(texts, together, strict=True):
        assert torch.equal(found, read(reader, [text], AGREEING_SHAPES)[0])
        assert torch.equal(found, read(reader, [text], (SURE_SHAPE,))[0])


@examples(20)
@given(texts)
def test_two_directions_at_once_change_no_bit(reader, texts):
    in_turns, at_once = (read(reader, texts, SHAPES, cores_of_both) for cores_of_both in (None, 2))
    for one, other in zip(in_turns, at_once, strict=True):
        assert torch.equal(one, other)


def test_what_reading_takes_worked_by_hand(model):
    # 12 values in a vector, 4 in an embedding, three representations; 4 bytes for each number.
    of_pieces = 10 * (3 * 12 + 2 * 12) * 4
    of_strips = 32 * (3 * 12 + 2 * 4) * 4
    assert Reader(model, torch.float32).reading_bytes(10, 32) == of_pieces + of_strips


def test_the_model_is_left_as_it_was(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    read(Reader(model, torch.float32), [[1, 2, 3]], SHAPES)
    after = model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
