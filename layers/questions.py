"""The three questions: how each classes units, what it ranks them by, and how its legend reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.coverage import LIMIT_SLACK_M
from layers.analysis import coverage_table, reach_m, unit_table
from layers.dwellings import dwellings, is_covered
from layers.hotspots import hotspot_table
from layers.indicators import is_double_none, management_class
from layers.text import Text, both
from layers.units import AREA_UNITS, neighbours, units
from layers.wording import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.queries import ViewQuery
    from layers.snapshot import Snapshot


@dataclass(frozen=True)
class LegendClass:
    """One class of a legend: `token` names its colour, `listed` whether its units are in the ranked list."""

    id: str
    title: Text
    token: str
    listed: bool = False


@dataclass(frozen=True)
class Answer:
    """A question answered for every unit.

    Attributes
    ----------
    table : DataFrame, one row per unit in unit order
        `cell`, `complaints`, `buildings`, `residents`, `double_none_communities`, `class`, `value` (what
        the list shows), `rank_by` (higher is worse), and what the question adds.
    classes : tuple of LegendClass
    legend, legend_note, column : Text
        Title and subtitle of the legend, heading of the value column.
    values : tuple of Text
        How each unit's value is written.
    definition : str
        Key of the value's definition.
    basis : str
        ``residents``, ``buildings``, ``communities``, ``rate`` or ``count``: what was weighed.
    """

    table: pd.DataFrame
    classes: tuple[LegendClass, ...]
    legend: Text
    legend_note: Text
    column: Text
    values: tuple[Text, ...]
    definition: str
    basis: str


def full_answer(snapshot: Snapshot, query: ViewQuery) -> Answer:
    """Return the answer to the query's question for every unit of the district, whoever asks.

    Nothing of it may leave but through `layers.published.answer` and `layers.views`.
    """
    make = {"gap": _gap, "double_none": _double_none, "hotspots": _hotspots}[query.question]
    key = ("view", query.question, query.unit, query.kind if query.question == "gap" else None, query.period)
    return snapshot.derived(key, lambda: make(snapshot, query), scheme=query.unit)


def _table(snapshot: Snapshot, query: ViewQuery) -> pd.DataFrame:
    found = units(snapshot, query.unit)
    return unit_table(snapshot, found, period=query.period)


def gap_breaks_m(limit_m: float) -> tuple[float, ...]:
    """Return the class bounds of walking distance, upper bounds inclusive; the first is the limit."""
    steps = {300.0: (300, 500, 800, 1000), 500.0: (500, 800, 1000, 1500)}
    return steps.get(limit_m, (limit_m, limit_m * 1.3, limit_m * 1.6, limit_m * 2))


def _gap_classes(walk_m: NDArray[np.float64], breaks_m: tuple[float, ...]) -> NDArray[np.object_]:
    """Return the class of each mean walk, the limit as inclusive as in coverage; the last where none is."""
    walk_m = np.where(np.isnan(walk_m), np.inf, walk_m)
    level = np.searchsorted(np.asarray(breaks_m) + LIMIT_SLACK_M, walk_m, side="left")
    return np.array([f"gap-{n}" for n in range(len(breaks_m) + 1)], dtype=object)[level]


def _gap(snapshot: Snapshot, query: ViewQuery) -> Answer:
    found, kind = units(snapshot, query.unit), query.kind
    table = _table(snapshot, query)
    columns = coverage_table(snapshot, found, kind)
    share = columns[f"coverage_{kind}_residents_share"].to_numpy()
    homes, covered = dwellings(snapshot), is_covered(snapshot, kind)
    outside = homes.is_building & ~covered & (found.of_dwelling >= 0)
    buildings_outside = np.bincount(found.of_dwelling[outside], minlength=len(found))
    residents = table["residents"].to_numpy()
    by_residents = bool(np.isfinite(residents).any())
    far = np.where(residents > 0, residents * (1 - np.nan_to_num(share)), 0.0)
    value = np.where(np.isnan(residents), np.nan, far) if by_residents else buildings_outside.astype(float)
    breaks = gap_breaks_m(snapshot.standards.limits[kind].limit_m)
    _, walk_m = reach_m(snapshot, found, kind)
    classes = _gap_classes(walk_m, breaks)
    if by_residents:
        classes[np.isnan(residents)] = "unknown"
        classes[residents == 0] = "uninhabited"
    else:
        classes[~np.isin(np.arange(len(found)), found.of_dwelling)] = "uninhabited"
    table = table.assign(
        **columns,
        buildings_outside=buildings_outside,
        walk_m=walk_m,
        value=value,
        rank_by=np.nan_to_num(value, nan=-1.0),
        **{"class": classes},
    )
    bounds = [
        both(f"≤ {breaks[0]:g}"),
        *(both(f"– {upper:,g}") for upper in breaks[1:]),
        Text("更远", "farther"),
    ]
    steps = [LegendClass(f"gap-{n}", bounds[n], f"gap-{n}", listed=True) for n in range(5)]
    limit = f"{breaks[0]:,g} m"
    title = snapshot.standards.title("facility_kinds", kind)
    note = (
        Text("柱高为各档居民数", "Bars: residents per class")
        if by_residents
        else Text("柱高为各档单元数", "Bars: units per class")
    )
    return Answer(
        table=table,
        classes=(
            *steps,
            LegendClass("unknown", Text("人口不明", "Residents unknown"), "hatch"),
            LegendClass("uninhabited", Text("无人居住", "Uninhabited"), "land"),
        ),
        legend=Text("到最近{k}的步行距离（m）", "Walk to the nearest {k} (m)").format(
            k=Text(title.zh, title.en[:1].lower() + title.en[1:])
        ),
        legend_note=note,
        column=Text("{l} 外居民", "Residents beyond {l}").format(l=limit)
        if by_residents
        else Text("{l} 外楼栋", "Buildings beyond {l}").format(l=limit),
        values=tuple(number(item) for item in value),
        definition="beyond" if by_residents else "beyond_buildings",
        basis="residents" if by_residents else "buildings",
    )


_MANAGEMENT = {
    "double_none": (Text("双无", "Double-none"), "double-none"),
    "no_manager": (Text("只缺物业", "No manager only"), "no-manager"),
    "no_committee": (Text("只缺业委会", "No committee only"), "no-committee"),
    "complete": (Text("两者都有", "Complete"), "complete"),
    "unknown": (Text("有一项不明", "One fact unknown"), "hatch"),
}


def _double_none(snapshot: Snapshot, query: ViewQuery) -> Answer:
    if query.unit == "communities":
        return _double_none_communities(snapshot, query)
    found = units(snapshot, query.unit)
    table = _table(snapshot, query)
    open_cases = is_double_none(snapshot.frame("communities")) == "unknown"
    all_of = np.bincount(found.of_community[found.of_community >= 0], minlength=len(found))
    at = found.of_community[open_cases]
    unknown = np.bincount(at[at >= 0], minlength=len(found))
    count = table["double_none_communities"].to_numpy()
    if query.unit in AREA_UNITS:
        share = count / np.maximum(all_of, 1)
        level = np.searchsorted([0.0, 0.1, 0.2], share, side="left")
        titles = [both("0"), both("≤ 10%"), both("≤ 20%"), both("> 20%")]
        legend = Text("双无小区占比", "Share of communities that are double-none")
    else:
        level = np.minimum(count, 3)
        titles = [both("0"), both("1"), both("2"), both("≥ 3")]
        legend = Text("单元内双无小区（个）", "Double-none communities in the unit")
    classes = np.array([f"dn-{n}" for n in range(4)], dtype=object)[level]
    classes[(count == 0) & (unknown > 0)] = "unknown"
    classes[all_of == 0] = "empty"
    table = table.assign(
        communities=all_of,
        unknown_communities=unknown,
        value=count,
        rank_by=count + unknown / 1000,
        **{"class": classes},
    )
    tokens = ("complete", "hot+1", "hot+2", "hot+3")
    return Answer(
        table=table,
        classes=(
            *(LegendClass(f"dn-{n}", titles[n], tokens[n], listed=n > 0) for n in range(4)),
            LegendClass("unknown", Text("不能判断", "Cannot tell"), "hatch"),
            LegendClass("empty", Text("没有小区", "No community"), "land"),
        ),
        legend=legend,
        legend_note=Text("按小区代表点归入单元", "Communities counted where their point lies"),
        column=Text("双无小区", "Double-none"),
        values=tuple(both(f"{c} / {n}") for c, n in zip(count, all_of, strict=True)),
        definition="double_none",
        basis="communities",
    )


def _double_none_communities(snapshot: Snapshot, query: ViewQuery) -> Answer:
    communities = snapshot.frame("communities")
    residents = communities["residents"].to_numpy(dtype="float64", na_value=np.nan)
    classes = management_class(communities)
    severity = pd.Series(classes).map(
        {"double_none": 4, "unknown": 3, "no_manager": 2, "no_committee": 1, "complete": 0}
    )
    table = _table(snapshot, query).assign(
        residents=residents,
        value=residents,
        rank_by=severity.to_numpy() * 1e9 + np.nan_to_num(residents),
        **{"class": classes},
    )
    return Answer(
        table=table,
        classes=tuple(
            LegendClass(name, title, token, listed=name == "double_none")
            for name, (title, token) in _MANAGEMENT.items()
        ),
        legend=Text("管理主体", "Who manages"),
        legend_note=Text("由物业、业委会两项事实推出", "From two facts: manager and committee"),
        column=Text("居民", "Residents"),
        values=tuple(number(item) for item in residents),
        definition="residents",
        basis="communities",
    )


_HOT = (
    ("cold_99", Text("偏少 99%", "Fewer 99%"), "hot-3"),
    ("cold_95", Text("偏少 95%", "Fewer 95%"), "hot-2"),
    ("cold_90", Text("偏少 90%", "Fewer 90%"), "hot-1"),
    ("none", Text("不显著", "none"), "hot+0"),
    ("hot_90", Text("偏多 90%", "More 90%"), "hot+1"),
    ("hot_95", Text("偏多 95%", "More 95%"), "hot+2"),
    ("hot_99", Text("偏多 99%", "More 99%"), "hot+3"),
)


def _hotspots(snapshot: Snapshot, query: ViewQuery) -> Answer:
    table = _table(snapshot, query)
    hot = hotspot_table(
        table["complaints"].to_numpy(),
        table["residents"].to_numpy(),
        neighbours(snapshot, query.unit),
        standards=snapshot.standards,
        permutations=False,
    )
    basis = str(hot["hotspot_basis"].iloc[0]) if len(hot) else "count"
    severity = hot["hotspot_class"].map({"hot_99": 3, "hot_95": 2, "hot_90": 1}).fillna(0)
    count = table["complaints"].to_numpy()
    table = table.assign(
        **hot,
        value=count,
        rank_by=severity.to_numpy() * 1e9 + count,
        **{"class": hot["hotspot_class"].to_numpy()},
    )
    legend = (
        Text("每千人诉求，与全区相比", "Complaints per 1,000 residents, against the district")
        if basis == "rate"
        else Text("诉求件数，与全区相比", "Number of complaints, against the district")
    )
    least = snapshot.standards.hotspot_mask_residents
    masked = Text("居民不足 {n} 人，遮蔽", "Masked, under {n} residents").format(n=least)
    return Answer(
        table=table,
        classes=(
            *(LegendClass(name, title, token, listed=name.startswith("hot_")) for name, title, token in _HOT),
            LegendClass("masked", masked, "land"),
        ),
        legend=legend,
        legend_note=Text(
            "蓝为偏少，红为偏多；本单元连同相邻单元", "Blue fewer, red more; a unit with its neighbours"
        ),
        column=Text("诉求", "Complaints"),
        values=tuple(number(item) for item in count),
        definition="complaints",
        basis=basis,
    )
