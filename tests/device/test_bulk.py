"""A bulk run on a device writes the vectors of the CPU."""

import numpy as np
import pytest
from pyarrow import parquet

from biLM.bulk.command import main
from tests.conftest import SENTENCES

pytestmark = pytest.mark.device


@pytest.fixture
def embed(tmp_path, artifact_folder, monkeypatch):
    """Return what runs the command on some texts and returns the table that it wrote."""
    monkeypatch.setattr("biLM.bulk.machine.granted_cpus", lambda: 1)  # a setting of the process
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join([*SENTENCES, "", "苹果"]))

    def embed(name, *options):
        out = tmp_path / name
        given = [texts, "--out", out, "--artifact", artifact_folder, "--precision", "float32"]
        assert main([*map(str, given), "--layers", "all", *options]) == 0
        return parquet.read_table(out)

    return embed


def test_the_command_writes_the_vectors_of_the_cpu(device, embed):
    found, expected = embed("there", "--device", str(device)), embed("here", "--workers", "1")
    assert found.schema == expected.schema
    for name in expected.column_names:
        one, other = found[name].to_pylist(), expected[name].to_pylist()
        if name.startswith("layer"):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
        else:
            assert one == other


def test_a_run_on_a_device_is_not_continued_on_the_cpu(device, embed, capsys):
    if device.type == "cpu":
        pytest.skip("there is no other device")
    embed("out", "--device", str(device))
    with pytest.raises(AssertionError):
        embed("out", "--workers", "1")
    assert "device" in capsys.readouterr().err
