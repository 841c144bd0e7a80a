import numpy as np
import pytest
import torch

from biLM.network.config import BiLMConfig
from biLM.network.heads import SIDES
from biLM.tokenizer import Tokenizer
from training.result.evaluate import frequency_bits, score_held_out, words_of
from training.run.config import TrainConfig
from training.run.objective import build_objective
from training.text.shard_manifest import ShardManifest
from training.text.shards import Shards


def test_a_word_is_a_piece_of_two_or_more_han_characters(pieces_model):
    tokenizer = Tokenizer(pieces_model)
    chosen = {tokenizer.piece(int(i)) for i in words_of(tokenizer).nonzero()}
    assert "苹果" in chosen
    assert chosen.isdisjoint({"我", "，", "<s>", "<0x41>", "The"})


@pytest.fixture
def knows_frequencies(toy_shards):
    """Return an objective whose heads predict the same everywhere: the softmax of the bias."""
    objective = build_objective(TrainConfig("toy", 8, 8, 1), toy_shards)
    with torch.no_grad():
        for parameter in objective.heads.parameters():
            parameter.zero_()
        objective.heads.bias.copy_(torch.randperm(len(toy_shards.counts)) / 50)
    return objective


def test_a_model_of_known_probabilities_is_scored_by_hand(knows_frequencies, toy_shards):
    table, fill = score_held_out(knows_frequencies, toy_shards)
    bias = knows_frequencies.heads.bias.detach().double().numpy()
    nats = np.log(np.exp(bias).sum()) - bias
    shard = toy_shards.held_out()["toy"]
    pieces = shard.pieces.astype(int)
    total = nats[pieces].sum() + len(shard) * nats[2]  # the end of each row, piece 2
    characters = toy_shards.manifest.held_out_characters["toy"]
    found = table["all"]["forward_bits_per_character"]
    assert found == pytest.approx(total / np.log(2) / characters, abs=1e-3)
    assert table["toy"] == table["all"]

    best = np.argsort(-bias)[:10]
    is_word = words_of(Tokenizer(toy_shards.vocabulary.read_bytes())).numpy()
    words = pieces[is_word[pieces]]
    assert fill["places"] == len(words) > 0
    for side in SIDES:
        assert fill[side]["accuracy_at_10"] == pytest.approx(np.isin(words, best).mean(), abs=1e-4)
        assert fill[side]["accuracy_at_1"] == pytest.approx((words == best[0]).mean(), abs=1e-4)


def test_frequencies_alone_worked_by_hand(tmp_path):
    """Pieces 3 and 4 were seen 5 and 1 times in two rows; held out are 3 3 4 and an end."""
    (tmp_path / "held_out").mkdir()
    np.save(tmp_path / "counts.npy", np.array([0, 2, 2, 5, 1]))
    np.save(tmp_path / "held_out/a.pieces.npy", np.array([3, 3, 4], dtype=np.uint16))
    np.save(tmp_path / "held_out/a.ends.npy", np.array([3]))
    manifest = ShardManifest(
        vocabulary_sha256="",
        max_row_pieces=5,
        num_pieces=5,
        train_rows=2,
        train_pieces=6,
        held_out_characters={"a": 4},
    )
    manifest.write(tmp_path)
    found = frequency_bits(Shards(tmp_path), BiLMConfig(5, 4, 4))
    # One is added to each count but that of the beginning: 1, 0, 3, 6, 2 of 12.
    expected = -(2 * np.log2(6 / 12) + np.log2(2 / 12) + np.log2(3 / 12)) / 4
    assert found == pytest.approx(expected)
