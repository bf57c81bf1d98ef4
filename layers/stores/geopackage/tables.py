"""Rows in and out of the tables of one GeoPackage, within a transaction that the caller holds."""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

import apsw
import numpy as np
import shapely

from layers.schema import LAYERS, Layer
from layers.stores.base import STEP_ROWS, Step
from layers.stores.contents import CHUNK_ROWS
from layers.stores.geopackage import ddl, packing
from layers.stores.geopackage.blobs import blobs_of, plain, wkb_inside
from layers.stores.rows import PART_ROWS, Damaged, Row, Rows, geometries_of, geometry_type, value_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

AMONG_CODES = "code IN (SELECT value FROM json_each(?))"
_MOST_ROWS = 2**63
_PACKED_ROWS = 1000


def growing(west: str, south: str, east: str, north: str, table: str) -> str:
    """Return the statement that lets the declared extent of a table take in a box, all of them named in SQL."""
    return (
        "UPDATE gpkg_contents SET "
        f"min_x = min(coalesce(min_x, {west}), {west}), min_y = min(coalesce(min_y, {south}), {south}), "
        f"max_x = max(coalesce(max_x, {east}), {east}), max_y = max(coalesce(max_y, {north}), {north}) "
        f"WHERE table_name = {table} "
        # A page less to write, where it has been taken in: as nearly always.
        f"AND (min_x <= {west} AND min_y <= {south} AND max_x >= {east} AND max_y >= {north}) IS NOT 1"
    )


_GROW = growing("?1", "?2", "?3", "?4", "?5")


class _Statements(NamedTuple):
    """A layer's SQL, composed once: for each write it would take as long as the write itself."""

    select: str
    select_one: str
    insert: str
    update: str
    fid: str
    box: str


def _statements(layer: Layer) -> _Statements:
    names = ["code", "geom", *(f'"{field.name}"' for field in value_fields(layer))]
    listed, places = ", ".join(names), ", ".join("?" * len(names))
    values = ", ".join(f"{name} = ?" for name in names[1:])
    return _Statements(
        select=f'SELECT {listed} FROM "{layer.name}"',
        select_one=f'SELECT {listed} FROM "{layer.name}" WHERE code = ?',
        insert=f'INSERT INTO "{layer.name}" (fid, {listed}) VALUES (?, {places})',
        update=f'UPDATE "{layer.name}" SET {values} WHERE code = ?',
        fid=f'SELECT fid FROM "{layer.name}" WHERE code = ?',
        # A box that another program has left there, or has not made, is put right by the way.
        box=f'INSERT OR REPLACE INTO "rtree_{layer.name}_geom" VALUES (?, ?, ?, ?, ?)',
    )


_SQL = {name: _statements(layer) for name, layer in LAYERS.items()}


def select(layer: Layer) -> str:
    """Return the query for all of a layer: code, geometry, then the fields in order."""
    return _SQL[layer.name].select


def parts(found: Iterable[Row]) -> Iterator[list[Row]]:
    """Return rows as they are found, some at a time."""
    rows = iter(found)
    while some := list(islice(rows, PART_ROWS)):
        yield some


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
        When a code is none, or something in the geometry column is no geometry.
    """
    found: Iterable[Row]
    if codes is not None and len(codes) == 1:
        found = connection.execute(_SQL[layer.name].select_one, codes)
    elif codes is not None:
        found = connection.execute(
            f"{select(layer)} WHERE {AMONG_CODES} ORDER BY code", [json.dumps(list(codes))]
        )
    else:
        found = connection.execute(f"{select(layer)} ORDER BY code")
    return list(_rows(found, layer))


def insert(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Insert rows whose codes are not there."""
    if len(rows.records) == 1:
        (row,), (blob,) = rows.records, blobs_of([rows.records[0][1]], rows.bounds, ddl.SRS_ID)
        connection.execute(_SQL[layer.name].insert, (None, row[0], blob, *row[2:]))
        _box_one(connection, layer, connection.last_insert_rowid(), rows.bounds)
        step(1)
    elif rows.records:
        insert_boxes(connection, layer, insert_features(connection, layer, rows, step), rows.bounds)


def insert_features(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> int:
    """Insert rows without their boxes, and return the fid of the first; the others' follow it."""
    first: int = connection.execute(f'SELECT coalesce(max(fid), 0) + 1 FROM "{layer.name}"').get
    if first + len(rows.records) > _MOST_ROWS:
        raise Damaged(f"{layer.name}: no fid is left")
    fids = count(first)
    _in_steps(
        connection,
        _SQL[layer.name].insert,
        rows,
        lambda row, blob: (next(fids), row[0], blob, *row[2:]),
        step,
    )
    return first


def insert_boxes(connection: apsw.Connection, layer: Layer, first: int, bounds: NDArray[np.float64]) -> None:
    """Put the boxes of features whose fids begin with `first` into the R-tree."""
    fids = np.arange(first, first + len(bounds))
    tree = f"rtree_{layer.name}_geom"
    if len(bounds) >= _PACKED_ROWS and packing.is_empty(connection, tree):
        there = ~np.isnan(bounds[:, 0])
        packing.pack(connection, tree, fids[there], bounds[there])
        grow_extent(connection, layer.name, bounds)
    else:
        _boxes(connection, layer, fids.tolist(), bounds)


def update(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Write rows over those with their codes."""
    statements = _SQL[layer.name]
    if len(rows.records) == 1:
        (row,), (blob,) = rows.records, blobs_of([rows.records[0][1]], rows.bounds, ddl.SRS_ID)
        connection.execute(statements.update, (blob, *row[2:], row[0]))
        _box_one(connection, layer, connection.execute(statements.fid, row[:1]).get, rows.bounds)
        step(1)
    elif rows.records:
        _in_steps(connection, statements.update, rows, lambda row, blob: (blob, *row[2:], row[0]), step)
        fids = (connection.execute(statements.fid, record[:1]).get for record in rows.records)
        _boxes(connection, layer, fids, rows.bounds)


def counts(connection: apsw.Connection) -> dict[str, int]:
    """Return the number of features per layer."""
    query = "SELECT " + ", ".join(f'(SELECT count(*) FROM "{name}")' for name in LAYERS)
    return dict(zip(LAYERS, connection.execute(query).get, strict=True))


def chunks(connection: apsw.Connection, layer: Layer) -> Iterable[Rows]:
    """Return a layer's rows by code, some at a time."""
    found = _rows(connection.execute(f"{select(layer)} ORDER BY code"), layer)
    while records := list(islice(found, CHUNK_ROWS)):
        yield Rows(records, shapely.bounds(geometries_of([record[1] for record in records])))


def delete(connection: apsw.Connection, layer: Layer, codes: Sequence[str]) -> None:
    """Delete the rows with these codes."""
    among = [json.dumps(list(codes))]
    gone = f'SELECT fid FROM "{layer.name}" WHERE {AMONG_CODES}'
    connection.execute(f'DELETE FROM "rtree_{layer.name}_geom" WHERE id IN ({gone})', among)
    connection.execute(f'DELETE FROM "{layer.name}" WHERE {AMONG_CODES}', among)


def grow_extent(connection: apsw.Connection, table: str, bounds: NDArray[np.float64]) -> None:
    """Let the declared extent of `table` take in `bounds`: the standard asks for a hint, not for the truth.

    Shrinking it after a delete would mean reading the whole layer.
    """
    bounds = bounds[~np.isnan(bounds[:, 0])]
    if len(bounds):
        west_south, east_north = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
        connection.execute(_GROW, (*west_south.tolist(), *east_north.tolist(), table))


def _rows(found: Iterable[Row], layer: Layer) -> Iterator[Row]:
    """Return rows as Wangge writes them, whoever wrote them."""
    column = geometry_type(layer)
    for code, blob, *values in found:
        if type(code) is not str:
            raise Damaged(f"{layer.name}.code: {code!r}")
        yield (code, plain(wkb_inside(blob), column), *values)


def _boxes(
    connection: apsw.Connection, layer: Layer, fids: Iterable[int], bounds: NDArray[np.float64]
) -> None:
    """Put the boxes of features into the R-tree."""
    connection.executemany(
        _SQL[layer.name].box,
        (
            (fid, west, east, south, north)
            for fid, (west, south, east, north) in zip(fids, bounds.tolist(), strict=True)
            if west == west  # an empty geometry has no box
        ),
    )
    grow_extent(connection, layer.name, bounds)


def _box_one(connection: apsw.Connection, layer: Layer, fid: int, bounds: NDArray[np.float64]) -> None:
    """Do the same for a single feature, without the price of arrays."""
    ((west, south, east, north),) = bounds.tolist()
    if west == west:
        connection.execute(_SQL[layer.name].box, (fid, west, east, south, north))
        connection.execute(_GROW, (west, south, east, north, layer.name))


def _in_steps(
    connection: apsw.Connection, statement: str, rows: Rows, values: Callable[[Row, bytes], Row], step: Step
) -> None:
    """Run `statement` for each row, with the `values` made of it and its geometry as the file keeps it."""
    for start in range(0, len(rows.records), STEP_ROWS):
        part = rows.records[start : start + STEP_ROWS]
        bounds = rows.bounds[start : start + STEP_ROWS]
        blobs = blobs_of([record[1] for record in part], bounds, ddl.SRS_ID)
        connection.executemany(statement, map(values, part, blobs))
        step(len(part))
