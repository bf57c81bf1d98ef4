"""Complaints counted per unit, by period, month or demand group.

Each count follows its complaints one by one: where some were written, it is that of before less what was there and
plus what is there now, and no other complaint is looked at again (`layers.snapshot.Snapshot.derived`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.counting import cell_counts
from layers.measures import metric_points
from layers.periods import Period, check_period, within
from layers.places import LEVEL_OF, PARENT_LAYERS, places, places_of
from layers.units import AREA_UNITS, analysis_cells

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.patches import Replaced
    from layers.snapshot import Snapshot

Group = Callable[[pd.DataFrame], "NDArray[np.int64]"]
"""Returns the column in which each complaint counts, -1 for none."""

_DISTRICT = "district"
UNMAPPED = "unmapped"


@dataclass(frozen=True, eq=False)
class _Tally:
    """Counts, and what says where a complaint belongs: they follow each other only where it is the same."""

    where: object
    counts: NDArray[np.int32]


def complaints_by_unit(snapshot: Snapshot, scheme: str, period: Period) -> NDArray[np.int64]:
    """Return the complaints opened in a period, per unit of `scheme`."""
    check_period(period)
    return _counts(snapshot, scheme, ("period", *period), 1, _in_period(period))[:, 0]


def complaints_in_period(snapshot: Snapshot, period: Period) -> int:
    """Return the complaints opened in a period in the whole district, wherever they lie."""
    return int(complaints_by_unit(snapshot, _DISTRICT, period)[0])


def complaints_by_month(snapshot: Snapshot, scheme: str, last: date) -> NDArray[np.int64]:
    """Return complaints per unit in each of the twelve months up to a day, shape (units, 12)."""

    def month(rows: pd.DataFrame) -> NDArray[np.int64]:
        opened = rows["opened"].to_numpy().astype("datetime64[D]")
        ago = 11 + (opened.astype("datetime64[M]") - np.datetime64(last, "M")).astype(np.int64)
        return np.where((opened <= np.datetime64(last)) & (ago >= 0), ago, -1)

    return _counts(snapshot, scheme, ("months", last), 12, month)


def complaints_by_group(snapshot: Snapshot, scheme: str, period: Period) -> NDArray[np.int64]:
    """Return complaints of a period per unit and demand group.

    Returns
    -------
    int array, shape (units, groups + 1)
        In the order of the code list; what has no group counts as `UNMAPPED`, what has one that is not in
        the list in the last column.
    """
    check_period(period)
    groups = pd.Index([code.id for code in snapshot.standards.code_lists["demand_groups"]])
    inside = _in_period(period)

    def group(rows: pd.DataFrame) -> NDArray[np.int64]:
        at = groups.get_indexer(pd.Index(rows["demand_group"].fillna(UNMAPPED)))
        return np.where(inside(rows) == 0, np.where(at >= 0, at, len(groups)), -1)

    return _counts(snapshot, scheme, ("groups", *period), len(groups) + 1, group)


def _in_period(period: Period) -> Group:
    return lambda rows: np.where(within(rows["opened"], period), 0, -1)


def _counts(
    snapshot: Snapshot, scheme: str, what: tuple[Hashable, ...], n_groups: int, group: Group
) -> NDArray[np.int64]:
    def make() -> _Tally:
        frame = snapshot.frame("complaints")
        counts = _counted(snapshot, scheme, group(frame), n_groups)
        return _Tally(
            _where(snapshot, scheme), counts.astype(np.int32)
        )  # there are many; half the bytes will do

    def update(before: _Tally, replaced: Sequence[Replaced]) -> _Tally | None:
        if _where(snapshot, scheme) is not before.where:
            return None
        counts = before.counts.copy()
        for step in replaced:
            for rows, sign in ((step.gone, -1), (step.fresh, 1)):
                if not len(rows):
                    continue
                unit, column = _units_of(snapshot, scheme, rows), group(rows)
                here = (unit >= 0) & (column >= 0)
                np.add.at(counts, (unit[here], column[here]), sign)
        return _Tally(before.where, counts)

    # There is no end of periods: of the whole district, too, only those asked for last are kept.
    key = ("complaints", scheme, *what)
    tally = snapshot.derived(
        key, make, scheme=scheme, follow=("complaints", update), size_of=lambda made: made.counts.nbytes
    )
    return tally.counts.astype(np.int64)


def _where(snapshot: Snapshot, scheme: str) -> object:
    """Return what is another object where a complaint may belong to another unit than before."""

    def token() -> object:
        for layer in PARENT_LAYERS.values():
            snapshot.frame(layer)
        return object()

    if scheme in AREA_UNITS:
        return snapshot.derived(("where", "areas"), token)
    return _DISTRICT if scheme == _DISTRICT else analysis_cells(snapshot, scheme)


def _counted(snapshot: Snapshot, scheme: str, column: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    if scheme not in AREA_UNITS and scheme != _DISTRICT:
        cells = analysis_cells(snapshot, scheme)
        return cell_counts(cells, *snapshot.points("complaints"), category=column, n_categories=n_groups)
    unit, n_units = np.zeros(len(column), dtype=np.int64), 1
    if scheme != _DISTRICT:
        unit = places(snapshot, "complaints")[LEVEL_OF[scheme]].to_numpy()
        n_units = len(snapshot.frame(scheme))
    here = (unit >= 0) & (column >= 0)
    flat = np.bincount(unit[here] * n_groups + column[here], minlength=n_units * n_groups)
    return flat.reshape(n_units, n_groups).astype(np.int64)


def _units_of(snapshot: Snapshot, scheme: str, rows: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Return the unit of each of some complaints, -1 for none."""
    if scheme == _DISTRICT:
        return np.zeros(len(rows), dtype=np.int64)
    x, y = metric_points(rows, snapshot.district.metric_crs)
    if scheme not in AREA_UNITS:
        return analysis_cells(snapshot, scheme).cell_of(x, y)
    found: Any = places_of(snapshot, "complaints", rows, lambda: (x, y))[LEVEL_OF[scheme]]
    return np.asarray(found, dtype=np.int64)
