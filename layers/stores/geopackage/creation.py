"""Making a GeoPackage store: built beside its place, and put there whole."""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

import apsw
import numpy as np
import pyproj
import shapely

from layers.problems import StoreExists
from layers.schema import LAYERS, Layer
from layers.store import District, Progress
from layers.stores.base import steps
from layers.stores.contents import Contents, instant_text
from layers.stores.geopackage import ddl, faults, forks, records, tables
from layers.stores.geopackage.blobs import blobs_of
from layers.stores.geopackage.files import beside, connect, prepare, refuse_left_logs
from layers.stores.rows import geometry_type, plain_geometries, wkb_of
from layers.text import Text

_TURN_S, _PAUSE_S = 30.0, 0.003
# Folders of this name are ours alone: those of dead processes are deleted.
_PARTIAL = ".wangge-partial-"


def build(path: Path, contents: Contents, *, progress: Progress, mode: int | None = None) -> None:
    """Make the store at `path` (absolute), or nothing.

    Parameters
    ----------
    mode : int, optional
        Permissions of the file, from before the first byte is in it; those that the process gives otherwise.

    Raises
    ------
    StoreExists, StoreFull, StoreUnusable, StoreBusy
    """
    with placed(path) as made:
        made.touch(0o666 if mode is None else mode)
        with forks.using(path), faults.said(path):
            _write_file(made, contents, progress)


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Give a path to make a file at, within ``with``: when that ends well it is put at `path`, else nothing is.

    Raises
    ------
    StoreExists, StoreFull, StoreUnusable, StoreBusy
    """
    # Before work is done in vain; whoever is quicker is found in the end.
    refuse_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _workshop(path) as folder:
            made = folder / path.name
            yield made
            with _turn_in(path):
                _publish(made, path)
    except OSError as error:
        raise faults.from_os(path, error) from error


@contextmanager
def _turn_in(path: Path) -> Iterator[None]:
    """Wait until nobody else names files in the folder of `path`, and keep others from it.

    It is the folder that is locked: a lock file for each name would have to stay for ever.
    """
    handle = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    deadline = time.monotonic() + _TURN_S
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise faults.busy(path) from None
                time.sleep(_PAUSE_S)
        yield
    finally:
        # A forked child may have the folder open as well: closing would not unlock it.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


@contextmanager
def _workshop(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path` that is gone afterwards, and clear away those of dead processes.

    Whoever builds holds a lock on its folder until the end: one that can be locked is nobody's.
    """
    with _turn_in(path):
        for other in path.parent.iterdir():
            if other.name.startswith(_PARTIAL):
                _clear_if_abandoned(other)
        refuse_existing(path)
        folder = Path(mkdtemp(prefix=_PARTIAL, dir=path.parent))
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _clear_if_abandoned(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # another user's: who cannot open it could not clear it either
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def refuse_existing(path: Path, *, unless_empty: bool = False) -> None:
    """Raise `StoreExists` where something is at `path`, but for a store that has never had a row.

    Where only a log is, the store was moved away from it: the log holds what was written last.
    """
    if not os.path.lexists(path):
        refuse_left_logs(path)
        return
    if unless_empty:
        with forks.using(path), suppress(apsw.Error), closing(connect(path)) as connection:
            if is_wangge(connection) and never_had_a_row(connection):
                return
    raise exists(path)


def exists(path: Path) -> StoreExists:
    """Say that something is at `path`."""
    return StoreExists(
        Text("{path} 已经存在，不会被覆盖。", "{path} is already there and is not overwritten.").format(
            path=path
        ),
        Text("请换一个路径，或先移走该文件。", "Give another path, or move that file away first."),
    )


def never_had_a_row(connection: apsw.Connection) -> bool:
    """Tell whether nothing has ever been in the store that a connection is to."""
    return records.version(connection) == 0 and not any(tables.counts(connection).values())


def is_wangge(connection: apsw.Connection) -> bool:
    """Tell whether a connection is to a GeoPackage that Wangge made."""
    if connection.pragma("application_id") != ddl.APPLICATION_ID:
        return False
    query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return bool(connection.execute(query, [ddl.META]).get)


def _publish(made: Path, path: Path) -> None:
    """Give the file its name for good; the caller holds the turn, so nobody else gives it another."""
    refuse_existing(path)
    for left in beside(path):
        # What another store left would be taken for this one's; there is nothing in its logs (see above).
        left.unlink(missing_ok=True)
    made.rename(path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_file(path: Path, contents: Contents, progress: Progress) -> None:
    """Write a whole store; the first to open it lets it have a write-ahead log, which a backup goes without."""
    connection = apsw.Connection(str(path))
    try:
        prepare(connection)
        # If this fails the file is thrown away, so that nothing need be kept to undo it.
        connection.pragma("journal_mode", "off")
        connection.execute("BEGIN IMMEDIATE")
        make_tables(connection)
        fill(connection, contents, progress)
        connection.execute("COMMIT")
    finally:
        connection.close(True)


def fill(connection: apsw.Connection, contents: Contents, progress: Progress) -> None:
    """Put all of `contents` into a store that has never had a row, within a transaction that the caller holds."""
    connection.execute("UPDATE gpkg_contents SET last_change = ?", [_moment(contents.district.as_of)])
    connection.execute(f"DELETE FROM {ddl.DISTRICT}")
    _insert_district(connection, contents.district)
    epoch = contents.district.epoch
    assert epoch.since is not None, "a store is made of contents that have an epoch"
    said = {
        "schema_version": ddl.SCHEMA_VERSION,
        "history_since": contents.history_since,
        "epoch": epoch.id,
        "epoch_since": instant_text(epoch.since),
    }
    connection.executemany(
        f"INSERT OR REPLACE INTO {ddl.META} (key, value) VALUES (?, ?)",
        [(key, str(value)) for key, value in said.items()],
    )
    for layer in LAYERS.values():
        _insert_layer(connection, layer, contents, progress)
    records.record_all(connection, contents.changes, contents.history)
    records.keep(connection, contents.keys)


def make_tables(connection: apsw.Connection) -> None:
    """Make every table of a store, without rows but for the standard's own."""
    connection.execute(ddl.STANDARD_TABLES)
    _insert_srs(connection)
    connection.execute(ddl.WANGGE_TABLES)
    _insert_contents(connection)
    for layer in LAYERS.values():
        connection.execute(ddl.layer_tables(layer))
        for statement in ddl.triggers(layer).values():
            connection.execute(statement)


def _insert_layer(connection: apsw.Connection, layer: Layer, contents: Contents, progress: Progress) -> None:
    step = steps(progress, layer, contents.counts.get(layer.name, 0))
    firsts, bounds = [], []
    for rows in contents.layers.get(layer.name, ()):
        firsts.append(tables.insert_features(connection, layer, rows, step))
        bounds.append(rows.bounds)
    if firsts:
        tables.insert_boxes(connection, layer, firsts[0], np.concatenate(bounds))


def _insert_srs(connection: apsw.Connection) -> None:
    undefined = "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, 'NONE', ?, 'undefined', ?)"
    connection.execute(undefined, ["Undefined Cartesian SRS", -1, -1, "undefined Cartesian coordinates"])
    connection.execute(undefined, ["Undefined geographic SRS", 0, 0, "undefined geographic coordinates"])
    for code in (4326, ddl.SRS_ID):
        crs = pyproj.CRS.from_epsg(code)
        connection.execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, 'EPSG', ?, ?, ?)",
            [crs.name, code, code, crs.to_wkt("WKT1_GDAL"), "longitude and latitude in degrees"],
        )


def _moment(as_of: date | None) -> str:
    """Return what a store gives as each table's last change: its district's day, or the epoch without one.

    A clock would make two stores of the same data differ, and Wangge's own record of changes is its table
    of versions.
    """
    return f"{as_of or date(1970, 1, 1)}T00:00:00.000Z"


def _insert_contents(connection: apsw.Connection) -> None:
    """Register every table, so that desktop programs list it."""
    moment = _moment(None)
    features = {ddl.DISTRICT: ("区 / District", "MULTIPOLYGON")}
    features |= {
        layer.name: (f"{layer.title.zh} / {layer.title.en}", geometry_type(layer))
        for layer in LAYERS.values()
    }
    contents = (
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
        "VALUES (?, ?, ?, ?, ?, ?)"
    )
    for name, (description, kind) in features.items():
        connection.execute(contents, [name, "features", name, description, moment, ddl.SRS_ID])
        connection.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)", [name, kind, ddl.SRS_ID]
        )
    own = {
        ddl.META: "网格 / Wangge",
        ddl.CHANGES: "更改 / Changes",
        ddl.HISTORY: "历史 / History",
        ddl.KEYS: "请求 / Requests",
    }
    for name, description in own.items():
        connection.execute(contents, [name, "attributes", name, description, moment, None])
    connection.executemany(
        "INSERT INTO gpkg_extensions VALUES (?, 'geom', 'gpkg_rtree_index', ?, 'write-only')",
        ((name, "http://www.geopackage.org/spec120/#extension_rtree") for name in LAYERS),
    )


def _insert_district(connection: apsw.Connection, district: District) -> None:
    blob = None
    if district.outline is not None:
        outline = plain_geometries([district.outline])
        bounds = shapely.bounds(outline)
        blob = blobs_of(wkb_of(outline, "MULTIPOLYGON"), bounds, ddl.SRS_ID)[0]
        tables.grow_extent(connection, ddl.DISTRICT, bounds)
    as_of = None if district.as_of is None else district.as_of.isoformat()
    connection.execute(
        f"INSERT INTO {ddl.DISTRICT} VALUES (1, ?, ?, ?, ?, ?, ?)",
        [blob, district.name, district.name_en, district.metric_crs, as_of, int(district.invented)],
    )
