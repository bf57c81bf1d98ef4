"""The peer that is a database server: PostGIS, with tables loaded, indexed and analysed before the clock runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg

from bench.tasks.common import (
    CATEGORIES,
    DAYS,
    SQUARE_M,
    table_of_numbers,
    table_of_squares,
    wkb,
)
from bench.worker import Absent, Given, Task

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_PART = 1_000_000
_FORMS = {"f": (">f8", "float8"), "i": (">i4", "int4")}


def _connected(given: Given) -> psycopg.Connection[Any]:
    if not given.url:
        raise Absent("there is no PostgreSQL with PostGIS here")
    connection = psycopg.connect(given.url, autocommit=True)
    connection.execute("SET jit = off")  # compiling takes longer than it saves here
    for cost in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
        connection.execute(f"SET {cost} = 0".encode())  # small tables are worth two processes, too
    return connection


def _copied(connection: psycopg.Connection[Any], table: str, columns: dict[str, Any]) -> None:
    """Make a table of numbers, by COPY in the binary form."""
    forms = {name: _FORMS["f" if values.dtype.kind == "f" else "i"] for name, values in columns.items()}
    kinds = ", ".join(f"{name} {kind}" for name, (_, kind) in forms.items())
    connection.execute(f"CREATE UNLOGGED TABLE {table} ({kinds})".encode())
    row = [("fields", ">i2")]
    for name, (form, _) in forms.items():
        row += [(f"{name}_bytes", ">i4"), (name, form)]
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()) as copy:
        copy.write(_HEADER)
        for start in range(0, len(next(iter(columns.values()))), _PART):
            some = {name: values[start : start + _PART] for name, values in columns.items()}
            rows = np.zeros(len(next(iter(some.values()))), dtype=row)
            rows["fields"] = len(forms)
            for name, (form, _) in forms.items():
                rows[f"{name}_bytes"], rows[name] = np.dtype(form).itemsize, some[name]
            copy.write(rows.tobytes())
        copy.write(b"\xff\xff")


def _shapes(connection: psycopg.Connection[Any], table: str, packed: list[bytes]) -> None:
    connection.execute(f"CREATE UNLOGGED TABLE {table} (id int4, g geometry(Geometry, 0))".encode())
    with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for number, shape in enumerate(packed):
            copy.write_row((number, shape.hex()))
    connection.execute(f"CREATE INDEX ON {table} USING gist (g)".encode())
    connection.execute(f"VACUUM ANALYZE {table}".encode())


def _task(connection: psycopg.Connection[Any], query: str, answer: Callable[[list[Any]], Any]) -> Task:
    cursor = connection.cursor(binary=True)

    def columns(rows: list[Any]) -> Any:
        return answer([np.array(values) for values in zip(*rows, strict=True)])

    return Task(lambda: cursor.execute(query.encode()).fetchall(), columns)


def _grouped(given: Given, by: str, width: int) -> Task:
    connection = _connected(given)
    _copied(connection, "points", {name: given.array(name) for name in ("x", "y", by)})
    connection.execute("VACUUM ANALYZE points")
    query = f"""
        SELECT floor(x / {SQUARE_M})::int, floor(y / {SQUARE_M})::int, {by}, count(*) FROM points GROUP BY 1, 2, 3
    """
    return _task(connection, query, table_of_squares(given, width))


def postgis_squares(given: Given) -> Task:
    return _grouped(given, "category", CATEGORIES)


def postgis_days(given: Given) -> Task:
    return _grouped(given, "day", DAYS)


def postgis_irregular(given: Given) -> Task:
    """By LATERAL, cell by cell: the planner's own choice for a plain join takes several times as long."""
    connection = _connected(given)
    cells = wkb(given, "irregular")
    _shapes(connection, "cells", cells)
    _copied(connection, "places", {name: given.array(name) for name in ("x", "y")})
    connection.execute("CREATE UNLOGGED TABLE points AS SELECT ST_Point(x, y) AS g FROM places")
    connection.execute("CREATE INDEX ON points USING gist (g)")
    connection.execute("VACUUM ANALYZE points")
    query = """
        SELECT cells.id, inside.amount FROM cells
        CROSS JOIN LATERAL (SELECT count(*) AS amount FROM points WHERE ST_Intersects(cells.g, points.g)) AS inside
    """
    return _task(connection, query, lambda found: table_of_numbers(len(cells), found))


def postgis_nearest(given: Given) -> Task:
    connection = _connected(given)
    doors = given.array("doors")
    for name in ("doors", "rooms"):
        x, y = given.array(name)
        _copied(connection, f"{name}_places", {"id": np.arange(len(x)), "x": x, "y": y})
        connection.execute(
            f"CREATE UNLOGGED TABLE {name} AS SELECT id, ST_Point(x, y) AS g FROM {name}_places".encode()
        )
        connection.execute(f"CREATE INDEX ON {name} USING gist (g)".encode())
        connection.execute(f"VACUUM ANALYZE {name}".encode())
    query = """
        SELECT doors.id, near.metres FROM doors
        CROSS JOIN LATERAL (SELECT doors.g <-> rooms.g AS metres FROM rooms ORDER BY doors.g <-> rooms.g LIMIT 1) AS near
    """
    return _task(connection, query, lambda found: table_of_numbers(doors.shape[1], found))


def postgis_area(given: Given) -> Task:
    """Each building is clipped by the squares that its box meets; those within one square are not clipped."""
    connection = _connected(given)
    _shapes(connection, "buildings", wkb(given, "buildings"))
    query = f"""
        WITH boxes AS (
            SELECT g, floor(ST_XMin(g) / {SQUARE_M})::int AS c1, floor(ST_XMax(g) / {SQUARE_M})::int AS c2,
                floor(ST_YMin(g) / {SQUARE_M})::int AS r1, floor(ST_YMax(g) / {SQUARE_M})::int AS r2
            FROM buildings
        )
        SELECT c, r, sum(CASE WHEN c1 = c2 AND r1 = r2 THEN ST_Area(g) ELSE coalesce(ST_Area(ST_ClipByBox2D(g,
            ST_MakeEnvelope(c * {SQUARE_M}, r * {SQUARE_M}, (c + 1) * {SQUARE_M}, (r + 1) * {SQUARE_M})::box2d)), 0) END)
        FROM boxes, generate_series(c1, c2) AS c, generate_series(r1, r2) AS r GROUP BY c, r
    """
    table = table_of_squares(given, 1)
    return _task(connection, query, lambda found: table(found).ravel())
