"""An area package put together: what the policy lets out by it, and the tiles of the map in the field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import asinh, cos, floor, pi, radians, tan
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from layers.areas import features_in_area
from layers.packages import Parts, package_head
from webmap.display import displayed_boxes
from webmap.features import features
from webmap.field_area import (
    area_of,
    area_tasks,
    as_of,
    counts_of,
    district_of,
    holder_of,
    may_of,
    moment_text,
)
from webmap.tile_layers import RULES, Drawn
from webmap.tiles import MVT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.access.package_keys import PackageKey
    from layers.installation import MapDatum
    from layers.policy import Policy, Seen
    from layers.snapshot import Snapshot
    from layers.visitors import Visitor
    from webmap.tile_cache import TileCache

MEDIA_TYPE = "application/vnd.wangge.package"
TILE_LAYERS = (
    "backdrop",
    "subdistricts",
    "neighbourhoods",
    "management_cells",
    "communities",
    "buildings",
    "mediation_rooms",
    "facilities",
)
MIN_ZOOM, MAX_ZOOM = 13, 17
MOST_PLACES = 1_500
"""Tiles of each layer; of an area that needs more, the largest scales stay behind."""
_FEATURES = ("communities", "management_cells", "mediation_rooms", "facilities")
_AROUND = ("mediation_rooms", "facilities")
_METRES_A_DEGREE = 111_320.0

Place = tuple[int, int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Asked:
    """For whom a package is made, of what, and when.

    Attributes
    ----------
    now : datetime
        In UTC.
    max_zoom : int
        The largest scale of its tiles; where the area is large it may be a smaller one.
    """

    snapshot: Snapshot
    policy: Policy
    visitor: Visitor
    now: datetime
    max_zoom: int
    datum: MapDatum

    def seen(self, layer: str) -> Seen:
        """Return what of a layer leaves by the package."""
        return self.policy.seen(self.visitor, layer, way_out="package", action="package")


@dataclass(frozen=True)
class Package:
    """A package: its head, and its parts, which are to be closed.

    Attributes
    ----------
    codes : tuple of str
        Of the communities in it.
    """

    head: bytes
    parts: Parts
    codes: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.head) + sum(part.bytes for part in self.parts.listed)

    def chunks(self) -> Iterator[bytes]:
        """Return it piece by piece, once; its parts are closed then."""
        with self.parts:
            yield self.head
            yield from self.parts.chunks()


def make_package(asked: Asked, tiles: TileCache, key: PackageKey) -> Package:
    """Return the package of the visitor's area.

    Raises
    ------
    NotSignedIn, Forbidden
        The visitor may take no packages.
    """
    parts = Parts()
    try:
        return _made(asked, tiles, key, parts)
    except BaseException:
        parts.close()
        raise


def _made(asked: Asked, tiles: TileCache, key: PackageKey, parts: Parts) -> Package:
    snapshot, visitor = asked.snapshot, asked.visitor
    found = area_tasks(snapshot, asked.policy, visitor, asked.now, way_out="package", action="package")
    counts = counts_of(snapshot, visitor.area, found)
    area, holder = area_of(snapshot, visitor.area), holder_of(visitor)
    margin_m, days = snapshot.standards.packages.margin_m, snapshot.standards.packages.days
    about = {
        "version": snapshot.version,
        "epoch": snapshot.district.epoch.id,
        "as_of": as_of(snapshot),
        "day": found.day.isoformat(),
        "district": district_of(snapshot),
        "map_datum": asked.datum,
        "holder": holder,
    }
    parts.add_json(
        "field.json", {**about, "area": area, "may": may_of(asked.policy, visitor), "counts": counts}
    )
    parts.add_json("tasks.json", found.as_dict())
    around = _widened(area["bbox"], margin_m)
    for layer in _FEATURES:
        parts.add_json(f"{layer}.json", _collection(asked, layer, around))
    zooms = zooms_of(displayed(around, asked.datum), asked.max_zoom)
    number = _add_tiles(parts, asked, tiles, around, zooms)
    said = {
        "kid": key.public["kid"],
        **about,
        "made": moment_text(asked.now),
        "expires": moment_text(asked.now + timedelta(days=days)),
        "area": {name: value for name, value in area.items() if name != "outline"},
        "role": visitor.role,
        "counts": {**counts, "tiles": number},
        "zooms": list(zooms),
        "margin_m": margin_m,
    }
    inside = features_in_area(snapshot, "communities", visitor.area)
    codes = tuple(str(code) for code in snapshot.frame("communities").index[inside])
    return Package(package_head(said, parts.listed, key.sign), parts, codes)


def _collection(asked: Asked, layer: str, around: Box | None) -> dict[str, Any]:
    """Return a layer's features that go along as GeoJSON: the area's, of some also those around it."""
    seen, frame = asked.seen(layer), asked.snapshot.frame(layer)
    inside = features_in_area(asked.snapshot, layer, asked.visitor.area)
    chosen = inside
    if layer in _AROUND and seen.rows == "all" and around is not None:
        boxes = shapely.bounds(np.asarray(frame.geometry.array, dtype=object))
        chosen = inside | _meets(boxes, around)
    return {
        "type": "FeatureCollection",
        "features": features(frame[chosen], seen, inside[chosen]),
    }


def _meets(boxes: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    west, south, east, north = box
    return np.asarray(
        (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
    )


def _widened(box: list[float] | None, margin_m: float) -> Box | None:
    """Return a box in degrees with a margin around it."""
    if box is None:
        return None
    west, south, east, north = box
    up = margin_m / _METRES_A_DEGREE
    aside = up / cos(radians((south + north) / 2))
    return west - aside, south - up, east + aside, north + up


def displayed(box: Box | None, datum: MapDatum) -> Box | None:
    """Return a box where the display map draws it."""
    if box is None:
        return None
    west, south, east, north = displayed_boxes(np.array([box]), datum)[0].tolist()
    return west, south, east, north


def zooms_of(box: Box | None, max_zoom: int) -> tuple[int, int]:
    """Return the least and the largest zoom of which tiles go along: not more than `MOST_PLACES` of a layer."""
    number = 0
    for zoom in range(MIN_ZOOM, max_zoom + 1):
        columns, rows = _span(box, zoom)
        number += len(columns) * len(rows)
        if number > MOST_PLACES:
            return MIN_ZOOM, max(zoom - 1, MIN_ZOOM)
    return MIN_ZOOM, max_zoom


def places_of(box: Box | None, zooms: tuple[int, int]) -> Iterator[Place]:
    """Return zoom, column and row of each tile that meets a box, in this order."""
    for zoom in range(zooms[0], zooms[1] + 1):
        columns, rows = _span(box, zoom)
        yield from ((zoom, x, y) for x in columns for y in rows)


def _span(box: Box | None, zoom: int) -> tuple[range, range]:
    """Return the columns and the rows of the tiles that meet a box."""
    if box is None:
        return range(0), range(0)
    west, south, east, north = box
    columns = range(_column(west, zoom), _column(east, zoom) + 1)
    return columns, range(_row(north, zoom), _row(south, zoom) + 1)


def _column(lon: float, zoom: int) -> int:
    return _within(floor((lon + 180) / 360 * (1 << zoom)), zoom)


def _row(lat: float, zoom: int) -> int:
    return _within(floor((1 - asinh(tan(radians(lat))) / pi) / 2 * (1 << zoom)), zoom)


def _within(number: int, zoom: int) -> int:
    return min(max(number, 0), (1 << zoom) - 1)


def _add_tiles(
    parts: Parts, asked: Asked, tiles: TileCache, around: Box | None, zooms: tuple[int, int]
) -> int:
    """Add the tiles and where each lies among them; return how many there are."""
    listed: list[list[Any]] = []
    places = list(places_of(displayed(around, asked.datum), zooms))
    parts.add("tiles.bin", MVT, _bodies(asked, tiles, places, listed))
    parts.add_json("tiles.json", {"tiles": listed})
    return len(listed)


def _bodies(
    asked: Asked, tiles: TileCache, places: Iterable[Place], listed: list[list[Any]]
) -> Iterator[bytes]:
    """Return the bytes of the tiles that show anything, and list them."""
    start = 0
    places = list(places)
    for layer in TILE_LAYERS:
        drawn = drawn_in_package(asked.seen(layer), asked.visitor)
        for zoom, x, y in places:
            body = tiles.tile(asked.snapshot, drawn, zoom, x, y).body
            if body:
                listed.append([layer, zoom, x, y, start, len(body)])
                start += len(body)
                yield body


def drawn_in_package(seen: Seen, visitor: Visitor) -> Drawn:
    """Return what a package's tiles show of a layer."""
    name = seen.layer.name
    fields = tuple(one.name for one in seen.everywhere if one.name in RULES[name].fields)
    return Drawn(name, fields, visitor.area if seen.rows == "area" else None)
