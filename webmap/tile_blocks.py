"""Neighbouring features as arrays, and what a tile shows of them: found, left out, brought to the grid, encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import crs
from webmap import tile_geometry as tiling
from webmap.tile_encoding import Figures, joined, outlines_of, point_figures, ring_figures

if TYPE_CHECKING:
    from webmap.tile_geometry import Floats, Geometries, Integers, Positions

WEB_MERCATOR = "EPSG:3857"
EVERY_FROM_ZOOM = 16
"""From here on every feature is in its tile."""
WHOLE_FROM_ZOOM = 15
"""From here on with every corner: the map draws these tiles at all larger scales."""
HALF_PIXEL = tiling.PIXEL // 2

_DIAGONAL = 1.415
"""Of the unit square, and a little more."""

ShapesOf = Callable[[NDArray[np.int32]], NDArray[np.object_]]
Box = tuple[float, float, float, float]
_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How a layer goes into tiles.

    Attributes
    ----------
    fields : tuple of str
        What is shown besides the id, as far as the policy lets it out.
    from_zoom : int
        Tiles below are empty.
    coarse : bool
        Before `WHOLE_FROM_ZOOM` corners go to a grid of half a pixel, where many meet; edges that areas share
        stay shared.
    smallest_units2 : float
        Areas below so many square units are left out before `EVERY_FROM_ZOOM`.
    one_per_pixel : bool
        Of points in one pixel the first is drawn, before `EVERY_FROM_ZOOM`.
    as_points : bool
        It is shown by symbols, one each: areas go in as a point on their surface.
    """

    fields: tuple[str, ...] = ()
    from_zoom: int = 0
    coarse: bool = False
    smallest_units2: float = 4.0
    one_per_pixel: bool = False
    as_points: bool = False


@dataclass(frozen=True, eq=False)
class Block:
    """Features of one neighbourhood: points, then polygons.

    Attributes
    ----------
    rows : int array
        Positions in the frame.
    codes : object array of bytes
        As they stand in a table of values.
    bounds : float array of shape (4, n)
        West, south, east, north in EPSG:3857.
    points : int
        How many of them are points.
    areas_m2, clearances_m : float arrays
        Of the polygons, in EPSG:3857; see `tiling.clearances`.
    xy : float array of shape (number of vertices, 2)
        All vertices of the polygons in EPSG:3857, ring by ring, shells clockwise, holes the other way.
    closes : bool array
        Which of the vertices are the last of a ring, and so its first again.
    starts : int array
        Polygon `p` has the vertices from ``starts[p]`` to ``starts[p + 1]``.
    rings : int array
        How many rings each has.
    """

    rows: NDArray[np.int32]
    codes: NDArray[np.object_]
    bounds: Floats
    points: int
    areas_m2: Floats
    clearances_m: Floats
    xy: Floats
    closes: NDArray[np.bool_]
    starts: Positions
    rings: Positions

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        arrays = (
            self.rows,
            self.bounds,
            self.areas_m2,
            self.clearances_m,
            self.xy,
            self.closes,
            self.starts,
            self.rings,
        )
        return sum(array.nbytes for array in arrays) + sum(map(len, self.codes)) + 41 * len(self.codes)

    def found(self, box: Box, smallest_m2: float) -> tuple[Positions, Positions]:
        """Return which points and which polygons, numbered from 0, meet a box (EPSG:3857) and are large enough."""
        meets = meeting(self.bounds, box)
        areas = meets[self.points :] & (self.areas_m2 >= smallest_m2)
        return meets[: self.points].nonzero()[0], areas.nonzero()[0]


@dataclass(frozen=True, eq=False)
class Drawn:
    """What of some blocks a tile shows: figures, and the rows and codes of their features."""

    figures: Figures
    rows: NDArray[np.int32]
    codes: NDArray[np.object_]


def meeting(bounds: Floats, box: Box) -> NDArray[np.bool_]:
    """Return which bounds, as those of a block, meet a box (EPSG:3857)."""
    west, south, east, north = bounds
    meets: NDArray[np.bool_] = (west <= box[2]) & (east >= box[0]) & (south <= box[3]) & (north >= box[1])
    return meets


def keep_their_shape(block: Block, zoom: int) -> NDArray[np.bool_]:
    """Return which polygons of a block are drawn alike in all tiles of a zoom: none is broken by rounding, none clipped."""
    west, south, east, north = block.bounds[:, block.points :]
    unit = tiling.unit_m(zoom)
    kept: NDArray[np.bool_] = np.maximum(east - west, north - south) <= tiling.EXTENT * unit
    kept &= block.clearances_m > _DIAGONAL * unit
    return kept


def drawn(
    blocks: Sequence[Block], zoom: int, x: int, y: int, rule: Rule, shapes_of: ShapesOf
) -> Drawn | None:
    """Return what a tile shows of blocks, None where that is nothing.

    Parameters
    ----------
    blocks : sequence of Block
    zoom, x, y : int
        The tile.
    rule : Rule
    shapes_of : callable
        From rows to their geometries, in whatever coordinates.
    """
    box = tiling.tile_box(zoom, x, y, buffer=tiling.BUFFER)
    smallest_m2 = rule.smallest_units2 * tiling.unit_m(zoom) ** 2 if zoom < EVERY_FROM_ZOOM else 0.0
    found = [(block, *block.found(box, smallest_m2)) for block in blocks]
    made = []
    points = [(block, at) for block, at, _ in found if len(at)]
    if points:
        made.append(_points(points, zoom, x, y, thin=rule.one_per_pixel and zoom < EVERY_FROM_ZOOM))
    areas = [(block, at) for block, _, at in found if len(at)]
    if areas:
        made.append(
            _areas(areas, zoom, x, y, HALF_PIXEL if rule.coarse and zoom < WHOLE_FROM_ZOOM else 1, shapes_of)
        )
    some = [one for one in made if len(one.rows)]
    if len(some) < 2:
        return some[0] if some else None
    return Drawn(
        joined([one.figures for one in some]),
        np.concatenate([one.rows for one in some]),
        np.concatenate([one.codes for one in some]),
    )


def _points(found: Sequence[tuple[Block, Positions]], zoom: int, x: int, y: int, *, thin: bool) -> Drawn:
    rows = _end_to_end([block.rows[at] for block, at in found])
    codes = _end_to_end([block.codes[at] for block, at in found])
    places = tiling.in_units(_end_to_end([block.bounds[:2, at].T for block, at in found]), zoom)
    if thin:
        first = tiling.one_per_pixel(places)
        rows, codes, places = rows[first], codes[first], places[first]
    whole = np.rint(places).astype(np.int64)
    return Drawn(point_figures(whole - tiling.corner(x, y)), rows, codes)


def _areas(
    found: Sequence[tuple[Block, Positions]], zoom: int, x: int, y: int, grain: int, shapes_of: ShapesOf
) -> Drawn:
    """Return polygons, those that rounding cannot break straight from their vertices.

    Rounding moves a vertex by at most half the diagonal of a grid cell. Two things that do not touch come nearer
    by at most the whole one: a polygon whose clearance is larger stays valid, and wound as it was.
    """
    of_vertex = [_ragged(block.starts, at) for block, at in found]
    counts = _end_to_end([count for _, count in of_vertex])
    xy = _end_to_end([block.xy[vertices] for (block, _), (vertices, _) in zip(found, of_vertex, strict=True)])
    closes = _end_to_end([block.closes[at] for (block, _), (at, _) in zip(found, of_vertex, strict=True)])
    rings = _end_to_end([block.rings[at] for block, at in found])
    rows = _end_to_end([block.rows[block.points + at] for block, at in found])
    codes = _end_to_end([block.codes[block.points + at] for block, at in found])
    units = tiling.in_units(xy, zoom)
    whole = np.rint(units) if grain == 1 else np.rint(units / grain) * grain

    across = _are_across(
        _end_to_end([block.bounds[:, block.points + at].T for block, at in found]), zoom, x, y
    )
    safe = _end_to_end([block.clearances_m[at] for block, at in found]) > _DIAGONAL * grain * tiling.unit_m(
        zoom
    )
    easy = safe & ~across
    if easy.all():
        places, lengths = outlines(whole, closes)
        return Drawn(ring_figures(places - tiling.corner(x, y), lengths, rings), rows, codes)
    shapes = np.full(len(rows), None, dtype=object)
    shapes[~easy] = shapes_of(rows[~easy])
    shapes[~safe] = tiling.whole_units(_moved(shapes, units, ~safe, counts), grain=grain)
    shapes[safe & across] = _moved(shapes, whole, safe & across, counts)
    inside, at = tiling.clipped(shapes[across], x, y)
    of_easy, rest = np.repeat(easy, counts), ~(safe | across)
    parts = [
        (*outlines(whole[of_easy], closes[of_easy]), rings[easy]),
        outlines_of(shapes[rest]),
        outlines_of(tiling.whole_units(inside)),
    ]
    order = np.concatenate((easy.nonzero()[0], rest.nonzero()[0], across.nonzero()[0][at]))
    places, lengths, rings = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Drawn(ring_figures(places - tiling.corner(x, y), lengths, rings), rows[order], codes[order])


def outlines(whole: Floats, closes: NDArray[np.bool_]) -> tuple[Integers, Positions]:
    """Return the vertices of rings without the last, and how many each has then."""
    ends = closes.nonzero()[0]
    lengths = ends.copy()
    lengths[1:] -= ends[:-1] + 1
    return whole[~closes].astype(np.int64), lengths


def _moved(shapes: Geometries, xy: Floats, some: NDArray[np.bool_], counts: Positions) -> Geometries:
    """Return some of the shapes at other coordinates."""
    moved: Geometries = shapely.set_coordinates(shapes[some], xy[np.repeat(some, counts)])
    return moved


def _are_across(bounds: Floats, zoom: int, x: int, y: int) -> NDArray[np.bool_]:
    """Return which bounds are larger than a tile and not all in it: such shapes are clipped."""
    sides = bounds[:, 2:] - bounds[:, :2]
    large: NDArray[np.bool_] = sides.max(axis=1) > tiling.EXTENT * tiling.unit_m(zoom)
    if large.any():
        west, south, east, north = tiling.tile_box(zoom, x, y, buffer=tiling.BUFFER)
        beyond = (bounds[:, :2] < (west, south)) | (bounds[:, 2:] > (east, north))
        large &= beyond[:, 0] | beyond[:, 1]
    return large


def make_block(
    geometries: Geometries, rows: NDArray[np.int32], codes: NDArray[np.object_], *, as_points: bool
) -> Block:
    """Return features as a block.

    Parameters
    ----------
    geometries : array of Point, Polygon and MultiPolygon
        In EPSG:4490.
    rows, codes
        Theirs; see `Block`.
    as_points : bool
        Take of each a point on its surface.
    """
    areas = np.flatnonzero(shapely.get_dimensions(geometries) == 2)
    points = np.flatnonzero(shapely.get_type_id(geometries) == shapely.GeometryType.POINT)
    if as_points:
        geometries = shapely.point_on_surface(crs.to_metric(geometries, WEB_MERCATOR))
        points, areas = np.arange(len(geometries)), areas[:0]
        places = shapely.get_coordinates(geometries)
    else:
        places = _metric(shapely.get_coordinates(geometries[points]))
    shapes = geometries[areas]
    # North is up here, where the format's y runs down: clockwise to the eye in both.
    xy = _metric(shapely.get_coordinates(shapely.orient_polygons(shapes, exterior_cw=True)))
    metric = shapely.set_coordinates(shapes.copy(), xy)
    starts = np.append(0, np.cumsum(shapely.get_num_coordinates(shapes)))
    bounds = np.concatenate((np.tile(places, 2), shapely.bounds(metric).reshape(-1, 4)))
    parts, shape_of_part = shapely.get_parts(metric, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    closes = np.zeros(len(xy), dtype=bool)
    closes[np.cumsum(shapely.get_num_coordinates(rings)) - 1] = True
    order = np.concatenate((points, areas))
    return Block(
        rows=rows[order],
        codes=codes[order],
        bounds=np.ascontiguousarray(bounds.T),
        points=len(points),
        areas_m2=shapely.area(metric),
        clearances_m=tiling.clearances(metric, xy, starts),
        xy=xy,
        closes=closes,
        starts=starts,
        rings=np.bincount(shape_of_part[part_of_ring], minlength=len(shapes)),
    )


def _metric(lon_lat: Floats) -> Floats:
    return np.column_stack(crs.points_to_metric(lon_lat[:, 0], lon_lat[:, 1], WEB_MERCATOR))


def _end_to_end(arrays: list[NDArray[_T]]) -> NDArray[_T]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _ragged(starts: Positions, at: Positions) -> tuple[Positions, Positions]:
    """Return the positions of all vertices of some shapes, and how many each has."""
    counts = starts[at + 1] - starts[at]
    ends = np.cumsum(counts)
    return np.arange(ends[-1]) + np.repeat(starts[at] - ends + counts, counts), counts
