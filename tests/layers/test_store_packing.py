"""An R-tree packed at once is one that SQLite itself would accept, answer from and write on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import apsw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from layers.stores.geopackage import packing

COLUMNS = "(id, minx, maxx, miny, maxy)"
SEED = 20260601


@contextmanager
def trees(page_bytes: int = 4096) -> Iterator[apsw.Connection]:
    """Give a database with two empty R-trees."""
    with closing(apsw.Connection(":memory:")) as connection:
        connection.pragma("page_size", page_bytes)
        for name in ("packed", "inserted"):
            connection.execute(f"CREATE VIRTUAL TABLE {name} USING rtree{COLUMNS}")
        yield connection


def insert(
    connection: apsw.Connection, tree: str, ids: NDArray[np.int64], bounds: NDArray[np.float64]
) -> None:
    connection.executemany(
        f"INSERT INTO {tree} VALUES (?, ?, ?, ?, ?)",
        ((fid, w, e, s, n) for fid, (w, s, e, n) in zip(ids.tolist(), bounds.tolist(), strict=True)),
    )


def places(rows: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return fids in no order and boxes all over the world."""
    rng = np.random.default_rng(SEED)
    corner = rng.uniform(-180, 180, (rows, 2))
    return rng.permutation(rows) * 3 + 1, np.hstack([corner, corner + rng.uniform(0, 1, (rows, 2))])


def sound(connection: apsw.Connection, tree: str) -> bool:
    said: str = connection.execute("SELECT rtreecheck(?)", [tree]).get
    return said == "ok"


@pytest.mark.parametrize("page_bytes", [512, 1024, 4096, 65536])
@pytest.mark.parametrize("rows", [1, 2, 40, 41, 51, 52, 1700, 20_000])
def test_a_packed_tree_holds_what_an_inserted_one_holds(rows: int, page_bytes: int) -> None:
    ids, bounds = places(rows)
    with trees(page_bytes) as connection:
        assert packing.is_empty(connection, "packed")
        packing.pack(connection, "packed", ids, bounds)
        assert not packing.is_empty(connection, "packed")
        insert(connection, "inserted", ids, bounds)
        assert sound(connection, "packed")
        one, other = (sorted(connection.execute(f"SELECT * FROM {tree}")) for tree in ("packed", "inserted"))
        assert one == other


@given(
    bounds=st.integers(1, 120).flatmap(
        lambda rows: arrays(np.float64, (rows, 2), elements=st.floats(-180, 180))
    ),
    box=st.tuples(*[st.floats(-181, 181)] * 4),
)
def test_both_find_the_same(bounds: NDArray[np.float64], box: tuple[float, float, float, float]) -> None:
    ids, boxes = np.arange(len(bounds)), np.hstack([bounds, bounds])
    query = "SELECT id FROM {} WHERE maxx >= ? AND maxy >= ? AND minx <= ? AND miny <= ? ORDER BY id"
    with trees() as connection:
        packing.pack(connection, "packed", ids, boxes)
        insert(connection, "inserted", ids, boxes)
        found = [connection.execute(query.format(tree), box).fetchall() for tree in ("packed", "inserted")]
        assert found[0] == found[1]
        assert sound(connection, "packed")


def test_it_is_written_on_as_any_other() -> None:
    ids, bounds = places(5000)
    with trees() as connection:
        with connection:
            packing.pack(connection, "packed", ids[:3000], bounds[:3000])
            insert(connection, "packed", ids[3000:], bounds[3000:])
        connection.execute("DELETE FROM packed WHERE id % 2 = 0")
        connection.execute("UPDATE packed SET maxx = maxx + 1 WHERE id % 5 = 0")
        assert sound(connection, "packed")
        assert connection.execute("SELECT count(*) FROM packed").get == np.count_nonzero(ids % 2)
        connection.execute("DELETE FROM packed")
        assert packing.is_empty(connection, "packed")
        packing.pack(connection, "packed", ids, bounds)
        assert sound(connection, "packed")


def test_few_nodes_are_read_for_what_lies_together() -> None:
    """A box of a thousandth of the world must not open more than a few nodes."""
    ids, bounds = places(20_000)
    bounds[:, 2:] = bounds[:, :2]
    with trees() as connection:
        packing.pack(connection, "packed", ids, bounds)
        nodes = "SELECT count(DISTINCT nodeno) FROM packed_rowid WHERE rowid IN (SELECT id FROM packed WHERE "
        nodes += "minx BETWEEN 0 AND 11 AND miny BETWEEN 0 AND 11)"
        assert connection.execute(nodes).get <= 4
