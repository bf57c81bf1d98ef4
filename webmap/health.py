"""Whether the service can do its work: what a load balancer or a supervisor asks."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layers.problems import StoreAway, StoreNewer, StoreOutdated, WanggeError
from layers.text import Language, Text, joined

if TYPE_CHECKING:
    from layers.following import Snapshots
    from layers.store import Store

BOUND_S = 2.0
"""The store is asked for no longer than this."""

LATE_S = 10.0
"""A snapshot that has been behind the store for longer is too old to be shown."""

_TITLES = {
    "store": Text("存储", "the store"),
    "schema": Text("存储结构", "the store's schema"),
    "snapshot": Text("内存中的数据", "the data in memory"),
}


@dataclass(frozen=True)
class Check:
    """One part of being ready; `ok` is None where it cannot be told."""

    id: str
    ok: bool | None
    detail: Text


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """What was found.

    Attributes
    ----------
    version, store_version : int, optional
        Of the snapshot that pages are made from, and of the store.
    age_s : int, optional
        Seconds since the snapshot was last known to be the store's present version; None where each request
        sees to it.
    remedy : Text, optional
        What to do where it is not ready.
    """

    checks: tuple[Check, ...]
    version: int | None
    store_version: int | None
    age_s: int | None
    remedy: Text | None = None

    @property
    def ready(self) -> bool:
        """Whether every part is."""
        return all(check.ok for check in self.checks)

    @property
    def failing(self) -> Text:
        """The parts that are not, by name."""
        return joined([_TITLES[check.id] for check in self.checks if check.ok is False])

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return what was found for JSON."""
        return {
            "status": "ready" if self.ready else "not_ready",
            "version": self.version,
            "store_version": self.store_version,
            "age_s": self.age_s,
            "checks": [
                {"id": check.id, "ok": check.ok, "detail": check.detail.to(language)} for check in self.checks
            ],
        }


class NotReady(WanggeError):
    """The service cannot do its work for the moment."""

    def __init__(self, readiness: Readiness) -> None:
        message = Text("服务尚未就绪：{parts}。", "Not ready: {parts}.").format(parts=readiness.failing)
        super().__init__(message, readiness.remedy)
        self.readiness = readiness


class Probe:
    """Asks the store, a single question at a time however many ask for it, and never for long."""

    def __init__(self, store: Store, snapshots: Snapshots) -> None:
        self._store = store
        self._snapshots = snapshots
        self._lock = threading.Lock()
        self._asked: Future[int] | None = None

    def readiness(self) -> Readiness:
        """Return what there is to say within `BOUND_S`."""
        error: WanggeError | None = None
        store_version = None
        try:
            store_version = self._question().result(BOUND_S)
        except TooLate:
            late = Text("存储在 {s:g} 秒内没有应答。", "The store has not answered within {s:g} s.")
            error = StoreAway(late.format(s=BOUND_S), Text("请稍后再试。", "Try again later."))
        except WanggeError as found:
            error = found
        snapshot, age_s = self._snapshots.latest()
        version = None if snapshot is None else snapshot.version
        return Readiness(
            checks=(*_store_checks(error), _snapshot_check(version, age_s, store_version)),
            version=version,
            store_version=store_version,
            age_s=None if age_s is None else int(age_s),
            remedy=None if error is None else error.remedy,
        )

    def _question(self) -> Future[int]:
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = Future()
                # A server that is away may keep it for longer than the process lives.
                threading.Thread(target=self._ask, args=(self._asked,), daemon=True).start()
            return self._asked

    def _ask(self, answer: Future[int]) -> None:
        try:
            version = self._store.ready()
            self._snapshots.current()
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(version)


def _store_checks(error: WanggeError | None) -> tuple[Check, Check]:
    answers = Check("store", True, Text("有应答。", "It answers."))
    if error is None:
        return answers, Check("schema", True, Text("与本程序一致。", "It is this program's."))
    if isinstance(error, StoreOutdated | StoreNewer):
        return answers, Check("schema", False, error.message)
    return Check("store", False, error.message), Check(
        "schema", None, Text("无从得知。", "It cannot be told.")
    )


def _snapshot_check(version: int | None, age_s: float | None, store_version: int | None) -> Check:
    if version is None:
        return Check("snapshot", False, Text("尚未读入。", "Nothing has been read yet."))
    behind = store_version not in (None, version) and (age_s or 0) > LATE_S
    told = (
        Text("还是第 {v} 版，存储已是第 {now} 版。", "It is still version {v}; the store has {now}.")
        if behind
        else Text("第 {v} 版。", "Version {v}.")
    )
    return Check("snapshot", not behind, told.format(v=version, now=store_version))
