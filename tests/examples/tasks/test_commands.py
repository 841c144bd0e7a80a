"""Start the programs on toy tasks, with a real service of the tiny model."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from examples.tasks import classify, pool, senses, tag
from examples.tasks.texts import Texts
from examples.tasks.trial import learning_curves

# Whole programs, whose parts have tests of their own.
pytestmark = pytest.mark.long

FRUIT = ("苹果很甜", "葡萄很酸", "味道很好吃", "水果新鲜好吃")
PHONE = ("手机屏幕碎了", "电池不耐用", "打电话听不清", "手机发烫死机")

README = Path(classify.__file__).with_name("README.md")


def report(folder):
    told = json.loads((folder / "report.json").read_text("utf-8"))
    return told, {(score["name"], score["labels"]): score["value"] for score in told["scores"]}


@pytest.fixture
def few_steps(monkeypatch):
    """Use a hundred steps of descent instead of five hundred, because the tasks are easy."""
    monkeypatch.setattr("examples.tasks.mixed.MIN_STEPS", 100)


@pytest.fixture
def two_classes(service_url, tmp_path):
    """Arguments: texts of two classes, a service, and where to write."""
    lines = [
        f"{label}\t{texts[number % 4]}，第{number}次"
        for number in range(60)
        for label, texts in (("水果", FRUIT), ("手机", PHONE))
    ]
    (tmp_path / "train.tsv").write_text("\n".join(lines[:90]), encoding="utf-8")
    (tmp_path / "test.tsv").write_text("\n".join(lines[90:]), encoding="utf-8")
    arguments = ["--train", f"{tmp_path}/train.tsv", "--test", f"{tmp_path}/test.tsv"]
    return [*arguments, "--label", "1", "--text", "2", "--url", service_url, "--seeds", "2"]


@pytest.mark.usefixtures("few_steps")
def test_texts_are_classified_by_seven_ways_on_each_share_of_labels(two_classes, tmp_path):
    assert classify.main([*two_classes, "--out", f"{tmp_path}/toy", "--shares", "0.5,1"]) == 0
    told, scores = report(tmp_path / "toy")
    assert told["title"] == "toy: accuracy on 30 texts"
    assert len(told["scores"]) == 7 * 2 * 2
    assert scores["learned mix + characters", 90] == 1
    assert scores["layer 0", 45] > 0.9


def test_texts_are_classified_by_their_pieces(two_classes, tmp_path):
    arguments = [*two_classes, "--seeds", "1", "--shares", "1", "--layer", "0"]
    assert pool.main([*arguments, "--out", f"{tmp_path}/toy"]) == 0
    told, scores = report(tmp_path / "toy")
    assert told["title"] == "toy: accuracy on 30 texts"
    assert len(told["scores"]) == 4
    assert scores["learned pooling + characters", 90] == 1
    assert scores["learned pooling", 90] > 0.8  # of a tiny model
    assert scores["mean over the pieces", 90] > 0.9


@pytest.mark.usefixtures("few_steps")
def test_a_folder_that_cannot_be_written_is_told(two_classes, tmp_path, capsys):
    (tmp_path / "toy").write_bytes(b"")
    cache = ["--cache", f"{tmp_path}/cache"]
    arguments = [*two_classes, *cache, "--out", f"{tmp_path}/toy", "--shares", "0.1"]
    assert classify.main(arguments) == 1
    assert "report.json cannot be written: " in capsys.readouterr().err


def test_a_layer_that_the_model_lacks_is_told(two_classes, tmp_path, capsys):
    assert pool.main([*two_classes, "--out", f"{tmp_path}/toy", "--layer", "9"]) == 1
    assert "error:" in capsys.readouterr().err


def test_characters_are_tagged_by_seven_ways(service_url, tmp_path):
    eaten = "我 O\n吃 O\n苹 B-FRUIT\n果 E-FRUIT\n\n"
    used = "用 O\n苹 B-PHONE\n果 M-PHONE\n手 M-PHONE\n机 E-PHONE\n\n"
    for name, times in (("train", 20), ("test", 3)):
        (tmp_path / f"{name}.bmes").write_text((eaten + used) * times, encoding="utf-8")
    arguments = ["--train", f"{tmp_path}/train.bmes", "--test", f"{tmp_path}/test.bmes"]
    arguments += ["--url", service_url, "--out", f"{tmp_path}/toy", "--shares", "1", "--seeds", "1"]
    assert tag.main([*arguments, "--level", "char"]) == 0
    told, scores = report(tmp_path / "toy")
    assert told["title"] == "toy: F1 of entities in 6 sentences"
    assert len(told["scores"]) == 7
    assert scores["layer 2", 40] == scores["characters", 40] == 1


def test_words_are_tagged_as_they_are_given(service_url, tmp_path, capsys):
    words = "1\t苹果\t_\tNOUN\n2\t好吃\t_\tADJ\n\n"
    (tmp_path / "a.conllu").write_text(words * 30, encoding="utf-8")
    arguments = ["--train", f"{tmp_path}/a.conllu", "--test", f"{tmp_path}/a.conllu"]
    arguments += ["--url", service_url, "--out", f"{tmp_path}/toy", "--shares", "1", "--seeds", "1"]
    assert tag.main([*arguments, "--level", "char"]) == 1
    assert "a token is not one character; ask for --level word" in capsys.readouterr().err
    assert tag.main([*arguments, "--level", "word"]) == 0
    assert set(report(tmp_path / "toy")[1].values()) == {1.0}


def test_occurrences_are_clustered_and_the_clusters_named(service_url, tmp_path, capsys):
    lines = ["我吃了一个苹果，很甜。", "我在用苹果手机打电话。"] * 10
    (tmp_path / "texts.txt").write_text("\n".join(lines), encoding="utf-8")
    arguments = ["--texts", f"{tmp_path}/texts.txt", "--words", "苹果", "--url", service_url]
    assert senses.main([*arguments, "--out", str(tmp_path)]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| 苹果")]
    assert [row.split("|")[2].strip() for row in rows] == ["10", "10"]
    names = [set(row.split("|")[3].strip().split("、")) for row in rows]
    assert all(names)
    assert not names[0] & names[1]
    assert float(rows[0].split("|")[4]) == pytest.approx(1, abs=0.01)  # two points, ten times each


@pytest.mark.parametrize(
    ("lines", "told"),
    [("苹果", "苹果 occurs in 1 lines"), (None, "cannot be read")],
)
def test_texts_that_do_not_do_are_told(tmp_path, capsys, lines, told):
    if lines is not None:
        (tmp_path / "texts.txt").write_text(lines, encoding="utf-8")
    arguments = ["--texts", f"{tmp_path}/texts.txt", "--words", "苹果", "--out", str(tmp_path)]
    assert senses.main(arguments) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--clusters", "1"], ["--words", "苹果,"]])
def test_arguments_that_mean_nothing_are_told(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit):
        senses.main(["--texts", "a.txt", "--out", str(tmp_path), *wrong])
    assert "error: argument" in capsys.readouterr().err


def test_examples_of_one_class_are_told(service_url, tmp_path, capsys):
    (tmp_path / "a.bmes").write_text("我 O\n\n" * 40, encoding="utf-8")
    arguments = ["--train", f"{tmp_path}/a.bmes", "--test", f"{tmp_path}/a.bmes"]
    arguments += ["--level", "char", "--url", service_url, "--out", str(tmp_path)]
    assert tag.main(arguments) == 1
    assert "are all of one class" in capsys.readouterr().err


@pytest.mark.usefixtures("few_steps")
def test_shares_that_come_to_the_same_are_one():
    scores = list(learning_curves(toy_texts(90), toy_texts(30), 2, [0.001, 0.01, 1.0], 1))
    assert {score.labels for score in scores} == {30, 90}
    assert len(scores) == 6 * 2  # of two layers


def toy_texts(number):
    random = np.random.default_rng(number)
    targets = np.arange(number) % 2
    layers = random.normal(size=(number, 2, 4)).astype(np.float32)
    return Texts([("苹果", "手机")[target] for target in targets], targets, layers)


def test_the_commands_of_the_readme_are_ones_the_programs_take():
    (block,) = re.findall(r"```sh\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    lines = block.replace("\\\n", " ").splitlines()
    commands = [shlex.split(line) for line in lines if "examples.tasks" in line]
    assert len(commands) >= 5
    for command in commands:
        program = {"classify": classify, "pool": pool, "tag": tag, "senses": senses}[
            command[2].split(".")[2]
        ]
        program._parser().parse_args(command[3:])
