"""The embedded store: one GeoPackage file, shared by threads and processes, open to QGIS and GDAL.

The file is an ordinary GeoPackage 1.4 in SQLite's WAL mode. Each write is one transaction, flushed to
disk before it is acknowledged, with its row in ``wangge_changes``.
"""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import numpy as np
import shapely

from layers.schema import LAYERS, layer_named
from layers.store import Change, District, Progress, Store, Written, no_progress
from layers.stores.geopackage import ddl, faults, tables
from layers.stores.geopackage.blobs import wkb_inside
from layers.stores.geopackage.connection import Database, connect
from layers.stores.geopackage.creation import build
from layers.stores.rows import Row, difference, frame_of, geometries_of, rows_of, taken
from layers.text import Text

if TYPE_CHECKING:
    import geopandas as gpd


class GeoPackageStore(Store):
    """A district in a GeoPackage file; any number of threads and processes may hold it at once.

    Parameters
    ----------
    path : str or Path
    read_only : bool
        Refuse writes, whatever the file allows. A file or folder that cannot be written is read
        all the same.
    busy_timeout_s : float
        How long a write waits for other programs' writes.

    Raises
    ------
    StoreMissing, StoreUnusable
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, busy_timeout_s: float = 30.0) -> None:
        self.path = Path(path).absolute()
        self.url = f"gpkg:{path}"
        self._database = Database(
            self.path, check=self._check, read_only=read_only, busy_timeout_s=busy_timeout_s
        )
        with self._database.reading():
            pass

    def district(self) -> District:
        """Return what the store says of itself."""
        query = f"SELECT geom, name, name_en, metric_crs, as_of, invented FROM {ddl.DISTRICT}"
        with self._database.reading() as connection:
            found = connection.execute(query).get
        try:
            blob, name, name_en, metric_crs, as_of, invented = found
            return District(
                name=name,
                name_en=name_en,
                metric_crs=metric_crs,
                as_of=None if as_of is None else date.fromisoformat(as_of),
                outline=None if blob is None else geometries_of([wkb_inside(blob)])[0],
                invented=bool(invented),
            )
        except (TypeError, ValueError) as error:
            raise faults.damaged(self.path, f"{ddl.DISTRICT}: {error}") from error

    def version(self) -> int:
        """Return the number of the last committed write."""
        with self._database.reading() as connection:
            return tables.version(connection)

    def counts(self) -> dict[str, int]:
        """Return the number of features per layer."""
        query = "SELECT " + ", ".join(f'(SELECT count(*) FROM "{name}")' for name in LAYERS)
        with self._database.reading() as connection:
            return dict(zip(LAYERS, connection.execute(query).get, strict=True))

    def read(
        self,
        layer: str,
        *,
        codes: Sequence[str] | None = None,
        bbox: tuple[float, float, float, float] | None = None,
    ) -> gpd.GeoDataFrame:
        """Return features ordered by code, all or those asked for."""
        described = layer_named(layer)
        conditions: list[str] = []
        values: list[str | float] = []
        if codes is not None:
            conditions.append(tables.AMONG_CODES)
            values.append(json.dumps(list(codes)))
        if bbox is not None:
            conditions.append(tables.in_box(described))
            values += list(bbox)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.reading() as connection:
            query = f"{tables.select(described)}{where} ORDER BY code"
            records: list[Row] = connection.execute(query, values).fetchall()
        with faults.said(self.path):
            frame = frame_of([(code, wkb_inside(blob), *rest) for code, blob, *rest in records], described)
        return frame if bbox is None else _meeting(frame, bbox)

    def upsert(
        self, layer: str, frame: gpd.GeoDataFrame, *, note: str = "", progress: Progress = no_progress
    ) -> Written:
        """Insert the features of `frame`, or update those whose code exists."""
        described = layer_named(layer)
        rows = rows_of(frame, described)
        with self._database.writing() as connection:
            before = tables.existing(connection, described, [record[0] for record in rows.records])
            new, changed = difference(rows, before)
            unchanged = len(rows.records) - len(new) - len(changed)
            if len(new) + len(changed) == 0:
                return Written(tables.version(connection), 0, 0, unchanged)
            step = tables.steps(progress, described, len(new) + len(changed))
            tables.update(connection, described, taken(rows, changed), step)
            tables.insert(connection, described, taken(rows, new), step)
            touched = [rows.records[position][0] for position in np.sort(np.concatenate([new, changed]))]
            version = tables.note_change(connection, described, touched, note)
        return Written(version, len(new), len(changed), unchanged)

    def delete(self, layer: str, codes: Sequence[str], *, note: str = "") -> int:
        """Delete features by code and return how many there were."""
        described = layer_named(layer)
        among = json.dumps(list(codes))
        with self._database.writing() as connection:
            query = f'SELECT code FROM "{described.name}" WHERE {tables.AMONG_CODES} ORDER BY code'
            there = [code for (code,) in connection.execute(query, [among])]
            if there:
                connection.execute(f'DELETE FROM "{described.name}" WHERE {tables.AMONG_CODES}', [among])
                tables.note_change(connection, described, there, note)
        return len(there)

    def changes(self, *, since: int) -> list[Change]:
        """Return the writes after version `since`, oldest first."""
        query = f"SELECT version, layer, codes FROM {ddl.CHANGES} WHERE version > ? ORDER BY version"
        with self._database.reading() as connection:
            found: list[Row] = connection.execute(query, [since]).fetchall()
        return [Change(version, layer, tuple(json.loads(codes))) for version, layer, codes in found]

    def notes(self) -> list[tuple[int, str, str]]:
        """Return (version, layer, note) of every write that carries a note, oldest first."""
        query = f"SELECT version, layer, note FROM {ddl.CHANGES} WHERE note != '' ORDER BY version"
        with self._database.reading() as connection:
            found: list[Row] = connection.execute(query).fetchall()
        return [(version, layer, note) for version, layer, note in found]

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _check(self, connection: apsw.Connection) -> None:
        if not is_wangge(connection):
            raise faults.unusable(
                self.path,
                Text("它不是网格的存储", "it is not a Wangge store"),
                Text(
                    "请用 wangge init 新建存储，再用 wangge import 导入该文件。",
                    "Make a store with `wangge init` and bring the file in with `wangge import`.",
                ),
            )
        said = connection.execute(f"SELECT value FROM {ddl.META} WHERE key = 'schema_version'").get
        if said is None or not said.isdecimal():
            raise faults.damaged(self.path, f"{ddl.META}: schema_version")
        if int(said) > ddl.SCHEMA_VERSION:
            raise faults.unusable(
                self.path,
                Text("它由更新版本的网格生成", "it was made by a newer Wangge"),
                Text("请升级网格。", "Update Wangge."),
            )
        for layer in LAYERS.values():
            connection.execute(f"{tables.select(layer)} LIMIT 0")


def create(
    path: str | Path,
    district: District,
    *,
    layers: Mapping[str, gpd.GeoDataFrame],
    progress: Progress = no_progress,
) -> GeoPackageStore:
    """Create the store at `path`, with rows where `layers` gives them, whole or not at all.

    Its folder is made where it is missing.

    Raises
    ------
    StoreExists, StoreFull, StoreUnusable
    """
    rows = {name: rows_of(frame, layer_named(name)) for name, frame in layers.items()}
    build(Path(path).absolute(), district, rows, progress=progress)
    return GeoPackageStore(path)


def is_store(path: Path) -> bool:
    """Tell whether a Wangge store is at `path`; anything else, or nothing, is none."""
    try:
        with closing(connect(path)) as connection:
            return is_wangge(connection)
    except apsw.Error:
        return False


def is_wangge(connection: apsw.Connection) -> bool:
    """Tell whether a connection is to a GeoPackage that Wangge made."""
    if connection.pragma("application_id") != ddl.APPLICATION_ID:
        return False
    query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return bool(connection.execute(query, [ddl.META]).get)


def _meeting(frame: gpd.GeoDataFrame, bbox: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Return the features whose bounding box meets `bbox`, which the R-tree answers only about."""
    west, south, east, north = shapely.bounds(frame.geometry.to_numpy()).T
    meets = (east >= bbox[0]) & (north >= bbox[1]) & (west <= bbox[2]) & (south <= bbox[3])
    found: gpd.GeoDataFrame = frame.loc[meets]
    return found
