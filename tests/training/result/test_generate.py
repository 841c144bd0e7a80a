"""Compare what the command prints with the encoder."""

import pytest

from biLM.questions.completions import Beam, Greedy, Sampling
from training.__main__ import main

ATE = "我吃了一个"


@pytest.fixture
def command(artifact_folder):
    return ["generate", "--artifact", str(artifact_folder), "--text", ATE]


@pytest.mark.parametrize(
    ("arguments", "strategy"),
    [
        ([], Greedy()),
        (["--strategy", "greedy"], Greedy()),
        (
            ["--strategy", "sample", "--seed", "3", "--num-completions", "4"],
            Sampling(1.0, 50, 3, 4),
        ),
        (["--strategy", "sample", "--temperature", "0.5", "--top-k", "7"], Sampling(0.5, 7)),
        (["--strategy", "beam", "--num-beams", "6", "--num-completions", "2"], Beam(6, 2)),
    ],
)
def test_a_line_for_each_completion_with_its_log_probability(
    command, capsys, encoder, arguments, strategy
):
    assert main([*command, "--max-pieces", "5", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line, completion in zip(lines, encoder.complete(ATE, strategy, 5), strict=True):
        value, _, text = line.strip().partition("  ")
        assert float(value) == pytest.approx(completion.log_probability, abs=1e-3)
        assert text == f"{ATE}{completion.text}{' [end]' if completion.finished else ''}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "1"], "--seed is given, but the strategy greedy takes no values; leave it out"),
        (
            ["--strategy", "beam", "--top-k", "5"],
            "the strategy beam takes --num-beams, --num-completions; leave it out",
        ),
        (
            ["--strategy", "sample", "--temperature", "0"],
            "temperature is 0.0; it must be finite and above 0",
        ),
        (["--strategy", "beam", "--num-beams", "17"], "num_beams is 17; it must be 1 to 16"),
        (["--max-pieces", "0"], "max_pieces is 0; it must be at least 1"),
        (["--text", chr(0xDC80)], "lone surrogate U+DC80"),
        (["--artifact", "nowhere"], "nowhere/config.json does not exist"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(command, capsys, arguments, message):
    assert main([*command, *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
