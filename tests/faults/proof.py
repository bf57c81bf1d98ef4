"""Proof, from the books of writers and readers, that a store lost nothing, tore nothing and made nothing up.

The store's own list of versions says in which order the writes were; what each was to hold follows from its
task. So every version is made again here, by a few lines that share nothing with the stores, and compared
with what the store holds, with what it keeps of the past, and with what readers saw at the time.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layers.schema import LAYERS
from layers.store import Store
from layers.stores.base import KeptStore
from layers.stores.contents import ChangeRow
from layers.stores.rows import Row, rows_of, value_fields
from tests.faults.work import (
    BULK,
    MADE,
    SINGLES,
    Task,
    digest_of,
    entries,
    first_frames,
    mark,
    rows,
    shown,
    task_of,
)

if TYPE_CHECKING:
    import geopandas as gpd

WORLD = (-180.0, -90.0, 180.0, 90.0)
_MAY_BE_KEPT = "StoreAway"
"""The one refusal after which a write may be there all the same: the server went in the moment of the commit."""


@dataclass
class Verdict:
    """What the books and the store come to.

    Attributes
    ----------
    lost, torn : list of str
        Acknowledged writes that are not there as acknowledged; whatever was seen or kept in part, or
        cannot have been.
    errors : Counter of kind
        Refusals that writers and readers met.
    kept, gone : int
        Writes that were never acknowledged and are there whole, or not at all.
    seen : int
        Observations by readers that were compared.
    copies : list of int
        The versions of the copies that were compared.
    """

    attempted: int = 0
    acknowledged: int = 0
    versions: int = 0
    kept: int = 0
    gone: int = 0
    seen: int = 0
    lost: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    copies: list[int] = field(default_factory=list)


def prove(
    store: Store,
    writers: Iterable[Path],
    readers: Iterable[Path] = (),
    *,
    first: Mapping[str, gpd.GeoDataFrame] | None = None,
    past_reads: int = 20,
    copies: Iterable[Store] = (),
) -> Verdict:
    """Compare the books with the store, and some of its past states too.

    Parameters
    ----------
    first : mapping of layer to frame, optional
        What the store was made with; else `first_frames`.
    copies : iterable of Store
        What was copied out of it meanwhile: each must be the store as it stood at some version.
    """
    proof = _Proof(store, first_frames() if first is None else first)
    for book in writers:
        proof.take_book(book)
    proof.replay()
    proof.compare_present()
    proof.compare_past(past_reads)
    proof.compare_answers()
    for book in readers:
        proof.compare_sights(book)
    for copy in copies:
        proof.compare_copy(copy)
    return proof.verdict


class _Proof:
    def __init__(self, store: Store, first: Mapping[str, gpd.GeoDataFrame]) -> None:
        self.verdict = Verdict()
        self._store = store
        self._first = first
        self._tasks: dict[str, Task] = {}
        self._done: dict[str, dict[str, Any]] = {}
        self._refused: dict[str, str] = {}
        self._rows: dict[str, dict[str, Row]] = {name: {} for name in LAYERS}
        self._totals: dict[str, int] = dict.fromkeys(self._rows, 0)
        # Per layer the versions that touched it and what stood for it from then on.
        self._moments: dict[str, list[int]] = {name: [0] for name in self._rows}
        self._digests: dict[str, list[str]] = {name: [shown(0)] for name in self._rows}
        self._touched: dict[str, list[int]] = defaultdict(list)
        self._version_of: dict[str, int] = {}
        self._did: dict[str, tuple[int, int, int]] = {}
        self._expected_history: list[tuple[Any, ...]] = []

    def take_book(self, book: Path) -> None:
        """Read what a writer intended and was answered."""
        for entry in entries(book):
            if "intent" in entry:
                task = task_of(entry)
                self._tasks[task.id] = task
            elif "done" in entry:
                self._done[entry["done"]] = entry
            elif "refused" in entry:
                self._refused[entry["refused"]] = entry["kind"]
                self.verdict.errors[entry["kind"]] += 1
            elif "broken" in entry:
                self._refused[entry["broken"]] = "broken"
                self.verdict.errors[f"broken: {entry['said']}"] += 1
        self.verdict.attempted, self.verdict.acknowledged = len(self._tasks), len(self._done)

    def replay(self) -> None:
        """Make every version again, and compare its record with what it must have been."""
        assert isinstance(self._store, KeptStore)
        with self._store.contents() as contents:
            self._present = {
                name: [row for chunk in contents.layers[name] for row in chunk.records] for name in LAYERS
            }
            self._changes = changes = list(contents.changes)
            self._history = list(contents.history)
        self.verdict.versions = len(changes)
        numbers = [change.version for change in changes]
        if numbers != list(range(1, len(changes) + 1)):
            self._tear(f"the versions are not 1 to {len(changes)}: {_odd(numbers)}")
        for change in changes:
            self._replay(change)

    def _replay(self, change: ChangeRow) -> None:
        if change.note == MADE:
            first = rows_of(self._first[change.layer], LAYERS[change.layer]).records
            self._apply(change, change.layer, [row[0] for row in first], {row[0]: row for row in first})
            return
        task = self._tasks.get(change.note)
        if task is None or change.layer != task.layer:
            self._tear(f"version {change.version} is nobody's: {change.note!r} of {change.layer}")
            return
        if task.id in self._version_of:
            self._tear(f"{task.id} was written twice: {self._version_of[task.id]} and {change.version}")
        self._version_of[task.id] = change.version
        if (change.who, change.effective) != (task.by.who, task.effective):
            self._tear(f"version {change.version} says another author or day than {task}")
        after = {} if task.do == "delete" else rows(task.layer, task.touches, task.stamp)
        self._apply(change, task.layer, task.touches, after)
        if task.based_on is not None:
            self._check_base(task, change)

    def _apply(self, change: ChangeRow, layer: str, codes: Iterable[str], after: dict[str, Row]) -> None:
        held = self._rows[layer]
        touched = [code for code in codes if held.get(code) != after.get(code)]
        if json.loads(change.codes) != sorted(touched):
            self._tear(f"version {change.version} ({change.note}) touched {_odd(json.loads(change.codes))}")
        inserted = 0
        for code in sorted(touched):
            before, now = held.pop(code, None), after.get(code)
            inserted += before is None
            if before is not None:
                self._totals[layer] -= mark(before)
                self._expected_history.append(_kept(change.version, layer, before, now))
            if now is not None:
                held[code] = now
                self._totals[layer] += mark(now)
            self._touched[code].append(change.version)
        self._did[change.note] = (inserted, len(touched) - inserted, len(list(codes)) - len(touched))
        self._moments[layer].append(change.version)
        self._digests[layer].append(shown(self._totals[layer]))

    def _check_base(self, task: Task, change: ChangeRow) -> None:
        """Nobody may have touched, since the base, what the write changed."""
        assert task.based_on is not None
        for code in json.loads(change.codes):
            others = self._touched[code]
            between = others[bisect_right(others, task.based_on) : bisect_left(others, change.version)]
            if between:
                self._tear(f"{task.id} was based on {task.based_on} and overwrote {code} of {between}")
                return

    def compare_present(self) -> None:
        """Compare what is there now, as read in each way."""
        for name in LAYERS:
            due = [row for _, row in sorted(self._rows[name].items())]
            found = sorted(self._present[name])
            if found != due:
                wrong = {row[0] for row in set(found) ^ set(due)}
                self._tear(f"{name} holds {len(found)} features, not {len(due)}: {_odd(sorted(wrong))}")
            else:
                self._compare_reads(name)

    def _compare_reads(self, name: str) -> None:
        held = self._digests[name][-1]
        for way, frame in (("all", self._store.read(name)), ("by box", self._store.read(name, bbox=WORLD))):
            if digest_of(frame, name) != held:
                self._tear(f"{name} read {way} is not what it holds")
        if self._store.counts()[name] != len(self._rows[name]):
            self._tear(f"{name} is counted wrongly")

    def compare_past(self, reads: int) -> None:
        """Compare what is kept of the past, all of it, and past states as they are read, some of them."""
        found = [
            (row.version, row.code, bool(row.deleted), row.wkb, json.loads(row.before))
            for row in self._history
        ]
        if found != self._expected_history:
            pairs = zip(found, self._expected_history, strict=False)
            wrong = next(
                (pair for pair in pairs if pair[0] != pair[1]), (len(found), len(self._expected_history))
            )
            self._tear(f"the history is not what was replaced: {wrong}")
        last = self.verdict.versions
        for version in range(2, last + 1, max(1, last // reads)):
            for name in (SINGLES, BULK):
                if digest_of(self._store.read(name, version=version), name) != self._digest_at(name, version):
                    self._tear(f"{name} of version {version} is read otherwise than it was written")

    def compare_copy(self, copy: Store) -> None:
        """Compare a copy with the version at which it was taken, and its records with those up to then."""
        version = copy.version()
        for name in LAYERS:
            if digest_of(copy.read(name), name) != self._digest_at(name, version):
                self._tear(f"the copy of version {version} holds other {name}")
        with copy.contents() as contents:
            for rows_of_layer in contents.layers.values():
                deque(rows_of_layer, maxlen=0)
            changes, history = list(contents.changes), list(contents.history)
        if changes != self._changes[:version] or history != [
            row for row in self._history if row.version <= version
        ]:
            self._tear(f"the copy of version {version} has other records")
        self.verdict.copies.append(version)

    def _digest_at(self, layer: str, version: int) -> str:
        return self._digests[layer][bisect_right(self._moments[layer], version) - 1]

    def compare_answers(self) -> None:
        """Compare every answer that a writer got with what became of its write."""
        for name, task in self._tasks.items():
            version = self._version_of.get(name)
            if name in self._done:
                self._compare_answer(task, version, self._done[name])
            elif self._refused.get(name, _MAY_BE_KEPT) == _MAY_BE_KEPT:
                self.verdict.kept += version is not None
                self.verdict.gone += version is None
            else:
                self._compare_refusal(task, version, self._refused[name])

    def _compare_refusal(self, task: Task, version: int | None, kind: str) -> None:
        if version is not None:
            self._tear(f"{task.id} was refused with {kind} and is version {version}")
        since = -1 if task.based_on is None else task.based_on
        if kind == "StoreConflict" and not any(
            at > since for code in task.touches for at in self._touched.get(code, ())
        ):
            self._tear(f"{task.id} was refused, but nobody had touched it since {since}")

    def _compare_answer(self, task: Task, version: int | None, answer: dict[str, Any]) -> None:
        inserted, updated, unchanged = self._did.get(task.id, (0, 0, len(task.touches)))
        if task.do == "delete":
            agree = answer["deleted"] == updated
        else:
            given = (answer["inserted"], answer["updated"], answer["unchanged"])
            agree = given == (inserted, updated, unchanged) and version in (answer["version"], None)
        if version is None:
            changed = answer.get("deleted", 0) or answer.get("inserted", 0) or answer.get("updated", 0)
            agree = agree and not changed
        if not agree:
            self.verdict.lost.append(
                f"{task.id} ({task.do} of {task.layer}) was acknowledged: {answer}; is {version}"
            )

    def compare_sights(self, book: Path) -> None:
        """Compare what a reader saw with the versions that there were."""
        last = 0
        for entry in entries(book):
            if "version" in entry:
                if entry["version"] < last:
                    self._tear(f"{book.name} saw version {entry['version']} after {last}")
                last = entry["version"]
            elif "saw" in entry:
                self.verdict.seen += 1
                self._compare_sight(book.name, entry)
            elif "refused" in entry:
                self.verdict.errors[f"{entry['kind']} (reading)"] += 1
            elif "broken" in entry:
                self.verdict.errors[f"broken: {entry['said']}"] += 1

    def _compare_sight(self, reader: str, entry: dict[str, Any]) -> None:
        if entry["saw"] == "changes":
            found = entry["found"]
            due = list(range(entry["since"] + 1, entry["since"] + 1 + len(found)))
            if found != due or (found and found[-1] < entry["before"]):
                self._tear(f"{reader} saw the changes {_odd(found)} after {entry['since']}")
            return
        if entry["saw"] == "versions":
            if not entry["after"] <= entry["found"][0] <= self.verdict.versions:
                self._tear(f"{reader} saw version {entry['found'][0]} after {entry['after']}")
            return
        layer, (first, last) = entry["layer"], entry["between"]
        moments = self._moments[layer]
        could = self._digests[layer][bisect_right(moments, first) - 1 : bisect_right(moments, last)]
        if entry["digest"] not in could or entry.get("torn"):
            self._tear(
                f"{reader} saw {entry['saw']} {layer} as it never was between {first} and {last}: {entry}"
            )

    def _tear(self, what: str) -> None:
        self.verdict.torn.append(what)


def _kept(version: int, layer: str, before: Row, now: Row | None) -> tuple[Any, ...]:
    """Return what history must keep of `before`."""
    names = [made.name for made in value_fields(LAYERS[layer])]
    values = {
        name: value
        for at, (name, value) in enumerate(zip(names, before[2:], strict=True), 2)
        if now is None or value != now[at]
    }
    shape = before[1] if now is None or now[1] != before[1] else None
    return (version, before[0], now is None, shape, values)


def _odd(found: list[Any]) -> str:
    return f"{found[:6]}{' …' if len(found) > 6 else ''}"
