"""What an area means on the ground: which features and which units belong to it.

A feature belongs to a subdistrict, neighbourhood or community by `layers.places`: what it says of itself,
then what its parent says, then where it lies. It belongs to a management cell where its point lies in the
cell; a community belongs to every cell that it shares ground with. An analysis cell is counted over all of its
ground, so it belongs to an area only where none of that is anybody else's: it overlaps no subdistrict or
neighbourhood outside the area, and no ground at all outside the area's communities or management cells, between
which there is ground of nobody. Codes of an area that are not there any more count for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from layers.places import LEVEL_OF, lies_in, places
from layers.units import AREA_UNITS, units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.patches import Replaced
    from layers.snapshot import Snapshot
    from layers.visitors import Area, AreaKind

_LARGER_THAN_CELLS = ("subdistricts", "neighbourhoods")
_NEVER = np.iinfo(np.intp).max
_SLIVER_M2 = 1.0
"""Boundaries that two offices have drawn do not meet to the millimetre: what overlaps by less does not."""


@dataclass(frozen=True, eq=False)
class Belonging:
    """Which members (features of a layer, or units) belong to which parts of the district.

    There is one for each kind of area and not one for each area: a thousand grid workers share it.

    Attributes
    ----------
    count : int
        How many members there are.
    part_of : dict of str to int
        Position of each part by its code.
    starts : int array
        Part `p` has the members ``members[starts[p]:starts[p + 1]]``.
    members : int array
        Positions of members.
    needed : int array
        Of how many parts each member needs to be in the area to belong to it.
    """

    count: int
    part_of: dict[str, int]
    starts: NDArray[np.intp]
    members: NDArray[np.intp]
    needed: NDArray[np.intp]

    def mask(self, area: Area) -> NDArray[np.bool_]:
        """Return for each member whether it belongs to `area`."""
        parts = np.zeros(self.count, dtype=np.intp)
        for code in area.codes & self.part_of.keys():
            part = self.part_of[code]
            parts[self.members[self.starts[part] : self.starts[part + 1]]] += 1
        return parts >= self.needed


def features_in_area(snapshot: Snapshot, layer: str, area: Area) -> NDArray[np.bool_]:
    """Return for each feature of `layer`, in the order of its frame, whether it belongs to `area`."""
    number = len(snapshot.frame(layer))
    if not area.codes:
        return np.full(number, area.kind == "district")
    return feature_belonging(snapshot, layer, area.kind).mask(area)


def units_in_area(snapshot: Snapshot, scheme: str, area: Area) -> NDArray[np.bool_]:
    """Return for each unit of `scheme` whether it belongs to `area`."""
    if not area.codes:
        return np.full(len(units(snapshot, scheme)), area.kind == "district")
    return unit_belonging(snapshot, scheme, area.kind).mask(area)


def feature_belonging(snapshot: Snapshot, layer: str, kind: AreaKind) -> Belonging:
    """Return which features of `layer` belong to which parts, of a `kind` of area that is a layer."""

    def make() -> Belonging:
        needed = np.ones(len(snapshot.frame(layer)), dtype=np.intp)
        return _belonging(snapshot, kind, needed, *_features(snapshot, layer, kind))

    def unmoved(old: Belonging, replaced: Sequence[Replaced]) -> Belonging | None:
        snapshot.frame(kind)  # it follows from these as well: where they are others, it is not taken over
        return old if all(one.moves_nothing() for one in replaced) else None

    # Where a kind is no level of places, it is by ground alone that a feature belongs.
    follow = None if kind in LEVEL_OF else (layer, unmoved)
    return snapshot.derived(("belonging", layer, kind), make, follow=follow)


def unit_belonging(snapshot: Snapshot, scheme: str, kind: AreaKind) -> Belonging:
    """Return which units of `scheme` belong to which parts, of a `kind` of area that is a layer."""
    if scheme in AREA_UNITS or scheme == "management":
        return feature_belonging(snapshot, "management_cells" if scheme == "management" else scheme, kind)

    def make() -> Belonging:
        cells, parts, whole = _overlaps(units(snapshot, scheme).shapes, snapshot.metric(kind))
        needed = np.bincount(cells, minlength=len(whole))
        if kind not in _LARGER_THAN_CELLS:
            needed[~whole] = _NEVER
        needed[needed == 0] = _NEVER
        return _belonging(snapshot, kind, needed, cells, parts)

    return snapshot.derived(("unit belonging", scheme, kind), make, scheme=scheme)


def _belonging(
    snapshot: Snapshot,
    kind: AreaKind,
    needed: NDArray[np.intp],
    members: NDArray[np.intp],
    parts: NDArray[np.intp],
) -> Belonging:
    codes = snapshot.frame(kind).index
    order = np.lexsort((members, parts))
    starts = np.searchsorted(parts[order], np.arange(len(codes) + 1))
    part_of = {str(code): part for part, code in enumerate(codes)}
    return Belonging(len(needed), part_of, starts, members[order], needed)


def _features(snapshot: Snapshot, layer: str, kind: AreaKind) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs of a feature's position and the part's that it belongs to."""
    if layer == kind:
        itself = np.arange(len(snapshot.frame(layer)))
        return itself, itself
    if kind in LEVEL_OF:
        return _known(places(snapshot, layer)[LEVEL_OF[kind]].to_numpy())
    if layer in _LARGER_THAN_CELLS:
        return _known(np.empty(0, dtype=np.intp))
    if layer == "communities":
        return _share_ground(snapshot.metric(layer), snapshot.metric(kind))
    return _known(lies_in(snapshot, kind, *snapshot.points(layer)))


def _known(part: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    members = np.flatnonzero(part >= 0)
    return members, part[members].astype(np.intp)


def _share_ground(
    shapes: NDArray[np.object_], parts: NDArray[np.object_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs of a polygon and a part that overlap, more than by touching, or of a point and its part."""
    part, row = shapely.STRtree(shapes).query(parts, predicate="intersects")
    is_point = shapely.get_dimensions(shapes[row]) == 0
    shared = is_point | ~shapely.touches(shapes[row], parts[part])
    return row[shared], part[shared]


def _overlaps(
    cells: NDArray[np.object_], parts: NDArray[np.object_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Return pairs of a cell and a part that overlap, and for each cell whether parts cover all of it."""
    shapely.prepare(parts)
    cell, part = shapely.STRtree(parts).query(cells, predicate="intersects")
    shared_m2 = shapely.area(cells)[cell]
    across = np.flatnonzero(~shapely.covers(parts[part], cells[cell]))
    shared_m2[across] = shapely.area(shapely.intersection(parts[part[across]], cells[cell[across]]))
    covered_m2 = np.bincount(cell, weights=shared_m2, minlength=len(cells))
    overlapping = shared_m2 > _SLIVER_M2
    return cell[overlapping], part[overlapping], covered_m2 > shapely.area(cells) - _SLIVER_M2
