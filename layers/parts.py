"""Geometries gone through some at a time: all of a large layer as objects at once would take a lot of memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionArray

_PART = 16_384


def parts(geometries: ExtensionArray) -> Iterator[NDArray[np.object_]]:
    """Return the geometries of a `geopandas.array.GeometryArray` in order, some at a time."""
    for start in range(0, len(geometries), _PART):
        yield np.asarray(geometries[start : start + _PART], dtype=object)
