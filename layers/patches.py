"""A layer's rows at one version: a frame, or an older one and what was written since.

A write touches few rows, a frame holds many: the new frame is made when somebody first asks for it, and what
follows from the touched rows alone does not wait for it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    import geopandas as gpd

_MOST_PENDING = 500
"""Rows written since a frame was made; with more it is made anew, so that looking into them stays quick."""


@dataclass(frozen=True, eq=False)
class Replaced:
    """The rows that a write touched, as they were before it and as they are after it."""

    gone: gpd.GeoDataFrame
    fresh: gpd.GeoDataFrame

    def __len__(self) -> int:
        return len(self.gone) + len(self.fresh)

    def moves_nothing(self) -> bool:
        """Whether the same features are where they were: of each no more than its fields was written."""
        gone, fresh = self.gone.sort_index(), self.fresh.sort_index()
        if not gone.index.equals(fresh.index):
            return False
        shapes = (np.asarray(frame.geometry.array, dtype=object) for frame in (gone, fresh))
        return bool(shapely.equals_identical(*shapes).all())


@dataclass(frozen=True, eq=False)
class _State:
    """A frame and what was written since: per code the frame and the row that it is in now, None where it is gone."""

    base: gpd.GeoDataFrame
    none: gpd.GeoDataFrame
    written: dict[str, tuple[gpd.GeoDataFrame, int] | None]


class Rows:
    """A layer's rows, indexed and ordered by code."""

    def __init__(self, frame: gpd.GeoDataFrame) -> None:
        self._state = _State(frame, frame.iloc[:0], {})
        self._lock = threading.Lock()

    def frame(self) -> gpd.GeoDataFrame:
        """Return all rows, always the same frame; do not change it."""
        with self._lock:
            state = self._state
            if state.written:
                codes = sorted(state.written)
                whole = patched(state.base, _rows_written(state, codes), codes)
                self._state = state = _State(whole, state.none, {})
            return state.base

    def same_as(self, other: Rows) -> bool:
        """Whether both are the same rows, and not only equal ones."""
        mine, theirs = self._state, other._state
        return self is other or not (mine.base is not theirs.base or mine.written or theirs.written)

    def __len__(self) -> int:
        state = self._state
        there = sum(place is not None for place in state.written.values())
        return len(state.base) - len(positions_of(state.base.index, state.written)) + there

    def at(self, codes: Collection[str]) -> gpd.GeoDataFrame:
        """Return the rows there are of `codes`, in no particular order."""
        state = self._state
        known = positions_of(state.base.index, set(codes).difference(state.written))
        written = _rows_written(state, [code for code in codes if code in state.written])
        if not known:
            return written
        found = state.base.iloc[known]
        return found if written.empty else pd.concat([found, written])

    def then(self, fresh: gpd.GeoDataFrame, codes: Sequence[str]) -> Rows:
        """Return the rows after a write: those of `codes` as `fresh` has them, or gone where it has none."""
        if len(self._state.written) + len(codes) > _MOST_PENDING:
            self.frame()
        state = self._state
        places = {code: (fresh, row) for row, code in enumerate(fresh.index)}
        made = copy(self)
        made._lock = threading.Lock()
        made._state = replace(state, written=state.written | {code: places.get(code) for code in codes})
        return made


def _rows_written(state: _State, codes: Sequence[str]) -> gpd.GeoDataFrame:
    """Return those of `codes` that were written and are there, in their order."""
    places = [place for code in codes if (place := state.written[code]) is not None]
    if not places:
        return state.none
    if all(frame is places[0][0] for frame, _ in places):
        return places[0][0].iloc[[row for _, row in places]]
    return pd.concat([frame.iloc[[row]] for frame, row in places])


def positions_of(index: pd.Index, codes: Collection[str]) -> list[int]:
    """Return where those of `codes` stand that are in an ordered index, in order; others are passed over."""
    found = []
    for code in sorted(codes):
        at = bisect_left(index, code)
        if at < len(index) and index[at] == code:
            found.append(at)
    return found


def patched(frame: gpd.GeoDataFrame, fresh: gpd.GeoDataFrame, codes: Sequence[str]) -> gpd.GeoDataFrame:
    """Return `frame` with the rows of `codes` as `fresh` has them, or without where it has none.

    Both are ordered by code, and so is the result, just as the store would give it.
    """
    kept = np.delete(np.arange(len(frame)), positions_of(frame.index, codes))
    if fresh.empty:
        return frame.iloc[kept]
    if not len(kept):
        return fresh
    places = [bisect_left(frame.index, code) for code in fresh.index]
    order = np.insert(kept, np.searchsorted(kept, places), np.arange(len(frame), len(frame) + len(fresh)))
    joined: gpd.GeoDataFrame = pd.concat([frame, fresh]).take(order)
    return joined
