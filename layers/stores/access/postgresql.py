"""The access store of a PostGIS store: the schema ``wangge_access`` of the same database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from layers.problems import StoreOutdated, WanggeError
from layers.stores.access.base import SCHEMA, SCHEMA_VERSION, Transaction, Value, script
from layers.stores.kinds import newer
from layers.stores.postgis import faults
from layers.stores.postgis.addresses import address_of
from layers.stores.postgis.connection import Connection, Database
from layers.text import Text

if TYPE_CHECKING:
    from layers.store import StoreSettings
    from layers.stores.postgis.addresses import Address

# What reads and writes here is short; the store's own connections are not to wait for it.
_MOST_CONNECTIONS = 3
# One more for what must not wait, neither for them nor for a server that is away.
_MOMENT_S = 1.0
_SEARCH = f"SET LOCAL search_path TO {SCHEMA}"
_BEGIN_READING = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_SEARCH}"
# The row is the turn of writers: who comes second sees what the first has written.
_BEGIN_WRITING = f"BEGIN; {_SEARCH}; SELECT FROM head FOR UPDATE"
_BEGIN_AT_ONCE = f"{_BEGIN_WRITING} NOWAIT"
_HAS_SCHEMA = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s"
_HAS_TABLE = "SELECT FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = 'meta'"
_VERSION = f"SELECT schema_version FROM {SCHEMA}.meta"  # noqa: S608 - our own name


class _Transaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        done = self._connection.execute(sql.replace("?", "%s").encode(), values)
        return done.fetchall() if done.description else []


class PostgreSQLAccess:
    """The schema ``wangge_access``; made by the owner of the store with the store, or by its migration.

    Raises
    ------
    StoreMissing, StoreOutdated, StoreUnusable, StoreBusy, StoreAway
    """

    generation_age_s = 1.0

    def __init__(self, url: str, settings: StoreSettings, *, read_only: bool) -> None:
        self._address = address_of(url, settings)
        self.read_only = read_only
        few = replace(settings, pool_size=min(settings.pool_size, _MOST_CONNECTIONS))
        self._database = Database(self._address, few, read_only=read_only)
        hurried = replace(
            settings,
            pool_size=1,
            pool_wait_s=min(settings.pool_wait_s, _MOMENT_S),
            connect_timeout_s=min(settings.connect_timeout_s, _MOMENT_S),
            statement_timeout_s=_MOMENT_S,
        )
        self._hurried = Database(address_of(url, hurried), hurried, read_only=read_only)
        # Not from the pool, which would wait long for a server that is away before it says so.
        with self._database.passing() as connection:
            _check(found_schema(connection), self._address)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open a transaction that sees one state."""
        with self._database.connection() as connection:
            connection.execute(_BEGIN_READING)
            yield _Transaction(connection)
            connection.execute("COMMIT")

    @contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[Transaction]:
        """Open a transaction that has the only turn to write."""
        if self.read_only:
            raise faults.read_only(self._address)
        with (self._database if wait else self._hurried).connection() as connection:
            connection.execute(_BEGIN_WRITING if wait else _BEGIN_AT_ONCE)
            yield _Transaction(connection)
            try:
                connection.execute("COMMIT")
            except psycopg.OperationalError as error:
                if faults.may_be_kept(error):
                    raise faults.unknown_outcome(self._address, str(error)) from error
                raise

    def generation(self) -> str:
        """Return what differs after every write that changes who somebody is."""

        def asked(connection: Connection) -> str:
            ((found,),) = connection.execute(f"SELECT generation FROM {SCHEMA}.head")  # noqa: S608 - our own name
            return str(found)

        return self._hurried.ask(asked)

    def close(self) -> None:
        """Give back the connections."""
        self._database.close()
        self._hurried.close()


def found_schema(connection: Connection) -> int:
    """Return the schema of the access store in a database, 0 where there is none."""
    if not connection.execute(_HAS_TABLE, [SCHEMA]).rowcount:
        return 0
    ((found,),) = connection.execute(_VERSION)
    return int(found)


def bring_up(connection: Connection, address: Address) -> None:
    """Make the access store, or bring it to the present schema, in the transaction of the store's owner.

    Raises
    ------
    StoreUnusable
        It is newer than this program, or the owner may not make the schema; says what a DBA must run.
    """
    found = found_schema(connection)
    if found > SCHEMA_VERSION:
        _check(found, address)
    if found == SCHEMA_VERSION:
        return
    there = connection.execute(_HAS_SCHEMA, [SCHEMA]).rowcount
    parts = [] if there else [f"CREATE SCHEMA {SCHEMA}"]
    parts += [script("postgresql", number) for number in range(found + 1, SCHEMA_VERSION + 1)]
    parts.append(f"UPDATE {SCHEMA}.meta SET schema_version = {SCHEMA_VERSION}")  # noqa: S608 - our own name
    try:
        connection.execute("\n;\n".join(parts).encode())
    except psycopg.errors.InsufficientPrivilege as error:
        line = sql.SQL("CREATE SCHEMA {} AUTHORIZATION {};").format(
            sql.Identifier(SCHEMA), sql.Identifier(connection.info.user)
        )
        raise faults.unusable(
            address,
            Text("没有账号与审计日志的模式", "it has no schema for accounts and the audit log"),
            faults.to_run([line.as_string()]),
        ) from error


def _check(found: int, address: Address) -> None:
    if found < SCHEMA_VERSION:
        raise missing(address)
    if found > SCHEMA_VERSION:
        raise newer(address.shown, found, SCHEMA_VERSION)


def missing(address: Address) -> WanggeError:
    """Say that a database has no accounts yet, and who makes them."""
    return StoreOutdated(
        Text(
            "数据库 {url} 中没有本版本的账号与审计日志。",
            "The database {url} has no accounts and audit log of this program's schema.",
        ).format(url=address.shown),
        Text("请以存储所有者的身份运行 wangge migrate。", "Run `wangge migrate` as the owner of the store."),
    )
