from __future__ import annotations

import math
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.webmap.record_examples import REQUESTS, WITHOUT_ANSWER, record
from webmap.openapi import describe, examples
from webmap.operations import operation_of
from webmap.schemas import SCHEMAS
from webmap.view_parameters import UNIT_EXAMPLES

UNDESCRIBED = (
    "static",
    "pages.",
    "security.",
    "sign_in.",
    "account.",
    "accounts.",
    "audit_page.",
    "oidc.",
    "wall_page.",
    "field.",
    "branding.",
)
"""Files and pages for people: no interface."""


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": {"schemas": SCHEMAS}})


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    with app.test_request_context():
        return describe(app, "en")


@pytest.fixture(scope="module")
def recorded_now(app: Flask) -> dict[str, Any]:
    return record(app.test_client())


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_endpoint_is_described_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    described = {name for name in endpoints if operation_of(app.view_functions[name]) is not None}
    assert all(name.startswith(UNDESCRIBED) for name in endpoints - described)
    assert not any(name.startswith(UNDESCRIBED) for name in described)
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(set(ids)) == len(ids) == len(described)


def test_every_path_variable_is_a_described_parameter(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert in_path == {part.split("}")[0] for part in path.split("{")[1:]}, path


def test_what_changes_something_states_its_body(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert ("requestBody" in operation) == (method in ("post", "put")), (method, path)


def alike(recorded: Any, answered: Any) -> bool:
    """Whether two JSON values agree, numbers to the last digits that another machine may round differently."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        return recorded.keys() == answered.keys() and all(alike(recorded[k], answered[k]) for k in recorded)
    if isinstance(recorded, list) and isinstance(answered, list):
        return len(recorded) == len(answered) and all(map(alike, recorded, answered))
    if isinstance(recorded, float) and isinstance(answered, float):
        return math.isclose(recorded, answered, rel_tol=1e-6)
    return bool(recorded == answered)


@pytest.mark.parametrize("operation", REQUESTS)
def test_examples_are_what_the_service_answers(recorded_now: dict[str, Any], operation: str) -> None:
    assert alike(examples()[operation], recorded_now[operation]), "run python -m tests.webmap.record_examples"


def test_every_operation_has_an_example_of_each_parameter_that_matters(document: dict[str, Any]) -> None:
    readings = {path: methods["get"] for path, methods in document["paths"].items() if "get" in methods}
    for path, operation in readings.items():
        assert operation["operationId"] in REQUESTS, path
        for parameter in operation["parameters"]:
            assert not parameter["required"] or "example" in parameter, (path, parameter["name"])
        for media_type, content in operation["responses"]["200"]["content"].items():
            assert ("example" in content) == (operation["operationId"] not in WITHOUT_ANSWER), media_type


def test_examples_have_the_described_shapes(document: dict[str, Any]) -> None:
    for operation in (one for methods in document["paths"].values() for one in methods.values()):
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                if "example" in content:
                    validator(content["schema"]).validate(content["example"])
        for parameter in operation["parameters"]:
            if "example" in parameter:
                validator(parameter["schema"]).validate(parameter["example"])


VIEWS = [
    (question, unit, lang)
    for question in ("gap", "double_none", "hotspots")
    for unit in UNIT_EXAMPLES
    for lang in ("zh", "en")
]


@pytest.mark.parametrize(("question", "unit", "lang"), VIEWS)
def test_every_view_and_its_worst_card_have_the_described_shapes(
    client: FlaskClient, question: str, unit: str, lang: str
) -> None:
    shown = client.get(
        "/api/view", query_string={"question": question, "unit": unit, "lang": lang}
    ).get_json()
    validator(SCHEMAS["View"]).validate(shown)
    rows = shown["rows"]
    assert len({len(column) for column in rows.values()}) == 1
    assert sum(item["count"] for item in shown["legend"]["classes"]) == len(rows["id"])
    card = client.get(f"/api/units/{unit}/{rows['id'][0]}?question={question}&lang={lang}").get_json()
    validator(SCHEMAS["Card"]).validate(card)
    assert (card["id"], card["name"]) == (rows["id"][0], rows["name"][0])


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/api/district", "District"),
        ("/api/layers", "Layers"),
        ("/api/summary", "Summary"),
        ("/api/definitions", "Definitions"),
    ],
)
def test_the_chinese_answers_have_the_same_shapes(client: FlaskClient, path: str, schema: str) -> None:
    zh, en = (client.get(f"{path}?lang={lang}").get_json() for lang in ("zh", "en"))
    for answer in (zh, en):
        validator(SCHEMAS[schema]).validate(answer)
    assert (zh == en) == (path == "/api/summary")


def test_the_document_is_served_in_both_languages(client: FlaskClient) -> None:
    zh, en = (client.get(f"/api/openapi.json?lang={lang}").get_json() for lang in ("zh", "en"))
    assert zh["info"]["title"] != en["info"]["title"]
    assert zh["paths"].keys() == en["paths"].keys()
