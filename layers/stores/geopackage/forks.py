"""What a forked child may do: use SQLite only where its parent was not using it.

SQLite keeps in the process which locks it holds on each file that it has open. A forked child inherits that
record, the mutexes and the mapped index of the log, but not the locks: it would write without one, or wait
for itself. So nothing is open when a process forks. What is idle is closed; where a connection is lent, being
opened or being closed, whatever the file, the child is refused.
"""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol
from weakref import WeakSet

import apsw

from layers.stores.geopackage import faults
from layers.text import Text


class Holder(Protocol):
    """Who holds idle connections."""

    def close_idle(self) -> None:
        """Close them; the caller holds `guard`."""


class _Forks:
    """What the process uses of SQLite, counted under `guard`."""

    def __init__(self) -> None:
        # Reentrant: where the garbage collector ends a forgotten reading, it is given back then and there.
        self.guard = threading.RLock()
        self.holders: WeakSet[Holder] = WeakSet()
        self.uses = 0
        self.process = os.getpid()
        """Who may use SQLite; in a child that inherited a use it stays another."""
        self._inherits_nothing = False

    def before(self) -> None:
        self.guard.acquire()
        if self.process == os.getpid():
            unused = self.uses == 0
            for holder in self.holders:
                holder.close_idle()
            self._inherits_nothing = unused

    def after_in_parent(self) -> None:
        self._inherits_nothing = False
        self.guard.release()

    def after_in_child(self) -> None:
        self.guard = threading.RLock()
        if self._inherits_nothing:
            self.process = os.getpid()
        self._inherits_nothing = False


_forks = _Forks()
os.register_at_fork(
    before=_forks.before,
    after_in_parent=_forks.after_in_parent,
    after_in_child=_forks.after_in_child,
)


def guard() -> AbstractContextManager[bool]:
    """Return the lock under which idle connections are taken and given back: no fork comes between."""
    return _forks.guard


def close_before(holder: Holder) -> None:
    """Have the idle connections of `holder` closed before each fork, while it lives."""
    with _forks.guard:
        _forks.holders.add(holder)


class using:  # noqa: N801 - to its callers it is a function
    """Say that this process uses SQLite, for the store at `path`, until the end of the block.

    Raises
    ------
    StoreUnusable
        When it was forked while its parent did.
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        use(self._path)

    def __exit__(self, *_: object) -> None:
        leave()


def use(path: Path) -> None:
    """Do what entering `using` does."""
    with _forks.guard:
        refuse_inherited(path)
        _forks.uses += 1


def leave() -> None:
    """Do what leaving `using` does."""
    with _forks.guard:
        _forks.uses -= 1


def inherited() -> bool:
    """Tell whether this process was forked while its parent used SQLite, and so may not."""
    return _forks.process != os.getpid()


def refuse_inherited(path: Path) -> None:
    """Raise `StoreUnusable` in a process that was forked while its parent used SQLite."""
    if inherited():
        raise faults.unusable(
            path,
            Text(
                "本进程分叉（fork）时，父进程正在使用存储",
                "this process was forked while its parent was using a store",
            ),
            Text(
                "请用 spawn 方式启动工作进程，或在分叉之后才使用存储。",
                "Start workers by spawn, or use the store only after the fork.",
            ),
        )


def leave_alone(connection: apsw.Connection) -> None:
    """Never close what a parent had lent out, not even when the interpreter ends: that would touch its files."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
