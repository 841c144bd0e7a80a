import subprocess
import sys
from types import ModuleType

import pytest
from pyarrow import parquet

from biLM.bulk import command


@pytest.fixture
def embed(artifact_folder, tmp_path, capsys):
    """Run the command in this process; return its status and its standard error."""
    (tmp_path / "texts.tsv").write_text("水果\t苹果好\n手机\t苹果贵\n", encoding="utf-8")

    def run(*arguments, file="texts.tsv"):
        given = [str(tmp_path / file), "--out", str(tmp_path / "out"), "--workers", "1"]
        common = ["--artifact", str(artifact_folder), "--precision", "float32"]
        status = command.main([*given, *common, *arguments])
        return status, capsys.readouterr().err

    return run


def test_it_embeds_a_column_and_tells_what_it_did(embed, tmp_path):
    status, told = embed("--column", "1", "--level", "char", "--layers", "0,context", "--float16")
    assert status == 0
    assert "6 vectors of 2 texts in 1 file" in told
    table = parquet.read_table(tmp_path / "out")
    assert table.schema.names == ["text", "begin", "end", "num_pieces", "layer_0", "context"]
    assert str(table.schema.field("layer_0").type.value_type) == "halffloat"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--column", "2"], "texts.tsv, line 1: 2 columns; number 2, counted from 0, is asked for"),
        (["--layers", "7"], "layer 7 is not one of 0, 1, 2, context"),
        (["--mix", "none"], "there is no mix 'none'"),
        (["--max-text-pieces", "1"], "pieces; the limit is 1; split it"),
    ],
)
def test_a_refusal_is_told_in_words_and_by_status_2(embed, arguments, told):
    status, said = embed(*arguments)
    assert status == 2
    assert told in said
    assert "resumes there" not in said  # the folder has no parts
    assert "Traceback" not in said


def test_a_refusal_half_way_tells_what_stays(embed, tmp_path):
    texts = tmp_path / "texts.tsv"
    texts.write_text(texts.read_text() + "without another column\n")
    status, said = embed("--column", "1", "--part-characters", "1")
    assert status == 2
    assert "texts.tsv, line 3: 1 columns" in said
    assert f"What is in {tmp_path / 'out'} stays, and the next run resumes there." in said
    assert parquet.read_table(tmp_path / "out").num_rows


def test_refused_texts_may_be_left_out_and_are_told(embed, tmp_path):
    texts = tmp_path / "texts.tsv"
    texts.write_text(texts.read_text() + "without another column\n")
    status, said = embed("--column", "1", "--skip-refused")
    assert status == 0
    assert "vectors of 2 texts in 1 file" in said
    assert (
        f"refused 1 of 3 texts; {tmp_path / 'out.run'}/refused-*.jsonl says which and why" in said
    )
    assert "line 3: 1 columns" in (tmp_path / "out.run" / "refused-00000.jsonl").read_text()


def test_help_names_the_folder_that_lists_refused_texts(capsys):
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert "are listed in OUT.run, beside OUT" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--layers", "first"], "'first' is neither a number nor 'context'"),
        (["--max-text-pieces", "0"], "'0' is not a number above 0"),
        (["--layers", "0", "--mix", "top"], "not allowed with"),
    ],
)
def test_arguments_that_mean_nothing_are_told_with_the_usage(embed, capsys, arguments, told):
    with pytest.raises(SystemExit) as end:
        embed(*arguments)
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_an_interrupt_is_told_in_words(embed, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("biLM.bulk.sources.open_source", interrupt)
    status, said = embed()
    assert status == 130
    assert "interrupted; what is in" in said


@pytest.mark.long
def test_without_the_extra_it_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['pyarrow'] = None; import biLM.__main__ as m; sys.exit(m.main())"
    )
    asked = [sys.executable, "-c", code, "embed", "texts.txt", "--out", str(tmp_path)]
    told = subprocess.run(asked, capture_output=True, text=True)
    assert told.returncode == 2
    assert "pyarrow is not installed" in told.stderr
    assert "scripts/install bulk" in told.stderr


def test_without_ray_it_says_what_to_install(embed, monkeypatch):
    monkeypatch.setitem(sys.modules, "biLM.bulk.cluster", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "biLM.bulk.cluster")
    status, said = embed("--ray", "auto")
    assert status == 2
    assert "ray is not installed" in said
    assert "scripts/install cluster" in said


def test_a_ray_without_what_is_used_of_it_is_refused(embed, monkeypatch):
    for name in ("ray", "ray.data"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.delitem(sys.modules, "biLM.bulk.cluster", raising=False)
    status, said = embed("--ray", "auto")
    assert status == 2
    assert "this version of Ray lacks what is used of it: cannot import name" in said
    assert "run without --ray" in said


def test_python_m_is_the_same_command():
    told = subprocess.run(
        [sys.executable, "-m", "biLM", "embed", "--help"], capture_output=True, text=True
    )
    assert "--part-characters" in told.stdout
