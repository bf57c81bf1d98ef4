"""Which community, neighbourhood and subdistrict a feature belongs to.

What a row says of itself comes first; then what its parent says; then where it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.lying import first_containing
from layers.wording import known

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from layers.schema import Layer
    from layers.snapshot import Snapshot

_SAME_DEG = 1e-7
LEVELS = ("community", "neighbourhood", "subdistrict")
PARENT_LAYERS = {"community": "communities", "neighbourhood": "neighbourhoods", "subdistrict": "subdistricts"}
LEVEL_OF = {layer: level for level, layer in PARENT_LAYERS.items()}

Points = Callable[[], "tuple[NDArray[np.float64], NDArray[np.float64]]"]


def places(snapshot: Snapshot, layer: str) -> pd.DataFrame:
    """Return the ancestors of each feature.

    Returns
    -------
    DataFrame
        Indexed as the layer's frame; columns `community`, `neighbourhood`, `subdistrict` hold positions
        in the parent layers' frames, -1 where unknown.
    """

    def make() -> pd.DataFrame:
        frame = snapshot.frame(layer)
        return pd.DataFrame(
            places_of(snapshot, layer, frame, lambda: snapshot.points(layer)), index=frame.index
        )

    return snapshot.derived(("places", layer), make)


def places_of(
    snapshot: Snapshot, layer: str, frame: pd.DataFrame, points: Points
) -> dict[str, NDArray[np.int64]]:
    """Return the ancestors of rows of a layer, all or some: positions per level as in `places`.

    Parameters
    ----------
    frame : DataFrame
        The rows; all of them where the layer is a parent itself.
    points : callable
        Gives x, y in metres of each row; called where a row does not say itself what it belongs to.
    """
    found: dict[str, NDArray[np.int64]] = {}
    for level in LEVELS:
        parent = PARENT_LAYERS[level]
        if parent == layer:
            found[level] = np.arange(len(frame), dtype=np.int64)
            continue
        position = np.full(len(frame), -1, dtype=np.int64)
        if level in frame.columns:
            position = positions(snapshot.frame(parent).index, frame[level])
        for between in LEVELS[: LEVELS.index(level)]:
            if PARENT_LAYERS[between] != layer and (found[between] >= 0).any():
                above = places(snapshot, PARENT_LAYERS[between])[level].to_numpy()
                inherit = (position < 0) & (found[between] >= 0)
                position[inherit] = above[found[between][inherit]]
        missing = position < 0
        if missing.any() and _may_lie_in(layer, parent):
            x, y = points()
            position[missing] = lies_in(snapshot, parent, x[missing], y[missing])
        found[level] = position
    return found


def is_same_place(one: shapely.Geometry | None, other: shapely.Geometry | None) -> bool:
    """Whether two geometries in degrees are alike to a centimetre, as finely as a move is written."""
    return bool(shapely.equals_exact(one, other, _SAME_DEG) or shapely.equals(one, other))


def parents_after_move(
    snapshot: Snapshot, layer: Layer, row: pd.Series, point: shapely.Point
) -> dict[str, str | None]:
    """Return what a feature on record belongs to and leaves by moving: the parents it comes to, None outside all.

    What is on record counts before where a feature lies: else it would go on belonging to where it was. A move
    across no border leaves what is on record, which may be another parent than the one it lies in.

    Parameters
    ----------
    row : Series
        The feature as it stands, its geometry among its values.
    point : Point
        Where it moves to, in EPSG:4490.
    """
    found: dict[str, str | None] = {}
    for field in layer.parents:
        assert field.parent is not None
        if not known(row[field.name]):
            continue
        parents = snapshot.frame(field.parent)
        shapes = np.asarray(parents.geometry.array)
        was, will_be = (shapely.covers(shapes, at) for at in (row["geometry"], point))
        if (was != will_be).any():
            around = parents.index[will_be]
            found[field.name] = str(around[0]) if len(around) else None
    return found


def _may_lie_in(layer: str, parent: str) -> bool:
    """Whether features of `layer` are smaller than those of `parent` (a cell is no community's)."""
    order = ("subdistricts", "neighbourhoods", "communities")
    if layer in order:
        return parent in order[: order.index(layer)]
    return not (layer == "management_cells" and parent == "communities")


def positions(index: pd.Index, codes: Sequence[str] | pd.Series | pa.LargeStringArray) -> NDArray[np.int64]:
    """Return where each of `codes` stands in `index`, -1 where it does not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from layers.coded import CodedTexts

    if isinstance(codes, pd.Series) and isinstance(codes.array, CodedTexts):
        at, texts = codes.array.positions
        return np.append(positions(index, texts), -1)[at]
    # Arrow looks texts up as they are kept; pandas would make an object of each.
    wanted, known = (
        pa.array(getattr(texts, "array", texts), type=pa.large_string(), from_pandas=True)
        for texts in (codes, index)
    )
    found = pc.index_in(wanted, value_set=known).fill_null(-1)
    return np.asarray(found, dtype=np.int64)


def lies_in(
    snapshot: Snapshot, parent: str, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the position of the parent polygon in which each point (metres) lies, else -1."""
    geometries = snapshot.metric(parent)
    areas = np.flatnonzero(shapely.get_dimensions(geometries) == 2)
    if not len(areas) or not len(x):
        return np.full(len(x), -1, dtype=np.int64)
    tree = snapshot.derived(("tree", parent), lambda: shapely.STRtree(snapshot.metric(parent)[areas]))
    found = first_containing(tree, x, y)
    return np.where(found >= 0, areas[found], -1)


def lies_mostly_in(snapshot: Snapshot, parent: str, shapes: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the position of the parent polygon that each polygon (metres) shares most area with, else -1.

    Of equal shares the first counts; touching shares nothing.
    """
    parents = snapshot.metric(parent)
    row, at = shapely.STRtree(parents).query(shapes, predicate="intersects")
    shared_m2 = shapely.area(shapely.intersection(shapes[row], parents[at]))
    found = np.full(len(shapes), -1, dtype=np.int64)
    for pair in np.lexsort((-at, shared_m2)):  # the largest share is written last
        if shared_m2[pair] > 0.0:
            found[row[pair]] = at[pair]
    return found
