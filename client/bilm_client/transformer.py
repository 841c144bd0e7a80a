"""A step of a scikit-learn pipeline that turns each text into a vector. It needs scikit-learn."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from bilm_client.client import Client


class TextVectors(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turns texts into vectors with a biLM service; `fit` only learns how wide a vector is.

    With `layers`, the vectors of all layers are concatenated.

    Args:
        url: Address of the service.
        api_key: Key that is sent as a bearer token. A pickled pipeline contains it.
        mix: See /embed.
        layers: See /embed; instead of mix.
        pooling: See /embed.
        center: See /embed.
        normalize: See /embed.
        in_flight: See `Client`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        mix: str | Mapping[str, Any] | None = None,
        layers: str | Sequence[int] | None = None,
        pooling: str = "mean",
        center: bool = True,
        normalize: bool = False,
        in_flight: int = 4,
    ) -> None:
        self.url = url
        self.api_key = api_key
        self.mix = mix
        self.layers = layers
        self.pooling = pooling
        self.center = center
        self.normalize = normalize
        self.in_flight = in_flight

    def fit(self, texts: Sequence[str], y: object = None) -> Self:
        """Request one vector, so that a wrong parameter already fails here."""
        self.n_features_out_ = self.transform(["一"]).shape[1]
        return self

    def transform(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the vectors: `[texts, dim]`, or `[texts, layers * dim]` with layers."""
        source = {"mix": self.mix, "layers": self.layers}
        options: Any = {name: value for name, value in source.items() if value is not None}
        options |= {
            "pooling": self.pooling,
            "center": self.center,
            "normalize": self.normalize,
            "level": "text",
        }
        if isinstance(texts, str):
            raise ValueError("texts is a single string; give a list, such as [text]")
        with Client(self.url, api_key=self.api_key, in_flight=self.in_flight) as client:
            found = client.embed(list(texts), **options)
        rows = [embedding.vectors.reshape(1, -1) for embedding in found]
        width = rows[0].shape[1] if rows else getattr(self, "n_features_out_", 0)
        return np.concatenate([np.empty((0, width), np.float32), *rows])

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns: bilm0, bilm1 and so on."""
        return np.array([f"bilm{number}" for number in range(self.n_features_out_)], dtype=object)
