"""Why a unit is on the list: a sentence whose parts name the facts that they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.coverage import is_covered as within_limit
from layers.indicators import has_ended
from layers.sight import ROUNDED_TO
from layers.tallies import complaints_in_period
from layers.text import Language, Text
from layers.wording import day, known, metres, number, percent

if TYPE_CHECKING:
    import pandas as pd

    from layers.cards import Card


@dataclass(frozen=True)
class Reason:
    """A part of the reason sentence; `fact` names the field it rests on, `date` when it was known."""

    text: Text
    fact: str | None = None
    date: str | None = None

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the part for JSON."""
        return {"text": self.text.to(language), "fact": self.fact, "date": self.date}


def reasons(shown: Card, community: int) -> list[Reason]:
    """Return why the unit is on the list, what answers the question first.

    What is out of reach, who manages (for a community), how much is complained of.
    """
    reach, complaints = [_gap_reason(shown), _limit_reason(shown)], [_complaint_reason(shown)]
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
    if not shown.tells_walks:
        return _untold_walk_reason(shown)
    if not shown.snapshot.count("facilities"):
        return None
    kind, standards = shown.query.kind, shown.snapshot.standards
    share, straight, walk = shown.coverage(kind)
    limit = shown.limit(kind).metres
    title = standards.title("facility_kinds", kind)
    title = Text(title.zh, title.en[:1].lower() + title.en[1:])
    filled: dict[str, Any] = {"k": title, "l": f"{limit:,g}", "s": metres(straight), "w": metres(walk)}
    near, residents = bool(within_limit(walk, limit)), shown.row()["residents"]
    if shown.sight.is_public:
        residents = np.nan
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
        if shown.row()["dwellings_unknown"]:
            text = Text(
                "至少 {n} 名居民（人口已知者的 {p}）步行 {l} 米内没有{k}：平均要走 {w}，直线 {s}。",
                "No {k} within {l} m for at least {n} residents ({p} of those known): {w} on foot on average, "
                "{s} straight.",
            )
    else:
        text = Text(
            "步行 {l} 米内没有{k}：平均要走 {w}，直线 {s}。",
            "No {k} within {l} m: {w} on foot on average, {s} straight.",
        )
    return Reason(text.format(**filled), "coverage")


def _limit_reason(shown: Card) -> Reason | None:
    """Say of a walk that it is compared with a limit that is not the standard's."""
    note = shown.limit(shown.query.kind).note
    if note is None or not shown.tells_walks:
        return None
    return Reason(Text("（{n}。）", "({n}.)").format(n=note), "coverage")


def _management_reasons(row: pd.Series, as_of: str | None) -> list[Reason]:
    manager, committee = row["property_management"], row["owners_committee"]
    parts = []
    checked, ended = day(row["property_management_date"]), day(row["contract_end"])
    if manager == "no" and ended and as_of is not None and has_ended(ended, as_of):
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
    if shown.sight.is_public:
        return _public_complaint_reason(shown)
    count = int(shown.row()["complaints"])
    total = complaints_in_period(shown.snapshot, shown.query.period)
    if not total:
        return None
    name, z = shown.hotspot()
    level = Text("与全区相比不显著", "not significant against the district")
    if name == "masked":
        level = Text("居民太少，不参与比较", "too few residents to compare")
    elif name == "unknown":
        level = Text("人口不明，不参与比较", "residents unknown: not compared")
    elif name != "none":
        side = Text("偏多", "more") if name.startswith("hot") else Text("偏少", "fewer")
        level = Text(
            "连同相邻单元比全区{s}（置信度 {p}%，z {z:.2f}）",
            "with its neighbours {s} than the district ({p} %, z {z:.2f})",
        ).format(s=side, p=name[-2:], z=z)
    if name not in ("masked", "unknown") and shown.row()["dwellings_unknown"] and shown.compares_rates():
        level = Text(
            "{l}；有住处人数不明，按已知人口算的件数比率只会偏高",
            "{l}; some dwellings are of unknown residents: its rate, by the known ones, is at most that high",
        ).format(l=level)
    return Reason(
        Text("时段内诉求 {n} 件，{l}。", "{n} complaints in the period, {l}.").format(
            n=number(count), l=level
        ),
        "hotspots",
    )


def _public_complaint_reason(shown: Card) -> Reason | None:
    if shown.unit == "communities":
        return None
    count, least = shown.complaints(), shown.sight.least_complaints
    if np.isnan(count):
        text = Text(
            "时段内的诉求件数从略：少于 {n} 件，或会泄露少于 {n} 件的数。",
            "Complaints in the period are withheld: they are under {n}, or would give away a count that is.",
        )
        return Reason(text.format(n=least), "complaints")
    return Reason(
        Text(
            "时段内诉求约 {n} 件（取整到 {r} 的倍数）。",
            "About {n} complaints in the period (rounded to {r}).",
        ).format(n=number(count), r=ROUNDED_TO),
        "complaints",
    )


def _untold_walk_reason(shown: Card) -> Reason | None:
    if shown.unit != "communities":
        return None
    text = Text("居民不足 {n} 人，步行距离从略。", "Fewer than {n} residents: how far they walk is withheld.")
    return Reason(text.format(n=shown.sight.small_count))
