"""The access store of a GeoPackage: a SQLite file beside it that only its owner may read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any

import apsw

from layers.problems import StoreMissing
from layers.stores.access.base import SCHEMA_VERSION, Transaction, Value, script
from layers.stores.geopackage import faults, forks
from layers.stores.geopackage.connection import Database
from layers.stores.geopackage.files import refuse_left_logs, use_wal
from layers.stores.kinds import newer, path_of
from layers.text import Text

if TYPE_CHECKING:
    from layers.store import StoreSettings

APPLICATION_ID = 0x77676163  # "wgac"
_MAGIC = b"SQLite format 3\0"
ENDING = ".access"


def file_beside(url: str) -> Path:
    """Return where the accounts of the ``gpkg:`` store at `url` are kept."""
    store = path_of(url)
    return store.with_name(store.name + ENDING)


class _Transaction:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()


class SQLiteAccess:
    """A file ``PATH.access``, or a backup of one; made on first use, unless one only reads.

    Raises
    ------
    StoreMissing, StoreUnusable, StoreBusy, StoreFull
    """

    generation_age_s = 0.02

    def __init__(self, path: Path, settings: StoreSettings, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        if not self.path.exists():
            if read_only:
                raise StoreMissing(
                    Text(
                        "没有账号与审计文件 {path}。", "There is no file of accounts and audit log at {path}."
                    ).format(path=self.path),
                    Text(
                        "第一次运行 wangge serve 或 wangge user add 时会新建；若以前有过，说明它已丢失：请用备份恢复。",
                        "The first `wangge serve` or `wangge user add` makes it; if there has been one, it is lost: "
                        "restore it from a backup.",
                    ),
                )
            _create(self.path)
        if not _is_sqlite(self.path):
            raise faults.unusable(
                self.path,
                Text("账号与审计文件已损坏", "the file of accounts and audit log is damaged"),
                Text("请用备份恢复。", "Restore it from a backup."),
            )
        # A copy that was put back may be everybody's to read.
        if not read_only and self.path.stat().st_mode & 0o077:
            with suppress(PermissionError):
                self.path.chmod(0o600)
        self._database = Database(
            self.path, check=self._check, read_only=read_only, busy_timeout_s=settings.write_wait_s
        )
        self._at_once = Database(self.path, check=self._check, read_only=read_only, busy_timeout_s=0)
        with self._database.reading() as connection:
            found = connection.pragma("user_version")
        # Who only reads looks at what the first schema had already, such as the log of a backup.
        if found < SCHEMA_VERSION and not read_only:
            self._bring_up()

    def _bring_up(self) -> None:
        """Bring the file to the present schema, whole or not at all."""
        with self._database.writing() as connection:
            found = connection.pragma("user_version")  # another process may have been quicker
            for number in range(found + 1, SCHEMA_VERSION + 1):
                connection.execute(script("sqlite", number))
            connection.pragma("user_version", SCHEMA_VERSION)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open a transaction that sees one state."""
        with self._database.reading() as connection:
            connection.execute("BEGIN")
            try:
                yield _Transaction(connection)
            finally:
                # An error may have ended it already.
                with suppress(apsw.SQLError):
                    connection.execute("ROLLBACK")

    @contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[Transaction]:
        """Open a transaction that has the only turn to write."""
        with (self._database if wait else self._at_once).writing() as connection:
            yield _Transaction(connection)

    def generation(self) -> str:
        """Return what differs after every write that changes who somebody is."""
        with self._database.reading() as connection:
            ((found,),) = connection.execute("SELECT generation FROM head").fetchall()
        return str(found)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()
        self._at_once.close()

    def _check(self, connection: apsw.Connection) -> None:
        if connection.pragma("application_id") != APPLICATION_ID:
            raise faults.unusable(
                self.path,
                Text("它不是网格的账号文件", "it is not Wangge's file of accounts"),
                Text("请移走该文件或用备份恢复。", "Move it away, or restore it from a backup."),
            )
        found = connection.pragma("user_version")
        if found > SCHEMA_VERSION:
            raise newer(str(self.path), found, SCHEMA_VERSION)
        # The layers' triggers are other programs'; these are ours, and keep the audit log as it is.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
        connection.pragma("foreign_keys", True)


@contextmanager
def new_file(path: Path, settings: StoreSettings) -> Iterator[SQLiteAccess]:
    """Give an access store without accounts, within ``with``: when that ends well its file is put at `path`.

    Raises
    ------
    StoreExists, StoreUnusable, StoreFull
    """
    # As much as the layers need is read only where somebody asks for it.
    from layers.stores.geopackage.creation import placed

    with placed(path.absolute()) as made:
        with closing(SQLiteAccess(made, settings, read_only=False)) as access:
            yield access
        _put_into_one(made)


def _put_into_one(path: Path) -> None:
    """Write what a closed file's log still holds into the file, which needs no log from then on.

    Closing does that, too, but says nothing where there is no room.
    """
    with faults.said(path), forks.using(path), closing(apsw.Connection(str(path))) as connection:
        if connection.pragma("journal_mode", "delete") != "delete":
            raise faults.full(path)


def _is_sqlite(path: Path) -> bool:
    """Whether a file begins as SQLite's do; where it cannot be read, opening it says why."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return True


def _create(path: Path) -> None:
    """Make the file, whole or not at all; where another process was quicker, its file stays.

    Raises
    ------
    StoreExists
        The log of one that was there before is there still: it would be written into this one.
    """
    refuse_left_logs(path)
    try:
        handle, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    except OSError as error:
        raise faults.from_os(path, error) from error
    os.close(handle)
    partial = Path(name)
    try:
        with faults.said(path), forks.using(path):
            connection = apsw.Connection(name)
            try:
                connection.execute("BEGIN IMMEDIATE")
                for number in range(1, SCHEMA_VERSION + 1):
                    connection.execute(script("sqlite", number))
                connection.pragma("application_id", APPLICATION_ID)
                connection.pragma("user_version", SCHEMA_VERSION)
                connection.execute("COMMIT")
                use_wal(connection)
            finally:
                connection.close(True)
        with suppress(FileExistsError):
            os.link(partial, path)
        _sync(path.parent)
    except OSError as error:
        raise faults.from_os(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
