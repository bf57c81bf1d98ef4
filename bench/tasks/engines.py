"""Peers that are database engines within the process: DuckDB with its spatial extension, and SedonaDB.

Tables are in memory before the clock runs; answers are fetched as numpy or Arrow columns within it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bench.tasks.common import (
    CATEGORIES,
    DAYS,
    SQUARE_M,
    table_of_numbers,
    table_of_squares,
    wkb,
)
from bench.worker import Absent, Given, Task

_MOST_PAIRS = 200_000_000
_GROUPED = """
    SELECT CAST(floor(x / {size}) AS INT) AS c, CAST(floor(y / {size}) AS INT) AS r, {by}, count(*) AS amount
    FROM points GROUP BY 1, 2, 3
"""
_JOINED = """
    SELECT cells.id, count(*) AS amount FROM points JOIN cells ON ST_Intersects(cells.g, points.g) GROUP BY cells.id
"""


def _columns(given: Given, *names: str) -> Any:
    pa: Any = import_module("pyarrow")
    return pa.table({name: given.array(name) for name in names})


def _numbered(columns: dict[str, Any]) -> Any:
    pa: Any = import_module("pyarrow")
    rows = len(next(iter(columns.values())))
    return pa.table({"id": np.arange(rows), **columns})


def _places(given: Given, name: str) -> Any:
    x, y = given.array(name)
    return _numbered({"x": x, "y": y})


def _fetched(found: Any) -> list[Any]:
    """Return the columns of a result as numpy arrays."""
    if isinstance(found, dict):
        return [np.asarray(values) for values in found.values()]
    return [np.asarray(found[name]) for name in found.column_names]


# DuckDB


def _duckdb(given: Given, **tables: Any) -> Any:
    duckdb: Any = import_module("duckdb")
    folder = Path(str(import_module("duckdb_extension_spatial").__file__)).parent
    connection = duckdb.connect()
    connection.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/spatial.duckdb_extension'")
    for name, (table, query) in tables.items():
        connection.register("given", table)
        connection.execute(f"CREATE TABLE {name} AS {query}")
        connection.unregister("given")
    return connection


def _duckdb_task(connection: Any, query: str, answer: Callable[[list[Any]], Any]) -> Task:
    return Task(lambda: connection.execute(query).fetchnumpy(), lambda found: answer(_fetched(found)))


def _duckdb_grouped(given: Given, by: str, width: int) -> Task:
    connection = _duckdb(given, points=(_columns(given, "x", "y", by), "SELECT * FROM given"))
    return _duckdb_task(connection, _GROUPED.format(size=SQUARE_M, by=by), table_of_squares(given, width))


def duckdb_squares(given: Given) -> Task:
    return _duckdb_grouped(given, "category", CATEGORIES)


def duckdb_days(given: Given) -> Task:
    return _duckdb_grouped(given, "day", DAYS)


def duckdb_irregular(given: Given) -> Task:
    cells = wkb(given, "irregular")
    connection = _duckdb(
        given,
        points=(_columns(given, "x", "y"), "SELECT ST_Point(x, y) AS g FROM given"),
        cells=(_numbered({"w": cells}), "SELECT id, ST_GeomFromWKB(w) AS g FROM given"),
    )
    return _duckdb_task(connection, _JOINED, lambda found: table_of_numbers(len(cells), found))


def duckdb_nearest(given: Given) -> Task:
    """It has no join of neighbours; comparing all pairs by arithmetic is its quickest way."""
    doors, rooms = _places(given, "doors"), _places(given, "rooms")
    if len(doors) * len(rooms) > _MOST_PAIRS:
        raise Absent(f"compares all pairs, {len(doors) * len(rooms) / 1e9:.0f} billion of them")
    connection = _duckdb(given, doors=(doors, "SELECT * FROM given"), rooms=(rooms, "SELECT * FROM given"))
    query = """
        SELECT doors.id, sqrt(min((doors.x - rooms.x) * (doors.x - rooms.x) + (doors.y - rooms.y) * (doors.y - rooms.y)))
        FROM doors, rooms GROUP BY doors.id
    """
    return _duckdb_task(connection, query, lambda found: table_of_numbers(len(doors), found))


def duckdb_area(given: Given) -> Task:
    """Each building is cut by the squares that its box meets; those within one square are not cut."""
    connection = _duckdb(
        given,
        buildings=(_numbered({"w": wkb(given, "buildings")}), "SELECT id, ST_GeomFromWKB(w) AS g FROM given"),
    )
    query = f"""
        WITH boxes AS (
            SELECT g, floor(ST_XMin(g) / {SQUARE_M})::INT AS c1, floor(ST_XMax(g) / {SQUARE_M})::INT AS c2,
                floor(ST_YMin(g) / {SQUARE_M})::INT AS r1, floor(ST_YMax(g) / {SQUARE_M})::INT AS r2
            FROM buildings
        ), columns AS (SELECT *, unnest(range(c1, c2 + 1)) AS c FROM boxes),
        pieces AS (SELECT *, unnest(range(r1, r2 + 1)) AS r FROM columns)
        SELECT c, r, sum(CASE WHEN c1 = c2 AND r1 = r2 THEN ST_Area(g) ELSE ST_Area(ST_Intersection(g,
            ST_MakeEnvelope(c * {SQUARE_M}, r * {SQUARE_M}, (c + 1) * {SQUARE_M}, (r + 1) * {SQUARE_M}))) END)
        FROM pieces GROUP BY c, r
    """
    table = table_of_squares(given, 1)
    return _duckdb_task(connection, query, lambda found: table(found).ravel())


# SedonaDB


def _sedona(**tables: Any) -> Any:
    connection = import_module("sedonadb").connect()
    for name, (table, query) in tables.items():
        connection.create_data_frame(table).to_view("given", overwrite=True)
        connection.sql(query).to_memtable().to_view(name)
    return connection


def _sedona_task(connection: Any, query: str, answer: Callable[[list[Any]], Any]) -> Task:
    return Task(lambda: connection.sql(query).to_arrow_table(), lambda found: answer(_fetched(found)))


def _sedona_grouped(given: Given, by: str, width: int) -> Task:
    connection = _sedona(points=(_columns(given, "x", "y", by), "SELECT * FROM given"))
    return _sedona_task(connection, _GROUPED.format(size=SQUARE_M, by=by), table_of_squares(given, width))


def sedona_squares(given: Given) -> Task:
    return _sedona_grouped(given, "category", CATEGORIES)


def sedona_days(given: Given) -> Task:
    return _sedona_grouped(given, "day", DAYS)


def sedona_irregular(given: Given) -> Task:
    cells = wkb(given, "irregular")
    connection = _sedona(
        points=(_columns(given, "x", "y"), "SELECT ST_Point(x, y) AS g FROM given"),
        cells=(_numbered({"w": cells}), "SELECT id, ST_GeomFromWKB(w) AS g FROM given"),
    )
    return _sedona_task(connection, _JOINED, lambda found: table_of_numbers(len(cells), found))


def sedona_nearest(given: Given) -> Task:
    doors, rooms = _places(given, "doors"), _places(given, "rooms")
    point = "SELECT id, ST_Point(x, y) AS g FROM given"
    connection = _sedona(doors=(doors, point), rooms=(rooms, point))
    query = """
        SELECT doors.id, ST_Distance(doors.g, rooms.g) AS metres
        FROM doors JOIN rooms ON ST_KNN(doors.g, rooms.g, 1, false)
    """
    return _sedona_task(connection, query, lambda found: table_of_numbers(len(doors), found))


def sedona_area(given: Given) -> Task:
    """Joined with the squares by their geometry, its own way; buildings within one square are not cut."""
    squares = given.array("squares")
    ring = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
    corners = [(squares + corner) * int(SQUARE_M) for corner in ring]
    places = [", ".join(f"{x} {y}" for x, y in some) for some in np.stack(corners, axis=1).tolist()]
    connection = _sedona(
        buildings=(_numbered({"w": wkb(given, "buildings")}), "SELECT id, ST_GeomFromWKB(w) AS g FROM given"),
        cells=(
            _numbered({"w": [f"POLYGON(({place}))" for place in places]}),
            "SELECT id, ST_GeomFromText(w) AS g FROM given",
        ),
    )
    query = """
        SELECT cells.id, sum(CASE WHEN ST_Covers(cells.g, buildings.g) THEN ST_Area(buildings.g)
            ELSE ST_Area(ST_Intersection(buildings.g, cells.g)) END) AS amount
        FROM buildings JOIN cells ON ST_Intersects(cells.g, buildings.g) GROUP BY cells.id
    """
    return _sedona_task(connection, query, lambda found: table_of_numbers(len(squares), found))
