"""Rows become frames and frames rows: the same either way, however many there are and whatever is in them."""

from __future__ import annotations

import gc
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from geo.crs import STORED_CRS
from layers.frames import conform, empty_frame
from layers.schema import LAYERS, Layer
from layers.stores import rows as module
from layers.stores.rows import (
    COLUMN_TYPES,
    Damaged,
    Row,
    frame_of,
    frame_of_parts,
    geometries_of,
    geometry_type,
    plain_geometries,
    rows_of,
    value_fields,
    without_collector,
    wkb_of,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
DAYS = st.dates().map(lambda day: day.isoformat())
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False),
    "date": DAYS,
}
SHAPES = st.sampled_from(
    [
        shapely.Point(114, 22),
        shapely.box(114, 22, 115, 23),
        shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]),
        shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2),
    ]
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Layer, list[Row]]:
    """Return a layer and rows of it, codes ordered."""
    layer = LAYERS[draw(st.sampled_from(sorted(LAYERS)))]
    codes = sorted(draw(st.sets(TEXTS, max_size=12)))
    kinds = [COLUMN_TYPES[field.type] for field in value_fields(layer)]
    values = [st.none() | VALUES[kind] for kind in kinds]
    shapes = [draw(SHAPES) for _ in codes]
    if layer.geometry == ("point",):
        shapes = [shape.centroid for shape in shapes]
    elif layer.geometry == ("polygon",):
        shapes = [shape if shape.area else shape.buffer(1) for shape in shapes]
    packed = [shape.wkb for shape in shapes]
    return layer, [(code, wkb, *draw(st.tuples(*values))) for code, wkb in zip(codes, packed, strict=True)]


def by_pandas(layer: Layer, records: list[Row]) -> gpd.GeoDataFrame:
    """Return the frame of rows as its definition has it."""
    names = ["code", "geometry", *(field.name for field in value_fields(layer))]
    columns = {name: [record[at] for record in records] for at, name in enumerate(names)}
    shapes = shapely.from_wkb(np.array(columns.pop("geometry"), dtype=object))
    alone = [s.geoms[0] if s.geom_type == "MultiPolygon" and len(s.geoms) == 1 else s for s in shapes]
    return conform(
        gpd.GeoDataFrame(pd.DataFrame(columns, dtype=object), geometry=alone, crs=STORED_CRS), layer
    )


@given(table=tables(), part=st.integers(1, 13))
def test_a_frame_of_rows_is_the_one_that_conform_makes(table: tuple[Layer, list[Row]], part: int) -> None:
    layer, records = table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PART_ROWS", part)
        frame = frame_of(records, layer)
    wanted = by_pandas(layer, records) if records else empty_frame(layer)
    assert_geodataframe_equal(frame, wanted)
    assert frame.dtypes.to_dict() == wanted.dtypes.to_dict()
    assert frame.index.dtype == wanted.index.dtype
    assert frame.crs == STORED_CRS
    assert [type(column.array) for _, column in frame.items()] == [
        type(column.array) for _, column in wanted.items()
    ]


@given(table=tables(), order=st.randoms())
def test_rows_of_a_frame_of_rows_are_those_rows_in_whatever_order_it_is(
    table: tuple[Layer, list[Row]], order: Any
) -> None:
    layer, records = table
    stored = [kept(record, layer) for record in records]
    shuffled = list(records)
    order.shuffle(shuffled)
    rows = rows_of(frame_of(shuffled, layer), layer)
    assert rows.records == stored
    assert rows.bounds.tolist() == [list(shape.bounds) for shape in shapes_of(stored)]


def shapes_of(records: list[Row]) -> list[BaseGeometry]:
    shapes: list[BaseGeometry] = geometries_of([record[1] for record in records]).tolist()
    return shapes


def kept(record: Row, layer: Layer) -> Row:
    """Return a row as a store keeps it: facts that nobody knows say so, polygons are multipolygons."""
    code, _, *values = record
    facts = [field.type == "fact" for field in value_fields(layer)]
    known = ["unknown" if fact and v is None else v for fact, v in zip(facts, values, strict=True)]
    return code, wkb_of(np.array(shapes_of([record])), geometry_type(layer))[0], *known


def row(layer: str, **values: Any) -> Row:
    """Return a row of a layer, unknown where nothing else is said."""
    start = {"code": "a", "geometry": shapely.Point(114, 22).wkb} | values
    names = ["code", "geometry", *(field.name for field in value_fields(LAYERS[layer]))]
    return tuple(start.get(name) for name in names)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", b"\xff"),
        ("name", b"\xff"),
        ("floors", 2.5),
        ("floors", "many"),
        ("floors", b"\x00"),
        ("floors", 2**63),
        ("floor_area_m2", "large"),
        ("floor_area_m2", b"\x00"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_field(field: str, value: Any) -> None:
    good = [row("buildings", code=str(number)) for number in range(10)]
    with pytest.raises(Damaged, match=rf"^buildings\.{field}: "):
        frame_of([*good, row("buildings", **{field: value})], LAYERS["buildings"])


@pytest.mark.parametrize("value", ["no day", "2020-02-30", 5.5, b"\x00"])
def test_a_day_that_is_none_is_told_with_its_field(value: Any) -> None:
    with pytest.raises(Damaged, match=r"^complaints\.closed: "):
        frame_of([row("complaints", closed=value)], LAYERS["complaints"])


@pytest.mark.parametrize("value", [b"", b"\x01", "text", 7])
def test_a_geometry_that_is_none_is_told(value: Any) -> None:
    with pytest.raises(Damaged, match="a geometry cannot be read"):
        frame_of([row("buildings", geometry=value)], LAYERS["buildings"])


def test_rows_that_come_in_parts_are_unwrapped_part_by_part() -> None:
    seen = []

    def unwrapped(rows: Any) -> tuple[Any, ...]:
        seen.append(len(rows))
        codes, packed, *values = zip(*rows, strict=True)
        return (codes, [wkb[2:] for wkb in packed], *values)

    wrapped = [row("buildings", code=str(k), geometry=b"GP" + shapely.Point(k, k).wkb) for k in range(5)]
    frame = frame_of_parts([wrapped[:3], wrapped[3:]], LAYERS["buildings"], unwrapped)
    assert seen == [3, 2]
    assert frame.geometry.x.tolist() == [0, 1, 2, 3, 4]


NAN_HIGH = shapely.from_wkt("POINT Z (1 2 NaN)")


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Point(1, 2, 3),
        NAN_HIGH,
        shapely.from_wkt("POINT M (1 2 3)"),
        shapely.from_wkt("POINT ZM (1 2 3 4)"),
        shapely.from_wkt("MULTIPOLYGON Z (((0 0 1, 1 0 1, 1 1 1, 0 0 1)))"),
    ],
    ids=str,
)
def test_heights_are_dropped(shape: BaseGeometry) -> None:
    flat = plain_geometries([shapely.Point(0, 0), shape])
    assert flat[0] == shapely.Point(0, 0)
    assert shapely.get_coordinate_dimension(flat[1]) == 2
    assert flat[1].geom_type != "MultiPolygon"
    assert np.array_equal(shapely.get_coordinates(flat[1]), shapely.get_coordinates(shape))


@pytest.mark.parametrize(
    ("codes", "why"),
    [
        (["b", "a", "b"], "unique"),
        (["a", "a"], "unique"),
        (["a", None], "there"),
        ([None], "there"),
        (["a\0"], "NUL"),
    ],
)
def test_codes_that_no_store_can_keep_are_refused(codes: list[str | None], why: str) -> None:
    frame = gpd.GeoDataFrame({"code": codes}, geometry=[shapely.Point(1, 2)] * len(codes), crs=STORED_CRS)
    with pytest.raises(ValueError, match=f"code.*{why}"):
        rows_of(conform(frame, LAYERS["buildings"]), LAYERS["buildings"])


def test_the_collector_comes_back_and_stays_away_where_it_was() -> None:
    with pytest.raises(Damaged):
        frame_of([row("buildings", floors="many")], LAYERS["buildings"])
    assert gc.isenabled()
    gc.disable()
    try:
        with without_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    with without_collector():
        assert not gc.isenabled()
