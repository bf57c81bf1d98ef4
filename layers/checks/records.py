"""What records say: of their parents, in the values they may take, and in days that follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from layers.checks.findings import Case, Finding, of_rows
from layers.checks.kinds import KINDS, SOON_DAYS
from layers.fact_rules import days_past
from layers.indicators import has_ended, is_mediation_eligible, is_published
from layers.places import LEVELS, PARENT_LAYERS, places, positions
from layers.policy import unguarded_fields
from layers.schema import FACT_VALUES, LAYERS, Field
from layers.wording import day

if TYPE_CHECKING:
    from datetime import date

    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot

_PERIODS = (
    ("communities", "contract_reversed", "contract_start", "contract_end"),
    ("communities", "term_reversed", "committee_term_start", "committee_term_end"),
    ("complaints", "closed_before_opened", "opened", "closed"),
)


def check_references(snapshot: Snapshot) -> list[Finding]:
    """Find codes of parents that do not exist."""
    found = []
    for name, layer in LAYERS.items():
        frame = snapshot.frame(name)
        for field in layer.parents:
            index = snapshot.frame(str(field.parent)).index
            broken = frame[field.name].notna().to_numpy() & (positions(index, frame[field.name]) < 0)
            told = {field.name: [str(code) for code in frame[field.name][broken]]}
            found.append(of_rows(snapshot, f"broken_{field.name}", name, broken, told))
    return found


def check_chains(snapshot: Snapshot) -> list[Finding]:
    """Find rows that name another subdistrict or neighbourhood than a parent of theirs does.

    Each row is compared with the nearest of its parents that names one; codes that do not exist are
    findings of their own.
    """
    return [
        _contradicting(snapshot, name, upper)
        for name in LAYERS
        for upper in LEVELS[1:]
        if upper in LAYERS[name].field_names
    ]


def _contradicting(snapshot: Snapshot, layer: str, upper: str) -> Finding:
    frame = snapshot.frame(layer)
    codes, own = frame.index.to_numpy(dtype=object), frame[upper].to_numpy(dtype=object)
    there = snapshot.frame(PARENT_LAYERS[upper]).index
    unseen = positions(there, frame[upper]) >= 0
    cases: list[tuple[int, Case]] = []
    for lower in LEVELS[: LEVELS.index(upper)]:
        parent = snapshot.frame(PARENT_LAYERS[lower])
        if lower not in frame.columns or upper not in parent.columns:
            continue
        at = positions(parent.index, frame[lower])
        named = np.full(len(frame), None, dtype=object)
        named[at >= 0] = parent[upper].to_numpy(dtype=object)[at[at >= 0]]
        compared = unseen & (positions(there, pd.Series(named, dtype=object)) >= 0)
        for row in np.flatnonzero(compared & (named != own)):
            told = {upper: str(own[row]), lower: str(frame[lower].iloc[row]), "which_names": str(named[row])}
            cases.append((int(row), Case((str(codes[row]),), told)))
        unseen &= ~compared
    return Finding(KINDS[f"contradicting_{upper}"], layer, tuple(case for _, case in sorted(cases, key=_row)))


def _row(case: tuple[int, Case]) -> int:
    return case[0]


def check_values(snapshot: Snapshot) -> list[Finding]:
    """Find values that the layers' descriptions do not allow: other programs write stores as well.

    Of a guarded field only its name is told.
    """
    found = []
    for name, layer in LAYERS.items():
        frame = snapshot.frame(name)
        open_fields = {field.name for field in unguarded_fields(layer)}
        for field in layer.fields:
            if field.name == "code":
                continue
            values = frame[field.name]
            for kind, wrong in _wrong_values(snapshot, field, values):
                told: dict[str, Any] = {"field": [field.name] * int(wrong.sum())}
                if field.name in open_fields and kind != "value_missing":
                    told["value"] = [str(value) for value in values[wrong]]
                found.append(of_rows(snapshot, kind, name, wrong, told))
    return found


def _wrong_values(
    snapshot: Snapshot, field: Field, values: pd.Series
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    known = values.notna().to_numpy()
    if field.required:
        yield "value_missing", ~known | (values == "").fillna(False).to_numpy(dtype=bool)
    codes: tuple[str, ...] | None = FACT_VALUES if field.type == "fact" else None
    if field.codes is not None:
        codes = tuple(code.id for code in snapshot.standards.code_lists[field.codes])
    if codes is not None:
        yield "value_not_listed", known & ~values.isin(codes).to_numpy()
    if field.minimum is not None or field.maximum is not None:
        number = values.to_numpy(dtype=np.float64, na_value=np.nan)
        low = -np.inf if field.minimum is None else field.minimum
        high = np.inf if field.maximum is None else field.maximum
        yield "value_out_of_range", known & ~((number >= low) & (number <= high))


def check_people(snapshot: Snapshot) -> list[Finding]:
    """Find communities with more floating residents than residents; neither number is told."""
    people = snapshot.frame("communities")[["floating_residents", "residents"]]
    floating, residents = people.to_numpy(dtype=float, na_value=np.nan).T
    return [
        of_rows(snapshot, "floating_over_residents", "communities", (residents >= 0) & (floating > residents))
    ]


def check_days(snapshot: Snapshot) -> list[Finding]:
    """Find periods that end before they begin; one day for both is fine."""
    found = []
    for layer, kind, start, end in _PERIODS:
        frame = snapshot.frame(layer)
        wrong = (frame[end] < frame[start]).to_numpy()
        found.append(of_rows(snapshot, kind, layer, wrong, _days(frame, wrong, start, end)))
    return found


def check_to_come(snapshot: Snapshot, today: date | None) -> list[Finding]:
    """Find days of what is said to have happened that are after today, or else after the district's as-of day."""
    as_of, found = snapshot.district.as_of, []
    for name, layer in LAYERS.items():
        frame = snapshot.frame(name)
        for field in sorted(days_past(layer)):
            days = frame[field].to_numpy()
            to_come = np.zeros(len(days), dtype=bool) if today is None else days > np.datetime64(today)
            later = np.zeros(len(days), dtype=bool) if as_of is None else days > np.datetime64(as_of)
            for kind, rows in (("after_today", to_come), ("after_as_of", later & ~to_come)):
                told: dict[str, Any] = {
                    "field": [field] * int(rows.sum()),
                    "value": _days(frame, rows, field)[field],
                }
                found.append(of_rows(snapshot, kind, name, rows, told))
    return found


def _days(frame: gpd.GeoDataFrame, rows: NDArray[np.bool_], *fields: str) -> dict[str, list[str | None]]:
    return {name: [day(value) for value in frame[name][rows]] for name in fields}


def check_contracts(snapshot: Snapshot) -> list[Finding]:
    """Find contracts and terms whose days contradict what is on record as of the district's day."""
    communities, as_of = snapshot.frame("communities"), snapshot.district.as_of
    if as_of is None:
        dated = communities[["contract_end", "committee_term_end"]].notna().to_numpy().any()
        return [Finding(KINDS["as_of_unknown"], None, (Case(()),))] if dated else []
    today = pd.Timestamp(as_of)
    found = []
    for what, fact, start, end in (
        ("contract", "property_management", "contract_start", "contract_end"),
        ("term", "owners_committee", "committee_term_start", "committee_term_end"),
    ):
        ended = (communities[fact] == "yes") & has_ended(communities[end], today)
        begun = ~(communities[start] > today)
        runs = (communities[fact] == "no") & begun & (communities[end] >= today)
        for kind, rows in ((f"{what}_ended", ended.to_numpy()), (f"{what}_runs", runs.to_numpy())):
            found.append(of_rows(snapshot, kind, "communities", rows, _days(communities, rows, end)))
    until = today + pd.Timedelta(days=SOON_DAYS)
    managed = communities["property_management"] == "yes"
    soon = (managed & communities["contract_end"].between(today, until)).to_numpy()
    days = _days(communities, soon, "contract_end")
    return [*found, of_rows(snapshot, "contract_ends_soon", "communities", soon, days)]


def check_membership(snapshot: Snapshot) -> list[Finding]:
    """Find buildings and rooms of no community, and communities that should have a mediation room.

    Notes all: shops, schools and works stand in no community, and a missing room is a figure that the
    summary publishes. A building that names a community which is not there, or does not lie in the one it
    names, is a fault of its own.
    """
    found = []
    communities = snapshot.frame("communities")
    if len(communities):
        for layer in ("buildings", "mediation_rooms"):
            nowhere = places(snapshot, layer)["community"].to_numpy() < 0
            found.append(of_rows(snapshot, "no_community", layer, nowhere))
    least = snapshot.standards.mediation_households
    eligible = is_mediation_eligible(communities, households=least) == "yes"
    room_of = places(snapshot, "mediation_rooms")["community"].to_numpy()
    missing = eligible & is_published(communities) & ~np.isin(np.arange(len(communities)), room_of)
    households = [int(number) for number in communities["households"][missing]]
    return [
        *found,
        of_rows(snapshot, "mediation_missing", "communities", missing, {"households": households}),
    ]
