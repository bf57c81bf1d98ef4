"""Whole layers by ADBC: the server's binary copy as Arrow, without a Python object for every value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.crs import STORED_CRS
from layers.problems import StoreAway
from layers.stores.postgis import faults, tables
from layers.stores.postgis.connection import session
from layers.stores.rows import COLUMN_TYPES, geometries_of, value_fields

if TYPE_CHECKING:
    import geopandas as gpd
    import pyarrow as pa

    from layers.schema import Field, Layer
    from layers.store import StoreSettings
    from layers.stores.postgis.addresses import Address

# The server's answer becomes columns so much at a time: what one part takes stays in the processor's cache.
_PART_OPTION, _PART_BYTES = "adbc.postgresql.batch_size_hint_bytes", str(2**20)


def read_all(address: Address, settings: StoreSettings, layer: Layer) -> gpd.GeoDataFrame:
    """Return a layer whole, just as `layers.stores.rows.frame_of` makes it of rows.

    Raises
    ------
    StoreMissing, StoreUnusable, StoreBusy, StoreAway
    """
    return frame_of_table(_fetch(address, settings, tables.select_days(layer.name).decode()), layer)


def frame_of_table(table: pa.Table, layer: Layer) -> gpd.GeoDataFrame:
    """Turn code, WKB and fields into the frame of a layer.

    Raises
    ------
    Damaged
        A geometry cannot be read.
    """
    import geopandas as gpd

    code, packed, *values = table.columns
    columns = {
        field.name: _typed(column, field) for field, column in zip(value_fields(layer), values, strict=True)
    }
    index = pd.Index(_text(code), name="code")
    return gpd.GeoDataFrame(columns, geometry=geometries_of(packed.to_numpy()), crs=STORED_CRS, index=index)


def _fetch(address: Address, settings: StoreSettings, query: str) -> pa.Table:
    import adbc_driver_postgresql.dbapi as adbc

    try:
        connection = adbc.connect(address.conninfo, autocommit=True)
    except adbc.Error as error:
        problem = faults.not_connected(address, error)
        # The pool has a connection: the server has just gone, or is just coming.
        raise (faults.lost(address, str(error)) if isinstance(problem, StoreAway) else problem) from error
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(session(settings, read_only=True))
            cursor.fetchall()
            cursor.adbc_statement.set_options(**{_PART_OPTION: _PART_BYTES})
            cursor.execute(query)
            return cursor.fetch_arrow_table()
    except adbc.Error as error:
        # Without a state the server did not say it: the connection is gone.
        said = faults.problem_of(address, error.sqlstate or "08000", error)
        if said is None:
            raise
        raise said from error


def _text(column: pa.ChunkedArray) -> Any:
    text = pd.StringDtype(na_value=np.nan)
    return column.to_pandas(types_mapper=lambda _: text).array


def _typed(column: pa.ChunkedArray, field: Field) -> Any:
    import pyarrow as pa

    kind = COLUMN_TYPES[field.type]
    if kind == "date":
        return column.cast(pa.timestamp("s")).to_numpy()
    if kind == "number":
        return column.to_numpy()
    if kind == "integer":
        return column.to_pandas(types_mapper=lambda _: pd.Int64Dtype()).array
    return _text(column.fill_null("unknown") if field.type == "fact" else column)
