"""The peers of the GeoPackage store: GDAL through pyogrio, and SQL by hand through apsw.

GDAL brings a SQLite of its own, and two of them in one process drop each other's locks: each contender
runs in processes of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import apsw
import shapely

from bench.contender import (
    FIELDS,
    FROM_FEATURES,
    LAYER,
    MOMENT,
    PARENTS,
    SRID,
    Contender,
    Opened,
    Writer,
    codes_json,
    plain_frame,
    plain_row,
    plain_rows,
    single_features,
    whole_features,
)
from layers.stores.rows import COLUMN_TYPES

if TYPE_CHECKING:
    import geopandas as gpd

_TYPES = {"text": "TEXT", "integer": "INTEGER", "number": "DOUBLE"}
_COLUMNS = ", ".join(["code", "geom", *(f'"{name}"' for name in FIELDS)])
_INSERT = f"INSERT INTO buildings ({_COLUMNS}) VALUES ({', '.join('?' * (2 + len(FIELDS)))})"
_BOX = "INSERT INTO tree VALUES (?, ?, ?, ?, ?)"
_GROW = (
    "UPDATE contents SET min_x = min(min_x, ?1), max_x = max(max_x, ?2), min_y = min(min_y, ?3), "
    "max_y = max(max_y, ?4) WHERE table_name = 'buildings' "
    "AND NOT (min_x <= ?1 AND max_x >= ?2 AND min_y <= ?3 AND max_y >= ?4)"
)
_HEADER = struct.Struct("<2sBBi4d")


class Pyogrio(Contender):
    """pyogrio with its defaults, which make an R-tree."""

    kind = "GeoPackage"

    def __init__(self, *, arrow: bool) -> None:
        self.name = "pyogrio with Arrow" if arrow else "pyogrio"
        self._arrow = arrow

    def load(self, frame: gpd.GeoDataFrame, target: str) -> None:
        import pyogrio

        pyogrio.set_gdal_config_options({"OGR_SQLITE_SYNCHRONOUS": "FULL"})
        pyogrio.write_dataframe(
            frame.reset_index(), target, layer=LAYER.name, driver="GPKG", use_arrow=self._arrow
        )

    @contextmanager
    def opened(self, target: str) -> Iterator[Opened]:
        import pyogrio

        read = partial(pyogrio.read_dataframe, target, layer=LAYER.name, use_arrow=self._arrow)
        yield Opened(all=read, box=lambda box: read(bbox=box))


class PlainApsw(Contender, Writer):
    """A loop of INSERT statements, and SELECT with fetchall: no checks, no history, no other layer."""

    kind = "GeoPackage"

    def __init__(self, *, frames: bool = False, features: bool = False) -> None:
        self.name = "plain SQL from frames" if frames else "plain SQL (apsw)"
        if features:
            self.name = FROM_FEATURES
        self._frames = frames
        self._features = features

    def load(self, frame: gpd.GeoDataFrame, target: str) -> None:
        with closing(_connect(target)) as connection:
            fields = "".join(f', "{name}" {_TYPES[COLUMN_TYPES[LAYER.field(name).type]]}' for name in FIELDS)
            connection.execute(
                "BEGIN; CREATE TABLE buildings "
                f"(fid INTEGER PRIMARY KEY NOT NULL, geom BLOB NOT NULL, code TEXT NOT NULL UNIQUE{fields});"
                + "".join(f'CREATE INDEX "buildings_{name}" ON buildings ("{name}");' for name in PARENTS)
                + "CREATE VIRTUAL TABLE tree USING rtree(id, minx, maxx, miny, maxy);"
                "CREATE TABLE changes (version INTEGER PRIMARY KEY NOT NULL, layer TEXT NOT NULL, "
                "codes TEXT NOT NULL, at TEXT, who TEXT NOT NULL, note TEXT NOT NULL, effective DATE);"
                "CREATE TABLE contents "
                "(table_name TEXT NOT NULL PRIMARY KEY, min_x DOUBLE, max_x DOUBLE, min_y DOUBLE, max_y DOUBLE)"
            )
            connection.executemany(_INSERT, plain_rows(frame, _blobs(frame)))
            connection.executemany(_BOX, ((fid, *box) for fid, box in enumerate(_boxes(frame), 1)))
            west, south, east, north = frame.total_bounds.tolist()
            connection.execute(
                "INSERT INTO contents VALUES ('buildings', ?, ?, ?, ?)", (west, east, south, north)
            )
            connection.execute("COMMIT")

    @contextmanager
    def opened(self, target: str) -> Iterator[Opened]:
        query = f"SELECT {_COLUMNS} FROM buildings"
        near = "SELECT id FROM tree WHERE maxx >= ? AND maxy >= ? AND minx <= ? AND miny <= ?"
        with closing(_connect(target)) as connection:

            def read(condition: str, values: Sequence[float] = ()) -> gpd.GeoDataFrame:
                rows = connection.execute(f"{query} {condition}", values).fetchall()
                return plain_frame(rows, _HEADER.size)

            yield Opened(
                all=lambda: read("ORDER BY code"), box=lambda box: read(f"WHERE fid IN ({near})", box)
            )

    def prepare(self, target: str, frame: gpd.GeoDataFrame) -> None:
        self.load(frame, target)

    def features(self, frame: gpd.GeoDataFrame) -> list[Any]:
        if self._frames:
            return list(single_features(frame))
        if self._features:
            return whole_features(frame)
        rows = plain_rows(frame, _blobs(frame))
        return [(row, box, codes_json(row[0])) for row, box in zip(rows, _boxes(frame), strict=True)]

    @contextmanager
    def writer(self, target: str) -> Iterator[Callable[[Any], None]]:
        with closing(_connect(target)) as connection:

            def write(feature: Any) -> None:
                if self._frames:
                    row, (box,) = plain_row(feature, _blobs(feature)), _boxes(feature)
                    codes = codes_json(row[0])
                elif self._features:
                    west, south, east, north = feature.geometry.bounds
                    box = west, east, south, north
                    blob = _blob(shapely.to_wkb(feature.geometry), box)
                    row = (feature.code, blob, *map(feature.values.get, FIELDS))
                    codes = codes_json(feature.code)
                else:
                    row, box, codes = feature
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_INSERT, row)
                connection.execute(_BOX, (connection.last_insert_rowid(), *box))
                connection.execute(_GROW, box)
                connection.execute(
                    "INSERT INTO changes VALUES ((SELECT coalesce(max(version), 0) + 1 FROM changes), ?, ?, ?, '', '', NULL)",
                    (LAYER.name, codes, MOMENT),
                )
                connection.execute("COMMIT")

            yield write

    def written(self, target: str) -> tuple[int, int]:
        with closing(_connect(target)) as connection:
            query = "SELECT (SELECT count(*) FROM buildings), (SELECT max(version) FROM changes)"
            features, version = connection.execute(query).get
            return features, version or 0


def _connect(path: str) -> apsw.Connection:
    connection = apsw.Connection(path)
    connection.set_busy_timeout(60_000)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")
    return connection


def _boxes(frame: gpd.GeoDataFrame) -> list[tuple[float, ...]]:
    """Return boxes in the order of an R-tree's columns."""
    bounds = shapely.bounds(frame.geometry.to_numpy()).tolist()
    return [(west, east, south, north) for west, south, east, north in bounds]


def _blobs(frame: gpd.GeoDataFrame) -> list[bytes]:
    """Return geometries as GeoPackage keeps them."""
    packed = shapely.to_wkb(frame.geometry.to_numpy()).tolist()
    return [_blob(wkb, box) for box, wkb in zip(_boxes(frame), packed, strict=True)]


def _blob(wkb: bytes, box: Sequence[float]) -> bytes:
    return _HEADER.pack(b"GP", 0, 3, SRID, *box) + wkb
