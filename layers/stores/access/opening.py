"""From a store's URL to where its accounts are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layers.stores.kinds import kind_of

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
        from layers.stores.access.sqlite import SQLiteAccess

        return SQLiteAccess(url, settings, read_only=read_only)
    from layers.stores.access.postgresql import PostgreSQLAccess

    return PostgreSQLAccess(url, settings, read_only=read_only)
