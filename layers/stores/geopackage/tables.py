"""Rows in and out of the tables of one GeoPackage, within a transaction that the caller holds."""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import apsw

from layers.schema import Layer
from layers.store import Progress
from layers.stores.geopackage import ddl
from layers.stores.geopackage.blobs import blobs_of, wkb_inside
from layers.stores.rows import Row, Rows, value_fields

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AMONG_CODES = "code IN (SELECT value FROM json_each(?))"

Step = Callable[[int], None]
"""Called with the number of rows that have been written since the last call."""

_BULK_ROWS = 1000
_STEP_ROWS = 2000


def steps(progress: Progress, layer: Layer, total: int) -> Step:
    """Return what tells `progress` how many of `total` rows of `layer` have been written."""
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        progress(layer.name, done, total)

    return step


def select(layer: Layer) -> str:
    """Return the query for all of a layer: code, geometry, then the fields in order."""
    fields = "".join(f', "{field.name}"' for field in value_fields(layer))
    return f'SELECT code, geom{fields} FROM "{layer.name}"'


def in_box(layer: Layer) -> str:
    """Return the condition that the R-tree fulfils for west, south, east, north.

    It lets a little too much through: the tree keeps single precision, rounded outward by up to a metre.
    """
    tree = f'"rtree_{layer.name}_geom"'
    return f"fid IN (SELECT id FROM {tree} WHERE maxx >= ? AND maxy >= ? AND minx <= ? AND miny <= ?)"


def existing(connection: apsw.Connection, layer: Layer, codes: Sequence[str]) -> list[Row]:
    """Return the rows that are there under `codes`.

    Raises
    ------
    Damaged
        When something in the geometry column is no geometry.
    """
    found: Iterable[Row] = connection.execute(f"{select(layer)} WHERE {AMONG_CODES}", [json.dumps(codes)])
    return [(code, wkb_inside(blob), *values) for code, blob, *values in found]


def insert(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Insert rows whose codes are not there."""
    if len(rows.records) < _BULK_ROWS:
        _insert_features(connection, layer, rows, step)
    else:
        insert_many(connection, layer, rows, step)
    grow_extent(connection, layer.name, rows.bounds)


def insert_many(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Insert rows without the R-tree's triggers, which call Python six times for each.

    Their boxes go in directly, and the triggers are back before anybody else can write.
    """
    triggers = ddl.triggers(layer)
    for name in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    first = _insert_features(connection, layer, rows, step)
    boxes = enumerate(rows.bounds.tolist(), first)
    connection.executemany(
        f'INSERT INTO "rtree_{layer.name}_geom" VALUES (?, ?, ?, ?, ?)',
        ((fid, west, east, south, north) for fid, (west, south, east, north) in boxes),
    )
    for statement in triggers.values():
        connection.execute(statement)


def update(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Write rows over those with their codes."""
    fields = "".join(f', "{field.name}" = ?' for field in value_fields(layer))
    statement = f'UPDATE "{layer.name}" SET geom = ?{fields} WHERE code = ?'
    values = ((blob, *rest, code) for code, blob, *rest in _stored(rows))
    _in_steps(connection, statement, list(values), step)
    grow_extent(connection, layer.name, rows.bounds)


def note_change(connection: apsw.Connection, layer: Layer, codes: Sequence[str], note: str) -> int:
    """Record a write and return the version it makes."""
    connection.execute(
        f"INSERT INTO {ddl.CHANGES} (layer, codes, note) VALUES (?, ?, ?)",
        [layer.name, json.dumps(codes, ensure_ascii=False, separators=(",", ":")), note],
    )
    return version(connection)


def version(connection: apsw.Connection) -> int:
    """Return the number of the last write; 0 before the first."""
    last: int = connection.execute(f"SELECT coalesce(max(version), 0) FROM {ddl.CHANGES}").get
    return last


def grow_extent(connection: apsw.Connection, table: str, bounds: NDArray[np.float64]) -> None:
    """Let the declared extent of `table` take in `bounds`: the standard asks for a hint, not for the truth.

    Shrinking it after a delete would mean reading the whole layer.
    """
    if len(bounds) == 0:
        return
    extent = [*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist()]
    connection.execute(
        "UPDATE gpkg_contents SET "
        "min_x = min(coalesce(min_x, ?1), ?1), min_y = min(coalesce(min_y, ?2), ?2), "
        "max_x = max(coalesce(max_x, ?3), ?3), max_y = max(coalesce(max_y, ?4), ?4) WHERE table_name = ?5",
        [*extent, table],
    )


def _insert_features(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> int:
    """Insert into the feature table alone, and return the first row's fid; the others follow it."""
    first: int = connection.execute(f'SELECT coalesce(max(fid), 0) + 1 FROM "{layer.name}"').get
    fields = "".join(f', "{field.name}"' for field in value_fields(layer))
    places = ", ?" * (3 + len(value_fields(layer)))
    statement = f'INSERT INTO "{layer.name}" (fid, code, geom{fields}) VALUES ({places[2:]})'
    values = [(fid, *record) for fid, record in enumerate(_stored(rows), first)]
    _in_steps(connection, statement, values, step)
    return first


def _stored(rows: Rows) -> Iterable[Row]:
    blobs = blobs_of([record[1] for record in rows.records], rows.bounds, ddl.SRS_ID)
    return ((code, blob, *rest) for (code, _, *rest), blob in zip(rows.records, blobs, strict=True))


def _in_steps(connection: apsw.Connection, statement: str, values: list[Row], step: Step) -> None:
    for start in range(0, len(values), _STEP_ROWS):
        part = values[start : start + _STEP_ROWS]
        connection.executemany(statement, part)
        step(len(part))
