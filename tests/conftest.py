"""Make the artifact of the tests: tiny but real, with golden vectors of the numpy oracle."""

import gc
import io
import os
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch

from biLM.artifact import Artifact, Golden, save_artifact
from biLM.encoder import Encoder
from biLM.network.config import BiLMConfig
from biLM.network.geometry import Geometry
from biLM.network.heads import Heads
from biLM.network.model import BiLM
from biLM.network.scalar_mix import ScalarMix
from tests.properties import examples  # noqa: F401 - its import sets how many are drawn
from tests.reference.heads import contexts
from tests.reference.lstm import representations
from training.text.normaliser import with_normaliser

SENTENCES = (
    "我吃了一个苹果，味道很甜。",
    "我在用苹果手机打电话给家里人。",
    "电脑中了病毒，窗口和菜单都打不开了！",
    "他感染了病毒，医生让他在家休息。",
    "The quick brown fox jumps over the lazy dog.",
    "2019年12月，黄牛在医院门口卖号。",
)


def pytest_addoption(parser):
    parser.addoption(
        "--device",
        default="away",
        help="the device of the tests in tests/device, such as cuda; away is played by the CPU",
    )


def pytest_collection_finish():
    """Spare the collector thousands of tests, each time it looks for garbage."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure():
    """Spare it all that is left, which would take seconds at the end of the process."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_settings_of_the_shell(monkeypatch):
    for name in [name for name in os.environ if name.startswith("BILM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def any_types(request):
    """Skip a test that gives wrong types on purpose where all arguments are checked before."""
    if request.config.getoption("--jaxtyping-packages"):
        pytest.skip("the checker of types refuses first")


@pytest.fixture(scope="session")
def pieces_model():
    """Return a sentencepiece model of 400 pieces that reads texts as every vocabulary does."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=model,
        vocab_size=400,
        hard_vocab_limit=False,
        byte_fallback=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    return with_normaliser(model.getvalue())


@pytest.fixture(scope="session")
def artifact(pieces_model):
    """Return a biLM of random weights, large enough that every part changes the vectors."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=pieces_model)
    config = BiLMConfig(num_pieces=len(processor), embedding_size=8, cell_size=12)
    torch.manual_seed(1)
    model, heads = BiLM(config), Heads(config)
    with torch.no_grad():
        for parameter in [*model.parameters(), *heads.parameters()]:
            # bfloat16 holds these values exactly, so loading gives what was saved.
            parameter.copy_((parameter * 2 + 0.1 * torch.randn_like(parameter)).bfloat16())
    golden = []
    for text in SENTENCES[:2]:
        ids = processor.encode(text)
        framed = [config.bos_id, *ids, config.eos_id]
        layers = representations(model.state_dict(), framed)
        rows = [(piece, piece + 1) for piece in range(len(ids))]
        everything = [*layers[:, 1:-1], contexts(heads.state_dict(), layers, rows)]
        golden.append(Golden(text, tuple(ids), np.mean(everything, axis=1).astype("f4")))
    return Artifact(
        id="tiny",
        config=config,
        pieces_model=pieces_model,
        model=model.eval().requires_grad_(False),
        heads=heads.eval().requires_grad_(False),
        geometry=Geometry(
            center=torch.randn(config.num_representations + 1, config.dim),
            bound=torch.tensor([torch.inf, 0.9, 1.2, 2.0]),
        ),
        mixes={"default": ScalarMix((0.2, 0.3, 0.5)), "top": ScalarMix((0.0, 0.0, 1.0), 2.0)},
        golden=tuple(golden),
        card={"data": "none: random weights"},
    )


@pytest.fixture(scope="session")
def artifact_folder(artifact, tmp_path_factory) -> Path:
    """Return the folder of the tiny artifact."""
    folder = tmp_path_factory.mktemp("artifact") / "tiny"
    save_artifact(artifact, folder)
    return folder


@pytest.fixture(scope="session")
def encoder(artifact_folder):
    """Return an encoder of the tiny artifact."""
    return Encoder.load(artifact_folder)
