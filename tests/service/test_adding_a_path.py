"""The path that CONTRIBUTING.md adds is a path like the others."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from service.paths import ROUTES
from tests.service.serving import error_of, serving, settings_of

pytestmark = pytest.mark.anyio

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


@pytest.fixture
def added(monkeypatch):
    """The example among the paths of every app that is made."""
    section = GUIDE.read_text("utf-8").partition("## Adding a path\n")[2]
    (program,) = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    example = ModuleType("service.paths.count")
    example.__package__ = "service.paths"
    monkeypatch.setitem(sys.modules, example.__name__, example)  # where dataclasses look it up
    exec(compile(program, str(GUIDE), "exec"), example.__dict__)
    monkeypatch.setattr("service.app.ROUTES", [*ROUTES, *example.router.routes])


async def test_the_example_of_a_path_counts_refuses_and_is_documented(added, artifact_folder, cut):
    text = "我吃了一个苹果"
    async with serving(settings_of(artifact_folder, max_text_pieces=8)) as client:
        answer = await client.post("/count", json={"text": text})
        assert answer.json() == {"pieces": len(cut(text))}
        error_of(await client.post("/count", json={"text": text * 9}), 422, "text_too_long")
        error_of(await client.post("/count", json={"texts": [text]}), 422, "validation_error")
        document = (await client.get("/openapi.json")).json()
    body = document["paths"]["/count"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/CountRequest"}
    assert document["components"]["schemas"]["CountRequest"]["properties"].keys() == {"text"}
