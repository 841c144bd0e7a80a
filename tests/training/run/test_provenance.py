import torch

from training.run.provenance import provenance


def test_a_machine_without_git_has_no_commit_and_nothing_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = provenance(torch.device("cpu"))
    assert found["commit"] == "unknown"
    assert found["versions"].endswith(f"torch {torch.__version__}")
