import re
from pathlib import Path

README = Path("client/README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"


def run(code, url):
    """Run a program of the README with another address."""
    assert ADDRESS in code
    exec(compile(code.replace(ADDRESS, url), "client/README.md", "exec"), {})


def test_the_examples_are_two():
    assert len(EXAMPLES) == 2


def test_the_first_example_runs_against_a_service(service_url, capsys):
    run(EXAMPLES[0], service_url)
    shapes = re.findall(r"\((\d+), (\d+)\)", capsys.readouterr().out)
    assert [dim for _, dim in shapes] == ["24", "24"]


def test_the_second_example_runs_where_inspection_is_on(inspecting_url, capsys):
    run(EXAMPLES[1], inspecting_url)
    assert capsys.readouterr().out.endswith(", 12)\n")
