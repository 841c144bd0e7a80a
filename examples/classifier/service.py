"""Connect to the service: at an address, with a key from the environment, for one model."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bilm_client import Client, ForeignAnswerError
from bilm_client.keys import without_user

# The name does not begin with BILM_, because the service refuses such names if it has no setting.
API_KEY_VARIABLE = "CLASSIFIER_API_KEY"


@dataclass(frozen=True)
class Service:
    """A service that was reached.

    Args:
        client: The client that sends the requests.
        url: Address of the service.
        model_id: Id of the service's model.
        revision: Revision of the model. Vectors of different revisions cannot be compared.
        num_representations: Number of layers, including the context-free one.
    """

    client: Client
    url: str
    model_id: str
    revision: str
    num_representations: int


@contextmanager
def connect(url: str) -> Iterator[Service]:
    """Yield the service at an address; the connection closes with the context.

    Raises:
        BiLMClientError: nothing answers there, or it is not a biLM service.
    """
    with Client(url, api_key=os.environ.get(API_KEY_VARIABLE)) as client:
        yield _service(client, url)


def _service(client: Client, url: str) -> Service:
    try:
        model = client.info()["model"]
        return Service(client, url, model["id"], model["revision"], model["num_layers"] + 1)
    except (KeyError, TypeError) as error:
        message = f"{without_user(url)}/info lacks {error}; is this a biLM service?"
        raise ForeignAnswerError(message) from error
