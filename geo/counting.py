"""How many positions lie in each cell, by category: complaints by kind, by day, or all together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.parts import in_parts
from geo.tessellation import Cells


def cell_counts(
    cells: Cells, x: ArrayLike, y: ArrayLike, *, category: ArrayLike | None = None, n_categories: int = 1
) -> NDArray[np.int64]:
    """Count positions per cell and category.

    Parameters
    ----------
    cells : Cells
        Their edge rule decides to which cell a position belongs.
    x, y : array_like of float, shape (n,)
        In the cells' CRS. Positions outside all cells, or that are not finite, are not counted.
    category : array_like of int, shape (n,), optional
        0 to n_categories - 1; -1 is not counted. Days are categories, too. Without it all are of category 0.
    n_categories : int
        How many categories there are.

    Returns
    -------
    ndarray of int64, shape (len(cells), n_categories)
        Besides it, memory is taken for some parts of the positions only.

    Raises
    ------
    ValueError
        If lengths differ, categories are not whole numbers, one of them does not exist, or there are none.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    kind = None if category is None else np.asarray(category)
    _check(first, second, kind, n_categories)
    if not len(cells):
        if kind is not None:
            _check_categories(kind, 0, n_categories)
        return np.zeros((0, n_categories), dtype=np.int64)
    # One column more and one row more take what is not counted: -1 counts from the end, as indexes do.
    wide = n_categories if kind is None else n_categories + 1
    size = (len(cells) + 1) * wide
    number = np.int32 if len(first) <= np.iinfo(np.int32).max else np.int64
    # Each thread adds to a table of its own: one of both would go to and fro between the processors' caches.
    tables: list[NDArray[np.integer]] = []
    one = number(1)  # of the tables' type: else each addition would be converted
    cells.cell_of(
        first[:0], second[:0]
    )  # what cells make at the first question is made once, not by each thread

    def count(part: slice) -> None:
        place = cells.cell_of(first[part], second[part])
        place *= wide
        if kind is not None:
            _check_categories(kind[part], part.start, n_categories)
            place += kind[part].astype(np.int64)
        try:
            table = tables.pop()
        except IndexError:
            table = np.zeros(size, dtype=number)
        np.add.at(table, place, one)
        tables.append(table)

    in_parts(count, len(first))
    counts = np.zeros((len(cells), n_categories), dtype=np.int64)
    for table in tables:
        counts += table.reshape(-1, wide)[:-1, :n_categories]
    return counts


def _check(
    x: NDArray[np.float64], y: NDArray[np.float64], kind: NDArray[np.generic] | None, n_categories: int
) -> None:
    if x.ndim != 1 or x.shape != y.shape or (kind is not None and kind.shape != x.shape):
        of_kind = "" if kind is None else f" and categories of shape {kind.shape}"
        raise ValueError(
            f"the positions have x of shape {x.shape}, y of shape {y.shape}{of_kind}; give each of one length"
        )
    if n_categories < 1:
        raise ValueError(f"{n_categories} categories cannot be counted; give 1 or more")
    if kind is not None and not np.issubdtype(kind.dtype, np.integer) and kind.size:
        raise ValueError(f"categories are {kind.dtype}; give whole numbers, -1 for what is not counted")


def _check_categories(kind: NDArray[np.int64], start: int, n_categories: int) -> None:
    if kind.size and not (kind.min() >= -1 and kind.max() < n_categories):
        wrong = int(np.flatnonzero((kind < -1) | (kind >= n_categories))[0])
        raise ValueError(
            f"position {start + wrong} is of category {kind[wrong]}, but there are {n_categories}; "
            "give -1 for what is not counted"
        )
