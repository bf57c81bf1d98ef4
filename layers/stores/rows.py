"""What every kind of store shares: tables described from the schema, and rows made from frames and back.

A row is the tuple ``(code, wkb, value, …)``: the geometry as little-endian WKB, then the layer's other
fields in order; unknown is None, dates are ISO texts. Adapters only add their own SQL and wrapping.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely

from geo.crs import STORED_CRS
from layers.frames import DTYPES, empty_frame
from layers.schema import Field, FieldType, Layer

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

ColumnType = Literal["text", "integer", "number", "date"]
GeometryType = Literal["POINT", "MULTIPOLYGON", "GEOMETRY"]
Row = tuple[Any, ...]

COLUMN_TYPES: dict[FieldType, ColumnType] = {
    "text": "text",
    "fact": "text",
    "time": "text",
    "integer": "integer",
    "number": "number",
    "x": "number",
    "y": "number",
    "date": "date",
}

_POLYGON, _MULTIPOLYGON = 3, 6
_TAKEN = {"point": {0}, "polygon": {_POLYGON, _MULTIPOLYGON}}


class Damaged(ValueError):
    """What a store keeps is not what it wrote there: a geometry or a value that cannot be read."""


@dataclass(frozen=True)
class Rows:
    """Rows on their way into a store, ordered by code, with their bounding boxes.

    Attributes
    ----------
    records : list of (code, wkb, value, …)
    bounds : array of shape (n, 4)
        West, south, east, north in degrees of EPSG:4490.
    """

    records: list[Row]
    bounds: NDArray[np.float64]


def value_fields(layer: Layer) -> tuple[Field, ...]:
    """Return the layer's fields without `code`, which every table has as its key."""
    return tuple(field for field in layer.fields if field.name != "code")


def geometry_type(layer: Layer) -> GeometryType:
    """Return the type that a geometry column can honestly declare.

    Polygons come in one or more parts, so polygon layers hold multipolygons throughout: a column
    declared POLYGON would lie, and one declared GEOMETRY makes desktop programs ask what it is.
    """
    kinds: dict[tuple[str, ...], GeometryType] = {("point",): "POINT", ("polygon",): "MULTIPOLYGON"}
    return kinds.get(layer.geometry, "GEOMETRY")


def rows_of(frame: gpd.GeoDataFrame, layer: Layer) -> Rows:
    """Turn a conformed frame into rows ordered by code.

    Heights are dropped, and a multipolygon of one part counts as that polygon: equal things are
    equal whichever file format they came through.

    Raises
    ------
    ValueError
        A code is there twice or missing, a text holds the character NUL, or a geometry is missing or of
        a kind the layer does not take: import validates all of this, so here it is a programming error.
    """
    frame = frame.sort_index()
    if frame.index.hasnans or not frame.index.is_unique:
        raise ValueError(f"the codes of {layer.name} must be there and unique")
    if any("\0" in code for code in frame.index):
        raise ValueError(f"a code of {layer.name} holds the character NUL, which no store can keep")
    geometries = plain_geometries(frame.geometry.to_numpy())
    taken = set().union(*(_TAKEN[kind] for kind in layer.geometry))
    wrong = sorted(set(np.unique(shapely.get_type_id(geometries)).tolist()) - taken)
    if wrong or shapely.is_empty(geometries).any():
        raise ValueError(
            f"{layer.name} takes {layer.geometry}, not empty ones or types {wrong} (-1 is missing)"
        )
    columns = [frame.index.tolist(), wkb_of(geometries, geometry_type(layer))]
    columns += [_stored(frame[field.name], field) for field in value_fields(layer)]
    return Rows(list(zip(*columns, strict=True)), shapely.bounds(geometries))


def wkb_of(geometries: NDArray[np.object_], column: GeometryType) -> list[bytes]:
    """Return the WKB that a column of type `column` keeps; polygons become multipolygons where it must."""
    if column == "MULTIPOLYGON":
        geometries = geometries.copy()
        single = shapely.get_type_id(geometries) == _POLYGON
        geometries[single] = shapely.multipolygons(geometries[single], indices=np.arange(single.sum()))
    packed: list[bytes] = shapely.to_wkb(geometries, byte_order=1, output_dimension=2).tolist()
    return packed


def geometries_of(packed: Sequence[bytes]) -> NDArray[np.object_]:
    """Return geometries from WKB, as `plain_geometries` does.

    Raises
    ------
    Damaged
        When something is not WKB.
    """
    try:
        return plain_geometries(shapely.from_wkb(np.array(packed, dtype=object)))
    except (shapely.errors.ShapelyError, TypeError) as error:
        raise Damaged(f"a geometry cannot be read: {error}") from error


def plain_geometries(geometries: Sequence[BaseGeometry] | NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the geometries in two dimensions, multipolygons of one part as polygons."""
    flat = shapely.force_2d(np.array(geometries, dtype=np.object_))
    alone = (shapely.get_type_id(flat) == _MULTIPOLYGON) & (shapely.get_num_geometries(flat) == 1)
    flat[alone] = shapely.get_geometry(flat[alone], 0)
    return flat


def frame_of(records: Sequence[Row], layer: Layer) -> gpd.GeoDataFrame:
    """Turn rows into the frame that `layers.frames.conform` would make, in the order of the rows.

    Raises
    ------
    Damaged
        When a value cannot be read as its field's type; says which.
    """
    import geopandas as gpd

    if not records:
        return empty_frame(layer)
    codes, packed, *values = zip(*records, strict=True)
    columns: dict[str, Any] = {}
    for field, column in zip(value_fields(layer), values, strict=True):
        try:
            columns[field.name] = _typed(column, field)
        except (TypeError, ValueError) as error:
            raise Damaged(f"{layer.name}.{field.name}: {error}") from error
    index = pd.Index(list(codes), dtype="str", name="code")
    return gpd.GeoDataFrame(columns, geometry=geometries_of(packed), crs=STORED_CRS, index=index)


def storable(text: str) -> bool:
    """Tell whether every kind of store can keep `text`: without NUL, and each character whole."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def difference(rows: Rows, existing: Iterable[Row]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions in `rows` of what is not in `existing` by code, and of what differs there."""
    known = {record[0]: record for record in existing}
    new, changed = [], []
    for position, record in enumerate(rows.records):
        before = known.get(record[0])
        if before is None:
            new.append(position)
        elif before != record:
            changed.append(position)
    return np.array(new, dtype=np.intp), np.array(changed, dtype=np.intp)


def taken(rows: Rows, positions: NDArray[np.intp]) -> Rows:
    """Return the rows at `positions`."""
    if len(positions) == 0:
        return Rows([], np.empty((0, 4)))
    chosen = operator.itemgetter(*positions.tolist())(rows.records)
    return Rows([chosen] if len(positions) == 1 else list(chosen), rows.bounds[positions])


def _stored(values: pd.Series[Any], field: Field) -> list[Any]:
    kind = COLUMN_TYPES[field.type]
    if kind == "date":
        days = values.to_numpy().astype("datetime64[D]")
        missing = np.isnat(days)
        return [None if gone else day for gone, day in zip(missing, days.astype(str).tolist(), strict=True)]
    if kind == "number":
        # SQLite knows no negative zero: adding zero takes its sign, so that all kinds keep the same.
        return [None if number != number else number + 0.0 for number in values.tolist()]
    plain: list[Any] = values.array.to_numpy(dtype=object, na_value=None).tolist()
    if kind == "text" and any("\0" in value for value in plain if value is not None):
        raise ValueError(f"{field.name} holds the character NUL, which no store can keep")
    return plain


def _typed(column: Sequence[Any], field: Field) -> Any:
    kind = COLUMN_TYPES[field.type]
    if kind == "date":
        return np.array(column, dtype="datetime64[D]").astype("datetime64[s]")
    if field.type == "fact":
        column = ["unknown" if value is None else value for value in column]
    if kind == "number":
        return np.array([np.nan if value is None else value for value in column], dtype=np.float64)
    return pd.array(list(column), dtype=DTYPES[field.type])  # type: ignore[call-overload]
