"""From a store's URL to where its accounts are kept."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from layers.problems import StoreMissing, StoreOutdated
from layers.stores.kinds import kind_of, path_of

if TYPE_CHECKING:
    from layers.store import StoreSettings
    from layers.stores.access.base import Backend


def backend_of(url: str, settings: StoreSettings, *, read_only: bool) -> Backend:
    """Open what is kept apart from the layers of the store at `url`.

    Raises
    ------
    BadParameter, StoreMissing, StoreOutdated, StoreUnusable, StoreBusy, StoreFull, StoreAway
    """
    kind_of(url)  # raises where the URL names no store
    if url.startswith("gpkg:"):
        from layers.stores.access.sqlite import SQLiteAccess, file_beside
        from layers.stores.geopackage.files import missing

        if not path_of(url).exists():
            raise missing(path_of(url))
        return SQLiteAccess(file_beside(url), settings, read_only=read_only)
    from layers.stores.access.postgresql import PostgreSQLAccess

    return PostgreSQLAccess(url, settings, read_only=read_only)


def begun(url: str, settings: StoreSettings) -> bool:
    """Return whether there are accounts, or a log, of a store at `url`, be the store there or not.

    Raises
    ------
    BadParameter, StoreUnusable, StoreBusy, StoreAway
    """
    from layers.stores.access.copying import has_entries

    kind_of(url)
    try:
        if url.startswith("gpkg:"):
            from layers.stores.access.sqlite import SQLiteAccess, file_beside

            backend: Backend = SQLiteAccess(file_beside(url), settings, read_only=True)
        else:
            backend = backend_of(url, settings, read_only=True)
    except (StoreMissing, StoreOutdated):
        return False
    with closing(backend), backend.reading() as transaction:
        return has_entries(transaction)
