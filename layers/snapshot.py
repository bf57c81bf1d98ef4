"""One version of a district in memory: frames, positions in metres, and what follows from them.

A `Snapshot` never changes; what is derived from it is computed once, on first use.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from geo import crs, shapes
from layers.schema import LAYERS

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.standards import Standards
    from layers.store import District

T = TypeVar("T")
Touched = Mapping[str, tuple[str, ...] | None]
"""Per layer that was written to, the codes touched; None where they are too many to go through one by one."""

_KEPT_SCHEMES = 8
_KEPT_RESULTS = 160


class _Entry:
    """One derived result, the layers it follows from, and the lock of those who wait for it."""

    def __init__(self, scheme: str | None) -> None:
        self.scheme = scheme
        self.lock = threading.RLock()
        self.made = False
        self.value: Any = None
        self.layers: frozenset[str] = frozenset()


class _Looking(threading.local):
    """The layers that this thread has looked at, for each result that it is making."""

    def __init__(self) -> None:
        self.at: list[set[str]] = []


@dataclass(frozen=True)
class Lineage:
    """How a snapshot came about: a whole reading of a store, then step by step.

    Attributes
    ----------
    root : object
        That reading: snapshots of different ones have nothing to do with each other, whatever their versions.
    last : hashable
        Tells the write that made this version from any other of the same number.
    steps : tuple of (version, Touched)
        The last steps, oldest first, each with the version it came from.
    """

    root: object = field(default_factory=object)
    last: Hashable = None
    steps: tuple[tuple[int, Touched], ...] = ()


Mark = tuple[object, int]


def together(steps: Iterable[Touched]) -> Touched:
    """Return what several steps touched."""
    found: dict[str, tuple[str, ...] | None] = {}
    for touched in steps:
        for layer, codes in touched.items():
            known = found.get(layer, ())
            found[layer] = None if codes is None or known is None else known + codes
    return found


class Snapshot:
    """A district at one version.

    Parameters
    ----------
    before : Snapshot, optional
        Of the same district and standards: results that follow only from layers whose frames are the same
        objects are taken over from it.

    Attributes
    ----------
    version : int
    district : District
    standards : Standards
    lineage : Lineage
    """

    def __init__(
        self,
        version: int,
        district: District,
        standards: Standards,
        frames: dict[str, gpd.GeoDataFrame],
        *,
        lineage: Lineage | None = None,
        before: Snapshot | None = None,
    ) -> None:
        self.version = version
        self.district = district
        self.standards = standards
        self.lineage = Lineage() if lineage is None else lineage
        self._frames = frames
        self._derived: OrderedDict[tuple[Hashable, ...], _Entry] = OrderedDict()
        self._schemes: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._looking = _Looking()
        if before is not None:
            self._take_over(before)

    def _take_over(self, before: Snapshot) -> None:
        """Take over what cannot have changed: nothing derived looks at anything but frames, district, standards."""
        same = {name for name in LAYERS if self._frames[name] is before._frames[name]}
        with before._lock:
            known, self._schemes = list(before._derived.items()), before._schemes.copy()
        self._derived.update((key, entry) for key, entry in known if entry.made and entry.layers <= same)

    @property
    def mark(self) -> Mark:
        """What `touched_since` understands; it outlives the snapshot."""
        return self.lineage.root, self.version

    def touched_since(self, mark: Mark) -> Touched | None:
        """Return what was written between the snapshot with that mark and this one; None is not known."""
        root, version = mark
        if root is not self.lineage.root or version > self.version:
            return None
        if version == self.version:
            return {}
        steps = dict(self.lineage.steps)
        if version not in steps:
            return None
        return together(touched for start, touched in steps.items() if start >= version)

    def frame(self, layer: str) -> gpd.GeoDataFrame:
        """Return the layer's features in EPSG:4490, indexed and ordered by code; do not change it."""
        self._note((layer,))
        return self._frames[layer]

    def _note(self, layers: Iterable[str]) -> None:
        if self._looking.at:
            self._looking.at[-1].update(layers)

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
                self._looking.at.append(set())
                try:
                    entry.value = make()
                finally:
                    looked_at = self._looking.at.pop()
                entry.layers, entry.made = frozenset(looked_at), True
        self._note(entry.layers)
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
