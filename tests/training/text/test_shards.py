import shutil

import numpy as np
import pytest
import sentencepiece

from training.errors import CorpusError, ShardError
from training.text.corpus import read_documents, training_text
from training.text.shards import BOUNDARY_PIECES, Shard, Shards, build_shards, encode_rows


@pytest.fixture(scope="module")
def processor(pieces_model):
    return sentencepiece.SentencePieceProcessor(model_proto=pieces_model)


def test_the_rows_of_a_document_joined_are_its_pieces(processor):
    text = "我吃了一个苹果，味道很甜。我在用苹果手机打电话给家里人。电脑中了病毒！窗口呢？" * 3
    rows = list(encode_rows([text], processor, 32))
    assert processor.decode([piece for row in rows for piece in row]) == processor.normalize(text)
    assert len(rows) > 1


@pytest.mark.parametrize("one_sentence", [False, True])
def test_characters_without_content_change_no_row(processor, one_sentence):
    text = "我吃了一个苹果。我在用苹果手机。"
    rows = list(encode_rows([text], processor, 16, one_sentence))
    mixed = ["\ufeff" + "\0\u200b".join(text), "\0", "\u200b"]
    assert list(encode_rows(mixed, processor, 16, one_sentence)) == rows


def test_no_row_is_longer_than_the_limit_with_its_boundaries(toy_shards):
    lengths = np.concatenate([shard.lengths for shard in toy_shards.train()])
    assert lengths.min() >= 1
    assert lengths.max() == 32 - BOUNDARY_PIECES  # and the limit is used


def test_a_row_ends_between_sentences_where_they_fit(processor):
    first, second = "我吃了一个苹果，味道很甜。", "我在用苹果手机打电话给家里人。"
    limit = len(processor.encode(first)) + BOUNDARY_PIECES + 1
    rows = list(encode_rows([first + second], processor, limit))
    assert rows[0] == processor.encode(first)


def test_a_sentence_longer_than_a_row_is_cut_and_not_lost(processor):
    rows = list(encode_rows(["苹果" * 100], processor, 16))
    assert [len(row) for row in rows[:-1]] == [14] * (len(rows) - 1)
    assert [i for row in rows for i in row] == processor.encode("苹果" * 100)


def test_where_rows_hold_one_sentence_each_has_its_own(processor):
    sentences = ["我吃了一个苹果。", "苹果" * 20 + "。", "电脑中了病毒！"]
    rows = list(encode_rows(["".join(sentences)], processor, 16, one_sentence=True))
    assert rows[0] == processor.encode(sentences[0])
    assert rows[-1] == processor.encode(sentences[2])
    assert [i for row in rows for i in row] == [i for s in sentences for i in processor.encode(s)]


def test_a_row_without_room_for_a_piece_is_refused(toy_corpus, toy_shards, tmp_path):
    with pytest.raises(ShardError, match="max_row_pieces is 2; with its 2 boundaries"):
        build_shards(toy_corpus, toy_shards.vocabulary, tmp_path, BOUNDARY_PIECES)


def test_two_documents_never_share_a_row(processor):
    assert len(list(encode_rows(["苹果", "病毒"], processor, 64))) == 2


def test_counts_are_of_what_is_predicted_boundaries_included(toy_corpus, toy_shards, processor):
    texts = [text for path in training_text(toy_corpus) for text in read_documents(path)]
    ids = [i for row in encode_rows(texts, processor, 32) for i in row]
    expected = np.bincount(ids, minlength=len(processor))
    num_rows = sum(len(shard) for shard in toy_shards.train())
    expected[[processor.bos_id(), processor.eos_id()]] += num_rows  # each is predicted once a row
    assert toy_shards.counts.tolist() == expected.tolist()
    assert toy_shards.manifest.train_pieces == len(ids)


def test_shards_are_mapped_and_not_read(toy_shards):
    assert all(isinstance(shard.pieces, np.memmap) for shard in toy_shards.train())


def test_joined_shards_have_the_rows_of_each(toy_shards):
    parts = toy_shards.train()
    joined = Shard.joined(parts)
    rows = [part.row(i).tolist() for part in parts for i in range(len(part))]
    assert [joined.row(i).tolist() for i in range(len(joined))] == rows


def rows_of(shard):
    return [shard.row(i).tolist() for i in range(len(shard))]


def test_the_held_out_rows_of_many_sources_take_two_files(toy_corpus, toy_shards, tmp_path):
    """Each source has the rows of its own text, and no source has a file of its own."""
    corpus = tmp_path / "corpus"
    shutil.copytree(toy_corpus, corpus)
    lines = (corpus / "held_out/toy.txt").read_text().splitlines(keepends=True)
    (corpus / "held_out/toy.txt").unlink()
    for number, line in enumerate(lines):
        (corpus / f"held_out/{number:03}.txt").write_text(line)
    (corpus / "held_out/empty.txt").touch()
    shards = build_shards(corpus, toy_shards.vocabulary, tmp_path / "shards", 32)
    assert len(list((tmp_path / "shards").glob("held_out*"))) == 2
    found = shards.held_out()
    assert len(found) == len(lines) + 1
    assert rows_of(found.pop("empty")) == []
    assert [row for shard in found.values() for row in rows_of(shard)] == rows_of(
        toy_shards.held_out()["toy"]
    )
    assert shards.manifest.held_out_characters["003"] == len(lines[3].strip())


def test_a_sample_of_the_text_is_the_beginning_of_the_shuffled_files(
    toy_corpus, toy_shards, tmp_path
):
    texts = list(read_documents(training_text(toy_corpus)[0]))
    limit = sum(map(len, texts[:7]))
    vocabulary = toy_shards.vocabulary
    some = build_shards(toy_corpus, vocabulary, tmp_path / "some", 32, max_characters=limit)
    assert some.manifest.train_characters == limit
    rows = [row for shard in some.train() for row in rows_of(shard)]
    assert rows == rows_of(toy_shards.train()[0])[: len(rows)]
    assert 0 < len(rows) == some.manifest.train_rows
    assert some.manifest.rows_sha256 != toy_shards.manifest.rows_sha256
    assert some.manifest.held_out_rows == toy_shards.manifest.held_out_rows


def test_rows_of_other_text_or_of_another_cut_have_another_sha256(toy_corpus, toy_shards, tmp_path):
    vocabulary = toy_shards.vocabulary
    again = build_shards(toy_corpus, vocabulary, tmp_path / "again", 32)
    shorter = build_shards(toy_corpus, vocabulary, tmp_path / "shorter", 31)
    assert again.manifest.rows_sha256 == toy_shards.manifest.rows_sha256
    assert shorter.manifest.rows_sha256 != toy_shards.manifest.rows_sha256


def test_a_folder_without_shards_names_the_step_that_makes_them(tmp_path):
    with pytest.raises(ShardError, match="bilm train shards"):
        Shards(tmp_path)


def test_a_damaged_shard_is_refused_by_name(tmp_path):
    (tmp_path / "train-000.ends.npy").write_bytes(b"rubbish")
    (tmp_path / "train-000.pieces.npy").write_bytes(b"rubbish")
    with pytest.raises(ShardError, match="train-000 is damaged"):
        Shard.open(tmp_path / "train-000")


def test_a_corpus_folder_without_text_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="bilm train corpus"):
        build_shards(tmp_path, tmp_path / "pieces.model", tmp_path / "out")


def test_a_vocabulary_that_is_missing_is_refused_with_the_step_that_makes_it(toy_corpus, tmp_path):
    with pytest.raises(ShardError, match=r"pieces\.model is not a file; run `bilm train voc"):
        build_shards(toy_corpus, tmp_path / "pieces.model", tmp_path / "shards")
