"""Scoring on a sample, against probabilities that are known by hand."""

import json
import random

import numpy as np
import pytest
import torch

from biLM.network.heads import SIDES
from biLM.tokenizer import Tokenizer
from tests.conftest import SENTENCES
from training.result.sample import Excerpt, Sample
from training.result.scoring import (
    BATCH_ROWS,
    LENGTH_STEP,
    Reader,
    Scored,
    blocks_of,
    characters_of,
    score_sample,
)
from training.result.words import words_of
from training.run.config import TrainConfig
from training.run.objective import BiLMObjective, build_objective
from training.text.shards import encode_rows

LAYOUT = 32, False


@pytest.fixture(scope="module")
def objective(toy_shards):
    """Return a model whose heads predict the same everywhere: the softmax of the bias."""
    objective = build_objective(TrainConfig("toy", 8, 8, 1), toy_shards)
    with torch.no_grad():
        for parameter in objective.heads.parameters():
            parameter.zero_()
        torch.manual_seed(3)
        objective.heads.bias.copy_(torch.randperm(len(toy_shards.counts)) / 50)
    return objective


@pytest.fixture(scope="module")
def reader(objective, pieces_model):
    return Reader(objective, pieces_model, LAYOUT)


@pytest.fixture(scope="module")
def sample():
    """Return 400 excerpts of two sources, and a third source without any."""
    chance = random.Random(5)
    texts = [
        f"{i}" + "".join(chance.choices(SENTENCES, k=chance.randint(1, 5))) for i in range(400)
    ]
    excerpts = [Excerpt(i, text, "ab"[i % 3 == 0]) for i, text in enumerate(texts)]
    return Sample(tuple(excerpts), ("a", "b", "c"))


@pytest.fixture(scope="module")
def whole(reader, sample, tmp_path_factory):
    kept = tmp_path_factory.mktemp("kept") / "scoring.json"
    return score_sample({"run": reader}, sample, kept, "id", 1e9)


def nats_by_hand(objective, reader, excerpts):
    """The sum of -log p of every piece and of the end of every row, which is piece 2."""
    bias = objective.heads.bias.detach().double().numpy()
    nats = np.log(np.exp(bias).sum()) - bias
    rows = [row for one in excerpts for row in reader.rows(one)]
    return sum(nats[row].sum() + nats[2] for row in rows), rows


def test_the_rows_are_those_of_training(reader, sample):
    text = sample.excerpts[7].text
    assert reader.rows(sample.excerpts[7]) == list(encode_rows([text], reader._processor, *LAYOUT))


def test_each_cell_has_the_sums_of_its_own_excerpts(objective, reader, sample, whole):
    assert [cell.group for cell in sample.cells] == ["a", "b", "c"]
    for number, cell in enumerate(sample.cells):
        excerpts = [one for one in sample.excerpts if one.source == cell.group]
        nats, rows = nats_by_hand(objective, reader, excerpts)
        forward = whole.tallies["run"].scores(number)[0]
        assert forward.predictions == sum(len(row) + 1 for row in rows)
        assert forward.nats == pytest.approx(nats, rel=1e-6)
    nats, rows = nats_by_hand(objective, reader, sample.excerpts)
    for side, added in zip(whole.tallies["run"].scores(), (1, 1, 0), strict=True):
        assert side.predictions == sum(len(row) + added for row in rows)


def test_the_places_of_words_are_counted_by_hand(objective, reader, sample, whole, pieces_model):
    _, rows = nats_by_hand(objective, reader, sample.excerpts)
    pieces = np.concatenate(rows)
    words = pieces[words_of(Tokenizer(pieces_model)).numpy()[pieces]]
    best = np.argsort(-objective.heads.bias.detach().numpy())[:10]
    for one in whole.tallies["run"].word_scores():
        assert one.predictions == len(words) > 0
        assert one.among_ten == np.isin(words, best).sum()


def test_batches_have_few_shapes_and_little_padding(reader, sample):
    block = blocks_of(sample)[0]
    batches = [batch for batch, _ in reader._batches(block, dict.fromkeys("abc", 0))]
    assert {batch.ids.shape[0] for batch in batches} == {BATCH_ROWS}
    assert all(batch.ids.shape[1] % LENGTH_STEP == 0 for batch in batches)
    pieces = sum(int(batch.lengths.sum()) for batch in batches)
    assert pieces > 0.75 * sum(batch.ids.numel() for batch in batches)


def test_many_small_sources_take_no_more_batches_than_one(reader, sample):
    block = blocks_of(sample)[0]
    many = [Excerpt(one.digest, one.text, f"s{n}") for n, one in enumerate(block)]
    numbers = {one.source: n for n, one in enumerate(many)}
    one, other = (
        len(list(reader._batches(*given)))
        for given in ((block, dict.fromkeys("abc", 0)), (many, numbers))
    )
    assert one == other


def test_blocks_are_all_of_the_sample(sample):
    blocks = blocks_of(sample)
    assert tuple(one for block in blocks for one in block) == sample.excerpts
    assert len(blocks) > 2
    assert all(2_000 <= characters_of(block) < 2_200 for block in blocks[:-1])
    assert blocks_of(Sample((), ())) == []


class Killed(BaseException):
    """Stands for a signal: nothing may catch it."""


@pytest.fixture
def judged(monkeypatch):
    """Return a list to which every batch that is scored adds its number of rows."""
    seen, judge = [], BiLMObjective.judge

    def counted(objective, batch):
        seen.append(int((batch.lengths > 0).sum()))
        return judge(objective, batch)

    monkeypatch.setattr(BiLMObjective, "judge", counted)
    return seen


def test_an_interrupted_scoring_goes_on_where_it_was_and_ends_alike(
    reader, sample, whole, tmp_path, judged, monkeypatch
):
    kept, keep = tmp_path / "scoring.json", Scored.keep

    def keep_and_die(scored, *given):
        keep(scored, *given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Scored, "keep", keep_and_die)
        with pytest.raises(Killed):
            score_sample({"run": reader}, sample, kept, "id", 1e9)
    first = sum(judged)
    again = score_sample({"run": reader}, sample, kept, "id", 1e9)
    assert sum(judged) - first == sum(len(reader.rows(e)) for e in sample.excerpts) - first
    assert np.array_equal(again.tallies["run"].heads, whole.tallies["run"].heads)
    assert np.array_equal(again.tallies["run"].words, whole.tallies["run"].words)
    assert json.loads(kept.read_bytes())["blocks"] == len(blocks_of(sample)) == again.blocks


def test_sums_of_another_model_are_not_used(reader, sample, whole, tmp_path):
    kept = tmp_path / "scoring.json"
    score_sample({"run": reader}, sample, kept, "other", 0.0)
    found = score_sample({"run": reader}, sample, kept, "id", 1e9)
    assert np.array_equal(found.tallies["run"].heads, whole.tallies["run"].heads)


def test_without_time_the_first_block_is_scored_by_every_model(reader, sample, tmp_path):
    readers = {"run": reader, "beside": reader}
    found = score_sample(readers, sample, tmp_path / "scoring.json", "id", 0.0)
    assert found.excerpts(sample) == blocks_of(sample)[0]
    one, other = (found.tallies[name].scores() for name in readers)
    assert one == other
    assert one[len(SIDES) - 1].predictions > 0
