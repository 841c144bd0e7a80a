import pytest

from biLM.errors import ConfigError
from biLM.network.config import BiLMConfig

SIZES = {"num_pieces": 100, "embedding_size": 8, "cell_size": 12, "num_layers": 2}


@pytest.mark.parametrize(
    "name", ["num_pieces", "embedding_size", "cell_size", "num_layers", "bos_id", "eos_id"]
)
@pytest.mark.parametrize("value", [0, -1])
def test_a_size_below_one_is_refused_by_name_and_value(name, value):
    with pytest.raises(ConfigError, match=f"{name} is {value}"):
        BiLMConfig(**SIZES | {name: value})


@pytest.mark.parametrize("embedding_size", [5, 7, 16, 48])
def test_an_embedding_that_does_not_divide_the_width_of_a_layer_is_refused(embedding_size):
    with pytest.raises(ConfigError, match=f"embedding_size {embedding_size} does not divide"):
        BiLMConfig(**SIZES | {"embedding_size": embedding_size})


@pytest.mark.parametrize("embedding_size", [1, 3, 12, 24])
def test_an_embedding_that_divides_the_width_of_a_layer_is_allowed(embedding_size):
    assert BiLMConfig(**SIZES | {"embedding_size": embedding_size}).dim == 24


@pytest.mark.parametrize("name", ["bos_id", "eos_id"])
def test_a_boundary_outside_the_vocabulary_is_refused(name):
    with pytest.raises(ConfigError, match=name):
        BiLMConfig(**SIZES | {name: 100})


def test_a_representation_is_as_wide_as_both_directions_together():
    assert BiLMConfig(**SIZES).dim == 2 * 12


def test_the_embedding_counts_as_a_representation():
    assert BiLMConfig(**SIZES | {"num_layers": 3}).num_representations == 4
