"""The service, as the programs here know it: an address, a key from the environment, one model."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bilm_client import Client, ForeignAnswerError

API_KEY_VARIABLE = "CLASSIFIER_API_KEY"  # the service refuses BILM_ names it does not know


@dataclass(frozen=True)
class Service:
    """A service that answers.

    Args:
        client: That asks it.
        url: Where it listens.
        model_id: Of its model.
        revision: Of its model; vectors of another mean something else.
        num_representations: Layers with a number, the context-free one among them.
    """

    client: Client
    url: str
    model_id: str
    revision: str
    num_representations: int


@contextmanager
def connect(url: str) -> Iterator[Service]:
    """The service at an address, until the end of the context.

    Raises:
        BiLMClientError: there is none, or another kind of service.
    """
    with Client(url, api_key=os.environ.get(API_KEY_VARIABLE)) as client:
        yield _service(client, url)


def _service(client: Client, url: str) -> Service:
    try:
        model = client.info()["model"]
        return Service(client, url, model["id"], model["revision"], model["num_layers"] + 1)
    except (KeyError, TypeError) as error:
        message = f"{url}/info lacks {error}; is this a biLM service?"
        raise ForeignAnswerError(message) from error
