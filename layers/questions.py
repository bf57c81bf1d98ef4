"""The three questions: how each classes units, what it ranks them by, and how its legend reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.coverage import LIMIT_SLACK_M
from geo.significance import CLASSES
from layers.analysis import covered_share, mean_metres, reach_m, unit_hotspots, unit_table
from layers.dwellings import dwellings, is_covered
from layers.frames import with_columns
from layers.indicators import is_double_none, management_class
from layers.limits import Limit, limit_of
from layers.snapshot import bytes_of
from layers.text import Text, both
from layers.units import AREA_UNITS, units
from layers.wording import numbers, ratios

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from layers.queries import Question, ViewQuery
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
        Columns of `unit_table`, `class`, `value` (what the list shows), `rank_by` (higher is worse), and
        what the question adds.
    classes : tuple of LegendClass
    legend, legend_note, column : Text
        Title and subtitle of the legend, heading of the value column.
    write : callable
        Writes each unit's value; called where somebody reads them.
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
    write: Callable[[], tuple[Text, ...]]
    definition: str
    basis: str

    @cached_property
    def values(self) -> tuple[Text, ...]:
        """How each unit's value is written."""
        return self.write()


def full_answer(snapshot: Snapshot, query: ViewQuery) -> Answer:
    """Return the answer to the query's question for every unit of the district, whoever asks.

    Nothing of it may leave but through `layers.published.answer` and `layers.views`. What a chosen limit gives
    is not kept: any number of limits may be asked, and what is left to do for one is a threshold and sums.
    """
    make = {"gap": _gap, "double_none": _double_none, "hotspots": _hotspots}[query.question]
    kind = None
    if query.question == "gap":
        kind = query.kind
        if query.limit_m is not None:
            return make(snapshot, query)
    key = ("view", query.question, query.unit, kind, query.period)
    return snapshot.derived(
        key, lambda: make(snapshot, query), scheme=query.unit, size_of=lambda made: bytes_of(made.table)
    )


def class_title(
    snapshot: Snapshot,
    query: ViewQuery,
    question: Question,
    wanted: str,
    *,
    kind: str | None = None,
    limit_m: int | None = None,
) -> Text:
    """Return what a question's legend calls a class; `kind` and `limit_m` where they are others than the query's."""
    standard_m = snapshot.standards.limits[kind or query.kind].limit_m
    asked = replace(
        query,
        question=question,
        kind=kind or query.kind,
        limit_m=None if limit_m in (None, standard_m) else limit_m,
    )
    legend = (
        _gap_legend(limit_of(snapshot, asked)) if question == "gap" else full_answer(snapshot, asked).classes
    )
    return next((item.title for item in legend if item.id == wanted), both(wanted))


def _table(snapshot: Snapshot, query: ViewQuery) -> pd.DataFrame:
    found = units(snapshot, query.unit)
    return unit_table(snapshot, found, period=query.period)


@dataclass(frozen=True)
class _Walks:
    """What the first question knows of every unit before there is a limit.

    Attributes
    ----------
    table : DataFrame
        Of `unit_table`.
    metres : dict of str to float array
        Of `mean_metres`.
    walk_m : float array
        Mean walk to the nearest facility, as the map classes it; NaN where it is not known.
    lived_in : bool array
        Whether anybody could live in the unit.
    """

    table: pd.DataFrame
    metres: dict[str, NDArray[np.float64]]
    walk_m: NDArray[np.float64]
    lived_in: NDArray[np.bool_]


def _walks(snapshot: Snapshot, query: ViewQuery) -> _Walks:
    def make() -> _Walks:
        found, table = units(snapshot, query.unit), _table(snapshot, query)
        metres = mean_metres(snapshot, found, query.kind)
        _, walk_m = reach_m(snapshot, found, query.kind)
        return _Walks(table, metres, walk_m, np.isin(np.arange(len(found)), found.of_dwelling))

    return snapshot.derived(
        ("walks", query.unit, query.kind, query.period),
        make,
        scheme=query.unit,
        size_of=lambda made: bytes_of(made.table),
    )


def _share_column(kind: str, limit: Limit | None = None) -> str:
    """Return the name of the covered share's column, with a limit that is not the standard's in it."""
    at = f"_{limit.metres:g}m" if limit is not None and limit.is_chosen else ""
    return f"coverage_{kind}{at}_residents_share"


def _classed(codes: NDArray[np.integer], names: Sequence[str]) -> pd.Categorical[str]:
    """Return the class of each unit, of which few differ, by its position in `names`.

    The names are objects, so that texts of many units are but looked up.
    """
    kinds: Any = pd.CategoricalDtype(pd.Series(names, dtype=object))
    return pd.Categorical.from_codes(codes.astype(np.int8, copy=False), dtype=kinds, validate=False)


def _gap_levels(walk_m: NDArray[np.float64], breaks_m: tuple[float, ...]) -> NDArray[np.intp]:
    """Return the class of each mean walk, the limit as inclusive as in coverage; the last where none is."""
    walk_m = np.where(np.isnan(walk_m), np.inf, walk_m)
    return np.searchsorted(np.asarray(breaks_m) + LIMIT_SLACK_M, walk_m, side="left")


def _gap(snapshot: Snapshot, query: ViewQuery) -> Answer:
    found, kind, limit = units(snapshot, query.unit), query.kind, limit_of(snapshot, query)
    walks, homes = _walks(snapshot, query), dwellings(snapshot)
    share = covered_share(snapshot, found, kind, limit_m=limit.metres)
    covered = is_covered(snapshot, kind, limit_m=limit.metres)
    outside = homes.is_building & ~covered & (found.of_dwelling >= 0)
    buildings_outside = np.bincount(found.of_dwelling[outside], minlength=len(found))
    residents = walks.table["residents"].to_numpy()
    by_residents = bool(np.isfinite(residents).any())
    far = np.where(residents > 0, residents * (1 - np.nan_to_num(share)), 0.0)
    value = np.where(np.isnan(residents), np.nan, far) if by_residents else buildings_outside.astype(float)
    is_told = snapshot.count("facilities") > 0
    if not is_told:  # nobody is known to be out of reach of what nobody has recorded
        value[:] = np.nan
    legend = _gap_legend(limit)
    unknown, uninhabited = len(legend) - 2, len(legend) - 1
    level = _gap_levels(walks.walk_m, limit.breaks_m) if is_told else np.full(len(found), unknown)
    if by_residents:
        level[np.isnan(residents)] = unknown
        level[residents == 0] = uninhabited
    else:
        level[~walks.lived_in] = uninhabited
    table = with_columns(
        walks.table,
        **{_share_column(kind, limit): share},
        **walks.metres,
        buildings_outside=buildings_outside,
        walk_m=walks.walk_m,
        value=value,
        rank_by=np.nan_to_num(value, nan=-1.0),
        **{"class": _classed(level, [item.id for item in legend])},
    )
    title = snapshot.standards.title("facility_kinds", kind)
    beyond = (
        Text("{l:,g} m 外居民{c}", "Residents beyond {l:,g} m{c}")
        if by_residents
        else Text("{l:,g} m 外楼栋{c}", "Buildings beyond {l:,g} m{c}")
    )
    return Answer(
        table=table,
        classes=legend,
        legend=Text("到最近{k}的步行距离（m）", "Walk to the nearest {k} (m)").format(
            k=Text(title.zh, title.en[:1].lower() + title.en[1:])
        ),
        legend_note=_gap_note(limit, by_residents=by_residents),
        column=beyond.format(l=limit.metres, c=limit.mark),
        write=lambda: numbers(
            value, at_least=by_residents & (walks.table["dwellings_unknown"].to_numpy() > 0)
        ),
        definition="beyond" if by_residents else "beyond_buildings",
        basis="residents" if by_residents else "buildings",
    )


def _gap_legend(limit: Limit) -> tuple[LegendClass, ...]:
    first, *farther = limit.breaks_m
    titles = [
        both(f"≤ {first:g}"),
        *(both(f"– {upper:,g}") for upper in farther),
        Text("更远", "farther"),
    ]
    return (
        *(LegendClass(f"gap-{n}", title, f"gap-{n}", listed=True) for n, title in enumerate(titles)),
        LegendClass("unknown", Text("人口不明", "Residents unknown"), "hatch"),
        LegendClass("uninhabited", Text("无人居住", "Uninhabited"), "land"),
    )


def _gap_note(limit: Limit, *, by_residents: bool) -> Text:
    what = Text("居民", "residents") if by_residents else Text("单元", "units")
    if limit.note is None:
        return Text("按单元平均步行距离；柱高为各档{w}数", "By each unit's mean walk; bars: {w}").format(
            w=what
        )
    return Text("{n}；柱高为各档{w}数", "Bars: {w}; {n}").format(n=limit.note, w=what)


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
        level, most = (
            np.searchsorted([0.0, 0.1, 0.2], of / np.maximum(all_of, 1), side="left")
            for of in (count, count + unknown)
        )
        titles = [both("0"), both("≤ 10%"), both("≤ 20%"), both("> 20%")]
        legend = Text("双无小区占比", "Share of communities that are double-none")
    else:
        level, most = np.minimum(count, 3), np.minimum(count + unknown, 3)
        titles = [both("0"), both("1"), both("2"), both("≥ 3")]
        legend = Text("单元内双无小区（个）", "Double-none communities in the unit")
    # Where all that are unknown could be double-none and the class another, it is not known.
    some_open = (level != most) & (count > 0)
    level[some_open] = 4
    level[(count == 0) & (unknown > 0)] = 5
    level[all_of == 0] = 6
    tokens = ("complete", "hot+1", "hot+2", "hot+3")
    classes = (
        *(LegendClass(f"dn-{n}", titles[n], tokens[n], listed=n > 0) for n in range(4)),
        LegendClass(
            "open", Text("有双无，不能判断哪一档", "Some, cannot tell which class"), "hatch", listed=True
        ),
        LegendClass("unknown", Text("不能判断", "Cannot tell"), "hatch"),
        LegendClass("empty", Text("没有小区", "No community"), "land"),
    )
    table = with_columns(
        table,
        communities=all_of,
        unknown_communities=unknown,
        value=count,
        rank_by=count + unknown / 1000,
        **{"class": _classed(level, [item.id for item in classes])},
    )
    return Answer(
        table=table,
        classes=tuple(item for item in classes if item.id != "open" or some_open.any()),
        legend=legend,
        legend_note=Text("按小区代表点归入单元", "Communities counted where their point lies"),
        column=Text("双无小区", "Double-none"),
        write=lambda: ratios(count, unknown, all_of),
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
    table = with_columns(
        _table(snapshot, query),
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
        write=lambda: numbers(residents),
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
_NOT_HOT, _HOTTEST = CLASSES.index("none"), CLASSES.index("hot_99")


def _hotspots(snapshot: Snapshot, query: ViewQuery) -> Answer:
    table = _table(snapshot, query)
    found = unit_hotspots(snapshot, query.unit, period=query.period)
    count = table["complaints"].to_numpy()
    rank_by = count.astype(np.float64)
    hot = np.flatnonzero((found.codes > _NOT_HOT) & (found.codes <= _HOTTEST))
    rank_by[hot] += 1e9 * (found.codes[hot] - _NOT_HOT)
    table = with_columns(
        table,
        hotspot_z=found.z,
        value=count,
        rank_by=rank_by,
        **{"class": _classed(found.codes, CLASSES)},
    )
    legend = (
        Text("每千人诉求，与全区相比", "Complaints per 1,000 residents, against the district")
        if found.basis == "rate"
        else Text("诉求件数，与全区相比", "Number of complaints, against the district")
    )
    least = snapshot.standards.hotspot_mask_residents
    masked = Text("居民不足 {n} 人，遮蔽", "Masked, under {n} residents").format(n=least)
    return Answer(
        table=table,
        classes=(
            *(LegendClass(name, title, token, listed=name.startswith("hot_")) for name, title, token in _HOT),
            LegendClass("masked", masked, "land"),
            LegendClass("unknown", Text("人口不明，不比较", "Residents unknown, not compared"), "hatch"),
        ),
        legend=legend,
        legend_note=Text(
            "蓝为偏少，红为偏多；本单元连同相邻单元", "Blue fewer, red more; a unit with its neighbours"
        ),
        column=Text("诉求", "Complaints"),
        write=lambda: numbers(count),
        definition="complaints",
        basis=found.basis,
    )
