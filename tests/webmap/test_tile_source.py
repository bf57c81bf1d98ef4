"""Shapes of every kind in tiles of every zoom: where they are, what is left of them, and that tiles agree."""

from __future__ import annotations

import math
from typing import Any
from unittest.mock import patch

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from layers.packed import PackedGeometry, packed
from tests.district import small_district
from tests.webmap.decoding import Place, as_text, broken_rules, by_gdal, decoded
from webmap import tile_geometry as tiling
from webmap import tile_source
from webmap.tile_blocks import EVERY_FROM_ZOOM, WEB_MERCATOR, WHOLE_FROM_ZOOM, Rule
from webmap.tile_layers import LABEL_SUFFIX, LABELLED, RULES, make_source
from webmap.tile_source import Source, room_for_blocks, source_of
from webmap.tile_texts import texts_of

FRAMES = small_district()[1]
LAYERS = ("buildings", "communities", "management_cells", "complaints")
FINEST = 16
COLUMN, ROW = 53546, 28553
"""A tile of Shenzhen at `FINEST`; shapes are given in its units, or in those of the tile of another zoom."""


def place_at(zoom: int) -> Place:
    """The tile of a zoom in which, or in whose first corner, the one at `FINEST` is."""
    if zoom <= FINEST:
        return zoom, COLUMN >> (FINEST - zoom), ROW >> (FINEST - zoom)
    return zoom, COLUMN << (zoom - FINEST), ROW << (zoom - FINEST)


def source(shapes: list[Any], zoom: int, rule: Rule) -> tuple[Source, np.ndarray[Any, Any]]:
    """A tile layer of shapes given in the units of `place_at(zoom)`, and those shapes as stored, in these units."""
    _, x, y = place_at(zoom)
    unit = tiling.unit_m(zoom)
    west, _, _, north = tiling.tile_box(zoom, x, y)

    def metres(xy: Any) -> Any:
        return (west, north) + xy * (unit, -unit)

    def units(xy: Any) -> Any:
        return (xy - (west, north)) / (unit, -unit)

    placed = gpd.GeoSeries([shapely.transform(shape, metres) for shape in shapes], crs=WEB_MERCATOR)
    index = pd.Index([f"F{n:04}" for n in range(len(shapes))], dtype="str")
    stored = placed.to_crs("EPSG:4326").set_axis(index).set_crs("EPSG:4490", allow_override=True)
    frame = gpd.GeoDataFrame(
        {"name": [f"名{n % 7}" for n in range(len(shapes))]}, geometry=stored, index=index
    )
    texts = texts_of(frame.index, {"name": frame["name"]})
    made = source_of("a", rule, frame, texts, room_for_blocks())
    again = shapely.transform(placed.to_numpy(), units)
    return made, again


def by_id(body: bytes, dx: int = 0, dy: int = 0) -> dict[str, Any]:
    return {
        feature["properties"]["id"]: shapely.transform(
            shapely.geometry.shape(feature["geometry"]), lambda xy: np.add(xy, (dx, dy))
        )
        for feature in decoded(body)
    }


def width_of(shape: Any) -> float:
    """How wide the widest part of an area is."""
    parts = [part for part in shapely.get_parts(shape) if part.area > 0]
    return max((2 * shapely.maximum_inscribed_circle(part, 0.01).length for part in parts), default=0.0)


def differ_by(one: Any, other: Any, window: Any) -> float:
    if one.geom_type == "Point":
        return float(abs(np.subtract(one.coords[0], other.coords[0])).max())
    return width_of(shapely.symmetric_difference(one, other).intersection(window))


NEAR = st.one_of(st.integers(-80, 4176), st.sampled_from([-65, -64, -63, 0, 4095, 4096, 4159, 4160, 4161]))
ANYWHERE = st.one_of(NEAR, st.integers(-9000, 9000))
PART = st.one_of(st.just(0.0), st.floats(-0.5, 0.5))
PLACES = st.tuples(ANYWHERE, ANYWHERE, PART, PART).map(lambda p: (p[0] + p[2], p[1] + p[3]))


@st.composite
def polygons(draw: st.DrawFn) -> Any:
    """Return polygons and multipolygons, with holes, thin, larger than a tile, smaller than a unit."""
    shape: Any
    kind = draw(st.sampled_from(["ring", "ring", "box", "speck", "sliver", "holes", "many"]))
    x, y = draw(PLACES)
    if kind == "ring":
        shape = shapely.Polygon(draw(st.lists(PLACES, min_size=3, max_size=12)))
    elif kind == "box":
        shape = shapely.box(x, y, x + draw(st.integers(1, 12_000)), y + draw(st.integers(1, 12_000)))
    elif kind == "speck":
        shape = shapely.box(x, y, x + draw(st.floats(1e-3, 3)), y + draw(st.floats(1e-3, 3)))
    elif kind == "sliver":
        far = draw(PLACES)
        shape = shapely.LineString([(x, y), far]).buffer(draw(st.floats(0.05, 2)), cap_style="flat")
    else:
        side = draw(st.integers(4, 6000))
        cuts = [
            shapely.box(x + side * a, y + side * b, x + side * (a + c), y + side * (b + c))
            for a, b, c in draw(st.lists(st.tuples(*[st.floats(0.01, 0.9)] * 3), min_size=1, max_size=4))
        ]
        whole = shapely.box(x, y, x + side, y + side)
        shape = (
            shapely.union_all(cuts) if kind == "many" else shapely.difference(whole, shapely.union_all(cuts))
        )
    parts = [part for part in shapely.get_parts(shapely.make_valid(shape)) if part.geom_type != "LineString"]
    flat = [one for part in parts for one in shapely.get_parts(part) if one.geom_type == "Polygon"]
    assume(flat and sum(one.area for one in flat) > 1e-4)
    made = flat[0] if len(flat) == 1 else shapely.MultiPolygon(flat)
    assume(made.is_valid)
    return made


FARTHEST = 1.5 * math.sqrt(2)
"""Units of a tile (a pixel has 8). Rounding moves a corner by half a diagonal at most; of what rounding would break, a part too
small for a unit is drawn as the unit square that it stands on, whose far corner is a whole diagonal away: together."""

SHAPES = st.lists(st.one_of(polygons(), PLACES.map(shapely.Point)), min_size=1, max_size=5)


@settings(max_examples=80)
@given(SHAPES, st.integers(10, tiling.MAX_ZOOM), st.booleans())
@example([shapely.box(0, 0, 4096, 4096)], 20, False)
@example([shapely.box(-64, -64, 4160, 4160)], 14, True)
@example([shapely.box(-65, -9000, 4161, 9000)], 14, True)
@example([shapely.box(4160, 4160, 9000, 9000), shapely.Point(4160, -64)], 16, False)
@example([shapely.Polygon([(2, 1), (0, 0), (0, 0), (0, 2)])], 10, False)
@example([shapely.Polygon([(2000, 1), (900, 0), (900, 5e-324), (0, 0), (0, 0), (0, 2000)])], 18, True)
@example(
    [shapely.Polygon(shapely.box(0, 0, 90, 90).exterior, [[(9, 9), (9, 9), (9, 40), (40, 9)]])], 16, False
)
def test_whatever_is_drawn_is_where_it_is(shapes: list[Any], zoom: int, coarse: bool) -> None:
    """As far off as `FARTHEST` at most, before `WHOLE_FROM_ZOOM` half a pixel more; every tile keeps the rules, for two decoders."""
    made, stored = source(shapes, zoom, Rule(coarse=coarse, smallest_units2=0))
    place = place_at(zoom)
    body = made.encode(*place)
    assert broken_rules(body) == []
    found = by_id(body)
    window = shapely.box(0, 0, 4096, 4096)
    tolerance = FARTHEST if zoom >= WHOLE_FROM_ZOOM or not coarse else FARTHEST + tiling.PIXEL / 2
    for code, shape in zip(made.frame.index, stored, strict=True):
        if code in found:
            assert differ_by(shape, found[code], window) <= tolerance
        else:
            assert width_of(shape.intersection(window)) <= tolerance and not shapely.contains_properly(
                window, shapely.Point(shape.centroid)
            )
    if body:
        west, _, _, north = tiling.tile_box(*place)
        unit = tiling.unit_m(zoom)
        read = by_gdal(body, place).set_index("id").geometry
        theirs = shapely.transform(read.to_numpy(), lambda xy: np.rint((xy - (west, north)) / (unit, -unit)))
        assert list(read.index) == list(found)
        for one, other in zip(theirs, found.values(), strict=True):
            assert parts_of(one) == parts_of(other)


def parts_of(shape: Any) -> set[str]:
    """Decoders may make a multipolygon of one."""
    return {part.wkt for part in shapely.get_parts(shapely.normalize(shape))}


@settings(max_examples=80)
@given(SHAPES, st.integers(10, tiling.MAX_ZOOM), st.booleans())
def test_neighbouring_tiles_agree(shapes: list[Any], zoom: int, coarse: bool) -> None:
    """In the strip that two tiles draw each shows the same; what is not clipped is the same everywhere."""
    made, stored = source(shapes, zoom, Rule(coarse=coarse, smallest_units2=0))
    size_of = {
        f"F{n:04}": max(np.ptp(shapely.get_coordinates(shape), axis=0)) for n, shape in enumerate(stored)
    }
    _, x, y = place_at(zoom)
    here = by_id(made.encode(zoom, x, y))
    for dx, dy in ((1, 0), (0, 1), (-1, 0)):
        there = by_id(made.encode(zoom, x + dx, y + dy), tiling.EXTENT * dx, tiling.EXTENT * dy)
        strip = tiling.BUFFER - 2
        west, north = (tiling.EXTENT * max(d, 0) - strip for d in (dx, dy))
        east, south = (tiling.EXTENT * (1 if d == 0 else max(d, 0)) + strip for d in (dx, dy))
        window = shapely.box(west, north, east, south)
        for code in here.keys() & there.keys():
            one, other = here[code], there[code]
            if size_of[code] < tiling.EXTENT - 2:
                assert one.equals(other)
            assert differ_by(one, other, window) <= FARTHEST
        for code in here.keys() ^ there.keys():
            alone = (here | there)[code]
            assert alone.geom_type == "Point" or width_of(alone.intersection(window)) <= FARTHEST


@settings(max_examples=80)
@given(SHAPES, st.integers(EVERY_FROM_ZOOM, tiling.MAX_ZOOM))
def test_tiles_put_together_one_by_one_have_the_same_bytes(shapes: list[Any], zoom: int) -> None:
    made, _ = source(shapes, zoom, Rule())
    place = place_at(zoom)
    with patch.object(tile_source, "small_tile", lambda *_: None):
        at_once = made.encode(*place)
    assert made.encode(*place) == at_once


@pytest.mark.parametrize("zoom", [16, 18])
def test_a_street_is_put_together_one_by_one(zoom: int) -> None:
    """Codes that are names as well, names missing, a column that is empty, points: the table is the same."""
    shapes: list[Any] = [shapely.box(9 * n, n, 9 * n + 6, n + 300) for n in range(300)]
    shapes += [shapely.Point(7 * n, 5 * n) for n in range(300)]
    plain, _ = source(shapes, zoom, Rule())
    frame = plain.frame
    names = pd.Series(frame.index.to_numpy(object), index=frame.index).shift(-3)
    nothing = pd.Series(None, index=frame.index, dtype=object)
    texts = texts_of(frame.index, {"nothing": nothing, "name": names.where(names.str[-1] != "4")})
    made = source_of("a", Rule(), frame, texts, room_for_blocks())
    place = place_at(zoom)
    with patch.object(tile_source, "tile", None):
        body = made.encode(*place)
    with patch.object(tile_source, "small_tile", lambda *_: None):
        assert body == made.encode(*place)
    assert len(decoded(body)) > 200


def test_what_is_no_larger_than_a_tile_is_not_clipped() -> None:
    shapes = [shapely.box(4000, 10, 4000 + 4096, 20), shapely.box(4000, 30, 4000 + 4097, 40)]
    made, _ = source(shapes, 16, Rule())
    assert [shape.bounds for shape in by_id(made.encode(*place_at(16))).values()] == [
        (4000, 10, 8096, 20),
        (4000, 30, 4160, 40),
    ]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("zoom", [10, 13, 14, 15, 16, 18])
def test_blocks_make_no_difference(layer: str, zoom: int) -> None:
    """Thousands of features sorted into blocks, or all in one: every tile, and every part's, is the same."""
    rng = np.random.default_rng(zoom)
    centres = rng.uniform(-9000, 13_000, (3000, 2))
    shapes = [
        shapely.Point(x, y) if n % 3 == 0 else shapely.box(x, y, x + n % 40 + 1, y + n % 70 + 1)
        for n, (x, y) in enumerate(centres)
    ]
    some = rng.random(len(shapes)) < 0.4
    rule = Rule(**{**vars(RULES[layer]), "from_zoom": 0, "fields": ("name",)})
    made, _ = source(shapes, zoom, rule)
    with patch.object(tile_source, "_BLOCK_ROWS", 10**9):
        at_once, _ = source(shapes, zoom, rule)
        part_at_once = at_once.part(some)
    assert len(made.boxes) > 3 and len(at_once.boxes) == 1
    part = made.part(some)
    _, x, y = place_at(zoom)
    seen = 0
    for dx in (-2, -1, 0, 1):
        for dy in (0, 1):
            place = zoom, x + dx, y + dy
            body = made.encode(*place)
            assert body == at_once.encode(*place)
            assert part.encode(*place) == part_at_once.encode(*place)
            seen += len(decoded(body))
    assert seen > 100


@pytest.mark.parametrize("name", [*RULES, *(layer + LABEL_SUFFIX for layer in LABELLED)])
def test_tiles_of_a_district_keep_the_rules_at_every_zoom(name: str) -> None:
    """And show of each layer what the zoom before showed, and no less."""
    layer = name.removesuffix(LABEL_SUFFIX)
    fields = RULES[layer].fields
    made = make_source(name, FRAMES[layer], fields)
    west, south, east, north = FRAMES[layer].total_bounds
    shown: set[str] = set()
    for zoom in range(tiling.MAX_ZOOM + 1):
        (left, right), (top, bottom) = columns_of(west, east, zoom), rows_of(north, south, zoom)
        if right - left > 8:  # nearer, the middle does
            left, right, top, bottom = *[(left + right) // 2] * 2, *[(top + bottom) // 2] * 2
        found: set[str] = set()
        for x in range(left, right + 1):
            for y in range(top, bottom + 1):
                body = made.encode(zoom, x, y)
                assert broken_rules(body) == []
                found |= set(by_id(body))
        assert found >= shown or zoom > 16
        shown = found
        if zoom == EVERY_FROM_ZOOM:
            assert found == set(FRAMES[layer].index)


def columns_of(west: float, east: float, zoom: int) -> tuple[int, int]:
    return tuple(int((lon + 180) / 360 * 2**zoom) for lon in (west, east))  # type: ignore[return-value]


def rows_of(north: float, south: float, zoom: int) -> tuple[int, int]:
    heights = (math.asinh(math.tan(math.radians(lat))) / math.pi for lat in (north, south))
    return tuple(int((1 - height) / 2 * 2**zoom) for height in heights)  # type: ignore[return-value]


def test_large_layers_are_drawn_as_small_ones() -> None:
    """Their geometry is packed."""
    frame = FRAMES["buildings"]
    with patch("layers.packed._WORTH_PACKING", 0):
        compact = packed(frame)
    assert isinstance(compact.geometry.array, PackedGeometry)
    one, other = (make_source("buildings", each, ("name",)) for each in (frame, compact))
    west, south, east, north = frame.total_bounds
    for zoom in (13, 16, 20):
        place = zoom, columns_of(west, east, zoom)[0], rows_of(north, south, zoom)[0]
        assert one.encode(*place) == other.encode(*place)
    some = np.arange(len(frame)) % 3 == 0
    place = 15, columns_of(west, east, 15)[0], rows_of(north, south, 15)[0]
    assert one.part(some).encode(*place) == other.part(some).encode(*place) != one.encode(*place)


def test_a_part_is_what_a_layer_of_those_alone_would_be() -> None:
    """What others have in the same pixel does not decide whether one's own is drawn."""
    shapes = [shapely.Point(10 + n / 10, 10) for n in range(8)]
    rule = RULES["complaints"]
    made, _ = source(shapes, 14, rule)
    last = np.arange(8) >= 5
    alone = made.part(last)
    assert list(by_id(made.encode(*place_at(14)))) == ["F0000"]
    assert list(by_id(alone.encode(*place_at(14)))) == ["F0005"]
    _, x, y = place_at(14)
    assert len(by_id(made.encode(16, x << 2, y << 2))) == 8


def test_nothing_is_drawn_of_nothing() -> None:
    made, _ = source([shapely.Point(5, 5)], 16, Rule())
    nobody = made.part(np.zeros(1, dtype=bool))
    assert nobody.encode(*place_at(16)) == b"" and nobody.encode(0, 0, 0) == b""


@pytest.mark.parametrize("layer", LAYERS)
def test_small_things_are_left_out_of_small_scales(layer: str) -> None:
    smallest = RULES[layer].smallest_units2 ** 0.5
    shapes = [shapely.box(9, 9, 9 + side, 9 + side) for side in (smallest * 0.97, smallest * 1.03)]
    shown = {}
    for zoom in (14, EVERY_FROM_ZOOM):
        made, _ = source(shapes, zoom, RULES[layer])
        shown[zoom] = list(by_id(made.encode(*place_at(zoom))))
    assert shown == {14: ["F0001"], EVERY_FROM_ZOOM: ["F0000", "F0001"]}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-40, 40), st.floats(-40, 40)), min_size=1, max_size=30), st.integers(9, 14)
)
def test_a_winding_boundary_stays_shared(winding: list[tuple[float, float]], zoom: int) -> None:
    """Two areas meet along a line; at small scales its corners move, and both go with them."""
    step = 3000 / (len(winding) + 1)
    line = [
        (1500.0, 0.0),
        *((1500 + dx, (n + 1) * step + dy) for n, (dx, dy) in enumerate(winding)),
        (1500.0, 3000.0),
    ]
    half = len(line) // 2  # its ring begins elsewhere
    west = shapely.Polygon([(0, 0), *line, (0, 3000)])
    east = shapely.Polygon([*line[half:], (3000, 3000), (3000, 0), *line[:half]])
    assume(west.is_valid and east.is_valid)
    both = tiling.whole_units(np.array([west, east], dtype=object), grain=4)
    assume(shapely.get_num_coordinates(both).sum() > 0)
    gap = shapely.difference(shapely.box(0, 0, 3000, 3000), shapely.union_all(both))
    overlap = shapely.intersection(*both)
    # What snapping mends of a boundary that comes to cross itself is thinner than the grid is wide.
    assert width_of(gap) <= 4 and width_of(overlap) <= 4
    if shapely.LineString(np.rint(np.array(line) / 4)).is_simple:
        assert gap.area == 0 and overlap.area == 0


FEW_UNITS = st.integers(-5000, 5000).map(lambda milli: milli / 1000)


@given(st.lists(st.tuples(FEW_UNITS, FEW_UNITS), min_size=4, max_size=10), st.sampled_from([1, 4]))
def test_any_polygon_comes_to_whole_units(points: list[tuple[float, float]], grain: int) -> None:
    shape = shapely.make_valid(shapely.Polygon(points))
    some = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0]
    for polygon in tiling.whole_units(np.array(some, dtype=object), grain=grain):
        assert polygon.is_valid and polygon.area >= 0.5
        assert np.array_equal(shapely.get_coordinates(polygon), np.rint(shapely.get_coordinates(polygon)))
        for ring in shapely.get_rings(polygon):
            assert (np.diff(shapely.get_coordinates(ring), axis=0) != 0).any(axis=1).all()


@given(st.lists(st.lists(st.tuples(FEW_UNITS, FEW_UNITS), min_size=3, max_size=5), min_size=1, max_size=4))
@example(
    [[(0, 0), (4, 0), (4, 3), (0, 3)], [(0, 0), (4, 0), (0, 3), (4, 3)], [(0, 0), (4, 0), (0.1, 0.1), (0, 4)]]
)
@example(
    [[(0, 0), (4, 0), (4, 0), (0, 3)], [(0, 0), (0, 0), (4, 0), (4, 3), (0, 3)], [(0, 0), (4, 0), (0, 3)]]
)
def test_clearance_is_never_said_to_be_more_than_it_is(rings: list[list[tuple[float, float]]]) -> None:
    some = [shapely.Polygon(ring) for ring in rings if shapely.Polygon(ring).area > 0]
    assume(some)
    polygons = shapely.orient_polygons(np.array(some, dtype=object), exterior_cw=True)
    starts = np.append(0, np.cumsum(shapely.get_num_coordinates(polygons)))
    found = tiling.clearances(polygons, shapely.get_coordinates(polygons), starts)
    bare = shapely.get_num_coordinates(shapely.remove_repeated_points(polygons))
    sound = shapely.is_valid(polygons) & (bare == shapely.get_num_coordinates(polygons))
    real = np.where(sound, shapely.minimum_clearance(polygons), 0.0)
    assert (found <= real + 1e-9).all()
    assert ((found > 0) == (real > 0)).all()


def test_of_points_in_a_pixel_the_first_is_drawn() -> None:
    x = np.array([0.0, 7.9, 8.0, 16.1, 7.9, 2.0**32 - 1, 2.0**32 - 8])
    y = np.array([0.0, 7.9, 0.0, 0.0, 8.0, 2.0**32 - 1, 2.0**32 - 8])
    assert tiling.one_per_pixel(np.column_stack((x, y))).tolist() == [0, 2, 3, 4, 5]


def test_a_tile_reads_as_on_paper() -> None:
    corner = [(100, 100), (200, 100), (200, 140), (150, 140), (150, 180), (100, 180)]
    court = shapely.Polygon(shapely.box(10, 10, 50, 40).exterior, [shapely.box(20, 20, 30, 30).exterior])
    two = shapely.MultiPolygon([shapely.box(300, 300, 310, 310), shapely.box(320, 300, 330, 310)])
    shapes = [shapely.Polygon(corner), court, two, shapely.Point(7, 8), shapely.box(4090, 0, 9000, 10)]
    made, _ = source(shapes, 16, Rule())
    assert as_text(made.encode(*place_at(16))).splitlines() == [
        "id=F0000 name=名0 POLYGON ((100 100, 200 100, 200 140, 150 140, 150 180, 100 180, 100 100))",
        "id=F0001 name=名1 POLYGON ((50 10, 50 40, 10 40, 10 10, 50 10), (30 20, 20 20, 20 30, 30 30, 30 20))",
        "id=F0002 name=名2 MULTIPOLYGON (((310 300, 310 310, 300 310, 300 300, 310 300)), ((330 300, 330 310, 320 310, 320 300, 330 300)))",
        "id=F0003 name=名3 POINT (7 8)",
        "id=F0004 name=名4 POLYGON ((4090 0, 4160 0, 4160 10, 4090 10, 4090 0))",
    ]
    _, x, y = place_at(16)
    # At an eighth of that scale: corners on a grid of four units, and no small ones.
    coarse, _ = source(shapes, 16, Rule(coarse=True, smallest_units2=4))
    assert as_text(coarse.encode(13, x >> 3, y >> 3)).splitlines() == [
        "id=F0000 name=名0 POLYGON ((1036 524, 1048 524, 1048 528, 1044 528, 1044 536, 1036 536, 1036 524))",
        (
            "id=F0001 name=名1 POLYGON ((1025 513, 1030 513, 1030 517, 1025 517, 1025 513), "
            "(1028 516, 1028 515, 1026 515, 1026 516, 1028 516))"
        ),
        "id=F0003 name=名3 POINT (1025 513)",
        "id=F0004 name=名4 POLYGON ((1535 512, 2149 512, 2149 513, 1535 513, 1535 512))",
    ]
