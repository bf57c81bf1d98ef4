"""Three years of the demonstration district's past: what was signed, elected, set up, opened, verified and corrected.

It is told backwards from the district as it stands, so that the published figures stay what they are; what a year
ago was otherwise is what trends and the histories of cards are made of. A new fact has a day, a correction has none.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pandas as pd
import shapely
from numpy.random import PCG64, Generator

from data.demo_names import company_names
from layers.facts import packed_note
from layers.feature import Feature
from layers.schema import LAYERS
from layers.store import PastWrite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import geopandas as gpd

Records = dict[str, dict[str, Any]]
"""A layer's features by code."""

FIRST = date(2017, 1, 1)
REVIEWED = date(2019, 12, 24)
"""When the records were gone through and mistakes put right."""
_SURVEYED = date(2016, 12, 20)
"""When the survey ended with which the records began."""

_TERMS = (2, 3, 3, 5)
# How many of each came about in a year.
_STARTED = {2017: 8, 2018: 12, 2019: 17}
_FIRST_ELECTED = {2017: 8, 2018: 14, 2019: 17}
_LAPSED = {2017: 3, 2018: 4, 2019: 5}
_SET_UP = {2017: 60, 2018: 90, 2019: 31}
_HANDED_OVER = 0.3
_FOUND_OUT = 24
_JOINED = 40
_MOVED = (date(2017, 9, 1), date(2018, 5, 14), date(2019, 3, 18))
_CLOSED = (date(2018, 6, 30), date(2019, 4, 1))
_OFF_DEG = 0.0004
_FACTS = tuple(field.name for field in LAYERS["communities"].fields if field.type == "fact")

_CONTRACT, _COMMITTEE, _BRANCH = "物业合同备案", "业委会备案", "组织台账"
_VISIT, _ROSTER, _REGISTER, _LEDGER = "现场查看", "调解员名册", "设施台账", "核对原始台账"


@dataclass(frozen=True)
class _Event:
    """What happened to one feature on a day, by what stood there before; None where it came about."""

    day: date
    layer: str
    note: str
    code: str
    before: Mapping[str, Any] | Feature | None
    correction: bool = False

    @property
    def write(self) -> tuple[date, bool, str, str]:
        """What tells the write that it was part of."""
        return self.day, self.correction, self.layer, self.note


@dataclass
class _Town:
    """The layers that have a past, what has been told of them, and which facts changed."""

    communities: Records
    rooms: Records
    facilities: Records
    rng: Generator
    events: list[_Event] = dataclasses.field(default_factory=list)
    changed: set[tuple[str, str]] = dataclasses.field(default_factory=set)

    def tell(
        self,
        day: date,
        layer: str,
        code: str,
        before: Mapping[str, Any] | Feature | None,
        why: tuple[str, str],
    ) -> None:
        """Note what a new fact of a day replaced."""
        self.events.append(_Event(day, layer, packed_note(*why), code, before))

    def correct(self, layer: str, code: str, before: Mapping[str, Any], note: str) -> None:
        """Note a mistake that was put right."""
        self.events.append(_Event(REVIEWED, layer, packed_note(_LEDGER, note), code, before, correction=True))

    def some(self, codes: Iterable[str], count: int) -> list[str]:
        """Draw `count` of the codes."""
        known = sorted(codes)
        return [known[at] for at in sorted(self.rng.choice(len(known), count, replace=False).tolist())]

    def surveyed(self) -> date:
        """Return a day of the survey with which the records began."""
        return _SURVEYED - timedelta(days=int(self.rng.integers(500)))


def past(frames: Mapping[str, gpd.GeoDataFrame], *, seed: int = 440303) -> tuple[PastWrite, ...]:
    """Return what has brought the demonstration district about since 2017, oldest first.

    Parameters
    ----------
    frames : dict of str to GeoDataFrame
        What `data.demo.generate` returns.
    seed : int
        Another seed makes another past of the same district.

    Returns
    -------
    tuple of PastWrite
        For `layers.store.create_store`. Equal arguments give an equal past.
    """
    records = {name: _records(frames[name]) for name in ("communities", "mediation_rooms", "facilities")}
    communities, rooms, facilities = records.values()
    town = _Town(communities, rooms, facilities, Generator(PCG64([seed, FIRST.year])))
    _contracts(town)
    _committees(town)
    _branches(town)
    _visits(town)
    _rooms(town)
    _facilities(town)
    _corrections(town)
    return _writes(town.events, {name: _features(records[name], name) for name in records})


def _records(frame: gpd.GeoDataFrame) -> Records:
    """Return a layer's features by code, with days as `date`, what is not known as None."""
    columns = {
        str(name): [
            None if pd.isna(value) else value.date() if isinstance(value, pd.Timestamp) else value
            for value in column.tolist()
        ]
        for name, column in frame.items()
    }
    rows = zip(*columns.values(), strict=True)
    return {code: dict(zip(columns, row, strict=True)) for code, row in zip(frame.index, rows, strict=True)}


def _features(records: Records, layer: str) -> dict[str, Feature]:
    """Return a layer's features as they are now, by code."""
    names = [one.name for one in LAYERS[layer].fields if one.name != "code"]
    return {
        code: Feature(code, row["geometry"], {name: row[name] for name in names})
        for code, row in records.items()
    }


def _writes(events: Sequence[_Event], present: dict[str, dict[str, Feature]]) -> tuple[PastWrite, ...]:
    """Put events of one day and kind into one write, and say what each write replaced, walking back from today."""
    of_write = attrgetter("write")
    grouped = [(key, list(group)) for key, group in groupby(sorted(events, key=of_write), key=of_write)]
    writes = []
    for (day, correction, layer, note), group in reversed(grouped):
        state = present[layer]
        for event in group:
            if event.before is None:
                del state[event.code]
            elif isinstance(event.before, Feature):
                state[event.code] = event.before
            else:
                state[event.code] = _before(state[event.code], event.before)
        replaced = {code: state.get(code) for code in sorted({event.code for event in group})}
        writes.append(
            PastWrite(layer=layer, replaced=replaced, note=note, effective=None if correction else day)
        )
    return tuple(reversed(writes))


def _before(feature: Feature, values: Mapping[str, Any]) -> Feature:
    changed = {name: value for name, value in values.items() if name != "geometry"}
    shape = values.get("geometry", feature.geometry)
    return replace(feature, geometry=shape, values={**feature.values, **changed})


def _changed_fact(
    town: _Town, code: str, fact: str, day: date, before: Mapping[str, Any], why: tuple[str, str]
) -> None:
    """Tell that a fact of a community changed on a day; where it was looked at again later, that too."""
    verified = f"{fact}_date"
    town.tell(day, "communities", code, {verified: town.surveyed(), **before}, why)
    seen = town.communities[code][verified]
    if seen > day:
        town.tell(seen, "communities", code, {verified: day}, (_VISIT, ""))
    town.changed.add((code, fact))


def _contracts(town: _Town) -> None:
    """Contracts begin, are renewed or go to another company, and end without another."""
    table, rng, companies = town.communities, town.rng, company_names(30)
    signed = _days(table, "contract_start", property_management="yes")
    started = _some_of_years(town, signed, _STARTED)
    for code, begins in signed.items():
        if code in started:
            values = dict.fromkeys(("property_company", "contract_start", "contract_end"))
            staff = {} if table[code]["property_staff"] is None else {"property_staff": 0}
            before = {"property_management": "no", **values, **staff}
            _changed_fact(town, code, "property_management", begins, before, (_CONTRACT, "新聘物业服务企业"))
            continue
        company = table[code]["property_company"]
        while begins >= FIRST:
            earlier = begins - timedelta(days=365 * int(rng.choice(_TERMS)))
            term: dict[str, Any] = {
                "contract_start": earlier,
                "contract_end": begins - timedelta(days=1),
            }
            note = "合同续签"
            if company is not None and rng.random() < _HANDED_OVER:
                company = next(name for name in rng.permutation(companies).tolist() if name != company)
                term["property_company"] = company
                note = "合同到期，更换企业"
            town.tell(begins, "communities", code, term, (_CONTRACT, note))
            begins = earlier
    for code, ended in _days(table, "contract_end", property_management="no").items():
        if ended >= FIRST:
            before = {
                "property_management": "yes",
                "property_company": companies[rng.integers(len(companies))],
                "property_staff": 2 + (table[code]["households"] or 0) // 120,
            }
            day, why = ended + timedelta(days=1), (_CONTRACT, "合同终止，企业撤出")
            _changed_fact(town, code, "property_management", day, before, why)


def _days(table: Records, field: str, **facts: str) -> dict[str, date]:
    """Return the days of a field, where there is one, of those with certain facts."""
    return {
        code: row[field]
        for code, row in table.items()
        if row[field] is not None and all(row[name] == value for name, value in facts.items())
    }


def _some_of_years(town: _Town, days: Mapping[str, date], counts: Mapping[int, int]) -> set[str]:
    """Draw some of those whose day is in a year, for each year."""
    drawn: set[str] = set()
    for year, count in counts.items():
        drawn.update(town.some((code for code, day in days.items() if day.year == year), count))
    return drawn


def _committees(town: _Town) -> None:
    """Committees are elected for the first time, elected anew, and end without another."""
    table = town.communities
    before: dict[str, Any]
    sitting = _days(table, "committee_term_start", owners_committee="yes")
    first = _some_of_years(town, sitting, _FIRST_ELECTED)
    for code, begins in sitting.items():
        if code in first:
            before = {"owners_committee": "no", "committee_term_start": None, "committee_term_end": None}
            _changed_fact(town, code, "owners_committee", begins, before, (_COMMITTEE, "首次选举产生业委会"))
        elif begins >= FIRST:
            town.tell(begins, "communities", code, _term_before(begins), (_COMMITTEE, "换届选举"))
    without = _days(table, "owners_committee_date", owners_committee="no", property_management="yes")
    for code, day in _changes_before_the_visit(town, without, _LAPSED):
        before = {"owners_committee": "yes", **_term_before(day)}
        _changed_fact(town, code, "owners_committee", day, before, (_COMMITTEE, "任期届满，没有换届"))


def _term_before(day: date) -> dict[str, date]:
    """Return the days of the term of three years that ended the day before."""
    ended = day - timedelta(days=1)
    return {"committee_term_start": ended - timedelta(days=3 * 365), "committee_term_end": ended}


def _changes_before_the_visit(
    town: _Town, verified: Mapping[str, date], counts: Mapping[int, int]
) -> list[tuple[str, date]]:
    """Draw some for each year, each with a day of it before the day on which the present fact was verified."""
    made: dict[str, date] = {}
    for year, count in counts.items():
        begins, ends = date(year, 1, 2), date(year, 12, 20)
        fit = [code for code, day in verified.items() if code not in made and day > begins]
        for code in town.some(fit, count):
            span = (min(ends, verified[code]) - begins).days
            made[code] = begins + timedelta(days=int(town.rng.integers(span)))
    return sorted(made.items())


def _branches(town: _Town) -> None:
    """Party branches are set up, most of them with the work that they do."""
    table, why = town.communities, (_BRANCH, "成立小区党支部")
    verified = _days(table, "party_branch_date", party_branch="yes")
    work = _days(table, "party_work_date", party_work="yes")
    for code, day in _changes_before_the_visit(town, verified, _SET_UP):
        before = {"party_branch": "no", "party_branch_mode": None}
        _changed_fact(town, code, "party_branch", day, before, why)
        if code in work and work[code] > day:
            _changed_fact(town, code, "party_work", day, {"party_work": "no"}, why)


def _visits(town: _Town) -> None:
    """Tell that what stands had stood in the survey, or had not been known then."""
    table = town.communities
    groups = _days(table, "residents_group_date")
    found_out = {(code, "residents_group") for code in town.some(groups, _FOUND_OUT)}
    for fact in _FACTS:
        verified = f"{fact}_date"
        for code, day in _days(table, verified).items():
            if (code, fact) in found_out:
                before = {fact: "unknown", verified: None}
                town.tell(day, "communities", code, before, (_VISIT, "此前不明"))
            elif (code, fact) not in town.changed:
                town.tell(day, "communities", code, {verified: town.surveyed()}, (_VISIT, ""))


def _rooms(town: _Town) -> None:
    """Mediation rooms open, and mediators join some of them later."""
    opened = _days(town.rooms, "opened")
    for code, day in opened.items():
        town.tell(day, "mediation_rooms", code, None, (_ROSTER, "新设调解室"))
    for code in town.some((one for one in opened if town.rooms[one]["mediators"] > 1), _JOINED):
        day = opened[code] + timedelta(days=int(town.rng.integers(1, (REVIEWED - opened[code]).days)))
        before = {"mediators": town.rooms[code]["mediators"] - 1}
        town.tell(day, "mediation_rooms", code, before, (_ROSTER, "增补调解员"))


def _facilities(town: _Town) -> None:
    """Facilities open, move within their neighbourhood, and two have been closed."""
    table, opened = town.facilities, _days(town.facilities, "opened")
    sites = {row["neighbourhood"]: row for row in town.rooms.values()}
    for code, day in opened.items():
        if day >= FIRST:
            town.tell(day, "facilities", code, None, (_REGISTER, "新开办"))
    old = [code for code, day in opened.items() if day < FIRST and table[code]["neighbourhood"] in sites]
    for code, day in zip(town.some(old, len(_MOVED)), _MOVED, strict=True):
        site = sites[table[code]["neighbourhood"]]
        before = {"geometry": site["geometry"], "community": site["community"]}
        town.tell(day, "facilities", code, before, (_REGISTER, "迁至新址"))
    for number, (place, day) in enumerate(zip(town.some(sites, len(_CLOSED)), _CLOSED, strict=True), 1):
        site = sites[place]
        values = {
            "name": site["name"].replace("物业调解室", "文化室"),
            "name_en": site["name_en"].replace("Mediation Room", "Culture Room"),
            "kind": "cultural_station",
            **{parent: site[parent] for parent in ("subdistrict", "neighbourhood", "community")},
            "opened": date(2008 + number, 9, 1),
        }
        closed = Feature(f"SS{len(table) + number:04d}", site["geometry"], values)
        town.tell(day, "facilities", closed.code, closed, (_REGISTER, "撤并"))


def _corrections(town: _Town) -> None:
    """Mistakes are put right: what was there before was never so."""
    table = town.communities
    for code in town.some((one for one, row in table.items() if row["households"]), 3):
        town.correct("communities", code, {"households": 10 * table[code]["households"]}, "户数多录了一位")
    for code in town.some((one for one, row in table.items() if row["property_company"]), 3):
        wrong = next(name for name in company_names(2) if name != table[code]["property_company"])
        town.correct("communities", code, {"property_company": wrong}, "企业名称录错")
    ends = _days(table, "committee_term_end")
    for code in town.some(ends, 2):
        before = {"committee_term_end": ends[code] + timedelta(days=365)}
        town.correct("communities", code, before, "届满日期录错一年")
    for code in town.some(town.rooms, 2):
        before = {"mediators": town.rooms[code]["mediators"] + 3}
        town.correct("mediation_rooms", code, before, "人数录错")
    for code in town.some(town.facilities, 2):
        at = town.facilities[code]["geometry"]
        moved = {"geometry": shapely.Point(at.x + _OFF_DEG, at.y + _OFF_DEG)}
        town.correct("facilities", code, moved, "位置偏了几十米")
