"""A figure is never a bare number: how many, of how many, and how many are unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Figure:
    """`count` say yes and `unknown` cannot be told, of `of` in all (the unknown are counted in `of`)."""

    count: int
    of: int
    unknown: int

    @property
    def rate(self) -> float | None:
        """Yes over all, or None where there is nothing to count."""
        return self.count / self.of if self.of else None

    def as_dict(self) -> dict[str, Any]:
        """Return count, of, unknown and rate."""
        return {"count": self.count, "of": self.of, "unknown": self.unknown, "rate": self.rate}


class Untold(Figure):
    """A figure of which nobody has recorded what it counts: all are unknown, and no is as far as yes."""

    @property
    def rate(self) -> float | None:
        """None: a share of nothing known is not 0 %."""
        return None


def figure(facts: ArrayLike, *, value: str = "yes") -> Figure:
    """Count the facts (yes, no, unknown) that say `value`."""
    values = np.asarray(facts, dtype=object)
    return Figure(int((values == value).sum()), len(values), int((values == "unknown").sum()))
