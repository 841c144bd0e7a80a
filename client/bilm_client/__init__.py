"""A client for a biLM service: it sends texts and returns numpy arrays, pieces and offsets.

    with Client("http://127.0.0.1:8000") as client:
        found = client.word_vectors(["我吃了一个苹果", "我在用苹果手机"], "苹果", center=True)
        eaten, used = found.vectors

`AsyncClient` has the same methods as coroutines.
"""

from bilm_client.answers import (
    Completion,
    Embedding,
    Gates,
    Guess,
    Occurrence,
    Phrase,
    Pieces,
    Similarity,
    WordVectors,
)
from bilm_client.async_client import AsyncClient
from bilm_client.client import Client
from bilm_client.errors import (
    BiLMClientError,
    ClosedError,
    ForeignAnswerError,
    InputError,
    NoServiceError,
    OverloadedError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
)

__all__ = [
    "AsyncClient",
    "BiLMClientError",
    "Client",
    "ClosedError",
    "Completion",
    "Embedding",
    "ForeignAnswerError",
    "Gates",
    "Guess",
    "InputError",
    "NoServiceError",
    "Occurrence",
    "OverloadedError",
    "Phrase",
    "Pieces",
    "RefusedError",
    "Similarity",
    "UnauthorizedError",
    "UnavailableError",
    "WordVectors",
]
