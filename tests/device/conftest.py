"""Compare what a device computes with what the CPU computes, both in float32.

    scripts/test -m device --device cuda

Without a name the device is `away`, which the CPU plays (tests/device/away.py).
"""

import sys
from contextlib import contextmanager, nullcontext

import pytest
import torch

from tests.device import away
from tests.training.conftest import toy_corpus, toy_text  # noqa: F401 - fixtures
from training.run.device import choose_device
from training.text.shards import build_shards

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def toy_shards(toy_corpus, pieces_model, tmp_path_factory):  # noqa: F811 - the fixture
    """Return shards of short rows: a played device needs a millisecond for each column."""
    vocabulary = tmp_path_factory.mktemp("vocabulary") / "pieces.model"
    vocabulary.write_bytes(pieces_model)
    return build_shards(toy_corpus, vocabulary, tmp_path_factory.mktemp("shards"), 10)


@pytest.fixture(scope="session")
def device(request):
    """Return the device of `--device`, or skip the tests where there is none."""
    name = request.config.getoption("--device")
    try:
        if name == away.NAME:
            away.register()
        return torch.zeros(1).to(name).device
    except (ImportError, RuntimeError, AssertionError, NotImplementedError) as error:
        pytest.skip(f"torch {torch.__version__} has no device {name} here: {error}")


@pytest.fixture(autouse=True)
def _in_float32(device, monkeypatch):
    """Let the device multiply in float32, and `torch.tensor` reach a played device."""
    monkeypatch.setattr("training.run.loop.autocast", lambda device: nullcontext())
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    with away.Factories() if device.type == away.NAME else nullcontext():
        yield


@pytest.fixture
def training_on():
    """Return a context in which all of `training` takes a device for the one of the machine."""

    @contextmanager
    def training_on(device):
        names = [name for name in sys.modules if name.startswith("training.")]
        with pytest.MonkeyPatch.context() as patch:
            for module in map(sys.modules.get, names):
                if getattr(module, "choose_device", None) is choose_device:
                    patch.setattr(module, "choose_device", lambda: device)
            yield

    return training_on


@pytest.fixture
def no_waiting(device):
    """Return a context that fails if this process waits for the device to have a value."""

    @contextmanager
    def no_waiting():
        if device.type != "cuda":
            away.waits.clear()
            yield
            assert away.waits == []
            return
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")

    return no_waiting
