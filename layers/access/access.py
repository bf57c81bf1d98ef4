"""Accounts, sessions, devices, keys and the audit log of one store, kept apart from its layers.

For ``gpkg:PATH`` in the file ``PATH.access`` beside it, for ``postgresql://`` in a schema of the same
database. Passwords, tokens and codes are kept as hashes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from layers.access.devices import Devices
from layers.access.flows import Flows
from layers.access.keys import Keys
from layers.access.log import Log
from layers.access.package_keys import PackageKeys
from layers.access.purging import Purging
from layers.access.saved import SavedThings
from layers.access.signing import SignIns
from layers.access.start_link import StartLink
from layers.access.tokens import DEVICE, KEY, SESSION
from layers.store import Clock, StoreSettings, utc_now

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from layers.policy import Policy
    from layers.visitors import Visitor


class Access(SignIns, StartLink, Devices, Keys, Flows, Log, Purging, SavedThings, PackageKeys):
    """Who may sign in, who is signed in, and what they did; threads may share it, processes open their own.

    Every method may raise `StoreUnusable`, `StoreAway` or `StoreBusy`; those that change something also
    `StoreReadOnly` and `StoreFull`, and they record what they did in the same transaction.
    """

    def visitor_of(self, token: str) -> Visitor | None:
        """Return who is behind a session's, a device's or a key's token; None where it is worth nothing."""
        kind = token[: len(SESSION)]
        if kind == SESSION:
            found = self.visitor_of_session(token)
            return None if found is None else found[0]
        if kind == DEVICE:
            return self.visitor_of_device(token)
        return self.visitor_of_key(token) if kind == KEY else None

    def close(self) -> None:
        """Give back what is held; closing twice is fine."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_access(
    store_url: str,
    *,
    policy: Policy,
    settings: StoreSettings | None = None,
    clock: Clock = utc_now,
    read_only: bool = False,
    words: Sequence[str] = (),
    hasher: PasswordHasher | None = None,
) -> Access:
    """Open the accounts and the audit log of the store at `store_url`.

    Beside a GeoPackage they are made on first use; in a database `wangge init` and `wangge migrate` make them.

    Parameters
    ----------
    words : sequence of str
        The district's names: no part of a good password.
    hasher : PasswordHasher, optional
        How passwords are hashed; by default with the library's own parameters (RFC 9106, low memory).

    Raises
    ------
    BadParameter, StoreMissing, StoreOutdated, StoreUnusable, StoreBusy, StoreFull, StoreAway
    """
    from layers.access.passwords import Passwords
    from layers.stores.access.opening import backend_of

    backend = backend_of(store_url, settings or StoreSettings(), read_only=read_only)
    return Access(backend, policy, clock=clock, passwords=Passwords(hasher), words=words)
