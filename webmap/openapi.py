"""The API's description: gathered from the endpoints themselves, with recorded answers as examples."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify

from layers.text import Language, Text
from webmap.cookies import SESSION, cookie_name
from webmap.json_schema import ref
from webmap.operations import JSON, Operation, operation, operation_of
from webmap.params import LANGUAGE, Parameter
from webmap.schemas import SCHEMAS

TITLE = Text("网格地图服务", "Wangge grid map service")
_ABOUT = Text(
    "一个区的图层、按单元的指标、小区卡片、瓦片和下载。坐标为 EPSG:4490 的经度、纬度。"
    "每个数字都带分母和不明数；出错一律为 Error 的形状。",
    "A district's layers, indicators per unit, cards, tiles and downloads. Positions are longitude, latitude in "
    "EPSG:4490. Every figure comes with its denominator and what is unknown; every error has the shape Error.",
)
_TAGS = {
    "district": Text("区", "District"),
    "layers": Text("图层", "Layers"),
    "views": Text("问题与单元", "Questions and units"),
    "tiles": Text("瓦片", "Tiles"),
    "facts": Text("事实", "Facts"),
    "saved": Text("存下的条件和方案", "Saved conditions and scenarios"),
    "uploads": Text("上传", "Uploads"),
    "field": Text("现场", "In the field"),
    "downloads": Text("下载", "Downloads"),
    "service": Text("服务", "Service"),
}

_MET_EVERYWHERE = (401, 403, 429)
"""Whoever asks may have to sign in, may not be allowed, or may ask too often, wherever they do."""
_UNSAID = {"HEAD", "OPTIONS"}
"""Methods that every address answers."""
_SECURITY: list[dict[str, list[str]]] = [{}, {"session": []}, {"token": []}]

openapi = Blueprint("openapi", __name__, url_prefix="/api")


@lru_cache(maxsize=1)
def examples() -> dict[str, dict[str, Any]]:
    """Return per operation a request's parameters and its answer, as recorded from a running service.

    ``python -m tests.webmap.record_examples`` records them anew.
    """
    recorded: dict[str, dict[str, Any]] = json.loads((files("webmap") / "examples.json").read_text("utf-8"))
    return recorded


@openapi.get("/openapi.json")
@operation(
    LANGUAGE,
    action="describe",
    tag="service",
    summary=Text("本说明（OpenAPI 3.1）", "This description (OpenAPI 3.1)"),
    answers={JSON: None},
    errors=(400, 401, 405, 429, 500),
)
def document(*, lang: Language) -> Response:
    """Return the OpenAPI document."""
    return jsonify(describe(current_app, lang))


def describe(app: Flask, language: Language) -> dict[str, Any]:
    """Return the OpenAPI document of every endpoint that carries an `operation`."""
    paths: dict[str, Any] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        contract = operation_of(app.view_functions[rule.endpoint])
        if contract is not None:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            by_method = paths.setdefault(path, {})
            for method in sorted((rule.methods or set()) - _UNSAID):
                by_method[method.lower()] = _operation(contract, language)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE.to(language), "version": "1", "description": _ABOUT.to(language)},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text.to(language)} for name, text in _TAGS.items()],
        "paths": paths,
        "security": _SECURITY,
        "components": {"schemas": SCHEMAS, "securitySchemes": _security_schemes(language)},
    }


def _security_schemes(language: Language) -> dict[str, Any]:
    session = Text(
        "登录后浏览器带的会话；没有登录的，所见为公开部分", "A browser's session; without one, what is public"
    )
    token = Text("给程序用的密钥，由管理员发放", "A key for programs, from an administrator")
    return {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name(SESSION),
            "description": session.to(language),
        },
        "token": {"type": "http", "scheme": "bearer", "description": token.to(language)},
    }


def _operation(contract: Operation, language: Language) -> dict[str, Any]:
    recorded = examples().get(contract.id, {})
    given = recorded.get("parameters", {})
    responses: dict[str, Any] = {}
    if contract.answers:
        responses["200"] = {
            "description": contract.summary.to(language),
            "content": {
                media_type: _content(name, recorded) for media_type, name in contract.answers.items()
            },
        }
    for status in contract.statuses:
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
    for status in sorted({*contract.errors, *_MET_EVERYWHERE}):
        responses[str(status)] = _error(status, contract)
    described: dict[str, Any] = {
        "operationId": contract.id,
        "tags": [contract.tag],
        "summary": contract.summary.to(language),
        "parameters": [_parameter(parameter, given, language) for parameter in contract.parameters],
        "responses": responses,
    }
    if contract.body is not None:
        sent: dict[str, Any] = {"schema": ref(contract.body)}
        if "body" in recorded:
            sent["example"] = recorded["body"]
        described["requestBody"] = {"required": True, "content": {JSON: sent}}
    return described


def _content(schema: str | None, recorded: dict[str, Any]) -> dict[str, Any]:
    if schema is None:
        return {}
    shown = {"schema": ref(schema)}
    return shown | {"example": recorded["answer"]} if "answer" in recorded else shown


def _parameter(parameter: Parameter, given: dict[str, str], language: Language) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description.to(language),
        "required": parameter.required,
        "schema": parameter.schema,
    }
    if parameter.name in given:
        value: Any = given[parameter.name]
        if parameter.schema["type"] in ("integer", "number"):
            value = json.loads(value)
        shown["example"] = value
    return shown


def _error(status: int, contract: Operation) -> dict[str, Any]:
    """Return an error's answer: JSON from the API, else a page or a line of text."""
    described = {"description": HTTPStatus(status).phrase}
    if contract.tag == "tiles":
        return described | {"content": {"text/plain": {}}}
    if contract.tag == "downloads":
        return described | {"content": {"text/html": {}}}
    content: dict[str, Any] = {"schema": ref("Error")}
    recorded = examples().get(f"error_{status}", {})
    if recorded:
        content["example"] = recorded["answer"]
    return described | {"content": {JSON: content}}
