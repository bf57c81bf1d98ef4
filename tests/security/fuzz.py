"""Requests that a machine makes up from the API's own description, as everybody who may ask.

``python -m tests.security.fuzz`` (``make fuzz``) sends more than ten thousand and prints how many each visitor
sent; the tests send a few hundred, always the same. Each answer must be declared, of the declared type and
shape, and hold no mark that the pinned table does not let out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import schemathesis
from flask import Flask, Request
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from layers.schema import LAYERS
from layers.standards import read_standards
from layers.store import create_store
from layers.visitors import Visitor
from tests.security.asking import VISITORS
from tests.security.conftest import UNHURRIED
from tests.security.oracle import Asked, may
from tests.security.paper import Mark, marked_district
from tests.security.reading import of_bytes
from tests.security.walk import CODES, UNITS, Judge, Question, marks_of, questions
from tests.security.walking import WHO, Walk
from tests.visitors import POLICY
from webmap import create_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

KINDS = {
    "/healthz": "public", "/readyz": "public", "/api/me": "description", "/api": "description", "/api/district": "description",
    "/api/layers": "description", "/api/definitions": "description", "/api/openapi.json": "description",
    "/api/summary": "summary", "/api/view": "view", "/api/units/{unit}/{id}": "card",
    "/api/search": "search", "/api/nearby": "near", "/api/layers/{layer}/features": "some_rows",
    "/api/layers/{layer}/features/{code}": "one", "/tiles/{layer}/{z}/{x}/{y}.mvt": "tile",
    "/download": "file", "/export-map": "file", "/api/compare": "view", "/api/facts": "description",
    "/api/facts/{layer}/{code}": "one", "/api/history/{layer}/{code}": "one", "/api/field": "description",
    "/api/field/tasks": "tasks", "/api/field/package": "description", "/api/field/status": "public",
    "/api/saved": "description", "/api/saved/{id}": "description", "/api/wall": "view", "/api/what-if": "view",
    "/api/what-if/units/{unit}/{id}": "card", "/api/what-if/compare": "summary", "/what-if/download": "file",
    "/what-if/sheet": "file",
}  # fmt: skip
"""How the answers of each described path are judged; a new path without a line here is a failure."""

LIKELY = {
    "layer": (*LAYERS, "complaints", "communities", "complaints"),
    "code": ("C01", "C03-001", "C07-001", "S1", "G01", "M1"),
    "id": ("C01", "C08", "S1N1", "S2", "G05", "NONE"),
    "unit": UNITS,
    "question": ("gap", "double_none", "hotspots"),
    "with": ("text", "floating_residents", "residents", "text,floating_residents", "text,text"),
    "purpose": ("case 17", " ", ""),
    "q": ("C0", "C03-001", "CANARY", "物业"),
    "subdistrict": ("S1", "S2", "S9"),
    "limit_m": ("300", "500", "700"),
    "bbox": ("113,22,115,23",),
    "after": ("C03-001", "0"),
}
"""Values that a guesser would try first; half of the generated requests use them, or nothing would be found."""


def visitor_of(request: Request) -> Visitor:
    """Return who asks, as the test says."""
    return VISITORS[request.headers.get(WHO, "nobody")]


def described(app: Flask) -> Any:
    """Return the API's own description, with likely values beside what it allows."""
    told = app.test_client().get("/api/openapi.json").get_json()
    for operations in told["paths"].values():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                likely = LIKELY.get(parameter["name"])
                if likely and "enum" not in parameter["schema"]:
                    parameter["schema"] = {"anyOf": [{"enum": sorted(set(likely))}, parameter["schema"]]}
                parameter.pop("example", None)
    schema = schemathesis.openapi.from_dict(told, config=SchemathesisConfig())
    schema.app = app
    return schema


def escalation(name: str, case: Any, status: int, text: str) -> str:
    """Return what the visitor got that is not theirs, "" where it is all right."""
    query = {key: str(value) for key, value in (case.query or {}).items()}
    path = {key: str(value) for key, value in (case.path_parameters or {}).items()}
    question = _question(case.path, query, path)
    judge = Judge(VISITORS[name])
    marks = marks_of(question, status, text)
    if status == 200 and question.kind != "public" and not may(judge.visitor, _action(question.kind)):
        return f"{status} without the right to {_action(question.kind)}"
    most = _at_most(judge, question)
    return f"leaks {sorted(marks - most)[:5]}" if marks - most else ""


def _action(kind: str) -> str:
    return {"description": "describe", "file": "take", "tile": "view", "summary": "view"}.get(
        kind, "view" if kind in ("view", "card") else "read"
    )


def _question(template: str, query: Mapping[str, str], path: Mapping[str, str]) -> Question:
    kind = KINDS[template]
    about = {**path, **{key: query[key] for key in ("layer", "unit", "from") if key in query}}
    if kind == "card":
        about = {"unit": path["unit"], "code": path["id"]}
    if kind == "tile":
        about = {"layer": path["layer"].removesuffix("-label")}
    fields = tuple(part.strip() for part in query.get("with", "").split(","))
    asked = Asked("api", fields, purpose=bool(query.get("purpose", "").strip()))
    return Question(template, kind, template, dict(query), about, asked)


def _at_most(judge: Judge, question: Question) -> set[Mark]:
    """Return the marks that may be in an answer to any question of this kind."""
    if question.kind in ("some_rows", "near", "one"):
        layer = question.about.get("layer", "")
        return judge.marks(layer, CODES[layer], question.asked) if layer in LAYERS else set()
    if question.kind == "tile" and question.about["layer"] not in LAYERS:
        return set()
    if question.kind in ("view", "file") and question.about.get("unit") not in UNITS:
        question.about.pop("unit", None)
    if question.kind == "card" and question.about["code"] not in CODES.get(question.about["unit"], ()):
        return set()
    return judge.of(question)[2]


def send(name: str, schema: Any, *, each: int, start: int, modes: Any) -> Counter[int]:
    """Send `each` requests per operation and mode as one visitor and return how often which status came.

    Raises
    ------
    AssertionError
        An answer is not as declared, or holds what is not theirs.
    """
    statuses: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in modes if operation.definition.raw["parameters"] else modes[:1]:

            @seed(start)
            @settings(
                max_examples=each,
                derandomize=False,
                database=None,
                deadline=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            @given(operation.as_strategy(generation_mode=mode))
            def one(case: Any) -> None:
                response = case.call(headers={WHO: name, "Accept-Encoding": "identity"})
                statuses[response.status_code] += 1
                case.validate_response(response, checks=CHECKS)
                headers = "\n".join(f"{key}: {value}" for key, value in response.headers.items())
                media = response.headers.get("content-type", [""])[0].partition(";")[0]
                text = headers + of_bytes(response.content, media)
                wrong = escalation(name, case, response.status_code, text)
                assert not wrong, f"{name}: {case.as_curl_command()}: {wrong}"

            one()
    return statuses


@contextmanager
def service() -> Iterator[Any]:
    """Give the description of a service over the marked district."""
    load_all_checks()
    district, frames = marked_district()
    standards = read_standards(Path(__file__).parents[2] / "data")
    with (
        tempfile.TemporaryDirectory() as folder,
        create_store(f"gpkg:{folder}/marked.gpkg", district, layers=frames) as store,
    ):
        app = create_app(store, standards, POLICY, visitors=visitor_of, settings=UNHURRIED)
        yield described(app)


MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


def walk_everything(app: Flask) -> None:
    """Put every question to everybody, and say how many that were.

    Raises
    ------
    AssertionError
        An answer is not as the pinned table says.
    """
    walk = Walk(app)
    for name in VISITORS:
        found = walk.differences(name, questions(full=True))
        assert not found, (name, found)
    sys.stdout.write(f"{walk.asked} questions by {len(VISITORS)} visitors, no difference\n")
    sys.stdout.flush()


def main() -> None:
    """Send as many as are asked for and print the count per visitor."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=10_000, help="at least so many in all")
    options.add_argument("--seed", type=int, default=1)
    given_options = options.parse_args()
    total = 0
    with service() as schema:
        walk_everything(schema.app)
        operations = len(list(schema.get_all_operations()))
        each = -(-given_options.requests // (len(VISITORS) * operations))
        while total < given_options.requests:
            for name in VISITORS:
                statuses = send(name, schema, each=each, start=given_options.seed + total, modes=MODES)
                total += statuses.total()
                told = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
                sys.stdout.write(f"{name}: {statuses.total()} ({told})\n")
                sys.stdout.flush()
    sys.stdout.write(f"{total} requests, no difference\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
