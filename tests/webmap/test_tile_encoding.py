"""From shapes to the bytes of a tile: rounding, simplifying, leaving out, and the message itself."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from mapbox_vector_tile.Mapbox import vector_tile_pb2

from tests.district import small_district
from tests.webmap.decoding import decoded
from webmap import tile_geometry as tiling
from webmap.tile_encoding import encode
from webmap.tile_layers import RULES, Source, make_source

FRAMES = small_district()[1]


def source_of(shapes: list[Any], name: str = "buildings") -> Source:
    """A tile layer of polygons given in EPSG:3857, for what the small district does not have."""
    frame = FRAMES["buildings"].iloc[: len(shapes)]
    moved = gpd.GeoSeries(shapes, crs="EPSG:3857").to_crs("EPSG:4326").to_numpy()
    there = frame.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs="EPSG:4490"))
    return make_source(name, there, RULES[name].fields)


@given(
    st.lists(
        st.tuples(st.floats(0, 600), st.floats(0, 600), st.floats(1e-4, 80), st.floats(1e-4, 80)),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_smaller_than_a_unit_is_not_lost(boxes: list[tuple[float, float, float, float]]) -> None:
    west, _, _, north = tiling.tile_box(16, 53000, 28000)
    shapes = [shapely.box(west + x, north - y - h, west + x + w, north - y) for x, y, w, h in boxes]
    source = source_of(shapes)
    found = decoded(source.encode(16, 53000, 28000))
    assert [f["properties"]["id"] for f in found] == list(source.frame.index)
    for feature in found:
        shape = shapely.geometry.shape(feature["geometry"])
        assert shape.is_valid and shape.area >= 1


def test_small_things_are_left_out_of_small_scales() -> None:
    west, _, _, north = tiling.tile_box(13, 6700, 3500)
    big, small = (
        shapely.box(west + 100, north - 200, west + 100 + side, north - 200 + side) for side in (60, 2)
    )
    source = source_of([big, small])
    assert len(decoded(source.encode(13, 6700, 3500))) == 1
    assert (
        len(decoded(source.encode(16, 6700 * 8, 3500 * 8 + 1)))
        + len(decoded(source.encode(16, 6700 * 8, 3500 * 8)))
        >= 2
    )


@given(st.lists(st.tuples(st.floats(-50, 700), st.floats(-50, 700)), min_size=3, max_size=12))
def test_any_ring_becomes_valid_geometry(points: list[tuple[float, float]]) -> None:
    west, _, _, north = tiling.tile_box(16, 53000, 28000)
    ring = shapely.Polygon([(west + x, north - y) for x, y in points])
    shape = shapely.make_valid(ring)
    polygons = [part for part in shapely.get_parts(shapely.get_parts(shape)) if part.geom_type == "Polygon"]
    for feature in decoded(source_of(polygons[:8]).encode(16, 53000, 28000)) if polygons else []:
        made = shapely.geometry.shape(feature["geometry"])
        assert made.is_valid and made.geom_type in ("Polygon", "MultiPolygon")


SQUARE = shapely.box(0, 0, 10, 10)
RING = shapely.Polygon(SQUARE.exterior.coords, [shapely.box(2, 2, 4, 4).exterior.coords])


@pytest.mark.parametrize(
    ("shape", "commands"),
    [
        (shapely.Point(25, 17), [9, 50, 34]),
        (shapely.Polygon([(3, 6), (8, 12), (20, 34)]), [9, 6, 12, 18, 10, 12, 24, 44, 15]),
    ],
)
def test_commands_are_those_of_the_specification(shape: Any, commands: list[int]) -> None:
    """The two examples of the Mapbox Vector Tile specification 2.1, section 4.3.5."""
    tile = vector_tile_pb2.tile.FromString(encode("a", np.array([shape], dtype=object), [{"id": "1"}]))
    assert list(tile.layers[0].features[0].geometry) == commands


SHAPES = st.lists(
    st.sampled_from(
        [
            shapely.Point(5, 7),
            SQUARE,
            RING,
            shapely.MultiPolygon([RING, shapely.box(20, 20, 21, 22)]),
            shapely.MultiPolygon([SQUARE, shapely.box(-9, -9, -5, -7), shapely.box(4000, 4000, 4160, 4160)]),
        ]
    ),
    min_size=1,
    max_size=9,
)


@given(SHAPES)
def test_our_encoder_writes_what_the_reference_encoder_writes(shapes: list[Any]) -> None:
    wound = shapely.orient_polygons(np.array(shapes, dtype=object))
    properties = [{"id": str(n), "name": "甲" * (n % 3)} for n in range(len(shapes))]
    reference = mapbox_vector_tile.encode(
        {
            "name": "a",
            "features": [{"geometry": g, "properties": p} for g, p in zip(wound, properties, strict=True)],
        },
        default_options={"y_coord_down": True, "check_winding_order": False},
    )
    ours = encode("a", wound, properties)
    assert vector_tile_pb2.tile.FromString(ours) == vector_tile_pb2.tile.FromString(reference)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=4, max_size=10))
def test_no_line_leads_to_where_it_starts(points: list[tuple[float, float]]) -> None:
    doubled = [place for x, y in points for place in ((x, y), (x + 0.2, y + 0.2))]
    shape = shapely.make_valid(shapely.Polygon(doubled))
    polygons = np.array(
        [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"], dtype=object
    )
    for polygon in tiling.whole_units(polygons):
        for ring in shapely.get_rings(polygon):
            assert (np.diff(shapely.get_coordinates(ring), axis=0) != 0).any(axis=1).all()


@given(st.lists(st.floats(-40, 40), min_size=3, max_size=30), st.integers(9, 15))
def test_simplifying_keeps_a_winding_boundary_shared(offsets: list[float], zoom: int) -> None:
    """Two cells meet along a winding line; at small scales the line has fewer corners, and both have the same."""
    step = 2000 / (len(offsets) + 1)
    line = [(1000.0, 0.0), *((1000 + dx, (n + 1) * step) for n, dx in enumerate(offsets)), (1000.0, 2000.0)]
    west_cell = shapely.Polygon([(0, 0), *line, (0, 2000)])
    half = len(line) // 2  # its ring begins elsewhere, so that simplifying each by itself would tell
    east_cell = shapely.Polygon([*line[half:], (2000, 2000), (2000, 0), *line[:half]])
    cells = np.array([west_cell, east_cell], dtype=object)
    made = tiling.simplified(cells, zoom, coverage=True)
    joined = shapely.union_all(made)
    assert shapely.area(made).sum() == pytest.approx(joined.area)
    assert joined.area == pytest.approx(4e6)
    assert (shapely.get_num_coordinates(made) <= shapely.get_num_coordinates(cells)).all()
    moved = shapely.hausdorff_distance(shapely.boundary(made), shapely.boundary(cells))
    assert (moved <= 80).all()
