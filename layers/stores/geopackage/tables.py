"""Rows in and out of the tables of one GeoPackage, within a transaction that the caller holds."""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import apsw
import shapely

from layers.schema import LAYERS, Layer
from layers.store import Authorship
from layers.stores.base import STEP_ROWS, Step
from layers.stores.contents import CHUNK_ROWS, ChangeRow, HistoryRow, day_of, instant_of
from layers.stores.geopackage import ddl
from layers.stores.geopackage.blobs import blobs_of, wkb_inside
from layers.stores.history import Undo
from layers.stores.rows import Row, Rows, geometries_of, value_fields

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AMONG_CODES = "code IN (SELECT value FROM json_each(?))"
_TOUCHED_AMONG = " AND t.value IN (SELECT value FROM json_each(?))"

_BULK_ROWS = 1000


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


def present(connection: apsw.Connection, layer: Layer, codes: Sequence[str] | None = None) -> list[Row]:
    """Return the rows by code, all or those there are of `codes`.

    Raises
    ------
    Damaged
        When something in the geometry column is no geometry.
    """
    where, values = ("", []) if codes is None else (f" WHERE {AMONG_CODES}", [json.dumps(list(codes))])
    found: Iterable[Row] = connection.execute(f"{select(layer)}{where} ORDER BY code", values)
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

    The triggers are back before anybody else can write.
    """
    triggers = ddl.triggers(layer)
    for name in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    insert_with_boxes(connection, layer, rows, step)
    for statement in triggers.values():
        connection.execute(statement)


def insert_with_boxes(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Insert rows into a table without triggers, and their boxes into its R-tree."""
    first = _insert_features(connection, layer, rows, step)
    boxes = enumerate(rows.bounds.tolist(), first)
    connection.executemany(
        f'INSERT INTO "rtree_{layer.name}_geom" VALUES (?, ?, ?, ?, ?)',
        ((fid, west, east, south, north) for fid, (west, south, east, north) in boxes),
    )


def update(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Write rows over those with their codes."""
    fields = "".join(f', "{field.name}" = ?' for field in value_fields(layer))
    statement = f'UPDATE "{layer.name}" SET geom = ?{fields} WHERE code = ?'
    values = ((blob, *rest, code) for code, blob, *rest in _stored(rows))
    _in_steps(connection, statement, list(values), step)
    grow_extent(connection, layer.name, rows.bounds)


def counts(connection: apsw.Connection) -> dict[str, int]:
    """Return the number of features per layer."""
    query = "SELECT " + ", ".join(f'(SELECT count(*) FROM "{name}")' for name in LAYERS)
    return dict(zip(LAYERS, connection.execute(query).get, strict=True))


def chunks(connection: apsw.Connection, layer: Layer) -> Iterable[Rows]:
    """Return a layer's rows by code, some at a time."""
    found: Iterator[Row] = iter(connection.execute(f"{select(layer)} ORDER BY code"))
    while some := list(islice(found, CHUNK_ROWS)):
        records = [(code, wkb_inside(blob), *values) for code, blob, *values in some]
        yield Rows(records, shapely.bounds(geometries_of([record[1] for record in records])))


def delete(connection: apsw.Connection, layer: Layer, codes: Sequence[str]) -> None:
    """Delete the rows with these codes."""
    connection.execute(f'DELETE FROM "{layer.name}" WHERE {AMONG_CODES}', [json.dumps(list(codes))])


def record(connection: apsw.Connection, changes: Iterable[ChangeRow], history: Iterable[HistoryRow]) -> None:
    """Record writes and what they replaced."""
    names = ", ".join(ChangeRow._fields)
    connection.executemany(f"INSERT INTO {ddl.CHANGES} ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", changes)
    names = ", ".join(HistoryRow._fields)
    connection.executemany(f"INSERT INTO {ddl.HISTORY} ({names}) VALUES (?, ?, ?, ?, ?)", history)


def changes(connection: apsw.Connection, *, since: int = 0) -> Iterable[ChangeRow]:
    """Return the rows of the table of changes after version `since`, oldest first."""
    names = ", ".join(ChangeRow._fields)
    query = f"SELECT {names} FROM {ddl.CHANGES} WHERE version > ? ORDER BY version"
    found: Iterable[Row] = connection.execute(query, [since])
    return (ChangeRow(*row) for row in found)


def history(connection: apsw.Connection) -> Iterable[HistoryRow]:
    """Return the rows of the table of history, by version and code."""
    names = ", ".join(HistoryRow._fields)
    found: Iterable[Row] = connection.execute(f"SELECT {names} FROM {ddl.HISTORY} ORDER BY version, code")
    return (
        HistoryRow(version, code, bool(deleted), wkb, before) for version, code, deleted, wkb, before in found
    )


def undos(
    connection: apsw.Connection, layer: Layer, codes: Sequence[str] | None = None, *, since: int = 0
) -> list[Undo]:
    """Return what takes back the writes to a layer after version `since`, newest first, of all or of `codes`."""
    among, values = ("", []) if codes is None else (_TOUCHED_AMONG, [json.dumps(list(codes))])
    found: Iterable[Row] = connection.execute(
        "SELECT c.version, t.value, h.deleted, h.wkb, h.before, c.who, c.note, c.effective, c.at "
        f"FROM {ddl.CHANGES} c, json_each(c.codes) t "
        f"LEFT JOIN {ddl.HISTORY} h ON h.version = c.version AND h.code = t.value "
        f"WHERE c.version > ? AND c.layer = ?{among} ORDER BY c.version DESC, t.value",
        [since, layer.name, *values],
    )
    return [
        Undo(
            version,
            code,
            "insert" if deleted is None else "delete" if deleted else "update",
            wkb,
            None if before is None else json.loads(before),
            Authorship(who=who, note=note, effective=day_of(effective)),
            instant_of(at),
        )
        for version, code, deleted, wkb, before, who, note, effective, at in found
    ]


def meta(connection: apsw.Connection, key: str) -> str | None:
    """Return what the store says of itself under `key`."""
    said: str | None = connection.execute(f"SELECT value FROM {ddl.META} WHERE key = ?", [key]).get
    return said


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
    for start in range(0, len(values), STEP_ROWS):
        part = values[start : start + STEP_ROWS]
        connection.executemany(statement, part)
        step(len(part))
