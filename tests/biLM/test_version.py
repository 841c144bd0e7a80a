"""The version that biLM reports, installed or not."""

from importlib.metadata import PackageNotFoundError

import pytest

from biLM.version import own_version

OURS = '[project]\nname = "bilm-vectors"\nversion = "3.2.1"\n'


@pytest.fixture
def not_installed(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)


def test_installed_it_is_that_of_the_distribution(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", {"bilm-vectors": "9.8.7"}.__getitem__)
    assert own_version() == "9.8.7"


@pytest.mark.parametrize(
    ("written", "version"),
    [
        (OURS, "3.2.1+checkout"),
        (OURS.replace("bilm-vectors", "another"), "checkout"),
        ("[tool.another]\n", "checkout"),
        (None, "checkout"),
    ],
)
def test_a_checkout_has_the_version_of_its_project(
    tmp_path, monkeypatch, not_installed, written, version
):
    file = tmp_path / "pyproject.toml"
    if written is not None:
        file.write_text(written, "utf-8")
    monkeypatch.setattr("biLM.version.PROJECT", file)
    assert own_version() == version
