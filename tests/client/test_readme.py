import re
from pathlib import Path

README = Path("client/README.md").read_text(encoding="utf-8")


def test_the_example_runs_against_a_service(service_url, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = block.replace("http://127.0.0.1:8000", service_url)
    assert code != block
    exec(compile(code, "client/README.md", "exec"), {})  # what a reader would run
    shapes = re.findall(r"\((\d+), (\d+)\)", capsys.readouterr().out)
    assert [dim for _, dim in shapes] == ["24", "24"]
