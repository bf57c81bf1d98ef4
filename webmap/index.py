"""Where each feature is, kept up to date change by change: behind bbox queries and "what is nearby"."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo import crs
from geo.index import FeatureIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.following import Snapshots
    from layers.snapshot import Mark, Snapshot

Box = tuple[float, float, float, float]

_METRES_PER_DEGREE = 110_000.0
"""Fewer than a degree of latitude has anywhere, so that a margin in degrees is never too small."""


class FeatureIndexes:
    """One R-tree per layer over the features' bounds in degrees.

    A layer's tree is filled on its first query; after that, only the features that were written to are
    taken out and put in again. The snapshots know which: the store is not asked.
    """

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._trees: dict[str, FeatureIndex] = {}
        self._mark: Mark | None = None
        self._lock = threading.Lock()

    def in_box(self, layer: str, box: Box) -> tuple[Snapshot, NDArray[np.intp]]:
        """Return a snapshot and the rows of its frame whose geometry meets `box` (degrees, edges included)."""
        with self._lock:
            snapshot, tree = self._tree(layer)
            candidates = tree.query(box)
        rows = np.sort(_positions(snapshot, layer, candidates))
        geometries = np.asarray(snapshot.frame(layer).geometry.array[rows])
        meets = shapely.intersects(geometries, shapely.box(*box))
        return snapshot, rows[meets]

    def nearest(
        self, layer: str, lon: float, lat: float, count: int
    ) -> tuple[Snapshot, list[tuple[str, float]]]:
        """Return the codes of the `count` features nearest to a position and their distance in metres.

        The tree is in degrees, where nearness is distorted, and knows bounds only: it proposes `count`
        features, and whatever could be nearer than the farthest of them is then measured exactly.
        """
        with self._lock:
            snapshot, tree = self._tree(layer)
            proposed = tree.nearest(lon, lat, count)
            x, y = crs.points_to_metric([lon], [lat], snapshot.district.metric_crs)
            here = shapely.Point(x[0], y[0])
            distances = self._distances(snapshot, layer, proposed, here)
            reach = float(distances.max(initial=0.0)) * 1.01 / _METRES_PER_DEGREE
            wide = reach / max(float(np.cos(np.radians(min(abs(lat) + reach, 89.0)))), 1e-2)
            candidates = tree.query((lon - wide, lat - reach, lon + wide, lat + reach))
        codes = sorted(candidates)
        distances = self._distances(snapshot, layer, codes, here)
        order = np.argsort(distances, kind="stable")[:count]
        return snapshot, [(codes[at], float(distances[at])) for at in order]

    def nearest_of(
        self, layer: str, lon: float, lat: float, count: int, chosen: Callable[[Snapshot], NDArray[np.bool_]]
    ) -> tuple[Snapshot, list[tuple[str, float]]]:
        """Return as `nearest` does, among the features that `chosen` marks in a snapshot alone.

        All of them are measured: the others must not even make the search longer.
        """
        snapshot = self._snapshots.current()
        rows = np.flatnonzero(chosen(snapshot))
        x, y = crs.points_to_metric([lon], [lat], snapshot.district.metric_crs)
        distances = shapely.distance(snapshot.metric(layer, rows), shapely.Point(x[0], y[0]))
        order = np.argsort(distances, kind="stable")[:count]
        codes = snapshot.frame(layer).index[rows[order]]
        return snapshot, [(str(code), float(m)) for code, m in zip(codes, distances[order], strict=True)]

    @staticmethod
    def _distances(
        snapshot: Snapshot, layer: str, codes: list[str], here: shapely.Point
    ) -> NDArray[np.float64]:
        rows = _positions(snapshot, layer, codes)
        return np.asarray(shapely.distance(snapshot.metric(layer, rows), here), dtype=np.float64)

    def _tree(self, layer: str) -> tuple[Snapshot, FeatureIndex]:
        """Return the newest snapshot and the layer's tree at its version; the lock is held."""
        snapshot = self._snapshots.current()
        if snapshot.mark != self._mark:
            self._follow(snapshot)
        if layer not in self._trees:
            frame = snapshot.frame(layer)
            boxes = frame.bounds.itertuples(index=False, name=None)
            self._trees[layer] = FeatureIndex(zip(frame.index, boxes, strict=True))
        return snapshot, self._trees[layer]

    def _follow(self, snapshot: Snapshot) -> None:
        """Bring the trees that are there to the snapshot's version, or drop them to be filled anew."""
        touched = None if self._mark is None else snapshot.touched_since(self._mark)
        if touched is None:
            self._trees.clear()
        for layer, codes in (touched or {}).items():
            if codes is None:
                self._trees.pop(layer, None)
            elif layer in self._trees:
                self._move(self._trees[layer], snapshot, layer, codes)
        self._mark = snapshot.mark

    @staticmethod
    def _move(tree: FeatureIndex, snapshot: Snapshot, layer: str, codes: Sequence[str]) -> None:
        shapes = snapshot.frame(layer).geometry
        for code, row in zip(codes, _positions(snapshot, layer, codes), strict=True):
            tree.delete(code)
            if row >= 0:
                tree.insert(code, shapes.iloc[row].bounds)


def _positions(snapshot: Snapshot, layer: str, codes: Sequence[str]) -> NDArray[np.intp]:
    """Return where codes stand in the layer's frame, -1 for those that do not."""
    index = snapshot.frame(layer).index
    return np.asarray(index.get_indexer(pd.Index(list(codes), dtype=index.dtype)), dtype=np.intp)
