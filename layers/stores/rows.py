"""What every kind of store shares: tables described from the schema, and rows made from frames and back.

A row is the tuple ``(code, wkb, value, …)``: the geometry as little-endian WKB, then the layer's other
fields in order; unknown is None, dates are ISO texts. Adapters only add their own SQL and wrapping.
"""

from __future__ import annotations

import gc
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely

from geo.crs import STORED_CRS
from layers.frames import DTYPES, empty_frame
from layers.schema import Field, FieldType, Layer

if TYPE_CHECKING:
    import geopandas as gpd
    import pyarrow as pa
    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionArray
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

# Rows become columns so many at a time: what one part takes stays in the processor's cache.
PART_ROWS = 2000

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
    parts = list(row_parts(by_code(frame, layer), layer))
    records = [record for part in parts for record in part.records]
    return Rows(records, np.concatenate([np.empty((0, 4)), *(part.bounds for part in parts)]))


def by_code(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    """Return a conformed frame ordered by code.

    Raises
    ------
    ValueError
        A code is there twice or missing, or holds the character NUL.
    """
    if frame.index.hasnans:
        raise ValueError(f"the codes of {layer.name} must be there")
    codes = frame.index.tolist()
    if not _ascending(codes):
        order = sorted(range(len(codes)), key=codes.__getitem__)
        frame = frame.iloc[order]
        if not _ascending([codes[at] for at in order]):
            raise ValueError(f"the codes of {layer.name} must be unique")
    if "\0" in "".join(codes):
        raise ValueError(f"a code of {layer.name} holds the character NUL, which no store can keep")
    return frame


def row_parts(frame: gpd.GeoDataFrame, layer: Layer) -> Iterator[Rows]:
    """Turn what `by_code` returns into rows, some at a time, each part when it is asked for.

    Raises
    ------
    ValueError
        A text holds the character NUL, or a geometry is missing or of a kind the layer does not take.
    """
    geometries = frame.geometry.to_numpy()
    columns = [(field, frame[field.name].array) for field in value_fields(layer)]
    for start in range(0, len(frame), PART_ROWS):
        part = slice(start, start + PART_ROWS)
        with without_collector():
            shapes = _taken_geometries(geometries[part], layer)
            values = [_stored(column[part], field) for field, column in columns]
            packed = wkb_of(shapes, geometry_type(layer))
            records: list[Row] = list(zip(frame.index[part].tolist(), packed, *values, strict=True))
        yield Rows(records, shapely.bounds(shapes))


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
    flat = np.array(geometries, dtype=np.object_)
    deep = shapely.get_coordinate_dimension(flat) > 2
    flat[deep] = shapely.force_2d(flat[deep])
    alone = shapely.get_type_id(flat) == _MULTIPOLYGON
    alone[alone] = shapely.get_num_geometries(flat[alone]) == 1
    flat[alone] = shapely.get_geometry(flat[alone], 0)
    return flat


def frame_of(records: Sequence[Row], layer: Layer) -> gpd.GeoDataFrame:
    """Turn rows into the frame that `layers.frames.conform` would make, in the order of the rows.

    Raises
    ------
    Damaged
        When a value cannot be read as its field's type; says which.
    """
    return frame_of_parts(
        (records[start : start + PART_ROWS] for start in range(0, len(records), PART_ROWS)), layer
    )


def frame_of_parts(
    parts: Iterable[Sequence[Row]],
    layer: Layer,
    columns_of: Callable[[Sequence[Row]], Iterable[Sequence[Any] | pa.Array]] | None = None,
) -> gpd.GeoDataFrame:
    """Turn rows that come in parts, none of them empty, into one frame, as `frame_of` does.

    Parameters
    ----------
    columns_of : callable, optional
        Returns code, WKB, then the fields in order of a part that holds something else than rows; texts may
        be in Arrow.

    Raises
    ------
    Damaged
        When a value cannot be read as its field's type; says which.
    """
    import geopandas as gpd
    import pyarrow as pa

    fields = (layer.field("code"), *value_fields(layer))
    columns: list[list[Any]] = [[] for _ in fields]
    geometries = []
    with without_collector():
        for part in parts:
            codes, packed, *values = zip(*part, strict=True) if columns_of is None else columns_of(part)
            geometries.append(geometries_of(packed))
            for field, read, column in zip(fields, columns, (codes, *values), strict=True):
                try:
                    read.append(column if isinstance(column, pa.Array) else _typed(column, field))
                except (TypeError, ValueError, OverflowError) as error:
                    raise Damaged(f"{layer.name}.{field.name}: {error}") from error
    if not geometries:
        return empty_frame(layer)
    code, *made = (_joined(read, field) for field, read in zip(fields, columns, strict=True))
    frame = dict(zip((field.name for field in fields[1:]), made, strict=True))
    index = pd.Index(code, name="code")
    return gpd.GeoDataFrame(frame, geometry=np.concatenate(geometries), crs=STORED_CRS, index=index)


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep Python's collector of cycles from looking through rows again and again: there are none in them.

    It would take as long as the reading itself. Reference counts free what is no longer needed as ever;
    where several threads are in here at once, the first that leaves lets the collector in again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def storable(text: str) -> bool:
    """Tell whether every kind of store can keep `text`: without NUL, and each character whole."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def difference(rows: Rows, existing: Iterable[Row]) -> tuple[list[int], list[int]]:
    """Return the positions in `rows` of what is not in `existing` by code, and of what differs there."""
    known = {record[0]: record for record in existing}
    new, changed = [], []
    for position, record in enumerate(rows.records):
        before = known.get(record[0])
        if before is None:
            new.append(position)
        elif before != record:
            changed.append(position)
    return new, changed


def taken(rows: Rows, positions: Sequence[int]) -> Rows:
    """Return the rows at `positions`, each of which comes once."""
    if len(positions) == len(rows.records):
        return rows
    return Rows([rows.records[at] for at in positions], rows.bounds[np.array(positions, dtype=np.intp)])


def _ascending(codes: list[str]) -> bool:
    return all(map(operator.lt, codes, islice(codes, 1, None)))


def _taken_geometries(geometries: NDArray[np.object_], layer: Layer) -> NDArray[np.object_]:
    plain = plain_geometries(geometries)
    taken = set().union(*(_TAKEN[kind] for kind in layer.geometry))
    wrong = sorted(set(np.unique(shapely.get_type_id(plain)).tolist()) - taken)
    if wrong or shapely.is_empty(plain).any():
        raise ValueError(
            f"{layer.name} takes {layer.geometry}, not empty ones or types {wrong} (-1 is missing)"
        )
    return plain


def _stored(values: ExtensionArray, field: Field) -> list[Any]:
    import pyarrow as pa

    kind = COLUMN_TYPES[field.type]
    if kind == "date":
        days = np.asarray(values).astype("datetime64[D]")
        return _known(days.astype(str), ~np.isnat(days))
    if kind == "number":
        # SQLite knows no negative zero: adding zero takes its sign, so that all kinds keep the same.
        numbers = np.asarray(values) + 0.0
        return _known(numbers, ~np.isnan(numbers))
    plain: list[Any] = pa.array(values).to_pylist()
    if kind == "text" and "\0" in "".join(filter(None, plain)):
        raise ValueError(f"{field.name} holds the character NUL, which no store can keep")
    return plain


def _known(values: NDArray[Any], known: NDArray[np.bool_]) -> list[Any]:
    """Return plain values, None where they are not known."""
    found = np.full(len(values), None, dtype=object)
    found[known] = values[known]
    plain: list[Any] = found.tolist()
    return plain


def _typed(column: Sequence[Any], field: Field) -> pa.Array | NDArray[Any]:
    """Return a field's values in its type, some for `_joined` to put together."""
    import pyarrow as pa

    kind = COLUMN_TYPES[field.type]
    if kind == "date":
        return np.array(column, dtype="datetime64[D]").astype("datetime64[s]")
    # Told to make integers, Arrow would cut off what is behind a decimal point.
    wanted = {"integer": None, "number": pa.float64()}.get(kind, pa.large_string())
    try:
        made = pa.array(column, type=wanted)
        readable = kind != "integer" or pa.types.is_int64(made.type) or pa.types.is_null(made.type)
    except (TypeError, ValueError, OverflowError):
        readable = False
    if not readable:
        # No store writes such values. Pandas takes some of them, and says what is wrong with others.
        made = pa.array(pd.array(list(column), dtype=DTYPES[field.type]))  # type: ignore[call-overload]
    return made.cast(pa.int64()) if kind == "integer" else made


def _joined(parts: list[Any], field: Field) -> Any:
    """Return the values that `_typed` made of the parts of a column as one."""
    import pyarrow as pa

    kind = COLUMN_TYPES[field.type]
    if kind == "date":
        return np.concatenate(parts)
    whole = pa.concat_arrays(parts)
    if kind == "number":
        return whole.to_numpy(zero_copy_only=False)
    if kind == "text":
        return pd.array(whole.fill_null("unknown") if field.type == "fact" else whole, dtype="str")
    return pd.arrays.IntegerArray(
        whole.fill_null(0).to_numpy(), whole.is_null().to_numpy(zero_copy_only=False)
    )
