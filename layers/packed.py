"""Geometry kept small: as WKB in one Arrow array, made into shapely's objects for those who look, where they look.

A shapely geometry takes some hundred bytes besides its coordinates, and whoever touches it writes to its memory
(Python counts references), so that processes forked from one another cannot share it. Packed geometry has neither
trait. It is a `GeometryArray` as any other: what is computed from it does not differ by it. Who needs some
geometries takes them first and makes objects of them then: ``np.asarray(array[rows])``.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely
from geopandas.array import GeometryArray

from layers.coded import coded
from layers.parts import parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORTH_PACKING = 10_000
_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("at", "<f8", 2)])
"""A point as WKB has it, little-endian; all of them take as many bytes."""
_LITTLE_ENDIAN, _IS_POINT = 1, 1
_MOST_NARROW_BYTES = 2**28
"""Four bytes count to 2^31: what is taken several times over still stays below that."""
_Wkb: TypeAlias = "pa.BinaryArray | pa.LargeBinaryArray"


def packed(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the frame with its geometry packed and its texts coded, where there is much of it."""
    if len(frame) < _WORTH_PACKING:
        return frame
    geometry = PackedGeometry(_wkb_of(np.asarray(frame.geometry.array, dtype=object)), frame.crs)
    columns = {
        name: coded(column) if isinstance(column.array, pd.arrays.ArrowStringArray) else column
        for name, column in frame.items()
        if name != frame.geometry.name
    }
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=frame.index, copy=False), geometry=geometry)


def _wkb_of(geometries: NDArray[np.object_]) -> _Wkb:
    wkb = pa.array(shapely.to_wkb(geometries, byte_order=1), type=pa.large_binary())
    return wkb.cast(_kind_of(wkb.nbytes))


def _kind_of(size: int) -> pa.DataType:
    """Return the type for WKB of so many bytes: where each begins is told by four bytes where these can count it."""
    return pa.binary() if size <= _MOST_NARROW_BYTES else pa.large_binary()


class PackedGeometry(GeometryArray):
    """Geometries as WKB.

    Parameters
    ----------
    wkb : pyarrow.BinaryArray or LargeBinaryArray
        Null where there is no geometry.
    crs : CRS
    """

    def __init__(self, wkb: _Wkb, crs: Any) -> None:
        self._wkb = wkb
        # Set past the property: it compares and writes out what is a CRS already, which takes as long as a small part does.
        self._crs = crs if crs is None or isinstance(crs, pyproj.CRS) else pyproj.CRS.from_user_input(crs)
        self._sindex = None

    @property
    def _data(self) -> NDArray[np.object_]:
        """The geometries as objects, made anew each time: what `GeometryArray` computes from."""
        return np.asarray(shapely.from_wkb(self._wkb.to_numpy(zero_copy_only=False)), dtype=object)

    @property
    def size(self) -> int:
        """How many geometries there are."""
        return len(self._wkb)

    @property
    def nbytes(self) -> int:
        """Bytes that the WKB takes."""
        return int(self._wkb.nbytes)

    @property
    def bounds(self) -> NDArray[np.float64]:
        """West, south, east, north of each geometry, shape (n, 4)."""
        points = self.coordinates()
        if points is not None:
            return np.hstack([points, points])
        return np.concatenate([np.empty((0, 4)), *(shapely.bounds(part) for part in parts(self))])

    def coordinates(self) -> NDArray[np.float64] | None:
        """Return x, y of each geometry, shape (n, 2), where all are points, else None; NaN where one is missing.

        They are read where they lie: to make objects of them would take fifty times as long.
        """
        there = ~self.isna()
        if not there.any():
            return None
        width = np.int32 if pa.types.is_binary(self._wkb.type) else np.int64
        starts = np.frombuffer(self._wkb.buffers()[1], width)[self._wkb.offset :][: len(self) + 1]
        if (np.diff(starts) != np.where(there, _POINT.itemsize, 0)).any():
            return None
        count = int(there.sum())
        points = np.frombuffer(self._wkb.buffers()[2], _POINT, count, offset=int(starts[0]))
        if (points["order"] != _LITTLE_ENDIAN).any() or (points["kind"] != _IS_POINT).any():
            return None
        found = np.full((len(self), 2), np.nan)
        found[there] = points["at"]
        return found

    def isna(self) -> NDArray[np.bool_]:
        """Whether each geometry is missing."""
        return np.asarray(self._wkb.is_null())

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, numbers.Integral):
            return shapely.from_wkb(self._wkb[int(idx)].as_py())
        at = pd.api.indexers.check_array_indexer(self, idx)
        if isinstance(at, slice) and at.step in (None, 1):
            first, last, _ = at.indices(len(self))
            return PackedGeometry(self._wkb.slice(first, max(last - first, 0)), self.crs)
        return self.take(np.arange(len(self))[at])

    def __setitem__(self, key: Any, value: Any) -> None:
        plain = GeometryArray(self._data, crs=self.crs)
        plain[key] = value
        self._wkb = _wkb_of(np.asarray(plain))

    def take(self, indices: Any, allow_fill: bool = False, fill_value: Any = None) -> Any:
        """Return the geometries at some places; see `pandas.api.extensions.ExtensionArray.take`."""
        at = np.asarray(indices, dtype=np.int64)
        if not allow_fill:
            chosen = pa.array(np.where(at < 0, at + len(self), at))
        elif pd.isna(fill_value) and (at >= -1).all():
            chosen = pa.array(at, mask=at < 0)
        else:
            return super().take(indices, allow_fill=allow_fill, fill_value=fill_value)
        return PackedGeometry(self._wkb.take(chosen), self.crs)

    def copy(self, *_args: Any, **_kwargs: Any) -> PackedGeometry:
        """Return the same geometries; writing into either leaves the other as it is."""
        return PackedGeometry(self._wkb, self.crs)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[GeometryArray]) -> GeometryArray:
        common = super()._concat_same_type([part[:0] for part in to_concat]).crs  # type: ignore[misc]
        wkb = [part._wkb if isinstance(part, cls) else _wkb_of(np.asarray(part)) for part in to_concat]
        kind = _kind_of(sum(part.nbytes for part in wkb))
        return cls(pa.concat_arrays([part.cast(kind) for part in wkb]), common)

    def __reduce__(self) -> tuple[Any, ...]:
        return PackedGeometry, (self._wkb, self.crs)
