import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from examples.classifier.characters import Characters
from examples.classifier.errors import DataError

TEXTS = ["苹果很甜", "苹果手机", "手机很好很好", "葡萄很甜"]


def test_features_are_those_of_one_vectorizer_that_learns_and_applies():
    reference = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    expected = reference.fit_transform(TEXTS)
    characters = Characters.of(TEXTS)
    assert characters.vocabulary == reference.get_feature_names_out().tolist()
    np.testing.assert_allclose(characters.features(TEXTS).toarray(), expected.toarray(), atol=1e-6)


def test_a_text_without_known_ngrams_is_a_zero_row():
    assert Characters.of(TEXTS).features(["fox", ""]).nnz == 0


def test_texts_that_share_nothing_are_refused():
    with pytest.raises(DataError, match="no n-gram is in 2 of 2 texts"):
        Characters.of(["苹果", "手机"])
