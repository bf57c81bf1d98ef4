"""The embedded store: one GeoPackage file, shared by threads and processes, open to QGIS and GDAL.

The file is an ordinary GeoPackage 1.4 in SQLite's WAL mode. Each write is one transaction, flushed to
disk before it is acknowledged, with its row in ``wangge_changes``.
"""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import apsw

from layers.epochs import Epoch
from layers.schema import LAYERS, Layer
from layers.store import Change, Clock, District, Fault, Mark, Progress, StoreSettings, Written, utc_now
from layers.stores.base import Box, Inserting, KeptStore, Putting, Reading, Writing, meeting
from layers.stores.contents import Contents
from layers.stores.geopackage import creation, ddl, faults, forks, migrations, records, tables, texts
from layers.stores.geopackage.blobs import wkb_inside
from layers.stores.geopackage.connection import Database
from layers.stores.geopackage.creation import build, is_wangge, refuse_existing
from layers.stores.geopackage.files import connect
from layers.stores.geopackage.intake import Intake
from layers.stores.geopackage.single import put_as_new
from layers.stores.geopackage.transaction import Transaction
from layers.stores.kinds import outdated, path_of
from layers.stores.rows import frame_of_parts, geometries_of

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.text import Text

T = TypeVar("T")

_POLL_S = 0.2


class GeoPackageStore(KeptStore):
    """A district in a GeoPackage file; any number of threads and processes may hold it at once.

    Parameters
    ----------
    path : str or Path
    read_only : bool
        Refuse writes, whatever the file allows. A file or folder that cannot be written is read
        all the same.
    busy_timeout_s : float
        How long a write waits for other programs' writes.

    Raises
    ------
    StoreMissing, StoreUnusable
    """

    def __init__(
        self,
        path: str | Path,
        *,
        read_only: bool = False,
        busy_timeout_s: float = 30.0,
        clock: Clock = utc_now,
    ) -> None:
        self._clock = clock
        self.path = Path(path).absolute()
        self.url = f"gpkg:{path}"
        self._database = Database(
            self.path, check=self._check, read_only=read_only, busy_timeout_s=busy_timeout_s
        )
        self._intake = Intake(self._database, head=self._head)
        with self._database.reading():
            pass

    def district(self) -> District:
        """Return what the store says of itself."""
        with self._database.reading() as connection:
            return self._district(connection)

    def _district(self, connection: apsw.Connection) -> District:
        query = f"SELECT geom, name, name_en, metric_crs, as_of, invented FROM {ddl.DISTRICT}"
        found = connection.execute(query).get
        try:
            blob, name, name_en, metric_crs, as_of, invented = found
            return District(
                name=name,
                name_en=name_en,
                metric_crs=metric_crs,
                as_of=None if as_of is None else date.fromisoformat(as_of),
                outline=None if blob is None else geometries_of([wkb_inside(blob)])[0],
                invented=bool(invented),
                epoch=records.epoch(connection),
            )
        except (TypeError, ValueError) as error:
            raise faults.damaged(self.path, f"{ddl.DISTRICT}: {error}") from error

    def version(self) -> int:
        """Return the number of the last committed write."""
        with self._database.reading() as connection:
            return records.version(connection)

    def epoch(self) -> Epoch:
        """Return what tells the store's versions from another's."""
        with self._database.reading() as connection:
            return records.epoch(connection)

    def ready(self) -> int:
        """Make sure that the store is still one for this program, and return its version."""
        with self._database.reading() as connection:
            self._check(connection)
            return records.version(connection)

    def counts(self) -> dict[str, int]:
        """Return the number of features per layer."""
        with self._database.reading() as connection:
            return tables.counts(connection)

    def mark(self, version: int) -> Mark | None:
        """Return the mark of the write that made `version`."""
        with self._database.reading() as connection:
            return records.mark(connection, version)

    def changes(self, *, since: int) -> list[Change]:
        """Return the writes after version `since`, oldest first."""
        with self._database.reading() as connection:
            return [records.told(row) for row in records.changes(connection, since=since)]

    def wait(self, *, since: int, timeout_s: float) -> int:
        """Wait until the version is another than `since`, and return it; after `timeout_s` the same.

        A file that is put in the place of this one is followed; `StoreMissing` while there is none.
        """
        deadline = time.monotonic() + timeout_s
        while (version := self.version()) == since and time.monotonic() < deadline:
            time.sleep(min(_POLL_S, max(deadline - time.monotonic(), 0.0)))
        return version

    @contextmanager
    def contents(self) -> Iterator[Contents]:
        """Open everything the store holds, of one version."""
        with self._transaction(once=True) as transaction:
            connection = transaction.connection
            yield Contents(
                district=self._district(connection),
                history_since=transaction.history_since(),
                counts=tables.counts(connection),
                layers={name: tables.chunks(connection, layer) for name, layer in LAYERS.items()},
                changes=records.changes(connection),
                history=records.history(connection),
                keys=records.all_kept(connection),
            )

    def verify(self) -> list[Fault]:
        """Return what is wrong with the file: its pages, tables, indexes, values and records."""
        from layers.stores.geopackage.verification import faults_of

        with self._transaction() as transaction:
            return faults_of(transaction.connection)

    def _read(self, layer: Layer, codes: Sequence[str] | None, bbox: Box | None) -> gpd.GeoDataFrame:
        conditions: list[str] = []
        values: list[str | float] = []
        if codes is not None:
            conditions.append(tables.AMONG_CODES)
            values.append(json.dumps(list(codes)))
        if bbox is not None:
            conditions.append(tables.in_box(layer))
            values += list(bbox)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.reading() as connection:

            def found(way: texts.Way) -> gpd.GeoDataFrame:
                rows = connection.execute(f"{way.select}{where} ORDER BY code", values)
                return frame_of_parts(tables.parts(rows), layer, way.columns_of)

            try:
                frame = found(texts.packed(layer))
            except texts.Unlike:
                frame = found(texts.plain(layer))
        # The R-tree keeps single precision, rounded outward.
        return frame if bbox is None else meeting(frame, bbox)

    @contextmanager
    def _reading(self) -> Iterator[Reading]:
        with self._transaction() as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, *, once: bool = False) -> Iterator[Transaction]:
        with self._database.reading(once=once) as connection:
            connection.execute("BEGIN")
            try:
                yield Transaction(connection)
            finally:
                with suppress(apsw.Error):
                    connection.execute("COMMIT")

    @contextmanager
    def _writing(self) -> Iterator[Writing]:
        with self._database.writing() as connection:
            yield Transaction(connection, self._head(connection))

    def _share(self, act: Callable[[Writing], T]) -> T:
        return self._intake.share(act)

    def _put_one(
        self, put: Callable[[Putting], Written], put_new: Callable[[Inserting], Written] | None
    ) -> Written:
        if put_new is None:
            return self._share(put)
        return self._intake.share(partial(put_as_new, put, put_new), whole=True)

    def _head(self, connection: apsw.Connection) -> int:
        """Return the number of the last write of a store that is one for this program."""
        schema, version = records.schema_and_version(connection)
        if schema != str(ddl.SCHEMA_VERSION):
            self._check(connection)  # a newer program has migrated the store since we opened it
        return version

    def _clear_traces(self, layer: Layer) -> Text | None:
        """Write the file anew where something was erased, so that nothing of it is left in its pages or its log."""
        with self._database.reading() as connection:
            noted = records.traces_noted(connection)
        if noted:
            self._database.rewrite()
            with self._database.writing() as connection:
                records.note_traces(connection, there=False)
        return None

    def fill(self, contents: Contents, progress: Progress) -> None:
        """Put `contents` into the store in one write; `StoreExists` where it has ever had a row."""
        with self._database.writing() as connection:
            if not creation.never_had_a_row(connection):
                raise creation.exists(self.path)
            creation.fill(connection, contents, progress)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _check(self, connection: apsw.Connection) -> None:
        found = migrations.schema_version(connection, self.path)
        if found < ddl.SCHEMA_VERSION:
            raise outdated(self.url, found, ddl.SCHEMA_VERSION)
        for layer in LAYERS.values():
            connection.execute(f"{tables.select(layer)} LIMIT 0")


def open_at(url: str, *, read_only: bool, settings: StoreSettings, clock: Clock = utc_now) -> GeoPackageStore:
    """Open the store at a ``gpkg:`` URL."""
    return GeoPackageStore(
        url.partition(":")[2], read_only=read_only, busy_timeout_s=settings.write_wait_s, clock=clock
    )


def create_at(
    url: str,
    contents: Contents,
    *,
    settings: StoreSettings,
    progress: Progress,
    over_empty: bool = False,
    mode: int | None = None,
) -> None:
    """Create the store at a ``gpkg:`` URL, whole or not at all; its folder is made where it is missing.

    Parameters
    ----------
    over_empty : bool
        A store that is there and has never had a row is filled, in one write: others may have it open.
    mode : int, optional
        Permissions of the file, where it is made.
    """
    path = path_of(url)
    if not (over_empty and path.exists()):
        build(path, contents, progress=progress, mode=mode)
        return
    with GeoPackageStore(path, busy_timeout_s=settings.write_wait_s) as store:
        store.fill(contents, progress)


def check_free(url: str, *, settings: StoreSettings, unless_empty: bool = False) -> None:
    """Raise `StoreExists` where `create_at` would."""
    refuse_existing(path_of(url), unless_empty=unless_empty)


def migrate_at(url: str, *, settings: StoreSettings) -> tuple[int, int]:
    """Bring the store at a ``gpkg:`` URL to the present schema; return the schemas before and after."""
    return migrations.migrate(path_of(url), busy_timeout_s=settings.write_wait_s)


def shown(url: str) -> str:
    """Return `url`: there is no password in it."""
    return url


def is_store(path: Path) -> bool:
    """Tell whether a Wangge store is at `path`; anything else, or nothing, is none."""
    try:
        with forks.using(path), closing(connect(path)) as connection:
            return is_wangge(connection)
    except apsw.Error:
        return False
