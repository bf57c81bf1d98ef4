"""Making a store in a database: tables, rows and indexes in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from psycopg import sql

from layers.problems import StoreExists
from layers.schema import LAYERS
from layers.stores.access import postgresql
from layers.stores.base import steps
from layers.stores.contents import instant_text
from layers.stores.postgis import ddl, migrations, prerequisites, tables
from layers.stores.postgis.connection import owning, search_postgis
from layers.text import Text

if TYPE_CHECKING:
    from layers.store import Progress, StoreSettings
    from layers.stores.contents import Contents
    from layers.stores.postgis.addresses import Address
    from layers.stores.postgis.connection import Connection

Record = TypeVar("Record")

# Of 300 times as many rows the server makes its statistics; its default is 100.
_SAMPLE = 25
_ONE_BY_ONE = sql.SQL("; ")
_CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
WHERE conrelid = %s::regclass AND contype IN ('p', 'u') ORDER BY conname
"""
_INDEXES = """
SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass ORDER BY c.relname
"""


def build(
    address: Address, contents: Contents, *, settings: StoreSettings, progress: Progress, over_empty: bool
) -> None:
    """Make a store, or nothing; `over_empty` takes the place of one that has never had a row.

    Raises
    ------
    StoreExists, StoreMissing, StoreUnusable, StoreReadOnly, StoreBusy, StoreFull, StoreAway
    """
    with owning(address, settings) as connection:
        found = _check_room(connection, address, over_empty=over_empty)
        search_postgis(connection)
        migrations.apply(connection, after=found)
        postgresql.bring_up(connection, address)
        _fill(connection, contents, progress)


def refuse_existing(address: Address, settings: StoreSettings, *, unless_empty: bool) -> None:
    """Raise what `build` would, as far as that is known before; nothing is made.

    Raises
    ------
    StoreExists, StoreMissing, StoreUnusable, StoreReadOnly, StoreBusy, StoreAway
    """
    with owning(address, settings, trial=True) as connection:
        _check_room(connection, address, over_empty=unless_empty)


def _check_room(connection: Connection, address: Address, *, over_empty: bool) -> int:
    """Return the schema of the store that is there and has never had a row, so that nobody writes now; else 0.

    Then the database has what it takes to make one.
    """
    found = migrations.found_schema(connection, address)
    if found is None:
        prerequisites.prepare(connection, address)
        return 0
    if over_empty and found <= ddl.SCHEMA_VERSION and _never_had_a_row(connection):
        return found
    raise StoreExists(
        Text(
            "数据库 {url} 中已有存储，不会被覆盖。",
            "There is a store in {url} already; it is not overwritten.",
        ).format(url=address.shown),
        Text("请换一个数据库。", "Give another database."),
    )


def _never_had_a_row(connection: Connection) -> bool:
    ((version,),) = connection.execute(tables.VERSION + b" FOR UPDATE")
    return version == 0 and not any(tables.counts(connection).values())


def _fill(connection: Connection, contents: Contents, progress: Progress) -> None:
    tables.set_district(connection, contents.district)
    for name, chunks in contents.layers.items():
        step = steps(progress, LAYERS[name], contents.counts[name])
        rows = (record for rows in chunks for record in rows.records)
        if contents.counts[name]:
            sought = ["code", "geom", *(field.name for field in LAYERS[name].parents)]
            with _indexed_after(connection, name, sought):
                tables.copy_features(connection, ddl.table(name), LAYERS[name], rows, step)
    _copy_records(connection, ddl.CHANGES, contents.changes, tables.copy_changes)
    _copy_records(connection, ddl.HISTORY, contents.history, tables.copy_history)
    _copy_records(connection, ddl.KEYS, contents.keys, tables.copy_keys)
    note = sql.SQL("UPDATE {} SET value = %s WHERE key = %s").format(ddl.table(ddl.META))
    epoch = contents.district.epoch
    assert epoch.since is not None, "a store is made of contents that have an epoch"
    for key, value in (
        ("history_since", str(contents.history_since)),
        ("epoch", epoch.id),
        ("epoch_since", instant_text(epoch.since)),
    ):
        connection.execute(note, [value, key])
    connection.execute(
        sql.SQL("UPDATE {} SET version = (SELECT coalesce(max(version), 0) FROM {})").format(
            ddl.table(ddl.HEAD), ddl.table(ddl.CHANGES)
        )
    )


def _copy_records(
    connection: Connection,
    name: str,
    rows: Iterable[Record],
    copy: Callable[[Connection, Iterable[Record]], None],
) -> None:
    rows = iter(rows)
    first = next(rows, None)
    if first is not None:
        with _indexed_after(connection, name):
            copy(connection, chain([first], rows))


@contextmanager
def _indexed_after(connection: Connection, name: str, sought: Sequence[str] = ()) -> Iterator[None]:
    """Take a table's indexes away, and make them when it is filled: that takes a fraction of the time.

    Then the planner is told of the columns `sought`, or of all, from a small sample; autovacuum looks closer soon.
    """
    table = ddl.table(name)
    named = [table.as_string()]
    constraints = connection.execute(_CONSTRAINTS, named).fetchall()
    indexes = connection.execute(_INDEXES, named).fetchall()
    own = {constraint for constraint, _ in constraints}
    drop, add = "ALTER TABLE {} DROP CONSTRAINT {}", "ALTER TABLE {} ADD CONSTRAINT {} {}"
    before = [sql.SQL(drop).format(table, sql.Identifier(constraint)) for constraint, _ in constraints]
    before += [sql.SQL("DROP INDEX {}").format(ddl.table(index)) for index, _ in indexes if index not in own]
    connection.execute(_ONE_BY_ONE.join(before))
    yield
    after: list[sql.Composable] = [
        sql.SQL(add).format(table, sql.Identifier(constraint), sql.SQL(definition))
        for constraint, definition in constraints
    ]
    after += [sql.SQL(definition) for index, definition in indexes if index not in own]
    columns = sql.SQL("({})").format(tables.names(sought)) if sought else sql.SQL("")
    tell = sql.SQL(f"SET LOCAL default_statistics_target = {_SAMPLE}; ANALYZE {{}} {{}}")
    connection.execute(_ONE_BY_ONE.join([*after, tell.format(table, columns)]))
