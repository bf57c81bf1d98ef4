"""The straight pieces of polygons' boundaries, each once, and whose they are."""

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.parts import in_parts
from geo.rings import expand, ring_sizes

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

NOBODY, SEVERAL = -1, -2
"""Instead of a polygon: none has the line, or more than one."""


def lines(polygons: NDArray[np.object_]) -> tuple[_Floats, _Floats, _Ints]:
    """List the straight pieces of all boundaries: start, end, polygon; the polygon lies to the left."""
    sizes, _, of = ring_sizes(polygons, shapely.get_type_id(polygons).astype(np.int64))
    corners = shapely.get_coordinates(polygons)
    # From each corner to the next; the last of a ring would lead to another ring.
    joined = np.ones(len(corners), dtype=bool)
    joined[np.cumsum(sizes) - 1] = False
    joined[:-1] &= ~same(corners[1:], corners[:-1])
    at = np.flatnonzero(joined)
    return corners.take(at, axis=0), corners.take(at + 1, axis=0), np.repeat(of, sizes).take(at)


def distinct(start: _Floats, end: _Floats) -> tuple[_Floats, _Ints, NDArray[np.bool_]]:
    """Return each line once whatever its direction, shape (n, 4); which of them each given one is; whether it is turned."""
    both, turned = np.empty((len(start), 4)), np.empty(len(start), dtype=bool)
    digest = np.empty(len(start), dtype=np.uint64)

    def take(part: slice) -> None:
        one, two = start[part], end[part]
        back = (one[:, 0] > two[:, 0]) | ((one[:, 0] == two[:, 0]) & (one[:, 1] > two[:, 1]))
        turned[part] = back
        # Of both zeros one.
        np.add(np.where(back[:, None], two, one), 0.0, out=both[part, :2])
        np.add(np.where(back[:, None], one, two), 0.0, out=both[part, 2:])
        digest[part] = _digest(both[part])

    in_parts(take, len(both))
    order = np.argsort(digest)
    new = np.ones(len(both), dtype=bool)
    alike = np.flatnonzero(np.diff(digest.take(order)) == 0)
    new[alike + 1] = _differs(both, order.take(alike), order.take(alike + 1))
    if new[alike + 1].any():
        # Lines of one digest may lie between each other.
        order = np.lexsort(both.T)
        new[1:] = _differs(both, order[:-1], order[1:])
    # Each is where it is first given, so that neighbours in space remain neighbours here.
    begins = np.flatnonzero(new)
    first = np.minimum.reduceat(order, begins) if len(order) else order
    given = np.zeros(len(both), dtype=bool)
    given[first] = True
    which = np.empty(len(both), dtype=np.int64)
    which[order] = np.repeat((np.cumsum(given) - 1).take(first), np.diff(begins, append=len(order)))
    return both[given], which, turned


def _digest(lines: _Floats) -> NDArray[np.uint64]:
    """Reduce each row to one number; that of different rows is hardly ever the same (multiplicative hashing)."""
    mixed = np.zeros(len(lines), dtype=np.uint64)
    for column in lines.T:
        mixed ^= column.copy().view(np.uint64)
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio; odd
    return mixed


def _differs(rows: _Floats, one: _Ints, other: _Ints) -> NDArray[np.bool_]:
    """Tell which pairs of rows are not the same."""
    differs = np.empty(len(one), dtype=bool)

    def compare(part: slice) -> None:
        apart = rows.take(one[part], axis=0) != rows.take(other[part], axis=0)
        np.any(apart, axis=1, out=differs[part])

    in_parts(compare, len(one))
    return differs


def owners(number: int, line_of: _Ints, turned: NDArray[np.bool_], owner: _Ints) -> tuple[_Ints, _Ints]:
    """Return per line the polygon that has it as it is, and that has it turned round: -1 for none, -2 for several."""
    found = []
    for chosen in (np.flatnonzero(~turned), np.flatnonzero(turned)):
        line = line_of.take(chosen)
        one = np.full(number, NOBODY, dtype=np.int64)
        one[line] = owner.take(chosen)
        one[np.bincount(line, minlength=number) > 1] = SEVERAL
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
