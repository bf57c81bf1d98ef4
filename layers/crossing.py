"""Two questions over the same units, crossed: how many units and residents are of each class of both.

Nothing is worked out anew: the classes are those of the two views, as far as whoever asks may see them, and
the cross-table counts what anybody who holds both views could count. What a view does not tell, such as the
residents of a unit to the public, is not in it either. Under conditions only units that meet all of them are
counted, and shares are of those; how many meet them, and of how many that cannot be told, stands beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from layers.condition_views import heading
from layers.limits import limit_of
from layers.problems import BadParameter
from layers.queries import DEFAULT_UNITS, PUBLIC_UNITS, QUESTIONS, ViewQuery, default_unit
from layers.text import Language, Text, both, joined
from layers.units import unit_title
from layers.views import QUESTION_TITLES, View, view
from layers.wording import large, number, percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.questions import LegendClass
    from layers.sight import Sight
    from layers.snapshot import Snapshot

_BARE_GROUND = ("hatch", "land")
"""What is drawn so is no class of the answer: unknown, uninhabited, masked, withheld."""
_MERGED = {
    "hot": (Text("热点（90% 起）", "Hot (from 90%)"), "hot+3", ("hot_90", "hot_95", "hot_99")),
    "none": (Text("无显著差别", "No clear difference"), "hot+0", ("none",)),
    "cold": (Text("冷点（90% 起）", "Cold (from 90%)"), "hot-3", ("cold_90", "cold_95", "cold_99")),
}
_WORST_TITLES = {
    "gap": Text("够不到", "Out of reach"),
    "double_none": Text("双无", "Double-none"),
    "hotspots": Text("热点", "Hot spot"),
}
_MOST_COMPLAINTS = Text("诉求最多", "Most complaints")
_SHORT_TITLES = {
    "gap": Text("服务够不到", "Out of reach"),
    "double_none": Text("双无", "Double-none"),
    "hotspots": Text("诉求集中", "Complaints"),
}


@dataclass(frozen=True)
class Group:
    """One row or column of the cross-table.

    Attributes
    ----------
    id : str
    title : Text
    token : str
        Its colour, as in a legend.
    classes : tuple of str
        The classes of the view that it is made of.
    apart : bool
        Whether it is no class of the answer: unknown, uninhabited, masked, withheld.
    worst : bool
        Whether its units are what the question looks for.
    """

    id: str
    title: Text
    token: str
    classes: tuple[str, ...]
    apart: bool = False
    worst: bool = False


@dataclass(frozen=True)
class Crossing:
    """The cross-table of two views over the same units.

    Attributes
    ----------
    left, right : View
    columns, rows : tuple of Group
        Of the left and of the right view.
    """

    snapshot: Snapshot
    left: View
    right: View
    columns: tuple[Group, ...]
    rows: tuple[Group, ...]

    @cached_property
    def _at(self) -> NDArray[np.int64]:
        """Positions of the units that are counted: those seen that meet the conditions; both views have the same."""
        met = self.left.filtered
        return np.sort(self.left.order if met is None else self.left.order[: met.matches])

    @cached_property
    def _cell(self) -> NDArray[np.int64]:
        """Of each unit the cell that it stands in, counted along the rows."""
        column = _group_of(self.left, self.columns)[self._at]
        row = _group_of(self.right, self.rows)[self._at]
        return row * len(self.columns) + column

    @cached_property
    def _people(self) -> NDArray[np.float64]:
        """Residents of each unit, NaN where they are not known or not told."""
        known = self.left.answer.table["residents"].to_numpy(dtype=float, na_value=np.nan)
        return np.asarray(known[self._at], dtype=float)

    def _sum(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        shape = len(self.rows), len(self.columns)
        summed = np.bincount(self._cell, weights=weights, minlength=shape[0] * shape[1])
        return np.asarray(summed.reshape(shape), dtype=float)

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """Number of units per row and column."""
        return self._sum(np.ones(len(self._at))).astype(np.int64)

    @cached_property
    def residents(self) -> NDArray[np.float64] | None:
        """Known residents per row and column; None where residents are not told, or none are known."""
        if not np.isfinite(self._people).any():
            return None
        return self._sum(np.nan_to_num(self._people))

    @cached_property
    def unknown(self) -> NDArray[np.int64]:
        """Number of units whose residents are not known, per row and column."""
        return self._sum(np.isnan(self._people)).astype(np.int64)

    @cached_property
    def worst(self) -> NDArray[np.bool_]:
        """Which cells are what both questions look for."""
        rows, columns = ([one.worst for one in side] for side in (self.rows, self.columns))
        return np.outer(rows, columns)

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the cross-table for JSON."""
        district, sight = self.snapshot.district, self.left.sight
        return {
            "as_of": None if district.as_of is None else district.as_of.isoformat(),
            "unit": {
                "id": self.left.query.unit,
                "title": unit_title(self.left.query.unit).to(language),
                "counted": counted(self.left.query.unit).to(language),
            },
            "left": _side(self.left, self.columns, language),
            "right": _side(self.right, self.rows, language),
            "cells": [
                [self._figures(cell, language) for cell in self._each(row)] for row in range(len(self.rows))
            ],
            "total": self._figures(np.ones_like(self.worst), language),
            "worst": {
                "title": self._worst_title().to(language),
                **self._figures(self.worst, language),
            },
            "residents_told": not sight.is_public,
            "conditions": self._conditions(language),
        }

    def _conditions(self, language: Language) -> dict[str, Any] | None:
        """Return how many units the table is of, and out of how many, where there are conditions."""
        met = self.left.filtered
        if met is None:
            return None
        unknown = len(met.of) - met.matches - len(met.rest)
        return {
            "title": heading(len(self.left.query.where)).to(language),
            "of": len(met.of),
            "of_text": number(len(met.of)).to(language),
            "matches": met.matches,
            "matches_text": number(met.matches).to(language),
            "unknown": unknown,
            "unknown_text": number(unknown).to(language),
        }

    def _each(self, row: int) -> list[NDArray[np.bool_]]:
        """Return the cells of a row, each as a mask of the table."""
        cells = []
        for column in range(len(self.columns)):
            mask = np.zeros_like(self.worst)
            mask[row, column] = True
            cells.append(mask)
        return cells

    def _figures(self, of: NDArray[np.bool_], language: Language) -> dict[str, Any]:
        """Return units, residents and their share of the table's known residents, of the cells that a mask names."""
        units, people = int(self.units[of].sum()), None
        share = None
        if self.residents is not None:
            people = float(self.residents[of].sum())
            total = float(self.residents.sum())
            share = people / total if total > 0 else None
        return {
            "units": units,
            "units_text": number(units).to(language),
            "residents": None if people is None else round(people),
            "residents_text": None if people is None else large(people).to(language),
            "unknown": int(self.unknown[of].sum()),
            "share": None if share is None else round(share, 4),
            "share_text": None if share is None else percent(share).to(language),
        }

    def _worst_title(self) -> Text:
        first, second = (_worst_title_of(one) for one in (self.left, self.right))
        return Text(f"{first.zh}，又是{second.zh}", f"{first.en} and {second.en[:1].lower()}{second.en[1:]}")


def _worst_title_of(shown: View) -> Text:
    if shown.sight.is_public and shown.query.question == "hotspots":
        return _MOST_COMPLAINTS
    return _WORST_TITLES[shown.query.question]


def crossing(snapshot: Snapshot, left: ViewQuery, right: ViewQuery, sight: Sight) -> Crossing:
    """Return the cross-table of two queries over the same units, which were read for `sight`."""
    shown = view(snapshot, left, sight), view(snapshot, right, sight)
    columns, rows = (groups(one) for one in shown)
    return Crossing(snapshot, *shown, columns=columns, rows=rows)


def queries(params: Mapping[str, Any], snapshot: Snapshot, sight: Sight) -> tuple[ViewQuery, ViewQuery]:
    """Read the two queries of a comparison: ``left`` and ``right`` are questions, all else is shared.

    Raises
    ------
    BadParameter
        A parameter is out of its range, or both questions are the same.
    NotSignedIn, Forbidden
        One of the questions goes beyond what `sight` may see.
    """
    names = [str(params.get(side) or "") for side in ("left", "right")]
    for side, name in zip(("left", "right"), names, strict=True):
        if name and name not in QUESTIONS:
            raise BadParameter(
                Text("参数 {n} 的值 {v} 不在范围内。", "The parameter {n} cannot be {v}.").format(
                    n=side, v=repr(name)
                ),
                Text("可用：{a}。", "Use one of {a}.").format(a=joined([both(item) for item in QUESTIONS])),
            )
    left = names[0] or next(one for one in QUESTIONS if one != names[1])
    right = names[1] or _other(left, sight)
    if left == right:
        raise BadParameter(
            Text("两边是同一个问题。", "Both sides are the same question."),
            Text("请为 left 和 right 各选一个问题。", "Choose a different question for left and right."),
        )
    unit = params.get("unit") or shared_unit(left, right, sight)
    asked = [{**params, "question": name, "unit": unit} for name in (left, right)]
    first, second = (ViewQuery.from_params(one, snapshot, sight) for one in asked)
    return first, second


def _other(left: str, sight: Sight) -> str:
    """Return what a question is compared with where nobody says: the last that has a unit in common with it."""
    others = [one for one in reversed(QUESTIONS) if one != left]
    return next((one for one in others if _shared(left, one, sight)), others[0])


def shared_unit(left: str, right: str, sight: Sight) -> str:
    """Return the unit that two questions are compared over where none is asked for."""
    preferred = default_unit("double_none" if "double_none" in (left, right) else left, sight)
    shared = _shared(left, right, sight)
    return preferred if preferred in shared or not shared else shared[0]


def _shared(left: str, right: str, sight: Sight) -> tuple[str, ...]:
    """Return the units that both questions may be answered over; for all but the public they are the same."""
    if not sight.is_public:
        return tuple(dict.fromkeys(DEFAULT_UNITS.values()))
    return tuple(unit for unit in PUBLIC_UNITS[left] if unit in PUBLIC_UNITS[right])


def groups(shown: View) -> tuple[Group, ...]:
    """Return the classes of a view as a cross-table has them: levels of confidence merged, what is no class last."""
    classes = [one for one in shown.answer.classes if one.token not in _BARE_GROUND]
    apart = [one for one in shown.answer.classes if one.token in _BARE_GROUND]
    there = {one.id for one in classes}
    if {"hot_99", "cold_99"} <= there:
        found = [
            Group(name, title, token, members, worst=name == "hot")
            for name, (title, token, members) in _MERGED.items()
        ]
    else:
        titles = _titles(shown, classes)
        last = classes[-1].id if classes else None
        found = [
            Group(one.id, title, one.token, (one.id,), worst=_is_worst(one, last))
            for one, title in zip(classes, titles, strict=True)
        ]
    return (*found, *(Group(one.id, one.title, one.token, (one.id,), apart=True) for one in apart))


def _is_worst(one: LegendClass, last: str | None) -> bool:
    if one.id.startswith("quantity-"):
        return one.id == last
    return one.id == "double_none" or (one.id.startswith(("gap-", "dn-")) and not one.id.endswith("-0"))


def _titles(shown: View, classes: list[LegendClass]) -> list[Text]:
    """Return the classes' titles, each of which says its two ends: a legend's need the ones beside them."""
    if shown.query.question != "gap":
        return [one.title for one in classes]
    breaks = limit_of(shown.snapshot, shown.query).breaks_m
    between = [both(f"{low:,g}–{high:,g}") for low, high in pairwise(breaks)]
    return [both(f"≤ {breaks[0]:,g} m"), *between, Text("更远", "farther")]


def counted(scheme: str) -> Text:
    """Return what units of a scheme are called after a number."""
    if scheme.startswith(("square", "h3")):
        return Text("格", "cells")
    title = unit_title(scheme)
    return Text(f"个{title.zh}", title.en)


def _group_of(shown: View, side: tuple[Group, ...]) -> NDArray[np.int64]:
    """Return for every unit of the district the position of its class's group."""
    position = {name: at for at, group in enumerate(side) for name in group.classes}
    classes = shown.answer.table["class"].to_numpy(dtype=object)
    found = pd.Index(list(position)).get_indexer(pd.Index(classes))
    return np.array(list(position.values()), dtype=np.int64)[found]


def _side(shown: View, side: tuple[Group, ...], language: Language) -> dict[str, Any]:
    return {
        "question": shown.query.question,
        "title": QUESTION_TITLES[shown.query.question].to(language),
        "short": _SHORT_TITLES[shown.query.question].to(language),
        "groups": [
            {
                "id": one.id,
                "title": one.title.to(language),
                "token": one.token,
                "classes": list(one.classes),
                "apart": one.apart,
                "worst": one.worst,
            }
            for one in side
        ],
    }
