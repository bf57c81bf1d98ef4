"""What polygons that should lie side by side share, and what they leave between them.

Borders that are digitised apart cross and part by a little everywhere. What counts has a width: there is
room in it for a disc of that diameter. Narrower slivers are no overlap and no gap, however long.
"""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

_AREAL = (3, 6)
_ARC = 4
_Shapes = NDArray[np.object_]


class Overlaps(NamedTuple):
    """Pairs of polygons that overlap, by their positions, and the ground that both cover."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    shapes: _Shapes


def overlaps(polygons: _Shapes, *, width_m: float) -> Overlaps:
    """Find the pairs of polygons that overlap.

    Parameters
    ----------
    polygons : ndarray of shapely geometries
        In a metric CRS; polygons valid. What has no area (points, None, empty ones) overlaps nothing.
    width_m : float
        Metres, positive: the ground that two of them share counts where a disc of this diameter fits in it.

    Returns
    -------
    Overlaps
        Each pair once, `first` before `second`, in the order of both; `shapes` are whole intersections,
        slivers included.

    Notes
    -----
    A disc lies in both polygons where its centre lies in both polygons shrunk by its radius, so shrunk
    polygons that meet are the pairs: where polygons only touch there is nothing to intersect. Shrinking
    draws arcs by chords, which is good to 2 % of the radius.
    """
    shapes = _areas_only(polygons)
    shrunk = shapely.buffer(shapes, -_radius(width_m), quad_segs=_ARC)
    first, second = shapely.STRtree(shrunk).query(shrunk)
    once = first < second
    first, second = first[once], second[once]
    meet = shapely.intersects(shrunk[first], shrunk[second])
    first, second = first[meet], second[meet]
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    shared = np.asarray(shapely.intersection(shapes[first], shapes[second]), dtype=object)
    return Overlaps(first.astype(np.int64), second.astype(np.int64), shared)


def gaps(polygons: _Shapes, *, width_m: float, outline: BaseGeometry | None = None) -> _Shapes:
    """Find the ground that polygons leave uncovered.

    Parameters
    ----------
    polygons : ndarray of shapely geometries
        In a metric CRS; polygons valid. What has no area covers nothing.
    width_m : float
        Metres, positive: a gap counts where a disc of this diameter fits in it. Cracks narrower than this
        part gaps from each other, and are not part of them.
    outline : polygon, optional
        What they should cover, valid. Without it, what they surround: the holes of their union, cracks
        closed.

    Returns
    -------
    ndarray of shapely polygons or multipolygons
        In no particular order. Their corners may be cut by up to `width_m` where they are sharper than about
        25 degrees.
    """
    shapes = _areas_only(polygons)
    covered = shapely.union_all(shapes)
    radius = _radius(width_m)
    whole = _filled(covered, radius) if outline is None else outline
    void = shapely.get_parts(shapely.difference(whole, covered))
    # No disc fits into what is smaller than it: most slivers need no shrinking.
    wide = void[shapely.area(void) > np.pi * radius**2]
    cores, of = shapely.get_parts(shapely.buffer(wide, -radius, quad_segs=_ARC), return_index=True)
    # Shrinking and growing by as much gives back the wide places without the cracks that led to them.
    grown = shapely.buffer(cores, radius, join_style="mitre", mitre_limit=5.0)
    found = np.asarray(shapely.intersection(grown, wide[of]), dtype=object)
    return found[shapely.area(found) > 0.0]


def neighbours_of(places: _Shapes, polygons: _Shapes, *, within_m: float) -> list[NDArray[np.int64]]:
    """Return for each place the positions of the polygons that lie within `within_m` of it, in order."""
    place, at = shapely.STRtree(polygons).query(places, predicate="dwithin", distance=within_m)
    order = np.lexsort((at, place))
    edges = np.searchsorted(place[order], np.arange(1, len(places)))
    return np.split(at[order].astype(np.int64), edges) if len(places) else []


def _radius(width_m: float) -> float:
    if not (np.isfinite(width_m) and width_m > 0.0):
        raise ValueError(f"the width is {width_m} m; give a positive number of metres")
    return width_m / 2


def _areas_only(polygons: _Shapes) -> _Shapes:
    """Return the polygons, None in place of everything that has no area."""
    shapes = np.array(polygons, dtype=object)
    areal = np.isin(shapely.get_type_id(shapes), _AREAL) & ~shapely.is_empty(shapes)
    shapes[~areal] = None
    return shapes


def _filled(covered: BaseGeometry, radius: float) -> BaseGeometry:
    """Return `covered` without holes; cracks narrower than the disc do not let a hole out."""
    closed = shapely.get_parts(shapely.buffer(covered, radius, join_style="mitre"))
    solid = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(closed)))
    return shapely.buffer(solid, -radius, join_style="mitre")
