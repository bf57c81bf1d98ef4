"""The values that a request gives a feature, held against the schema and the ground: all that is wrong at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.datum import DATUMS, convert_datum
from layers.fact_request import CONTROL, FactRequest, Problems, iso_day
from layers.fact_rules import LATEST_TODAY, PLACE, Correctable, days_that_follow
from layers.imports.findings import Fault
from layers.imports.values import parser_of
from layers.text import Text, joined

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from layers.schema import Field
    from layers.snapshot import Snapshot
    from layers.standards import Standards
    from layers.visitors import Area

MOST_TEXT = 200


def check_values(
    request: FactRequest,
    feature: Correctable,
    *,
    snapshot: Snapshot,
    standards: Standards,
    area: Area,
    today: date,
    problems: Problems,
) -> dict[str, Any]:
    """Return the values as stores take them: days as ISO texts, a place as a point in EPSG:4490.

    Parameters
    ----------
    problems : Problems
        What has been found wrong with the request before.

    Raises
    ------
    ValidationError
        Something may not be written, or is not of its kind, or was wrong before: all of it at once.
    """
    described = {one.name: one for one in feature.layer.fields}
    values: dict[str, Any] = {}
    for name, given in request.values.items():
        if name not in feature.may:
            problems.add(name, None, *_not_yours(name, feature, described))
        elif name == PLACE:
            values[PLACE] = _place(given, snapshot, area, problems)
        else:
            values[name] = _value(given, described[name], standards, today, problems)
    problems.raise_any()
    return values


def _not_yours(name: str, feature: Correctable, described: Mapping[str, Field]) -> tuple[Text, Text]:
    can = [described[one].title if one in described else _PLACE_TITLE for one in feature.may]
    remedy = Text("可改的有：{k}。", "What you may change: {k}.").format(k=joined(can))
    if not can:
        remedy = Text("这里没有您可改的。", "There is nothing here that you may change.")
    if name in days_that_follow(feature.layer):
        return Text("这个日期随核实之日而定。", "This date follows from the day it was seen."), remedy
    if name not in described and name != PLACE:
        return Text("没有这个字段。", "There is no such field."), remedy
    return Text("您不能改这个字段。", "You may not change this."), remedy


_PLACE_TITLE = Text("位置", "Place")


def _value(given: Any, one: Field, standards: Standards, today: date, problems: Problems) -> Any:
    if given is None or given == "":
        if one.type == "fact":
            return "unknown"
        if one.required:
            problems.add(
                one.name,
                None,
                Text("{t}不能为空。", "{t} must be there.").format(t=one.title),
                Text("请写明。", "Give it."),
            )
        return None
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        problems.add(
            one.name, given, Text("不是一个值。", "This is no value."), Text("请改正。", "Correct it.")
        )
        return None
    if one.type == "date":
        return _day_value(given, one, today, problems)
    text = str(given).strip()
    found = parser_of(one, standards)(text)
    if isinstance(found, Fault):
        problems.add(one.name, given, found.message, found.remedy)
        return None
    if one.type == "integer" or isinstance(found, str):
        found = int(found) if one.type == "integer" else found
    if isinstance(found, str) and (len(found) > MOST_TEXT or CONTROL.search(found)):
        problems.add(
            one.name,
            given,
            Text("太长，或含有控制字符。", "This is too long, or holds control characters."),
            Text("最多 {n} 个字。", "At most {n} characters.").format(n=MOST_TEXT),
        )
        return None
    return found


def _day_value(given: Any, one: Field, today: date, problems: Problems) -> str | None:
    day = iso_day(given)
    if day is None:
        problems.add(
            one.name,
            given,
            Text("不是日期。", "This is not a date."),
            Text("请写成 {t} 的形式。", "Write it like {t}.").format(t=today),
        )
        return None
    if one.name in LATEST_TODAY and day > today:
        problems.add(
            one.name,
            given,
            Text("晚于今天（{t}）。", "This is after today ({t}).").format(t=today),
            Text("请核对。", "Check it."),
        )
    return day.isoformat()


def _place(given: Any, snapshot: Snapshot, area: Area, problems: Problems) -> shapely.Point | None:
    point = _point(given, problems)
    if point is None:
        return None
    ground = _ground(snapshot)
    shown = f"{point.x:.6f}, {point.y:.6f}"
    if ground is not None and not shapely.covers(ground, point):
        problems.add(
            PLACE,
            shown,
            Text("这个位置在本区之外。", "This place is outside the district."),
            Text(
                "请检查经纬度是否写反，坐标系是否选对。",
                "Check whether longitude and latitude are swapped, and whether the datum is the right one.",
            ),
        )
    elif area.codes and not _covered(snapshot, area, point):
        problems.add(
            PLACE,
            shown,
            Text("这个位置不在您的范围内。", "This place is outside your area."),
            Text("请由所在范围的人员改动。", "Whoever answers for that area has to do it."),
        )
    return point


def _point(given: Any, problems: Problems) -> shapely.Point | None:
    """Return a position in EPSG:4490, which WGS 84 counts as."""
    if isinstance(given, dict) and given.keys() <= {"lon", "lat", "datum"}:
        lon, lat, datum = given.get("lon"), given.get("lat"), given.get("datum", "wgs84")
        numbers = all(
            isinstance(one, int | float) and not isinstance(one, bool) and -limit <= one <= limit
            for one, limit in ((lon, 180), (lat, 90))
        )
        if numbers and datum in DATUMS:
            x, y = convert_datum(np.array([lon]), np.array([lat]), source=datum, target="wgs84")
            return shapely.Point(round(float(x[0]), 8), round(float(y[0]), 8))
    problems.add(
        PLACE,
        given,
        Text("不是一个位置。", "This is no place."),
        Text(
            "请写经度、纬度（度）和坐标系：{d}。",
            "Give longitude and latitude in degrees, and the datum: {d}.",
        ).format(d=Text("、".join(DATUMS), ", ".join(DATUMS))),
    )
    return None


def _ground(snapshot: Snapshot) -> shapely.Geometry | None:
    """Return the district's ground: its outline, else its subdistricts; None where neither is known."""
    if snapshot.district.outline is not None:
        return snapshot.district.outline
    shapes = np.asarray(snapshot.frame("subdistricts").geometry.array)
    return shapely.union_all(shapes) if len(shapes) else None


def _covered(snapshot: Snapshot, area: Area, point: shapely.Point) -> bool:
    frame = snapshot.frame(area.kind)
    shapes = np.asarray(frame.geometry.array)[frame.index.isin(list(area.codes))]
    return bool(shapely.covers(shapes, point).any())
