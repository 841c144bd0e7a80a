"""Settings: where they come from, and what is refused before anything starts."""

import json
import traceback

import pytest
import torch
from pydantic import ValidationError

from service.__main__ import WRONG_SETTINGS, main
from service.environment import load_settings
from service.errors import SettingsError
from service.server import COULD_NOT_START, Server
from service.settings import Settings


def test_a_flag_beats_the_environment_beats_the_default(monkeypatch, capsys):
    monkeypatch.setenv("BILM_PORT", "9000")
    monkeypatch.setenv("BILM_MAX_TEXTS", "7")
    assert main(["--check-config", "--port", "9001"]) == 0
    effective = json.loads(capsys.readouterr().out)
    assert (effective["port"], effective["max_texts"]) == (9001, 7)
    assert effective["host"] == "127.0.0.1"


def test_a_mistyped_name_is_refused_and_the_right_one_named(monkeypatch, capsys):
    monkeypatch.setenv("BILM_MAX_TEXT", "7")
    assert main(["--check-config"]) == WRONG_SETTINGS
    assert "BILM_MAX_TEXT, which is not a setting; did you mean BILM_MAX_TEXTS?" in (
        capsys.readouterr().err
    )


def test_a_value_out_of_range_is_refused_by_name():
    with pytest.raises(SettingsError, match=r"BILM_PORT: .*65535"):
        load_settings({"port": "65536"})


def test_limits_that_contradict_one_another_are_refused():
    with pytest.raises(
        SettingsError, match="max_request_pieces is 100 and max_text_pieces is 8192"
    ):
        load_settings({"max_request_pieces": "100"})


@pytest.mark.parametrize(
    ("keys", "flags"),
    [
        ("sesame", {}),
        ("sesame-12345", {"port": "70000"}),
        ("sesame-12345", {"drain_s": "2"}),
        ("sesame-12345", {"max_request_pieces": "100"}),
    ],
)
def test_wrong_settings_are_told_without_a_key_on_every_way(monkeypatch, keys, flags):
    monkeypatch.setenv("BILM_API_KEYS", keys)
    with pytest.raises(SettingsError) as refused:
        load_settings(flags)
    with pytest.raises(ValidationError) as caught:
        Settings(**flags)
    shown = "".join(traceback.format_exception(refused.value))
    assert "sesame" not in f"{shown} {caught.value} {caught.value!r}"


@pytest.mark.parametrize(("name", "field"), Settings.model_fields.items())
def test_every_setting_says_what_too_low_and_too_high_mean(name, field):
    assert len(field.description.split(". ")) >= 2


def test_a_process_without_a_model_ends_with_a_status_that_says_so(tmp_path):
    server = Server(load_settings({"model": str(tmp_path / "none"), "port": "0"}))
    assert server.serve_until_signal() == COULD_NOT_START


def test_a_precision_without_units_for_it_is_refused_at_start(artifact_folder, monkeypatch, caplog):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    flags = {"model": str(artifact_folder), "port": "0", "precision": "bfloat16"}
    assert Server(load_settings(flags)).serve_until_signal() == COULD_NOT_START
    assert "choose auto or float32" in caplog.text
