"""Rows in and out of the tables of one GeoPackage, within a transaction that the caller holds."""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import apsw
import numpy as np
import shapely

from layers.schema import LAYERS, Layer
from layers.stores.base import STEP_ROWS, Step
from layers.stores.contents import CHUNK_ROWS
from layers.stores.geopackage import ddl
from layers.stores.geopackage.blobs import blobs_of, plain, wkb_inside
from layers.stores.rows import PART_ROWS, Damaged, Row, Rows, geometries_of, geometry_type, value_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

AMONG_CODES = "code IN (SELECT value FROM json_each(?))"
_MOST_ROWS = 2**63


def select(layer: Layer) -> str:
    """Return the query for all of a layer: code, geometry, then the fields in order."""
    fields = "".join(f', "{field.name}"' for field in value_fields(layer))
    return f'SELECT code, geom{fields} FROM "{layer.name}"'


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
        When something in the geometry column is no geometry.
    """
    where, values = ("", []) if codes is None else (f" WHERE {AMONG_CODES}", [json.dumps(list(codes))])
    found: Iterable[Row] = connection.execute(f"{select(layer)}{where} ORDER BY code", values)
    column = geometry_type(layer)
    return [(code, plain(wkb_inside(blob), column), *rest) for code, blob, *rest in found]


def insert(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Insert rows whose codes are not there."""
    first: int = connection.execute(f'SELECT coalesce(max(fid), 0) + 1 FROM "{layer.name}"').get
    if first + len(rows.records) > _MOST_ROWS:
        raise Damaged(f"{layer.name}: no fid is left")
    fields = "".join(f', "{field.name}"' for field in value_fields(layer))
    places = ", ?" * (3 + len(value_fields(layer)))
    statement = f'INSERT INTO "{layer.name}" (fid, code, geom{fields}) VALUES ({places[2:]})'
    values = [(fid, *record) for fid, record in enumerate(_stored(rows), first)]
    _in_steps(connection, statement, values, step)
    _box(connection, layer, "?", range(first, first + len(values)), rows)


def update(connection: apsw.Connection, layer: Layer, rows: Rows, step: Step) -> None:
    """Write rows over those with their codes."""
    fields = "".join(f', "{field.name}" = ?' for field in value_fields(layer))
    statement = f'UPDATE "{layer.name}" SET geom = ?{fields} WHERE code = ?'
    values = ((blob, *rest, code) for code, blob, *rest in _stored(rows))
    _in_steps(connection, statement, list(values), step)
    fid = f'(SELECT fid FROM "{layer.name}" WHERE code = ?)'
    _box(connection, layer, fid, [record[0] for record in rows.records], rows)


def counts(connection: apsw.Connection) -> dict[str, int]:
    """Return the number of features per layer."""
    query = "SELECT " + ", ".join(f'(SELECT count(*) FROM "{name}")' for name in LAYERS)
    return dict(zip(LAYERS, connection.execute(query).get, strict=True))


def chunks(connection: apsw.Connection, layer: Layer) -> Iterable[Rows]:
    """Return a layer's rows by code, some at a time."""
    found: Iterator[Row] = iter(connection.execute(f"{select(layer)} ORDER BY code"))
    column = geometry_type(layer)
    while some := list(islice(found, CHUNK_ROWS)):
        records = [(code, plain(wkb_inside(blob), column), *rest) for code, blob, *rest in some]
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
    if len(bounds) == 0:
        return
    extent = [*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist()]
    connection.execute(
        "UPDATE gpkg_contents SET "
        "min_x = min(coalesce(min_x, ?1), ?1), min_y = min(coalesce(min_y, ?2), ?2), "
        "max_x = max(coalesce(max_x, ?3), ?3), max_y = max(coalesce(max_y, ?4), ?4) WHERE table_name = ?5",
        [*extent, table],
    )


def _box(
    connection: apsw.Connection, layer: Layer, fid: str, of: Iterable[int] | Iterable[str], rows: Rows
) -> None:
    """Put the boxes of `rows` into the R-tree, under the `fid` that SQL finds for each one in `of`.

    A box that another program has left there, or has not made, is put right by the way.
    """
    connection.executemany(
        f'INSERT OR REPLACE INTO "rtree_{layer.name}_geom" VALUES ({fid}, ?, ?, ?, ?)',
        (
            (key, west, east, south, north)
            for key, (west, south, east, north) in zip(of, rows.bounds.tolist(), strict=True)
            if west == west  # an empty geometry has no box
        ),
    )
    grow_extent(connection, layer.name, rows.bounds)


def _stored(rows: Rows) -> Iterable[Row]:
    blobs = blobs_of([record[1] for record in rows.records], rows.bounds, ddl.SRS_ID)
    return ((code, blob, *rest) for (code, _, *rest), blob in zip(rows.records, blobs, strict=True))


def _in_steps(connection: apsw.Connection, statement: str, values: list[Row], step: Step) -> None:
    for start in range(0, len(values), STEP_ROWS):
        part = values[start : start + STEP_ROWS]
        connection.executemany(statement, part)
        step(len(part))
