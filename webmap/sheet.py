"""What every map sheet of a district shows around its units: outline, boundaries, ground and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from layers.snapshot import Snapshot
    from layers.text import Language

_SCREENFUL = 4000
"""Lines are thinned to what a screen of so many pixels shows."""
_GRID_DEG = 0.000001

Name = tuple[str, float, float]


def outline(snapshot: Snapshot) -> BaseGeometry | None:
    """Return the district's outline in EPSG:4490, thinned; None where it has none."""
    whole = snapshot.district.outline
    return None if whole is None else snapshot.derived(("sheet outline",), lambda: _thinned(whole))


def boundaries(snapshot: Snapshot) -> BaseGeometry | None:
    """Return the subdistricts' boundaries as lines in EPSG:4490, each once.

    Drawn polygon by polygon, the dots of two neighbours would fill each other's gaps.
    """

    def make() -> BaseGeometry | None:
        frame = snapshot.frame("subdistricts")
        if not len(frame):
            return None
        lines = shapely.unary_union(shapely.boundary(frame.geometry.to_numpy()))
        return _thinned(shapely.line_merge(lines))

    return snapshot.derived(("sheet boundaries",), make)


def names(snapshot: Snapshot, language: Language) -> list[Name]:
    """Return (name, lon, lat) of the subdistricts, in the middle of the widest part of each."""

    def make() -> list[Name]:
        frame = snapshot.frame("subdistricts")
        full = frame["name_en"].fillna(frame["name"]) if language == "en" else frame["name"]
        return _at_the_widest(full.astype(str).map(_short), frame.geometry.to_numpy())

    return snapshot.derived(("sheet names", language), make)


def ground(snapshot: Snapshot, kind: str) -> BaseGeometry | None:
    """Return all of one kind of the backdrop (green, water, road) as one shape in EPSG:4490, thinned."""

    def make() -> BaseGeometry | None:
        frame = snapshot.frame("backdrop")
        chosen = frame[(frame["kind"] == kind).to_numpy()].geometry.to_numpy()
        return _thinned(shapely.union_all(chosen)) if len(chosen) else None

    return snapshot.derived(("sheet ground", kind), make)


def ground_names(snapshot: Snapshot, kind: str, language: Language) -> list[Name]:
    """Return (name, lon, lat) of the backdrop's features of one kind that have a name."""
    frame = snapshot.frame("backdrop")
    full = frame["name_en"].fillna(frame["name"]) if language == "en" else frame["name"]
    chosen = ((frame["kind"] == kind) & full.notna()).to_numpy()
    return _at_the_widest(full[chosen].astype(str), frame[chosen].geometry.to_numpy())


def _short(name: str) -> str:
    """Leave out what the boundary around the name says already."""
    return name.removesuffix("街道").removesuffix(" Subdistrict").removesuffix(" subdistrict")


def _at_the_widest(names: pd.Series, shapes: NDArray[np.object_]) -> list[Name]:
    middles = shapely.get_point(shapely.maximum_inscribed_circle(shapes), 0)
    places = zip(names, shapely.get_x(middles), shapely.get_y(middles), strict=True)
    return [(name, round(float(lon), 6), round(float(lat), 6)) for name, lon, lat in places]


def _thinned(shape: BaseGeometry) -> BaseGeometry:
    west, south, east, north = shape.bounds
    thinned = shapely.simplify(shape, max(east - west, north - south) / _SCREENFUL)
    rounded: BaseGeometry = shapely.set_precision(thinned, _GRID_DEG, mode="pointwise")
    return rounded
