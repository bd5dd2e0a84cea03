"""The API document is valid, whole, true to the code, and its examples are accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31

from functions.shared.domain.errors import Code
from functions.shared.edge.app import App
from functions.shared.edge.routes import ROUTES
from infra.openapi import APPS, DOCUMENT, document_of, example_of, render_document
from tests.edge.sample import ROUTES as SAMPLE_ROUTES
from tests.edge.sample import find_platform, sample

SHIPPED = document_of(APPS)
OPERATIONS = {
    operation["operationId"]: operation
    for path in SHIPPED["paths"].values()
    for operation in path.values()
}
MODELS = {name: operation for app in APPS for name, operation in app.operations.items()}


def resolved(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """What a reference points to."""
    while isinstance(value, dict) and "$ref" in value:
        here: Any = SHIPPED
        for step in value["$ref"].removeprefix("#/").split("/"):
            here = here[step]
        value = here
    return value


def references(value: object) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_committed_document_is_what_the_code_says() -> None:
    """Written by `python -m infra.openapi`; it must never be behind the code."""
    assert DOCUMENT.read_text(encoding="utf-8") == render_document()


def test_document_is_the_same_bytes_each_time() -> None:
    assert render_document() == render_document()


def test_document_is_valid_openapi() -> None:
    Draft202012Validator.check_schema(OPENAPI_31)
    Draft202012Validator(OPENAPI_31).validate(SHIPPED)
    for schema in SHIPPED["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_points_to_something() -> None:
    for reference in references(SHIPPED):
        assert resolved(reference)


def test_every_route_has_exactly_one_operation_and_every_operation_a_route() -> None:
    assert set(OPERATIONS) == {route.operation_id for route in ROUTES}
    assert len(OPERATIONS) == len(ROUTES)
    assert sum(len(app.operations) for app in APPS) == len(ROUTES)
    assert {app.function for app in APPS} == {route.function for route in ROUTES}


def test_route_without_an_operation_is_an_error() -> None:
    bare = App("sample", find_platform=find_platform, routes=SAMPLE_ROUTES)
    with pytest.raises(ValueError, match="no operation for"):
        document_of([bare], SAMPLE_ROUTES)


def test_operation_in_two_apps_is_an_error() -> None:
    with pytest.raises(ValueError, match="more than one operation for"):
        document_of([sample().app, sample().app], SAMPLE_ROUTES[:4])


def test_operation_without_words_in_both_languages_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs a docstring"):
        document_of([sample().app], SAMPLE_ROUTES[:4])


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_tells_its_caller_everything(name: str) -> None:
    """Words in both languages, roles, every refusal with its code, and how to sign."""
    operation, declared = OPERATIONS[name], MODELS[name]
    assert " / " in operation["summary"]
    assert "可调用的角色" in operation["description"]
    assert operation["x-roles"]
    told = {
        code
        for response in map(resolved, operation["responses"].values())
        for part in response.get("content", {})
        .get("application/problem+json", {"schema": {}})["schema"]
        .get("allOf", [])[1:]
        for code in part["properties"]["code"]["enum"]
    }
    assert told == {code.value for code in declared.codes}
    assert {int(status) for status in operation["responses"]} >= set(declared.gives)
    names = {resolved(parameter)["name"] for parameter in operation["parameters"]}
    assert set(declared.path_names) <= names
    assert ("If-Match" in names) is declared.versioned
    assert ("requestBody" in operation) is (declared.body is not None)
    assert operation.get("x-idempotency-field") == declared.number
    assert SHIPPED["security"] == [{"sigv4": []}]


@pytest.mark.parametrize("name", [name for name in OPERATIONS if MODELS[name].body])
def test_example_of_a_body_is_accepted(name: str) -> None:
    model = MODELS[name].body
    assert model is not None
    example = OPERATIONS[name]["requestBody"]["content"]["application/json"]["example"]
    assert model.model_validate_json(json.dumps(example)).model_fields_set


ANSWERS = [
    (name, status)
    for name, operation in OPERATIONS.items()
    for status, response in operation["responses"].items()
    if "application/json" in response.get("content", {})
]


@pytest.mark.parametrize(("name", "status"), ANSWERS)
def test_example_of_an_answer_fits_its_schema(name: str, status: str) -> None:
    content = OPERATIONS[name]["responses"][status]["content"]["application/json"]
    rooted = {**content["schema"], "components": SHIPPED["components"]}
    Draft202012Validator(rooted).validate(content["example"])


def test_example_of_every_problem_fits_the_schema() -> None:
    rooted = {"$ref": "#/components/schemas/Problem", "components": SHIPPED["components"]}
    examples = SHIPPED["components"]["examples"]
    for example in examples.values():
        Draft202012Validator(rooted).validate(example["value"])
    # What the gateway answers for unknown paths and methods belongs to no operation.
    assert not {Code.ROUTE_NOT_FOUND.value, Code.METHOD_NOT_ALLOWED.value} & set(examples)


def test_replay_and_version_are_announced_where_they_occur() -> None:
    claimed = OPERATIONS["claim_voucher"]["responses"]
    assert "Idempotency-Replayed" in claimed["200"]["headers"]
    assert "headers" not in claimed["201"]
    assert "ETag" in OPERATIONS["get_platform"]["responses"]["200"]["headers"]
    assert "headers" not in OPERATIONS["get_voucher"]["responses"]["200"]


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]}, 3),
        ({"const": 1}, 1),
        ({"enum": ["B", "A"]}, "B"),
        ({"type": "string", "examples": ["x"]}, "x"),
        ({"type": "string"}, "…"),
    ],
)
def test_example_is_put_together_from_the_schema(schema: dict[str, Any], example: object) -> None:
    assert example_of(schema, {}) == example
