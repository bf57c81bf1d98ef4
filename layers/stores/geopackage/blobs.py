"""Geometry as GeoPackage keeps it: a short header, then WKB (OGC 12-128r19, 2.1.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from layers.stores.rows import Damaged, GeometryType, geometries_of, wkb_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Envelope = tuple[float, float, float, float]

_LITTLE_ENDIAN, _ENVELOPE_XY, _EMPTY = 0x01, 0x02, 0x10
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_MAGIC = b"GP\x00"
_ENVELOPE = struct.Struct("<4d")

_POINT, _POLYGON, _MULTIPOLYGON = (struct.pack("<BI", 1, kind) for kind in (1, 3, 6))
_ALONE = _MULTIPOLYGON + struct.pack("<I", 1)
_PLAIN: dict[GeometryType, tuple[bytes, ...]] = {
    "POINT": (_POINT,),
    "MULTIPOLYGON": (_MULTIPOLYGON,),
    "GEOMETRY": (_POINT, _POLYGON, _MULTIPOLYGON),
}
"""How little-endian WKB of two dimensions begins, by type of column."""


def blobs_of(packed: Sequence[bytes], bounds: NDArray[np.float64], srs_id: int) -> list[bytes]:
    """Put headers before WKB; points carry no envelope, for it would be longer than they are.

    Parameters
    ----------
    packed : sequence of little-endian WKB
    bounds : array of shape (n, 4)
        West, south, east, north; not a number for an empty geometry, which only other programs write.
    """
    bare, boxed, empty = _headers(srs_id)
    made = []
    for wkb, (west, south, east, north) in zip(packed, bounds.tolist(), strict=True):
        if west != west:
            made.append(empty + wkb)
        elif west == east and south == north:
            made.append(bare + wkb)
        else:
            made.append(boxed + _ENVELOPE.pack(west, east, south, north) + wkb)
    return made


def blob_of(wkb: bytes, box: Sequence[float], srs_id: int) -> bytes:
    """Do the same for one geometry that is not empty; the box is west, south, east, north."""
    bare, boxed, _ = _headers(srs_id)
    west, south, east, north = box
    if west == east and south == north:
        return bare + wkb
    return boxed + _ENVELOPE.pack(west, east, south, north) + wkb


@lru_cache
def _headers(srs_id: int) -> tuple[bytes, bytes, bytes]:
    """Return what a geometry begins with that has no envelope, has one, or is empty."""
    flags = (0, _ENVELOPE_XY, _EMPTY)
    bare, boxed, empty = (_MAGIC + struct.pack("<Bi", _LITTLE_ENDIAN | flag, srs_id) for flag in flags)
    return bare, boxed, empty


def wkb_inside(blob: bytes) -> bytes:
    """Return the WKB in a GeoPackage geometry, whoever wrote it.

    Raises
    ------
    Damaged
        When it is not a GeoPackage geometry.
    """
    return wkbs_inside([blob])[0]


def wkbs_inside(blobs: Sequence[bytes]) -> list[bytes]:
    """Return the WKB in GeoPackage geometries, whoever wrote them.

    Raises
    ------
    Damaged
        When one is not a GeoPackage geometry.
    """
    try:
        starts = {head: _header_bytes(head) for head in {blob[:4] for blob in blobs}}
        if len(starts) == 1:
            (start,) = starts.values()
            return [blob[start:] for blob in blobs]
        return [blob[starts[blob[:4]] :] for blob in blobs]
    except (IndexError, TypeError) as error:
        raise Damaged("not a GeoPackage geometry") from error


def _usual_wkb() -> str:
    cases = []
    for flags in (_LITTLE_ENDIAN | _ENVELOPE_XY, _LITTLE_ENDIAN):
        head = _MAGIC + bytes([flags])
        after = int.from_bytes(head) + 1
        cases.append(
            f"WHEN geom >= x'{head.hex()}' AND geom < x'{after:08x}' THEN substr(geom, {1 + _header_bytes(head)})"
        )
    return f"CASE {' '.join(cases)} END"


def _header_bytes(head: bytes) -> int:
    if head[:3] != _MAGIC:
        raise TypeError
    return 8 + _ENVELOPE_BYTES[head[3] >> 1 & 7]


def plain(wkb: bytes, column: GeometryType) -> bytes:
    """Return WKB as `layers.stores.rows.wkb_of` makes it: other programs write it in other ways too.

    Raises
    ------
    Damaged
        When it is of another way and cannot be read.
    """
    if wkb[:5] in _PLAIN[column] and (column != "GEOMETRY" or wkb[:9] != _ALONE):
        return wkb
    return wkb_of(geometries_of([wkb]), column)[0]


def envelope_of(blob: bytes) -> Envelope | None:
    """Return (west, south, east, north) where the header has them."""
    flags = blob[3]
    if not flags >> 1 & 7:
        return None
    west, east, south, north = struct.unpack_from("<4d" if flags & _LITTLE_ENDIAN else ">4d", blob, 8)
    return west, south, east, north


USUAL_WKB = _usual_wkb()
"""The SQL for the WKB in a geometry that has a header as `blobs_of` makes it; NULL where it has another."""
