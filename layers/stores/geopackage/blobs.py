"""Geometry as GeoPackage keeps it: a short header, then WKB (OGC 12-128r19, 2.1.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

import shapely

from layers.stores.rows import Damaged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Envelope = tuple[float, float, float, float]

_LITTLE_ENDIAN, _ENVELOPE_XY, _EMPTY = 0x01, 0x02, 0x10
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_MAGIC = b"GP\x00"


def blobs_of(packed: Sequence[bytes], bounds: NDArray[np.float64], srs_id: int) -> list[bytes]:
    """Put headers before WKB; points carry no envelope, for it would be longer than they are.

    Parameters
    ----------
    packed : sequence of little-endian WKB
    bounds : array of shape (n, 4)
        West, south, east, north.
    """
    bare = _MAGIC + struct.pack("<Bi", _LITTLE_ENDIAN, srs_id)
    boxed = _MAGIC + struct.pack("<Bi", _LITTLE_ENDIAN | _ENVELOPE_XY, srs_id)
    envelope = struct.Struct("<4d").pack
    return [
        bare + wkb if west == east and south == north else boxed + envelope(west, east, south, north) + wkb
        for wkb, (west, south, east, north) in zip(packed, bounds.tolist(), strict=True)
    ]


def wkb_inside(blob: bytes) -> bytes:
    """Return the WKB in a GeoPackage geometry, whoever wrote it.

    Raises
    ------
    Damaged
        When it is not a GeoPackage geometry.
    """
    try:
        if blob[:3] == _MAGIC:
            return blob[8 + _ENVELOPE_BYTES[blob[3] >> 1 & 7] :]
    except (IndexError, TypeError):
        pass
    raise Damaged("not a GeoPackage geometry")


def is_empty(blob: bytes | None) -> int | None:
    """Answer as the R-tree extension's SQL function ST_IsEmpty."""
    if blob is None:
        return None
    wkb_inside(blob)
    return int(bool(blob[3] & _EMPTY))


def envelope_of(blob: bytes) -> Envelope:
    """Return (west, east, south, north), from the header where it says so."""
    flags = blob[3]
    if flags >> 1 & 7:
        order = "<" if flags & _LITTLE_ENDIAN else ">"
        west, east, south, north = struct.unpack_from(order + "4d", blob, 8)
    else:
        west, south, east, north = shapely.bounds(shapely.from_wkb(wkb_inside(blob))).tolist()
    return west, east, south, north
