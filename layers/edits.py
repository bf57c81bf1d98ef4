"""Writes, edits and conflicts in words and as JSON, as far as the policy lets them out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo import crs
from layers.policy import is_unguarded, unguarded_fields
from layers.text import Text, both, joined
from layers.wording import NOT_KNOWN

if TYPE_CHECKING:
    from layers.problems import Conflict
    from layers.schema import Field, Layer
    from layers.standards import Standards
    from layers.store import Authorship, Change, Edit

_GEOMETRY = "geometry"
_SHOWN_CODES = 5
_SAME_PLACE_M = 0.05
_KINDS = {
    "insert": Text("新增", "inserted"),
    "update": Text("修改", "changed"),
    "delete": Text("删除", "deleted"),
}
_FACTS = {"yes": Text("是", "yes"), "no": Text("否", "no"), "unknown": NOT_KNOWN}
_WAS_EMPTY = Text("原为空图形", "was empty")
_NOW_EMPTY = Text("现为空图形", "now empty")
_ARROW = Text("{t}：{a} → {b}", "{t}: {a} → {b}")
_ONE = Text("{t}：{v}", "{t}: {v}")
_ERASED = Text("{t}：已删去，不留内容", "{t}: erased, and not what it was")
_HIDDEN = Text("{t}：受保护，不显示", "{t}: guarded, not shown")


def change_as_dict(change: Change) -> dict[str, Any]:
    """Return a write for JSON."""
    return {
        "version": change.version,
        "layer": change.layer,
        **_authorship(change.by, change.at),
        "codes": list(change.codes),
    }


def change_words(change: Change) -> Text:
    """Return a write as one line."""
    shown = ", ".join(change.codes[:_SHOWN_CODES]) + (" …" if len(change.codes) > _SHOWN_CODES else "")
    told = Text("{head}  {n} 个要素：{codes}", "{head}  {n} features: {codes}")
    head = _head(change.version, change.by, change.at)
    return told.format(head=head, n=f"{len(change.codes):,}", codes=shown)


def edit_as_dict(edit: Edit, layer: Layer, metric_crs: str) -> dict[str, Any]:
    """Return an edit for JSON: guarded fields by name alone, the geometry by where it went and what it covers."""
    seen = {field.name for field in unguarded_fields(layer)}
    fields: list[dict[str, Any]] = []
    for name, (before, after) in edit.fields.items():
        if name == _GEOMETRY:
            fields.append({"field": name, **_measured(before, after, metric_crs)})
        elif name in seen:
            fields.append({"field": name, "before": before, "after": after})
        else:
            fields.append({"field": name, "guarded": True})
    fields += [{"field": name, "erased": True} for name in edit.erased]
    return {
        "version": edit.version,
        "kind": edit.kind,
        **_authorship(edit.by, edit.at),
        "fields": fields,
    }


def edit_words(edit: Edit, layer: Layer, standards: Standards, metric_crs: str) -> list[Text]:
    """Return an edit as a line for the write and one for each field."""
    head = Text("{head}  {kind}", "{head}  {kind}")
    lines = [head.format(head=_head(edit.version, edit.by, edit.at), kind=_KINDS[edit.kind])]
    seen = {field.name for field in unguarded_fields(layer)}
    for name, (before, after) in edit.fields.items():
        if name == _GEOMETRY:
            told = _geometry_words(before, after, metric_crs)
        elif name not in seen:
            told = _HIDDEN.format(t=layer.field(name).title)
        else:
            told = _value_words(edit, layer.field(name), before, after, standards)
        lines.append(Text("    {told}", "    {told}").format(told=told))
    told_erased = [_ERASED.format(t=layer.field(name).title) for name in edit.erased]
    return lines + [Text("    {told}", "    {told}").format(told=told) for told in told_erased]


def conflict_as_dict(conflict: Conflict) -> dict[str, Any]:
    """Return both sides of a conflict for JSON; guarded values stay inside."""
    sides = {"base": conflict.base, "mine": conflict.mine, "theirs": conflict.theirs}
    if conflict.field is None or is_unguarded(conflict.field):
        shown = {side: _plain(value) for side, value in sides.items()}
    else:
        shown = {"guarded": True}
    return {
        "code": conflict.code,
        "field": conflict.field,
        **shown,
        "version": conflict.version,
        "who": conflict.who,
        "at": _moment(conflict.at),
    }


def conflict_words(conflict: Conflict) -> Text:
    """Return both sides of a conflict as one line."""
    last = Text("{c} {f}：{sides}（第 {v} 版，{who}）", "{c} {f}: {sides} (version {v}, {who})")
    if conflict.field is None:
        sides = (
            Text("您要删除，对方已修改", "you delete what they changed")
            if conflict.mine is None
            else Text("对方已删除", "they deleted it")
        )
    elif conflict.field == _GEOMETRY or not is_unguarded(conflict.field):
        sides = Text("双方不同", "the two differ")
    else:
        told = [_or_unknown(value) for value in (conflict.base, conflict.mine, conflict.theirs)]
        sides = Text("原为 {b}，您写 {m}，对方已写 {t}", "was {b}, yours {m}, theirs {t}")
        sides = sides.format(b=told[0], m=told[1], t=told[2])
    who = both(conflict.who) if conflict.who else NOT_KNOWN
    return last.format(c=conflict.code, f=conflict.field or "", sides=sides, v=conflict.version, who=who)


def _authorship(by: Authorship, at: datetime | None) -> dict[str, Any]:
    return {
        "at": _moment(at),
        "who": by.who,
        "note": by.note,
        "effective": None if by.effective is None else by.effective.isoformat(),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _head(version: int, by: Authorship, at: datetime | None) -> Text:
    """Return which write, when by the writer's clock (in this machine's time zone), who, and why."""
    parts = [Text("第 {v} 版", "version {v}").format(v=version)]
    parts.append(NOT_KNOWN if at is None else both(at.astimezone().isoformat(" ", "seconds")))
    parts.append(both(by.who) if by.who else Text("操作人不明", "nobody named"))
    if by.effective is not None:
        parts.append(Text("{d} 起生效", "from {d} on").format(d=by.effective))
    if by.note:
        parts.append(Text("（{note}）", "({note})").format(note=by.note))
    return Text("  ".join(part.zh for part in parts), "  ".join(part.en for part in parts))


def _value_words(edit: Edit, field: Field, before: Any, after: Any, standards: Standards) -> Text:
    if edit.kind == "update":
        told = [_value(field, value, standards) for value in (before, after)]
        return _ARROW.format(t=field.title, a=told[0], b=told[1])
    value = after if edit.kind == "insert" else before
    return _ONE.format(t=field.title, v=_value(field, value, standards))


def _value(field: Field, value: Any, standards: Standards) -> Text:
    if value is None:
        return NOT_KNOWN
    if field.type == "fact":
        return _FACTS.get(value) or both(str(value))
    if field.codes is not None:
        return standards.title(field.codes, value)
    return both(str(value))


def _or_unknown(value: Any) -> Text:
    return NOT_KNOWN if value is None else both(str(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items() if is_unguarded(name)}
    return json.loads(shapely.to_geojson(value)) if isinstance(value, shapely.Geometry) else value


def _measured(before: Any, after: Any, metric_crs: str) -> dict[str, Any]:
    """Return the area before and after (None where it is none), how far the middle moved, in metres, and where it is.

    There is no place where there is no shape but an empty one.
    """
    before, after = (None if shape is None or shape.is_empty else shape for shape in (before, after))
    there = [shape for shape in (before, after) if shape is not None]
    flat = crs.to_metric(np.array(there, dtype=object), metric_crs)
    middles = shapely.centroid(flat)
    areas = iter(shapely.area(flat).tolist())
    covered = [None if shape is None else next(areas) or None for shape in (before, after)]
    moved = round(float(shapely.distance(*middles)), 2) if len(there) == len(covered) else None
    found = {
        "moved_m": moved,
        "area_m2": [None if area is None else round(area, 1) for area in covered],
    }
    for shape in there[-1:]:
        middle = shapely.centroid(shape)
        found |= {"lon": round(middle.x, 6), "lat": round(middle.y, 6)}
    return found


def _geometry_words(before: Any, after: Any, metric_crs: str) -> Text:
    found = _measured(before, after, metric_crs)
    was, now = [_area(area) for area in found["area_m2"]]
    told: list[Text] = []
    if found["moved_m"] is None:
        if "lon" in found:
            told.append(both(f"{found['lon']}, {found['lat']}"))
        told += [area for area in (was, now) if area is not None]
        for shape, empty in ((before, _WAS_EMPTY), (after, _NOW_EMPTY)):
            if shape is not None and shape.is_empty:
                told.append(empty)
    else:
        if found["moved_m"] > _SAME_PLACE_M:
            told.append(Text("移动 {m:,.1f} 米", "moved by {m:,.1f} m").format(m=found["moved_m"]))
        if was != now:
            point = Text("点", "a point")
            told.append(both("{a} → {b}").format(a=was or point, b=now or point))
        if not told:
            told.append(Text("形状有改动", "redrawn, in the same place and of the same size"))
    return _ONE.format(t=Text("位置与形状", "Place and shape"), v=joined(told))


def _area(area_m2: float | None) -> Text | None:
    return None if area_m2 is None else Text("{a:,.0f} 平方米", "{a:,.0f} m²").format(a=area_m2)
