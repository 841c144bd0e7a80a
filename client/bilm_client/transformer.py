"""A step of a scikit-learn pipeline that turns each text into a vector. It needs scikit-learn."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from bilm_client import inputs
from bilm_client.centring import mean_of
from bilm_client.client import Client
from bilm_client.connection import IN_FLIGHT, TIMEOUT_S
from bilm_client.errors import InputError
from bilm_client.keys import Address, Key, Variable
from bilm_client.service import MAX_WAIT_S

# The value of `center` that subtracts the mean of the fitted texts.
OWN = "own"
Vectors = npt.NDArray[np.floating[Any]]


class TextVectors(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turns texts into vectors with a biLM service.

    `fit` learns how wide a vector is, and with `center="own"` the mean of the texts. It takes what
    `Client.embed` takes, and one column of a table. With `layers`, the vectors of all layers are
    concatenated.

    Args:
        url: Address of the service.
        api_key: Key that is sent as a bearer token. A pickled pipeline contains it, and so does
            the folder of `memory`; no `repr` shows it.
        api_key_variable: Instead of `api_key`: the environment variable that has the key. A pickle
            then contains its name only, and the process that uses it needs the variable.
        mix: See /embed.
        layers: See /embed; instead of mix.
        pooling: See /embed.
        center: See /embed; or "own" to subtract the mean of the texts given to `fit`.
        normalize: See /embed.
        truncate: See /embed.
        dtype: See /embed; also the type of the columns.
        in_flight: See `Client`.
        timeout_s: See `Client`.
        max_wait_s: See `Client`. The service has answered a step that is fitted, so the default of
            such a step is the longer one.
        proxy: See `Client`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        api_key_variable: str | None = None,
        mix: str | Mapping[str, Any] | None = None,
        layers: str | Sequence[int] | None = None,
        pooling: str = "mean",
        center: bool | str = True,
        normalize: bool = False,
        truncate: str = "error",
        dtype: str = "float32",
        in_flight: int = IN_FLIGHT,
        timeout_s: float = TIMEOUT_S,
        max_wait_s: float | None = None,
        proxy: str | bool = True,
    ) -> None:
        self.url = url
        self.api_key = api_key
        self.api_key_variable = api_key_variable
        self.mix = mix
        self.layers = layers
        self.pooling = pooling
        self.center = center
        self.normalize = normalize
        self.truncate = truncate
        self.dtype = dtype
        self.in_flight = in_flight
        self.timeout_s = timeout_s
        self.max_wait_s = max_wait_s
        self.proxy = proxy

    # scikit-learn prints the parameters of an estimator in many places, by their `repr`.
    def __setattr__(self, name: str, value: Any) -> None:
        if name == "api_key" and type(value) is str:
            value = Key(value)
        if name == "api_key_variable" and type(value) is str:
            value = Variable(value)
        if name in ("url", "proxy") and type(value) is str and repr(Address(value)) != repr(value):
            value = Address(value)
        super().__setattr__(name, value)

    def fit(self, texts: Any, y: object = None) -> Self:
        """Learn what there is to learn; a wrong parameter already fails here."""
        column = inputs.texts_of(_column(texts))
        self._learn(self._embed(column if self.center == OWN else ["一"]))
        return self

    def transform(self, texts: Any) -> Vectors:
        """Return the vectors: `[texts, dim]`, or `[texts, layers * dim]` with layers.

        Raises:
            NotFittedError: `center` is "own" and `fit` has not been called.
            InputError: these are not texts, or are a table with several columns.
        """
        if self.center == OWN:
            check_is_fitted(self, "center_")
        return self._finished(self._embed(_column(texts)))

    def fit_transform(self, texts: Any, y: object = None, **_: object) -> Vectors:
        """Return what `fit(texts).transform(texts)` returns; the texts are sent once."""
        found = self._embed(_column(texts))
        if found is None:
            return np.asarray(self.fit(texts).transform(texts))
        self._learn(found)
        return self._finished(found)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns: bilm0, bilm1 and so on.

        Raises:
            NotFittedError: `fit` has not been called.
        """
        check_is_fitted(self, "n_features_out_")
        return np.array([f"bilm{number}" for number in range(self.n_features_out_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = self.center == OWN
        return tags

    def _embed(self, texts: Any) -> Vectors | None:
        """Return `[texts, dim]` or `[layers, texts, dim]`; None if there are no texts."""
        is_own = self.center == OWN
        source = {"mix": self.mix, "layers": self.layers}
        options: Any = {name: value for name, value in source.items() if value is not None}
        options |= {
            "pooling": self.pooling,
            "center": False if is_own else self.center,
            "normalize": False if is_own else self.normalize,
            "truncate": self.truncate,
            "dtype": self.dtype,
            "level": "text",
        }
        with Client(
            self.url,
            api_key=self.api_key,
            api_key_variable=self.api_key_variable,
            in_flight=self.in_flight,
            timeout_s=self.timeout_s,
            max_wait_s=self._patience_s(),
            proxy=self.proxy,
        ) as client:
            found = client.embed(texts, **options)
        return np.concatenate([one.vectors for one in found], axis=-2) if found else None

    def _patience_s(self) -> float | None:
        """Return how long to wait for a service that is restarted; every call has a new client."""
        is_fitted = hasattr(self, "n_features_out_")
        return MAX_WAIT_S if self.max_wait_s is None and is_fitted else self.max_wait_s

    def _learn(self, found: Vectors | None) -> None:
        if found is None:
            raise InputError(
                'there are no texts, hence no mean to subtract; fit center="own" with at least one'
            )
        self.n_features_out_ = found.shape[-1] * (len(found) if found.ndim == 3 else 1)
        if self.center == OWN:
            self.center_ = mean_of([found[..., _has_pieces(found), :]])

    def _finished(self, found: Vectors | None) -> Vectors:
        if found is None:
            return np.empty((0, getattr(self, "n_features_out_", 0)), self.dtype)
        if self.center == OWN:
            rest = found - self.center_
            rest[..., ~_has_pieces(found), :] = 0
            if self.normalize:
                lengths = np.linalg.norm(rest, axis=-1, keepdims=True)
                rest /= np.where(lengths == 0, 1, lengths)
            found = rest.astype(self.dtype)
        return found if found.ndim == 2 else np.concatenate(list(found), axis=-1)


def _has_pieces(found: Vectors) -> npt.NDArray[np.bool_]:
    """Return which texts have pieces; the vectors of the others are zero at every layer."""
    return np.asarray(found.any(axis=-1 if found.ndim == 2 else (0, -1)))


def _column(texts: Any) -> Any:
    """Return the only column of a table or of a matrix; anything else as it is.

    Raises:
        InputError: a single string, or not exactly one column.
    """
    if isinstance(texts, str):
        raise InputError("texts is a single string; give a list, such as [text]")
    shape = getattr(texts, "shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2:
        return texts
    if shape[1] != 1:
        names = getattr(texts, "column_names", getattr(texts, "columns", None))
        found = "" if names is None else f": {', '.join(map(str, names))}"
        raise InputError(
            f"the {type(texts).__name__} has {shape[1]} columns{found}; give the one with the texts"
        )
    if hasattr(texts, "iloc"):
        return texts.iloc[:, 0]
    if hasattr(texts, "column_names"):
        return texts[texts.column_names[0]]
    return texts.to_series() if hasattr(texts, "to_series") else texts[:, 0]
