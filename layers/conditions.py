"""Combined conditions over units: which meet all of them, and of which that cannot be told.

Every condition has three answers, and they are combined as Kleene's logic says: one no decides for all, and where
nothing says no, one unknown leaves it open. Answers are arrays over all units of a scheme, whoever asks; what of
them leaves is cut to what is seen by `layers.views`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geo.coverage import is_covered as within_limit
from layers.analysis import reach_m
from layers.areas import features_in_area
from layers.dwellings import dwellings, facility_positions
from layers.indicators import is_double_none
from layers.questions import full_answer
from layers.tallies import complaints_by_unit
from layers.units import units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.condition_text import Condition
    from layers.queries import ViewQuery
    from layers.sight import Sight
    from layers.snapshot import Snapshot

    Verdicts = NDArray[np.int8]

NO, UNKNOWN, YES = np.int8(0), np.int8(1), np.int8(2)
"""Ordered, so that "and" is the least, "or" the greatest, and "not" the distance from `YES`."""
_OF_FACT = {"yes": YES, "no": NO, "unknown": UNKNOWN}
_NEARLY = 6
"""Decimals to which people spread over buildings add up again."""


@dataclass(frozen=True)
class Met:
    """How the units of a view meet its conditions.

    Attributes
    ----------
    steps : tuple of int8 arrays
        After each condition, for every unit in unit order: how it meets that one and all before it.
    """

    steps: tuple[Verdicts, ...]

    @property
    def verdicts(self) -> Verdicts:
        """How each unit meets all of them."""
        return self.steps[-1]

    def counts(self, of: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Return, of the units at these positions, how many meet and how many cannot be told after each condition."""
        return [(int((step[of] == YES).sum()), int((step[of] == UNKNOWN).sum())) for step in self.steps]


@dataclass(frozen=True)
class Filtered:
    """What conditions make of the units of a view.

    Attributes
    ----------
    met : Met
    of : int array
        Positions of the units that the conditions are asked of, worst first.
    matches : int
        How many of them meet all conditions: the first rows of the view; after them come those that cannot be told.
    rest : int array
        Positions of those that do not meet them, worst first.
    """

    met: Met
    of: NDArray[np.int64]
    matches: int
    rest: NDArray[np.int64]


def filtered(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Filtered]:
    """Return the positions in `order` that meet the query's conditions, then those that cannot be told, and the rest."""
    found = met(snapshot, query, sight)
    of = found.verdicts[order]
    yes = order[of == YES]
    shown = np.concatenate([yes, order[of == UNKNOWN]])
    return shown, Filtered(found, order, len(yes), order[of == NO])


def met(snapshot: Snapshot, query: ViewQuery, sight: Sight) -> Met:
    """Return how every unit meets the conditions of a query that has some."""
    steps: list[Verdicts] = []
    for condition in query.where:
        one = verdicts(snapshot, query, sight, condition)
        steps.append(np.minimum(steps[-1], one) if steps else one)
    return Met(tuple(steps))


def verdicts(snapshot: Snapshot, query: ViewQuery, sight: Sight, condition: Condition) -> Verdicts:
    """Return yes, no or unknown for one condition and every unit of the query's scheme."""
    found = _RULES[condition.kind](_Asked(snapshot, query, sight), *condition.values)
    return YES - found if condition.negated else found


@dataclass(frozen=True)
class _Asked:
    """What a rule is asked about."""

    snapshot: Snapshot
    query: ViewQuery
    sight: Sight

    @property
    def number(self) -> int:
        """How many units there are."""
        return len(units(self.snapshot, self.query.unit))

    def of_communities(self, one: Verdicts) -> Verdicts:
        """Return what holds for some community of each unit: of the community itself, or of those with a point in it."""
        if self.query.unit == "communities":
            return one
        at = units(self.snapshot, self.query.unit).of_community
        found = np.full(self.number, NO)
        np.maximum.at(found, at[at >= 0], one[at >= 0])
        return found

    def residents(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the known residents of each unit, and whether there may be more whose number is unknown."""
        if self.query.unit == "communities":
            known = self.snapshot.frame("communities")["residents"].to_numpy(dtype=float, na_value=np.nan)
            return np.nan_to_num(known), np.isnan(known)
        of, homes = units(self.snapshot, self.query.unit).of_dwelling, dwellings(self.snapshot)
        here, known = of >= 0, np.isfinite(homes.residents)
        total = np.bincount(of[here & known], weights=homes.residents[here & known], minlength=self.number)
        more = np.bincount(of[here & ~known], minlength=self.number) > 0
        return np.round(total, _NEARLY), more


def _double_none(asked: _Asked) -> Verdicts:
    answers = is_double_none(asked.snapshot.frame("communities"))
    return asked.of_communities(_facts(answers))


def _facts(answers: NDArray[np.object_]) -> Verdicts:
    return np.select([answers == "yes", answers == "no"], [YES, NO], UNKNOWN).astype(np.int8)


def _gap(asked: _Asked, kind: str, limit_m: str) -> Verdicts:
    """Return whether the mean walk is over a limit: the walk of the cards and of the first question's map."""
    snapshot = asked.snapshot
    found = units(snapshot, asked.query.unit)
    nobody = ~np.isin(np.arange(asked.number), found.of_dwelling)
    if not snapshot.count("facilities"):
        return np.where(nobody, NO, UNKNOWN)
    if not len(facility_positions(snapshot, kind)):
        return np.where(nobody, NO, YES)
    _, walk_m = reach_m(snapshot, found, kind)
    over = np.where(np.isnan(walk_m), UNKNOWN, np.where(within_limit(walk_m, float(limit_m)), NO, YES))
    return np.where(nobody, NO, over)


def _floating(asked: _Asked, percent: str) -> Verdicts:
    """Return whether the share of floating residents lies in that tenth or a higher one, to whom its tenth is told."""
    communities = asked.snapshot.frame("communities")
    floating, residents = (
        communities[name].to_numpy(dtype=float, na_value=np.nan)
        for name in ("floating_residents", "residents")
    )
    known = (residents > 0) & (floating <= residents)  # more than all is an error on record
    if asked.sight.floating == "area":
        known &= features_in_area(asked.snapshot, "communities", asked.sight.area)
    elif asked.sight.floating == "none":
        known[:] = False
    share = np.divide(floating, residents, out=np.zeros(len(known)), where=known)
    # The tenth that the card tells, so that both say the same of a share on its edge.
    return np.where(known, np.where((share * 10).astype(int) >= int(percent) // 10, YES, NO), UNKNOWN)


def _hot(asked: _Asked, least: str) -> Verdicts:
    return _significant(asked, "hot", least)


def _cold(asked: _Asked, least: str) -> Verdicts:
    return _significant(asked, "cold", least)


def _significant(asked: _Asked, side: str, least: str) -> Verdicts:
    classes = _hotspot_classes(asked)
    wanted = [f"{side}_{level}" for level in ("90", "95", "99") if int(level) >= int(least)]
    return _compared(asked, _or_unknown(classes, *wanted))


def _hotspot_classes(asked: _Asked) -> NDArray[np.object_]:
    return _classes(asked, replace(asked.query, question="hotspots"))


def _classes(asked: _Asked, query: ViewQuery) -> NDArray[np.object_]:
    return full_answer(asked.snapshot, query).table["class"].to_numpy(dtype=object)


def _compared(asked: _Asked, found: Verdicts) -> Verdicts:
    """Return what is found of hotspot classes; unknown where nothing was counted."""
    return found if asked.snapshot.count("complaints") else np.full(asked.number, UNKNOWN)


def _kind(asked: _Asked, kind: str) -> Verdicts:
    kinds = asked.snapshot.frame("communities")["kind"]
    known = kinds.notna().to_numpy()
    of_kind = np.where((kinds == kind).to_numpy(dtype=bool, na_value=False), YES, NO)
    return asked.of_communities(np.where(known, of_kind, UNKNOWN))


def _residents(asked: _Asked, least: str) -> Verdicts:
    known, more = asked.residents()
    return np.where(known >= int(least), YES, np.where(more, UNKNOWN, NO))


def _complaints(asked: _Asked, least: str) -> Verdicts:
    if not asked.snapshot.count("complaints"):
        return np.full(asked.number, UNKNOWN)
    counted = complaints_by_unit(asked.snapshot, asked.query.unit, asked.query.period)
    return np.where(counted >= int(least), YES, NO)


def _seat(asked: _Asked, seat: str, fact: str) -> Verdicts:
    """Return whether a seat is known to be filled, or empty, or not known: the last can always be told."""
    answers = asked.snapshot.frame("communities")[seat].to_numpy(dtype=object)
    if fact == "unknown":
        return asked.of_communities(np.where(~np.isin(answers, ("yes", "no")), YES, NO))
    found = _facts(answers)
    return asked.of_communities(found if fact == "yes" else YES - found)


def _subdistrict(asked: _Asked, code: str) -> Verdicts:
    of = units(asked.snapshot, asked.query.unit).subdistrict
    wanted = asked.snapshot.frame("subdistricts").index.get_loc(code)
    return np.where(of < 0, UNKNOWN, np.where(of == wanted, YES, NO))


def _class_of_double_none(asked: _Asked, wanted: str) -> Verdicts:
    classes = _classes(asked, replace(asked.query, question="double_none"))
    # Of these it is known that there are some, but not whether so many.
    open_case = (classes == "open") & np.isin(wanted, ("dn-1", "dn-2", "dn-3"))
    return np.where(open_case, UNKNOWN, _or_unknown(classes, wanted))


def _class_of_hotspots(asked: _Asked, wanted: str) -> Verdicts:
    classes = _hotspot_classes(asked)
    return _compared(asked, _or_unknown(classes, wanted))


def _class_of_gap(asked: _Asked, kind: str, limit_m: str, wanted: str) -> Verdicts:
    standard_m = asked.snapshot.standards.limits[kind].limit_m
    chosen = None if float(limit_m) == standard_m else int(limit_m)
    return _or_unknown(
        _classes(asked, replace(asked.query, question="gap", kind=kind, limit_m=chosen)), wanted
    )


def _or_unknown(classes: NDArray[np.object_], *wanted: str) -> Verdicts:
    open_case = (classes == "unknown") & ~np.isin(wanted, ("unknown", "open")).any()
    return np.where(np.isin(classes, wanted), YES, np.where(open_case, UNKNOWN, NO))


_RULES: dict[str, Callable[..., Verdicts]] = {
    "double_none": _double_none,
    "gap": _gap,
    "floating": _floating,
    "hot": _hot,
    "cold": _cold,
    "kind": _kind,
    "residents": _residents,
    "complaints": _complaints,
    "seat": _seat,
    "subdistrict": _subdistrict,
    "class:double_none": _class_of_double_none,
    "class:hotspots": _class_of_hotspots,
    "class:gap": _class_of_gap,
}
