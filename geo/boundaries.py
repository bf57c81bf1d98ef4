"""The straight pieces of polygons' boundaries, each once, and whose they are."""

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.rings import expand

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

NOBODY, SEVERAL = -1, -2
"""Instead of a polygon: none has the line, or more than one."""


def lines(polygons: NDArray[np.object_]) -> tuple[_Floats, _Floats, _Ints]:
    """List the straight pieces of all boundaries: start, end, polygon; the polygon lies to the left."""
    parts, part_of = shapely.get_parts(polygons, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    polygon = part_of[ring_of]
    joined = (ring[1:] == ring[:-1]) & ~same(corners[1:], corners[:-1])
    return corners[:-1][joined], corners[1:][joined], polygon[ring[:-1][joined]].astype(np.int64)


def distinct(start: _Floats, end: _Floats) -> tuple[_Floats, _Ints]:
    """Return each line once whatever its direction, shape (n, 4), and which of them each given one is."""
    turned = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    both = np.hstack((np.where(turned[:, None], end, start), np.where(turned[:, None], start, end)))
    both += 0.0  # of both zeros one
    digest = _digest(both)
    order = np.argsort(digest)
    new = np.ones(len(both), dtype=bool)
    new[1:] = _differs(both, order)
    if (new[1:] & (digest[order[1:]] == digest[order[:-1]])).any():
        # Lines of one digest may lie between each other.
        order = np.lexsort(both.T)
        new[1:] = _differs(both, order)
    # Each is where it is first given, so that neighbours in space remain neighbours here.
    begins = np.flatnonzero(new)
    first = np.minimum.reduceat(order, begins) if len(order) else order
    given = np.zeros(len(both), dtype=bool)
    given[first] = True
    which = np.empty(len(both), dtype=np.int64)
    which[order] = np.repeat((np.cumsum(given) - 1)[first], np.diff(begins, append=len(order)))
    return both[given], which


def _digest(lines: _Floats) -> NDArray[np.uint64]:
    """Reduce each row to one number; that of different rows is hardly ever the same (multiplicative hashing)."""
    mixed = np.zeros(len(lines), dtype=np.uint64)
    for column in lines.T:
        mixed ^= column.copy().view(np.uint64)
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio; odd
    return mixed


def _differs(rows: _Floats, order: _Ints) -> NDArray[np.bool_]:
    """Tell which row, in an order, is another than the one before it."""
    ordered = rows[order]
    differs: NDArray[np.bool_] = ordered[1:, 0] != ordered[:-1, 0]
    for column in range(1, rows.shape[1]):
        differs |= ordered[1:, column] != ordered[:-1, column]
    return differs


def owners(line: _Floats, line_of: _Ints, start: _Floats, owner: _Ints) -> tuple[_Ints, _Ints]:
    """Return per line the polygon that has it as it is, and that has it turned round: -1 for none, -2 for several."""
    as_it_is = same(start, line[line_of])
    found = []
    for chosen in (as_it_is, ~as_it_is):
        one = np.full(len(line), NOBODY, dtype=np.int64)
        one[line_of[chosen]] = owner[chosen]
        one[np.bincount(line_of[chosen], minlength=len(line)) > 1] = SEVERAL
        found.append(one)
    return found[0], found[1]


def sharing(line_of: _Ints, owner: _Ints, at: _Ints, forward: _Ints, backward: _Ints) -> tuple[_Ints, _Ints]:
    """List the polygons of lines that several have in one direction: which of `at` it is, and the polygon."""
    shared = np.flatnonzero((forward[at] == SEVERAL) | (backward[at] == SEVERAL))
    if not shared.size:
        return shared, shared
    order = np.argsort(line_of, kind="stable")
    ordered = line_of[order]
    first, last = np.searchsorted(ordered, at[shared]), np.searchsorted(ordered, at[shared], side="right")
    pair, used = expand(first, last)
    return shared[pair], owner[order[used]]


def same(one: _Floats, other: _Floats) -> NDArray[np.bool_]:
    """Tell which positions are the same: the first two columns."""
    same: NDArray[np.bool_] = (one[:, 0] == other[:, 0]) & (one[:, 1] == other[:, 1])
    return same
