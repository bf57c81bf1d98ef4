"""Waiting for other people's writes: announcements wake, the version decides."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from layers.problems import StoreAway, StoreBusy
from layers.stores.postgis import ddl, faults, tables
from layers.stores.postgis.connection import abandon, connect

if TYPE_CHECKING:
    from layers.store import StoreSettings
    from layers.stores.postgis.addresses import Address
    from layers.stores.postgis.connection import Connection

# An announcement may be lost with its connection; nobody waits longer than this for the truth.
_POLL_S = 0.4


class Listener:
    """Waits on a connection of its own, made when it is first needed and again when it is lost."""

    def __init__(self, address: Address, settings: StoreSettings) -> None:
        self._address = address
        self._settings = settings
        self._process = os.getpid()
        self._turn = threading.Lock()
        self._connection: Connection | None = None
        self._closed = False

    def wait(self, *, since: int, timeout_s: float) -> int:
        """Wait until the version is another than `since`, and return it; after `timeout_s` the same.

        A server that goes away meanwhile is waited for, too.

        Raises
        ------
        StoreAway, StoreBusy
            It was away when the time was over; the next call tries again.
        """
        self._be_in_this_process()
        deadline = time.monotonic() + timeout_s
        with self._turn:
            while True:
                if self._closed:
                    self._hang_up()
                    raise ValueError(f"the store {self._address.shown} has been closed")
                try:
                    with faults.said(self._address):
                        version = self._look(since, deadline)
                except (StoreAway, StoreBusy):
                    self._hang_up()
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(_POLL_S)
                    continue
                if version != since or time.monotonic() >= deadline:
                    return version

    def close(self) -> None:
        """Give the connection back; who waits is told within half a second."""
        self._be_in_this_process()
        self._closed = True
        if self._turn.acquire(blocking=False):
            try:
                self._hang_up()
            finally:
                self._turn.release()

    def _look(self, since: int, deadline: float) -> int:
        """Read the version and, if it is still `since`, doze until something is announced or it is time."""
        connection = self._listening()
        version = tables.version(connection)
        left = deadline - time.monotonic()
        if version == since and left > 0:
            for _ in connection.notifies(timeout=min(_POLL_S, left), stop_after=1):
                pass
            return tables.version(connection)
        return version

    def _listening(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._address, self._settings, read_only=True)
            # A standby announces nothing: there the version is only read from time to time.
            with suppress(psycopg.errors.ReadOnlySqlTransaction):
                self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(ddl.CHANNEL)))
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _be_in_this_process(self) -> None:
        """Leave the parent's connection alone after a fork."""
        if self._process != os.getpid():
            abandon(self._connection)
            self._process, self._turn, self._connection = os.getpid(), threading.Lock(), None
