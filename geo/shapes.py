"""Shapes as they come: where they are, what is wrong with them, and the repairs that lose nothing."""

import re

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

_POINT, _POLYGON, _MULTIPOLYGON = 0, 3, 6
_LINEAR = (1, 2, 5)


def representative_points(
    geometries: NDArray[np.object_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Choose one position for each geometry: a point itself, else a point on its surface.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        In a metric CRS: a point on the surface depends on the CRS it is chosen in.

    Returns
    -------
    x, y : ndarray of float64
        Same order; NaN for None and for empty geometries, and where coordinates are not finite.

    Notes
    -----
    Not a point: GEOS PointOnSurface, which lies inside a polygon (unlike its centroid).
    """
    shapes = np.asarray(geometries, dtype=object)
    usable = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    points = np.full(shapes.shape, None, dtype=object)
    is_point = shapely.get_type_id(shapes) == _POINT
    points[usable & is_point] = shapes[usable & is_point]
    points[usable & ~is_point] = shapely.point_on_surface(shapes[usable & ~is_point])
    return shapely.get_x(points), shapely.get_y(points)


def footprint_area_m2(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Measure the ground each geometry covers.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        In a metric CRS.

    Returns
    -------
    ndarray of float64
        Square metres, same order; NaN where there is no area, as of a point, an empty geometry or None.
    """
    area = shapely.area(np.asarray(geometries, dtype=object))
    return np.where(area > 0.0, area, np.nan)


def geometry_faults(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Say what is wrong with each geometry.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        In any CRS.

    Returns
    -------
    ndarray of str or None (object)
        None for a sound geometry; else the first that holds of "missing" (None), "not_finite" (NaN or
        infinite coordinates), "empty", and "invalid:" with GEOS's reason in lower case and underscores, for
        example "invalid:self_intersection".
    """
    shapes = np.asarray(geometries, dtype=object)
    faults = np.full(shapes.shape, None, dtype=object)
    invalid = np.flatnonzero(~shapely.is_valid(shapes))
    for at, reason in zip(invalid, shapely.is_valid_reason(shapes[invalid]), strict=True):
        faults[at] = f"invalid:{_identifier(str(reason))}"
    faults[shapely.is_empty(shapes)] = "empty"
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    faults[owner[~np.isfinite(coordinates).all(axis=1)]] = "not_finite"
    faults[shapely.is_missing(shapes)] = "missing"
    return faults


def _identifier(reason: str) -> str:
    """Turn "Ring Self-intersection[0.5 0.5]" into "ring_self_intersection"."""
    return re.sub(r"[^a-z]+", "_", reason.split("[")[0].lower()).strip("_")


def repair_lossless(
    geometries: NDArray[np.object_],
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Repair what can be repaired without changing a shape.

    Repeated points are dropped from lines and rings. A polygon whose ring touches itself is taken apart where
    it touches (a part or a hole of its own) if that keeps its vertices and its area. Everything else stays
    as it is, for `geometry_faults` to report.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        In any CRS. None stays None.

    Returns
    -------
    geometries : ndarray of shapely geometries
        Same order; a new array, in which a geometry that needed nothing is the same object.
    repairs : ndarray of str or None (object)
        "repeated_points", "self_touching" (repeated points may have been dropped too) or None.

    Notes
    -----
    Taking apart: GEOS MakeValid, which keeps every line of the input. A ring that crosses itself gets new
    vertices or another (signed) area by that, and is not repaired.
    """
    shapes = np.array(geometries, dtype=object)
    repairs = np.full(shapes.shape, None, dtype=object)
    kinds = shapely.get_type_id(shapes)
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    finite = np.ones(shapes.shape, dtype=bool)
    finite[owner[~np.isfinite(coordinates).all(axis=1)]] = False

    repeats = np.zeros(shapes.shape, dtype=bool)
    repeats[owner[1:][(np.diff(owner) == 0) & (np.diff(coordinates, axis=0) == 0.0).all(axis=1)]] = True
    for at in np.flatnonzero(repeats & finite & np.isin(kinds, (*_LINEAR, _POLYGON, _MULTIPOLYGON))):
        thinned = _thinned(shapes[at])
        if thinned is not None:
            shapes[at], repairs[at] = thinned, "repeated_points"

    broken = finite & np.isin(kinds, (_POLYGON, _MULTIPOLYGON)) & ~shapely.is_valid(shapes)
    for at in np.flatnonzero(broken):
        taken_apart = _taken_apart(shapes[at])
        if taken_apart is not None:
            shapes[at], repairs[at] = taken_apart, "self_touching"
    return shapes, repairs


def mend_polygons(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Make polygons valid that a projection has made invalid.

    An edge that is straight in degrees is not quite straight in metres: where a ring touches itself or a
    hole touches its shell within an edge, the projected rings may cross by micrometres to metres.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        In a metric CRS; valid before they were projected. None stays None.

    Returns
    -------
    ndarray of shapely geometries
        Same order; invalid polygons mended (GEOS MakeValid, "structure"), everything else the same object.
    """
    shapes = np.array(geometries, dtype=object)
    invalid = np.isin(shapely.get_type_id(shapes), (_POLYGON, _MULTIPOLYGON)) & ~shapely.is_valid(shapes)
    shapes[invalid] = shapely.make_valid(shapes[invalid], method="structure", keep_collapsed=False)
    return shapes


def _thinned(geometry: BaseGeometry) -> BaseGeometry | None:
    """Drop repeated points, or return None where none can be dropped."""
    try:
        thinned = shapely.remove_repeated_points(geometry)
    except shapely.GEOSException:  # fewer than three different points make no ring
        return None
    fewer = shapely.get_num_coordinates(thinned) < shapely.get_num_coordinates(geometry)
    return thinned if fewer and not thinned.is_empty else None


def _taken_apart(polygon: BaseGeometry) -> BaseGeometry | None:
    """Make a self-touching polygon valid, or return None where that would change it."""
    valid = shapely.make_valid(polygon, method="linework")
    if valid.geom_type not in ("Polygon", "MultiPolygon") or not valid.is_valid:
        return None
    if _vertices(valid) != _vertices(polygon):
        return None
    # The area of an invalid polygon is that of its rings' signed sums; where rings cross or overlap, it is
    # not the area of the parts. The two sums are rounded differently, hence not ==.
    return valid if np.isclose(valid.area, polygon.area, rtol=1e-9, atol=0.0) else None


def prepared_copies(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Copy geometries and prepare the copies for many questions.

    GEOS completes what it has prepared at the first question. Two threads that ask one prepared geometry at once
    can so end the whole process: geometries that others hold are never prepared, and prepared ones never shared.

    Parameters
    ----------
    geometries : ndarray of shapely geometries

    Returns
    -------
    ndarray of shapely geometries
        Same order; None stays None.
    """
    copies = np.asarray(shapely.from_wkb(shapely.to_wkb(geometries)), dtype=object)
    shapely.prepare(copies)
    return copies


def _vertices(geometry: BaseGeometry) -> set[tuple[float, ...]]:
    return set(map(tuple, shapely.get_coordinates(geometry).tolist()))
