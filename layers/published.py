"""What anybody may know of the aggregates: answers made of open facts and of counts that give nobody away.

Of people nothing is told but which communities have fewer than `Sight.small_count` residents. So there is
nothing to subtract: no total of people is public, no share or mean that weighs several communities by theirs,
and no order by them. Complaints are counted per neighbourhood, subdistrict and district, in one period that
nobody can shift, and `layers.suppression` says which of these counts stay untold and rounds the others, so that
looking twice tells of no single complaint. Whatever else is shown of complaints, such as classes, follows from the
told counts alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from layers.places import places
from layers.queries import default_period
from layers.questions import Answer, LegendClass, full_answer
from layers.sight import ROUNDED_TO
from layers.suppression import rounded, told_counts
from layers.tallies import complaints_by_unit, complaints_in_period
from layers.text import Text, both
from layers.wording import large, metres, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.queries import ViewQuery
    from layers.sight import Sight
    from layers.snapshot import Snapshot

UNTOLD = Text("从略", "withheld")
"""Stands for a count that is not told because it is small, or because it would give a small one away."""


@dataclass(frozen=True, eq=False)
class Published:
    """Complaints of the default period as the public may know them: rounded; NaN where a count is not told."""

    district: float
    subdistricts: NDArray[np.float64]
    neighbourhoods: NDArray[np.float64]

    def of(self, unit: str) -> NDArray[np.float64]:
        """Return the counts of a scheme of units."""
        return {"subdistricts": self.subdistricts, "neighbourhoods": self.neighbourhoods}[unit]


def published_complaints(snapshot: Snapshot, sight: Sight) -> Published:
    """Return the counts of complaints that the public may know."""
    least = sight.least_complaints
    return snapshot.derived(("published complaints", least), lambda: _published(snapshot, least))


def _published(snapshot: Snapshot, least: int) -> Published:
    period = default_period(snapshot)
    total = complaints_in_period(snapshot, period)
    counts = {
        layer: complaints_by_unit(snapshot, layer, period) for layer in ("subdistricts", "neighbourhoods")
    }
    above = places(snapshot, "neighbourhoods")["subdistrict"].to_numpy()
    first, second = len(counts["subdistricts"]), len(counts["neighbourhoods"])
    # The district, subdistricts, neighbourhoods, and then what is in none of the parts of each that has parts.
    values = [total, *counts["subdistricts"].tolist(), *counts["neighbourhoods"].tolist()]
    parents = [-1, *[0] * first, *(above + 1).tolist()]
    for node in range(1 + first):
        below = [
            values[child] for child, parent in enumerate(parents[: 1 + first + second]) if parent == node
        ]
        if below:
            values.append(values[node] - sum(below))
            parents.append(node)
    shown = np.arange(len(values)) < 1 + first + second
    told = told_counts(np.array(values), np.array(parents), shown, least=least)
    return Published(float(told[0]), told[1 : 1 + first], told[1 + first : 1 + first + second])


def has_few_residents(snapshot: Snapshot, sight: Sight) -> NDArray[np.bool_]:
    """Tell which communities have so few residents that no more is told of how they live."""
    residents = snapshot.frame("communities")["residents"].to_numpy(dtype="float64", na_value=np.nan)
    return np.asarray(residents < sight.small_count)


def answer(snapshot: Snapshot, query: ViewQuery, sight: Sight) -> Answer:
    """Return the answer to the query's question as `sight` may know it, for every unit of the district.

    Which units may be seen is left to the caller (`layers.views`). To the public, units are classed as to
    everybody; what they are ranked by, and what the list shows of them, is open.
    """
    full = full_answer(snapshot, query)
    if not sight.is_public:
        return full
    if query.question == "gap":
        return _gap(snapshot, query, sight, full)
    if query.question == "hotspots":
        return _complaints(snapshot, query, sight, full)
    open_table = _without_people(full.table)
    if query.unit != "communities":
        return replace(full, table=open_table)
    severity = np.floor_divide(full.table["rank_by"].to_numpy(dtype=float), 1e9)
    buildings = full.table["buildings"].to_numpy()
    return replace(
        full,
        table=open_table.assign(value=buildings, rank_by=severity * 1e9 + buildings),
        column=Text("楼栋", "Buildings"),
        write=lambda: tuple(number(item) for item in buildings),
        definition="buildings",
    )


def _without_people(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that follow from open facts alone."""
    open_columns = (
        "cell",
        "buildings",
        "double_none_communities",
        "communities",
        "unknown_communities",
        "class",
    )
    more = ("value", "rank_by")
    kept = table[[name for name in (*open_columns, *more) if name in table.columns]]
    return kept.assign(residents=np.nan, complaints=np.nan)


def _gap(snapshot: Snapshot, query: ViewQuery, sight: Sight, full: Answer) -> Answer:
    few = has_few_residents(snapshot, sight)
    classes = np.where(few, "few", full.table["class"].to_numpy(dtype=object))
    walk = full.table["walk_m"].to_numpy()
    shown = np.where(few, np.nan, walk)
    counted = np.char.startswith(classes.astype(str), "gap-")
    legend = [
        replace(item, listed=item.listed and item.id != "gap-0")
        for item in full.classes
        if item.id != "uninhabited"
    ]
    title = Text("居民不足 {n} 人", "Under {n} residents").format(n=sight.small_count)
    return replace(
        full,
        table=_without_people(full.table).assign(
            value=np.where(np.isfinite(shown), shown, np.nan),
            rank_by=np.where(counted, np.nan_to_num(shown, nan=-1.0, posinf=1e9), -1.0),
            **{"class": classes},
        ),
        classes=(*legend, LegendClass("few", title, "land")),
        legend_note=Text("柱高为各档小区数", "Bars: communities per class"),
        column=Text("步行距离", "Walk"),
        write=lambda: tuple(UNTOLD if few[at] else metres(shown[at]) for at in range(len(few))),
        definition="access",
    )


def _complaints(snapshot: Snapshot, query: ViewQuery, sight: Sight, full: Answer) -> Answer:
    counts = published_complaints(snapshot, sight).of(query.unit)
    bounds = _class_bounds(counts)
    told = np.isfinite(counts)
    level = np.searchsorted(bounds, np.nan_to_num(counts), side="left")
    classes = np.where(told, np.array([f"quantity-{n}" for n in range(5)], dtype=object)[level], "withheld")
    lowest = [int(rounded(np.array(sight.least_complaints))), *(bounds + ROUNDED_TO).tolist()]
    titles = [
        f"{low:,} – {high:,}" if low < high else f"{high:,}"
        for low, high in zip(lowest, bounds, strict=False)
    ]
    steps = [
        LegendClass(f"quantity-{n}", both(title), f"quantity-{n}", True) for n, title in enumerate(titles)
    ]
    note = Text(
        "约数，取整到 {r} 的倍数；少于 {n} 件的数，以及会泄露它们的数，从略",
        "Rounded to {r}; counts under {n}, and those that would give them away, are withheld",
    ).format(r=ROUNDED_TO, n=sight.least_complaints)
    return replace(
        full,
        table=_without_people(full.table).assign(
            complaints=counts,
            value=counts,
            rank_by=np.nan_to_num(counts, nan=-1.0),
            **{"class": classes},
        ),
        classes=(
            *steps,
            LegendClass(
                "withheld",
                Text("从略（<{n} 等）", "Withheld (<{n} …)").format(n=sight.least_complaints),
                "land",
            ),
        ),
        legend=Text("诉求件数（约）", "Number of complaints (about)"),
        legend_note=note,
        write=lambda: tuple(complaints_text(item) for item in counts),
        basis="count",
    )


def _class_bounds(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the upper bounds, inclusive, of at most five classes that hold about as many told counts each."""
    told = counts[np.isfinite(counts)]
    if not len(told):
        return np.zeros(0, dtype=np.int64)
    return np.unique(np.quantile(told, [0.2, 0.4, 0.6, 0.8, 1.0], method="higher").astype(np.int64))


def complaints_text(count: float) -> Text:
    """Return a count of complaints as the public may know it."""
    return Text("约 {n}", "about {n}").format(n=large(count)) if np.isfinite(count) else UNTOLD
