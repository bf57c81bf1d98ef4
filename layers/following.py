"""The newest snapshot of a store, for a process that serves many requests.

Either each request asks the store for its version, or a follower in the background waits for changes and
requests are answered from memory: then nobody waits for a reading, and nobody for a server that is away.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from layers.loading import load
from layers.memory import Ebb
from layers.problems import WanggeError

if TYPE_CHECKING:
    from layers.snapshot import Snapshot
    from layers.standards import Standards
    from layers.store import Store

LOGGER = logging.getLogger("wangge")

_WAIT_S = 0.5
"""The follower looks this often whether it is to stop."""

_LOOK_S = 10.0
"""This often it looks whether all is still the same, should a file of the same epoch have been put in its place."""

_LEAST_PAUSE_S, _MOST_PAUSE_S = 0.02, 0.2
"""Between two readings, as long as the last one took: under steady writing half of the time is others'."""

_FIRST_RETRY_S, _LAST_RETRY_S = 0.2, 5.0


class Snapshots:
    """The newest snapshot of a store.

    Parameters
    ----------
    store : Store
        It stays the caller's to close, after `stop`.
    standards : Standards
    snapshot : Snapshot, optional
        What was read of the store already, such as by the process that this one was forked from.
    """

    def __init__(self, store: Store, standards: Standards, snapshot: Snapshot | None = None) -> None:
        self._store = store
        self._standards = standards
        self._snapshot = snapshot
        self._confirmed: float | None = None
        self._lock = threading.Lock()
        self._follower: threading.Thread | None = None
        self._stop = threading.Event()

    def current(self) -> Snapshot:
        """Return the newest snapshot: of the store's present version, or what the follower has read last."""
        snapshot = self._snapshot
        if snapshot is not None and self._follower is not None:
            return snapshot
        if snapshot is not None and self._is_present(snapshot, self._store.version()):
            return snapshot
        return self._renewed()

    def latest(self) -> tuple[Snapshot | None, float | None]:
        """Return what was read last, and how many seconds ago it was known to be the store's present version.

        The store is not asked. The first is None where nothing has been read yet, the second where nobody
        follows the store, so that each request sees to it.
        """
        known = self._confirmed if self._follower is not None else None
        return self._snapshot, None if known is None else time.monotonic() - known

    def start(self) -> None:
        """Read the store, or what was written to it since, and follow it in the background from then on.

        Raises
        ------
        WanggeError
            The store cannot be read: nothing is started.
        """
        if self._follower is not None:
            raise RuntimeError("the store is followed already")
        snapshot = self._renewed()
        self._stop = threading.Event()
        self._follower = threading.Thread(
            target=self._follow, args=(snapshot, self._stop), name="wangge-follower", daemon=True
        )
        self._follower.start()

    def stop(self) -> None:
        """Follow no longer; what the follower is doing at the moment it may still be doing for a while."""
        follower, self._follower = self._follower, None
        if follower is not None:
            self._stop.set()
            follower.join(2 * _WAIT_S)

    def _is_present(self, snapshot: Snapshot, version: int) -> bool:
        """Tell whether the store, whose version has just been asked for, is the one that the snapshot shows."""
        return version == snapshot.version and self._store.epoch().matches(snapshot.district.epoch.id)

    def _renewed(self) -> Snapshot:
        with self._lock:
            began = time.monotonic()
            self._snapshot = load(self._store, self._standards, before=self._snapshot)
            self._confirmed = began
            return self._snapshot

    def _follow(self, snapshot: Snapshot, stop: threading.Event) -> None:
        looked = time.monotonic()
        ebb = Ebb()
        away = False
        retry_s = _FIRST_RETRY_S
        while not stop.is_set():
            try:
                began = time.monotonic()
                version = self._store.wait(since=snapshot.version, timeout_s=_WAIT_S)
                moment = time.monotonic()
                if away or moment - looked >= _LOOK_S or not self._is_present(snapshot, version):
                    snapshot, looked = self._renewed(), moment
                else:
                    self._confirmed = began
                if away:
                    LOGGER.warning("the store is back, at version %d", snapshot.version)
                    away, retry_s = False, _FIRST_RETRY_S
                ebb.look()
                stop.wait(min(max(time.monotonic() - moment, _LEAST_PAUSE_S), _MOST_PAUSE_S))
            except Exception as error:
                if not away and not stop.is_set():
                    _tell(error)
                away = True
                stop.wait(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)


def _tell(error: Exception) -> None:
    if isinstance(error, WanggeError):
        LOGGER.warning("pages show the last version read: %s", error.sentence("en"))
    else:
        LOGGER.error("pages show the last version read", exc_info=error)
