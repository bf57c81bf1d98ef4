"""Taking a field's values away for good: from the present rows, and from what is remembered of the past.

A version that erases is an update like any other, save that what it replaced is not remembered: of a field that it
names, the value before is the unknown one, as is the value after. Nothing else writes that, so `layers.stores.history`
knows an erasure by it. What earlier versions remember of the field is made unknown in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from layers.stores.contents import HistoryRow
from layers.stores.rows import Row, Rows, geometries_of, value_fields

if TYPE_CHECKING:
    from layers.schema import Field, Layer
    from layers.stores.history import Undo


def erasable(layer: Layer, name: str) -> Field:
    """Return the field called `name`; ValueError where a feature must have one."""
    found = next((field for field in value_fields(layer) if field.name == name), None)
    if found is None or found.required:
        raise ValueError(f"{layer.name} has no field {name!r} that may be unknown")
    return found


def unknown(field: Field) -> Any:
    """Return what stands for a value that is not known."""
    return "unknown" if field.type == "fact" else None


def knows(row: Row, layer: Layer, field: Field) -> bool:
    """Whether a row has a value of the field."""
    return bool(row[_place(layer, field)] != unknown(field))


def without(rows: Sequence[Row], layer: Layer, field: Field) -> Rows:
    """Return the rows without their values of the field."""
    at = _place(layer, field)
    bounds = shapely.bounds(geometries_of([row[1] for row in rows])) if rows else np.empty((0, 4))
    return Rows([(*row[:at], unknown(field), *row[at + 1 :]) for row in rows], bounds)


def remembering(remembered: Iterable[HistoryRow], field: Field) -> list[HistoryRow]:
    """Return those of the rows that hold a value of the field."""
    return [row for row in remembered if json.loads(row.before).get(field.name) not in (None, unknown(field))]


def forgetting(remembered: Iterable[HistoryRow], field: Field, codes: Collection[str]) -> list[HistoryRow]:
    """Return rows for those of `codes` that hold a value of the field, without it."""
    return [
        row._replace(before=_packed(json.loads(row.before) | {field.name: unknown(field)}))
        for row in remembering(remembered, field)
        if row.code in codes
    ]


def erased_row(version: int, code: str, field: Field) -> HistoryRow:
    """Return what is remembered of an erasure: the field, and not what was there."""
    return HistoryRow(version, code, False, None, _packed({field.name: unknown(field)}))


def last_rows(undos: Iterable[Undo], layer: Layer) -> list[Row]:
    """Return features that are there no more as they last were, by code.

    Parameters
    ----------
    undos : iterable of Undo, newest first
        What takes back the writes to them.
    """
    names = [field.name for field in value_fields(layer)]
    found: dict[str, Row] = {}
    for undo in undos:
        if undo.kind == "delete" and undo.code not in found:
            values = undo.values
            found[undo.code] = (undo.code, undo.wkb, *(values.get(name) for name in names))
    return [found[code] for code in sorted(found)]


def _place(layer: Layer, field: Field) -> int:
    return 2 + value_fields(layer).index(field)


def _packed(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
