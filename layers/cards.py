"""The card of one unit: the facts, and a sentence that says why it is on the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo import crs
from geo.coverage import is_covered as within_limit
from geo.significance import CLASSES
from layers.analysis import coverage_table, covered_share, reach_m, unit_hotspots, unit_table
from layers.areas import features_in_area, units_in_area
from layers.condition_words import unit_answers
from layers.dwellings import is_covered
from layers.indicators import SEATS, is_double_none, is_mediation_eligible, is_published
from layers.limits import Limit, limit_of
from layers.periods import period_words
from layers.places import places
from layers.published import UNTOLD, complaints_text, has_few_residents, published_complaints
from layers.reasons import reasons
from layers.schema import LAYERS
from layers.snapshot import bytes_of
from layers.tallies import UNMAPPED, complaints_by_group
from layers.text import Language, Text, both
from layers.unit_names import unit_names
from layers.units import unit_position, units
from layers.visitors import WHOLE_DISTRICT
from layers.wording import NOT_SHOWN, day, known, least_number, metres, number, percent, short_kind

if TYPE_CHECKING:
    from layers.queries import ViewQuery
    from layers.sight import Sight
    from layers.snapshot import Snapshot


@dataclass(frozen=True)
class Card:
    """What is known of one unit; `as_dict` gives it in one language."""

    snapshot: Snapshot
    unit: str
    position: int
    query: ViewQuery
    sight: Sight

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the card for JSON."""
        found, names = units(self.snapshot, self.unit), unit_names(self.snapshot, self.unit)
        at = np.array([self.position])
        community = int(names.community[self.position])
        shape = found.shapes_at(at)[0]
        middle = shapely.point_on_surface(shape)
        lon, lat = crs.points_from_metric(
            np.array([middle.x]), np.array([middle.y]), self.snapshot.district.metric_crs
        )
        west, south, east, north = crs.from_metric(
            np.array([shape], dtype=object), self.snapshot.district.metric_crs
        )[0].bounds
        own = self.unit == "communities"
        return {
            "id": str(found.ids[self.position]),
            "unit": self.unit,
            "name": names.names(at, language)[0],
            "place": names.places(at, language)[0],
            "tag": _tag(self, community if own else -1, language),
            "reason": [part.as_dict(language) for part in reasons(self, community if own else -1)],
            "main_community": None if own or community < 0 else self._code(community),
            "conditions": unit_answers(self.snapshot, self.query, self.sight, self.position, language),
            "seats": _seats(self.snapshot, community, language) if own else None,
            "figures": _figures(self, community if own else -1, language),
            "distances": _distances(self, language),
            "demands": _demands(self, language),
            "lon": round(float(lon[0]), 6),
            "lat": round(float(lat[0]), 6),
            "bbox": [round(value, 6) for value in (west, south, east, north)],
        }

    def _code(self, community: int) -> str:
        return str(self.snapshot.frame("communities").index[community])

    def row(self) -> pd.Series:
        """Return the unit's row of the unit table in the query's period."""
        table = self.snapshot.derived(
            ("unit table", self.unit, self.query.period),
            lambda: unit_table(self.snapshot, units(self.snapshot, self.unit), period=self.query.period),
            scheme=self.unit,
            size_of=bytes_of,
        )
        return table.iloc[self.position]

    def limit(self, kind: str) -> Limit:
        """Return the limit for one facility kind: the query's for its own, else the standard's."""
        standard = self.snapshot.standards.limits[kind]
        return (
            limit_of(self.snapshot, self.query)
            if kind == self.query.kind
            else Limit(standard.limit_m, standard)
        )

    def coverage(self, kind: str) -> tuple[float, float, float]:
        """Return covered share of residents, straight and walking metres for one facility kind."""
        table = self.snapshot.derived(
            ("coverage table", self.unit, kind),
            lambda: coverage_table(self.snapshot, units(self.snapshot, self.unit), kind),
            scheme=self.unit,
        )
        straight, walk = self.snapshot.derived(
            ("reach", self.unit, kind),
            lambda: reach_m(self.snapshot, units(self.snapshot, self.unit), kind),
            scheme=self.unit,
        )
        share = table[f"coverage_{kind}_residents_share"].iloc[self.position]
        limit = self.limit(kind)
        if limit.is_chosen:
            found = units(self.snapshot, self.unit)
            share = covered_share(self.snapshot, found, kind, limit_m=limit.metres)[self.position]
        return float(share), float(straight[self.position]), float(walk[self.position])

    @property
    def tells_walks(self) -> bool:
        """Whether it may be told how far its residents walk.

        The public is told of a community, unless it is of few residents: the walk from one is a fact about
        its buildings, but a mean over several communities says how many people live in each.
        """
        if not self.sight.is_public:
            return True
        return self.unit == "communities" and not has_few_residents(self.snapshot, self.sight)[self.position]

    def complaints(self) -> float:
        """Return the complaints of the period; NaN where they may not be told."""
        if not self.sight.is_public:
            return float(self.row()["complaints"])
        if self.unit == "communities":
            return np.nan
        return float(published_complaints(self.snapshot, self.sight).of(self.unit)[self.position])

    def compares_rates(self) -> bool:
        """Whether units are compared by complaints per resident, not by complaints."""
        return unit_hotspots(self.snapshot, self.unit, period=self.query.period).basis == "rate"

    def hotspot(self) -> tuple[str, float]:
        """Return the unit's class of hot and cold in the period, and its z."""
        found = unit_hotspots(self.snapshot, self.unit, period=self.query.period)
        return CLASSES[found.codes[self.position]], float(found.z[self.position])


def card(snapshot: Snapshot, unit: str, unit_id: str, query: ViewQuery, sight: Sight) -> Card:
    """Return the card of one unit, as far as `sight`, which `query` was read for, may know it.

    Raises
    ------
    NotFound
        There is no such unit, or none that may be seen.
    """
    found = units(snapshot, unit)
    position = unit_position(found, unit_id, units_in_area(snapshot, unit, sight.area))
    return Card(snapshot, found.scheme, position, query, sight)


def _tag(shown: Card, community: int, language: Language) -> dict[str, str] | None:
    communities = shown.snapshot.frame("communities")
    if community >= 0 and is_double_none(communities.iloc[[community]])[0] == "yes":
        return {"text": Text("双无", "Double-none").to(language), "tone": "double-none"}
    hot = shown.query.question == "hotspots" and not shown.sight.is_public
    if hot and shown.snapshot.count("complaints"):
        name, _ = shown.hotspot()
        if name.startswith("hot_"):
            return {
                "text": Text("热点 {p}%", "Hot spot, {p} %").format(p=name[-2:]).to(language),
                "tone": "hot",
            }
    return None


def _seats(snapshot: Snapshot, community: int, language: Language) -> list[dict[str, Any]]:
    row = snapshot.frame("communities").iloc[community]
    details = {
        "property_management": both(str(row["property_company"])) if known(row["property_company"]) else None,
        "party_branch": snapshot.standards.title("party_branch_modes", str(row["party_branch_mode"]))
        if known(row["party_branch_mode"])
        else None,
    }
    made = []
    for seat in SEATS:
        detail = details.get(seat)
        made.append(
            {
                "id": seat,
                "title": LAYERS["communities"].field(seat).title.to(language),
                "value": str(row[seat]),
                "detail": None if detail is None or row[seat] != "yes" else detail.to(language),
                "date": day(row[f"{seat}_date"]),
            }
        )
    return made


Shown = tuple[str, Text, Text, str | Text | None, str | None]
"""Name, title, value, the day or period that it is of, source."""


def _figures(shown: Card, community: int, language: Language) -> list[dict[str, Any]]:
    """Return the figures; what the role is not told stands there as such, unless the public is told nothing."""
    items = _unit_figures(shown) if community < 0 else _community_figures(shown, community)
    if shown.sight.is_public:
        items = [item for item in items if item[0] not in _NOT_PUBLIC]
        if community >= 0:
            items = [item for item in items if item[0] != "complaints"]
    return [
        {
            "id": name,
            "title": title.to(language),
            "value_text": value.to(language),
            "definition": name,
            "date": dated.to(language) if isinstance(dated, Text) else dated,
            "source": source,
            "suppressed": value is UNTOLD,
            "withheld": value is NOT_SHOWN,
            "unknown": None if (apart := _unknown(shown, name)) is None else apart.to(language),
        }
        for name, title, value, dated, source in items
    ]


def _unknown(shown: Card, figure: str) -> Text | None:
    """Return how much of a figure is not known, of what is known in part."""
    unknown, of = (int(shown.row()[name]) for name in ("dwellings_unknown", "dwellings"))
    if figure != "residents" or not unknown or shown.sight.is_public:
        return None
    return Text("{of} 处住处中 {n} 处人数不明", "{n} of {of} dwellings").format(
        n=number(unknown), of=number(of)
    )


_NOT_PUBLIC = ("households", "residents", "floating_residents")


def _unit_figures(shown: Card) -> list[Shown]:
    row, as_of, complaints = shown.row(), day(shown.snapshot.district.as_of), shown.complaints()
    residents = least_number if row["dwellings_unknown"] else number
    double_none = Text("双无小区", "double-none communities")
    counted = complaints_text(complaints) if shown.sight.is_public else number(complaints)
    return [
        ("complaints", Text("诉求", "complaints"), counted, period_words(shown.query.period), None),
        ("residents", Text("居民", "residents"), residents(row["residents"]), as_of, None),
        ("buildings", Text("楼栋", "buildings"), number(row["buildings"]), as_of, None),
        ("double_none", double_none, number(row["double_none_communities"]), as_of, None),
    ]


def _community_figures(shown: Card, community: int) -> list[Shown]:
    row, as_of = shown.row(), day(shown.snapshot.district.as_of)
    facts = shown.snapshot.frame("communities").iloc[community]
    dated, period = day(facts["residents_date"]) or as_of, period_words(shown.query.period)
    source = str(facts["residents_source"]) if known(facts["residents_source"]) else None
    return [
        ("households", Text("户", "households"), number(facts["households"]), as_of, None),
        ("residents", Text("居民", "residents"), number(facts["residents"]), dated, source),
        ("floating_residents", Text("流动人口", "floating"), _floating(shown, community), dated, source),
        ("complaints", Text("诉求", "complaints"), number(row["complaints"]), period, None),
        ("buildings", Text("楼栋", "buildings"), number(row["buildings"]), as_of, None),
        ("mediation", Text("调解室", "mediation room"), _mediation(shown, community), as_of, None),
    ]


def _floating(shown: Card, community: int) -> Text:
    """Return in which tenth the share of floating residents lies, to those whose rules give it of this community.

    With the residents beside it, the share itself would be the count, which leaves only where it is asked for.
    """
    reach = shown.sight.floating
    area = shown.sight.area if reach == "area" else WHOLE_DISTRICT
    if reach == "none" or not features_in_area(shown.snapshot, "communities", area)[community]:
        return NOT_SHOWN
    facts = shown.snapshot.frame("communities").iloc[community]
    if known(facts["floating_residents"]) and known(facts["residents"]) and facts["residents"] > 0:
        share = float(facts["floating_residents"]) / float(facts["residents"])
        if share > 1:
            return Text("多于居民，记录有误", "more than residents: an error on record")
        tenth = min(int(share * 10), 9)
        return both(f"{10 * tenth}–{10 * tenth + 10}%")
    return percent(None)


def _mediation(shown: Card, community: int) -> Text:
    snapshot = shown.snapshot
    room_of = places(snapshot, "mediation_rooms")["community"].to_numpy()
    if (room_of == community).any():
        return Text("有", "yes")
    if shown.sight.is_public:  # whether it is due says how many households there are
        return Text("无", "none")
    row = snapshot.frame("communities").iloc[[community]]
    if not is_published(row)[0]:
        return Text("城中村另计", "urban village, apart")
    due = is_mediation_eligible(row, households=snapshot.standards.mediation_households)[0]
    return {
        "yes": Text("应设未设", "due, missing"),
        "no": Text("无须设", "not due"),
        "unknown": Text("不能判断", "cannot tell"),
    }[str(due)]


def _distances(shown: Card, language: Language) -> list[dict[str, Any]]:
    if not shown.tells_walks:
        return []
    standards = shown.snapshot.standards
    kinds = sorted(standards.facility_kinds, key=lambda kind: kind != shown.query.kind)
    made = []
    for kind in kinds:
        share, straight, walk = shown.coverage(kind)
        limit = shown.limit(kind)
        exists = is_covered(shown.snapshot, kind).any() or np.isfinite(walk)
        made.append(
            {
                "kind": kind,
                "title": short_kind(standards, kind).to(language),
                "access_m": None if np.isnan(walk) else round(walk, 1),
                "straight_m": None if np.isnan(straight) else round(straight, 1),
                "limit_m": limit.metres,
                "limit_chosen": limit.is_chosen,
                "value_text": metres(None if np.isnan(walk) else walk).to(language) if exists else "—",
                "covered_share": None if np.isnan(share) else round(share, 4),
                "covered": None if np.isnan(walk) else bool(within_limit(walk, limit.metres)),
            }
        )
    return made


def _demands(shown: Card, language: Language) -> list[dict[str, Any]]:
    if shown.sight.is_public:
        return []
    snapshot = shown.snapshot
    codes = snapshot.standards.code_lists["demand_groups"]
    counts = complaints_by_group(snapshot, shown.unit, shown.query.period)[shown.position]
    count = dict(zip((code.id for code in codes), counts.tolist(), strict=False))
    total = int(counts.sum())
    return [
        {
            "group": code.id,
            "title": code.title.to(language),
            "count": count[code.id],
            "share": count[code.id] / total,
        }
        for code in sorted(codes, key=lambda code: -count[code.id])
        if total and (code.id != UNMAPPED or count[code.id])
    ]
