"""What several contenders need: the inputs in the form they take, and answers in one form."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.worker import Given

CATEGORIES = 6
DAYS = 365
SQUARE_M = 100.0


def geometries(given: Given, name: str) -> Any:
    """Return shapely geometries of one of the files of shapes."""
    import shapely

    return shapely.from_wkb(np.array(wkb(given, name), dtype=object))


def wkb(given: Given, name: str) -> list[bytes]:
    """Return the WKB of one of the files of shapes."""
    packed: list[bytes] = pickle.loads((given.shapes / name).read_bytes())
    return packed


def table_of_squares(given: Given, width: int) -> Callable[[Sequence[Any]], Any]:
    """Return what turns columns (column, row, [category,] amount) into an array (cells, width)."""
    squares = given.array("squares")
    first, span = squares.min(axis=0), np.ptp(squares[:, 0]) + 1
    keys = (squares[:, 1] - first[1]) * span + squares[:, 0] - first[0]
    order = np.argsort(keys)

    def table(columns: Sequence[Any]) -> Any:
        column, row, *of, amount = (np.asarray(values) for values in columns)
        key = (row.astype(np.int64) - first[1]) * span + column.astype(np.int64) - first[0]
        place = np.minimum(np.searchsorted(keys[order], key), len(keys) - 1)
        cell = order[place]
        assert (keys[cell] == key).all(), "a cell that is not the district's"
        made = np.zeros((len(squares), width), dtype=amount.dtype)
        made[cell, of[0].astype(np.int64) if of else 0] = amount
        return made

    return table


def table_of_numbers(rows: int, columns: Sequence[Any]) -> Any:
    """Turn columns (number, amount) into an array of length `rows`, 0 where there is none."""
    number, amount = (np.asarray(values) for values in columns)
    made = np.zeros(rows, dtype=amount.dtype)
    made[number.astype(np.int64)] = amount
    return made
