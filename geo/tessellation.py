"""What every kind of cells answers, and what all of them ask of an outline and of features."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from geo.rings import Rings

if TYPE_CHECKING:
    from scipy import sparse

MOST_CELLS = 2_000_000

_Floats = NDArray[np.float64]


class Cells(Protocol):
    """What every kind of cells answers.

    Attributes
    ----------
    ids : ndarray of str (object)
        One per cell, unique.
    polygons : ndarray of shapely polygons
        In `crs`, in the order of `ids`.
    crs : str
        The metric CRS, "EPSG:nnnn".
    scheme : str
        "square:100", "h3:10" or "management".
    """

    @property
    def ids(self) -> NDArray[np.object_]:
        """Name each cell."""
        ...

    @property
    def polygons(self) -> NDArray[np.object_]:
        """Give the shape of each cell, in `crs`; squares are made anew each time, for they take a lot of memory."""
        ...

    def polygons_at(self, at: NDArray[np.int64]) -> NDArray[np.object_]:
        """Give the shapes of the cells at some positions."""
        ...

    @property
    def crs(self) -> str:
        """Name the metric CRS."""
        ...

    @property
    def scheme(self) -> str:
        """Name the kind of cells, as `parse_scheme` reads it."""
        ...

    def __len__(self) -> int: ...

    def cell_of(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        """Find the cell of each position.

        Parameters
        ----------
        x, y : array_like of float, same shape
            In `crs`.

        Returns
        -------
        ndarray of int64
            Positions in `ids`, same shape; -1 outside all cells and where a coordinate is not finite.
        """
        ...

    @property
    def rings(self) -> Rings:
        """Give the edges of each cell."""
        ...

    def shares(self, bodies: Rings) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Measure the ground that bodies have in cells.

        Parameters
        ----------
        bodies : Rings
            In `crs`.

        Returns
        -------
        body, cell : ndarray of int64, shape (k,)
            Pairs, each once: all that have ground in common, and some that have none.
        area_m2 : ndarray of float64, shape (k,)
            Square metres, exact to 1e-6.
        """
        ...

    def neighbours(self) -> "sparse.csr_array[Any, tuple[int, int]]":
        """Tell which cells touch, at an edge or a corner (queen contiguity).

        Returns
        -------
        scipy.sparse.csr_array of float64, shape (len, len)
            Symmetric, 1 where two cells touch; the diagonal is zero.
        """
        ...


def too_many(kind: str) -> ValueError:
    """Make the error for cells that are too small for their district."""
    return ValueError(f"{kind} would make more than {MOST_CELLS:,} cells here; choose larger cells")


def usable_outline(outline: BaseGeometry) -> NDArray[np.object_]:
    """Check an outline and wrap it as an array of one geometry."""
    if outline.is_empty or outline.geom_type not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"the outline is {outline.geom_type} without an area; give a polygon")
    if not np.isfinite(outline.bounds).all():
        raise ValueError("the outline has coordinates that are not finite; check its CRS")
    if not outline.is_valid:
        why = shapely.is_valid_reason(outline)
        raise ValueError(f"the outline is not a valid polygon ({why}); repair it")
    return np.array([outline], dtype=object)


def usable_features(features: NDArray[np.object_]) -> tuple[_Floats, NDArray[np.object_]]:
    """Check features and part them into points, shape (n, 2), and all other geometries."""
    shapes = np.asarray(features, dtype=object).ravel()
    coordinates, position = shapely.get_coordinates(shapes, return_index=True)
    wrong = ~np.isfinite(coordinates).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"feature {position[wrong][0]} has coordinates that are not finite; check its position and CRS"
        )
    kinds = shapely.get_type_id(shapes)
    is_point = np.isin(kinds, (0, 4))
    other = ~is_point & (kinds >= 0) & ~shapely.is_empty(shapes)
    return coordinates[is_point[position]], shapes[other]
