"""What a store does, as plain dictionaries: every state that was, and for days a course of facts.

Nothing here is taken back: a state of a version is the one that was kept, and what held on a day is read
from the facts and corrections played forward. `layers.stores.history` goes the other way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd

from layers.problems import Conflict, FeaturesExist, NotFound, StoreConflict, WanggeError
from layers.schema import LAYERS
from layers.store import Authorship, Change, Edit, EditKind, Written

Feature = Mapping[str, Any]
"""Known values by name, in the layer's order after ``geometry``; days are ISO texts."""

State = Mapping[str, Feature]
"""The features of one layer by code."""

BEFORE_ALL_DAYS = 0
"""Earlier than the ordinal of any day."""


class Refused(Exception):
    """The write is to be refused with this kind of problem, which says this."""

    def __init__(self, kind: type[WanggeError], said: Any = None) -> None:
        super().__init__(kind, said)
        self.kind = kind
        self.said = said


class Course:
    """What held of one thing from which day on."""

    def __init__(self) -> None:
        self._from: list[tuple[int, Any]] = [(BEFORE_ALL_DAYS, None)]

    def say(self, value: Any, effective: date | None) -> None:
        """Let `value` hold from a day on for good, or in place of what was said last."""
        if effective is None:
            self._from[-1] = (self._from[-1][0], value)
        else:
            day = effective.toordinal()
            self._from = [*(told for told in self._from if told[0] < day), (day, value)]

    def on(self, day: date) -> Any:
        """Return what held on `day`."""
        return [value for start, value in self._from if start <= day.toordinal()][-1]


class Model:
    """A store of some layers."""

    def __init__(self, layers: Iterable[str]) -> None:
        self.states: list[dict[str, State]] = [{layer: {} for layer in layers}]
        self.changes: list[Change] = []
        self._courses: dict[str, dict[str, dict[str, Course]]] = {layer: {} for layer in self.states[0]}

    @property
    def version(self) -> int:
        return len(self.states) - 1

    def present(self, layer: str) -> State:
        return self.states[-1][layer]

    def write(
        self,
        layer: str,
        features: State,
        mode: str,
        *,
        by: Authorship,
        at: datetime,
        based_on: int | None = None,
    ) -> Written:
        """Insert, update or upsert, as `layers.store.Store` does, or raise `Refused`."""
        there = self.present(layer)
        touched = {code: feature for code, feature in features.items() if there.get(code) != feature}
        self.check_base(layer, touched, based_on)
        old = sorted(features.keys() & there.keys())
        if mode == "insert" and old:
            raise Refused(FeaturesExist, tuple(old))
        if mode == "update" and len(old) < len(features):
            raise Refused(NotFound)
        updated = len(touched.keys() & there.keys())
        self._commit(layer, touched, by, at)
        return Written(self.version, len(touched) - updated, updated, len(features) - len(touched))

    def delete(
        self, layer: str, codes: Sequence[str], *, by: Authorship, at: datetime, based_on: int | None = None
    ) -> int:
        """Delete, as `layers.store.Store` does, or raise `Refused`."""
        self.check_base(layer, dict.fromkeys(codes), based_on)
        gone = dict.fromkeys(self.present(layer).keys() & set(codes))
        self._commit(layer, gone, by, at)
        return len(gone)

    def history(self, layer: str, code: str) -> list[Edit]:
        """Return what was done to one feature."""
        edits = []
        for change in self.changes:
            if change.layer == layer and code in change.codes:
                before, after = (
                    self.states[v][layer].get(code) for v in (change.version - 1, change.version)
                )
                fields = differences(layer, before, after)
                kind: EditKind = "insert" if before is None else "delete" if after is None else "update"
                edits.append(Edit(change.version, kind, fields, change.by))
        return edits

    def on(self, layer: str, day: date) -> State:
        """Return what held on `day`."""
        held = {}
        for code, courses in self._courses[layer].items():
            values = {name: course.on(day) for name, course in courses.items()}
            if values.pop("code") is not None:
                held[code] = {name: value for name, value in values.items() if value is not None}
        return held

    def check_base(self, layer: str, mine: Mapping[str, Feature | None], based_on: int | None) -> None:
        """Raise `Refused` where others have touched since `based_on` what `mine` would change."""
        if based_on is None:
            return
        if not 0 <= based_on <= self.version:
            raise Refused(NotFound)
        base, theirs = self.states[based_on][layer], self.present(layer)
        conflicts = []
        for code in sorted(mine):
            since = [c for c in self.changes[based_on:] if c.layer == layer and code in c.codes]
            sides = (base.get(code), mine[code], theirs.get(code))
            if not since or sides[1] == sides[2]:
                continue
            last = since[-1]
            whole = sides[1] is None or sides[2] is None
            for name in [None] if whole else differences(layer, sides[2], sides[1]):
                seen, ours, stood = (s if name is None or s is None else s.get(name) for s in sides)
                conflicts.append(Conflict(code, name, seen, ours, stood, last.version, last.by.who, last.at))
        if conflicts:
            raise Refused(StoreConflict, tuple(conflicts))

    def _commit(
        self, layer: str, touched: Mapping[str, Feature | None], by: Authorship, at: datetime
    ) -> None:
        if not touched:
            return
        after = dict(self.present(layer))
        for code, feature in touched.items():
            self._say(layer, code, after.get(code), feature, by.effective)
            if feature is None:
                del after[code]
            else:
                after[code] = feature
        self.states.append(self.states[-1] | {layer: after})
        self.changes.append(Change(self.version, layer, tuple(sorted(touched)), by, at))

    def _say(
        self, layer: str, code: str, before: Feature | None, after: Feature | None, effective: date | None
    ) -> None:
        """Note what a write says of one feature: of all fields and its being there where it comes or goes.

        A delete without a day says only that the feature was never there.
        """
        names = ["code", *names_of(layer)]
        courses = self._courses[layer].setdefault(code, {name: Course() for name in names})
        if before is not None and after is not None:
            names = list(differences(layer, before, after))
        elif after is None and effective is None:
            names = ["code"]
        values = {} if after is None else {"code": code, **after}
        for name in names:
            courses[name].say(values.get(name), effective)


def names_of(layer: str) -> list[str]:
    """Return what a feature has values of, in the order in which differences are told."""
    return ["geometry", *(name for name in LAYERS[layer].field_names if name != "code")]


def differences(layer: str, before: Feature | None, after: Feature | None) -> dict[str, tuple[Any, Any]]:
    """Return what differs, as (before, after) by name."""
    pairs = {name: ((before or {}).get(name), (after or {}).get(name)) for name in names_of(layer)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def features_of(frame: gpd.GeoDataFrame, layer: str) -> dict[str, Feature]:
    """Return the features of a layer's frame as the model has them, in the frame's order."""
    columns: dict[str, list[Any]] = {"geometry": frame.geometry.tolist()}
    for field in LAYERS[layer].fields[1:]:
        days = field.type == "date"
        values = [value if pd.notna(value) else None for value in frame[field.name].tolist()]
        columns[field.name] = [v if v is None or not days else v.date().isoformat() for v in values]
    rows = zip(*columns.values(), strict=True)
    return {
        code: {name: value for name, value in zip(columns, row, strict=True) if value is not None}
        for code, row in zip(frame.index, rows, strict=True)
    }
