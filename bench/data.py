"""An invented district of any size, the same each time: buildings in neighbourhoods, communities and rows.

Outlines have 4 to 12 corners, some enclose a courtyard, a few have two parts; fields are filled in part, as
in a district's own files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.crs import STORED_CRS
from layers.frames import conform
from layers.schema import LAYERS
from layers.store import District

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

Box = tuple[float, float, float, float]

DISTRICT_BUILDINGS = 21_000
DISTRICT = District(name="测试区", metric_crs="EPSG:4547", invented=True)

_SEED = 20260101
_WEST, _SOUTH = 114.0, 22.5
_LON_M, _LAT_M = 102_800.0, 110_700.0  # a degree's metres at 22.5° north
_SPACING_M, _STREET_M = 40.0, 40.0
_COMMUNITY, _NEIGHBOURHOOD, _SUBDISTRICT = 6, 24, 96  # buildings along an edge
_USES = ("residential", "commercial", "office", "industrial", "public", "other")

# Outlines on the unit square, as architects lay them: slab, corner, T, U, stairs and a notched tower.
_PLANS = (
    ((0, 0), (1, 0), (1, 1), (0, 1)),
    ((0, 0), (1, 0), (1, 0.4), (0.45, 0.4), (0.45, 1), (0, 1)),
    ((0.3, 0), (0.7, 0), (0.7, 0.6), (1, 0.6), (1, 1), (0, 1), (0, 0.6), (0.3, 0.6)),
    ((0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.35), (0.3, 0.35), (0.3, 1), (0, 1)),
    ((0, 0), (1, 0), (1, 0.33), (0.75, 0.33), (0.75, 0.6), (0.5, 0.6), (0.5, 0.8), (0.25, 0.8), (0.25, 1), (0, 1)),
    (
        (0.2, 0), (0.8, 0), (0.8, 0.2), (1, 0.2), (1, 0.8), (0.8, 0.8),
        (0.8, 1), (0.2, 1), (0.2, 0.8), (0, 0.8), (0, 0.2), (0.2, 0.2),
    ),
)  # fmt: skip
_SHARES = (0.42, 0.2, 0.1, 0.12, 0.06, 0.1)
_COURTYARD = ((0.35, 0.35), (0.35, 0.65), (0.65, 0.65), (0.65, 0.35))
_WITH_COURTYARD = 0.03
_IN_TWO_PARTS = 0.01


def buildings(rows: int) -> gpd.GeoDataFrame:
    """Return `rows` buildings, conformed, ordered by code; the first of them do not depend on `rows`."""
    import geopandas as gpd

    parts = [_block(number) for number in range(-(-rows // _SUBDISTRICT**2))]
    columns = {name: np.concatenate([part[name] for part in parts])[:rows] for name in parts[0]}
    geometry = columns.pop("geometry")
    frame = conform(gpd.GeoDataFrame(columns, geometry=geometry, crs=STORED_CRS), LAYERS["buildings"])
    return frame.sort_index()


def boxes(rows: int, count: int) -> list[Box]:
    """Return boxes (west, south, east, north) of four by four communities each, edges along streets.

    No building's box meets an edge: however a peer tells what meets a box, it must find the same.
    """
    rng = np.random.default_rng(_SEED)
    blocks = rows // _SUBDISTRICT**2
    # Of a district smaller than a subdistrict only the first neighbourhood is there for sure.
    free = _SUBDISTRICT // _COMMUNITY - 3 if blocks else 1
    found = []
    for number, *corner in rng.integers(0, [max(blocks, 1), free, free], (count, 3)).tolist():
        first = np.array([*corner], dtype=float) * _COMMUNITY
        last = first + 4 * _COMMUNITY - 1
        (west, south), (east, north) = _metres(number, first), _metres(number, last)
        # A second part reaches 45 m north of a building and 28 m to its sides, all others 20 m.
        found.append((*_degrees(west - 36, south - 27), *_degrees(east + 36, north + 52)))
    return found


def _metres(number: int, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where a building, given by its number across and up (last axis), stands: metres east and north."""
    corner = np.array([number % 10, number // 10]) * _SUBDISTRICT * (_SPACING_M + _STREET_M / _COMMUNITY)
    laid: NDArray[np.float64] = corner + place * _SPACING_M + place // _COMMUNITY * _STREET_M
    return laid


def _degrees(east: float, north: float) -> tuple[float, float]:
    return _WEST + float(east) / _LON_M, _SOUTH + float(north) / _LAT_M


def _block(number: int) -> dict[str, NDArray[Any]]:
    """Return one subdistrict's buildings, in order of code."""
    rng = np.random.default_rng([_SEED, number])
    across, up = (axis.ravel() for axis in np.meshgrid(*[np.arange(_SUBDISTRICT)] * 2))
    neighbourhood = up // _NEIGHBOURHOOD * (_SUBDISTRICT // _NEIGHBOURHOOD) + across // _NEIGHBOURHOOD
    per_neighbourhood = _NEIGHBOURHOOD // _COMMUNITY
    community = (
        up % _NEIGHBOURHOOD // _COMMUNITY
    ) * per_neighbourhood + across % _NEIGHBOURHOOD // _COMMUNITY
    order = np.lexsort((across, up, community, neighbourhood))
    across, up, neighbourhood, community = (v[order] for v in (across, up, neighbourhood, community))
    rows = len(order)
    serial = np.arange(rows) % _COMMUNITY**2 + 1
    subdistrict = f"{440300 + number // 40:06}{number % 40 + 1:03}"
    of_neighbourhood = [f"{subdistrict}{n + 1:03}" for n in neighbourhood.tolist()]
    of_community = [f"{n}{c + 1:04}" for n, c in zip(of_neighbourhood, community.tolist(), strict=True)]
    floors = rng.choice([1, 2, 3, 6, 7, 11, 18, 26, 33], rows)

    def some(values: Any, share: float) -> NDArray[np.object_]:
        filled = np.array(values, dtype=object)
        filled[rng.random(rows) >= share] = None
        return filled

    names = [f"{n}栋" for n in serial.tolist()]
    places = _metres(number, np.stack([across, up], axis=1).astype(float))
    lon, lat = _WEST + places[:, 0] / _LON_M, _SOUTH + places[:, 1] / _LAT_M
    has_entrance = rng.random(rows) < 0.3
    return {
        "code": np.array([f"{c}-{n:03}" for c, n in zip(of_community, serial.tolist(), strict=True)], dtype=object),
        "name": some(names, 0.7),
        "name_en": some([f"Building {n}" for n in serial.tolist()], 0.1),
        "subdistrict": np.array([subdistrict] * rows, dtype=object),
        "neighbourhood": np.array(of_neighbourhood, dtype=object),
        "community": some(of_community, 0.95),
        "use": some(rng.choice(_USES, rows, p=[0.7, 0.1, 0.06, 0.05, 0.05, 0.04]).astype(object), 0.9),
        "floors": some(floors.tolist(), 0.85),
        "floor_area_m2": np.where(rng.random(rows) < 0.4, np.round(floors * rng.uniform(200, 900, rows), 1), np.nan),
        "entrance_lon": np.where(has_entrance, lon, np.nan),
        "entrance_lat": np.where(has_entrance, lat, np.nan),
        "geometry": _outlines(rng, lon, lat),
    }  # fmt: skip


def _outlines(rng: np.random.Generator, lon: NDArray[Any], lat: NDArray[Any]) -> NDArray[np.object_]:
    rows = len(lon)
    plan = rng.choice(len(_PLANS), rows, p=_SHARES)
    width, depth = rng.uniform(12, 32, rows), rng.uniform(10, 24, rows)
    angle = rng.uniform(-0.3, 0.3, rows)
    courtyard = (plan == 0) & (rng.random(rows) < _WITH_COURTYARD / _SHARES[0])
    twin = rng.random(rows) < _IN_TWO_PARTS

    def laid(ring: Any, at: NDArray[np.intp], shift_m: float = 0.0) -> NDArray[np.object_]:
        """Return `ring`, on the unit square, as rings of the buildings at `at`."""
        x = (np.array(ring, dtype=float)[:, 0] - 0.5) * width[at, None]
        y = (np.array(ring, dtype=float)[:, 1] - 0.5) * depth[at, None] + shift_m
        cos, sin = np.cos(angle[at, None]), np.sin(angle[at, None])
        east, north = (x * cos - y * sin) / _LON_M, (x * sin + y * cos) / _LAT_M
        points = np.stack([lon[at, None] + east, lat[at, None] + north], axis=-1)
        return np.asarray(shapely.linearrings(np.concatenate([points, points[:, :1]], axis=1)))

    made = np.empty(rows, dtype=object)
    for number, ring in enumerate(_PLANS):
        at = np.flatnonzero((plan == number) & ~courtyard)
        made[at] = shapely.polygons(laid(ring, at))
    at = np.flatnonzero(courtyard)
    made[at] = shapely.polygons(laid(_PLANS[0], at), laid(_COURTYARD, at)[:, None])
    at = np.flatnonzero(twin)
    second = np.asarray(shapely.polygons(laid(_PLANS[0], at, 30.0)))
    made[at] = shapely.multipolygons(np.stack([made[at], second], axis=1))
    return made
