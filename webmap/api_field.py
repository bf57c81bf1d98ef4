"""The tablet's side of the API: the visitor's area, what to verify there, the package, and whether it may be kept.

Texts come in both languages at once: what is kept on a tablet is read in either. Where somebody stands is never asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request

from layers.problems import NotFound
from layers.store import utc_now
from layers.text import Text, both
from layers.verify_tasks import pair
from webmap import field_area as field
from webmap import field_package as packages
from webmap.gate import policy, visitor
from webmap.identity import address_of
from webmap.operations import JSON, current_snapshot, operation, service
from webmap.params import text, whole

if TYPE_CHECKING:
    from datetime import datetime

    from layers.access.package_keys import Holding
    from layers.visitors import Visitor

fields = Blueprint("field_api", __name__, url_prefix="/api/field")

_STATES = {
    "ok": Text("一切正常。", "All is well."),
    "signed_out": Text(
        "已退出登录。请重新登录；离线包到期前仍可使用。",
        "Nobody is signed in here any more. Sign in again; the package is good until it expires.",
    ),
    "unknown": Text(
        "服务器不认识这台设备（账号可能已由备份恢复）。请管理员重新登记；离线包和未发送的记录都留着。",
        "The server does not know this device: its accounts may have been restored from a backup. Have it enrolled "
        "again; package and records that wait are kept.",
    ),
    "revoked": Text(
        "这台设备或其账号已停用，离线包须删除。",
        "This device or its account has been revoked: the package is to be wiped.",
    ),
    "other_holder": Text(
        "离线包属于另一个人或另一台设备，须删除。",
        "The package was made for somebody else, or for another device: it is to be wiped.",
    ),
    "area_changed": Text(
        "负责的范围已变，离线包须删除，请重新带走。",
        "The area is another one now: the package is to be wiped; take it anew.",
    ),
    "not_allowed": Text(
        "这个角色不再能带走离线包，须删除。",
        "This role may take no packages any more: it is to be wiped.",
    ),
}
_KEPT = ("ok", "signed_out", "unknown")


def _now() -> datetime:
    access = service().access
    return utc_now() if access is None else access.now()


def _answer(body: dict[str, Any]) -> Response:
    response = jsonify(body)
    response.cache_control.private = response.cache_control.no_store = True
    return response


@fields.get("")
@operation(
    action="verify",
    tag="field",
    summary=Text(
        "我在现场的工作：范围、权限、离线包怎么取",
        "One's work in the field: the area, what one may do, how to take it along",
    ),
    answers={JSON: "Field"},
)
def my_field() -> Response:
    """Return who works where, and what there is."""
    who, rules, snapshot, now = visitor(), policy(), current_snapshot(), _now()
    found = field.area_tasks(snapshot, rules, who, now, way_out="api", action="read")
    role = rules.rules.roles.get(who.role)
    return _answer(
        {
            "version": snapshot.version,
            "epoch": snapshot.district.epoch.id,
            "as_of": field.as_of(snapshot),
            "day": found.day.isoformat(),
            "server_time": field.moment_text(now),
            "district": field.district_of(snapshot),
            "map_datum": service().settings.installation.map_datum,
            "who": {
                "name": who.name or None,
                "via": who.via,
                "role": {"id": who.role, "title": pair(both(who.role) if role is None else role.title)},
            },
            "holder": field.holder_of(who),
            "area": field.area_of(snapshot, who.area),
            "may": field.may_of(rules, who),
            "counts": field.counts_of(snapshot, who.area, found),
            "package": _package_offered(who),
        }
    )


def _package_offered(who: Visitor) -> dict[str, Any] | None:
    """Return how packages are made for somebody who may take them."""
    access, given = service().access, current_snapshot().standards.packages
    if access is None or not policy().may(who, "package"):
        return None
    return {
        "days": given.days,
        "margin_m": given.margin_m,
        "min_zoom": packages.MIN_ZOOM,
        "max_zoom": packages.MAX_ZOOM,
        "layers": list(packages.TILE_LAYERS),
        "key": access.package_key().public,
    }


@fields.get("/tasks")
@operation(
    action="verify",
    tag="field",
    summary=Text(
        "去核实：本范围内存疑的事实，最要紧的在前", "What to verify in one's area, the most urgent first"
    ),
    answers={JSON: "FieldTasks"},
)
def field_tasks() -> Response:
    """Return what there is to ask."""
    found = field.area_tasks(current_snapshot(), policy(), visitor(), _now(), way_out="api", action="read")
    return _answer(found.as_dict())


@fields.get("/status")
@operation(
    text("holder", Text("离线包属于谁（清单里的 holder）", "Whose package it is: holder of its manifest")),
    text("area", Text("离线包的范围（清单里的 area.id）", "The package's area: area.id of its manifest")),
    action="describe",
    tag="field",
    summary=Text("离线包还能不能留着；每次联网先问", "Whether a package may be kept; asked at every contact"),
    answers={JSON: "FieldStatus"},
)
def field_status(*, holder: str | None, area: str | None) -> Response:
    """Return whether what was taken along may be kept."""
    who, known = visitor(), visitor().via != "nobody"
    access, snapshot = service().access, current_snapshot()
    asked = None if holder is None or access is None else access.holding(holder)
    state, offered = _state(who, holder, area, asked), _package_offered(who)
    return _answer(
        {
            "state": state,
            "asked": asked,
            "wipe": state not in _KEPT,
            "text": pair(_STATES[state]),
            "holder": (field.holder_of(who) or None) if known else None,
            "person": (who.name or None) if known else None,
            "area": field.area_id(who.area) if known else None,
            "version": snapshot.version if known else None,
            "epoch": snapshot.district.epoch.id if known else None,
            "server_time": field.moment_text(_now()),
            "key": None if offered is None else offered["key"],
        }
    )


def _state(who: Visitor, holder: str | None, area: str | None, asked: Holding | None) -> str:
    if who.via == "nobody":
        return "signed_out" if asked in (None, "held") else asked
    if holder is not None and holder != field.holder_of(who):
        return "other_holder"
    if who.via == "session" and who.scopes is not None:  # they have yet to choose a password
        return "signed_out"
    if not policy().may(who, "package"):
        return "not_allowed"
    return "area_changed" if area is not None and area != field.area_id(who.area) else "ok"


@fields.get("/package")
@operation(
    whole(
        "max_zoom",
        Text("瓦片的最大级别", "Largest zoom of its tiles"),
        minimum=packages.MIN_ZOOM,
        maximum=packages.MAX_ZOOM,
        default=packages.MAX_ZOOM,
    ),
    action="package",
    tag="field",
    summary=Text(
        "本范围的签名离线包；HEAD 先告知大小", "The signed package of one's area; HEAD tells its size"
    ),
    answers={packages.MEDIA_TYPE: None},
)
def field_package(*, max_zoom: int) -> Response:
    """Return the package, which is recorded before it leaves."""
    who, shared, now = visitor(), service(), _now()
    if shared.access is None:
        raise NotFound(
            Text("这里没有账号，也就没有离线包。", "There are no accounts here, and so no packages."),
            Text("请用 wangge serve 启动服务。", "Start the service by `wangge serve`."),
        )
    asked = packages.Asked(
        current_snapshot(), policy(), who, now, max_zoom, shared.settings.installation.map_datum
    )
    made = packages.make_package(asked, shared.tiles, shared.access.package_key())
    if request.method == "HEAD":
        made.parts.close()
        response = Response(mimetype=packages.MEDIA_TYPE)
    else:
        try:
            _record(who, made)
        except BaseException:
            made.parts.close()
            raise
        response = Response(made.chunks(), mimetype=packages.MEDIA_TYPE)
        response.call_on_close(made.parts.close)
    response.content_length = made.size
    response.cache_control.private = response.cache_control.no_store = True
    name = f"wangge-{'-'.join(sorted(who.area.codes)[:1])}-{now:%Y%m%d}.wgp"
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return response


def _record(who: Visitor, made: packages.Package) -> None:
    service().record(
        who,
        "package",
        what=f"{request.path} {field.area_id(who.area)} {field.holder_of(who)}",
        layer="communities",
        codes=made.codes,
        count=len(made.codes),
        origin=address_of(request),
    )
