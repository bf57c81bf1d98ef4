"""Which counts to leave untold, so that small ones cannot be worked out from the others.

Counts stand in a tree: a district over its subdistricts, these over their neighbourhoods. Whoever reads what
is told may add and subtract, knows that no count is negative, and knows how the counts add up. What can be
worked out of an untold count is then a range, and in a tree that range is exact when it is narrowed from the
leaves to the root and back.

**What is promised**: the range of every count under `small` holds at least all of 0 to `small` - 1, so that
nobody can tell whether there is anything at all. An untold count does not say why it is untold: saying "under
five" of some would give away that the others are not.

Whoever looks before and after a single complaint could subtract one answer from the other. So what is told is
rounded (`rounded`), and what stays untold is decided on lower bounds that move only where a rounded count of a part
does (`told_counts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from layers.sight import ROUNDED_TO

if TYPE_CHECKING:
    from numpy.typing import NDArray

Range = tuple[float, float]
_ANY: Range = (0.0, np.inf)


@dataclass
class _Tree:
    counts: list[int]
    parents: list[int]
    shown: list[bool]
    untold: list[bool]
    children: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.children = [[] for _ in self.counts]
        for node, parent in enumerate(self.parents):
            if parent >= node or (parent < 0) != (node == 0):
                raise ValueError(
                    f"node {node} cannot stand under {parent}: parents come first, one is the root"
                )
            if parent >= 0:
                self.children[parent].append(node)
        for node, below in enumerate(self.children):
            if below and self.counts[node] != sum(self.counts[child] for child in below):
                raise ValueError(
                    f"node {node} counts {self.counts[node]}, which is not the sum of what is below"
                )

    def ranges(self) -> list[Range]:
        """Return what can be worked out of each count, both ends inclusive."""
        found = [_ANY if self.untold[node] else (float(n), float(n)) for node, n in enumerate(self.counts)]
        for node in reversed(range(len(found))):
            if self.children[node]:
                below = _sum(found[child] for child in self.children[node])
                found[node] = _overlap(found[node], below)
        for node, below_node in enumerate(self.children):
            before = {child: found[child] for child in below_node}
            for child in below_node:
                others = _sum(bounds for sibling, bounds in before.items() if sibling != child)
                left = (found[node][0] - others[1], found[node][1] - others[0])
                found[child] = _overlap(found[child], left)
        return found

    def loosen(self, node: int) -> None:
        """Leave a count untold, and one below it, without which it would still be told."""
        self.untold[node] = True
        below = self.children[node]
        if below and not any(self.untold[child] for child in below):
            told = [child for child in below if self.shown[child]]
            if told:
                self.loosen(min(told, key=lambda child: (self.counts[child], child)))

    def loosen_around(self, node: int) -> None:
        """Leave untold what helps `node` most cheaply: the smallest beside it, else its parent, else farther up."""
        while node:
            parent = self.parents[node]
            beside = [one for one in self.children[parent] if self.shown[one] and not self.untold[one]]
            if beside:
                return self.loosen(min(beside, key=lambda one: (self.counts[one], one)))
            if not self.untold[parent]:
                return self.loosen(parent)
            node = parent
        raise AssertionError("an untold count under nothing that is told can be anything")


def _sum(ranges: Iterable[Range]) -> Range:
    low = high = 0.0
    for bounds in ranges:
        low, high = low + bounds[0], high + bounds[1]
    return low, high


def _overlap(one: Range, other: Range) -> Range:
    return max(one[0], other[0]), min(one[1], other[1])


def untold(
    counts: NDArray[np.int64], parents: NDArray[np.int64], shown: NDArray[np.bool_], *, small: int
) -> NDArray[np.bool_]:
    """Return which counts must not be told.

    Parameters
    ----------
    counts : int array, one per node
        Each that has something below it is the sum of that.
    parents : int array
        Position of the node above, which comes first; -1 for the root, which is the first.
    shown : bool array
        Whether the count would be told at all. What belongs to a parent but to none of its parts is not, yet
        counts as known where it is nothing, as often nothing is left over; where it is more it counts as any.
    small : int
        Counts below it are protected; also that of what is not shown, unless it is nothing.

    Raises
    ------
    ValueError
        The counts do not add up, or a parent comes after its child.
    """
    if not len(counts):
        return np.zeros(0, dtype=bool)
    protected = (counts < small) & (shown | (counts > 0))
    tree = _Tree(counts.tolist(), parents.tolist(), shown.tolist(), (~shown & (counts > 0)).tolist())
    for node in reversed(np.flatnonzero(protected).tolist()):
        tree.loosen(node)
    for node in reversed(np.flatnonzero(protected).tolist()):
        while not (tree.ranges()[node][0] <= 0 and tree.ranges()[node][1] >= small - 1):
            tree.loosen_around(node)
    return np.array(tree.untold) & shown


def rounded(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return counts as the nearest multiples of `ROUNDED_TO`."""
    return (counts + ROUNDED_TO // 2) // ROUNDED_TO * ROUNDED_TO


def told_counts(
    counts: NDArray[np.int64], parents: NDArray[np.int64], shown: NDArray[np.bool_], *, least: int
) -> NDArray[np.float64]:
    """Return the counts as they are told: rounded, NaN where they are not told.

    One more of a part that is shown changes nothing but counts, its own and those above, that thereby come to another
    multiple; and what else is told only where its own does.

    Parameters
    ----------
    counts, parents, shown
        As of `untold`.
    least : int
        The least count that is told, the first that is rounded to some multiple (`Sight.least_complaints`).

    Notes
    -----
    The lower bounds add up as the counts do, and none is more than its count: whatever the bounds leave open for an
    untold count, moving the true counts by the same amounts leaves open for it as well, with the same rounded ones.
    """
    bounds = np.where(counts < least, 0, rounded(counts) - ROUNDED_TO // 2)
    # Of what is left over it is known where it is none.
    bounds = np.where(shown, bounds, np.maximum(bounds, counts > 0))
    bounds = np.where(shown | (counts > 0), bounds, counts)
    for node in reversed(range(len(counts))):
        below = parents == node
        if below.any():
            bounds[node] = bounds[below].sum()
    hidden = untold(bounds, parents, shown, small=least)
    return np.where(hidden, np.nan, rounded(counts).astype(float))
