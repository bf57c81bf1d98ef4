"""A layer's rows at one version: a frame, or an older one and what was written since.

A write touches few rows, a frame holds many: the new frame is made when somebody first asks for it, and what
follows from the touched rows alone does not wait for it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import geopandas as gpd

_MOST_PENDING = 2000
"""Rows written since a frame was made; with more it is made anew, so that looking into them stays quick."""


@dataclass(frozen=True, eq=False)
class Replaced:
    """The rows that a write touched, as they were before it and as they are after it."""

    gone: gpd.GeoDataFrame
    fresh: gpd.GeoDataFrame

    def __len__(self) -> int:
        return len(self.gone) + len(self.fresh)


@dataclass(frozen=True, eq=False)
class _Pending:
    base: gpd.GeoDataFrame
    fresh: gpd.GeoDataFrame
    codes: frozenset[str]


class Rows:
    """A layer's rows, indexed and ordered by code."""

    def __init__(self, frame: gpd.GeoDataFrame) -> None:
        self._state = _Pending(frame, frame.iloc[:0], frozenset())
        self._lock = threading.Lock()

    def frame(self) -> gpd.GeoDataFrame:
        """Return all rows, always the same frame; do not change it."""
        with self._lock:
            state = self._state
            if state.codes:
                whole = patched(state.base, state.fresh, sorted(state.codes))
                self._state = state = _Pending(whole, whole.iloc[:0], frozenset())
            return state.base

    def same_as(self, other: Rows) -> bool:
        """Whether both are the same rows, and not only equal ones."""
        mine, theirs = self._state, other._state
        return self is other or not (mine.base is not theirs.base or mine.codes or theirs.codes)

    def __len__(self) -> int:
        state = self._state
        return len(state.base) - len(positions_of(state.base.index, state.codes)) + len(state.fresh)

    def at(self, codes: Collection[str]) -> gpd.GeoDataFrame:
        """Return the rows there are of `codes`, in no particular order."""
        state = self._state
        found = state.base.iloc[positions_of(state.base.index, set(codes) - state.codes)]
        written = state.fresh.iloc[positions_of(state.fresh.index, state.codes.intersection(codes))]
        return found if written.empty else written if found.empty else pd.concat([found, written])

    def then(self, fresh: gpd.GeoDataFrame, codes: Sequence[str]) -> Rows:
        """Return the rows after a write: those of `codes` as `fresh` has them, or gone where it has none."""
        if len(self._state.codes) + len(codes) > _MOST_PENDING:
            self.frame()
        state = self._state
        made = Rows(state.base)
        made._state = _Pending(state.base, patched(state.fresh, fresh, codes), state.codes.union(codes))
        return made


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
