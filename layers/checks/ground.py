"""Where features lie: in the parents and the district that they say, beside each other, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo import crs
from geo.containment import outside
from geo.duplicates import same_places
from geo.overlaps import gaps, neighbours_of, overlaps
from geo.shapes import representative_points
from layers.checks import kinds
from layers.checks.findings import Finding, cases, degrees, of_rows, rounded, worst_first
from layers.checks.kinds import KINDS
from layers.places import positions
from layers.schema import LAYERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot

_SIDE_BY_SIDE = ("subdistricts", "neighbourhoods", "communities", "management_cells")
_STANDING = ("communities", "buildings", "mediation_rooms", "facilities")
_GROUND = ("backdrop",)


def check_parents(snapshot: Snapshot) -> list[Finding]:
    """Find features that do not lie in the parent they name.

    A parent that does not exist is another finding; one that is only a point contains nothing and is not
    contradicted. Where a complaint lies outside its community it is a note: what concerns a community may
    be seen in the street before it; its neighbourhood and subdistrict are those of the place.
    """
    found = []
    for name, layer in LAYERS.items():
        for field in layer.parents:
            parent = str(field.parent)
            at = positions(snapshot.frame(parent).index, snapshot.frame(name)[field.name])
            elsewhere = name == "complaints" and field.name == "community"
            kind = "reported_elsewhere" if elsewhere else f"outside_{field.name}"
            codes = snapshot.frame(parent).index.to_numpy(dtype=object)
            found.append(_outside(snapshot, kind, name, snapshot.metric(parent), at, named=codes))
    return found


def check_outline(snapshot: Snapshot) -> list[Finding]:
    """Find features that lie outside the district's outline, if it has one; the backdrop may go on beyond it."""
    outline = snapshot.outline()
    if outline is None:
        return []
    area = np.array([outline], dtype=object)
    return [
        _outside(
            snapshot,
            "outside_district",
            name,
            area,
            np.zeros(len(snapshot.frame(name)), dtype=np.int64),
        )
        for name in LAYERS
        if name not in _GROUND
    ]


def _outside(
    snapshot: Snapshot,
    kind: str,
    layer: str,
    areas: NDArray[np.object_],
    at: NDArray[np.int64],
    *,
    named: NDArray[np.object_] | None = None,
) -> Finding:
    """Make the finding of features that lie outside `areas[at]`; `named` are the areas' codes."""
    shapes = snapshot.metric(layer)
    share, reach = outside(shapes, areas, at)
    rows = np.flatnonzero((reach > kinds.OUTSIDE_M) & (share > kinds.OUTSIDE_SHARE))
    rows = worst_first(rows, reach[rows])
    x, y = representative_points(shapes[rows])
    solid = shapely.area(shapes[rows]) > 0.0
    details: dict[str, Any] = {"distance_m": rounded(reach[rows], 1)}
    details["share_outside"] = rounded(np.where(solid, share[rows], np.nan), 3)
    if named is not None:
        details["parent"] = [str(code) for code in named[at[rows]]]
    return of_rows(snapshot, kind, layer, rows, {**details, **degrees(snapshot, x, y)})


def check_overlaps(snapshot: Snapshot) -> list[Finding]:
    """Find pairs of one layer that overlap where they should lie side by side, the largest overlap first."""
    found = []
    for layer in _SIDE_BY_SIDE:
        shapes = snapshot.metric(layer)
        codes = snapshot.frame(layer).index.to_numpy(dtype=object)
        first, second, shared = overlaps(shapes, width_m=kinds.WIDTH_M)
        area = shapely.area(shared)
        order = worst_first(np.arange(len(area)), area)
        first, second, shared, area = first[order], second[order], shared[order], area[order]
        smaller = np.minimum(shapely.area(shapes[first]), shapely.area(shapes[second]))
        details = {
            "area_m2": rounded(area, 1),
            "share_of_smaller": rounded(area / smaller, 3),
            **degrees(snapshot, *representative_points(shared)),
        }
        pairs = [(str(codes[i]), str(codes[j])) for i, j in zip(first, second, strict=True)]
        found.append(Finding(KINDS["overlap"], layer, cases(pairs, details)))
    return found


def check_gaps(snapshot: Snapshot) -> list[Finding]:
    """Find the ground that management cells leave free in the outline, or in their midst where there is none.

    A gap in which something stands is a fault, for nobody answers there; one in which nothing does is a
    note, for cells need not cover hills and water. The codes are those of the neighbouring cells.
    """
    cells = snapshot.metric("management_cells")
    if not len(cells):
        return []
    shapes = gaps(cells, width_m=kinds.WIDTH_M, outline=snapshot.outline())
    area = shapely.area(shapes)
    x, y = representative_points(shapes)
    order = np.lexsort((y.round(1), x.round(1), -area.round(1)))
    shapes, area, x, y = shapes[order], area[order], x[order], y[order]
    standing = {layer: _standing_in(snapshot, layer, shapes) for layer in _STANDING}
    codes = snapshot.frame("management_cells").index.to_numpy(dtype=object)
    beside = [
        tuple(str(code) for code in codes[at]) for at in neighbours_of(shapes, cells, within_m=kinds.WIDTH_M)
    ]
    details: dict[str, Any] = {
        "area_m2": rounded(area, 1),
        **{layer: [int(n) or None for n in count] for layer, count in standing.items()},
        **degrees(snapshot, x, y),
    }
    found = cases(beside, details)
    taken = np.any(list(standing.values()), axis=0)
    return [
        Finding(KINDS[kind], "management_cells", tuple(found[at] for at in np.flatnonzero(chosen)))
        for kind, chosen in (("cell_gap", taken), ("cell_gap_empty", ~taken))
    ]


def _standing_in(snapshot: Snapshot, layer: str, places: NDArray[np.object_]) -> NDArray[np.int64]:
    """Count the layer's features, by a point on each, in each of `places`."""
    x, y = snapshot.points(layer)
    known = np.isfinite(x)
    points = np.asarray(shapely.points(x[known], y[known]), dtype=object)
    # What stands on the edge stands in the cell beyond it.
    at, _ = shapely.STRtree(points).query(places, predicate="contains")
    return np.bincount(at, minlength=len(places)).astype(np.int64)


def check_twice(snapshot: Snapshot) -> list[Finding]:
    """Find features that are probably one: of one name (and kind) at one place, or buildings of one shape."""
    found = []
    for layer, described in LAYERS.items():
        if "name" not in described.field_names or layer in _GROUND:
            continue
        frame = snapshot.frame(layer)
        names = frame["name"].str.strip().str.casefold()
        if layer == "facilities":
            names = names + "\n" + frame["kind"]
        label, _ = pd.factorize(names)
        groups = same_places(*snapshot.points(layer), label, within_m=kinds.TWICE_M)
        found.append(_together(snapshot, "entered_twice", layer, groups))
    shapes = np.asarray(snapshot.metric("buildings"), dtype=object)
    found.append(_together(snapshot, "same_shape", "buildings", _same_shapes(shapes)))
    return found


def _same_shapes(shapes: NDArray[np.object_]) -> list[NDArray[np.int64]]:
    """Group polygons that are equal, wherever their rings begin."""
    bounds = pd.DataFrame(shapely.bounds(shapes))
    solid = shapely.area(shapes) > 0.0
    alike = np.flatnonzero(bounds.duplicated(keep=False).to_numpy() & solid)
    written = pd.Series(shapely.to_wkb(shapely.normalize(shapes[alike])), index=alike, dtype=object)
    groups = written.groupby(written, sort=False).groups.values()
    return [np.asarray(group, dtype=np.int64) for group in groups if len(group) > 1]


def _together(snapshot: Snapshot, kind: str, layer: str, groups: list[NDArray[np.int64]]) -> Finding:
    codes = snapshot.frame(layer).index.to_numpy(dtype=object)
    x, y = snapshot.points(layer)
    first = np.array([group[0] for group in groups], dtype=np.int64)
    together = [tuple(str(code) for code in codes[group]) for group in groups]
    return Finding(KINDS[kind], layer, cases(together, degrees(snapshot, x[first], y[first])))


def check_entrances(snapshot: Snapshot) -> list[Finding]:
    """Find entrances that are far from what they lead into: walks are measured from them.

    That an entrance lies in the parents of its feature follows, to the same metres, and is not asked again.
    """
    found = []
    for layer, described in LAYERS.items():
        if "entrance_lon" not in described.field_names:
            continue
        frame, shapes = snapshot.frame(layer), snapshot.metric(layer)
        lon, lat = (frame[name].to_numpy(dtype=np.float64) for name in ("entrance_lon", "entrance_lat"))
        known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat) & ~shapely.is_missing(shapes))
        x, y = crs.points_to_metric(lon[known], lat[known], snapshot.district.metric_crs)
        there = np.isfinite(x) & np.isfinite(y)  # what cannot be projected is far
        far = np.full(len(known), np.inf)
        doors = np.asarray(shapely.points(x[there], y[there]), dtype=object)
        far[there] = shapely.distance(shapes[known][there], doors)
        is_point = shapely.get_type_id(shapes[known]) == 0
        limit = np.where(is_point, kinds.ENTRANCE_OF_POINT_M, kinds.ENTRANCE_M)
        rows = np.flatnonzero(far > limit)
        rows = worst_first(rows, far[rows])
        found.append(
            of_rows(
                snapshot,
                "entrance_far",
                layer,
                known[rows],
                {
                    "distance_m": rounded(far[rows], 1),
                    "lon": rounded(lon[known][rows], 6),
                    "lat": rounded(lat[known][rows], 6),
                },
            )
        )
    return found
