from biLM.tokenizer import Tokenizer
from training.evaluate import words_of


def test_a_word_is_a_piece_of_two_or_more_han_characters(pieces_model):
    tokenizer = Tokenizer(pieces_model)
    chosen = {tokenizer.piece(int(i)) for i in words_of(tokenizer).nonzero()}
    assert "苹果" in chosen
    assert chosen.isdisjoint({"我", "，", "<s>", "<0x41>", "The"})
