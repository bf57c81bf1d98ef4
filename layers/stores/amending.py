"""How every kind of store amends one feature, and keeps the keys of requests: see `layers.amending`."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import shapely

from layers.amending import GEOMETRY, Amend, Amended, Found, Key, KeyReused
from layers.feature import Feature
from layers.schema import Layer, layer_named
from layers.store import NOBODY, Authorship, Clock, Store
from layers.stores.contents import KeyRow, change_row
from layers.stores.history import edits_of, history_row
from layers.stores.rows import COLUMN_TYPES, Row, geometries_of, storable, value_fields
from layers.stores.singles import rows_of_feature
from layers.text import Text

if TYPE_CHECKING:
    from layers.stores.base import Reading, Writing

T = TypeVar("T")


class AmendingStore(Store):
    """A store that amends single features, over an adapter's transactions."""

    _clock: Clock

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Reading]:
        """Open a transaction that sees one version."""

    @abstractmethod
    def _share(self, act: Callable[[Writing], T]) -> T:
        """Run a small write in a transaction that others may share."""

    def amend(
        self,
        layer: str,
        code: str,
        amend: Amend,
        *,
        key: Key | None = None,
        by: Authorship = NOBODY,
        based_on: int | None = None,
        epoch: str | None = None,
        follows: Sequence[str] = (),
    ) -> Amended:
        """Write what `amend` makes of one feature as it is found, once for each key."""
        described = layer_named(layer)
        at = self._clock()

        def act(transaction: Writing) -> Amended:
            known = None if key is None else _known(transaction, key)
            if known is not None:
                return known
            rows = transaction.rows(described, [code]) if storable(code) else []
            present = rows[0] if rows else None
            found = _found(transaction, described, code, present, based_on, follows)
            there = transaction.epoch()
            if epoch is not None and not there.matches(epoch):
                found = Found(found.version, found.values, base_known=False, restored=there)
            wanted = amend(found)
            version = found.version
            fields: tuple[str, ...] = ()
            if present is not None and wanted:
                given = rows_of_feature(_feature(code, found, wanted, described), described)
                fields = _differing(present, given.records[0], described)
                if fields:
                    version += 1
                    transaction.update(described, given, _nothing_to_tell)
                    change = change_row(version, layer, [code], by, at)
                    transaction.record(change, [history_row(version, present, given.records[0], described)])
            if key is not None:
                transaction.keep(KeyRow(key.id, key.digest, version, json.dumps(fields)))
            return Amended(version, fields, epoch=there)

        return self._share(act)

    def outcome(self, key: Key) -> Amended | None:
        """Return what came of the request with this key, None where it has never been done."""
        if not storable(key.id):
            return None
        with self._reading() as transaction:
            return _known(transaction, key)


def _known(transaction: Reading, key: Key) -> Amended | None:
    kept = transaction.kept([key.id])
    if not kept:
        return None
    if kept[0].digest not in (key.digest, *key.former):
        raise KeyReused(
            Text(
                "键 {k} 已用于另一个请求。", "The key {k} has been used for another request already."
            ).format(k=key.id),
            Text("每个请求请用新的键。", "Give each request a key of its own."),
        )
    fields = tuple(json.loads(kept[0].fields))
    return Amended(kept[0].version, fields, again=True, epoch=transaction.epoch())


def _found(
    transaction: Writing,
    layer: Layer,
    code: str,
    present: Row | None,
    based_on: int | None,
    follows: Sequence[str],
) -> Found:
    version = transaction.version()
    values = None if present is None else _values(present, layer)
    if based_on is None or based_on == version:
        return Found(version, values)
    if not transaction.history_since() <= based_on < version:
        return Found(version, values, base_known=False)
    since = edits_of(present, transaction.undos(layer, [code], since=based_on), layer)
    mine = transaction.kept([one for one in follows if storable(one)]) if since and follows else []
    # A request that found nothing to write is kept with the version that it found: somebody else's.
    own = frozenset(kept.version for kept in mine if json.loads(kept.fields))
    return Found(version, values, since=tuple(since), own=own)


def _values(row: Row, layer: Layer) -> dict[str, Any]:
    """Return a row's known values by field."""
    shape: shapely.Geometry = geometries_of([row[1]])[0]
    named = zip(value_fields(layer), row[2:], strict=True)
    return {GEOMETRY: shape} | {field.name: value for field, value in named if value is not None}


def _feature(code: str, found: Found, wanted: Mapping[str, Any], layer: Layer) -> Feature:
    """Return the feature as it is to be."""
    assert found.values is not None
    values = {**found.values, **wanted}
    shape = values.pop(GEOMETRY)
    for field in value_fields(layer):
        if COLUMN_TYPES[field.type] == "date" and values.get(field.name) is not None:
            values[field.name] = date.fromisoformat(values[field.name])
    return Feature(code, shape, values)


def _differing(before: Row, after: Row, layer: Layer) -> tuple[str, ...]:
    names = (GEOMETRY, *(field.name for field in value_fields(layer)))
    pairs = zip(names, before[1:], after[1:], strict=True)
    return tuple(name for name, old, new in pairs if old != new)


def _nothing_to_tell(rows: int) -> None:
    """Report no progress: it is one feature."""
