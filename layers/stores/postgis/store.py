"""The shared store: a schema in a PostGIS database, for web workers on one machine or many.

Reads see one committed version. A write holds the row of `head` until it is committed, so that versions
follow each other in the order of the commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from psycopg import sql

from layers.epochs import Epoch
from layers.schema import LAYERS, Layer
from layers.store import (
    Change,
    Clock,
    District,
    Edit,
    Fault,
    Mark,
    Progress,
    StoreSettings,
    Written,
    utc_now,
)
from layers.stores.base import Box, Inserting, KeptStore, Putting, Reading, Writing, meeting
from layers.stores.contents import Contents, change_of
from layers.stores.postgis import creation, ddl, faults, migrations, roles, tables, verification
from layers.stores.postgis.addresses import Address, address_of, shown_url
from layers.stores.postgis.connection import Connection, Database, again, owning
from layers.stores.postgis.listening import Listener
from layers.stores.postgis.single import SingleWrite
from layers.stores.postgis.transaction import ReadTransaction, WriteTransaction
from layers.stores.rows import frame_of, frame_of_parts
from layers.text import Text

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.amending import Amended, Key

# From this size on, a connection for Arrow, which takes 60 ms to make, is worth its while.
_BULK_BYTES = 32 * 2**20
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostGISStore(KeptStore):
    """A district in a PostGIS database; threads, forked processes and machines may share it.

    A lost connection is made up for once where something is only read. `wait` waits for a server that is
    away, and raises `StoreAway` where it still is when the time is over.

    Raises
    ------
    StoreMissing, StoreOutdated, StoreUnusable, StoreBusy, StoreAway
    """

    def __init__(
        self,
        address: Address,
        *,
        read_only: bool = False,
        settings: StoreSettings | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._clock = clock
        self._address = address
        self.url = address.shown
        settings = settings or StoreSettings()
        self._database = Database(address, settings, read_only=read_only)
        self._listener = Listener(address, settings)
        # Not from the pool, which would wait long for a server that is away before it says so.
        with self._database.passing() as connection:
            self._check(migrations.found_schema(connection, address))

    def district(self) -> District:
        """Return what the store says of itself."""
        return self._database.ask(tables.district)

    def version(self) -> int:
        """Return the number of the last committed write."""
        return self._database.ask(tables.version)

    def epoch(self) -> Epoch:
        """Return what tells the store's versions from another's."""
        return self._database.ask(tables.epoch)

    def ready(self) -> int:
        """Make sure that the store is still one for this program, and return its version."""

        def found(connection: Connection) -> int:
            self._check(migrations.found_schema(connection, self._address))
            return tables.version(connection)

        return self._database.ask(found)

    def wait(self, *, since: int, timeout_s: float) -> int:
        """Wait until the version is another than `since`, and return it; after `timeout_s` the same.

        A server that is away is waited for as well; `StoreAway` says that it still was when the time was
        over. The next call tries anew.
        """
        return self._listener.wait(since=since, timeout_s=timeout_s)

    def counts(self) -> dict[str, int]:
        """Return the number of features per layer."""
        return self._database.ask(tables.counts)

    def mark(self, version: int) -> Mark | None:
        """Return the mark of the write that made `version`."""
        return self._database.ask(lambda connection: tables.mark(connection, version))

    def changes(self, *, since: int) -> list[Change]:
        """Return the writes after version `since`, oldest first."""
        return self._database.ask(
            lambda connection: [change_of(row) for row in tables.changes(connection, since=since)]
        )

    def read(
        self,
        layer: str,
        *,
        codes: Sequence[str] | None = None,
        bbox: Box | None = None,
        version: int | None = None,
        on: date | None = None,
    ) -> gpd.GeoDataFrame:
        """Return features ordered by code, all or those asked for."""
        read = super().read
        return again(lambda: read(layer, codes=codes, bbox=bbox, version=version, on=on))

    def history(self, layer: str, code: str) -> list[Edit]:
        """Return what was done to one feature, oldest first."""
        history = super().history
        return again(lambda: history(layer, code))

    def history_since(self) -> int:
        """Return the version from which on history is kept."""
        return again(super().history_since)

    def outcome(self, key: Key) -> Amended | None:
        """Return what came of the request with this key, None where it has never been done."""
        outcome = super().outcome
        return again(lambda: outcome(key))

    def verify(self) -> list[Fault]:
        """Return what is wrong with the indexes, the counts, the geometries and the records."""

        def found() -> list[Fault]:
            with self._transaction(unhurried=True) as transaction:
                return verification.faults_of(transaction.connection)

        return again(found)

    @contextmanager
    def contents(self) -> Iterator[Contents]:
        """Open everything the store holds, of one version."""
        with self._transaction(unhurried=True) as transaction:
            connection = transaction.connection
            yield Contents(
                district=tables.district(connection),
                history_since=transaction.history_since(),
                counts=tables.counts(connection),
                layers={name: tables.chunks(connection, layer) for name, layer in LAYERS.items()},
                changes=tables.all_changes(connection),
                history=tables.all_history(connection),
                keys=tables.all_keys(connection),
            )

    def _clear_traces(self, layer: Layer) -> Text | None:
        """Return what the server keeps of rows that are no more."""
        what = sql.SQL(", ").join(map(ddl.table, (layer.name, ddl.HISTORY))).as_string()
        return Text(
            "数据库服务器的文件中还留有旧行，由拥有者执行 VACUUM FULL {what}; 才会清除（执行时别人不能读写）；"
            "它的 WAL 归档、备库和备份中也还有。",
            "The server's files still hold the old rows until the owner runs VACUUM FULL {what}; (nobody reads or "
            "writes meanwhile); its WAL archive, standbys and backups hold them as well.",
        ).format(what=what)

    def close(self) -> None:
        """Give back the connections."""
        self._listener.close()
        self._database.close()

    def _read(self, layer: Layer, codes: Sequence[str] | None, bbox: Box | None) -> gpd.GeoDataFrame:
        if codes is None and bbox is None:
            return self._read_all(layer)
        if bbox is not None and not (bbox[0] <= bbox[2] and bbox[1] <= bbox[3]):
            return frame_of([], layer)
        query = tables.select(layer.name, among=codes is not None, in_box=bbox is not None)
        values = [*([] if codes is None else [list(codes)]), *(bbox or ())]
        with self._database.connection() as connection:
            records = connection.cursor(binary=True).execute(query, values).fetchall()
            frame = frame_of(records, layer)
        return frame if bbox is None else meeting(frame, bbox)

    def _read_all(self, layer: Layer) -> gpd.GeoDataFrame:
        with self._database.connection() as connection:
            if tables.size_bytes(connection, layer) < _BULK_BYTES:
                return frame_of_parts(tables.parts(connection, layer), layer)
        from layers.stores.postgis import arrow

        return arrow.read_all(self._address, self._database.settings, layer)

    @contextmanager
    def _reading(self) -> Iterator[Reading]:
        with self._transaction() as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, *, unhurried: bool = False) -> Iterator[ReadTransaction]:
        with self._database.connection() as connection:
            connection.execute(_BEGIN_READING)
            if unhurried:
                # What handles everything there is takes as long as that is large.
                connection.execute("SET LOCAL statement_timeout = 0")
            yield ReadTransaction(connection)
            connection.execute("COMMIT")

    def _put_one(
        self, put: Callable[[Putting], Written], put_new: Callable[[Inserting], Written] | None
    ) -> Written:
        if self._database.read_only:
            raise faults.read_only(self._address)
        for one in (put,) if put_new is None else (put_new, put):
            with self._database.connection() as connection:
                single = SingleWrite(connection, self._address, self._check)
                written = one(single)
                version = single.commit()
            if version is not None:
                return replace(written, version=version)
        return super()._put_one(put, None)

    @contextmanager
    def _writing(self) -> Iterator[Writing]:
        if self._database.read_only:
            raise faults.read_only(self._address)
        with self._database.connection() as connection:
            transaction = WriteTransaction(connection, self._address, self._check)
            yield transaction
            transaction.commit()

    def _check(self, schema: int | None) -> None:
        migrations.require_present_schema(schema, self._address)


def open_at(url: str, *, read_only: bool, settings: StoreSettings, clock: Clock = utc_now) -> PostGISStore:
    """Open the store at a ``postgresql:`` URL."""
    return PostGISStore(address_of(url, settings), read_only=read_only, settings=settings, clock=clock)


def create_at(
    url: str,
    contents: Contents,
    *,
    settings: StoreSettings,
    progress: Progress,
    over_empty: bool = False,
) -> None:
    """Create the store at a ``postgresql:`` URL, whole or not at all, in a database that is there."""
    address = address_of(url, settings)
    creation.build(address, contents, settings=settings, progress=progress, over_empty=over_empty)


def check_free(url: str, *, settings: StoreSettings, unless_empty: bool = False) -> None:
    """Raise what `create_at` would: `StoreExists`, or what an administrator must run first."""
    creation.refuse_existing(address_of(url, settings), settings, unless_empty=unless_empty)


def migrate_at(url: str, *, settings: StoreSettings) -> tuple[int, int]:
    """Bring the store at a ``postgresql:`` URL to the present schema; return the schemas before and after."""
    return migrations.migrate(address_of(url, settings), settings)


def grant_to(url: str, role: str, *, settings: StoreSettings) -> None:
    """Allow a database role what daily work needs and no more, now and after each migration to come.

    Raises
    ------
    StoreMissing, StoreOutdated, StoreUnusable, StoreReadOnly, StoreBusy, StoreAway
    """
    address = address_of(url, settings)
    with owning(address, settings) as connection:
        migrations.require_present_schema(migrations.found_schema(connection, address), address)
        roles.grant(connection, address, role)


def shown(url: str) -> str:
    """Return `url` without passwords."""
    return shown_url(url)
