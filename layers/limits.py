"""How far the walk to a facility may be: the standard's limit, or another that somebody tries."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from layers.text import Text, both

if TYPE_CHECKING:
    from layers.queries import ViewQuery
    from layers.snapshot import Snapshot
    from layers.standards import CoverageLimit

STEP_M = 50
_BOUNDS_M = (300, 500, 800, 1000, 1500, *range(2000, 100_000, 1000))
_APART = 1.2
"""The next class bound is at least so many times the limit: no class is a sliver."""


@dataclass(frozen=True)
class Limit:
    """The limit that a view compares walks with, and the standard's.

    Attributes
    ----------
    metres : float
        Inclusive.
    standard : CoverageLimit
        The limit that the standard sets for the kind, with its source.
    """

    metres: float
    standard: CoverageLimit

    @property
    def is_chosen(self) -> bool:
        """Whether it is another than the standard's."""
        return self.metres != self.standard.limit_m

    @property
    def mark(self) -> Text:
        """What follows the limit in headings where it is not the standard's."""
        return Text("（自选）", " (chosen)") if self.is_chosen else both("")

    @property
    def source(self) -> Text:
        """Where the limit comes from, as a sentence."""
        verified = (
            both("") if self.standard.verified else Text("，未核对原文", ", not verified against the text")
        )
        told = (
            Text(
                "限值 {m:g} m 为自选；标准是 {l:g} m，出自 {s}{v}。",
                "The limit of {m:g} m is chosen; the standard's is {l:g} m, from {s}{v}.",
            )
            if self.is_chosen
            else Text("限值 {l:g} m，出自 {s}{v}。", "Limit {l:g} m from {s}{v}.")
        )
        return told.format(m=self.metres, l=self.standard.limit_m, s=self.standard.source, v=verified)

    @property
    def note(self) -> Text | None:
        """What stands beside figures of a chosen limit; None where it is the standard's."""
        if not self.is_chosen:
            return None
        return Text("限值自选，标准 {l:g} m", "limit chosen, standard {l:g} m").format(
            l=self.standard.limit_m
        )

    @property
    def breaks_m(self) -> tuple[float, ...]:
        """The bounds of four classes of walking distance, upper bounds inclusive; the first is the limit.

        None falls as the limit grows: whatever limit is tried, a greater one puts no unit into a farther class.
        """
        farther = (bound for bound in _BOUNDS_M if bound >= _APART * self.metres)
        return (self.metres, *islice(farther, 3))


def limit_range_m(standard_m: float) -> tuple[int, int]:
    """Return from which to which limit somebody may try instead of the standard's, in whole metres.

    From 100 m (or the standard's, where that is less) to three times the standard's, at least 1,000 m: the walk
    circles of 5, 10 and 15 minutes (GB 50180-2018: 300, 500 and 1,000 m) are within it for every kind.
    """
    return min(100, int(standard_m)), max(1000, round(3 * standard_m))


def limit_of(snapshot: Snapshot, query: ViewQuery) -> Limit:
    """Return the limit that a query compares with."""
    standard = snapshot.standards.limits[query.kind]
    return Limit(standard.limit_m if query.limit_m is None else float(query.limit_m), standard)
