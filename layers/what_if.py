"""What if a facility stood elsewhere: a scenario is data, and is applied to a copy of the present that nobody stores.

A hypothetical snapshot differs from the present one in the rows of the layers that the steps touch, and in nothing
else: all that is asked of it is answered by the code that answers for a store, so that its numbers are those of a
store that really has these rows. What follows from other layers alone is taken over (see `layers.snapshot`).
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote

import pandas as pd
import shapely

from geo import crs
from layers.dwellings import dwellings
from layers.frames import conform
from layers.places import is_same_place, parents_after_move
from layers.problems import BadParameter
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.text import Text, joined
from layers.units import units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import geopandas as gpd

    from layers.patches import Rows
    from layers.standards import Standards

Action = Literal["add", "move", "close"]
Status = Literal["done", "gone", "closed"]
"""`gone`: the district has no such place (any more); `closed`: an earlier step of the scenario closed it."""

MOVED_LAYERS = ("facilities", "mediation_rooms")
ROOM, SHARED_ROOM = "mediation_room", "shared_mediation_room"
"""Kinds of what may be added that are no kinds of facilities: a room for its own community, and one for others too."""

MOST_STEPS, MOST_CHARACTERS = 30, 4000
AROUND_DEG = 0.05
"""A place may stand so far outside the district: what is across the border serves people here."""

_DECIMALS = 7
_KEPT = 3
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd]")
"""What neither a code nor a name may hold once its percents are decoded."""
_DEGREES = re.compile(r"-?\d{1,3}(\.\d{1,15})?", re.ASCII)
_ENTRANCE = ("entrance_lon", "entrance_lat")


@dataclass(frozen=True)
class Step:
    """One thing that is supposed: `kind` of what is added, `layer` and `code` of what is moved or closed.

    `at` is (lon, lat) in degrees of EPSG:4490: where it is added, or moved to.
    """

    action: Action
    kind: str = ""
    layer: str = ""
    code: str = ""
    at: tuple[float, float] | None = None

    def as_text(self) -> str:
        """Return the step as it stands in an address."""
        parts: list[str] = [self.action]
        parts += [self.kind] if self.action == "add" else [self.layer, quote(self.code, safe="")]
        parts += map(_written, self.at or ())
        return ":".join(parts)


@dataclass(frozen=True)
class Scenario:
    """What is supposed, in the order in which it happens; equal scenarios are the same."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def from_text(cls, text: str, standards: Standards) -> Scenario:
        """Read a scenario, such as ``add:day_care:114.13:22.55;close:facilities:F01``.

        Steps are separated by semicolons, their parts by colons; codes are percent-encoded. ``add:KIND:LON:LAT``,
        ``move:LAYER:CODE:LON:LAT``, ``close:LAYER:CODE``; LAYER is one of `MOVED_LAYERS`, KIND a kind of facility,
        ``mediation_room`` or ``shared_mediation_room``; degrees are of EPSG:4490.

        Raises
        ------
        BadParameter
            Names every step that is not understood, or says that it is too much.
        """
        written = [part for part in text.split(";") if part]
        if len(text) > MOST_CHARACTERS or len(written) > MOST_STEPS:
            raise BadParameter(
                Text(
                    "一个假设方案最多 {n} 步、{c} 个字符。",
                    "A scenario has at most {n} steps and {c} characters.",
                ).format(n=MOST_STEPS, c=MOST_CHARACTERS),
                Text("请拆成几个方案。", "Make several scenarios of it."),
            )
        kinds = (*standards.facility_kinds, ROOM, SHARED_ROOM)
        steps = [_step(part, kinds) for part in written]
        wrong = [
            Text("第 {n} 步“{s}”", 'step {n}, "{s}"').format(n=n, s=part[:60])
            for n, (part, step) in enumerate(zip(written, steps, strict=True), 1)
            if step is None
        ]
        if wrong:
            raise BadParameter(
                Text("看不懂：{w}。", "Not understood: {w}.").format(w=joined(wrong)),
                Text(
                    "每步写成 add:种类:经度:纬度、move:图层:编码:经度:纬度 或 close:图层:编码，步间用分号。",
                    "Write each step as add:KIND:LON:LAT, move:LAYER:CODE:LON:LAT or close:LAYER:CODE, with semicolons "
                    "between steps.",
                ),
            )
        return cls(tuple(step for step in steps if step is not None))

    def as_text(self) -> str:
        """Return the scenario as it stands in an address."""
        return ";".join(step.as_text() for step in self.steps)


@dataclass(frozen=True)
class Applied:
    """What became of one step.

    Attributes
    ----------
    layer, kind : str
        What it is about; `kind` as in `Scenario.from_text`, "" where that is gone.
    name : str, optional
    before : (lon, lat), optional
        Where it stood until then.
    """

    step: Step
    status: Status
    layer: str
    kind: str
    name: str | None = None
    before: tuple[float, float] | None = None


@dataclass(frozen=True)
class Hypothesis:
    """A scenario applied: the present, what would be, and what became of each step."""

    scenario: Scenario
    present: Snapshot
    supposed: Snapshot
    steps: tuple[Applied, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that the steps are about, in the standard's order, mediation rooms last."""
        found = {_ROOMS.get(one.kind, one.kind) for one in self.steps if one.status == "done"}
        return tuple(kind for kind in (*self.present.standards.facility_kinds, ROOM) if kind in found)


_ROOMS = {SHARED_ROOM: ROOM}


def hypothesis(present: Snapshot, scenario: Scenario, *, unit: str) -> Hypothesis:
    """Return a scenario applied to the present; the last few are kept with it, with what was asked of them.

    Parameters
    ----------
    unit : str
        The units that it will be asked about: what of them follows from no facility is made of the present
        first, so that it is made once.

    Raises
    ------
    BadParameter
        A place lies outside of the district.
    """
    dwellings(present)
    units(present, unit)
    kept: _Kept = present.derived(("what if",), lambda: _Kept(present))
    return kept.get((scenario, unit), lambda: _apply(present, scenario))


class _Kept:
    """The hypotheses that were asked for last; they belong to one present and go with it."""

    def __init__(self, present: Snapshot) -> None:
        for layer in LAYERS:  # so that no later snapshot takes them over, whatever layer differs
            present.count(layer)
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[Scenario, str], Hypothesis] = OrderedDict()

    def get(self, key: tuple[Scenario, str], make: Callable[[], Hypothesis]) -> Hypothesis:
        with self._lock:
            found = self._made.get(key)
        found = make() if found is None else found
        with self._lock:
            self._made[key] = found
            self._made.move_to_end(key)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return found


def _apply(present: Snapshot, scenario: Scenario) -> Hypothesis:
    _check_places(present, scenario.steps)
    written: dict[str, dict[str, gpd.GeoDataFrame | None]] = {layer: {} for layer in MOVED_LAYERS}
    applied = []
    for number, step in enumerate(scenario.steps, 1):
        applied.append(_taken(present, written, step, number))
    rows = dict(present.rows)
    for layer, changes in written.items():
        if changes:
            rows[layer] = _rows_after(present.rows[layer], changes)
    supposed = present
    if any(written.values()):
        supposed = Snapshot(present.version, present.district, present.standards, rows, before=present)
    return Hypothesis(scenario, present, supposed, tuple(applied))


def _taken(
    present: Snapshot, written: dict[str, dict[str, gpd.GeoDataFrame | None]], step: Step, number: int
) -> Applied:
    """Take one step: note in `written` which row it leaves, and return what became of it."""
    if step.action == "add":
        layer = "mediation_rooms" if step.kind in (ROOM, SHARED_ROOM) else "facilities"
        code = f"what-if-{number}"
        while code in present.frame(layer).index:
            code += "'"
        written[layer][code] = _added(layer, code, step)
        return Applied(step, "done", layer, step.kind)
    there = present.rows[step.layer].at([step.code])
    known = written[step.layer].get(step.code, there if len(there) else None)
    if known is None:
        status: Status = "closed" if step.code in written[step.layer] else "gone"
        return Applied(step, status, step.layer, _kind_of(there) if len(there) else "", _name_of(there))
    written[step.layer][step.code] = _moved(present, step, known) if step.action == "move" else None
    at = shapely.point_on_surface(known.geometry.iloc[0])
    return Applied(step, "done", step.layer, _kind_of(known), _name_of(known), (float(at.x), float(at.y)))


def _added(layer: str, code: str, step: Step) -> gpd.GeoDataFrame:
    import geopandas as gpd

    row: dict[str, Any] = {"code": code}
    if layer == "facilities":
        row["kind"] = step.kind
    else:
        row["shared"] = "yes" if step.kind == SHARED_ROOM else "no"
    frame = gpd.GeoDataFrame([row], geometry=[_point(step)], crs=crs.STORED_CRS)
    return conform(frame, LAYERS[layer])


def _moved(present: Snapshot, step: Step, known: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a row at its new place, as a move that is written leaves it: the door is there, and so is the parent."""
    import geopandas as gpd

    layer, point = LAYERS[step.layer], _point(step)
    before = known.iloc[0]
    if is_same_place(before["geometry"], point):
        return known  # it stays where it is, and so does its door
    left = (*_ENTRANCE, "geometry")
    values = {name: value for name, value in before.items() if name not in left}
    row: dict[Any, Any] = {"code": step.code, **values, **parents_after_move(present, layer, before, point)}
    return conform(gpd.GeoDataFrame([row], geometry=[point], crs=crs.STORED_CRS), layer)


def _rows_after(rows: Rows, changes: dict[str, gpd.GeoDataFrame | None]) -> Rows:
    frames = [changes[code] for code in sorted(changes) if changes[code] is not None]
    fresh = pd.concat(frames) if frames else rows.at([])
    return rows.then(fresh, sorted(changes))


def _kind_of(row: gpd.GeoDataFrame) -> str:
    return str(row["kind"].iloc[0]) if "kind" in row.columns else ROOM


def _name_of(row: gpd.GeoDataFrame) -> str | None:
    return None if not len(row) or pd.isna(row["name"].iloc[0]) else str(row["name"].iloc[0])


def _point(step: Step) -> shapely.Point:
    return shapely.Point(step.at or ())


def _check_places(present: Snapshot, steps: Iterable[Step]) -> None:
    outline = present.district.outline
    west, south, east, north = (
        crs.area_of_use(present.district.metric_crs) if outline is None else outline.bounds
    )
    outside = [
        Text("第 {n} 步（{x}, {y}）", "step {n} ({x}, {y})").format(
            n=n, x=_written(step.at[0]), y=_written(step.at[1])
        )
        for n, step in enumerate(steps, 1)
        if step.at is not None
        and not (
            west - AROUND_DEG <= step.at[0] <= east + AROUND_DEG
            and south - AROUND_DEG <= step.at[1] <= north + AROUND_DEG
        )
    ]
    if outside:
        raise BadParameter(
            Text("位置不在本区：{w}。", "Not in this district: {w}.").format(w=joined(outside)),
            Text(
                "请核对：先经度后纬度，单位是度，坐标系为 EPSG:4490（与 WGS 84 相差不到 1 米）。",
                "Check that longitude comes first, in degrees of EPSG:4490 (within 1 m of WGS 84).",
            ),
        )


def _step(text: str, kinds: tuple[str, ...]) -> Step | None:
    action, *parts = text.split(":")
    if action == "add" and len(parts) == 3 and parts[0] in kinds:
        return _placed("add", parts[1:], kind=parts[0])
    if len(parts) < 2 or parts[0] not in MOVED_LAYERS or not parts[1]:
        return None
    code = unquote(parts[1])
    if CONTROL.search(code):
        return None
    if action == "move" and len(parts) == 4:
        return _placed("move", parts[2:], layer=parts[0], code=code)
    if action == "close" and len(parts) == 2:
        return Step("close", layer=parts[0], code=code)
    return None


def _placed(action: Action, degrees: list[str], **what: str) -> Step | None:
    if not all(_DEGREES.fullmatch(part) for part in degrees):
        return None
    lon, lat = (round(float(part), _DECIMALS) + 0.0 for part in degrees)
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        return None
    return Step(action, at=(lon, lat), **what)


def _written(degrees: float) -> str:
    return f"{degrees:.{_DECIMALS}f}".rstrip("0").rstrip(".")
