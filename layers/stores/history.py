"""What writes replaced, and how to take them back.

A store keeps its present rows and, for every feature that a version updated or deleted, what was there
before. A past state is the present with the later writes taken back, newest first.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import shapely

from layers.problems import Conflict
from layers.store import NOBODY, Authorship, Edit, EditKind
from layers.stores.contents import HistoryRow
from layers.stores.rows import Row, geometries_of, value_fields

if TYPE_CHECKING:
    from layers.schema import Layer

CODE = "code"
GEOMETRY = "geometry"


@dataclass(frozen=True)
class Undo:
    """What takes one write to one feature back.

    Attributes
    ----------
    wkb : bytes or None
        The geometry before, where the write changed it or deleted the feature.
    before : mapping of field to value
        The values before: of what the write changed, or of the whole feature that it deleted.
    """

    version: int
    code: str
    kind: EditKind
    wkb: bytes | None = None
    before: Mapping[str, Any] | None = None
    by: Authorship = NOBODY
    at: datetime | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What the write replaced, by name; all of a feature, its code among it, that it deleted."""
        code = {CODE: self.code} if self.kind == "delete" else {}
        return code | ({} if self.wkb is None else {GEOMETRY: self.wkb}) | dict(self.before or {})


def history_row(version: int, before: Row, after: Row | None, layer: Layer) -> HistoryRow:
    """Return what is kept of `before` when `after` takes its place; None deletes it."""
    values: dict[str, Any] = {}
    for at, field in enumerate(value_fields(layer), 2):
        if after is None or before[at] != after[at]:
            values[field.name] = before[at]
    wkb = before[1] if after is None or before[1] != after[1] else None
    packed = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return HistoryRow(version, before[0], after is None, wkb, packed)


def rows_at(present: Iterable[Row], undos: Iterable[Undo], layer: Layer) -> list[Row]:
    """Return the rows as they stood before the writes that `undos` (newest first) take back, by code."""
    rows = {row[0]: row for row in present}
    for undo in undos:
        _take_back(rows, undo, layer)
    return [rows[code] for code in sorted(rows)]


def rows_on(present: Iterable[Row], undos: Iterable[Undo], layer: Layer, day: date) -> list[Row]:
    """Return the rows that held on `day`, by code.

    Every field of a feature has a course of its own through the days, and so has its being there. A write
    with an effective day says what holds from then on, whatever earlier writes said of later days. One
    without corrects what the last of those said, as if that had said so. An insert or a delete speaks of
    all fields, a corrected delete only of the feature's being there: what is written of it next continues
    from what it was.

    So, going back, a fact that took effect after `day` is taken back, one that had taken effect settles
    what it touched, and a correction stands.

    Parameters
    ----------
    undos : iterable of Undo, newest first
        All there are.
    """
    names = _names(layer)
    rows = {row[0]: row for row in present}
    # A feature is there while it has a code; its values outlast that, for a fact of a day before.
    past: dict[str, dict[str, Any]] = {}
    settled: defaultdict[str, set[str]] = defaultdict(set)
    for undo in undos:
        effective = undo.by.effective
        if effective is None and undo.kind != "delete":
            continue
        if undo.code not in past:
            past[undo.code] = dict(zip(names, rows.pop(undo.code, ()), strict=False))
        feature, known = past[undo.code], settled[undo.code]
        touched = set(undo.values if undo.kind == "update" else names) - known
        if effective is None:
            feature.update({n: v for n, v in undo.values.items() if n != CODE and n not in feature})
        elif effective <= day:
            known |= touched
        else:
            for name in touched:
                feature.pop(name, None)
            feature.update({name: value for name, value in undo.values.items() if name in touched})
    held = (tuple(feature.get(name) for name in names) for feature in past.values() if CODE in feature)
    return sorted([*rows.values(), *held], key=itemgetter(0))


def _names(layer: Layer) -> tuple[str, ...]:
    """Return what a row's values are of, in its order."""
    return (CODE, GEOMETRY, *(field.name for field in value_fields(layer)))


def _take_back(rows: dict[str, Row], undo: Undo, layer: Layer) -> None:
    if undo.kind == "insert":
        rows.pop(undo.code, None)
        return
    names = _names(layer)
    after = dict(zip(names, rows.get(undo.code, ()), strict=False))
    before = after | undo.values
    if undo.kind == "delete" or after:
        rows[undo.code] = tuple(before.get(name) for name in names)


def edits_of(present: Row | None, undos: Sequence[Undo], layer: Layer) -> list[Edit]:
    """Return what was done to one feature, oldest first, from its present row and all its undos."""
    rows = {} if present is None else {present[0]: present}
    edits = []
    for undo in undos:
        after = rows.get(undo.code)
        _take_back(rows, undo, layer)
        fields = _differences(rows.get(undo.code), after, layer)
        # A write remembers what it changes: where nothing has, it is what `layers.stores.erasing` leaves.
        named = (undo.before or {}) if undo.kind == "update" else ()
        erased = tuple(name for name in named if name not in fields)
        edits.append(Edit(undo.version, undo.kind, fields, undo.by, undo.at, erased))
    return edits[::-1]


def conflicts_of(
    layer: Layer, mine: Mapping[str, Row | None], present: Mapping[str, Row], undos: Sequence[Undo]
) -> tuple[Conflict, ...]:
    """Return where `mine` and the present rows differ among features touched by `undos` (newest first).

    Parameters
    ----------
    mine : mapping of code to row
        What is to be written; None is to be deleted.
    undos : sequence of Undo
        Every write to those codes since the version that `mine` was based on.
    """
    last: dict[str, Undo] = {}
    for undo in undos:
        last.setdefault(undo.code, undo)
    base = {row[0]: row for row in rows_at([present[c] for c in last if c in present], undos, layer)}
    found = []
    for code in sorted(last):
        ours, theirs, seen = mine[code], present.get(code), last[code]
        if ours == theirs:
            continue
        whole = ours is None or theirs is None
        fields: Iterable[str | None] = [None] if whole else _differences(theirs, ours, layer)
        sides = [_shown(row, layer) for row in (base.get(code), ours, theirs)]
        for name in fields:
            was, ours_now, theirs_now = [
                side if name is None or side is None else side.get(name) for side in sides
            ]
            found.append(
                Conflict(
                    code=code,
                    field=name,
                    base=was,
                    mine=ours_now,
                    theirs=theirs_now,
                    version=seen.version,
                    who=seen.by.who,
                    at=seen.at,
                )
            )
    return tuple(found)


def _differences(before: Row | None, after: Row | None, layer: Layer) -> dict[str, tuple[Any, Any]]:
    left, right = _shown(before, layer) or {}, _shown(after, layer) or {}
    names = [GEOMETRY, *(field.name for field in value_fields(layer))]
    pairs = {name: (left.get(name), right.get(name)) for name in names}
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


def _shown(row: Row | None, layer: Layer) -> dict[str, Any] | None:
    """Return a row's known values by field, its geometry as a geometry."""
    if row is None:
        return None
    shape: shapely.Geometry = geometries_of([row[1]])[0]
    values = zip(value_fields(layer), row[2:], strict=True)
    return {GEOMETRY: shape} | {field.name: value for field, value in values if value is not None}
