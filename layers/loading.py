"""Snapshots from a store: of its present version, of a past one, or an older one brought up to date."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from layers.memory import give_back
from layers.packed import packed
from layers.patches import Replaced, Rows
from layers.problems import NotFound, WanggeError
from layers.schema import LAYERS
from layers.snapshot import Lineage, Snapshot, Touched, together
from layers.text import Text

if TYPE_CHECKING:
    from datetime import date

    from layers.standards import Standards
    from layers.store import District, Store

_KEPT_STEPS = 64
_TRIES = 20
_FEW_CODES = 500
_SMALL_SHARE = 0.2


def load(
    store: Store,
    standards: Standards,
    *,
    before: Snapshot | None = None,
    version: int | None = None,
    on: date | None = None,
) -> Snapshot:
    """Read a store: its present version, or a past state.

    Parameters
    ----------
    before : Snapshot, optional
        An older snapshot of the same store: only what was written since is read. It is returned itself where
        that is nothing. Where the store at its place is no longer the same one grown on (it was restored from
        a backup, or another was put there), everything is read.
    version : int, optional
        As the store stood at this version.
    on : date, optional
        What held on this day, by all that is known now; it is the district's `as_of`.

    Raises
    ------
    NotFound
        There has been no such version.
    WanggeError
        What `Store.read` raises, and where the store is replaced again and again.
    """
    if version is not None:
        frames = {name: store.read(name, version=version) for name in LAYERS}
        return Snapshot(version, store.district(), standards, frames)
    for _ in range(_TRIES):
        found = _present(store, standards, before) if on is None else _on(store, standards, on)
        if found is not None:
            return found
        before = None
    raise WanggeError(
        Text(
            "数据正在连续写入，读不到完整的一版。",
            "The store is being written without a pause; no whole version could be read.",
        ),
        Text("请稍后重试。", "Try again in a moment."),
    )


def _on(store: Store, standards: Standards, day: date) -> Snapshot | None:
    """Return what held on a day, or None where somebody wrote meanwhile."""
    version = store.version()
    frames = {name: store.read(name, on=day) for name in LAYERS}
    district = replace(store.district(), as_of=day)
    return Snapshot(version, district, standards, frames) if store.version() == version else None


@dataclass(frozen=True)
class _Reading:
    """The rows of one version, the write that made it, and what was touched and replaced on the way to it."""

    version: int
    last: Hashable
    rows: dict[str, Rows]
    touched: Touched = field(default_factory=dict)
    replaced: dict[str, tuple[Replaced, ...]] = field(default_factory=dict)


def _present(store: Store, standards: Standards, before: Snapshot | None) -> Snapshot | None:
    """Return the present version, or None where the store is not what it was a moment ago."""
    if before is None:
        return _whole(store, standards)
    read = _Reading(before.version, before.lineage.last, before.rows)
    found = _advanced(store, read, at_once=True)
    if found is not None and None in found.touched.values():
        again = _advanced(store, found, at_once=False)
        found = None if again is None else _joined(found, again)
    # After the writes, for a store without any has nothing to know it by: it may have been filled by a copy.
    if found is None or not _is_still(store, before.district):
        return None
    if found.version == before.version:
        return before
    steps = (*before.lineage.steps, (before.version, found.touched))[-_KEPT_STEPS:]
    lineage = Lineage(before.lineage.root, found.last, steps)
    return Snapshot(
        found.version,
        before.district,
        standards,
        found.rows,
        lineage=lineage,
        before=before,
        replaced=found.replaced,
    )


def _joined(first: _Reading, second: _Reading) -> _Reading:
    """Return the second reading, with what was touched and replaced by both."""
    touched = together([first.touched, second.touched])
    # Of a layer that was read whole nobody knows all rows that were replaced.
    layers = [layer for layer, codes in touched.items() if codes is not None]
    return replace(
        second,
        touched=touched,
        replaced={layer: first.replaced.get(layer, ()) + second.replaced.get(layer, ()) for layer in layers},
    )


def _whole(store: Store, standards: Standards) -> Snapshot | None:
    """Read everything, without a lock.

    What was written while the layers were read is read once more, by code and as of one version: a feature
    that no write touched in between is the same at that version as when it was read.
    """
    version = store.version()
    last = store.mark(version) if version else None
    if version and last is None:
        return None
    district = store.district()
    rows = {name: Rows(packed(store.read(name))) for name in LAYERS}
    give_back()
    found = _advanced(store, _Reading(version, last, rows), at_once=False)
    if found is None or not _is_still(store, district):
        return None
    return Snapshot(found.version, district, standards, found.rows, lineage=Lineage(last=found.last))


def _is_still(store: Store, district: District) -> bool:
    """Tell whether the store is that of the district, and not one that was restored or put in its place."""
    there = store.district()
    return there == district and there.epoch == district.epoch


def _advanced(store: Store, read: _Reading, *, at_once: bool) -> _Reading | None:
    """Bring a reading to the store's present version; None where the store is not a continuation of it.

    Parameters
    ----------
    at_once : bool
        Layers of which much was touched are read whole: quicker, but of that moment's version, which may be a
        later one. They are marked as touched throughout.
    """
    news = store.changes(since=read.version)
    # In this order: were it another store by now, the mark would be another.
    if read.version and store.mark(read.version) != read.last:
        return None
    if not news:
        return replace(read, touched={}, replaced={})
    version = news[-1].version
    touched: dict[str, tuple[str, ...] | None] = {}
    rows = dict(read.rows)
    replaced: dict[str, tuple[Replaced, ...]] = {}
    for layer in dict.fromkeys(change.layer for change in news):
        codes = sorted({code for change in news if change.layer == layer for code in change.codes})
        if at_once and len(codes) > _FEW_CODES and len(codes) > _SMALL_SHARE * len(rows[layer]):
            touched[layer], rows[layer] = None, Rows(packed(store.read(layer)))
            continue
        try:
            fresh = store.read(layer, codes=codes, version=version)
        except NotFound:
            return None
        touched[layer] = tuple(codes)
        replaced[layer] = (Replaced(rows[layer].at(codes), fresh),)
        rows[layer] = rows[layer].then(fresh, codes)
    return _Reading(version, news[-1].mark, rows, touched, replaced)
