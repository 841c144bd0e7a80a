"""A field that may be absent may be null, which means the same, in every object of every request.

The fields are those of the OpenAPI document, so that none is forgotten.
"""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import create_app
from service.fields import Strict
from service.settings import Settings
from tests.service.serving import serving, settings_of

DOCUMENT = create_app(Settings.model_construct()).openapi()


def resolved(schema):
    """Return what a schema refers to."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name] if name else schema


def members(schema):
    """Yield the schemas of which a value may be one."""
    schema = resolved(schema)
    choices = schema.get("anyOf", schema.get("oneOf"))
    if choices is None:
        yield schema
    for choice in choices or ():
        yield from members(choice)


def optional(schema):
    return schema["properties"].keys() - set(schema.get("required", ()))


def object_schemas(schema):
    """Yield the schemas of the objects in a request, itself included."""
    for member in members(schema):
        if "properties" in member:
            yield member
            for field in member["properties"].values():
                yield from object_schemas(field)
        elif "items" in member:
            yield from object_schemas(member["items"])


def operations():
    for path, methods in DOCUMENT["paths"].items():
        if "requestBody" in methods.get("post", {}):
            yield path, methods["post"]["requestBody"]["content"]["application/json"]


SCHEMAS = {one["title"]: one for _, body in operations() for one in object_schemas(body["schema"])}
FIELDS = [(title, name) for title, schema in SCHEMAS.items() for name in sorted(optional(schema))]
EXAMPLES = [
    pytest.param(path, body["schema"], example["value"], id=f"{path} {name}")
    for path, body in operations()
    for name, example in body["examples"].items()
]


# Fields that keep the answers of a path short.
SHORT = {"/complete": {"max_pieces": 2}}


def subclasses(model):
    for one in model.__subclasses__():
        yield one
        yield from subclasses(one)


MODELS = {model.__name__: model for model in subclasses(Strict)}


def least(schema):
    """Return a small value that fits a schema."""
    schema = next(member for member in members(schema) if member.get("type") != "null")
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema["type"] == "object":
        return {name: least(schema["properties"][name]) for name in schema.get("required", ())}
    if schema["type"] == "array":
        return [least(schema["items"])]
    if schema["type"] in ("integer", "number"):
        return schema.get("minimum", 1)
    return {"string": "我", "boolean": True}[schema["type"]]


def test_every_model_of_a_request_is_in_the_document():
    assert {"EmbedRequest", "OpenAIRequest", "CompleteRequest", "Weights", "Logits"} <= set(SCHEMAS)
    assert len(FIELDS) > 30


@pytest.mark.parametrize(("title", "name"), FIELDS)
def test_every_optional_field_of_a_request_admits_null(title, name):
    kinds = [member.get("type") for member in members(SCHEMAS[title]["properties"][name])]
    assert "null" in kinds


@pytest.mark.parametrize("title", SCHEMAS)
@given(data=st.data())
def test_null_is_absent_whatever_else_is_given(title, data):
    schema, model = SCHEMAS[title], MODELS[title]
    names = [name for name in sorted(optional(schema)) if schema["properties"][name]["default"]]
    others = data.draw(st.sets(st.sampled_from(names)) if names else st.just(set()))
    left = sorted(optional(schema) - others)
    nulls = data.draw(st.sets(st.sampled_from(left)) if left else st.just(set()))
    body = least({"$ref": f"/{title}"}) | {
        name: least(schema["properties"][name]) for name in others
    }
    with_nulls = body | dict.fromkeys(nulls)

    expected, found = model.model_validate(body), model.model_validate(with_nulls)

    assert found == expected
    assert found.model_fields_set == expected.model_fields_set == body.keys()


def places(schema, value, place=()):
    """Yield the place of every optional field in the objects of a request body."""
    for member in members(schema):
        properties = member.get("properties", {})
        required = set(member.get("required", ()))
        if isinstance(value, dict) and required <= value.keys() <= properties.keys():
            yield from ((*place, name) for name in optional(member))
            for name in value:
                yield from places(properties[name], value[name], (*place, name))


@pytest.fixture(scope="module")
async def inspecting(artifact_folder):
    async with serving(settings_of(artifact_folder, inspect=True)) as client:
        yield client


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "schema", "example"), EXAMPLES)
async def test_every_path_answers_null_like_nothing(inspecting, path, schema, example):
    example = example | SHORT.get(path, {})
    of_example = await inspecting.post(path, json=example)
    for *outer, name in places(schema, example):
        body = copy.deepcopy(example)
        holder = body
        for step in outer:
            holder = holder[step]
        was_given = name in holder
        holder.pop(name, None)
        expected = await inspecting.post(path, json=body) if was_given else of_example
        holder[name] = None
        found = await inspecting.post(path, json=body)
        assert found.status_code == expected.status_code, (outer, name)
        assert facts(found) == facts(expected), (outer, name)


def facts(answer):
    """Return the body of an answer without what differs between equal requests."""
    body = answer.json()
    body.get("error", {}).pop("request_id", None)
    return body
