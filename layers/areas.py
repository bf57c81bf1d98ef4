"""What an area means on the ground: which features and which units belong to it.

A feature belongs to a subdistrict, neighbourhood or community by `layers.places`: what it says of itself,
then what its parent says, then where it lies. It belongs to a management cell where its point lies in the
cell; a community belongs to every cell that it shares ground with. Analysis cells belong where their middle
lies. Codes of an area that are not there any more count for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from layers.places import PARENT_LAYERS, lies_in, places
from layers.units import AREA_UNITS, units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot
    from layers.visitors import Area

_LEVELS = {layer: level for level, layer in PARENT_LAYERS.items()}
_LARGER_THAN_CELLS = ("subdistricts", "neighbourhoods")


def features_in_area(snapshot: Snapshot, layer: str, area: Area) -> NDArray[np.bool_]:
    """Return for each feature of `layer`, in the order of its frame, whether it belongs to `area`."""
    number = len(snapshot.frame(layer))
    if not area.codes:
        return np.full(number, area.kind == "district")
    return snapshot.derived(("features in area", layer, area), lambda: _features(snapshot, layer, area))


def units_in_area(snapshot: Snapshot, scheme: str, area: Area) -> NDArray[np.bool_]:
    """Return for each unit of `scheme` whether it belongs to `area`."""
    found = units(snapshot, scheme)
    if not area.codes:
        return np.full(len(found), area.kind == "district")
    if scheme in AREA_UNITS or scheme == "management":
        return features_in_area(snapshot, "management_cells" if scheme == "management" else scheme, area)
    return snapshot.derived(
        ("units in area", scheme, area), lambda: _cells(snapshot, scheme, area), scheme=scheme
    )


def _chosen(snapshot: Snapshot, area: Area) -> NDArray[np.intp]:
    return np.flatnonzero(snapshot.frame(area.kind).index.isin(area.codes))


def _features(snapshot: Snapshot, layer: str, area: Area) -> NDArray[np.bool_]:
    chosen = _chosen(snapshot, area)
    if layer == area.kind:
        return np.asarray(snapshot.frame(layer).index.isin(area.codes))
    if area.kind in _LEVELS:
        return np.isin(places(snapshot, layer)[_LEVELS[area.kind]].to_numpy(), chosen)
    if layer in _LARGER_THAN_CELLS:
        return np.zeros(len(snapshot.frame(layer)), dtype=bool)
    if layer == "communities":
        return _share_ground(snapshot.metric(layer), snapshot.metric(area.kind)[chosen])
    x, y = snapshot.points(layer)
    return np.isin(lies_in(snapshot, area.kind, x, y), chosen)


def _share_ground(shapes: NDArray[np.object_], parts: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which polygons overlap one of `parts`, more than by touching, and which points lie in one."""
    found = np.zeros(len(shapes), dtype=bool)
    part, row = shapely.STRtree(shapes).query(parts, predicate="intersects")
    is_point = shapely.get_dimensions(shapes[row]) == 0
    found[row[is_point | ~shapely.touches(shapes[row], parts[part])]] = True
    return found


def _cells(snapshot: Snapshot, scheme: str, area: Area) -> NDArray[np.bool_]:
    found, chosen = units(snapshot, scheme), _chosen(snapshot, area)
    if area.kind == "subdistricts":
        return np.isin(found.subdistrict, chosen)
    middle = shapely.point_on_surface(found.shapes)
    inside = np.isin(lies_in(snapshot, area.kind, shapely.get_x(middle), shapely.get_y(middle)), chosen)
    if area.kind == "communities":  # one that is known as a point only
        at = found.of_community[chosen]
        inside[at[at >= 0]] = True
    return inside
