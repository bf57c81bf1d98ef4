"""The demonstration district's streets: superblocks cut into blocks, parcels and plots, one planar graph.

A cut carries two shapes along: the face, which reaches to the centre lines of the streets, so that
faces tile the ground, and the net, which is what the streets leave. Neighbourhoods and management
cells are unions of faces; communities and buildings lie in nets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from data.demo_ground import Ground, polygons_of

_GRID_M = 0.001
_STREETS = ((110_000.0, 20.0), (48_000.0, 14.0), (24_000.0, 10.0))
"""A face of more than so many m² is cut by a street of so many metres."""
_WALL_M = 3.0
_LANE_M = 6.0
_PLOT_M2 = 17_000.0
_LEAST_NET_M2 = 700.0
_NOTHING_M2 = 0.1
_REACH_M = 5_000.0
_STREET_COST = 2.6


@dataclass(frozen=True)
class Town:
    """Plots, the smallest pieces of ground, and what they belong to.

    Attributes
    ----------
    faces : ndarray of polygons, shape (n,)
        All plots, first the built ones and then the greens; noded, so that neighbours share vertices.
    nets : ndarray of polygons, shape (built,)
        Where a built plot may carry buildings; empty where nothing fits.
    parcel_of : ndarray of int, shape (n,)
        Parcel of each plot; greens are parcels of one plot.
    parcel_nets : ndarray of polygons, shape (parcels with plots to build on,)
        Property line of each built parcel.
    block_of, neighbourhood_of : ndarray of int, shape (parcels,)
        A block lies between streets and is never cut by a neighbourhood's border.
    touching : ndarray of int, shape (m, 2)
        Pairs of plots that share an edge.
    shared_m : ndarray of float, shape (m,)
        Length of what they share.
    """

    faces: NDArray[np.object_]
    nets: NDArray[np.object_]
    parcel_of: NDArray[np.int64]
    parcel_nets: NDArray[np.object_]
    block_of: NDArray[np.int64]
    neighbourhood_of: NDArray[np.int64]
    touching: NDArray[np.int64]
    shared_m: NDArray[np.float64]

    @property
    def built(self) -> int:
        """Number of built plots."""
        return len(self.nets)


@dataclass
class _Cuts:
    """What cutting has made so far: per plot, per parcel and per block."""

    faces: list[BaseGeometry]
    nets: list[BaseGeometry]
    parcels: list[int]
    parcel_nets: list[BaseGeometry]
    blocks: list[int]
    superblocks: list[int]


def lay_streets(ground: Ground, rng: np.random.Generator) -> Town:
    """Cut the superblocks and give every parcel to a neighbourhood."""
    cuts = _Cuts([], [], [], [], [], [])
    for superblock, (face, net) in enumerate(zip(ground.superblocks, ground.superblock_nets, strict=True)):
        _cut_block(face, net, superblock, None, cuts, ground.centre, rng)
    greens = np.arange(len(ground.greens))
    faces = _noded(np.concatenate([np.array(cuts.faces, dtype=object), ground.greens]))
    parcels, blocks = len(cuts.parcel_nets), len(cuts.superblocks)
    parcel_of = np.concatenate([cuts.parcels, parcels + greens]).astype(np.int64)
    block_of = np.concatenate([cuts.blocks, blocks + greens]).astype(np.int64)
    touching, shared_m = _touching(faces)
    grown = _grow(
        faces,
        block_of[parcel_of],
        np.concatenate([cuts.superblocks, -1 - greens]),
        touching,
        ground.places,
    )
    return Town(
        faces=faces,
        nets=np.array(cuts.nets, dtype=object),
        parcel_of=parcel_of,
        parcel_nets=np.array(cuts.parcel_nets, dtype=object),
        block_of=block_of,
        neighbourhood_of=grown[block_of],
        touching=touching,
        shared_m=shared_m,
    )


def _cut_block(
    face: BaseGeometry,
    net: BaseGeometry,
    superblock: int,
    block: int | None,
    cuts: _Cuts,
    centre: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Cut a face by ever narrower streets until its parts are parcels."""
    wanted = max(_parcel_m2(face, centre) * rng.lognormal(0.0, 0.38) * 1.45, 4_000.0)
    width = next((width for area, width in _STREETS if face.area > area), _WALL_M)
    if block is None and (width == _WALL_M or face.area <= wanted):
        block = len(cuts.superblocks)
        cuts.superblocks.append(superblock)
    if face.area <= wanted:
        assert block is not None
        cuts.blocks.append(block)
        cuts.parcel_nets.append(_largest(net))
        _cut_parcel(face, net, len(cuts.blocks) - 1, cuts, rng)
        return
    for part, part_net in _cut(face, net, width, rng):
        _cut_block(part, part_net, superblock, block, cuts, centre, rng)


def _cut_parcel(
    face: BaseGeometry, net: BaseGeometry, parcel: int, cuts: _Cuts, rng: np.random.Generator
) -> None:
    """Cut a large parcel by inner lanes into plots of about a management cell."""
    if face.area > _PLOT_M2:
        for part, part_net in _cut(face, net, _LANE_M, rng):
            _cut_parcel(part, part_net, parcel, cuts, rng)
        return
    cuts.faces.append(face)
    cuts.nets.append(_largest(net))
    cuts.parcels.append(parcel)


def _parcel_m2(face: BaseGeometry, centre: NDArray[np.float64]) -> float:
    """Return the usual parcel here: small around the old market, large at the hills."""
    middle = face.centroid
    away = math.hypot(middle.x - centre[0], middle.y - centre[1])
    return float(
        np.interp(away, (500.0, 1_500.0, 3_500.0, 6_000.0), (12_500.0, 16_500.0, 25_000.0, 30_000.0))
    )


def _largest(geometry: BaseGeometry) -> BaseGeometry:
    parts = polygons_of(geometry)
    if len(parts) == 0:
        return Polygon()
    best: BaseGeometry = parts[int(np.argmax(shapely.area(parts)))]
    return best if best.area >= _LEAST_NET_M2 else Polygon()


def _cut(
    face: BaseGeometry, net: BaseGeometry, width: float, rng: np.random.Generator
) -> list[tuple[BaseGeometry, BaseGeometry]]:
    """Cut face and net across the face's longer side, leaving `width` metres between the nets."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(face))
    sides = np.diff(corners[:3], axis=0)
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    long = int(np.argmax(lengths))
    along = sides[long] / lengths[long]
    share = 0.5 + rng.uniform(-0.1, 0.1)
    through = corners[long] + share * sides[long] + 0.5 * sides[1 - long] * (1 if long == 0 else -1)
    turn = rng.normal(0.0, 0.02 if width > _WALL_M else 0.01)
    along = np.array(
        [
            along[0] * math.cos(turn) - along[1] * math.sin(turn),
            along[0] * math.sin(turn) + along[1] * math.cos(turn),
        ]
    )
    made = []
    for direction in (along, -along):
        for part in polygons_of(shapely.intersection(face, _half_plane(through, direction))):
            if part.area < _NOTHING_M2:  # where the line only grazes an earlier cut
                continue
            within = shapely.intersection(net, _half_plane(through + direction * width / 2, direction))
            made.append((part, shapely.intersection(within, part)))
    return made


def _half_plane(through: NDArray[np.float64], direction: NDArray[np.float64]) -> Polygon:
    """Return all that lies ahead of a line through a point, square to `direction`, as far as matters."""
    side = np.array([-direction[1], direction[0]]) * _REACH_M
    ahead = direction * _REACH_M
    return Polygon([through - side, through + side, through + side + ahead, through - side + ahead])


def _noded(raw: NDArray[np.object_]) -> NDArray[np.object_]:
    """Rebuild the faces from one network of lines, so that neighbours share every vertex."""
    lines = shapely.union_all(shapely.boundary(raw), grid_size=_GRID_M)
    faces = polygons_of(shapely.polygonize(shapely.get_parts(lines)))
    inside = shapely.point_on_surface(faces)
    found, source = shapely.STRtree(raw).query(inside, predicate="within")
    rebuilt = np.full(len(raw), None, dtype=object)
    rebuilt[source] = faces[found]
    if len(found) != len(raw) or any(face is None for face in rebuilt):
        msg = f"{len(raw)} faces became {len(faces)}; the drawing holds a sliver"
        raise ValueError(msg)
    return rebuilt


def _touching(faces: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of faces that share edges, and how many metres they share."""
    rings, face_of_ring = shapely.get_rings(faces, return_index=True)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    same = ring_of[1:] == ring_of[:-1]
    start, end, owner = points[:-1][same], points[1:][same], face_of_ring[ring_of[:-1][same]]
    turned = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    start[turned], end[turned] = end[turned].copy(), start[turned].copy()
    order = np.lexsort((end[:, 1], end[:, 0], start[:, 1], start[:, 0]))
    start, end, owner = start[order], end[order], owner[order]
    twice = np.flatnonzero((start[1:] == start[:-1]).all(axis=1) & (end[1:] == end[:-1]).all(axis=1))
    pairs = np.sort(np.column_stack([owner[twice], owner[twice + 1]]), axis=1)
    lengths = np.hypot(*(end[twice] - start[twice]).T)
    unique, place = np.unique(pairs, axis=0, return_inverse=True)
    shared: NDArray[np.float64] = np.bincount(place.ravel(), lengths, len(unique)).astype(np.float64)
    return unique.astype(np.int64), shared


def _grow(
    faces: NDArray[np.object_],
    block_of: NDArray[np.int64],
    superblock_of: NDArray[np.int64],
    touching: NDArray[np.int64],
    places: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Give every block to the neighbourhood that reaches it first; main roads slow growth down."""
    blocks = len(superblock_of)
    first, second = block_of[touching].T
    apart = first != second
    pairs = np.unique(np.column_stack([first[apart], second[apart]]), axis=0)
    area, middle = shapely.area(faces), shapely.get_coordinates(shapely.centroid(faces))
    whole = np.bincount(block_of, area, blocks)
    middles = np.column_stack([np.bincount(block_of, area * middle[:, k], blocks) / whole for k in (0, 1)])
    distance = np.hypot(*(middles[pairs[:, 0]] - middles[pairs[:, 1]]).T)
    crossing = superblock_of[pairs[:, 0]] != superblock_of[pairs[:, 1]]
    graph = sparse.coo_array((distance * np.where(crossing, _STREET_COST, 1.0), pairs.T), (blocks, blocks))
    seeds = block_of[shapely.STRtree(faces).nearest(shapely.points(places))]
    if len(np.unique(seeds)) != len(seeds):
        msg = "two neighbourhoods of the drawing start in one block"
        raise ValueError(msg)
    _, _, source = csgraph.dijkstra(
        graph.tocsr(), directed=False, indices=seeds, return_predecessors=True, min_only=True
    )
    number = np.full(blocks, -1, dtype=np.int64)
    number[seeds] = np.arange(len(seeds))
    return number[source]
