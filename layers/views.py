"""A view: one question over units, filtered and ranked, with its headline numbers, legend and list.

Page, API, download and the offline map all show a `View`, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo import crs
from geo.significance import two_sided_p
from layers.areas import units_in_area
from layers.cards import card
from layers.condition_views import conditions_as_dict, filtered_strip, heading
from layers.condition_views import subtitle as matches_subtitle
from layers.conditions import filtered
from layers.headlines import QUESTION_DEFINITIONS, area_title, headlines, reached, three_ways
from layers.indicators import seats
from layers.limits import limit_of
from layers.published import answer
from layers.queries import ViewQuery
from layers.search import search
from layers.sight import ROUNDED_TO, Sight
from layers.strip import strip
from layers.tallies import complaints_by_month
from layers.text import Language, Text
from layers.unit_names import unit_names
from layers.units import unit_frame, unit_title, units
from layers.view_columns import COLUMNS, json_numbers
from layers.wording import number

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.conditions import Filtered
    from layers.questions import Answer
    from layers.snapshot import Snapshot

__all__ = ["COLUMNS", "Sight", "View", "ViewQuery", "card", "search", "unit_frame", "view"]

QUESTION_TITLES = {
    "gap": Text("服务够不到哪里？", "Where do services fall short?"),
    "double_none": Text("哪些小区是双无？", "Which communities are double-none?"),
    "hotspots": Text("诉求集中在哪里？", "Where do complaints cluster?"),
}
_LIST_TITLES = {
    "gap": Text("先看这里", "Look here first"),
    "double_none": Text("双无小区", "Double-none"),
    "hotspots": Text("热点", "Hot spots"),
}
_MOST_COMPLAINTS = Text("诉求最多", "Most complaints")


@dataclass(frozen=True)
class View:
    """What a view shows.

    Attributes
    ----------
    query : ViewQuery
    sight : Sight
        What whoever asks may see.
    answer : Answer
        The question answered for every unit, as far as `sight` may know it.
    order : int array
        Positions of the units that are seen and that the filter leaves, worst first; with conditions those that
        meet them, and then those that cannot be told.
    filtered : Filtered, optional
        What the query's conditions make of them.
    """

    snapshot: Snapshot
    query: ViewQuery
    sight: Sight
    answer: Answer
    order: NDArray[np.int64]
    filtered: Filtered | None = None

    @cached_property
    def table(self) -> pd.DataFrame:
        """The rows of the view, worst first."""
        return self.answer.table.iloc[self.order]

    def as_dict(self, language: Language, columns: Collection[str] = COLUMNS) -> dict[str, Any]:
        """Return the view for JSON, its rows with some of `COLUMNS`."""
        district, found = self.snapshot.district, reached(self.snapshot, self.query, self.sight)
        return {
            "query": self.query.as_dict(),
            "as_of": None if district.as_of is None else district.as_of.isoformat(),
            "invented": district.invented,
            "sight": {
                "aggregates": self.sight.aggregates,
                "title": area_title(self.snapshot, self.sight).to(language),
            },
            "question": {
                "id": self.query.question,
                "title": QUESTION_TITLES[self.query.question].to(language),
                "definition": QUESTION_DEFINITIONS[self.query.question],
                "basis": self.answer.basis,
                "method": _method(self).to(language),
            },
            "limit": self._limit(language),
            "headlines": headlines(self.snapshot, self.query, self.sight, found, language),
            "three_ways": three_ways(self.snapshot, self.sight, found, language),
            "strip": self._strip(language),
            "conditions": None
            if self.filtered is None
            else conditions_as_dict(self, self.filtered, language),
            "legend": self._legend(language),
            "list": self._list(language),
            "rows": self._rows(language, columns),
            "rest": self._rest(),
        }

    def _strip(self, language: Language) -> list[dict[str, Any]]:
        if self.filtered is not None:
            return filtered_strip(self, self.filtered, self.answer, language)
        return strip(self.snapshot, self.query, self.sight, self.answer, self.table, language)

    def _limit(self, language: Language) -> dict[str, Any]:
        limit = limit_of(self.snapshot, self.query)
        return {
            "metres": limit.metres,
            "standard": limit.standard.limit_m,
            "chosen": limit.is_chosen,
            "source": limit.source.to(language),
        }

    def _legend(self, language: Language) -> dict[str, Any]:
        # Units that do not meet the conditions are on the map as well.
        table = self.table if self.filtered is None else self.answer.table.iloc[self.filtered.of]
        count = table["class"].value_counts()
        people = table["residents"].groupby(table["class"]).sum()
        return {
            "title": self.answer.legend.to(language),
            "subtitle": self.answer.legend_note.to(language),
            "classes": [
                {
                    "id": item.id,
                    "title": item.title.to(language),
                    "token": item.token,
                    "count": int(count.get(item.id, 0)),
                    "residents": None if self.sight.is_public else round(float(people.get(item.id, 0.0))),
                }
                for item in self.answer.classes
            ],
        }

    def _list(self, language: Language) -> dict[str, Any]:
        listed = [item.id for item in self.answer.classes if item.listed]
        count = int((self.table["class"].isin(listed) & (self.table["rank_by"] > 0)).sum())
        subtitle = Text("{n} {u}，最差的在前", "{n} {u}, worst first").format(
            n=number(count), u=_counted(unit_title(self.query.unit))
        )
        public_hotspots = self.sight.is_public and self.query.question == "hotspots"
        title = _MOST_COMPLAINTS if public_hotspots else _LIST_TITLES[self.query.question]
        if self.filtered is not None:
            count = self.filtered.matches
            title, subtitle = heading(len(self.query.where)), matches_subtitle(self.filtered)
        return {
            "title": title.to(language),
            "subtitle": subtitle.to(language),
            "count": count,
            "listed": listed,
            "column": {"title": self.answer.column.to(language), "definition": self.answer.definition},
        }

    def _rows(self, language: Language, columns: Collection[str]) -> dict[str, list[Any]]:
        values, table = self.answer.values, self.table

        def fixed(name: str) -> list[Any]:
            found: list[Any] = self._fixed(language)[name].take(self.order).tolist()
            return found

        make: dict[str, Callable[[], list[Any]]] = {
            "class": lambda: table["class"].to_numpy(dtype=object).tolist(),
            "value": lambda: json_numbers(table["value"]),
            "value_text": lambda: [values[position].to(language) for position in self.order.tolist()],
            "residents": lambda: json_numbers(table["residents"]),
            "complaints": lambda: json_numbers(table["complaints"]),
            "suppressed": lambda: self._suppressed().tolist(),
            "months": self._months,
        }
        return {name: make[name]() if name in make else fixed(name) for name in COLUMNS if name in columns}

    def _rest(self) -> dict[str, list[Any]] | None:
        """Return the units that do not meet the conditions: the ground that the others lie on."""
        if self.filtered is None:
            return None
        rest = self.filtered.rest
        lon, lat = unit_positions(self.snapshot, self.query.unit)
        return {
            "id": units(self.snapshot, self.query.unit).ids[rest].tolist(),
            "class": self.answer.table["class"].to_numpy(dtype=object)[rest].tolist(),
            "lon": np.round(lon[rest], 6).tolist(),
            "lat": np.round(lat[rest], 6).tolist(),
        }

    def _fixed(self, language: Language) -> dict[str, Any]:
        """Return what of the rows follows from no question, for every unit in unit order."""
        snapshot, unit = self.snapshot, self.query.unit

        def make() -> dict[str, Any]:
            found, names = units(snapshot, unit), unit_names(snapshot, unit)
            lon, lat = unit_positions(snapshot, unit)
            everything = np.arange(len(found))
            glyphs = np.array([*seats(snapshot.frame("communities"))["glyph"], None], dtype=object)
            return {
                "id": found.ids,
                # Of many cells; as objects they would take four times as much.
                "name": pd.array(names.names(everything, language), dtype="str"),
                "place": pd.array(names.places(everything, language), dtype="str"),
                "seats": glyphs[names.community],
                "lon": np.round(lon, 6),
                "lat": np.round(lat, 6),
            }

        return snapshot.derived(("rows", unit, language), make, scheme=unit)

    def _suppressed(self) -> NDArray[np.bool_]:
        """Tell of which rows the value is withheld because it, or one that follows from it, is small."""
        return np.asarray(self.table["class"].isin(["few", "withheld"]), dtype=bool)

    def _months(self) -> list[list[int] | None]:
        if self.sight.is_public:
            return [None] * len(self.order)
        months: list[list[int] | None] = monthly_complaints(self.snapshot, self.query)[self.order].tolist()
        return months

    def frame(self, language: Language) -> gpd.GeoDataFrame:
        """Return the rows with headings in `language` and their shapes, for downloads."""
        import geopandas as gpd

        names, table = unit_names(self.snapshot, self.query.unit), self._downloaded()
        headings = {item.id: item.title.to(language) for item in self.answer.classes}
        columns: dict[str, Any] = {
            Text("编号", "Unit").to(language): list(table["cell"]),
            Text("名称", "Name").to(language): names.names(self.order, language),
            Text("所在", "Place").to(language): names.places(self.order, language),
            Text("分级", "Class").to(language): [headings[item] for item in table["class"]],
            self._value_heading(language): table["value"].to_numpy(),
        }
        if self.filtered is not None:
            matches, open_case = Text("符合", "met"), Text("不能判断", "cannot tell")
            columns[Text("条件", "Conditions").to(language)] = [
                (matches if at < self.filtered.matches else open_case).to(language)
                for at in range(len(table))
            ]
        told = set(table.columns) - ({"residents", "complaints"} if self.sight.is_public else set())
        for name, title in _DOWNLOADED.items():
            if name in told and title.to(language) not in columns:
                columns[title.to(language)] = table[name].to_numpy()
        for name in table.columns:
            if name.startswith(("coverage_", "nearest_", "access_")):
                columns[name] = table[name].to_numpy()
        shapes = unit_frame(self.snapshot, self.query.unit).geometry
        return gpd.GeoDataFrame(columns, geometry=np.asarray(shapes.array)[self.order], crs=shapes.crs)

    def _downloaded(self) -> pd.DataFrame:
        """Return the rows with what is made for downloads alone."""
        if "hotspot_z" not in self.table:
            return self.table
        return self.table.assign(
            hotspot_basis=self.answer.basis, hotspot_p=two_sided_p(self.table["hotspot_z"].to_numpy())
        )

    def _value_heading(self, language: Language) -> str:
        """Return the heading of the values, which says why some are not told."""
        heading = self.answer.column
        if self.sight.is_public and self._suppressed().any():
            of_people = self.query.question == "gap"
            heading = Text("{h}（<{n} 等从略）", "{h} (<{n} withheld)").format(
                h=heading, n=self.sight.small_count if of_people else self.sight.least_complaints
            )
        return heading.to(language)


_DOWNLOADED = {
    "residents": Text("居民", "Residents"),
    "dwellings": Text("住处", "Dwellings"),
    "dwellings_unknown": Text("其中人数不明", "Dwellings of unknown residents"),
    "buildings": Text("楼栋", "Buildings"),
    "complaints": Text("诉求", "Complaints"),
    "double_none_communities": Text("双无小区", "Double-none communities"),
    "hotspot_basis": Text("热点依据", "Hotspot basis"),
    "hotspot_z": Text("z 值", "z"),
    "hotspot_p": Text("p 值", "p"),
}


def view(snapshot: Snapshot, query: ViewQuery, sight: Sight) -> View:
    """Return the view that `query`, which was read for `sight`, asks for.

    Answers are found over the whole district; of the units only those that are seen are in the view.
    """
    found, answered = units(snapshot, query.unit), answer(snapshot, query, sight)
    keep = units_in_area(snapshot, query.unit, sight.area).copy()
    if query.subdistrict is not None:
        wanted = snapshot.frame("subdistricts").index.get_loc(query.subdistrict)
        keep &= found.subdistrict == wanted
    if query.community_kind is not None:
        of_kind = (snapshot.frame("communities")["kind"] == query.community_kind).to_numpy()
        here = found.of_community[of_kind]
        keep &= np.isin(np.arange(len(found)), here[here >= 0]) | _holds_dwellings_of(
            snapshot, query, of_kind
        )
    rank = answered.table["rank_by"].to_numpy(dtype=float)
    order = np.lexsort((_by_id(snapshot, query.unit), -rank))
    order = order[keep[order]]
    if not query.where:
        return View(snapshot, query, sight, answered, order)
    shown, found_of = filtered(snapshot, query, sight, order)
    return View(snapshot, query, sight, answered, shown, found_of)


def _by_id(snapshot: Snapshot, scheme: str) -> NDArray[np.int64]:
    """Return each unit's place in the order of the ids."""

    def make() -> NDArray[np.int64]:
        return np.unique(units(snapshot, scheme).ids.astype(str), return_inverse=True)[1]

    return snapshot.derived(("by id", scheme), make, scheme=scheme)


def _holds_dwellings_of(
    snapshot: Snapshot, query: ViewQuery, of_kind: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether a building of a community of the kind stands in each unit."""
    from layers.dwellings import dwellings

    found, homes = units(snapshot, query.unit), dwellings(snapshot)
    chosen = found.of_dwelling[np.concatenate([of_kind, [False]])[homes.community]]
    return np.isin(np.arange(len(found)), chosen[chosen >= 0])


def monthly_complaints(snapshot: Snapshot, query: ViewQuery) -> NDArray[np.int64]:
    """Return complaints per unit in each of the twelve months up to the period's last day."""
    last = query.period[1] or snapshot.district.as_of
    if last is None:
        newest = snapshot.frame("complaints")["opened"].max()
        if pd.isna(newest):
            return np.zeros((len(units(snapshot, query.unit)), 12), dtype=np.int64)
        last = newest.date()
    return complaints_by_month(snapshot, query.unit, last)


def unit_positions(snapshot: Snapshot, scheme: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return lon, lat of a point on each unit, to fly to."""

    def make() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        at = shapely.point_on_surface(units(snapshot, scheme).shapes)
        return crs.points_from_metric(shapely.get_x(at), shapely.get_y(at), snapshot.district.metric_crs)

    return snapshot.derived(("positions", scheme), make, scheme=scheme)


def _counted(title: Text) -> Text:
    """Return a unit's title after a number: 10 个小区, but 65 个 100 m 格."""
    return Text(("个 " if title.zh[0].isascii() else "个") + title.zh, title.en)


def _method(shown: View) -> Text:
    standards, query = shown.snapshot.standards, shown.query
    if query.question == "gap":
        return Text(
            "直线距离 × {d:g} 估算，尚无路网。{s}", "Straight line x {d:g}, as there is no path network. {s}"
        ).format(d=standards.detour_factor, s=limit_of(shown.snapshot, query).source)
    if query.question == "double_none":
        return Text(
            "由物业、业委会两个带日期的三态事实推出，不单独存“双无”标记。",
            "Derived from two dated facts, manager and committee; no flag is stored.",
        )
    if shown.sight.is_public:
        return Text(
            "时段内每个单元的诉求件数，各自取整到 {r} 的倍数，所以合计可能不等于各部分之和；不按人口折算；少于 {n} 件的数，"
            "以及会泄露它们的数，从略。登录后可看热点。",
            "Complaints of each unit in the period, each rounded to {r}, so that parts may not add up to their total; not "
            "per head; counts under {n}, and those that would give them away, are withheld. Hot spots are for those who "
            "sign in.",
        ).format(r=ROUNDED_TO, n=shown.sight.least_complaints)
    compared = (
        Text("每千人诉求（经验贝叶斯平滑）", "the rate per 1,000 residents, smoothed by empirical Bayes")
        if shown.answer.basis == "rate"
        else Text("诉求件数", "the number of complaints")
    )
    return Text(
        "Getis-Ord Gi*，比较{c}；对照全区同一时段的全部单元；解析 p 值，控制错误发现率。",
        "Getis-Ord Gi* on {c}, against all units of the district in the same period; analytic p, false discovery "
        "rate controlled.",
    ).format(c=compared)
