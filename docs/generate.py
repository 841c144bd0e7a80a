"""Write docs/openapi.json and docs/api.md from the code of the service, then the indexes.

python docs/generate.py

Each index has a program of its own beside this one, which can also run alone. Tests compare the
pages with what these programs would write.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from biLM.artifact import load_artifact
from biLM.tokenizer import Tokenizer
from service.app import create_app
from service.settings import PREFIX, Settings

DOCS = Path(__file__).parent
Json = Mapping[str, Any]

HEAD = """# The HTTP interface

`python docs/generate.py` writes this page from the code. Programs can read
[openapi.json](openapi.json) instead.

Bodies are JSON in UTF-8; another `charset` is refused, and a byte order mark is skipped. A field
that may be left out may also be null, which means the same. Unknown fields, a key given twice, and
fields in the query of the address are refused. HEAD is answered wherever GET is.

Offsets are half-open and count the code points of the text as it was sent. Vectors in base64 are
little-endian numbers in C order; numpy reads them by
`np.frombuffer(base64.b64decode(entry["embedding"]), "<f4").reshape(entry["shape"])`, or with
`"<f2"` for float16.

Every response has the header `X-Request-Id`: the caller's own if it has 1 to 128 printable ASCII
characters, else a new one. `Server-Timing` has the milliseconds spent on `tokenize`, `queue`,
`infer` and `encode`, as far as they are known when the response begins. If the operator has set API
keys, send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`.
"""

STAYS = """## What stays the same

The interface has the version of biLM: `info.version` of openapi.json, and `versions.bilm` in
`/info`, which ends with `+checkout` where biLM runs without being installed. The paths themselves
have none; the `/v1` of two of them belongs to OpenAI's API.

* **What you may rely on.** Paths and methods, fields of requests with their defaults, fields of
  responses, codes of refusals with their status, names of settings and metrics: they stay and mean
  the same. Before 1.0.0 this can change with the second number, such as from 0.2 to 0.3, and from
  then on with the first; [the changelog](../CHANGELOG.md) names each change.
* **What may be added with any version**: paths, optional fields of requests, fields of responses,
  headers, codes, settings, metrics. Ignore fields that you do not know, and judge a code that you
  do not know by its status.
* **What may change with any version**: the words of a message, the order of fields, the defaults of
  settings, what `card` in `/info` has. Read `code`, `param` and `details` instead of `message`, and
  the limits from `/info`.
* **Vectors** belong to the artifact that `model.revision` names; those of two revisions cannot be
  compared. A new version may bring another model under the same name. If you store vectors, keep
  the folder of the artifact and name it in `BILM_MODEL`.
"""

READING = """## How a text is read

A text is normalised by a table inside the vocabulary and then cut into pieces. Offsets are always
those of the text as you sent it, however many characters normalisation adds or takes away.

* **NFKC.** Full-width and other compatibility forms are read as plain ones: `，` as `,`, `Ａ` as
  `A`, `x²` as `x2`, `①` as `1`. One character may become several.
* **White space.** Every tab, line end, no-break space and full-width space (U+3000) is read as
  one space, and so is U+FFFD, which stands for what a decoder could not read. In `pieces` a space
  is written `▁` (U+2581), and that character in a text is read as a space as well. Nothing is
  trimmed: a newline at the end of a text is a piece, and changes the vector of the whole text.
* **Characters without content vanish**: a byte order mark, joiners, variation selectors, soft
  hyphens, direction marks, tags, and every other default-ignorable, format or control character.
  No piece begins or ends with one, so the offset of a piece slices exactly the characters that
  the piece stands for. If such a character is inside a piece, the slice contains it. A row that
  consists only of such characters has no pieces.
* **Rows without pieces** have zero vectors: a char that vanishes, a span or word of such
  characters, an empty word, a row that was cut off. `empty_rows` lists their numbers at every
  level; `empty` says that the whole text has no pieces.
* **Traditional characters are read as Simplified ones**, character by character, by the table
  of OpenCC: the model reads 蘋果 as 苹果. Characters that Simplified texts have as well, such as
  乾 and 著, are not changed. Regional words are not exchanged: 軟體 is read as 软体, not as 软件.
* **Characters outside the vocabulary** are spelled as the bytes of their UTF-8 form, with one
  piece, such as `<0xE8>`, for each byte. All of these pieces but the last have an empty offset.
  The same holds for a character that normalisation turns into several pieces.
* **Truncation** cuts between two characters: a character keeps all of its pieces or none.
* **`ids`** are taken as they are. The unknown piece is refused, because the model never read it
  in training.
* **A lone surrogate** is not a character, and is refused.

With the shipped model:

| text | pieces | offsets |
|---|---|---|
"""
# The texts of the table, which shows invisible characters as escapes of JSON.
READ = (
    "我吃了一個蘋果",
    "ｉＰｈｏｎｅ　①，",
    "\ufeff你\u200b好",
    "苹\u00ad果\n",
    "好\ufffd",
    "龘x²",
    "㈱",
)


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of the service with its default settings."""
    document = create_app(Settings.model_construct()).openapi()
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["project"]
    document["info"]["version"] = project["version"]
    return document


def pages(document: Json) -> dict[str, str]:
    """Return the contents of each generated file, by name."""
    return {
        "openapi.json": json.dumps(document, ensure_ascii=False, indent=1) + "\n",
        "api.md": "\n".join(
            [
                HEAD,
                STAYS,
                READING + _examples_of_reading(),
                *_paths(document),
                *_refusals(document),
                *_settings(),
            ]
        )
        + "\n",
    }


def _examples_of_reading() -> str:
    tokenizer = Tokenizer(load_artifact("zh-small").pieces_model)
    rows = []
    for text in READ:
        found = tokenizer.encode(text)
        shown = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
        pieces = " ".join(f"`{piece}`" for piece in found.pieces)
        offsets = " ".join(f"[{begin},{end}]" for begin, end in found.offsets)
        rows.append(f"| `{shown}` | {pieces} | {offsets} |\n")
    return "".join(rows)


def _paths(document: Json) -> Iterator[str]:
    schemas = dict(document["components"]["schemas"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"## {method.upper()} {path}\n\n{operation['description']}\n"
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                name = _name(content["schema"])
                yield from _fields(name, schemas)
                yield from _examples(content["examples"])
            yield from _answers(operation["responses"]["200"]["content"], schemas)


def _examples(examples: Json) -> Iterator[str]:
    for example in examples.values():
        written = json.dumps(example["value"], ensure_ascii=False)
        yield f"{example['summary']}:\n\n    {written}\n"


def _answers(content: Json, schemas: dict[str, Json]) -> Iterator[str]:
    for media_type, described in content.items():
        schema = described["schema"]
        yield f"The response, `{media_type}`" + (
            f": {schema['description']}\n" if "description" in schema else ":\n"
        )
        if "$ref" in schema:
            yield from _fields(_name(schema), schemas)


def _fields(name: str, schemas: dict[str, Json]) -> Iterator[str]:
    """Yield the tables of a schema and of those it names; each is removed from `schemas`."""
    if name not in schemas:
        return
    described = schemas.pop(name)
    properties = described["properties"]
    rows = [
        f"| `{field}` | {_kind(schema)} | {_default(schema)} | {schema.get('description', '')} |"
        for field, schema in properties.items()
    ]
    title = f"`{name}`: {described['description']}\n"
    yield "\n".join([title, "| field | values | default | |", "|---|---|---|---|", *rows, ""])
    for other in _named(properties):
        yield from _fields(other, schemas)


def _kind(schema: Json) -> str:
    """Describe in words what a value may be."""
    members = schema.get("anyOf", schema.get("oneOf", ()))
    if members:
        return " or ".join(_kind(one) for one in members if one != {"type": "null"})
    if "$ref" in schema:
        return _name(schema)
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " · ".join(f"`{v if isinstance(v, str) else json.dumps(v)}`" for v in values)
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if "items" in schema else "pair of integers"
    return str(schema.get("type", "any"))


def _default(schema: Json) -> str:
    default = schema.get("default")
    return "" if default is None else f"`{json.dumps(default)}`"


def _named(properties: Json) -> list[str]:
    parts = json.dumps(properties).split("#/components/schemas/")[1:]
    return [part.partition('"')[0] for part in parts]


def _name(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _refusals(document: Json) -> Iterator[str]:
    yield "## Refusals\n\nEvery refusal has this body, 404 and 405 included.\n"
    yield from _fields("ErrorAnswer", dict(document["components"]["schemas"]))
    yield document["info"]["description"].partition("codes:\n\n")[2]


def _settings() -> Iterator[str]:
    yield (
        "## Settings\n\nEach setting is an environment variable, a flag (`--max-texts` for"
        f" `{PREFIX}MAX_TEXTS`) and a field of `limits` in `/info`. An unknown `{PREFIX}` name is"
        " an error at start.\n"
    )
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        shown = getattr(default, "get_secret_value", lambda value=default: value)()
        code = "" if shown in ("", None) else f"`{shown}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {code} | {field.description} |")
    yield "\n".join(["| name | default | |", "|---|---|---|", *rows])


if __name__ == "__main__":
    import decision_index
    import result_index

    for file_name, written in pages(openapi()).items():
        (DOCS / file_name).write_text(written, "utf-8")
    decision_index.write()
    result_index.write()
