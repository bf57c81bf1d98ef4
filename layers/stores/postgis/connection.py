"""Connections to one PostgreSQL database: set up to depend on no server's settings, lent out, given back."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import sql
from psycopg.adapt import AdaptersMap
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8Dumper
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from layers.problems import WanggeError
from layers.stores.postgis import ddl, faults, roles
from layers.stores.postgis.addresses import Address

if TYPE_CHECKING:
    from layers.store import StoreSettings

Connection = psycopg.Connection[TupleRow]
Answer = TypeVar("Answer")

_OWNERS_TURN = 0x77616E67
# PostGIS may live in any schema; only that and our own are searched. Until then anybody's schema may be: functions
# are called by their full names, and with their very types, lest another's take their place.
_SEARCH = """pg_catalog.set_config('search_path', {} || coalesce((
  SELECT ', ' || pg_catalog.quote_ident(n.nspname::text) FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis'), ''), false)"""
# An acknowledged write is on disk, whatever the server's default; a stricter one stays.
_DURABLE = (
    "pg_catalog.set_config('synchronous_commit', "
    "pg_catalog.replace(pg_catalog.current_setting('synchronous_commit'), 'off', 'on'), false)"
)
_abandoned: list[object] = []

# What goes wrong is raised as a problem; a program without logging would print it all as well.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


def _adapters() -> AdaptersMap:
    # Else the type sent depends on the size of the number, and a statement is prepared once for each.
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(int, Int8Dumper)
    return adapters


_ADAPTERS = _adapters()


def session(settings: StoreSettings, *, read_only: bool = False, unhurried: bool = False) -> str:
    """Return the statement that sets up a session.

    Parameters
    ----------
    unhurried : bool
        No limit on the time of a statement, for what handles everything there is.
    """
    values = {
        "statement_timeout": 0 if unhurried else round(settings.statement_timeout_s * 1000),
        # 0 would mean for ever.
        "lock_timeout": max(round(settings.write_wait_s * 1000), 1),
        # A copy may pause while its target makes an index; writers have a limit of their own.
        "idle_in_transaction_session_timeout": 0,
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "extra_float_digits": 1,
        "bytea_output": "hex",
        "standard_conforming_strings": "on",
        "default_transaction_isolation": "read committed",
        "default_transaction_deferrable": "off",
        "default_transaction_read_only": "on" if read_only else "off",
        # Compiling a statement takes longer than any of ours.
        "jit": "off",
        "wangge.writing": "on",
    }
    parts = [
        sql.SQL("pg_catalog.set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(str(value)))
        for name, value in values.items()
    ]
    parts += [sql.SQL(_DURABLE).format(), sql.SQL(_SEARCH).format(sql.Literal(ddl.SCHEMA))]
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(parts)).as_string()


def search_postgis(connection: Connection) -> None:
    """Search the schema of a PostGIS that has been made since the connection was."""
    connection.execute(sql.SQL("SELECT " + _SEARCH).format(sql.Literal(ddl.SCHEMA)))


def connect(
    address: Address, settings: StoreSettings, *, read_only: bool = False, unhurried: bool = False
) -> Connection:
    """Return a new connection that commits each statement by itself.

    Raises
    ------
    StoreMissing, StoreUnusable, StoreBusy, StoreAway
    """
    try:
        connection = psycopg.connect(address.conninfo, autocommit=True, context=_ADAPTERS)
    except psycopg.Error as error:
        raise faults.not_connected(address, error) from error
    try:
        with faults.said(address):
            connection.execute(session(settings, read_only=read_only, unhurried=unhurried).encode())
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def owning(address: Address, settings: StoreSettings, *, trial: bool = False) -> Iterator[Connection]:
    """Give a connection in a transaction to make, migrate or grant: committed on leaving, undone on any error.

    Parameters
    ----------
    trial : bool
        Undone in any case.

    Raises
    ------
    StoreMissing, StoreUnusable, StoreReadOnly, StoreBusy, StoreFull, StoreAway
    """
    with faults.said(address), connect(address, settings, unhurried=True) as connection:
        connection.execute("BEGIN")
        # One at a time; who comes second finds what the first has done.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_OWNERS_TURN])
        yield connection
        try:
            connection.execute("ROLLBACK" if trial else "COMMIT")
        except psycopg.OperationalError as error:
            if not trial and faults.may_be_kept(error):
                raise faults.unknown_outcome(address, str(error)) from error
            raise


def look_after(connection: Connection) -> None:
    """Raise where an idle connection has been lost; a journey to the server only where there are signs of it.

    A server that stops says so or hangs up, and the keep-alives of one that vanished hang up for it.
    """
    connection.autocommit = True  # whatever its last use was
    ear = select.poll()
    ear.register(connection.fileno(), select.POLLIN)
    if ear.poll(0):
        ConnectionPool.check_connection(connection)


def again(question: Callable[[], Answer]) -> Answer:
    """Return the answer to a question that only reads, asked once more where a connection was lost."""
    try:
        return question()
    except faults.Lost:
        return question()


def abandon(parents: object) -> None:
    """Keep something of the parent process for ever: to let go of it could close the parent's connection."""
    _abandoned.append(parents)


@dataclass
class _Held:
    """One process's connections; a forked child must never use or close its parent's."""

    process: int
    guard: threading.Lock = field(default_factory=threading.Lock)
    pool: ConnectionPool[Connection] | None = None
    closed: bool = False


class Database:
    """A database that threads and forked processes share, each use with a connection of its own."""

    def __init__(self, address: Address, settings: StoreSettings, *, read_only: bool) -> None:
        self.address = address
        self.settings = settings
        self.read_only = read_only
        self._held = _Held(os.getpid())

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection; a transaction left open on an error is undone.

        Raises
        ------
        StoreAway, StoreBusy, StoreFull, StoreReadOnly, StoreUnusable
        """
        with faults.said(self.address):
            try:
                with self._lent() as connection:
                    yield connection
            except PoolClosed as error:
                raise ValueError(f"the store {self.address.shown} has been closed") from error
            except PoolTimeout as error:
                raise self._none_to_lend() from error
            except psycopg.errors.InsufficientPrivilege as error:
                raise self._not_allowed(error) from error

    @contextmanager
    def passing(self) -> Iterator[Connection]:
        """Give a connection outside the pool: a server that is away is said to be so at once."""
        with faults.said(self.address):
            try:
                with connect(self.address, self.settings, read_only=self.read_only) as connection:
                    yield connection
            except psycopg.errors.InsufficientPrivilege as error:
                raise self._not_allowed(error) from error

    def ask(self, question: Callable[[Connection], Answer]) -> Answer:
        """Return what `question`, which only reads, finds out; a lost connection is made up for once."""

        def asked() -> Answer:
            with self.connection() as connection:
                return question(connection)

        return again(asked)

    def close(self) -> None:
        """Close what is idle now, and what is lent out when it comes back."""
        held = self._mine()
        with held.guard:
            held.closed = True
            if held.pool is not None:
                held.pool.close()

    def _lent(self) -> AbstractContextManager[Connection]:
        held = self._mine()
        with held.guard:
            if held.closed:
                raise PoolClosed
            if held.pool is None:
                held.pool = self._new_pool()
        return held.pool.connection()

    def _mine(self) -> _Held:
        if self._held.process != os.getpid():
            abandon(self._held)
            self._held = _Held(os.getpid(), closed=self._held.closed)
        return self._held

    def _new_pool(self) -> ConnectionPool[Connection]:
        settings = self.settings
        statement = session(settings, read_only=self.read_only).encode()

        def configure(connection: Connection) -> None:
            connection.execute(statement)

        def check(connection: Connection) -> None:
            try:
                look_after(connection)
            except psycopg.OperationalError:
                # The others were made before, too; each by itself would be found out after a longer pause.
                pool.drain()
                raise

        pool = ConnectionPool(
            self.address.conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True, "context": _ADAPTERS},
            min_size=0,
            max_size=settings.pool_size,
            timeout=settings.pool_wait_s,
            reconnect_timeout=settings.pool_wait_s,
            check=check,
            configure=configure,
            name="wangge",
            open=False,
        )
        pool.open()
        return pool

    def _none_to_lend(self) -> WanggeError:
        """Return why there was none in time: the server is away, or others hold them all."""
        try:
            connect(self.address, self.settings).close()
        except WanggeError as problem:
            return problem
        return faults.pool_exhausted(self.address, self.settings.pool_size, self.settings.pool_wait_s)

    def _not_allowed(self, error: psycopg.Error) -> WanggeError:
        reading: list[str] = []
        writing: list[str] = []
        with suppress(Exception), connect(self.address, self.settings) as connection:
            reading, writing = roles.missing(connection)
        return faults.not_allowed(self.address, str(error), reading=reading, writing=writing)
