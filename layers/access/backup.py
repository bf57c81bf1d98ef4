"""Accounts, devices, keys and the audit log as a file of their own: written, and put where there are none yet."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from layers.problems import NotFound, StoreUnusable
from layers.store import StoreSettings, shown_url
from layers.text import Text

if TYPE_CHECKING:
    from layers.stores.access.base import Backend


def backup_access(url: str, file: Path, *, settings: StoreSettings | None = None) -> int:
    """Write the accounts and the log of the store at `url` into a file that only its owner may read, or nothing.

    Consistent while others write. Sessions stay behind: who was signed in signs in again.

    Returns
    -------
    int
        How many accounts there are.

    Raises
    ------
    StoreExists, StoreMissing, StoreOutdated, StoreFull, StoreUnusable, StoreBusy, StoreAway
    """
    from layers.stores.access.copying import copy_all
    from layers.stores.access.sqlite import new_file

    given = settings or StoreSettings()
    with kept(url, settings=given) as source, new_file(file, given) as target:
        return copy_all(source, target, str(file))


@contextmanager
def backed_up(file: Path, *, settings: StoreSettings | None = None) -> Iterator[Backend]:
    """Open what `backup_access` wrote, or a copy of ``STORE.access``, within ``with``.

    The file itself stays as it is; one of an older program is brought to the present schema on the way.

    Raises
    ------
    NotFound, StoreUnusable, StoreNewer, StoreFull
    """
    from layers.stores.access.sqlite import SQLiteAccess
    from layers.stores.geopackage.files import logs

    if not file.exists():
        raise NotFound(
            Text("没有账号的备份 {file}。", "There is no backup of accounts at {file}.").format(file=file)
        )
    with TemporaryDirectory(prefix="wangge-") as folder:
        copied = Path(folder, file.name)
        try:
            shutil.copyfile(file, copied)
            for log, copied_log in zip(logs(file), logs(copied), strict=True):
                if log.exists():  # of a file that was put aside as it was: what was written last is there
                    shutil.copyfile(log, copied_log)
        except OSError as error:
            raise StoreUnusable(
                Text(
                    "无法读取账号的备份 {file}（{why}）。",
                    "The backup of accounts {file} cannot be read ({why}).",
                ).format(file=file, why=error.strerror or error)
            ) from error
        with closing(SQLiteAccess(copied, settings or StoreSettings(), read_only=False)) as found:
            yield found


@contextmanager
def kept(url: str, *, settings: StoreSettings | None = None) -> Iterator[Backend]:
    """Open the accounts and the log of the store at `url` for reading, within ``with``.

    Raises
    ------
    StoreMissing, StoreOutdated, StoreUnusable, StoreBusy, StoreAway
    """
    from layers.stores.access.opening import backend_of

    with closing(backend_of(url, settings or StoreSettings(), read_only=True)) as found:
        yield found


def copy_access(source: Backend, url: str, *, settings: StoreSettings | None = None) -> int:
    """Put accounts and log where the store at `url` has none yet, whole or not at all.

    Sessions stay behind: who was signed in signs in again.

    Returns
    -------
    int
        How many accounts there are.

    Raises
    ------
    StoreExists, StoreMissing, StoreOutdated, StoreFull, StoreUnusable, StoreReadOnly, StoreBusy, StoreAway
    """
    from layers.stores.access.copying import copy_all
    from layers.stores.access.opening import backend_of

    given = settings or StoreSettings()
    check_no_accounts(url, settings=given)
    with closing(backend_of(url, given, read_only=False)) as target:
        return copy_all(source, target, shown_url(url))


def check_no_accounts(url: str, *, settings: StoreSettings | None = None) -> None:
    """Raise `StoreExists` where there are accounts, or a log, of the store at `url`: before work is done in vain.

    Raises
    ------
    StoreExists, BadParameter, StoreUnusable, StoreBusy, StoreAway
    """
    from layers.stores.access.copying import taken
    from layers.stores.access.opening import begun

    if begun(url, settings or StoreSettings()):
        raise taken(shown_url(url))
