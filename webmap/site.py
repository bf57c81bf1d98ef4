"""One district's service in several processes: what the parent reads, and what each worker does with it."""

from __future__ import annotations

import gc
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from layers.imports.jobs import Workshop
from layers.problems import ValidationError, WanggeError
from webmap.cores import Cores
from webmap.limits import make_limits
from webmap.workers import columns_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from layers.access.access import Access
    from layers.cli import Context
    from layers.following import Snapshots
    from layers.snapshot import Snapshot
    from layers.store import Store
    from webmap.settings import Settings
    from webmap.workers import Life

LOGGER = logging.getLogger("wangge")

_REST_AFTER_S = 1.0
"""What waits at the door of a new worker is answered first."""


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Leave the garbage collector out: of what is read and imported nearly everything stays, and it would look on."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # else the first look would be at all of it
        gc.enable()


class Site:
    """The service of a command's context.

    Parameters
    ----------
    settings : callable
        Reads the settings, and raises `ValidationError` where they are wrong.
    listeners : list of socket
        Where it is to be reached: one for each worker.
    threads : int
        Of each worker.
    """

    def __init__(
        self,
        context: Context,
        settings: Callable[[], Settings],
        listeners: list[socket.socket],
        *,
        threads: int,
    ) -> None:
        self._context = context
        self._read_settings, self._settings = settings, settings()
        self._listeners = listeners
        self._threads = threads
        # Counted by all workers together, and on through their renewal.
        self._limits = make_limits(self._settings, columns=columns_of(len(listeners)))
        self._snapshot: Snapshot | None = None

    @_nothing_collected()
    def load(self) -> str | None:
        """Read what workers share, and return the one-time link's code where there is no administrator yet.

        Store and accounts are closed again: connections, and the threads behind them, do not outlive a fork.

        Raises
        ------
        WanggeError
            The store or the accounts cannot be used.
        """
        from layers.loading import load
        from layers.memory import keep_little
        from webmap import load_parts

        keep_little()
        with self._context.open_store(read_only=True) as store, self._accounts(store) as access:
            self._snapshot = load(store, self._context.standards)
            link = None if access.has_administrator() else access.make_start_link(by=self._context.visitor)
        load_parts()
        return link

    def renew(self) -> None:
        """Read settings, rules, standards and store anew, for new workers; all of it, or nothing is renewed."""
        from layers.loading import load

        try:
            settings, context = self._read_settings(), self._context.renewed()
            with context.open_store(read_only=True) as store:
                snapshot = load(store, context.standards)
            _ = context.policy  # read now: a mistake in it must not reach the workers
        except ValidationError as error:
            raise RuntimeError("; ".join(one.sentence("en") for one in error.problems)) from None
        except WanggeError as error:
            raise RuntimeError(error.sentence("en")) from None
        self._settings, self._context, self._snapshot = settings, context, snapshot

    def miss(self, place: int) -> None:
        """Have the others take all connections until there is another worker at this place, who listens again."""
        with suppress(OSError):  # the one before it may have died before it listened again
            self._listeners[place].shutdown(socket.SHUT_RDWR)

    def work(self, life: Life) -> None:
        """Serve, in a worker of its own, until it is told to stop."""
        try:
            self._serve(life)
        except WanggeError as error:
            LOGGER.error("a worker cannot serve: %s", error.sentence("en"))
            raise SystemExit(1) from error

    def _serve(self, life: Life) -> None:
        from layers.imports.upload_files import Sweeper
        from webmap import create_app, upload
        from webmap.server import BACKLOG, Server

        # It tells of every attempt to reach a server that is away; the follower tells of the outage once.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        self._limits.use_column(life.column)
        context, settings = self._context, self._settings
        with context.open_store() as store, self._accounts(store) as access:
            app = create_app(
                store,
                context.standards,
                context.policy,
                access=access,
                settings=settings,
                limits=self._limits,
                snapshot=self._snapshot,
                workshop=workshop_of(context),
            )
            snapshots = app.extensions["wangge"].snapshots
            snapshots.start()
            sweeper = Sweeper(upload.sweeping(app))
            sweeper.start()
            server = Server(
                app,
                self._listeners[life.place],
                threads=self._threads,
                settings=settings,
                workers=len(self._listeners),
                cores=Cores(life.place, len(self._listeners)),
            )
            rest = threading.Thread(target=_get_ready, args=(snapshots, stopping := threading.Event()))
            rest.daemon = True
            try:
                server.start()
                self._listeners[life.place].listen(BACKLOG)  # the server does so too, in a moment
                life.ready()
                rest.start()
                life.wait()
            finally:
                stopping.set()
                sweeper.stop()
                server.stop()
                snapshots.stop()

    def _accounts(self, store: Store) -> Access:
        """Open the accounts; the district's names make no good passwords."""
        from layers.access.access import open_access

        context, district = self._context, store.district()
        words = [name for name in (district.name, district.name_en) if name]
        return open_access(
            context.store_url,
            policy=context.policy,
            settings=context.settings,
            clock=context.clock,
            words=words,
        )


def _get_ready(snapshots: Snapshots, stopping: threading.Event) -> None:
    """Import and make what the first pages and questions need, before somebody waits for it."""
    from webmap import load_rest

    if stopping.wait(_REST_AFTER_S):
        return
    load_rest()
    if stopping.is_set():
        return
    from layers.ahead import make_ahead

    for _ in make_ahead(snapshots.current()):
        if stopping.is_set():
            return


def workshop_of(context: Context) -> Workshop:
    """Return what it takes to import uploaded files into the store of a context."""
    return Workshop(
        store_url=context.store_url,
        settings=context.settings,
        data_folder=context.data_folder,
        rules=context.installation.standards,
    )
