"""The API of single facts: what is known of a feature, what was done to it, and correcting it."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, jsonify, request

from layers.civil_time import day_in_china
from layers.fact_request import read_request
from layers.fact_rules import LAYERS_OF_FACTS, correctable, layer_of_facts
from layers.fact_views import conflict_dict, facts_as_dict, history_as_dict
from layers.facts import FactConflict, FactsWritten, write_facts
from layers.problems import NotFound, WanggeError
from layers.store import utc_now
from layers.text import Language, Text
from webmap import errors
from webmap.gate import policy, visitor
from webmap.identity import address_of
from webmap.json_body import json_body
from webmap.operations import JSON, current_snapshot, operation, service
from webmap.params import LANGUAGE, text, whole

if TYPE_CHECKING:
    from layers.fact_request import FactRequest

MOST_EDITS = 200
SEEN_WITHIN_S = 3.0
_PAUSE_S = 0.01

_LAYER = text("layer", Text("图层", "Layer"), where="path", examples=tuple(LAYERS_OF_FACTS))
_CODE = text("code", Text("编码", "Code"), where="path")
_READING = (400, 401, 403, 404, 405, 429, 500, 503)
_WRITING = (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503, 507)

facts = Blueprint("facts", __name__, url_prefix="/api")


def today() -> date:
    """Return the day it is in China."""
    return day_in_china(utc_now())


@facts.get("/facts/<layer>/<path:code>")
@operation(
    _LAYER,
    _CODE,
    LANGUAGE,
    action="read",
    tag="facts",
    summary=Text(
        "一个要素的事实、核实日期、版本，和您可以核实或改动什么",
        "A feature's facts, when each was verified, the version, and what you may verify or change",
    ),
    answers={JSON: "Facts"},
    errors=_READING,
)
def feature_facts(*, layer: str, code: str, lang: Language) -> Response:
    """Return what is known of a feature, so that a form can be made of it."""
    response = jsonify(_facts(layer, code, lang))
    response.cache_control.private = response.cache_control.no_cache = True
    return response


def _facts(layer: str, code: str, language: Language) -> dict[str, Any]:
    snapshot = current_snapshot()
    feature = correctable(policy(), visitor(), snapshot, layer, code)
    return facts_as_dict(
        service().store,
        feature,
        snapshot=snapshot,
        today=today(),
        language=language,
    )


@facts.get("/history/<layer>/<path:code>")
@operation(
    _LAYER,
    _CODE,
    whole("limit", Text("最多多少条", "At most so many"), minimum=1, maximum=MOST_EDITS, default=50),
    LANGUAGE,
    action="read",
    tag="facts",
    summary=Text(
        "一个要素的历次改动，最近的在前；须登录",
        "What was done to a feature, newest first; not for strangers",
    ),
    answers={JSON: "FactHistory"},
    errors=_READING,
)
def feature_history(*, layer: str, code: str, limit: int, lang: Language) -> Response:
    """Return what was done to a feature."""
    if visitor().via == "nobody":
        told = Text("不可以看{l}的历次改动。", "You may not see what was done to {l}.")
        raise policy().refusal(visitor(), told.format(l=layer_of_facts(layer).title))
    snapshot = current_snapshot()
    feature = correctable(policy(), visitor(), snapshot, layer, code)
    response = jsonify(
        history_as_dict(
            service().store,
            feature,
            snapshot=snapshot,
            limit=limit,
            language=lang,
        )
    )
    response.cache_control.private = response.cache_control.no_cache = True
    return response


@facts.post("/facts")
@operation(
    LANGUAGE,
    action="verify",
    tag="facts",
    summary=Text(
        "核实或改动一个要素的事实；同一个键只做一次，再来得到第一次的结果；与他人冲突则列出双方",
        "Verify or change facts of a feature; done once for each key, which gets the first outcome when it comes "
        "again; a conflict with somebody else shows both sides",
    ),
    answers={JSON: "FactsWritten"},
    errors=_WRITING,
    body="FactRequest",
)
def write_fact(*, lang: Language) -> Response:
    """Write what somebody saw of one feature."""
    asked, problems = read_request(json_body(), today=today())
    try:
        done = write_facts(
            asked,
            problems,
            store=service().store,
            snapshot=current_snapshot(),
            policy=policy(),
            visitor=visitor(),
            standards=service().standards,
            today=today(),
        )
    except FactConflict as error:
        return _conflict(error, asked, lang)
    if not done.already:
        _record(asked, done)
    _wait_for(done.version)
    response = jsonify(
        {
            "key": asked.key,
            "version": done.version,
            "epoch": done.epoch,
            "already": done.already,
            "changed": list(done.fields),
            "merged": list(done.merged),
            "facts": _facts_if_there(asked, lang),
        }
    )
    response.cache_control.no_store = True
    return response


def _conflict(error: FactConflict, asked: FactRequest, language: Language) -> Response:
    """Answer with both sides, as they are and as the request would have them."""
    said = errors.failure_of(error).as_dict(language)
    said["error"]["conflicts"] = conflict_dict(error)
    theirs = _facts_if_there(asked, language)
    if error.restored is not None:
        said["error"]["restored"] = error.restored.to(language)
    response = jsonify(said | {"theirs": theirs, "mergeable": list(error.mergeable)})
    response.status_code = said["error"]["status"]
    response.cache_control.no_store = True
    return response


def _facts_if_there(asked: FactRequest, language: Language) -> dict[str, Any] | None:
    try:
        return _facts(asked.layer, asked.code, language)
    except NotFound:
        return None


def _record(asked: FactRequest, done: FactsWritten) -> None:
    """Record by what device or key it was written; who, when and why stand in the store, with the write.

    It is written already: that the log cannot be reached does not undo it.
    """
    try:
        service().record(
            visitor(),
            "write_facts",
            what=request.path,
            layer=asked.layer,
            codes=[asked.code],
            fields=done.fields,
            origin=address_of(request),
        )
    except WanggeError as error:
        current_app.logger.warning("a write of facts was not recorded: %s", error)


def _wait_for(version: int) -> None:
    """Wait, for a while, until this process shows the version: who has written asks for it next."""
    until = time.monotonic() + SEEN_WITHIN_S
    while current_snapshot().version < version and time.monotonic() < until:
        time.sleep(_PAUSE_S)
