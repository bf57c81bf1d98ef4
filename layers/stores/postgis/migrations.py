"""Making the tables, and bringing those of an earlier program to the present schema.

The folder ``sql`` holds one file per schema; a new store runs them all. Forward only, in one transaction.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from psycopg import sql

from layers.problems import StoreMissing
from layers.stores.access import postgresql
from layers.stores.kinds import newer, outdated
from layers.stores.postgis import ddl, faults, roles, tables
from layers.stores.postgis.connection import owning
from layers.text import Text

if TYPE_CHECKING:
    from layers.store import StoreSettings
    from layers.stores.postgis.addresses import Address
    from layers.stores.postgis.connection import Connection

_IS_THERE = """
SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s
"""
_SET_SCHEMA = sql.SQL(
    "INSERT INTO {} VALUES ('schema_version', {}) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def found_schema(connection: Connection, address: Address) -> int | None:
    """Return the schema of the store that is there, None where there is none.

    Raises
    ------
    StoreUnusable
        It is damaged.
    """
    if not connection.execute(_IS_THERE, [ddl.SCHEMA, ddl.META]).rowcount:
        return None
    said = tables.meta(connection, "schema_version")
    if said is None or not said.isdecimal() or int(said) < 1:
        why = Text("{at} 已损坏", "{at} is damaged").format(at=f"{ddl.SCHEMA}.{ddl.META}.schema_version")
        raise faults.unusable(address, why, Text("请用备份恢复。", "Restore a backup."))
    return int(said)


def require_present_schema(found: int | None, address: Address) -> None:
    """Raise where a store is not of this program's schema.

    Raises
    ------
    StoreMissing, StoreOutdated, StoreUnusable
    """
    if found is None:
        raise StoreMissing(
            Text("数据库 {url} 中没有存储。", "There is no store in the database {url}.").format(
                url=address.shown
            ),
            Text(
                "新建空区请用 wangge init，演示区请用 wangge demo。",
                "`wangge init` makes an empty district, `wangge demo` the demonstration district.",
            ),
        )
    if found < ddl.SCHEMA_VERSION:
        raise outdated(address.shown, found, ddl.SCHEMA_VERSION)
    if found > ddl.SCHEMA_VERSION:
        raise newer(address.shown, found, ddl.SCHEMA_VERSION)


def apply(connection: Connection, *, after: int) -> None:
    """Run the files of the schemas that follow schema `after`, within a transaction, on one journey."""
    scripts = [script(number) for number in range(after + 1, ddl.SCHEMA_VERSION + 1)]
    done = _SET_SCHEMA.format(ddl.table(ddl.META), sql.Literal(str(ddl.SCHEMA_VERSION)))
    connection.execute(b"\n;\n".join([*scripts, done.as_bytes()]))


def script(number: int) -> bytes:
    """Return the file that leads to schema `number` from the one before."""
    return files("layers.stores.postgis").joinpath("sql", f"{number:04}.sql").read_bytes()


def migrate(address: Address, settings: StoreSettings) -> tuple[int, int]:
    """Bring a store to the present schema, whole or not at all; return the schemas before and after.

    Raises
    ------
    StoreMissing, StoreUnusable, StoreReadOnly, StoreBusy, StoreFull, StoreAway
    """
    with owning(address, settings) as connection:
        before = found_schema(connection, address)
        if before is None or before > ddl.SCHEMA_VERSION:
            require_present_schema(before, address)
        assert before is not None
        if before < ddl.SCHEMA_VERSION:
            # Whoever writes has finished, and whoever waits to will find the new schema.
            connection.execute(sql.SQL("SELECT FROM {} FOR UPDATE").format(ddl.table(ddl.HEAD)))
            apply(connection, after=before)
        postgresql.bring_up(connection, address)
        roles.grant_again(connection, address)
    return before, ddl.SCHEMA_VERSION
