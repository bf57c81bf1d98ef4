"""The card of one unit: the facts, and a sentence that says why it is on the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo import crs
from geo.coverage import is_covered as within_limit
from layers.analysis import coverage_table, in_period, reach_m, unit_table
from layers.dwellings import is_covered
from layers.hotspots import hotspot_table
from layers.indicators import SEATS, is_double_none, is_mediation_eligible, is_published
from layers.places import places
from layers.schema import LAYERS
from layers.text import Language, Text, both
from layers.unit_names import unit_names
from layers.units import neighbours, unit_position, units
from layers.wording import day, known, metres, number, percent, short_kind

if TYPE_CHECKING:
    from layers.queries import ViewQuery
    from layers.snapshot import Snapshot


@dataclass(frozen=True)
class Card:
    """What is known of one unit; `as_dict` gives it in one language."""

    snapshot: Snapshot
    unit: str
    position: int
    query: ViewQuery

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the card for JSON."""
        found, names = units(self.snapshot, self.unit), unit_names(self.snapshot, self.unit)
        at = np.array([self.position])
        community = int(names.community[self.position])
        shape = found.shapes[self.position]
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
        )
        return table.iloc[self.position]

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
        return float(share), float(straight[self.position]), float(walk[self.position])


@dataclass(frozen=True)
class Reason:
    """A part of the reason sentence; `fact` names the field it rests on, `date` when it was known."""

    text: Text
    fact: str | None = None
    date: str | None = None

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the part for JSON."""
        return {"text": self.text.to(language), "fact": self.fact, "date": self.date}


def card(snapshot: Snapshot, unit: str, unit_id: str, query: ViewQuery) -> Card:
    """Return the card of one unit; `NotFound` where there is none."""
    return Card(snapshot, units(snapshot, unit).scheme, unit_position(units(snapshot, unit), unit_id), query)


def reasons(shown: Card, community: int) -> list[Reason]:
    """Return why the unit is on the list, what answers the question first.

    What is out of reach, who manages (for a community), how much is complained of.
    """
    reach, complaints = [_gap_reason(shown)], [_complaint_reason(shown)]
    managed: list[Reason | None] = []
    if community >= 0:
        row = shown.snapshot.frame("communities").iloc[community]
        managed += _management_reasons(row, day(shown.snapshot.district.as_of))
    parts = {
        "gap": [*reach, *managed, *complaints],
        "double_none": [*managed, *reach, *complaints],
        "hotspots": [*complaints, *managed, *reach],
    }[shown.query.question]
    return [part for part in parts if part is not None]


def _gap_reason(shown: Card) -> Reason | None:
    kind, standards = shown.query.kind, shown.snapshot.standards
    share, straight, walk = shown.coverage(kind)
    limit = standards.limits[kind].limit_m
    title = standards.title("facility_kinds", kind)
    title = Text(title.zh, title.en[:1].lower() + title.en[1:])
    filled: dict[str, Any] = {"k": title, "l": f"{limit:,g}", "s": metres(straight), "w": metres(walk)}
    near, residents = bool(within_limit(walk, limit)), shown.row()["residents"]
    if not (shown.snapshot.frame("facilities")["kind"] == kind).any():
        text = Text("全区没有{k}。", "The district has no {k}.")
    elif np.isnan(walk):
        return None
    elif share == 1 and not near:
        text = Text("人口已知的居民步行 {l} 米内都有{k}。", "All known residents are within {l} m of a {k}.")
    elif share == 1 or (np.isnan(share) and near):
        text = Text("步行 {l} 米内有{k}：平均 {w}。", "Within {l} m of a {k}: {w} on average.")
    elif known(residents) and residents > 0:
        filled["n"], filled["p"] = number((1 - share) * residents), percent(1 - share)
        text = Text(
            "{n} 名居民（{p}）步行 {l} 米内没有{k}：平均要走 {w}，直线 {s}。",
            "No {k} within {l} m for {n} residents ({p}): {w} on foot on average, {s} straight.",
        )
    else:
        text = Text(
            "步行 {l} 米内没有{k}：平均要走 {w}，直线 {s}。",
            "No {k} within {l} m: {w} on foot on average, {s} straight.",
        )
    return Reason(text.format(**filled), "coverage")


def _management_reasons(row: pd.Series, as_of: str | None) -> list[Reason]:
    manager, committee = row["property_management"], row["owners_committee"]
    parts = []
    checked, ended = day(row["property_management_date"]), day(row["contract_end"])
    if manager == "no" and ended and (as_of is None or ended <= as_of):
        text = Text(
            "物业合同 {d} 到期，没有接任企业。", "The property contract ended on {d}, with no successor."
        ).format(d=ended)
        parts.append(Reason(text, "contract_end", ended))
    elif manager == "no":
        parts.append(_dated(Text("没有物业管理", "No property manager"), "property_management", checked))
    elif manager == "unknown":
        parts.append(
            Reason(
                Text("有无物业管理不明。", "Whether it has a property manager is unknown."),
                "property_management",
            )
        )
    if committee == "no":
        parts.append(
            _dated(
                Text("没有业委会", "No owners' committee"),
                "owners_committee",
                day(row["owners_committee_date"]),
            )
        )
    elif committee == "unknown":
        parts.append(
            Reason(
                Text("有无业委会不明。", "Whether it has an owners' committee is unknown."),
                "owners_committee",
            )
        )
    if manager == "no" and committee == "no":
        parts.append(
            Reason(Text("两项都是“无”，因此是双无。", "Both are no: it is double-none."), "double_none")
        )
    return parts


def _dated(text: Text, fact: str, checked: str | None) -> Reason:
    if checked is None:
        return Reason(Text("{t}，核实日期不明。", "{t}; date unknown.").format(t=text), fact)
    return Reason(Text("{t}，{d} 核实。", "{t}, verified {d}.").format(t=text, d=checked), fact, checked)


def _complaint_reason(shown: Card) -> Reason | None:
    count = int(shown.row()["complaints"])
    total = int(in_period(shown.snapshot, shown.query.period).sum())
    if not total:
        return None
    z = _hot(shown).iloc[shown.position]
    name = str(z["hotspot_class"])
    level = Text("与全区相比不显著", "not significant against the district")
    if name == "masked":
        level = Text("居民太少，不参与比较", "too few residents to compare")
    elif name != "none":
        side = Text("偏多", "more") if name.startswith("hot") else Text("偏少", "fewer")
        level = Text(
            "连同相邻单元比全区{s}（置信度 {p}%，z {z:.2f}）",
            "with its neighbours {s} than the district ({p} %, z {z:.2f})",
        ).format(s=side, p=name[-2:], z=z["hotspot_z"])
    return Reason(
        Text("时段内诉求 {n} 件，{l}。", "{n} complaints in the period, {l}.").format(
            n=number(count), l=level
        ),
        "hotspots",
    )


def _hot(shown: Card) -> pd.DataFrame:
    key = ("hotspots", shown.unit, shown.query.period)
    return shown.snapshot.derived(key, lambda: _hotspots(shown), scheme=shown.unit)


def _hotspots(shown: Card) -> pd.DataFrame:
    table = unit_table(shown.snapshot, units(shown.snapshot, shown.unit), period=shown.query.period)
    return hotspot_table(
        table["complaints"].to_numpy(),
        table["residents"].to_numpy(),
        neighbours(shown.snapshot, shown.unit),
        standards=shown.snapshot.standards,
        permutations=False,
    )


def _tag(shown: Card, community: int, language: Language) -> dict[str, str] | None:
    communities = shown.snapshot.frame("communities")
    if community >= 0 and is_double_none(communities.iloc[[community]])[0] == "yes":
        return {"text": Text("双无", "Double-none").to(language), "tone": "double-none"}
    if shown.query.question == "hotspots" and len(shown.snapshot.frame("complaints")):
        name = str(_hot(shown)["hotspot_class"].iloc[shown.position])
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


def _figures(shown: Card, community: int, language: Language) -> list[dict[str, Any]]:
    as_of = day(shown.snapshot.district.as_of)
    row = shown.row()
    if community < 0:
        items: list[tuple[str, Text, Text, str | None, str | None]] = [
            ("complaints", Text("诉求", "complaints"), number(row["complaints"]), as_of, None),
            ("residents", Text("居民", "residents"), number(row["residents"]), as_of, None),
            ("buildings", Text("楼栋", "buildings"), number(row["buildings"]), as_of, None),
            (
                "double_none",
                Text("双无小区", "double-none communities"),
                number(row["double_none_communities"]),
                as_of,
                None,
            ),
        ]
    else:
        facts = shown.snapshot.frame("communities").iloc[community]
        dated = day(facts["residents_date"]) or as_of
        source = str(facts["residents_source"]) if known(facts["residents_source"]) else None
        floating = None
        if known(facts["floating_residents"]) and known(facts["residents"]) and facts["residents"] > 0:
            floating = float(facts["floating_residents"]) / float(facts["residents"])
        items = [
            ("households", Text("户", "households"), number(facts["households"]), as_of, None),
            ("residents", Text("居民", "residents"), number(facts["residents"]), dated, source),
            ("floating_residents", Text("流动人口", "floating"), percent(floating), dated, source),
            ("complaints", Text("诉求", "complaints"), number(row["complaints"]), as_of, None),
            ("buildings", Text("楼栋", "buildings"), number(row["buildings"]), as_of, None),
            (
                "mediation",
                Text("调解室", "mediation room"),
                _mediation(shown.snapshot, community),
                as_of,
                None,
            ),
        ]
    return [
        {
            "id": name,
            "title": title.to(language),
            "value_text": value.to(language),
            "definition": name,
            "date": dated,
            "source": source,
        }
        for name, title, value, dated, source in items
    ]


def _mediation(snapshot: Snapshot, community: int) -> Text:
    room_of = places(snapshot, "mediation_rooms")["community"].to_numpy()
    if (room_of == community).any():
        return Text("有", "yes")
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
    standards = shown.snapshot.standards
    kinds = sorted(standards.facility_kinds, key=lambda kind: kind != shown.query.kind)
    made = []
    for kind in kinds:
        share, straight, walk = shown.coverage(kind)
        limit = standards.limits[kind].limit_m
        exists = is_covered(shown.snapshot, kind).any() or np.isfinite(walk)
        made.append(
            {
                "kind": kind,
                "title": short_kind(standards, kind).to(language),
                "access_m": None if np.isnan(walk) else round(walk, 1),
                "straight_m": None if np.isnan(straight) else round(straight, 1),
                "limit_m": limit,
                "value_text": metres(None if np.isnan(walk) else walk).to(language) if exists else "—",
                "covered_share": None if np.isnan(share) else round(share, 4),
                "covered": None if np.isnan(walk) else bool(within_limit(walk, limit)),
            }
        )
    return made


def _demands(shown: Card, language: Language) -> list[dict[str, Any]]:
    snapshot = shown.snapshot
    here = (units(snapshot, shown.unit).of_complaint == shown.position) & in_period(
        snapshot, shown.query.period
    )
    groups = snapshot.frame("complaints")["demand_group"][here].fillna("unmapped").value_counts()
    total = int(groups.sum())
    return [
        {
            "group": code.id,
            "title": code.title.to(language),
            "count": int(groups.get(code.id, 0)),
            "share": float(groups.get(code.id, 0)) / total,
        }
        for code in sorted(
            snapshot.standards.code_lists["demand_groups"], key=lambda code: -int(groups.get(code.id, 0))
        )
        if total and (code.id != "unmapped" or groups.get(code.id, 0))
    ]
