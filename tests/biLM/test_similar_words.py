import io
from dataclasses import replace

import numpy as np
import sentencepiece

from biLM.similar_words import NUM_NEIGHBOURS, similar_words
from biLM.tokenizer import Tokenizer


def vocabulary_of_words():
    """Return a sentencepiece model with some words of two characters."""
    words, model = ["苹果", "病毒", "手机", "电脑", "医生", "味道", "窗口", "菜单"], io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*words, "我吃的是什么"] * 30),
        model_writer=model,
        vocab_size=29,
        user_defined_symbols=words,
        model_type="char",
        hard_vocab_limit=False,
        add_dummy_prefix=False,
        minloglevel=2,
    )
    return model.getvalue()


def test_similar_words_are_those_of_the_nearest_vectors(artifact):
    """The expected words come from the definition, in numpy: cosines of centred vectors."""
    artifact = replace(artifact, pieces_model=vocabulary_of_words())
    tokenizer = Tokenizer(artifact.pieces_model)
    pieces = [tokenizer.piece(number) for number in range(tokenizer.num_pieces)]
    ids = [
        n for n, p in enumerate(pieces) if len(p) > 1 and all("\u4e00" <= c < "\ua000" for c in p)
    ]
    vectors = artifact.model.embedding.weight.numpy()[ids].astype("f8")
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = similar_words(artifact, tokenizer)
    assert len(ids) > NUM_NEIGHBOURS
    assert found
    for word, neighbours in found.items():
        row = ids.index(pieces.index(word))
        nearest = [pieces[ids[one]] for one in np.argsort(-(vectors @ vectors[row]))]
        assert nearest[0] == word
        assert neighbours == nearest[1 : 1 + NUM_NEIGHBOURS]
