"""Whole layers by ADBC: the server's binary copy as Arrow, without a Python object for every value."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo.crs import STORED_CRS
from layers.problems import StoreAway, WanggeError
from layers.stores.postgis import faults, tables
from layers.stores.postgis.connection import abandon, session
from layers.stores.rows import COLUMN_TYPES, Damaged, value_fields

if TYPE_CHECKING:
    import adbc_driver_postgresql.dbapi as adbc
    import geopandas as gpd
    import pyarrow as pa
    from numpy.typing import NDArray

    from layers.schema import Field, Layer
    from layers.store import StoreSettings
    from layers.stores.postgis.addresses import Address

_MULTIPOLYGON = 6
# The server's answer becomes columns so much at a time: what one part takes stays in the processor's cache.
_PART_OPTION, _PART_BYTES = "adbc.postgresql.batch_size_hint_bytes", str(2**20)


class Reader:
    """Reads whole layers, on a connection that is kept: to make one takes longer than to read a district's layer.

    Threads that read at once have one each; the first that is done keeps its own, the others close theirs.
    """

    def __init__(self, address: Address, settings: StoreSettings) -> None:
        self._address = address
        self._settings = settings
        self._process = os.getpid()
        self._idle: list[adbc.Connection] = []
        self._closed = False

    def read(self, layer: Layer) -> gpd.GeoDataFrame:
        """Return a layer whole, just as `layers.stores.rows.frame_of` makes it of rows.

        Raises
        ------
        StoreMissing, StoreUnusable, StoreBusy, StoreAway
        """
        import adbc_driver_postgresql.dbapi as adbc

        connection = self._lent()
        try:
            table = _fetched(connection, tables.select_days(layer.name).decode())
        except BaseException as error:
            with suppress(Exception):
                connection.close()
            if isinstance(error, adbc.Error) and (problem := self._problem(error)):
                raise problem from error
            raise
        self._give_back(connection)
        return frame_of_table(table, layer)

    def close(self) -> None:
        """Close what is idle now, and what is lent out when it comes back."""
        self._closed = True
        while self._idle and self._process == os.getpid():
            self._idle.pop().close()

    def _lent(self) -> adbc.Connection:
        if self._process != os.getpid():
            abandon(self._idle)
            self._process, self._idle = os.getpid(), []
        with suppress(IndexError):
            return self._idle.pop()
        return self._connected()

    def _give_back(self, connection: adbc.Connection) -> None:
        if self._idle or self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def _connected(self) -> adbc.Connection:
        import adbc_driver_postgresql.dbapi as adbc

        try:
            connection = adbc.connect(self._address.conninfo, autocommit=True)
        except adbc.Error as error:
            problem = faults.not_connected(self._address, error)
            # The pool has a connection: the server has just gone, or is just coming.
            lost = isinstance(problem, StoreAway)
            raise (faults.lost(self._address, str(error)) if lost else problem) from error
        try:
            _fetched(connection, session(self._settings, read_only=True))
        except adbc.Error as error:
            connection.close()
            if said := self._problem(error):
                raise said from error
            raise
        return connection

    def _problem(self, error: adbc.Error) -> WanggeError | None:
        # Without a state the server did not say it: the connection is gone.
        return faults.problem_of(self._address, error.sqlstate or "08000", error)


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
    return gpd.GeoDataFrame(columns, geometry=_geometries(packed), crs=STORED_CRS, index=index)


def _fetched(connection: adbc.Connection, query: str) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{_PART_OPTION: _PART_BYTES})
        cursor.execute(query)
        return cursor.fetch_arrow_table()


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


def _geometries(packed: pa.ChunkedArray) -> NDArray[np.object_]:
    try:
        found: NDArray[np.object_] = shapely.from_wkb(packed.to_numpy())
    except shapely.errors.ShapelyError as error:
        raise Damaged(f"a geometry cannot be read: {error}") from error
    # As `plain_geometries` does, which would first copy all of them to drop heights that none of them has.
    alone = shapely.get_type_id(found) == _MULTIPOLYGON
    alone[alone] = shapely.get_num_geometries(found[alone]) == 1
    found[alone] = shapely.get_geometry(found[alone], 0)
    return found
