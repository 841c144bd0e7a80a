"""Fixtures of the service's tests."""

import pytest
import sentencepiece

from service.prices import Prices
from tests.reference.lstm import representations
from tests.service.serving import PRICES, Gate, HeldEngine, serving, settings_of


@pytest.fixture(scope="session")
def anyio_backend():
    """One event loop for the session, so that tests can share an app."""
    return "asyncio"


@pytest.fixture(scope="session")
async def client(artifact_folder):
    """Return a client of the app with its default limits, for tests that only send requests."""
    async with serving(settings_of(artifact_folder)) as client:
        yield client


@pytest.fixture
def gate():
    """A closed gate; open at the end in any case, so that no thread stays behind it."""
    gate = Gate()
    yield gate
    gate.is_open.set()


@pytest.fixture
def load_held(encoder, gate):
    """What loads the tiny model behind the gate."""
    return lambda num_threads=1: HeldEngine(
        encoder,
        self_test_deviation=0.0,
        num_threads=num_threads,
        batch_pieces=4096,
        prices=Prices(PRICES),
        turn_s=0.0,
        proof=None,
        similar_words={},
        gate=gate,
    )


@pytest.fixture(scope="session")
def cut(pieces_model):
    """Text -> piece ids, by sentencepiece itself."""
    return sentencepiece.SentencePieceProcessor(model_proto=pieces_model).encode


@pytest.fixture(scope="session")
def oracle_between(artifact, cut):
    """Text -> every representation of its pieces and of the boundary pieces, by the oracle."""

    def layers_of(text):
        ids = [artifact.config.bos_id, *cut(text), artifact.config.eos_id]
        return representations(artifact.model.state_dict(), ids)

    return layers_of


@pytest.fixture(scope="session")
def oracle(oracle_between):
    """Text -> every representation of its pieces `[depth, pieces, dim]`, by the oracle."""
    return lambda text: oracle_between(text)[:, 1:-1]
