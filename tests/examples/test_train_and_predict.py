import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from examples.classifier import predict, train
from examples.classifier.classifier import FILE, Classifier
from examples.classifier.embeddings import Recipe, embed, embed_file
from examples.classifier.service import connect
from tests import live

FRUIT = ("苹果很甜", "葡萄很酸", "味道很好吃", "水果新鲜好吃")
PHONE = ("手机屏幕碎了", "电池不耐用", "打电话听不清", "手机发烫死机")
README = Path(train.__file__).with_name("README.md")


def rows(begin, end):
    """Two classes that any classifier tells apart, no two texts equal."""
    return "".join(
        f"{label}\t{texts[number % 4]}，第{number}次\n"
        for number in range(begin, end)
        for label, texts in (("水果", FRUIT), ("手机", PHONE))
    )


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    (folder / "train.tsv").write_text(rows(0, 60), encoding="utf-8")
    (folder / "test.tsv").write_text(rows(60, 80), encoding="utf-8")
    return ["--train", f"{folder}/train.tsv", "--test", f"{folder}/test.tsv"]


@pytest.fixture(scope="module")
def trained(splits, service_url, tmp_path_factory):
    out = tmp_path_factory.mktemp("classifier")
    columns = ["--label", "1", "--text", "2"]
    assert train.main([*splits, *columns, "--url", service_url, "--out", str(out)]) == 0
    return out


def test_a_trained_classifier_labels_new_texts(trained, capsys):
    assert predict.main(["--model", str(trained), "苹果新鲜好吃", "手机死机了"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(label, text) for label, _, text in lines] == [
        ("水果", "苹果新鲜好吃"),
        ("手机", "手机死机了"),
    ]
    assert all(0.5 < float(probability) <= 1 for _, probability, _ in lines)


def test_lines_of_standard_input_are_labelled_one_for_one(trained, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("苹果很甜\n\n手机死机"))
    assert predict.main(["--model", str(trained)]) == 0
    texts = [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()]
    assert texts == ["苹果很甜", "", "手机死机"]


def test_a_text_has_one_answer_whatever_is_asked_beside_it(trained):
    texts = ["苹果很甜", "手机死机", "好吃"] * 20
    together = [probability for _, probability, _ in predict.predictions(trained, texts)]
    (alone,) = [probability for _, probability, _ in predict.predictions(trained, texts[:1])]
    # one unit in the last place of the float16 vectors, times weights of size 1
    assert together[0] == pytest.approx(alone, abs=1e-3)


def test_the_report_holds_both_baselines_and_both_classifiers(trained):
    report = json.loads((trained / train.REPORT).read_text(encoding="utf-8"))
    names = [result["name"] for result in report["classifiers"]]
    assert len(names) == 4
    assert report["saved"] in names[2:]
    assert report["rows"] == {"train": 120, "test": 40}
    assert all(0 <= result["test"]["accuracy"] <= 1 for result in report["classifiers"])


def test_the_saved_classifier_scores_what_the_report_says(trained):
    report = json.loads((trained / train.REPORT).read_text(encoding="utf-8"))
    (saved,) = [r for r in report["classifiers"] if r["name"] == report["saved"]]
    expected = [line.split("\t") for line in rows(60, 80).splitlines()]
    found = predict.predictions(trained, [text for _, text in expected])
    right = sum(label == want for (label, _, _), (want, _) in zip(found, expected, strict=True))
    assert right / 40 == saved["test"]["accuracy"]


def test_the_classifier_carries_the_revision_of_the_service(trained, service_url):
    with connect(service_url) as service:
        assert Classifier.load(trained).revision == service.revision


def test_a_service_with_another_model_is_refused(trained, peer, capsys):
    assert predict.main(["--model", str(trained), "--url", peer.url, "苹果"]) == 1
    error = capsys.readouterr().err
    assert f"the service at {peer.url} has sha256:1" in error
    assert peer.seen == []


def test_an_address_of_something_else_is_told(peer, capsys, trained, monkeypatch):
    monkeypatch.setitem(live.INFO, "model", {"id": "peer"})
    assert predict.main(["--model", str(trained), "--url", peer.url, "苹果"]) == 1
    assert "/info lacks 'revision'; is this a biLM service?" in capsys.readouterr().err


def test_an_address_is_told_without_its_password(peer, capsys, trained, monkeypatch):
    monkeypatch.setitem(live.INFO, "model", {"id": "peer"})
    url = peer.url.replace("//", "//user:sesame@")
    assert predict.main(["--model", str(trained), "--url", url, "苹果"]) == 1
    assert f"{peer.url}/info lacks" in (told := capsys.readouterr().err)
    assert "sesame" not in told


def test_rows_of_a_file_come_from_the_cache_the_second_time(service_url, tmp_path):
    texts = ["苹果很甜", "手机死机"]
    with connect(service_url) as service:
        first = embed_file(service, texts, Recipe(), cache=tmp_path, name="train").load()
        direct = embed(service, texts, Recipe())
    # the client is closed: whoever asked the service now would fail
    second = embed_file(service, texts, Recipe(), cache=tmp_path, name="train").load()
    np.testing.assert_array_equal(second, first)
    np.testing.assert_array_equal(direct, first)
    assert first.shape == (2, 2 * 3 * 24)  # poolings, layers, dim of the tiny artifact


def test_other_texts_and_other_recipes_are_not_taken_from_the_cache(service_url, tmp_path):
    mean = Recipe(poolings=("mean",))
    with connect(service_url) as service:
        for texts, recipe in (
            (["ab", "c"], mean),
            (["a", "bc"], mean),
            (["ab", "c"], Recipe(poolings=("max",))),
            (["ab", "c"], Recipe(layers=[0], poolings=("mean",))),
        ):
            embed_file(service, texts, recipe, cache=tmp_path, name="train")
    assert len(list(tmp_path.glob("*.npy"))) == 4


@pytest.mark.parametrize(
    ("test_rows", "message"),
    [("电影\t好看\n", "labels that no training text has"), ("水果\n", "test.tsv:1: 1 columns")],
)
def test_a_wrong_test_split_is_told_before_anything_is_embedded(
    splits, tmp_path, capsys, test_rows, message
):
    (tmp_path / "test.tsv").write_text(test_rows, encoding="utf-8")
    arguments = [*splits[:2], "--test", f"{tmp_path}/test.tsv", "--label", "1", "--text", "2"]
    # no such service: the data must be refused first
    arguments += ["--url", "http://127.0.0.1:1", "--out", str(tmp_path)]
    assert train.main(arguments) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / FILE).exists()


def test_a_csv_in_gbk_is_cut_by_itself_and_the_cut_is_printed(service_url, tmp_path, capsys):
    lines = [f"{line.replace(chr(9), ',')}" for line in rows(0, 60).splitlines()]
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(["label,review", *lines]), encoding="gbk")
    arguments = ["--train", str(path), "--label", "label", "--text", "review"]
    arguments += ["--text-encoding", "gbk", "--url", service_url, "--out", str(tmp_path / "out")]
    assert train.main(arguments) == 0
    assert (
        "no --test is given, so 20% of each label judge (seed 0): 96 texts to train on and 24 to"
        " judge; 手机 48/12, 水果 48/12"
    ) in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / train.REPORT).read_text(encoding="utf-8"))
    assert report["rows"] == {"train": 96, "test": 24}
    assert "seed 0" in report["split"]


def test_a_layer_the_model_does_not_have_is_the_services_to_refuse(
    splits, service_url, tmp_path, capsys
):
    arguments = [*splits, "--label", "1", "--text", "2", "--url", service_url]
    arguments += ["--out", str(tmp_path), "--layers", "0,9"]
    assert train.main(arguments) == 1
    assert "unknown_layer" in capsys.readouterr().err


def test_the_commands_of_the_readme_are_ones_the_programs_take():
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines if "examples.classifier" in line]
    assert len(commands) >= 4
    for command in commands:
        module = command[command.index("-m") + 1]
        program = {"examples.classifier.train": train, "examples.classifier.predict": predict}
        program[module]._parser().parse_args(command[command.index(module) + 1 :])
