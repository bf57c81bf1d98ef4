"""What is wrong with a GeoPackage store: its pages, its tables, its indexes, its values, its records.

What contradicts itself is found. What cannot be found is a byte flipped within a text, a number or a
coordinate that can still be read, for the file keeps no checksums of them; nor that the log beside the file
was damaged or cut, for SQLite takes it to end there: the last writes are gone, and the store is as it was
before them.
"""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import compress
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np
import shapely

from layers.schema import FACT_VALUES, LAYERS, Field, Layer
from layers.store import EditKind, Fault, FaultId
from layers.stores.contents import ChangeRow
from layers.stores.geopackage import creation, ddl, faults, records, tables
from layers.stores.geopackage.blobs import envelope_of, wkb_inside
from layers.stores.history import Undo
from layers.stores.rows import COLUMN_TYPES, Damaged, Row, storable
from layers.stores.verification import SHOWN_CODES, history_faults, version_faults
from layers.text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHOWN_DETAILS = 5
_TYPE_IDS = {"point": (0,), "polygon": (3, 6)}
_REGISTERED = {
    "gpkg_spatial_ref_sys": "srs_id, organization, organization_coordsys_id",
    "gpkg_contents": "table_name, data_type, srs_id",
    "gpkg_geometry_columns": "table_name, column_name, geometry_type_name, srs_id, z, m",
    "gpkg_extensions": "table_name, column_name, extension_name, scope",
}
_KINDS = {"table": Text("表", "table"), "index": Text("索引", "index"), "trigger": Text("触发器", "trigger")}
_NO_TEXT = "typeof({0}) NOT IN ('text', 'null') OR instr({0}, char(0))"
_NO_INTEGER = "typeof({0}) NOT IN ('integer', 'null')"
_NO_NUMBER = "typeof({0}) NOT IN ('real', 'integer', 'null')"
_GONE = Text("缺失", "is missing")
_OTHER = Text("与网格所建的不同", "is not as Wangge makes it")


def faults_of(connection: apsw.Connection) -> list[Fault]:
    """Return what is wrong, within a transaction that sees one version."""
    found = _until_damage(None, _pages(connection)) + _until_damage(None, _schema(connection))
    for layer in LAYERS.values():
        found += _until_damage(layer, _geometries(connection, layer))
        found += _until_damage(layer, _values(connection, layer))
    found += _until_damage(None, _changes(connection)) + _until_damage(None, _orphans(connection))
    for layer in LAYERS.values():
        found += _until_damage(layer, _history(connection, layer))
    return found


def _until_damage(layer: Layer | None, check: Iterator[Fault]) -> list[Fault]:
    """Return what a check finds, and that it came to no end where it did not.

    Where even the tables' definitions are damaged, any column may hold anything.
    """
    found: list[Fault] = []
    try:
        found.extend(check)
    except (*faults.DAMAGE, TypeError, ValueError, OverflowError) as error:
        message = Text("{what}无法读取（{detail}）。", "{what} cannot be read ({detail}).")
        what = Text("文件的一部分", "Part of the file") if layer is None else layer.title
        name = None if layer is None else layer.name
        found.append(Fault("unreadable", name, message.format(what=what, detail=error)))
    return found


def _of(fault: FaultId, layer: Layer, message: Text, codes: Iterable[Any], **values: str) -> Iterator[Fault]:
    """Yield a fault of the features with `codes`, unless there is none."""
    wrong = sorted(map(str, codes))
    if wrong:
        said = message.format(n=len(wrong), layer=layer.title, **values)
        yield Fault(fault, layer.name, said, tuple(wrong[:SHOWN_CODES]))


# The file and its tables


def _pages(connection: apsw.Connection) -> Iterator[Fault]:
    """Let SQLite look through its pages, its indexes and its R-trees."""
    said = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
    if said != ["ok"]:
        detail = "; ".join(said[:_SHOWN_DETAILS]) + ("; …" if len(said) > _SHOWN_DETAILS else "")
        message = Text("文件已损坏（{detail}）。", "The file is damaged ({detail}).")
        yield Fault("pages", None, message.format(detail=detail))


def _schema(connection: apsw.Connection) -> Iterator[Fault]:
    """Compare tables, indexes, triggers and what is registered with those of a new store."""
    with closing(apsw.Connection(":memory:")) as new:
        creation.make_tables(new)
        there = _objects(connection)
        for (kind, name, table), made in _objects(new).items():
            how = None if made <= there.get((kind, name, table), frozenset()) else _OTHER
            if (kind, name, table) not in there:
                how = _GONE
            if how is not None:
                message = Text("{kind} {name} {how}。", "The {kind} {name} {how}.")
                layer = table if table in LAYERS else None
                yield Fault("schema", layer, message.format(kind=_KINDS[kind], name=name, how=how))
        for name, columns in _REGISTERED.items():
            query = f"SELECT {columns} FROM {name}"
            for row in sorted(set(new.execute(query)) - set(connection.execute(query)), key=str):
                message = Text("表 {name} 缺少 {row}。", "The table {name} lacks {row}.")
                layer = row[0] if row[0] in LAYERS else None
                yield Fault("schema", layer, message.format(name=name, row=", ".join(map(str, row))))


def _objects(connection: apsw.Connection) -> dict[tuple[str, str, str], frozenset[Any]]:
    """Return what tables, indexes and triggers consist of, by kind, name and table.

    A table consists of its columns, in whatever order and whoever has added some; anything else of its
    definition.
    """
    found: dict[tuple[str, str, str], frozenset[Any]] = {}
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql NOTNULL AND type != 'view'"
    objects: list[Any] = connection.execute(query).fetchall()
    for kind, name, table, sql in objects:
        found[kind, name, table] = frozenset([" ".join(sql.split())])
        if sql.startswith("CREATE TABLE"):
            columns = 'SELECT name, type, "notnull", pk > 0 FROM pragma_table_info(?)'
            found[kind, name, table] = frozenset(connection.execute(columns, [name]))
    return found


# Features


def _geometries(connection: apsw.Connection, layer: Layer) -> Iterator[Fault]:
    """Read every geometry, and compare its bounds with its box in the R-tree."""
    taken = [number for kind in layer.geometry for number in _TYPE_IDS[kind]]
    fids, codes, bounds, fit = [], [], [np.empty((0, 4))], [np.empty(0, dtype=bool)]
    for part in tables.parts(connection.execute(f'SELECT fid, code, geom FROM "{layer.name}"')):
        shapes = _shapes_of([blob for *_, blob in part])
        box = shapely.bounds(shapes)
        within = [_contains(blob, of) for (*_, blob), of in zip(part, box, strict=True)]
        fids += [fid for fid, *_ in part]
        codes += [code for _, code, _ in part]
        bounds.append(box)
        fit.append(np.isin(shapely.get_type_id(shapes), taken) & _finite(shapes) & within)
    message = Text(
        "{n} 个{layer}的几何为空、无法读取、类型不符或超出其自带的范围。",
        "The geometry of {n} of {layer} is empty, unreadable, of another kind or outside its own bounds.",
    )
    fits = np.concatenate(fit)
    yield from _of("geometry", layer, message, compress(codes, ~fits))
    yield from _r_tree(connection, layer, np.array(fids, dtype=np.int64), codes, np.concatenate(bounds))


def _shapes_of(blobs: Sequence[Any]) -> NDArray[np.object_]:
    """Return geometries, and None where there is none to be read."""
    packed = []
    for blob in blobs:
        try:
            packed.append(wkb_inside(blob))
        except Damaged:
            packed.append(b"")
    # A coordinate that is not a number is reported, and no reason to warn of besides.
    with np.errstate(invalid="ignore"):
        found: NDArray[np.object_] = shapely.from_wkb(np.array(packed, dtype=object), on_invalid="ignore")
    return found


def _finite(shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Tell which geometries have coordinates, all of them numbers."""
    coordinates, of = shapely.get_coordinates(shapes, return_index=True)
    finite = ~shapely.is_empty(shapes)
    finite[of[~np.isfinite(coordinates).all(axis=1)]] = False
    return finite


def _contains(blob: Any, bounds: NDArray[np.float64]) -> bool:
    """Tell whether the envelope in the header, where there is one, takes in the geometry."""
    try:
        west, south, east, north = envelope_of(blob) or bounds
    except (TypeError, IndexError, struct.error):
        return False
    return bool(west <= bounds[0] and south <= bounds[1] and east >= bounds[2] and north >= bounds[3])


def _r_tree(
    connection: apsw.Connection,
    layer: Layer,
    fids: NDArray[np.int64],
    codes: Sequence[Any],
    bounds: NDArray[np.float64],
) -> Iterator[Fault]:
    """Compare the boxes of the R-tree with the bounds of the features."""
    tree = f'SELECT id, minx, miny, maxx, maxy FROM "rtree_{layer.name}_geom" ORDER BY id'
    boxes = connection.execute(tree).fetchall()
    ids = np.array([0, *(number for number, *_ in boxes)], dtype=np.int64)
    sides = np.array([[np.nan] * 4, *(box for _, *box in boxes)])
    at = np.searchsorted(ids[1:], fids, side="right")
    low, high = np.split(sides[at], 2, axis=1)
    found = (ids[at] == fids) & (low <= bounds[:, :2]).all(axis=1) & (high >= bounds[:, 2:]).all(axis=1)
    placed = np.isfinite(bounds).all(axis=1)
    message = Text(
        "{n} 个{layer}在空间索引中缺失或位置不符。",
        "The R-tree lacks {n} of {layer}, or has them elsewhere.",
    )
    yield from _of("index", layer, message, compress(codes, placed & ~found))
    stray = len(boxes) - int(np.isin(ids[1:], fids[placed]).sum())
    if stray:
        message = Text(
            "{layer}的空间索引中有 {n} 条不属于任何要素。",
            "The R-tree of {layer} has {n} entries of no feature.",
        )
        yield Fault("index", layer.name, message.format(layer=layer.title, n=stray))


def _values(connection: apsw.Connection, layer: Layer) -> Iterator[Fault]:
    """Find values that are not of their field's type."""
    for field in layer.fields:
        query = f'SELECT code FROM "{layer.name}" WHERE {_wrong(field)}'
        message = Text(
            "{n} 个{layer}的 {field} 不可用。", "The {field} of {n} of {layer} is not a value of its type."
        )
        codes = (code for (code,) in connection.execute(query))
        yield from _of("value", layer, message, codes, field=field.name)


def _wrong(field: Field) -> str:
    """Return the condition that a value of the field does not fulfil; what is unknown fulfils none."""
    value = f'"{field.name}"'
    if field.type == "fact":
        return f"{value} NOT IN {FACT_VALUES}"
    if field.type == "date":
        return f"date({value}) IS NOT {value}"
    types = {"text": _NO_TEXT, "integer": _NO_INTEGER, "number": _NO_NUMBER}
    return types[COLUMN_TYPES[field.type]].format(value)


# Records


def _changes(connection: apsw.Connection) -> Iterator[Fault]:
    """Read every change."""
    versions, wrong = [], []
    for row in records.changes(connection):
        versions.append(row.version)
        if not _readable(row):
            wrong.append(str(row.version))
    yield from version_faults(records.version(connection), versions)
    if wrong:
        message = Text(
            "第 {versions} 版的更改记录不可用。", "The changes of versions {versions} cannot be used."
        )
        shown = ", ".join(wrong[:SHOWN_CODES]) + (" …" if len(wrong) > SHOWN_CODES else "")
        yield Fault("changes", None, message.format(versions=shown))
    if records.history_since(connection) > records.version(connection):
        message = Text("历史的起始版本尚未出现。", "History is said to begin at a version that has not been.")
        yield Fault("history", None, message)


def _readable(row: ChangeRow) -> bool:
    """Tell whether a change names its layer and its codes, in order, and when and from when it holds."""
    try:
        change = records.told(row)
    except Damaged:
        return False
    texts = (row.layer, row.who, row.note, *change.codes)
    return (
        all(type(text) is str and storable(text) for text in texts)
        and row.layer in LAYERS
        and len(change.codes) > 0
        and list(change.codes) == sorted(set(change.codes))
    )


def _history(connection: apsw.Connection, layer: Layer) -> Iterator[Fault]:
    """Read all that was replaced, and go back through it to the beginning."""
    since = records.history_since(connection)
    wrong: set[str] = set()
    kinds: list[tuple[str, EditKind]] = []
    for part in tables.parts(records.touches(connection, layer, since=since)):
        undos = [_undo(layer, row) for row in part]
        packed = [None if undo is None else undo.wkb for undo in undos]
        shapes = shapely.from_wkb(np.array(packed, dtype=object), on_invalid="ignore")
        for (_, code, deleted, wkb, *_), undo, shape in zip(part, undos, shapes, strict=True):
            if undo is None or (wkb is not None and shape is None):
                wrong.add(str(code))
            kinds.append((str(code), "insert" if deleted is None else "delete" if deleted else "update"))
    message = Text("{n} 个{layer}的历史记录无法读取。", "The history of {n} of {layer} cannot be read.")
    yield from _of("history", layer, message, wrong)
    present = (str(code) for (code,) in connection.execute(f'SELECT code FROM "{layer.name}"'))
    yield from history_faults(layer, present, kinds, from_nothing=since == 0)


def _undo(layer: Layer, row: Row) -> Undo | None:
    try:
        return records.undo_of(layer, row)
    except Damaged:
        return None


def _orphans(connection: apsw.Connection) -> Iterator[Fault]:
    """Find what was replaced by no change."""
    query = (
        f"SELECT version, code FROM {ddl.HISTORY} "
        f"EXCEPT SELECT c.version, t.value FROM {ddl.CHANGES} c, json_each(c.codes) t"
    )
    orphans = connection.execute(query).fetchall()
    if orphans:
        message = Text("有 {n} 条历史记录不属于任何更改。", "{n} records of history belong to no change.")
        codes = tuple(dict.fromkeys(str(code) for _, code in orphans))
        yield Fault("history", None, message.format(n=len(orphans)), codes[:SHOWN_CODES])
