"""How every kind of store writes and looks back: the rules here, the SQL in the adapters.

An adapter gives two transactions: one that reads a single version, and one that has the only turn to
write. What is inserted, updated, refused and remembered follows from this module alone, so that all kinds
of store do the same.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from operator import itemgetter
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

import shapely

from layers.problems import FeaturesExist, NotFound, StoreConflict
from layers.schema import Layer, layer_named
from layers.store import NOBODY, Authorship, Clock, Edit, Erased, Progress, Written, no_progress
from layers.stores import erasing
from layers.stores.amending import AmendingStore
from layers.stores.contents import ChangeRow, HistoryRow, KeyRow, change_row
from layers.stores.history import Undo, conflicts_of, edits_of, history_row, rows_at, rows_on
from layers.stores.rows import Row, Rows, difference, frame_of, storable, taken
from layers.stores.singles import rows_given
from layers.text import Text

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.epochs import Epoch
    from layers.feature import Feature
    from layers.schema import Field

Box = tuple[float, float, float, float]
Mode = Literal["insert", "update", "upsert"]
T = TypeVar("T")
Step = Callable[[int], None]
"""Called with the number of rows that have been written since the last call."""

SHOWN_CODES = 5
STEP_ROWS = 2000
SHARED_FEATURES = 64


class Reading(Protocol):
    """A transaction that sees one version."""

    def version(self) -> int:
        """Return the number of the last write, 0 before the first."""

    def epoch(self) -> Epoch:
        """Return what tells the versions from another store's."""

    def history_since(self) -> int:
        """Return the version from which on history is kept."""

    def rows(self, layer: Layer, codes: Sequence[str] | None = None) -> list[Row]:
        """Return the present rows by code, all or those there are of `codes`."""

    def undos(self, layer: Layer, codes: Sequence[str] | None = None, *, since: int = 0) -> list[Undo]:
        """Return what takes back the writes after version `since`, newest first, of all or of `codes`."""

    def remembered(self, layer: Layer, field: Field) -> list[HistoryRow]:
        """Return what is kept of the past of a layer, as far as it names the field."""

    def kept(self, keys: Sequence[str]) -> list[KeyRow]:
        """Return the requests that are kept by these keys, those there are."""


class Inserting(Protocol):
    """What it takes to write features that are not there."""

    def version(self) -> int:
        """Return the number of the last write, 0 before the first."""

    def insert(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Insert rows whose codes are not there."""

    def record(self, change: ChangeRow, history: Sequence[HistoryRow]) -> None:
        """Record the write as version ``change.version``, which is the next."""


class Putting(Inserting, Protocol):
    """What it takes to write features that are given whole."""

    def rows(self, layer: Layer, codes: Sequence[str]) -> list[Row]:
        """Return the present rows by code, those there are of `codes`."""

    def update(self, layer: Layer, rows: Rows, step: Step) -> None:
        """Write rows over those with their codes."""


class Writing(Reading, Putting, Protocol):
    """A write transaction: nobody else writes until it ends."""

    def rows(self, layer: Layer, codes: Sequence[str] | None = None) -> list[Row]:
        """Return the present rows by code, all or those there are of `codes`."""

    def delete(self, layer: Layer, codes: Sequence[str]) -> None:
        """Delete the rows with these codes."""

    def forget(self, rows: Sequence[HistoryRow]) -> None:
        """Let these rows take the place of those with their version and code, and note that traces remain."""

    def keep(self, row: KeyRow) -> None:
        """Keep a request whose key is not there."""


class KeptStore(AmendingStore):
    """A store over an adapter's transactions."""

    _clock: Clock

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Writing]:
        """Open a write transaction: committed on leaving, undone on any error."""

    @abstractmethod
    def _read(self, layer: Layer, codes: Sequence[str] | None, bbox: Box | None) -> gpd.GeoDataFrame:
        """Return present features as `read` does."""

    def read(
        self,
        layer: str,
        *,
        codes: Sequence[str] | None = None,
        bbox: Box | None = None,
        version: int | None = None,
        on: date | None = None,
    ) -> gpd.GeoDataFrame:
        """Return features ordered by code, all or those asked for."""
        described = layer_named(layer)
        codes = None if codes is None else _possible(codes)
        if version is None and on is None:
            return self._read(described, codes, bbox)
        if version is not None and on is not None:
            raise ValueError("a past state is asked for by version or by day, not by both")
        with self._reading() as transaction:
            frame = frame_of(_past(transaction, described, codes, version, on), described)
        return frame if bbox is None else meeting(frame, bbox)

    def insert(
        self,
        layer: str,
        features: gpd.GeoDataFrame | Feature,
        *,
        by: Authorship = NOBODY,
        progress: Progress = no_progress,
    ) -> Written:
        """Insert `features`; `FeaturesExist` where a code is there."""
        return self._write(layer, features, "insert", by, None, progress)

    def update(
        self,
        layer: str,
        features: gpd.GeoDataFrame | Feature,
        *,
        by: Authorship = NOBODY,
        based_on: int | None = None,
        progress: Progress = no_progress,
    ) -> Written:
        """Write `features` over those with their codes; `NotFound` where one is not there."""
        return self._write(layer, features, "update", by, based_on, progress)

    def upsert(
        self,
        layer: str,
        features: gpd.GeoDataFrame | Feature,
        *,
        by: Authorship = NOBODY,
        based_on: int | None = None,
        progress: Progress = no_progress,
    ) -> Written:
        """Insert `features`, or update those whose code exists."""
        return self._write(layer, features, "upsert", by, based_on, progress)

    def delete(
        self, layer: str, codes: Sequence[str], *, by: Authorship = NOBODY, based_on: int | None = None
    ) -> int:
        """Delete features by code and return how many there were."""
        described = layer_named(layer)
        wanted = sorted(set(_possible(codes)))

        def take_away(transaction: Writing) -> int:
            there = transaction.rows(described, wanted)
            found = [row[0] for row in there]
            _check_base(transaction, described, dict.fromkeys(wanted), there, based_on)
            if there:
                transaction.delete(described, found)
                version = transaction.version() + 1
                gone = [history_row(version, row, None, described) for row in there]
                transaction.record(self._change(version, described, found, by), gone)
            return len(there)

        return self._alone_or_shared(take_away, len(wanted))

    def holding(self, layer: str, field: str) -> gpd.GeoDataFrame:
        """Return every feature of which a value of `field` is kept, now or of the past, by code."""
        described = layer_named(layer)
        named = erasing.erasable(described, field)
        with self._reading() as transaction:
            past = {row.code for row in erasing.remembering(transaction.remembered(described, named), named)}
            present = transaction.rows(described)
            held = [row for row in present if row[0] in past or erasing.knows(row, described, named)]
            gone = sorted(past - {row[0] for row in present})
            last = erasing.last_rows(transaction.undos(described, gone), described) if gone else []
        return frame_of(sorted([*held, *last], key=itemgetter(0)), described)

    def erase(self, layer: str, field: str, codes: Sequence[str], *, by: Authorship = NOBODY) -> Erased:
        """Take the values of `field` away for good, from the features with `codes` and from all of their past."""
        described = layer_named(layer)
        named = erasing.erasable(described, field)
        if by.effective is not None:
            raise ValueError("what is erased is no new fact")
        wanted = sorted(set(_possible(codes)))
        with self._writing() as transaction:
            there = transaction.rows(described, wanted)
            past = erasing.forgetting(transaction.remembered(described, named), named, set(wanted))
            known = [row for row in there if erasing.knows(row, described, named)]
            touched = sorted(
                {row[0] for row in known} | ({row[0] for row in there} & {row.code for row in past})
            )
            gone = {row.code for row in past} - set(touched)
            version = transaction.version()
            if known:
                transaction.update(described, erasing.without(known, described, named), lambda _: None)
            if touched or gone:
                transaction.forget(past)
            if touched:
                version += 1
                marks = [erasing.erased_row(version, code, named) for code in touched]
                transaction.record(self._change(version, described, touched, by), marks)
        return Erased(version, len(touched), len(gone), self._clear_traces(described))

    def _clear_traces(self, layer: Layer) -> Text | None:
        """Clear what is erased out of the store's files; return what is left to do."""
        return None

    def history(self, layer: str, code: str) -> list[Edit]:
        """Return what was done to one feature, oldest first."""
        described = layer_named(layer)
        codes = _possible([code])
        with self._reading() as transaction:
            present = transaction.rows(described, codes)
            undos = transaction.undos(described, codes, since=transaction.history_since())
            return edits_of(present[0] if present else None, undos, described)

    def history_since(self) -> int:
        """Return the version from which on history is kept."""
        with self._reading() as transaction:
            return transaction.history_since()

    def _write(
        self,
        layer: str,
        features: gpd.GeoDataFrame | Feature,
        mode: Mode,
        by: Authorship,
        based_on: int | None,
        progress: Progress,
    ) -> Written:
        described = layer_named(layer)
        rows = rows_given(features, described)

        def put(transaction: Putting, base: Reading | None = None) -> Written:
            before = transaction.rows(described, [record[0] for record in rows.records])
            new, changed = difference(rows, before)
            unchanged = len(rows.records) - len(new) - len(changed)
            touched = sorted([*new, *changed])
            mine = {rows.records[at][0]: rows.records[at] for at in touched}
            if base is not None:
                _check_base(base, described, mine, before, based_on)
            _check_mode(mode, described, rows, new, before)
            version = transaction.version()
            if not touched:
                return Written(version, 0, 0, unchanged)
            step = steps(progress, described, len(touched))
            if changed:
                transaction.update(described, taken(rows, changed), step)
            if new:
                transaction.insert(described, taken(rows, new), step)
            version += 1
            old = {row[0]: row for row in before}
            replaced = [
                history_row(version, old[code], row, described) for code, row in mine.items() if code in old
            ]
            transaction.record(self._change(version, described, list(mine), by), replaced)
            return Written(version, len(new), len(changed), unchanged)

        def put_new(transaction: Inserting) -> Written:
            version = transaction.version() + 1
            transaction.insert(described, rows, steps(progress, described, 1))
            transaction.record(self._change(version, described, [rows.records[0][0]], by), [])
            return Written(version, 1, 0, 0)

        if len(rows.records) == 1 and based_on is None:
            return self._put_one(put, put_new if mode == "insert" else None)
        return self._alone_or_shared(lambda transaction: put(transaction, transaction), len(rows.records))

    def _put_one(
        self, put: Callable[[Putting], Written], put_new: Callable[[Inserting], Written] | None
    ) -> Written:
        """Let `put` write one feature; it may be asked again, and the last time counts.

        Parameters
        ----------
        put_new : callable, optional
            Does the same without looking whether the feature is there, which nobody expects.
        """
        return self._share(put)

    def _alone_or_shared(self, act: Callable[[Writing], T], features: int) -> T:
        """Run a write of so many features; what takes long keeps no others waiting for its commit."""
        if features <= SHARED_FEATURES:
            return self._share(act)
        with self._writing() as transaction:
            return act(transaction)

    def _share(self, act: Callable[[Writing], T]) -> T:
        """Run a small write in a transaction that others may share; it may be asked again, and the last time counts."""
        with self._writing() as transaction:
            return act(transaction)

    def _change(self, version: int, layer: Layer, codes: Sequence[str], by: Authorship) -> ChangeRow:
        return change_row(version, layer.name, codes, by, self._clock())


def steps(progress: Progress, layer: Layer, total: int) -> Step:
    """Return what tells `progress` how many of `total` rows of `layer` have been written."""
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        progress(layer.name, done, total)

    return step


def meeting(frame: gpd.GeoDataFrame, bbox: Box) -> gpd.GeoDataFrame:
    """Return the features whose bounding box meets `bbox`, edges included."""
    west, south, east, north = shapely.bounds(frame.geometry.to_numpy()).T
    meets = (east >= bbox[0]) & (north >= bbox[1]) & (west <= bbox[2]) & (south <= bbox[3])
    found: gpd.GeoDataFrame = frame.loc[meets]
    return found


def _possible(codes: Sequence[str]) -> list[str]:
    """Leave out what cannot be a code: asked for it, a store would fail where it should find nothing."""
    return [code for code in codes if storable(code)]


def _past(
    transaction: Reading, layer: Layer, codes: Sequence[str] | None, version: int | None, on: date | None
) -> list[Row]:
    since = transaction.history_since()
    if version is not None:
        if not since <= version <= transaction.version():
            raise NotFound(
                Text("没有第 {v} 版。", "There is no version {v}.").format(v=version),
                Text("可用的版本为 {first} 至 {last}。", "Those kept are {first} to {last}.").format(
                    first=since, last=transaction.version()
                ),
            )
        return rows_at(transaction.rows(layer, codes), transaction.undos(layer, codes, since=version), layer)
    assert on is not None
    return rows_on(transaction.rows(layer, codes), transaction.undos(layer, codes, since=since), layer, on)


def _check_base(
    transaction: Reading,
    layer: Layer,
    mine: dict[str, Row] | dict[str, None],
    before: Sequence[Row],
    based_on: int | None,
) -> None:
    """Raise `StoreConflict` where others have touched since `based_on` what `mine` would change."""
    if based_on is None or based_on == transaction.version():
        return
    if not transaction.history_since() <= based_on < transaction.version():
        raise NotFound(Text("没有第 {v} 版。", "There is no version {v}.").format(v=based_on))
    undos = transaction.undos(layer, list(mine), since=based_on)
    found = conflicts_of(layer, mine, {row[0]: row for row in before}, undos)
    if found:
        codes = sorted({conflict.code for conflict in found})
        raise StoreConflict(
            Text(
                "{n} 个{layer}在第 {v} 版之后已被他人修改：{codes}。本次写入未保存。",
                "Somebody has changed {n} of {layer} since version {v}: {codes}. Nothing was written.",
            ).format(n=len(codes), layer=layer.title, v=based_on, codes=_listed(codes)),
            Text("请对照双方的值后重新提交。", "Compare both sides and submit again."),
            found,
        )


def _check_mode(
    mode: Mode,
    layer: Layer,
    rows: Rows,
    new: Sequence[int],
    before: Sequence[Row],
) -> None:
    if mode == "insert" and before:
        there = tuple(row[0] for row in before)
        raise FeaturesExist(
            Text("{layer}中已有编码 {codes}。", "{layer} has these codes already: {codes}.").format(
                layer=layer.title, codes=_listed(there)
            ),
            codes=there,
        )
    if mode == "update" and new:
        missing = [rows.records[at][0] for at in new]
        raise NotFound(
            Text("{layer}中没有编码 {codes}。", "{layer} has no such codes: {codes}.").format(
                layer=layer.title, codes=_listed(missing)
            )
        )


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(codes[:SHOWN_CODES]) + (" …" if len(codes) > SHOWN_CODES else "")
