"""Where features are and what ground they cover, in metres: measured once, and then those that were written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo import crs, shapes
from layers.parts import parts
from layers.patches import Replaced, positions_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray


class Measures(NamedTuple):
    """The features of a layer by their codes, in order: x, y and, but of points, area in metres; shape (3 or 2, n)."""

    codes: pd.Index
    values: NDArray[np.float64]


def measures_of(metric: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return x, y and area of geometries in metres, shape (3, n); NaN where there is none."""
    return np.array([*shapes.representative_points(metric), shapes.footprint_area_m2(metric)])


def with_replaced(
    old: Measures,
    frame: gpd.GeoDataFrame,
    replaced: Sequence[Replaced],
    measure: Callable[[gpd.GeoDataFrame], Measures],
) -> Measures:
    """Return the measures of `frame`: those of before, but where rows were replaced since.

    Parameters
    ----------
    measure : callable
        Measures the rows that it is given.
    """
    touched = {str(code) for one in replaced for rows in (one.gone, one.fresh) for code in rows.index}
    before, now = positions_of(old.codes, touched), positions_of(frame.index, touched)
    values = np.empty((len(old.values), len(frame)))
    # Both are ordered by code, so what was not touched is in the same order.
    values[:, np.delete(np.arange(len(frame)), now)] = np.delete(old.values, before, axis=1)
    values[:, now] = measure(frame.iloc[now]).values
    return Measures(frame.index, values)


def metric_points(
    frame: gpd.GeoDataFrame, metric_crs: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x, y in metres of a frame of points; NaN where there is none."""
    from layers.packed import PackedGeometry

    geometries = frame.geometry.array
    read = geometries.coordinates() if isinstance(geometries, PackedGeometry) else None
    if read is None:
        found = [shapes.representative_points(points) for points in parts(geometries)]
        lon, lat = np.concatenate([np.empty((2, 0)), *found], axis=1)
    else:
        lon, lat = np.where(np.isfinite(read).all(axis=1), read.T, np.nan)
    x, y = crs.points_to_metric(lon, lat, metric_crs)
    known = np.isfinite(lon)
    return np.where(known, x, np.nan), np.where(known, y, np.nan)
