"""The API of saved things: conditions and scenarios kept under a name, for oneself or for colleagues."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from layers.access.saved import KIND_ACTIONS
from layers.condition_text import saved_conditions
from layers.problems import BadParameter, NotFound
from layers.text import Language, Text, both, joined
from webmap.api_what_if import saved_scenario
from webmap.gate import policy, visitor
from webmap.identity import address_of
from webmap.json_body import json_body
from webmap.operations import JSON, operation, service
from webmap.params import LANGUAGE, choice, text, whole

if TYPE_CHECKING:
    from datetime import datetime

    from layers.access.access import Access
    from layers.access.saved import SavedThing

MOST_VERSIONS = 2**53 - 1
_ERRORS = (400, 401, 403, 404, 405, 429, 500, 503)
_WRITING = (400, 401, 403, 404, 405, 409, 413, 429, 500, 503, 507)
_ID = text("id", Text("编号", "Id"), where="path", examples=("0f3a9b2c4d5e",))

CONTENTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "conditions": saved_conditions,
    "scenario": saved_scenario,
}
"""What checks the content of each kind: it returns what is kept, or raises `BadParameter`."""

saved = Blueprint("saved", __name__, url_prefix="/api/saved")


@saved.get("")
@operation(
    choice("kind", Text("只要这一类", "Those of this kind only"), tuple(KIND_ACTIONS)),
    LANGUAGE,
    action="own",
    tag="saved",
    summary=Text(
        "您存的和同事共享的，不含内容", "What you saved and what colleagues share, without contents"
    ),
    answers={JSON: "SavedThings"},
    errors=_ERRORS,
)
def list_saved(*, kind: str | None, lang: Language) -> Response:
    """Return what the visitor sees of the saved things."""
    found = [_as_dict(one) | {"content": None} for one in _access().saved(visitor(), kind)]
    return jsonify({"saved": found})


@saved.get("/<id>")
@operation(
    _ID,
    LANGUAGE,
    action="own",
    tag="saved",
    summary=Text("存的一项及其内容", "A saved thing with its content"),
    answers={JSON: "SavedThing"},
    errors=_ERRORS,
)
def get_saved(*, id: str, lang: Language) -> Response:  # noqa: A002  (its name in the URL)
    """Return a saved thing."""
    return jsonify(_as_dict(_access().saved_thing(visitor(), id)))


@saved.post("")
@operation(
    LANGUAGE,
    action="own",
    tag="saved",
    summary=Text("存一项", "Save something"),
    answers={JSON: "SavedThing"},
    errors=_WRITING,
    body="NewSavedThing",
)
def add_saved(*, lang: Language) -> Response:
    """Save something under a name."""
    given = _given({"kind": str, "name": str, "shared": bool, "content": dict}, optional={"shared"})
    kept = _checked(given["kind"], given["content"])
    made = _access().save(
        visitor(),
        given["kind"],
        given["name"],
        kept,
        shared=given.get("shared", False),
        origin=address_of(request),
    )
    return jsonify(_as_dict(made))


@saved.put("/<id>")
@operation(
    _ID,
    LANGUAGE,
    action="own",
    tag="saved",
    summary=Text(
        "改一项；须写明看到的是第几版，别人改过的不会被覆盖",
        "Change a saved thing; with the version that you have seen, so that nobody's change is written over",
    ),
    answers={JSON: "SavedThing"},
    errors=_WRITING,
    body="SavedChange",
)
def change_saved(*, id: str, lang: Language) -> Response:  # noqa: A002  (its name in the URL)
    """Change a saved thing."""
    parts = {"version": int, "name": str, "shared": bool, "content": dict}
    given = _given(parts, optional={"name", "shared", "content"})
    content = given.get("content")
    if content is not None:
        content = _checked(_access().saved_thing(visitor(), id).kind, content)
    made = _access().change_saved(
        visitor(),
        id,
        given["version"],
        name=given.get("name"),
        content=content,
        shared=given.get("shared"),
        origin=address_of(request),
    )
    return jsonify(_as_dict(made))


@saved.delete("/<id>")
@operation(
    _ID,
    whole("version", Text("看到的是第几版", "The version you have seen"), minimum=1, maximum=MOST_VERSIONS),
    LANGUAGE,
    action="own",
    tag="saved",
    summary=Text("删去一项", "Remove a saved thing"),
    answers={},
    statuses=(204,),
    errors=_WRITING,
)
def remove_saved(*, id: str, version: int | None, lang: Language) -> Response:  # noqa: A002  (its name in the URL)
    """Remove a saved thing."""
    if version is None:
        raise BadParameter(
            Text("缺少参数 version。", "The parameter version is missing."),
            Text("请写明看到的是第几版。", "Give the version that you have seen."),
        )
    _access().remove_saved(visitor(), id, version, origin=address_of(request))
    return Response(status=204)


def _access() -> Access:
    found = service().access
    if found is None:
        raise NotFound(Text("这个服务里没有账号，不能保存。", "This service has no accounts to save for."))
    return found


def _checked(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    check = CONTENTS.get(kind)
    return content if check is None else check(content)


def _given(parts: dict[str, type], *, optional: set[str]) -> dict[str, Any]:
    """Return the parts of the request's body, each of its type."""
    body = json_body()
    wrong = [
        name
        for name, kind in parts.items()
        if (name not in body and name not in optional) or (name in body and type(body[name]) is not kind)
    ]
    wrong += [name for name in body if name not in parts]
    if wrong:
        raise BadParameter(
            Text("正文里这几处不对：{w}。", "These parts of the body are not right: {w}.").format(
                w=joined([both(name[:60]) for name in wrong])
            ),
            Text("它由这些组成：{p}。", "It is made of {p}.").format(
                p=joined([both(f"{name} ({kind.__name__})") for name, kind in parts.items()])
            ),
        )
    return body


def _as_dict(thing: SavedThing) -> dict[str, Any]:
    mine = thing.account == visitor().account
    return {
        "id": thing.id,
        "kind": thing.kind,
        "name": thing.name,
        "owner": {"name": thing.owner, "title": thing.owner_title},
        "mine": mine,
        "shared": thing.shared,
        "version": thing.version,
        "created": _moment(thing.created),
        "changed": _moment(thing.changed),
        "changed_by": thing.changed_by,
        "may": {
            "change": True,
            "share": mine,
            "remove": mine or policy().may(visitor(), "accounts"),
        },
        "content": thing.content,
    }


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
