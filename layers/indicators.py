"""Rules about communities: tri-states in, classes and figures out. Nothing here is stored.

Every rule treats unknown as a class of its own: a fact that is not known decides nothing unless the
other facts decide alone.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANAGEMENT_CLASSES = ("double_none", "no_manager", "no_committee", "complete", "unknown")
"""By the two facts of a community; `unknown` where one of them is."""

SEATS = ("residents_group", "owners_committee", "property_management", "party_branch")
"""The four of four-in-one, in the order of the seat glyph."""

URBAN_VILLAGE = "urban_village"


def is_published(communities: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether a community is among those that the published figures speak of.

    They are over the 929 residential communities; the 42 urban villages stand beside them. A
    community of unknown kind is counted among the former.
    """
    return np.asarray(communities["kind"] != URBAN_VILLAGE, dtype=bool)


def is_double_none(communities: pd.DataFrame) -> NDArray[np.object_]:
    """Return yes, no or unknown per community: no property management and no owners' committee.

    One yes decides alone; otherwise an unknown leaves it open.
    """
    manager = communities["property_management"].to_numpy(dtype=object)
    committee = communities["owners_committee"].to_numpy(dtype=object)
    answer = np.full(len(communities), "unknown", dtype=object)
    answer[(manager == "yes") | (committee == "yes")] = "no"
    answer[(manager == "no") & (committee == "no")] = "yes"
    return answer


def management_class(communities: pd.DataFrame) -> NDArray[np.object_]:
    """Return one of `MANAGEMENT_CLASSES` per community."""
    manager = communities["property_management"].to_numpy(dtype=object)
    committee = communities["owners_committee"].to_numpy(dtype=object)
    classes = np.full(len(communities), "unknown", dtype=object)
    classes[(manager == "no") & (committee == "no")] = "double_none"
    classes[(manager == "no") & (committee == "yes")] = "no_manager"
    classes[(manager == "yes") & (committee == "no")] = "no_committee"
    classes[(manager == "yes") & (committee == "yes")] = "complete"
    return classes


def has_ended(end: Any, day: Any) -> Any:
    """Whether a contract or term whose last day is `end` is over on `day`: it is in force on its last day.

    Days may be dates, ISO texts or columns of days; an unknown day in a column has not ended.
    """
    return end < day


def is_mediation_eligible(communities: pd.DataFrame, *, households: int) -> NDArray[np.object_]:
    """Return yes, no or unknown: a community with at least `households` is to have a mediation room.

    Membership, not distance; the limit is inclusive (published rule: 300 or more households).
    """
    known = communities["households"].to_numpy(dtype="float64", na_value=np.nan)
    answer = np.full(len(communities), "unknown", dtype=object)
    answer[known >= households] = "yes"
    answer[known < households] = "no"
    return answer


def seats(communities: pd.DataFrame) -> pd.DataFrame:
    """Return four-in-one completeness.

    Returns
    -------
    DataFrame
        Same index; `filled` (0-4), `missing` and `unknown` (names of seats, comma-separated, in the
        order of `SEATS`), and `glyph`: four characters, 1 for yes, 0 for no, ? for unknown.
    """
    facts = communities[list(SEATS)].to_numpy(dtype=object)
    marks = np.select([facts == "yes", facts == "no"], [1, 0], 2)
    # Which of the few combinations each row is: what is said of one is put together once.
    rows = _COMBINATIONS[marks @ 3 ** np.arange(len(SEATS))[::-1]]
    return pd.DataFrame(
        dict(zip(("filled", "missing", "unknown", "glyph"), rows.T, strict=True)), index=communities.index
    ).astype({"filled": np.int64, "missing": "str", "unknown": "str", "glyph": "str"})


def _combination(marks: tuple[int, ...]) -> tuple[int, str, str, str]:
    missing, unknown = (
        ",".join(seat for seat, mark in zip(SEATS, marks, strict=True) if mark == wanted) for wanted in (0, 2)
    )
    return marks.count(1), missing, unknown, "".join("01?"[mark] for mark in marks)


_COMBINATIONS = np.array(
    [_combination(marks) for marks in product(range(3), repeat=len(SEATS))], dtype=object
)
