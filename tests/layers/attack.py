"""What somebody can work out who knows sums of counts that are not negative: by mixed-integer programming."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

UNBOUNDED = 10**6
"""More than any count of a test: what reaches it is bounded by nothing."""


@dataclass
class System:
    """Linear equations and bounds over unknown whole numbers, none negative, each named by something hashable."""

    rows: list[tuple[Mapping[Hashable, int], int, int]] = field(default_factory=list)

    def equal(self, terms: Mapping[Hashable, int], value: int) -> None:
        """Learn that the sum of `terms` (name to factor) is `value`."""
        self.between(terms, value, value)

    def between(self, terms: Mapping[Hashable, int], low: int, high: int) -> None:
        """Learn that the sum of `terms` is at least `low` and at most `high`."""
        self.rows.append((dict(terms), low, high))

    def range_of(self, terms: Mapping[Hashable, int]) -> tuple[int, int]:
        """Return the least and the greatest that the sum of `terms` can be."""
        names = {name: None for row, *_ in self.rows for name in row} | dict.fromkeys(terms)
        column = {name: at for at, name in enumerate(names)}
        matrix = np.zeros((max(len(self.rows), 1), len(column)))
        least, most = np.zeros(len(matrix)), np.zeros(len(matrix))
        for at, (row, low, high) in enumerate(self.rows):
            least[at], most[at] = low, high
            for name, factor in row.items():
                matrix[at, column[name]] += factor
        wanted = np.zeros(len(column))
        for name, factor in terms.items():
            wanted[column[name]] += factor
        ends = []
        for sign in (1, -1):
            found = milp(
                sign * wanted,
                constraints=LinearConstraint(matrix, least, most),
                bounds=Bounds(0, UNBOUNDED),
                integrality=np.ones(len(column), dtype=np.int64),
            )
            if not found.success:
                raise ValueError(f"what was learned contradicts itself: {found.message}")
            ends.append(round(sign * found.fun))
        return ends[0], ends[1]
