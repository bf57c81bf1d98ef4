"""Bringing a GeoPackage of an earlier program to the present schema.

The folder ``sql`` holds one file per schema since the second; `layers.stores.geopackage.ddl` makes the
newest one outright. Forward only.
"""

# ruff: noqa: S608 - names of tables come from the schema; values are always bound

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import apsw

from layers.stores.geopackage import ddl, faults, records
from layers.stores.geopackage.connection import Database
from layers.stores.geopackage.creation import is_wangge
from layers.stores.kinds import newer
from layers.text import Text


def schema_version(connection: apsw.Connection, path: Path) -> int:
    """Return the schema of the store that a connection is to.

    Raises
    ------
    StoreUnusable
        It is no store, damaged, or newer than this program.
    """
    if not is_wangge(connection):
        raise faults.unusable(
            path,
            Text("它不是网格的存储", "it is not a Wangge store"),
            Text(
                "请用 wangge init 新建存储，再用 wangge import 导入该文件。",
                "Make a store with `wangge init` and bring the file in with `wangge import`.",
            ),
        )
    said = records.meta(connection, "schema_version")
    if not isinstance(said, str) or not said.isdecimal() or int(said) < 1:
        raise faults.damaged(path, f"{ddl.META}: schema_version")
    if int(said) > ddl.SCHEMA_VERSION:
        raise newer(f"gpkg:{path}", int(said), ddl.SCHEMA_VERSION)
    return int(said)


def script(number: int) -> str:
    """Return the SQL that makes schema `number` of the one before it."""
    return files("layers.stores.geopackage").joinpath("sql", f"{number:04}.sql").read_text("utf-8")


def migrate(path: Path, *, busy_timeout_s: float) -> tuple[int, int]:
    """Bring the store at `path` (absolute) to the present schema, whole or not at all.

    Returns
    -------
    tuple of int
        The schemas before and after.

    Raises
    ------
    StoreMissing, StoreUnusable, StoreReadOnly, StoreBusy, StoreFull
    """

    def check(connection: apsw.Connection) -> None:
        schema_version(connection, path)

    database = Database(path, check=check, read_only=False, busy_timeout_s=busy_timeout_s)
    try:
        with database.reading() as connection:
            before = schema_version(connection, path)
        if before == ddl.SCHEMA_VERSION:
            return before, before
        with database.writing() as connection:
            # Somebody else may have been quicker.
            for number in range(schema_version(connection, path) + 1, ddl.SCHEMA_VERSION + 1):
                connection.execute(script(number))
            connection.execute(
                f"UPDATE {ddl.META} SET value = ? WHERE key = 'schema_version'", [str(ddl.SCHEMA_VERSION)]
            )
    finally:
        database.close()
    return before, ddl.SCHEMA_VERSION
