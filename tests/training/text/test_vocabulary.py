import io

import pytest
import sentencepiece

from training.errors import TrainingError
from training.text.vocabulary import (
    WORD_BOUNDARY,
    VocabularyConfig,
    mark_words,
    shortest_words,
    train_vocabulary,
)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("苹果公司", ("苹果", "公司")),
        ("苹果树", ("苹果", "树")),
        ("青苹果", ("青", "苹果")),
        ("苹果", ("苹果",)),
        ("好", ("好",)),
        ("iPhone", ("iPhone",)),
    ],
)
def test_a_compound_is_cut_into_the_words_it_holds(word, parts):
    assert shortest_words(word) == parts


def test_marking_words_changes_nothing_but_the_marks():
    text = "我在用苹果手机, the new  one，好吃！"
    assert mark_words(text).replace(WORD_BOUNDARY, "") == text


def test_a_space_belongs_to_the_latin_word_after_it_and_not_to_a_chinese_one():
    assert mark_words("a big 苹果").split(WORD_BOUNDARY) == ["a", " big", " ", "苹果"]


def test_a_mark_in_the_text_itself_is_dropped_before_it_can_be_mistaken():
    assert mark_words(f"苹{WORD_BOUNDARY}果") == "苹果"


def test_no_piece_crosses_a_word_boundary_however_frequent_the_pair(tmp_path):
    source = tmp_path / "train-000.txt"
    source.write_text("我在用苹果手机\n他买了苹果手机\n苹果手机很贵\n手机里有苹果\n" * 200)
    out = tmp_path / "pieces.model"
    train_vocabulary([source], out, VocabularyConfig(num_pieces=275, num_workers=1))
    processor = sentencepiece.SentencePieceProcessor(
        model_proto=io.BytesIO(out.read_bytes()).read()
    )
    pieces = processor.encode("他在用苹果手机", out_type=str)
    assert "苹果" in pieces
    assert not any(
        "苹果" in processor.id_to_piece(i)
        for i in range(len(processor))
        if processor.id_to_piece(i) != "苹果"
    )


def test_a_vocabulary_reads_texts_by_the_rule_and_is_trained_on_them_so(tmp_path):
    source = tmp_path / "train-000.txt"
    source.write_text("我在用蘋果手機\n他買了蘋\u200b果手機\n吃蘋果\n手機很貴\n" * 200)
    out = tmp_path / "pieces.model"
    train_vocabulary([source], out, VocabularyConfig(num_pieces=274, num_workers=1))
    processor = sentencepiece.SentencePieceProcessor(model_proto=out.read_bytes())
    pieces = ["我", "在", "用", "苹果", "手机"]
    assert processor.encode("我在用苹果手机", out_type=str) == pieces
    assert processor.encode("\ufeff我在用蘋果手機", out_type=str) == pieces


def test_an_empty_corpus_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no training text"):
        train_vocabulary([], tmp_path / "pieces.model", VocabularyConfig())


def test_more_pieces_than_the_text_can_give_are_refused(tmp_path):
    source = tmp_path / "train-000.txt"
    source.write_text("苹果\n")
    with pytest.raises(TrainingError, match="no vocabulary of 5000 pieces"):
        train_vocabulary([source], tmp_path / "m", VocabularyConfig(num_pieces=5000, num_workers=1))
