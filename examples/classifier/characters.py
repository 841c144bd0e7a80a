"""Turn texts into tf-idf features of their character uni- and bigrams: a bag of characters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from examples.classifier.errors import DataError

NGRAMS = {"analyzer": "char", "ngram_range": (1, 2)}
MIN_TEXTS = 2  # an n-gram that is in one text only says nothing about other texts


@dataclass(frozen=True)
class Characters:
    """The n-grams of the training texts and their weights.

    Args:
        vocabulary: The n-grams, in the order of the columns.
        idf: The weight of each n-gram.
    """

    vocabulary: list[str]
    idf: npt.NDArray[np.float32]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Characters":
        """Return the n-grams that occur in at least MIN_TEXTS of the texts.

        Raises:
            DataError: there are none.
        """
        vectorizer = TfidfVectorizer(**NGRAMS, min_df=MIN_TEXTS)
        try:
            vectorizer.fit(texts)
        except ValueError as error:  # what scikit-learn raises for an empty vocabulary
            raise DataError(f"no n-gram is in {MIN_TEXTS} of {len(texts)} texts") from error
        return cls(vectorizer.get_feature_names_out().tolist(), vectorizer.idf_.astype(np.float32))

    def features(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return a row of unit length for each text; zero for a text without known n-grams."""
        vectorizer = TfidfVectorizer(
            **NGRAMS, sublinear_tf=True, vocabulary=self.vocabulary, dtype=np.float32
        )
        vectorizer.idf_ = self.idf
        return vectorizer.transform(texts)
