import pytest
import torch

from biLM.network.heads import SIDES
from biLM.tokenizer import Tokenizer
from training.lab.directions import RIVALS, filled, recipe_of
from training.lab.sizes import Plan
from training.lab.trials import Laboratory
from training.run.objective import build_objective
from training.run.stream import Batch

# Each test trains models.
pytestmark = pytest.mark.long

PLAN = Plan.quick()


@pytest.fixture
def lab(toy_shards):
    return Laboratory(PLAN, toy_shards, lambda told: None)


@pytest.mark.parametrize("side", SIDES)
def test_a_blank_is_filled_rightly_where_the_piece_is_among_the_most_probable(side, lab):
    """Counted place by place, rows one at a time, by sorting all pieces."""
    objective = build_objective(PLAN.recipe("lstm"), lab.text)
    objective.requires_grad_(False)
    with torch.no_grad():
        objective.bilm.embedding.weight.mul_(20)  # so that guesses differ from place to place
    everywhere, words = filled(objective, side, lab)
    found = {"places": 0, 1: 0, 10: 0, "words": 0, "words at 10": 0}
    vocabulary, shard = Tokenizer(lab.text.vocabulary.read_bytes()), lab.text.held_out()["toy"]
    for row in range(len(shard)):
        pieces = shard.row(row).tolist()
        for place, best in enumerate(guesses(objective, pieces, side)):
            target = pieces[place]
            is_word = len(text := vocabulary.piece(target)) > 1 and all(
                "一" <= character <= "龥" for character in text
            )
            found["places"] += 1
            found[1] += target == best[0]
            found[10] += target in best
            found["words"] += is_word
            found["words at 10"] += is_word and target in best
    assert everywhere.predictions == found["places"]
    assert (everywhere.first, everywhere.among_ten) == (found[1], found[10])
    assert (words.predictions, words.among_ten) == (found["words"], found["words at 10"])


def guesses(objective, pieces, side):
    """Return the ten most probable pieces in each place of a row, by one head."""
    ids = torch.tensor([[1, *pieces, 2]])
    length = torch.tensor([ids.shape[1]])
    x = objective.bilm.embedding(ids)
    z = objective._expected(x, Batch(ids, length).lengths, 0.0)[SIDES.index(side)][0, 1:-1]
    logits = z @ objective.bilm.embedding.weight.T + objective.heads.bias
    return logits.topk(10).indices.tolist()


def test_a_rival_alone_is_trained_for_its_side_only(lab):
    recipes = {rival.name: recipe_of(rival, lab) for rival in RIVALS}
    assert recipes["left alone"].objective_weights == (1.0, 0.0, 0.0)
    assert recipes["right alone"].objective_weights == (0.0, 1.0, 0.0)
    assert recipes["both sides"] == recipes["left, of the two"] == PLAN.recipe("lstm")


def test_the_wider_cell_has_about_the_numbers_of_two_directions():
    lab = Laboratory(Plan(), None, lambda told: None)
    rivals = {rival.name: rival for rival in RIVALS}

    def numbers(name):
        recipe = recipe_of(rivals[name], lab)
        size, width = recipe.cell_size, recipe.embedding_size
        return sum(4 * (size * (read + size) + 2 * size) for read in (width, size))

    assert numbers("left alone, wider") == pytest.approx(2 * numbers("left alone"), rel=0.05)
