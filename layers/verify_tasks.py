"""What is to be asked on the ground: facts in doubt, each as one question, the most urgent first.

A fact is in doubt by the first of these rules that applies, on the day that the district's data speak of:

- ``unknown``: nobody knows it.
- ``ended``: yes by the record, but the contract or term behind it has ended, and nobody has looked since.
- ``contradicts``: no by the record, but something else on record says yes.
- ``undated``: nobody says when it was last verified, or the day that is said has not come yet.
- ``stale``: it was last verified longer ago than `Verification.stale_days`.

What somebody has looked at within `Verification.ask_again_days` and found unknown or contradicting is not asked again
before those days are over: the answer was given, and the worker on the spot can do no more about it.

The order is that of `GROUPS`; within ``age`` what was verified longest ago comes first (undated before all). Ties go
to more residents, unknown numbers last, then by code and field.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from geo import crs
from layers.areas import features_in_area
from layers.indicators import SEATS, has_ended
from layers.places import places, positions
from layers.schema import LAYERS
from layers.text import Text, both
from layers.verify_words import GROUP_WORDS, answered, asked, questioned, reasoned
from layers.wording import day as iso_day
from layers.wording import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from layers.policy import Policy, Seen
    from layers.snapshot import Snapshot
    from layers.standards import Verification
    from layers.visitors import Area, Visitor

DoubtKind = Literal["unknown", "ended", "contradicts", "undated", "stale"]
Group = Literal["double_none", "ended", "contradicts", "unknown", "age"]
GROUPS: tuple[Group, ...] = ("double_none", "ended", "contradicts", "unknown", "age")
"""Why a question stands where it does, the most urgent first.

``double_none``: by the answer alone the community may become double-none, or cease to be. Own proposal.
"""

_ENDS = {"property_management": "contract_end", "owners_committee": "committee_term_end"}
_STARTS = {"property_management": "contract_start", "owners_committee": "committee_term_start"}
_OTHER = {"property_management": "owners_committee", "owners_committee": "property_management"}
_DETAILS = {
    "property_management": ("property_company", "contract_end", "property_staff"),
    "owners_committee": ("committee_term_end",),
    "residents_group": (),
    "party_branch": ("party_branch_mode",),
}
_REAL_DOUBTS = ("unknown", "ended", "contradicts")


@dataclass(frozen=True)
class Doubt:
    """A fact of one feature that is to be asked about.

    Attributes
    ----------
    days : int, optional
        Since the contract or term ended, or since the fact was verified; None where there is no such day.
    stakes : bool
        Whether by the answer alone the community may become double-none, or cease to be.
    residents : int, optional
        Whom it concerns; None where that is unknown or not told.
    """

    layer: str
    code: str
    field: str
    kind: DoubtKind
    days: int | None
    stakes: bool
    residents: int | None

    @property
    def group(self) -> Group:
        """By what it ranks."""
        if self.stakes:
            return "double_none"
        return "age" if self.kind == "undated" or self.kind == "stale" else self.kind


def rank(doubts: Iterable[Doubt]) -> list[Doubt]:
    """Return doubts in the order in which they are to be looked into; see the module's words."""
    return sorted(doubts, key=_urgency)


def _urgency(doubt: Doubt) -> tuple[Any, ...]:
    ages = doubt.group == "age"
    age = -float("inf") if doubt.days is None else -float(doubt.days)
    people = float("inf") if doubt.residents is None else -float(doubt.residents)
    return GROUPS.index(doubt.group), age if ages else 0.0, people, doubt.code, doubt.layer, doubt.field


def doubts_of_community(
    code: str, row: Mapping[str, Any], day: date, rules: Verification, *, today: date | None = None
) -> list[Doubt]:
    """Return what is in doubt of one community.

    Parameters
    ----------
    row : mapping
        Its fields, unknown as None: facts as texts, days as `datetime.date`. Fields that may not be seen are left out.
    day : date
        The day from which is reckoned.
    today : date, optional
        Later than on either day nothing was verified: such a day is no day. Without it none is too late.
    """
    latest = date.max if today is None else max(day, today)
    found = {fact: _doubt(fact, row, day, rules, latest) for fact in SEATS if fact in row}
    residents = row.get("residents")
    return [
        Doubt(
            "communities",
            code,
            fact,
            doubt[0],
            doubt[1],
            stakes=_at_stake(fact, doubt[0], row, found),
            residents=None if residents is None else int(residents),
        )
        for fact, doubt in found.items()
        if doubt is not None
    ]


_Found = tuple[DoubtKind, "int | None"]


def _doubt(fact: str, row: Mapping[str, Any], day: date, rules: Verification, latest: date) -> _Found | None:
    value, verified = row[fact], row.get(f"{fact}_date")
    verified = None if verified is None or verified > latest else verified
    age = None if verified is None else (day - verified).days
    asked_lately = age is not None and age < rules.ask_again_days
    if value not in ("yes", "no"):
        return None if asked_lately else ("unknown", age)
    end = row.get(_ENDS.get(fact, ""))
    if value == "yes" and end is not None and has_ended(end, day) and (verified is None or verified <= end):
        return "ended", (day - end).days
    if value == "no" and not asked_lately and _says_yes(fact, row, day):
        return "contradicts", age
    if age is None:
        return "undated", None
    return ("stale", age) if age > rules.stale_days else None


def _says_yes(fact: str, row: Mapping[str, Any], day: date) -> bool:
    """Whether something else on record contradicts a no."""
    end, start = row.get(_ENDS.get(fact, "")), row.get(_STARTS.get(fact, ""))
    if end is not None and not has_ended(end, day) and (start is None or start <= day):
        return True
    if fact == "property_management":
        return bool(row.get("property_staff"))
    return fact == "party_branch" and row.get("party_branch_mode") is not None


def _at_stake(fact: str, kind: DoubtKind, row: Mapping[str, Any], found: Mapping[str, _Found | None]) -> bool:
    """Whether the other of the two facts leaves it to this one whether the community is double-none."""
    other = _OTHER.get(fact, "")
    if other not in row or kind not in _REAL_DOUBTS:
        return False
    doubted = found[other]
    return row[other] != "yes" or (doubted is not None and doubted[0] == "ended")


@dataclass(frozen=True)
class Tasks:
    """The questions of an area.

    Attributes
    ----------
    total : int
        How many there are; `listed` holds the first of them.
    rooms : tuple of dict
        Every mediation room of the area, asked about or not.
    """

    version: int
    epoch: str
    day: date
    total: int
    listed: tuple[dict[str, Any], ...]
    rooms: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return them for JSON: texts in both languages, as a tablet that is offline needs them."""
        return {
            "version": self.version,
            "epoch": self.epoch,
            "day": self.day.isoformat(),
            "total": self.total,
            "tasks": list(self.listed),
            "rooms": list(self.rooms),
        }


LAYERS_ASKED = ("communities", "mediation_rooms")


def verifiable(policy: Policy, visitor: Visitor) -> dict[str, frozenset[str]]:
    """Return per layer the fields that somebody may verify."""
    offered = {
        layer: policy.offered(visitor, layer, way_out="api", action="verify") for layer in LAYERS_ASKED
    }
    return {layer: frozenset(offer.field.name for offer in found.fields) for layer, found in offered.items()}


def tasks(
    snapshot: Snapshot,
    seen: Mapping[str, Seen],
    verifiable: Mapping[str, Container[str]],
    area: Area,
    today: date,
    *,
    most: int,
) -> Tasks:
    """Return what there is to ask in an area, as far as may be seen what it follows from.

    Parameters
    ----------
    seen : mapping of str to Seen
        What the policy lets out of each of `LAYERS_ASKED`.
    verifiable : mapping of str to container of str
        The fields of each that the visitor may verify: nothing else is asked.
    area : Area
        The visitor's.
    today : date
        From which is reckoned where the district has no as-of day; nothing was verified later.
    most : int
        So many are listed.
    """
    day = snapshot.district.as_of or today
    inside = {layer: np.flatnonzero(features_in_area(snapshot, layer, area)) for layer in LAYERS_ASKED}
    rows = {layer: _rows(snapshot, seen[layer], inside[layer]) for layer in LAYERS_ASKED}
    rules = snapshot.standards.verification
    doubts = [
        doubt
        for code, row in rows["communities"].items()
        for doubt in doubts_of_community(code, row, day, rules, today=today)
    ]
    doubts += _doubts_of_rooms(snapshot, rows)
    ranked = rank(doubt for doubt in doubts if doubt.field in verifiable[doubt.layer])
    points = {layer: _points(snapshot, layer, inside[layer]) for layer in LAYERS_ASKED}
    listed = tuple(
        _told(snapshot, doubt, rows[doubt.layer][doubt.code], number, points[doubt.layer])
        for number, doubt in enumerate(ranked[:most], 1)
    )
    rooms = tuple(
        _room(code, row, points["mediation_rooms"][code]) for code, row in rows["mediation_rooms"].items()
    )
    return Tasks(snapshot.version, snapshot.district.epoch.id, day, len(ranked), listed, rooms)


def _rows(snapshot: Snapshot, seen: Seen, inside: NDArray[np.intp]) -> dict[str, dict[str, Any]]:
    """Return the area's features by code: what may be seen of them, unknown as None, days as dates."""
    frame = snapshot.frame(seen.layer.name).iloc[inside]
    names = [one.name for one in seen.fields if one.name != "code"]
    columns: list[Sequence[Any]] = [_plain(frame[name]) for name in names]
    return {
        str(code): dict(zip(names, values, strict=True))
        for code, *values in zip(frame.index, *columns, strict=True)
    }


def _plain(column: pd.Series) -> list[Any]:
    # Of a whole district there are a million cells: they are not asked one by one whether they are known.
    values = (column.dt.date if column.dtype.kind == "M" else column).astype(object).tolist()
    there = column.notna().tolist()
    return [value if known and value != "" else None for value, known in zip(values, there, strict=True)]


def _doubts_of_rooms(snapshot: Snapshot, rows: Mapping[str, Mapping[str, Any]]) -> list[Doubt]:
    """Return the rooms of which nobody knows whether they are for the surroundings as well."""
    of, communities = places(snapshot, "mediation_rooms"), snapshot.frame("communities").index
    at = of["community"].to_numpy()[positions(of.index, list(rows["mediation_rooms"]))]
    found = []
    for (code, row), community in zip(rows["mediation_rooms"].items(), at.tolist(), strict=True):
        if row.get("shared", "unknown") not in ("yes", "no"):
            around = rows["communities"].get(str(communities[community]), {}) if community >= 0 else {}
            residents = around.get("residents")
            people = None if residents is None else int(residents)
            found.append(Doubt("mediation_rooms", code, "shared", "unknown", None, False, people))
    return found


def _points(snapshot: Snapshot, layer: str, rows: NDArray[np.intp]) -> dict[str, tuple[float, float]]:
    """Return lon, lat of a point on each feature of some rows."""
    x, y = snapshot.points(layer)
    lon, lat = crs.points_from_metric(x[rows], y[rows], snapshot.district.metric_crs)
    codes = snapshot.frame(layer).index[rows]
    spots = np.round(np.column_stack([lon, lat]), 6).tolist()
    return {str(code): (spot[0], spot[1]) for code, spot in zip(codes, spots, strict=True)}


def _told(
    snapshot: Snapshot,
    doubt: Doubt,
    row: Mapping[str, Any],
    number: int,
    points: Mapping[str, tuple[float, float]],
) -> dict[str, Any]:
    """Return a question as the tablet shows it."""
    lon, lat = points[doubt.code]
    value = row[doubt.field] if row[doubt.field] in ("yes", "no") else "unknown"
    details = _details(snapshot, doubt, row)
    return {
        "id": f"{doubt.layer}/{doubt.code}/{doubt.field}",
        "layer": doubt.layer,
        "code": doubt.code,
        "field": doubt.field,
        "name": pair(_name(row, doubt.code)),
        "place": pair(place_title(snapshot, doubt.layer, doubt.code)),
        "question": pair(questioned(doubt.field, doubt.kind, value)),
        "ask": pair(asked(doubt.field)),
        "why": {
            "kind": doubt.kind,
            "days": doubt.days,
            "text": pair(reasoned(doubt.field, doubt.kind, doubt.days)),
            "urgent": doubt.kind in ("ended", "contradicts"),
        },
        "rank": number,
        "group": doubt.group,
        "group_text": pair(GROUP_WORDS[doubt.group]),
        "residents": doubt.residents,
        "lon": lon,
        "lat": lat,
        "record": {
            "value": value,
            "text": pair(answered(doubt.field, value, row)),
            "date": iso_day(row.get(f"{doubt.field}_date")),
            "details": details,
        },
    }


def _room(code: str, row: Mapping[str, Any], point: tuple[float, float]) -> dict[str, Any]:
    """Return a mediation room as the tablet lists it."""
    shared = row.get("shared")
    return {
        "code": code,
        "name": pair(_name(row, code)),
        "shared": shared if shared in ("yes", "no") else "unknown",
        "lon": point[0],
        "lat": point[1],
    }


def _details(snapshot: Snapshot, doubt: Doubt, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what else is on record about the fact, as far as it is known."""
    layer, told = LAYERS[doubt.layer], []
    for name in _DETAILS.get(doubt.field, ()):
        value = row.get(name)
        if value is None:
            continue
        one = layer.field(name)
        shown = both(str(value))
        if one.codes is not None:
            shown = snapshot.standards.title(one.codes, str(value))
        elif one.unit is not None:
            shown = Text(f"{int(value):,} {one.unit.zh}", f"{int(value):,} {one.unit.en}")
        told.append({"field": name, "title": pair(one.title), "value": str(value), "text": pair(shown)})
    return told


def _name(row: Mapping[str, Any], code: str) -> Text:
    return name_of({"name": row.get("name"), "name_en": row.get("name_en")}, code)  # type: ignore[arg-type]


def place_title(snapshot: Snapshot, layer: str, code: str) -> Text:
    """Return in which subdistrict and neighbourhood a feature lies, as far as that is known."""
    of, parts = places(snapshot, layer), []
    row = int(positions(of.index, [code])[0])
    for level, parent in (("subdistrict", "subdistricts"), ("neighbourhood", "neighbourhoods")):
        frame = snapshot.frame(parent)
        at = int(of[level].to_numpy()[row])
        if at >= 0 and parent != layer:
            parts.append(name_of(frame.iloc[at], str(frame.index[at])))
    return Text(" · ".join(part.zh for part in parts), " · ".join(part.en for part in parts))


def pair(text: Text) -> dict[str, str]:
    """Return a text in both languages for JSON: what is kept offline is read in either."""
    return {"zh": text.zh, "en": text.en}
