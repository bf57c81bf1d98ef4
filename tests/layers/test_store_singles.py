"""The row of a feature is the row of a frame of it, and what such a frame could not hold is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import STORED_CRS
from layers.feature import Feature
from layers.frames import conform
from layers.schema import LAYERS, Layer
from layers.stores.rows import COLUMN_TYPES, rows_of
from layers.stores.singles import rows_of_feature

BUILDINGS, COMPLAINTS, ROOMS = (LAYERS[name] for name in ("buildings", "complaints", "mediation_rooms"))
HERE = shapely.Point(114.0, 22.0)
SQUARE = shapely.box(114, 22, 115, 23)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats() | st.integers(-(2**70), 2**70) | st.floats().map(np.float64),
    "date": st.dates(),
}
POINTS = [
    HERE,
    shapely.Point(-0.0, 0.0, 7.5),
    shapely.from_wkt("POINT M (1 2 3)"),
    shapely.from_wkt("POINT ZM (1 2 3 4)"),
]
POLYGONS = [
    SQUARE,
    SQUARE - shapely.box(114.2, 22.2, 114.4, 22.4),
    shapely.force_3d(SQUARE, 5.0),
    shapely.MultiPolygon([SQUARE]),
    shapely.force_3d(shapely.MultiPolygon([SQUARE]), 5.0),
    shapely.MultiPolygon([SQUARE, shapely.box(116, 22, 117, 23)]),
    shapely.from_wkt("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), EMPTY)"),
    shapely.from_wkt("MULTIPOLYGON M (((0 0 1, 1 0 1, 1 1 1, 0 0 1)))"),
]


@st.composite
def features(draw: st.DrawFn) -> tuple[Layer, Feature]:
    """Return a layer and a feature of it, some fields None and some left out."""
    layer = LAYERS[draw(st.sampled_from(sorted(LAYERS)))]
    shapes = [
        *(POINTS if "point" in layer.geometry else []),
        *(POLYGONS if "polygon" in layer.geometry else []),
    ]
    values = {
        field.name: draw(st.none() | VALUES[COLUMN_TYPES[field.type]])
        for field in layer.fields
        if field.name != "code" and draw(st.booleans())
    }
    return layer, Feature(draw(TEXTS), draw(st.sampled_from(shapes)), values)


def frame_of_one(feature: Feature, layer: Layer) -> gpd.GeoDataFrame:
    columns = {name: pd.Series([value], dtype=object) for name, value in feature.values.items()}
    frame = gpd.GeoDataFrame({"code": [feature.code], **columns}, geometry=[feature.geometry], crs=STORED_CRS)
    return conform(frame, layer)


@given(made=features())
def test_the_row_of_a_feature_is_the_row_of_a_frame_of_it(made: tuple[Layer, Feature]) -> None:
    layer, feature = made
    mine, of_frame = rows_of_feature(feature, layer), rows_of(frame_of_one(feature, layer), layer)
    assert mine.records == of_frame.records
    assert [type(value) for value in mine.records[0]] == [type(value) for value in of_frame.records[0]]
    assert repr(mine.records) == repr(of_frame.records)  # zeros have signs, too
    assert mine.bounds.dtype == of_frame.bounds.dtype
    assert mine.bounds.tolist() == of_frame.bounds.tolist()


class Use(StrEnum):
    OFFICE = "office"


@pytest.mark.parametrize(
    ("layer", "field", "value"),
    [
        (BUILDINGS, "name", 7),
        (BUILDINGS, "name", b"bytes"),
        (BUILDINGS, "name", float("nan")),
        (BUILDINGS, "use", Use.OFFICE),
        (BUILDINGS, "floors", 2.0),
        (BUILDINGS, "floors", "2"),
        (BUILDINGS, "floors", True),
        (BUILDINGS, "floors", np.int64(2)),
        (BUILDINGS, "floors", 2**63),
        (BUILDINGS, "floors", -(2**63) - 1),
        (BUILDINGS, "floor_area_m2", "2"),
        (BUILDINGS, "floor_area_m2", True),
        (BUILDINGS, "floor_area_m2", 10**400),
        (BUILDINGS, "entrance_lon", 1j),
        (COMPLAINTS, "closed", "2020-01-01"),
        (COMPLAINTS, "closed", datetime(2020, 1, 1, tzinfo=UTC)),
        (COMPLAINTS, "closed", pd.NaT),
        (ROOMS, "shared", True),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_field(layer: Layer, field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{layer.name}\.{field}: .* is not of its type$"):
        rows_of_feature(Feature("a", HERE, {field: value}), layer)


@pytest.mark.parametrize("text", ["a\0b", "\0", "\ud800", "a\udfff"])
def test_a_text_that_no_store_can_keep_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"buildings .* holds the character NUL or half a character"):
        rows_of_feature(Feature(text, HERE), BUILDINGS)
    with pytest.raises(ValueError, match="buildings 'a' holds the character NUL or half a character"):
        rows_of_feature(Feature("a", HERE, {"name": text}), BUILDINGS)


def test_two_halves_in_two_fields_are_no_character() -> None:
    with pytest.raises(ValueError, match="half a character"):
        rows_of_feature(Feature("a", HERE, {"name": "\ud83d", "name_en": "\ude00"}), BUILDINGS)


@pytest.mark.parametrize("code", [None, 7, float("nan"), b"a"])
def test_a_code_must_be_there(code: Any) -> None:
    with pytest.raises(ValueError, match="the code of buildings must be there, and a text"):
        rows_of_feature(Feature(code, HERE), BUILDINGS)


@pytest.mark.parametrize("name", ["colour", "code", "geometry"])
def test_a_field_that_the_layer_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^buildings has no fields \['{name}'\]$"):
        rows_of_feature(Feature("a", HERE, {"name": "x", name: "y"}), BUILDINGS)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("complaints", None),
        ("complaints", "POINT (1 2)"),
        ("complaints", shapely.Point()),
        ("complaints", SQUARE),
        ("complaints", shapely.MultiPoint([HERE])),
        ("subdistricts", HERE),
        ("subdistricts", shapely.Polygon()),
        ("subdistricts", shapely.MultiPolygon()),
        ("subdistricts", shapely.from_wkt("MULTIPOLYGON (EMPTY)")),
        ("communities", shapely.LineString([(0, 0), (1, 1)])),
        ("communities", shapely.LinearRing([(0, 0), (1, 1), (1, 0)])),
        ("communities", shapely.GeometryCollection([HERE])),
    ],
)
def test_a_geometry_that_the_layer_does_not_take_is_refused(layer: str, shape: Any) -> None:
    with pytest.raises(ValueError, match=f"^{layer} takes"):
        rows_of_feature(Feature("a", shape), LAYERS[layer])


def test_a_feature_is_as_its_author_left_it() -> None:
    values = {"opened": date(2020, 1, 1), "shared": None}
    feature = Feature("a", shapely.MultiPolygon([SQUARE]), values)
    rows_of_feature(feature, ROOMS)
    assert feature == Feature(
        "a", shapely.MultiPolygon([SQUARE]), {"opened": date(2020, 1, 1), "shared": None}
    )
