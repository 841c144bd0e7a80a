"""docs/openapi.json and docs/api.md are what the code says today."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def document(generate):
    return generate.openapi()


@pytest.mark.parametrize("name", ["openapi.json", "api.md"])
def test_the_committed_page_is_the_generated_one(generate, document, name):
    committed = (DOCS / name).read_text("utf-8")
    assert committed == generate.pages(document)[name], "run python docs/generate.py"


def test_every_path_field_and_code_is_on_the_page(document):
    page = (DOCS / "api.md").read_text("utf-8")
    for path in document["paths"]:
        assert f" {path}\n" in page
    for name, schema in document["components"]["schemas"].items():
        if name.endswith(("Request", "Answer")):
            assert all(f"| `{field}` |" in page for field in schema["properties"]), name
    assert "`invalid_api_key`" in page
    assert "`BILM_MAX_TEXTS`" in page
