"""The indicators per unit: one table for the map, the list, the downloads and `wangge analyse`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.coverage import coverage_share_by, walking_access_m, weighted_mean_by
from layers.dwellings import distances, dwellings, is_covered
from layers.hotspots import Comparison, Hotspots, comparable_residents, hotspot_table
from layers.indicators import is_double_none
from layers.periods import Period, check_period, within
from layers.store import Progress, no_progress
from layers.tallies import complaints_by_unit
from layers.units import neighbours, unit_frame, units

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from layers.snapshot import Snapshot
    from layers.units import Units


def analyse(
    snapshot: Snapshot,
    scheme: str,
    *,
    period: Period = (None, None),
    progress: Progress = no_progress,
) -> gpd.GeoDataFrame:
    """Return the indicators of every unit with its shape.

    Parameters
    ----------
    scheme : str
        ``square:SIZE_M``, ``h3:RESOLUTION``, ``management``, or a layer of areas.
    period : (first, last) days, both inclusive, None for open
        Which complaints are counted.

    Returns
    -------
    GeoDataFrame in EPSG:4490
        `cell`, `complaints`, `buildings`, `residents`, `dwellings`, `dwellings_unknown`,
        `double_none_communities`; per facility kind
        `coverage_<kind>_residents_share`, `nearest_<kind>_m`, `access_<kind>_m`; `hotspot_*`; geometry.
        Ordered as the units are. Unknown is null.

    Raises
    ------
    BadParameter
        The scheme is not understood, or the period ends before it begins.
    """
    import geopandas as gpd

    kinds = snapshot.standards.facility_kinds
    steps = len(kinds) + 2
    found = units(snapshot, scheme)
    parts = [unit_table(snapshot, found, period=period)]
    for step, kind in enumerate(kinds, 1):
        progress(scheme, step, steps)
        parts.append(coverage_table(snapshot, found, kind))
    table = pd.concat(parts, axis=1)
    progress(scheme, steps - 1, steps)
    around = neighbours(snapshot, scheme)
    hot = hotspot_table(
        table["complaints"].to_numpy(),
        _comparable(snapshot, table),
        around,
        standards=snapshot.standards,
    )
    geometry = unit_frame(snapshot, scheme).geometry
    progress(scheme, steps, steps)
    return gpd.GeoDataFrame(
        pd.concat([table, hot], axis=1), geometry=np.asarray(geometry.array), crs=geometry.crs
    )


def in_period(snapshot: Snapshot, period: Period) -> NDArray[np.bool_]:
    """Whether each complaint was opened within the period, both days inclusive."""
    check_period(period)
    return within(snapshot.frame("complaints")["opened"], period)


def unit_table(snapshot: Snapshot, found: Units, *, period: Period) -> pd.DataFrame:
    """Return what stands in each unit, and its complaints: the first columns of `analyse`.

    `residents` are those that are known. They are null where those of some dwelling are unknown and nobody is
    known to live in the others, and everywhere where the district knows no residents at all. Of the unit's
    `dwellings`, which are those that are lived in, `dwellings_unknown` have residents of unknown number: where
    there are some, there are at least so many residents.
    """
    columns = {name: column.array for name, column in _standing(snapshot, found.scheme).items()}
    counted = complaints_by_unit(snapshot, found.scheme, period)
    return pd.DataFrame({"cell": columns.pop("cell"), "complaints": counted, **columns}, copy=False)


def unit_hotspots(snapshot: Snapshot, scheme: str, *, period: Period) -> Hotspots:
    """Return how the units of `scheme` compare by their complaints of a period, without permutations."""

    def comparison() -> Comparison:
        residents = _comparable(snapshot, _standing(snapshot, scheme))
        return Comparison(residents, neighbours(snapshot, scheme), standards=snapshot.standards)

    def make() -> Hotspots:
        compared = snapshot.derived(("comparison", scheme), comparison, scheme=scheme)
        return compared.of(complaints_by_unit(snapshot, scheme, period))

    return snapshot.derived(
        ("hotspots", scheme, period), make, scheme=scheme, size_of=lambda made: made.nbytes
    )


def _comparable(snapshot: Snapshot, table: pd.DataFrame) -> NDArray[np.float64]:
    return comparable_residents(
        table["residents"].to_numpy(),
        dwellings=table["dwellings"].to_numpy(),
        unknown=table["dwellings_unknown"].to_numpy(),
        standards=snapshot.standards,
    )


def _standing(snapshot: Snapshot, scheme: str) -> pd.DataFrame:
    """Return the columns of the unit table that no period changes; do not change them."""
    return snapshot.derived(
        ("unit table", scheme), lambda: _standing_in(snapshot, units(snapshot, scheme)), scheme=scheme
    )


def _standing_in(snapshot: Snapshot, found: Units) -> pd.DataFrame:
    homes = dwellings(snapshot)
    known = np.isfinite(homes.residents)
    residents = _sum_by(found.of_dwelling[known], homes.residents[known], len(found))
    # Of a shop it is known that nobody lives there: that does not make a unit uninhabited whose homes are unknown.
    unknown = _count_by(found.of_dwelling[~known], len(found))
    residents[(unknown > 0) & (residents == 0)] = np.nan
    if not snapshot.frame("communities")["residents"].notna().any():
        residents[:] = np.nan
    double_none = is_double_none(snapshot.frame("communities")) == "yes"
    return pd.DataFrame(
        {
            "cell": found.ids,
            "buildings": _count_by(found.of_building, len(found)),
            "residents": residents,
            "dwellings": _count_by(found.of_dwelling[homes.lived_in], len(found)),
            "dwellings_unknown": unknown,
            "double_none_communities": _count_by(found.of_community[double_none], len(found)),
        }
    )


def coverage_table(snapshot: Snapshot, found: Units, kind: str) -> pd.DataFrame:
    """Return the three coverage columns of one facility kind per unit.

    The share is of the unit's known residents. Metres are the mean over the unit's buildings weighted
    by residents, unweighted where these are unknown, null without buildings or facilities.
    """
    share = {f"coverage_{kind}_residents_share": covered_share(snapshot, found, kind)}
    return pd.DataFrame(share | mean_metres(snapshot, found, kind))


def mean_metres(snapshot: Snapshot, found: Units, kind: str) -> dict[str, NDArray[np.float64]]:
    """Return the columns of `coverage_table` that no limit changes."""
    straight_m, walk_m = _mean_metres(snapshot, found, kind, of_buildings=True)
    return {f"nearest_{kind}_m": straight_m, f"access_{kind}_m": walk_m}


def covered_share(
    snapshot: Snapshot, found: Units, kind: str, *, limit_m: float | None = None
) -> NDArray[np.float64]:
    """Return which share of each unit's known residents is within the limit; the standard's where none is given.

    NaN without known residents, and everywhere where no facilities at all are on record.
    """
    if not snapshot.count("facilities"):
        return np.full(len(found), np.nan)
    homes = dwellings(snapshot)
    counted = (found.of_dwelling >= 0) & np.isfinite(homes.residents) & (homes.residents > 0)
    covered = is_covered(snapshot, kind, limit_m=limit_m)
    return coverage_share_by(
        found.of_dwelling[counted], covered[counted], homes.residents[counted], len(found)
    )


def reach_m(snapshot: Snapshot, found: Units, kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean straight and walking metres per unit, for the map and the cards.

    Those of `coverage_table`; in units without buildings those of the communities that stand for
    themselves, which a map of communities known only as points consists of.
    """
    pairs = zip(
        *(_mean_metres(snapshot, found, kind, of_buildings=those) for those in (True, False)), strict=True
    )
    straight_m, walk_m = (np.where(np.isnan(built), alone, built) for built, alone in pairs)
    return straight_m, walk_m


def _mean_metres(
    snapshot: Snapshot, found: Units, kind: str, *, of_buildings: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean straight and walking metres to the buildings of each unit, or to the communities without any."""

    def make() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        found, homes = units(snapshot, scheme), dwellings(snapshot)
        straight_m, _ = distances(snapshot, kind)
        among = homes.is_building == of_buildings
        located = np.flatnonzero(among & (found.of_dwelling >= 0) & np.isfinite(straight_m))
        group, weights = found.of_dwelling[located], homes.residents[located]
        mean_m = weighted_mean_by(group, straight_m[located], weights, len(found))
        return mean_m, walking_access_m(mean_m, detour_factor=snapshot.standards.detour_factor)

    scheme = found.scheme
    return snapshot.derived(("mean metres", scheme, kind, of_buildings), make, scheme=scheme)


def _count_by(position: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    return np.bincount(position[position >= 0], minlength=n).astype(np.int64)


def _sum_by(position: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    here = position >= 0
    return np.bincount(position[here], weights=values[here], minlength=n).astype(np.float64)
