"""The peers of the PostGIS store: geopandas, ADBC, and SQL by hand through psycopg."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import psycopg
import pyarrow as pa
import shapely

from bench.contender import (
    FIELDS,
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
)
from geo.crs import STORED_CRS
from layers.stores.rows import COLUMN_TYPES

if TYPE_CHECKING:
    import geopandas as gpd
    import sqlalchemy

    from bench.data import Box

_TYPES = {"text": "text", "integer": "bigint", "number": "double precision"}
_KINDS = [_TYPES[COLUMN_TYPES[LAYER.field(name).type]] for name in FIELDS]
_GEOMETRY = f"geometry(Geometry, {SRID})"
_BOX = f"geom && ST_MakeEnvelope(%s, %s, %s, %s, {SRID})"
_COLUMNS = ", ".join(["code", "geom", *(f'"{name}"' for name in FIELDS)])
_SELECT = f"SELECT code, ST_AsBinary(geom), {', '.join(FIELDS)} FROM buildings"
_INDEXES = (
    "ALTER TABLE buildings ADD PRIMARY KEY (code); CREATE INDEX ON buildings USING gist (geom);"
    + "".join(f"CREATE INDEX ON buildings ({name});" for name in PARENTS)
    + "ANALYZE buildings"
)
_INSERT = f"INSERT INTO buildings ({_COLUMNS}) VALUES (%s, %s::geometry, {', '.join(f'%s::{kind}' for kind in _KINDS)})"
_VERSION = "UPDATE head SET version = version + 1 RETURNING version"
_CHANGE = "INSERT INTO changes VALUES (%s, %s, %s, %s, '', '', NULL)"
_CHANGE_BY_SEQUENCE = "INSERT INTO changes VALUES (nextval('versions'), %s, %s, %s, '', '', NULL)"


class Geopandas(Contender):
    """`to_postgis`, which makes a GiST index, and `read_postgis`."""

    name = "geopandas"
    kind = "PostGIS"

    def load(self, frame: gpd.GeoDataFrame, target: str) -> None:
        with _engine(target) as engine:
            frame.rename_geometry("geom").to_postgis("buildings", engine, index=True)

    @contextmanager
    def opened(self, target: str) -> Iterator[Opened]:
        import geopandas as gpd

        with _engine(target) as engine:

            def read(query: str, box: Box | None = None) -> gpd.GeoDataFrame:
                return gpd.read_postgis(query, engine, geom_col="geom", index_col="code", params=box)

            yield Opened(
                all=lambda: read("SELECT * FROM buildings"),
                box=lambda box: read(f"SELECT * FROM buildings WHERE {_BOX}", box),
            )


class Adbc(Contender):
    """Arrow both ways; geometry travels as WKB."""

    name = "ADBC"
    kind = "PostGIS"

    def load(self, frame: gpd.GeoDataFrame, target: str) -> None:
        names = ["code", *FIELDS]
        columns = {name: pa.array(frame.reset_index()[name]) for name in names}
        columns["geom"] = pa.array(shapely.to_wkb(frame.geometry.to_numpy()), type=pa.binary())
        with adbc.connect(target) as connection, connection.cursor() as cursor:
            cursor.adbc_ingest("staged", pa.table(columns), mode="create")
            cursor.execute(
                f"CREATE TABLE buildings AS SELECT code, ST_GeomFromWKB(geom, {SRID})::{_GEOMETRY} AS geom, "
                f"{', '.join(FIELDS)} FROM staged"
            )
            for statement in ("DROP TABLE staged", *_INDEXES.split(";")):
                cursor.execute(statement)
            connection.commit()

    @contextmanager
    def opened(self, target: str) -> Iterator[Opened]:
        with adbc.connect(target) as connection:
            yield Opened(
                all=lambda: _fetched(connection, _SELECT),
                # The driver binds parameters as rows to insert; numbers are safe within the query.
                box=lambda box: _fetched(connection, f"{_SELECT} WHERE {_BOX % tuple(map(repr, box))}"),
            )


class PlainPsycopg(Contender, Writer):
    """COPY and INSERT, and SELECT with fetchall: no checks, no history, no other layer."""

    kind = "PostGIS"

    def __init__(self, *, frames: bool = False, counter: bool = True) -> None:
        self.name = "plain SQL from frames" if frames else "plain SQL (psycopg)"
        if not counter:
            self.name = "plain SQL without a version counter"
        self._frames = frames
        self._counter = counter

    def load(self, frame: gpd.GeoDataFrame, target: str) -> None:
        rows = plain_rows(frame, _ewkb(frame))
        with psycopg.connect(target) as connection:
            connection.execute(
                f'CREATE TABLE buildings (code text COLLATE "C", geom {_GEOMETRY}'
                + "".join(f", {name} {kind}" for name, kind in zip(FIELDS, _KINDS, strict=True))
                + ")"
            )
            cursor = connection.cursor()
            with cursor.copy(f"COPY buildings ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["text", "bytea", *_KINDS])
                for row in rows:
                    copy.write_row(row)
            connection.execute(_INDEXES)

    @contextmanager
    def opened(self, target: str) -> Iterator[Opened]:
        with psycopg.connect(target, autocommit=True) as connection:
            cursor = connection.cursor(binary=True)
            yield Opened(
                all=lambda: plain_frame(cursor.execute(_SELECT).fetchall()),
                box=lambda box: plain_frame(cursor.execute(f"{_SELECT} WHERE {_BOX}", box).fetchall()),
            )

    def prepare(self, target: str, frame: gpd.GeoDataFrame) -> None:
        self.load(frame, target)
        with psycopg.connect(target) as connection:
            connection.execute(
                "CREATE TABLE head (version bigint NOT NULL) WITH (fillfactor = 10);"
                "INSERT INTO head VALUES (0); CREATE SEQUENCE versions;"
                "CREATE TABLE changes (version bigint PRIMARY KEY, layer text NOT NULL, codes text NOT NULL, "
                "at timestamptz, who text NOT NULL, note text NOT NULL, effective date)"
            )

    def features(self, frame: gpd.GeoDataFrame) -> list[Any]:
        if self._frames:
            return list(single_features(frame))
        return [(row, codes_json(row[0])) for row in plain_rows(frame, _ewkb(frame))]

    @contextmanager
    def writer(self, target: str) -> Iterator[Callable[[Any], None]]:
        with psycopg.connect(target) as connection:

            def write(feature: Any) -> None:
                if self._frames:
                    row = plain_row(feature, _ewkb(feature))
                    codes = codes_json(row[0])
                else:
                    row, codes = feature
                change = (LAYER.name, codes, MOMENT)
                if self._counter:
                    (version,) = connection.execute(_VERSION).fetchone() or (0,)
                    connection.execute(_INSERT, row)
                    connection.execute(_CHANGE, (version, *change))
                else:
                    connection.execute(_INSERT, row)
                    connection.execute(_CHANGE_BY_SEQUENCE, change)
                connection.commit()

            yield write

    def written(self, target: str) -> tuple[int, int]:
        with psycopg.connect(target) as connection:
            query = "SELECT (SELECT count(*) FROM buildings), (SELECT count(*) FROM changes)"
            features, versions = connection.execute(query).fetchone() or (0, 0)
            return features, versions


@contextmanager
def _engine(url: str) -> Iterator[sqlalchemy.Engine]:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        yield engine
    finally:
        engine.dispose()


def _fetched(connection: adbc.Connection, query: str) -> gpd.GeoDataFrame:
    import geopandas as gpd

    with connection.cursor() as cursor:
        cursor.execute(query)
        table = cursor.fetch_arrow_table()
    shapes = shapely.from_wkb(table["st_asbinary"].to_numpy())
    frame = table.drop(["st_asbinary"]).to_pandas().set_index("code")
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=STORED_CRS)


def _ewkb(frame: gpd.GeoDataFrame) -> list[bytes]:
    shapes = shapely.set_srid(frame.geometry.to_numpy(), SRID)
    packed: list[bytes] = shapely.to_wkb(np.asarray(shapes), include_srid=True).tolist()
    return packed
