"""One version of a district in memory: frames, positions in metres, and what follows from them.

A `Snapshot` never changes; what is derived from it is computed once, on first use.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from geo import crs, shapes
from layers.measures import Measures, measures_of, metric_points, with_replaced
from layers.parts import parts
from layers.patches import Replaced, Rows
from layers.schema import LAYERS

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from layers.standards import Standards
    from layers.store import District

T = TypeVar("T")
Touched = Mapping[str, tuple[str, ...] | None]
"""Per layer that was written to, the codes touched; None where they are too many to go through one by one."""

SizeOf = Callable[[T], int]
Update = Callable[[T, Sequence[Replaced]], "T | None"]
"""Brings an older result up to date by the rows replaced since; None where that cannot be done."""

_KEPT_SCHEMES = 8
_KEPT_RESULTS = 160
_KEPT_BYTES = 128 * 2**20
"""Of results of which there is no end, as of periods: so many bytes together."""
_MOST_SHAPES = 10_000
"""So many shapes of a layer are kept in metres."""
_MOST_REPLACED, _MOST_STEPS = 10_000, 64
"""Rows and writes; where more were replaced since a result was made, it is made anew."""


class _Made(NamedTuple):
    """A result, the layers that it was made of, and the rows replaced since, which it does not know yet."""

    value: Any
    layers: frozenset[str]
    replaced: tuple[Replaced, ...] = ()


class _Entry:
    """One derived result, as it was made here or before, and the lock of those who wait for it."""

    def __init__(self, scheme: str | None) -> None:
        self.scheme = scheme
        self.lock = threading.RLock()
        self.made = False
        self.last: _Made | None = None
        self.follows: str | None = None
        self.size = 0

    def later(self, same: Set[str], replaced: Mapping[str, Sequence[Replaced]]) -> _Entry | None:
        """Return the entry of a later snapshot, `same` being the layers that are still the same.

        None where nothing of the result can be taken over, or where it is quicker made anew.
        """
        last = self.last
        if last is None:
            return None
        if last.layers <= same and not last.replaced:
            return self
        if self.follows is None or last.layers - same - {self.follows}:
            return None
        if self.follows not in same and self.follows not in replaced:
            return None
        steps = (*last.replaced, *(() if self.follows in same else replaced[self.follows]))
        if len(steps) > _MOST_STEPS or sum(map(len, steps)) > _MOST_REPLACED:
            return None
        made = _Entry(self.scheme)
        made.last, made.follows, made.size = last._replace(replaced=steps), self.follows, self.size
        return made


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
    replaced : dict of str to tuple of Replaced, optional
        Per layer what was replaced since `before`, where that is known row by row: results that follow such a
        layer (see `derived`) are brought up to date by these rows.

    Attributes
    ----------
    version : int
    district : District
    standards : Standards
    lineage : Lineage
    rows : dict of str to Rows
    """

    def __init__(
        self,
        version: int,
        district: District,
        standards: Standards,
        frames: Mapping[str, gpd.GeoDataFrame | Rows],
        *,
        lineage: Lineage | None = None,
        before: Snapshot | None = None,
        replaced: Mapping[str, Sequence[Replaced]] = MappingProxyType({}),
    ) -> None:
        self.version = version
        self.district = district
        self.standards = standards
        self.lineage = Lineage() if lineage is None else lineage
        self.rows = {
            name: found if isinstance(found, Rows) else Rows(found) for name, found in frames.items()
        }
        self._derived: OrderedDict[tuple[Hashable, ...], _Entry] = OrderedDict()
        self._schemes: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._looking = _Looking()
        if before is not None:
            self._take_over(before, replaced)

    def _take_over(self, before: Snapshot, replaced: Mapping[str, Sequence[Replaced]]) -> None:
        """Take over what cannot have changed: nothing derived looks at anything but frames, district, standards.

        What follows a layer of which the replaced rows are known is taken over to be brought up to date.
        """
        same = {name for name in LAYERS if self.rows[name].same_as(before.rows[name])}
        with before._lock:
            known, self._schemes = list(before._derived.items()), before._schemes.copy()
        later = ((key, entry.later(same, replaced)) for key, entry in known)
        self._derived.update((key, entry) for key, entry in later if entry is not None)

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
        return self.rows[layer].frame()

    def count(self, layer: str) -> int:
        """Return how many features the layer has."""
        self._note((layer,))
        return len(self.rows[layer])

    def _note(self, layers: Iterable[str]) -> None:
        if self._looking.at:
            self._looking.at[-1].update(layers)

    def derived(
        self,
        key: tuple[Hashable, ...],
        make: Callable[[], T],
        *,
        scheme: str | None = None,
        follow: tuple[str, Update[T]] | None = None,
        size_of: SizeOf[T] | None = None,
    ) -> T:
        """Return what `make` gives, computed once per snapshot and key.

        Parameters
        ----------
        scheme : str, optional
            The unit scheme that the result is for. There is no end of schemes, so only the results of
            those asked for last are kept.
        follow : (layer, update), optional
            The result follows from the layer row by row: where rows of it were replaced since an older
            snapshot, ``update(value, replaced)`` makes it from that one's value, which it does not change. It
            returns None where what else the result follows from is no longer the same.
        size_of : callable, optional
            Bytes that the result takes, for results of which there is no end within a scheme, as of periods or of
            areas: all of them together are kept within a bound, and those asked for longest ago make room.
        """
        with self._lock:
            if scheme is not None:
                self._forget_old_schemes(scheme)
            entry = self._derived.setdefault(key, _Entry(scheme))
            self._derived.move_to_end(key)
        # Only those who wait for the same result wait for each other.
        with entry.lock:
            if not entry.made or entry.last is None:
                entry.last, entry.made = self._made(entry, make, follow), True
                if size_of is not None:
                    self._weigh(entry, size_of(entry.last.value))
        self._note(entry.last.layers)
        made: T = entry.last.value
        return made

    def _made(self, entry: _Entry, make: Callable[[], T], follow: tuple[str, Update[T]] | None) -> _Made:
        self._looking.at.append(set())
        try:
            value: T | None = None
            if follow is not None:
                entry.follows, update = follow
                self._note((entry.follows,))
                if entry.last is not None:
                    value = update(entry.last.value, entry.last.replaced)
            value = make() if value is None else value
        finally:
            looked_at = self._looking.at.pop()
        return _Made(value, frozenset(looked_at))

    def _forget_old_schemes(self, scheme: str) -> None:
        self._schemes[scheme] = None
        self._schemes.move_to_end(scheme)
        while len(self._schemes) > _KEPT_SCHEMES:
            old, _ = self._schemes.popitem(last=False)
            self._forget([key for key, entry in self._derived.items() if entry.scheme == old])
        bound = [key for key, entry in self._derived.items() if entry.scheme is not None]
        self._forget(bound[: max(0, len(bound) - _KEPT_RESULTS)])

    def _weigh(self, entry: _Entry, size: int) -> None:
        """Note what a result takes, and forget others of its kind that are too much with it."""
        with self._lock:
            entry.size = size
            others = [(key, one) for key, one in self._derived.items() if one.size and one is not entry]
            too_much = size + sum(one.size for _, one in others) - _KEPT_BYTES
            for key, one in others:
                if too_much <= 0:
                    break
                too_much -= one.size
                del self._derived[key]

    def _forget(self, keys: list[tuple[Hashable, ...]]) -> None:
        for key in keys:
            del self._derived[key]

    def metric(self, layer: str, rows: NDArray[np.intp] | None = None) -> NDArray[np.object_]:
        """Return the layer's geometries, or those of some rows, in the district's metric CRS, in their order.

        Of a large layer they are not kept: better ask for `points` and `area_m2` of it.
        """
        geometries: Any = self.frame(layer).geometry.array
        if rows is not None:
            return self._to_metric(np.asarray(geometries[rows], dtype=object))
        if len(geometries) > _MOST_SHAPES:
            whole: NDArray[np.object_] = np.concatenate([self._to_metric(part) for part in parts(geometries)])
            return whole
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
        x, y, *_ = self._measured(layer).values
        return x, y

    def area_m2(self, layer: str) -> NDArray[np.float64]:
        """Return the ground that each feature covers; NaN of what has no area."""
        _, _, *area_m2 = self._measured(layer).values
        return area_m2[0] if area_m2 else np.broadcast_to(np.nan, self.count(layer))

    def _measured(self, layer: str) -> Measures:
        def update(old: Measures, replaced: Sequence[Replaced]) -> Measures:
            return with_replaced(old, self.frame(layer), replaced, measure)

        def measure(frame: gpd.GeoDataFrame) -> Measures:
            if LAYERS[layer].geometry == ("point",):
                return Measures(frame.index, np.array(metric_points(frame, self.district.metric_crs)))
            if frame is self.frame(layer) and len(frame) <= _MOST_SHAPES:
                return Measures(frame.index, measures_of(self.metric(layer)))
            found = (measures_of(self._to_metric(part)) for part in parts(frame.geometry.array))
            return Measures(frame.index, np.concatenate([np.empty((3, 0)), *found], axis=1))

        return self.derived(("measured", layer), lambda: measure(self.frame(layer)), follow=(layer, update))

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


def bytes_of(table: pd.DataFrame) -> int:
    """Return about how many bytes a table takes whose texts are the same few."""
    return sum(column.array.nbytes for _, column in table.items())
