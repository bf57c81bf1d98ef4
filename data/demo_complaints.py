"""Three years of complaints in the demonstration district, dense where there are reasons for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from data.demo_facts import PILOTS, amounts
from layers.standards import Standards

COMPLAINTS = 61_200
PILOT_DISPUTES = {2017: 250, 2018: 169, 2019: 151}
"""Property disputes in the eight pilots: 250 to 169 is a fall of 32.4 %."""

_FIRST_DAY = np.datetime64("2017-01-01")
_LAST_DAY = np.datetime64("2019-12-31")
_YEARS = (2017, 2018, 2019)
_HOT_AREAS = 8
_HOT_M = 480.0
_CALM_AREAS = 6
_NO_COMMUNITY = 0.02

_KIND_RATE = {"old_estate": 1.45, "garden_estate": 0.75, "other": 1.0, "urban_village": 1.3}
_WEIGHTS: dict[str, tuple[float, float, float, float]] = {
    # category id: garden estate, old estate, other, urban village
    "property_dispute": (16, 12, 12, 4),
    "rough_management": (6, 3, 5, 2),
    "supervision_vacuum": (3, 6, 5, 4),
    "falling_quality": (9, 6, 7, 2),
    "owners_interests": (8, 3, 4, 1),
    "elderly_care": (3, 8, 3, 2),
    "certificates": (4, 5, 6, 9),
    "culture_sport": (4, 4, 3, 4),
    "fire_access": (4, 9, 7, 14),
    "lift_fault": (9, 2, 7, 1),
    "falling_objects": (7, 4, 5, 4),
    "rubbish": (7, 14, 11, 18),
    "noise": (13, 9, 15, 16),
    "drainage": (4, 13, 8, 15),
}
_KINDS = ("garden_estate", "old_estate", "other", "urban_village")
_UNMAPPED = {"共享单车乱停": 2.0, "宠物扰民": 1.6, "网络信号": 0.7, "其他": 1.2}
_CHANNELS = ("社区便民APP", "居民随手拍", "电话", "网格员上报", "来访")
_CHANNEL_SHARES = {2017: (8, 6, 52, 22, 12), 2018: (20, 18, 36, 18, 8), 2019: (28, 27, 24, 16, 5)}
_HOURS = (2, 1, 1, 1, 1, 2, 6, 14, 38, 52, 50, 40, 22, 22, 36, 44, 42, 36, 34, 40, 42, 30, 15, 6)
_MONTHS = (0.9, 0.72, 0.95, 1.0, 1.08, 1.2, 1.22, 1.18, 1.05, 0.95, 0.92, 0.88)


def complaints(
    communities: pd.DataFrame,
    buildings: pd.DataFrame,
    elsewhere: pd.DataFrame,
    standards: Standards,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the complaints in order of day and time.

    Parameters
    ----------
    communities : DataFrame
        As `demo_facts.describe` makes it, with `code`, `true_kind` and `people` (both without gaps), `x`, `y`.
    buildings : DataFrame
        In communities: `place` (row of `communities`), `weight`, `geometry`.
    elsewhere : DataFrame
        Buildings outside communities: `subdistrict`, `neighbourhood`, `geometry`.
    """
    home = _homes(communities, rng)
    outside = rng.random(len(home)) < _NO_COMMUNITY
    category = _categories(communities["true_kind"].to_numpy()[home], standards, rng)
    day = _days(len(home), rng)
    table = pd.DataFrame({"home": home, "outside": outside, "category": category, "day": day})
    table = _with_pilots(table, communities, standards, rng)
    table["opened_time"] = _times(len(table), rng)
    table = table.sort_values(["day", "opened_time", "home", "category"], kind="stable", ignore_index=True)
    _locate(table, communities, buildings, elsewhere, rng)
    group = {name: standards.demand_group(name) for name in sorted(set(table["category"]))}
    year = table["day"].dt.year
    return table.assign(
        code=[f"SQ{number:06d}" for number in range(1, len(table) + 1)],
        demand_group=table["category"].map(group),
        opened=table["day"],
        closed=_closed(table["day"], rng),
        channel=_channels(year.to_numpy(), rng),
        geometry=np.asarray(shapely.points(table["x"], table["y"]), dtype=object),
    )


def _homes(communities: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the community of each complaint: people, kind, missing management, and places with a history."""
    rate = np.array([_KIND_RATE[kind] for kind in communities["true_kind"]])
    lacking = (communities["property_management"] == "no").to_numpy()
    rate = rate * np.where(lacking & (communities["owners_committee"] == "no").to_numpy(), 1.9, 1.0)
    rate *= np.where(lacking, 1.2, 1.0) * rng.gamma(20.0, 1 / 20.0, len(rate))
    at = communities[["x", "y"]].to_numpy()
    crowded = np.array([int((np.hypot(*(at - here).T) < 300.0).sum()) for here in at])
    rate *= (crowded / crowded.mean()) ** 0.5
    rate *= _areas(at, rate, rng)
    people = communities["people"].to_numpy().astype(float)
    return rng.choice(len(rate), COMPLAINTS, p=people * rate / (people * rate).sum())


def _areas(
    at: NDArray[np.float64], rate: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the factor of a few hot areas, where the rate is high already, and a few calm ones."""
    factor = np.ones(len(at))
    taken: list[NDArray[np.float64]] = []
    near = np.array([rate[np.hypot(*(at - here).T) < _HOT_M].mean() for here in at])
    order = np.argsort(-near, kind="stable")
    for wanted, candidates, strength in ((_HOT_AREAS, order, 4.0), (_CALM_AREAS, order[::-1], 0.2)):
        found = 0
        for place in candidates:
            if found == wanted:
                break
            if all(np.hypot(*(at[place] - other)) > 1_300.0 for other in taken):
                away = np.hypot(*(at - at[place]).T)
                reach = _HOT_M * rng.uniform(0.8, 1.4)
                factor *= 1.0 + (strength - 1.0) * np.exp(-((away / reach) ** 4))
                taken.append(at[place])
                found += 1
    return factor


def _categories(kinds: NDArray[Any], standards: Standards, rng: np.random.Generator) -> NDArray[np.object_]:
    names = [standards.title("complaint_categories", code).zh for code in _WEIGHTS] + list(_UNMAPPED)
    made = np.empty(len(kinds), dtype=object)
    for column, kind in enumerate(_KINDS):
        weights = np.array([row[column] for row in _WEIGHTS.values()] + list(_UNMAPPED.values()), dtype=float)
        mine = np.flatnonzero(kinds == kind)
        made[mine] = np.array(names, dtype=object)[
            rng.choice(len(names), len(mine), p=weights / weights.sum())
        ]
    return made


def _days(count: int, rng: np.random.Generator) -> pd.DatetimeIndex:
    """Return days with a season and a week: more in summer, half as many at weekends, slowly rising."""
    calendar = pd.date_range(_FIRST_DAY, _LAST_DAY, unit="s")
    weights = np.array(_MONTHS)[calendar.month - 1] * np.where(calendar.day_of_week >= 5, 0.55, 1.0)
    weights = weights * np.linspace(0.88, 1.12, len(calendar)) * rng.gamma(30.0, 1 / 30.0, len(calendar))
    return calendar[rng.choice(len(calendar), count, p=weights / weights.sum())]


def _with_pilots(
    table: pd.DataFrame, communities: pd.DataFrame, standards: Standards, rng: np.random.Generator
) -> pd.DataFrame:
    """Replace the pilots' property disputes by the published numbers per year."""
    dispute = standards.title("complaint_categories", standards.dispute_category).zh
    pilots = np.flatnonzero(communities["pilot"] == "yes")
    rest = table[~(table["home"].isin(pilots) & (table["category"] == dispute))]
    made = []
    for year, count in PILOT_DISPUTES.items():
        usual = rest.loc[rest["day"].dt.year == year, "day"].to_numpy()
        share = amounts(count, rng.gamma(12.0, 1.0, PILOTS), least=5)
        made.append(
            pd.DataFrame(
                {
                    "home": np.repeat(pilots, share),
                    "outside": False,
                    "category": dispute,
                    "day": usual[rng.choice(len(usual), count, replace=False)],
                }
            )
        )
    return pd.concat([rest, *made], ignore_index=True)


def _times(count: int, rng: np.random.Generator) -> list[str]:
    hours = rng.choice(24, count, p=np.array(_HOURS) / sum(_HOURS))
    minutes = rng.integers(0, 60, count)
    return [
        f"{hour:02d}:{minute:02d}:00" for hour, minute in zip(hours.tolist(), minutes.tolist(), strict=True)
    ]


def _locate(
    table: pd.DataFrame,
    communities: pd.DataFrame,
    buildings: pd.DataFrame,
    elsewhere: pd.DataFrame,
    rng: np.random.Generator,
) -> None:
    """Put each complaint at a building of its community, or, where it has none, at one outside."""
    order = np.argsort(buildings["place"].to_numpy(), kind="stable")
    place = buildings["place"].to_numpy()[order]
    weight = np.cumsum(buildings["weight"].to_numpy()[order])
    starts = np.searchsorted(place, np.arange(len(communities)), side="left")
    ends = np.searchsorted(place, np.arange(len(communities)), side="right")
    before = np.concatenate([[0.0], weight])
    home = table["home"].to_numpy()
    target = before[starts[home]] + rng.random(len(home)) * (before[ends[home]] - before[starts[home]])
    chosen = order[np.clip(np.searchsorted(weight, target), starts[home], ends[home] - 1)]
    x, y = _at(buildings["geometry"].to_numpy()[chosen], rng)
    names = {
        column: communities[column].to_numpy(dtype=object)[home]
        for column in ("subdistrict", "neighbourhood")
    }
    community = communities["code"].to_numpy(dtype=object)[home]
    out = np.flatnonzero(table["outside"].to_numpy())
    other = rng.choice(len(elsewhere), len(out))
    x[out], y[out] = _at(elsewhere["geometry"].to_numpy()[other], rng)
    community[out] = None
    for column, values in names.items():
        values[out] = elsewhere[column].to_numpy(dtype=object)[other]
        table[column] = values
    table["community"], table["x"], table["y"] = community, x, y


def _at(
    shapes: NDArray[np.object_], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a point between each footprint's middle and its edge, as addresses are located."""
    edges = shapely.get_exterior_ring(shapes)
    edge = shapely.get_coordinates(
        shapely.line_interpolate_point(edges, rng.random(len(edges)), normalized=True)
    )
    middle = shapely.get_coordinates(shapely.point_on_surface(shapes))
    at = middle + (edge - middle) * 0.6 * rng.random((len(edge), 1))
    return at[:, 0], at[:, 1]


def _closed(opened: pd.Series[Any], rng: np.random.Generator) -> pd.Series[Any]:
    """Return the day of closing: weeks after opening; some of the last months' are still open."""
    took = np.minimum(np.ceil(rng.lognormal(1.9, 0.8, len(opened))), 180).astype(int)
    closed = opened + pd.to_timedelta(took, unit="D")
    never = rng.random(len(opened)) < 0.012
    return closed.where((closed <= pd.Timestamp(_LAST_DAY)) & ~never)


def _channels(year: NDArray[Any], rng: np.random.Generator) -> NDArray[np.object_]:
    made = np.empty(len(year), dtype=object)
    for which in _YEARS:
        mine = np.flatnonzero(year == which)
        shares = np.array(_CHANNEL_SHARES[which], dtype=float)
        made[mine] = np.array(_CHANNELS, dtype=object)[
            rng.choice(len(_CHANNELS), len(mine), p=shares / shares.sum())
        ]
    made[rng.random(len(year)) < 0.015] = None
    return made
