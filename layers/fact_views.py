"""What is known of one feature, and what was done to it, as JSON for whoever may see it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from layers.amending import GEOMETRY
from layers.edits import conflict_as_dict, edit_as_dict
from layers.fact_rules import GROUPS, PLACE, Correctable, answers, day_field, days_that_follow, not_found
from layers.facts import FactConflict, unpacked_note
from layers.places import positions
from layers.text import Text, both
from layers.wording import NOT_KNOWN, known, name_of

if TYPE_CHECKING:
    from layers.schema import Field
    from layers.snapshot import Snapshot
    from layers.standards import Standards
    from layers.store import Edit, Store
    from layers.text import Language

_PLACE_TITLE = Text("位置", "Place")


def facts_as_dict(
    store: Store,
    feature: Correctable,
    *,
    snapshot: Snapshot,
    today: date,
    language: Language,
) -> dict[str, Any]:
    """Return what is known of a feature and what may be done to it, so that a form can be made of it.

    Read from the store itself: its version is what a request is based on.

    Raises
    ------
    NotFound
        It has just been deleted.
    """
    # Before the row: then whatever somebody writes in between is looked at again. The epoch before the version: of
    # a store that is restored in between the version then is another's, never the other way round.
    epoch = store.epoch()
    version = store.version()
    frame = store.read(feature.layer.name, codes=[feature.code])
    if frame.empty:
        raise not_found(feature.layer, feature.code)
    row = frame.iloc[0]
    names = {field.name for field in feature.seen}
    shown = [field for field in feature.seen if field.name not in _told_otherwise(feature)]
    as_of = snapshot.district.as_of
    return {
        "layer": feature.layer.name,
        "layer_title": feature.layer.one.to(language),
        "code": feature.code,
        "name": name_of(row.reindex([*names & set(row.index)]), feature.code).to(language),
        "version": version,
        "epoch": epoch.id,
        "as_of_district": None if as_of is None else as_of.isoformat(),
        "today": today.isoformat(),
        "may": list(feature.actions),
        "place": _place(row.geometry) | {"movable": PLACE in feature.may},
        "fields": [_field(field, row, feature, snapshot, names, language) for field in shown],
    }


def _told_otherwise(feature: Correctable) -> frozenset[str]:
    return days_that_follow(feature.layer) | {"code"}


def _field(
    field: Field,
    row: pd.Series,
    feature: Correctable,
    snapshot: Snapshot,
    names: set[str],
    language: Language,
) -> dict[str, Any]:
    dated, standards = day_field(feature.layer, field.name), snapshot.standards
    codes = None
    if field.codes is not None:
        codes = [{"id": one.id, "title": one.title.to(language)} for one in standards.code_lists[field.codes]]
    value = plain(row[field.name])
    if field.type == "fact":
        value = value or "unknown"
        codes = [{"id": one, "title": title.to(language)} for one, title in answers(field.name).items()]
    return {
        "field": field.name,
        "title": field.title.to(language),
        "type": field.type,
        "value": value,
        "value_title": _words(field, value, snapshot).to(language),
        "date": plain(row[dated]) if dated in names else None,
        "date_field": dated,
        "unit": None if field.unit is None else field.unit.to(language),
        "codes": codes,
        "required": field.required,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "may": feature.may.get(field.name),
        "group": GROUPS.get(field.name),
    }


def _words(field: Field, value: Any, snapshot: Snapshot) -> Text:
    """Return a value as people read it, a parent by its name."""
    if field.parent is not None and value is not None:
        frame = snapshot.frame(field.parent)
        at = int(positions(frame.index, [value])[0])
        return both(value) if at < 0 else name_of(frame.iloc[at], value)
    return value_words(field, value, snapshot.standards)


def plain(value: Any) -> Any:
    """Return a cell of a frame for JSON: days as ISO texts, unknown as None."""
    if not known(value):
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, float):
        return value
    return int(value) if isinstance(value, int | np.integer) else str(value)


def _place(shape: shapely.Geometry) -> dict[str, float]:
    at = shape if isinstance(shape, shapely.Point) else shapely.point_on_surface(shape)
    return {"lon": round(at.x, 6), "lat": round(at.y, 6)}


def value_words(field: Field, value: Any, standards: Standards) -> Text:
    """Return a value as people read it."""
    if value is None:
        return NOT_KNOWN
    if field.type == "fact":
        return answers(field.name).get(value) or both(str(value))
    if field.codes is not None:
        return standards.title(field.codes, value)
    return both(f"{value:,}" if field.type == "integer" else str(value))


def conflict_dict(error: FactConflict) -> list[dict[str, Any]]:
    """Return both sides of a conflict, with why the others wrote theirs."""
    told = []
    for one in error.conflicts:
        by = error.causes[one.field]
        source, note = unpacked_note(by.note)
        sides = {"base": one.base, "mine": one.mine, "theirs": one.theirs}
        shown = {
            side: _place(value) if isinstance(value, shapely.Geometry) else value
            for side, value in sides.items()
        }
        told.append(
            conflict_as_dict(one)
            | shown
            | {
                "source": source,
                "note": note,
                "as_of": None if by.effective is None else by.effective.isoformat(),
            }
        )
    return told


def history_as_dict(
    store: Store,
    feature: Correctable,
    *,
    snapshot: Snapshot,
    limit: int,
    language: Language,
) -> dict[str, Any]:
    """Return what was done to a feature, newest first; fields that may not be seen by their names alone."""
    edits = store.history(feature.layer.name, feature.code)[::-1]
    frame = snapshot.frame(feature.layer.name)
    at = int(positions(frame.index, [feature.code])[0])
    name = both(feature.code) if at < 0 else name_of(frame.iloc[at], feature.code)
    return {
        "layer": feature.layer.name,
        "code": feature.code,
        "name": name.to(language),
        "since": store.history_since(),
        "count": len(edits),
        "edits": [_edit(edit, feature, snapshot, language) for edit in edits[:limit]],
    }


def _edit(edit: Edit, feature: Correctable, snapshot: Snapshot, language: Language) -> dict[str, Any]:
    told = edit_as_dict(edit, feature.layer, snapshot.district.metric_crs)
    source, note = unpacked_note(edit.by.note)
    seen = {field.name: field for field in feature.seen}
    fields = []
    for one in told["fields"]:
        name = one["field"]
        if name == GEOMETRY:
            fields.append(one | {"title": _PLACE_TITLE.to(language)})
            continue
        title = feature.layer.field(name).title.to(language)
        if name not in seen:
            fields.append({"field": name, "title": title, "guarded": True})
            continue
        fields.append(one | {"title": title})
        for side in ("before", "after"):
            if side in one:
                words = value_words(seen[name], one[side], snapshot.standards)
                fields[-1][f"{side}_title"] = words.to(language)
    return {
        "version": told["version"],
        "kind": told["kind"],
        "at": told["at"],
        "who": told["who"] if feature.actions else None,
        "source": source,
        # What people write freely may name people, and tell what is guarded.
        "note": note if feature.actions else "",
        "as_of": told["effective"],
        "correction": edit.by.effective is None,
        "fields": fields,
    }
