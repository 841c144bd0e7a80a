"""`bilm COMMAND` runs the service, bulk runs and training."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

import biLM
from biLM.__main__ import COMMANDS, main


def python(code):
    """Run code in a new interpreter, and return the finished process with its output."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_that_of_the_command(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"usage: bilm {command}" in capsys.readouterr().out


def test_the_commands_are_listed(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out
    assert all(f"\n  {name:8}{command.help}" in listed for name, command in COMMANDS.items())


@pytest.mark.parametrize("arguments", [[], ["sing"]])
def test_no_command_and_an_unknown_one_are_refused_by_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: bilm" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["serve", "--api-key", "sesame-12345"],
            "no option --api-key here; did you mean --api-keys",
        ),
        (["serve", "--api-key=sesame-12345"], "no option --api-key here; did you mean --api-keys"),
        (["serve", "sesame-12345"], "something belongs to no option"),
        (["--api-keys", "sesame-12345", "serve"], "no option --api-keys here. See --help"),
        (["--api-keys=sesame-12345", "serve"], "no option --api-keys here. See --help"),
        (["sesame-12345", "serve"], "the first word must be a command, one of serve"),
        (["embed", "a.txt", "--out", "o", "--api-key", "sesame-12345"], "no option --api-key here"),
        (["embed", "a.txt", "--out", "o", "--key=sesame-12345"], "no option --key here"),
        (["embed", "a.txt", "sesame-12345", "--out", "o"], "something belongs to no option"),
        (["card", "zh-small", "sesame-12345"], "something belongs to no option"),
        (["card", "--api-key", "sesame-12345", "zh-small"], "no option --api-key here"),
        (["train", "train", "small", "--api-key", "sesame-12345"], "no option --api-key here"),
    ],
)
def test_a_key_in_a_wrong_place_of_the_command_line_is_not_repeated(arguments, told, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    printed = "".join(capsys.readouterr())
    assert end.value.code == 2
    assert told in printed
    assert "sesame" not in printed


def test_the_version_is_that_of_the_distribution(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"bilm-vectors {version('bilm-vectors')}\n"


def test_a_checkout_runs_without_being_installed(monkeypatch, capsys):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    for arguments, printed in (
        (["--version"], "+checkout\n"),
        (["card", "--help"], "usage"),
    ):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        assert printed in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "missing", "extra"),
    [
        (["serve", "--port", "0"], "uvicorn", "service"),  # imported before all that is slow
        pytest.param(
            ["embed", "texts.txt", "--out", "vectors"], "pyarrow", "bulk", marks=pytest.mark.long
        ),
        pytest.param(["train", "train", "small"], "tqdm", "training", marks=pytest.mark.long),
    ],
)
def test_a_command_whose_extra_is_not_installed_names_the_extra(arguments, missing, extra):
    code = f"import sys; sys.modules[{missing!r}] = None; import biLM.__main__ as m; "
    done = python(f"{code}sys.exit(m.main({arguments!r}))")
    assert done.returncode == 2
    assert f"{missing} is not installed" in done.stderr
    assert f"scripts/install {extra}" in done.stderr


@pytest.mark.long
def test_the_package_gives_the_encoder_and_loads_torch_only_for_it():
    code = "import sys, biLM, biLM.errors; before = 'torch' in sys.modules; biLM.Encoder; "
    assert python(f"{code}print(before, 'torch' in sys.modules)").stdout == "False True\n"


def test_a_name_that_the_package_does_not_have_is_no_attribute():
    with pytest.raises(AttributeError, match="Encode"):
        _ = biLM.Encode
