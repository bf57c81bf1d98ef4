"""The kinds of store as the fault tests meet them: made, and looked into without Wangge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import apsw
import geopandas as gpd
import psycopg

from layers.store import Authorship, Store, create_store, open_store
from layers.stores.geopackage.files import prepare
from layers.stores.kinds import path_of
from tests.faults.work import MADE, PLACE, first_frames
from tests.postgres import Cluster


class Kind(Protocol):
    """A kind of store."""

    name: str

    def new_url(self) -> str:
        """Return the URL of a place where no store is yet."""

    def assert_sound(self, url: str, *, thoroughly: bool = False) -> None:
        """Assert, by the database's own means, that the store is whole."""


@dataclass
class GeoPackages:
    """GeoPackages in a folder."""

    folder: Path
    validate: Callable[[Path], None]
    name: str = "GeoPackage"
    _numbers: Iterator[int] = field(default_factory=count)

    def new_url(self) -> str:
        """Return the URL of a file that is not there."""
        return f"gpkg:{self.folder / f'district {next(self._numbers)}.gpkg'}"

    def assert_sound(self, url: str, *, thoroughly: bool = False) -> None:
        """Assert that SQLite finds nothing wrong, and GDAL's validator neither."""
        path = path_of(url)
        with closing(apsw.Connection(str(path))) as connection:
            prepare(connection)
            assert connection.execute("PRAGMA integrity_check").get == "ok"
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if thoroughly:
            self.validate(path)


@dataclass
class PostGIS:
    """Databases of one server."""

    cluster: Cluster
    name: str = "PostGIS"
    names: list[str] = field(default_factory=list)

    def new_url(self) -> str:
        """Return the URL of a new database."""
        self.names.append(self.cluster.new_database())
        return self.cluster.url(self.names[-1])

    def database_of(self, url: str) -> str:
        """Return the name of the database that a URL is of."""
        return next(name for name in self.names if self.cluster.url(name) == url)

    def assert_sound(self, url: str, *, thoroughly: bool = False) -> None:
        """Assert that every index leads to what is in its table, and the server's own checks find nothing."""
        with self.cluster.connect(self.database_of(url)) as connection:
            assert_indexes_agree(connection)
            if thoroughly:
                assert_pages_sound(connection)


_TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attname) FILTER (WHERE i.indisprimary),
  count(*) FILTER (WHERE a.attname = 'geom')
FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE c.relnamespace = 'wangge'::regnamespace AND c.relkind = 'r' GROUP BY c.relname
"""
_BY_INDEX = "SET enable_seqscan = off"
_BY_SCAN = "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off"


def assert_indexes_agree(connection: psycopg.Connection[Any]) -> None:
    """Assert that each table holds by its indexes what it holds when it is read through."""
    for table, keys, spatial in connection.execute(_TABLES).fetchall():
        rows = f"SELECT {', '.join(keys)} FROM wangge.{table}"
        queries = [f"{rows} WHERE {keys[0]} IS NOT NULL ORDER BY {', '.join(keys)}"]
        if spatial:
            queries.append(f"{rows} WHERE geom && ST_MakeEnvelope(-180, -90, 180, 90, 4490)")
        for query in queries:
            found = []
            for way in (_BY_INDEX, _BY_SCAN):
                connection.execute(f"RESET ALL; {way}".encode())
                found.append(sorted(connection.execute(query.encode()).fetchall()))
            assert found[0] == found[1], query
    connection.execute("RESET ALL")


def assert_pages_sound(connection: psycopg.Connection[Any]) -> None:
    """Assert that amcheck, PostgreSQL's own check of tables and indexes, finds nothing."""
    connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
    damage = connection.execute(
        "SELECT c.relname, v.* FROM pg_class c, verify_heapam(c.oid) v "
        "WHERE c.relnamespace = 'wangge'::regnamespace AND c.relkind = 'r'"
    ).fetchall()
    assert damage == []
    connection.execute(
        "SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam "
        "WHERE c.relnamespace = 'wangge'::regnamespace AND c.relkind = 'i' AND a.amname = 'btree'"
    )


def made(kind: Kind, layers: Mapping[str, gpd.GeoDataFrame] | None = None) -> str:
    """Return the URL of a new store with `layers`, or just with the features that writers begin with."""
    url = kind.new_url()
    frames = first_frames() if layers is None else layers
    create_store(url, PLACE, layers=frames, by=Authorship(note=MADE)).close()
    return url


@contextmanager
def sound(kind: Kind, url: str, *, thoroughly: bool = False) -> Iterator[Store]:
    """Open a store that must have come through whatever was done to it."""
    with open_store(url) as store:
        faults = [fault.message.en for fault in store.verify()]
        assert faults == []
        yield store
    kind.assert_sound(url, thoroughly=thoroughly)
