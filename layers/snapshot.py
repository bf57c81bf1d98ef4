"""One version of a district in memory: frames, positions in metres, and what follows from them.

A `Snapshot` never changes; what is derived from it is computed once, on first use. `Snapshots` keeps
the newest one and, when the store's version moves, reads again only the layers that changed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from geo import crs, shapes
from layers.problems import WanggeError
from layers.schema import LAYERS
from layers.text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.standards import Standards
    from layers.store import District, Store

T = TypeVar("T")

_KEPT_SCHEMES = 8
_KEPT_RESULTS = 160


class _Entry:
    """One derived result, and the lock of those who wait for it."""

    def __init__(self, scheme: str | None) -> None:
        self.scheme = scheme
        self.lock = threading.RLock()
        self.made = False
        self.value: Any = None


class Snapshot:
    """A district at one version.

    Attributes
    ----------
    version : int
    district : District
    standards : Standards
    """

    def __init__(
        self, version: int, district: District, standards: Standards, frames: dict[str, gpd.GeoDataFrame]
    ) -> None:
        self.version = version
        self.district = district
        self.standards = standards
        self._frames = frames
        self._derived: OrderedDict[tuple[Hashable, ...], _Entry] = OrderedDict()
        self._schemes: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def frame(self, layer: str) -> gpd.GeoDataFrame:
        """Return the layer's features in EPSG:4490, indexed and ordered by code; do not change it."""
        return self._frames[layer]

    def derived(self, key: tuple[Hashable, ...], make: Callable[[], T], *, scheme: str | None = None) -> T:
        """Return what `make` gives, computed once per snapshot and key.

        Parameters
        ----------
        scheme : str, optional
            The unit scheme that the result is for. There is no end of schemes, so only the results of
            those asked for last are kept.
        """
        with self._lock:
            if scheme is not None:
                self._forget_old_schemes(scheme)
            entry = self._derived.setdefault(key, _Entry(scheme))
            self._derived.move_to_end(key)
        # Only those who wait for the same result wait for each other.
        with entry.lock:
            if not entry.made:
                entry.value, entry.made = make(), True
            made: T = entry.value
            return made

    def _forget_old_schemes(self, scheme: str) -> None:
        self._schemes[scheme] = None
        self._schemes.move_to_end(scheme)
        while len(self._schemes) > _KEPT_SCHEMES:
            old, _ = self._schemes.popitem(last=False)
            self._forget([key for key, entry in self._derived.items() if entry.scheme == old])
        bound = [key for key, entry in self._derived.items() if entry.scheme is not None]
        self._forget(bound[: max(0, len(bound) - _KEPT_RESULTS)])

    def _forget(self, keys: list[tuple[Hashable, ...]]) -> None:
        for key in keys:
            del self._derived[key]

    def metric(self, layer: str) -> NDArray[np.object_]:
        """Return the layer's geometries in the district's metric CRS, in frame order."""
        return self.derived(
            ("metric", layer), lambda: self._to_metric(np.asarray(self.frame(layer).geometry.array))
        )

    def _to_metric(self, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
        return shapes.mend_polygons(crs.to_metric(geometries, self.district.metric_crs))

    def outline(self) -> Any:
        """Return the outline in the metric CRS, or None where the district has none."""
        if self.district.outline is None:
            return None
        outline = np.array([self.district.outline], dtype=object)
        return self.derived(("outline",), lambda: self._to_metric(outline)[0])

    def points(self, layer: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x, y in metres: a point on each feature's surface, by which it is counted."""
        return self.derived(("points", layer), lambda: shapes.representative_points(self.metric(layer)))

    def doors(self, layer: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x, y in metres from which distances run: the entrance where known, else `points`."""
        return self.derived(("doors", layer), lambda: self._doors(layer))

    def _doors(self, layer: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        frame = self.frame(layer)
        x, y = (values.copy() for values in self.points(layer))
        if "entrance_lon" not in frame.columns:
            return x, y
        lon, lat = frame["entrance_lon"].to_numpy(), frame["entrance_lat"].to_numpy()
        known = np.isfinite(lon) & np.isfinite(lat)
        if known.any():
            x[known], y[known] = crs.points_to_metric(lon[known], lat[known], self.district.metric_crs)
        return x, y


def load(store: Store, standards: Standards, *, before: Snapshot | None = None) -> Snapshot:
    """Read the store's present version.

    Parameters
    ----------
    before : Snapshot, optional
        An older snapshot of the same store: layers that did not change since are taken from it.
    """
    for _ in range(20):
        version = store.version()
        changed = set(LAYERS)
        if before is not None:
            changed = {change.layer for change in store.changes(since=before.version)}
        frames = {
            name: before._frames[name] if before is not None and name not in changed else store.read(name)
            for name in LAYERS
        }
        if store.version() == version:
            return Snapshot(version, store.district(), standards, frames)
    raise WanggeError(
        Text(
            "数据正在连续写入，读不到完整的一版。",
            "The store is being written without a pause; no whole version could be read.",
        ),
        Text("请稍后重试。", "Try again in a moment."),
    )


class Snapshots:
    """The newest snapshot of a store, for a process that serves many requests."""

    def __init__(self, store: Store, standards: Standards) -> None:
        self._store = store
        self._standards = standards
        self._snapshot: Snapshot | None = None
        self._lock = threading.Lock()

    def current(self) -> Snapshot:
        """Return the snapshot of the store's present version, reading what changed."""
        snapshot = self._snapshot
        if snapshot is not None and snapshot.version == self._store.version():
            return snapshot
        with self._lock:
            if self._snapshot is None or self._snapshot.version != self._store.version():
                self._snapshot = load(self._store, self._standards, before=self._snapshot)
            return self._snapshot
