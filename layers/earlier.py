"""The district as it was a year before: what figures on the wall are compared with.

It follows from the store's dated history. Where no fact has taken effect since that day there is nothing to compare
with: whether nothing changed or nobody wrote it down cannot be told apart, and no trend is made of it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import shapely

from layers.periods import year_before
from layers.problems import WanggeError
from layers.snapshot import Snapshot

if TYPE_CHECKING:
    import geopandas as gpd

    from layers.patches import Rows
    from layers.store import Store

FACT_LAYERS = ("communities", "mediation_rooms", "facilities")
"""Layers whose facts figures are compared by. Buildings are those of today: they are many, and seldom dated."""


@dataclass(frozen=True, eq=False)
class Past:
    """The district on an earlier day.

    Attributes
    ----------
    day : date
    snapshot : Snapshot
        Facts as they held on that day; layers that are not in `changed` are the present ones.
    changed : frozenset of str
        Layers of which some fact has taken effect since.
    """

    day: date
    snapshot: Snapshot
    changed: frozenset[str]


class Earlier:
    """Looks a year back; what it read is kept until the layer is written to.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._read: dict[str, tuple[date, Rows, gpd.GeoDataFrame | None]] = {}
        self._past: Past | None = None

    def of(self, present: Snapshot) -> Past | None:
        """Return the district a year before the day that its data speak of.

        None where that day is not known, no dated fact has changed since, or the store cannot be asked just now.
        """
        as_of = present.district.as_of
        if as_of is None:
            return None
        day = year_before(as_of)
        with self._lock:
            try:
                found = {layer: self._frame(present, layer, day) for layer in FACT_LAYERS}
            except WanggeError:
                return None
            changed = {layer: frame for layer, frame in found.items() if frame is not None}
            if not changed:
                self._past = None
            elif self._past is None or not self._is_still(present, day, changed):
                self._past = self._made(present, day, changed)
            return self._past

    def _frame(self, present: Snapshot, layer: str, day: date) -> gpd.GeoDataFrame | None:
        """Return a layer as it was on a day, None where that is as it is now."""
        rows, known = present.rows[layer], self._read.get(layer)
        if known is None or known[0] != day or not rows.same_as(known[1]):
            before = self._store.read(layer, on=day)
            known = (day, rows, None if _same(before, rows.frame()) else before)
            self._read[layer] = known
        return known[2]

    def _is_still(self, present: Snapshot, day: date, changed: dict[str, gpd.GeoDataFrame]) -> bool:
        """Whether the past that was made last is that of the present snapshot too."""
        past = self._past
        return (
            past is not None
            and past.day == day
            and past.changed == frozenset(changed)
            and all(
                rows.frame() is changed[name] if name in changed else rows.same_as(present.rows[name])
                for name, rows in past.snapshot.rows.items()
            )
        )

    def _made(self, present: Snapshot, day: date, changed: dict[str, gpd.GeoDataFrame]) -> Past:
        district = replace(present.district, as_of=day)
        last = None if self._past is None else self._past.snapshot
        follows = last is not None and last.district == district and last.standards is present.standards
        snapshot = Snapshot(
            present.version,
            district,
            present.standards,
            {**present.rows, **changed},
            before=last if follows else None,
        )
        return Past(day, snapshot, frozenset(changed))


def _same(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> bool:
    """Whether two frames of a layer hold the same features."""
    if not one.index.equals(other.index):
        return False
    shapes = [np.asarray(frame.geometry.array, dtype=object) for frame in (one, other)]
    fields = [name for name in one.columns if name != one.geometry.name]
    return bool(shapely.equals_identical(*shapes).all()) and all(
        one[name].equals(other[name]) for name in fields
    )
