"""Files with geometry of their own: GeoPackage, GeoJSON, Shapefile, FlatGeobuf (by GDAL) and GeoParquet."""

from __future__ import annotations

import json
import os
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from layers.imports.archives import check_size
from layers.imports.encoding import encoding_of
from layers.imports.geojson_crs import geojson_crs
from layers.imports.raw import KIND_NAMES, Kind, Source, check_width, choose, damaged
from layers.problems import ValidationError
from layers.text import Text

_DRIVERS: dict[str, Kind] = {
    "GPKG": "geopackage",
    "GeoJSON": "geojson",
    "ESRI Shapefile": "shapefile",
    "FlatGeobuf": "flatgeobuf",
}

# Up to here a whole number stored as a floating-point one is exact, and so is written as a whole number.
_EXACT = 1e15


def read_vector(path: Path, kind: Kind, *, source_layer: str | None) -> Source:
    """Read a file by GDAL, every attribute as text.

    Raises
    ------
    ValidationError
        The file is damaged, or holds several layers and none is chosen.
    """
    import pyogrio
    from pyogrio.errors import CRSError, DataLayerError, DataSourceError

    _stay_offline()
    # Text may be made to look like several formats at once, some of which open other files and addresses.
    source = f"GeoJSON:{path.absolute()}" if kind == "geojson" else path
    options: dict[str, Any] = {"DATE_AS_STRING": "YES"} if kind == "geojson" else {}
    if kind == "shapefile":
        options["encoding"] = _dbf_encoding(path.with_suffix(".dbf"))
    try:
        with warnings.catch_warnings():
            # GDAL warns of what the checks of `layers.imports.placing` report row by row.
            warnings.simplefilter("ignore")
            layers = [str(name) for name, geometry in pyogrio.list_layers(source) if geometry is not None]
            layer = choose(path, layers, source_layer, what=Text("空间图层", "layer with geometry"))
            if _DRIVERS.get(pyogrio.read_info(source, layer=layer)["driver"]) != kind:
                raise damaged(path, kind, f"GDAL does not take it for {KIND_NAMES[kind]}")
            meta, table = pyogrio.read_arrow(source, layer=layer, datetime_as_string=True, **options)
    except UnicodeDecodeError as error:
        # A DBF heading holds 10 bytes; GDAL cuts longer Chinese ones in the middle of a character.
        why = Text(
            "列名被截断在半个汉字处；请另存为 GeoPackage",
            "its headings are cut within a character; save it as GeoPackage",
        )
        raise damaged(path, kind, why) from error
    except DataSourceError as error:
        # GDAL's advice for those who name drivers is none for a clerk.
        raise damaged(path, kind, str(error).partition("; It might help")[0]) from error
    except (DataLayerError, CRSError, pa.ArrowException, RuntimeError, ValueError) as error:
        raise damaged(path, kind, error) from error
    check_width(path, table.num_columns)
    geometry_name = meta["geometry_name"] or "wkb_geometry"
    shapes, repairs = from_wkb(table.column(geometry_name).to_numpy(zero_copy_only=False))
    crs, names_crs = meta["crs"], meta["crs"] is not None
    if kind == "geojson":
        crs, names_crs = geojson_crs(path)
    return Source(
        kind=kind,
        columns=text_columns(table.drop_columns([geometry_name])),
        rows=np.arange(1, len(shapes) + 1, dtype=np.int64),
        geometry=shapes,
        crs=crs,
        names_crs=names_crs,
        repairs=repairs,
    )


def _stay_offline() -> None:
    """Have GDAL ask no other machine, whatever address a file holds: it would follow a CRS given as a link."""
    import pyogrio

    # Nobody listens at port 0, and no exception to the proxy is left, if only for the libraries of this process.
    pyogrio.set_gdal_config_options({"GDAL_HTTP_PROXY": "http://127.0.0.1:0"})
    for name in ("no_proxy", "NO_PROXY"):
        os.unsetenv(name)


def read_parquet(path: Path) -> Source:
    """Read GeoParquet, every attribute as text; `ValidationError` where it has no geometry or is damaged."""
    import geopandas as gpd
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
        check_size(path.name, packed=path.stat().st_size, unpacked=sum(g.total_byte_size for g in groups))
        described = json.loads((file.schema_arrow.metadata or {}).get(b"geo", b"{}"))
        if not described:
            raise ValidationError(
                Text(
                    "{name} 是没有几何的 Parquet，不是 GeoParquet。",
                    "{name} is Parquet without geometry, not GeoParquet.",
                ).format(name=path.name)
            )
        check_width(path, len(file.schema_arrow.names))
        shaped = set(described["columns"])
        plain = [name for name in file.schema_arrow.names if name not in shaped]
        table = file.read(columns=plain)
        frame = gpd.read_parquet(path, columns=[described["primary_column"]])
    except (
        pa.ArrowException, shapely.errors.ShapelyError,
        ValueError, LookupError, TypeError, AttributeError, OSError, RuntimeError,
    ) as error:  # fmt: skip
        raise damaged(path, "geoparquet", error) from error
    shapes = np.asarray(shapely.force_2d(np.asarray(frame.geometry.array)), dtype=object)
    return Source(
        kind="geoparquet",
        columns=text_columns(table),
        rows=np.arange(1, len(shapes) + 1, dtype=np.int64),
        geometry=shapes,
        crs=None if frame.crs is None else _crs_text(frame.crs),
        names_crs=frame.crs is not None,
    )


def from_wkb(blobs: NDArray[np.object_]) -> tuple[NDArray[np.object_], Counter[str]]:
    """Decode geometries; unclosed rings are closed and counted, what cannot be decoded is None."""
    shapes = np.asarray(shapely.from_wkb(blobs, on_invalid="ignore"), dtype=object)
    present = np.array([blob is not None for blob in blobs], dtype=bool)
    return _close_rings(shapes, present, lambda at: shapely.from_wkb(blobs[at], on_invalid="fix"))


def from_wkt(texts: NDArray[np.object_]) -> tuple[NDArray[np.object_], Counter[str]]:
    """Read geometries from WKT as `from_wkb` does; texts that are None give None."""
    shapes = np.asarray(shapely.from_wkt(texts, on_invalid="ignore"), dtype=object)
    present = np.array([text is not None for text in texts], dtype=bool)
    return _close_rings(shapes, present, lambda at: shapely.from_wkt(texts[at], on_invalid="fix"))


def _close_rings(
    shapes: NDArray[np.object_], present: NDArray[np.bool_], fix: Any
) -> tuple[NDArray[np.object_], Counter[str]]:
    failed = np.flatnonzero(present & shapely.is_missing(shapes))
    repairs: Counter[str] = Counter()
    if failed.size:
        shapes[failed] = fix(failed)
        closed = int((~shapely.is_missing(shapes[failed])).sum())
        if closed:
            repairs["unclosed_rings"] = closed
    return np.asarray(shapely.force_2d(shapes), dtype=object), repairs


def text_columns(table: pa.Table) -> pd.DataFrame:
    """Return the columns of an Arrow table as text: numbers in their shortest exact form, ISO dates."""
    return pd.DataFrame(
        {name: pd.array(_text_array(table.column(name)), dtype="str") for name in table.column_names},
        index=pd.RangeIndex(table.num_rows),
    )


def _text_array(values: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        values, kind = (
            pa.chunked_array([chunk.storage for chunk in values.chunks], kind.storage_type),
            kind.storage_type,
        )
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if pa.types.is_floating(kind):
        return _float_text(values.cast(pa.float64()))
    if pa.types.is_nested(kind):
        texts = [
            None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in values.to_pylist()
        ]
        return pa.chunked_array([pa.array(texts, pa.large_string())])
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.chunked_array(
            [pa.array([None if v is None else v.hex() for v in values.to_pylist()], pa.large_string())]
        )
    return values.cast(pa.large_string())


def _float_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    known = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    whole = pc.and_(pc.equal(known, pc.floor(known)), pc.less(pc.abs(known), _EXACT))
    as_integer = (
        pc.if_else(whole, known, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(pa.large_string())
    )
    return pc.coalesce(as_integer, known.cast(pa.large_string()))


def _crs_text(crs: Any) -> str:
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.to_wkt())


def _dbf_encoding(path: Path) -> str | None:
    """Return the encoding to read a DBF with, None where the file or its .cpg says so itself."""
    if not path.is_file() or path.with_suffix(".cpg").is_file():
        return None
    with path.open("rb") as file:
        header = file.read(32)
        # Byte 29 is the language driver; 0 and 0x57 ("ANSI") say nothing of use.
        if len(header) < 32 or header[29] not in (0x00, 0x57):
            return None
        found = encoding_of([file.read()])
    return None if found is None else found.removesuffix("-sig").upper()
