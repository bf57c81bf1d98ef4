"""Mediation rooms and service facilities of the demonstration district."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from data.demo_facts import LARGE_HOUSEHOLDS, amounts, days, draw
from data.demo_zones import COMMUNITIES, waves

ROOMS = 411
MEDIATORS = 1_132
_EMPTY_ROOMS = 6

# Per kind: how many, what its name adds to its neighbourhood's, and how evenly it is spread (0 clustered, 1 even).
_FACILITIES: dict[str, tuple[int, str, str, float]] = {
    "community_service_station": (109, "社区服务站", "Community Service Station", 0.9),
    "day_care": (156, "日间照料中心", "Day-Care Centre", 0.42),
    "health_station": (84, "社区健康服务站", "Health Station", 0.6),
    "health_centre": (10, "社区卫生服务中心", "Health Centre", 1.0),
    "cultural_station": (62, "文化活动站", "Cultural Station", 0.5),
    "cultural_centre": (6, "文化活动中心", "Cultural Centre", 1.0),
    "library": (12, "图书馆", "Library", 0.8),
    "party_mass_service_centre": (95, "党群服务中心", "Party-Mass Service Centre", 0.5),
    "rehabilitation_centre": (14, "社区康复中心", "Rehabilitation Centre", 0.8),
}


def mediation_rooms(
    communities: pd.DataFrame, doors: NDArray[np.object_], rng: np.random.Generator
) -> pd.DataFrame:
    """Return 411 rooms in as many managed communities of 300 or more households.

    Parameters
    ----------
    communities : DataFrame
        As `demo_facts.describe` makes it, with `code`, `subdistrict` and `neighbourhood`.
    doors : ndarray of points, shape (971,)
        Where each community's property office is.
    """
    fit = (communities["property_management"] == "yes") & (communities["households"] >= LARGE_HOUSEHOLDS)
    fit = fit.fillna(False).astype(bool) & (communities.index < COMMUNITIES)
    weights = np.where(fit, communities["households"].fillna(0).astype(float) ** 0.7, 0.0)
    chosen = draw(weights, ROOMS, rng)
    table = communities.iloc[chosen].reset_index(drop=True)
    empty = rng.choice(ROOMS, _EMPTY_ROOMS, replace=False)
    manned = np.setdiff1d(np.arange(ROOMS), empty)
    mediators = np.zeros(ROOMS, dtype=np.int64)
    mediators[manned] = amounts(
        MEDIATORS, table["households"].to_numpy(dtype=np.float64)[manned] ** 0.6, least=1
    )
    opened = pd.Series(days(date(2018, 3, 1), date(2019, 10, 31), ROOMS, rng))
    opened[rng.choice(ROOMS, 9, replace=False)] = pd.NaT
    return pd.DataFrame(
        {
            "code": [f"TJ{number:04d}" for number in range(1, ROOMS + 1)],
            "name": table["name"] + "物业调解室",
            "name_en": table["name_en"] + " Mediation Room",
            "subdistrict": table["subdistrict"],
            "neighbourhood": table["neighbourhood"],
            "community": table["code"],
            "mediators": mediators,
            "shared": rng.choice(("yes", "no", "unknown"), ROOMS, p=(0.18, 0.77, 0.05)),
            "opened": opened,
            "geometry": doors[chosen],
        }
    )


def facilities(places: pd.DataFrame, sites: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the facilities of all kinds, each at a site in the neighbourhood that it is named after.

    Parameters
    ----------
    places : DataFrame
        Neighbourhoods in their order: `code`, `name`, `name_en`, `subdistrict`.
    sites : DataFrame
        Where a facility may be: `geometry` (points in metres), `place` (row of `places`), `community`
        (code or None), `weight`.
    """
    at = shapely.get_coordinates(sites["geometry"].to_numpy())
    rows: list[dict[str, Any]] = []
    for kind, (count, title, title_en, even) in _FACILITIES.items():
        favour = np.exp((1.0 - even) * 1.3 * waves(at, 900.0, rng)) * sites["weight"].to_numpy()
        chosen = _spread(at, sites["place"].to_numpy(), favour, count, even)
        seen: dict[int, int] = {}
        opened = pd.Series(days(date(2006, 1, 1), date(2019, 9, 30), count, rng))
        opened[rng.random(count) < 0.06] = pd.NaT
        for site, since in zip(chosen, opened, strict=True):
            place = int(sites["place"].iloc[site])
            seen[place] = seen.get(place, 0) + 1
            which = "" if seen[place] == 1 else f"第{'一二三四五六七八九'[seen[place] - 1]}"
            which_en = "" if seen[place] == 1 else f" No. {seen[place]}"
            rows.append(
                {
                    "name": places["name"].iloc[place].removesuffix("社区") + which + title,
                    "name_en": f"{places['name_en'].iloc[place]} {title_en}{which_en}",
                    "kind": kind,
                    "subdistrict": places["subdistrict"].iloc[place],
                    "neighbourhood": places["code"].iloc[place],
                    "community": sites["community"].iloc[site],
                    "opened": since,
                    "geometry": sites["geometry"].iloc[site],
                }
            )
    table = pd.DataFrame(rows)
    table.insert(0, "code", [f"SS{number:04d}" for number in range(1, len(table) + 1)])
    return table


def _spread(
    at: NDArray[np.float64],
    place: NDArray[np.int64],
    favour: NDArray[np.float64],
    count: int,
    even: float,
) -> list[int]:
    """Choose sites one after the other, each time the best of those that are not too near to one chosen.

    Even kinds keep a distance that lets `count` of them cover the sites; clustered ones a third of it.
    """
    span = np.ptp(at, axis=0)
    apart = (0.25 + 0.75 * even) * float(np.sqrt(0.42 * span[0] * span[1] / count)) * 0.85
    left = favour.copy()
    chosen: list[int] = []
    while len(chosen) < count:
        best = int(np.argmax(left))
        if left[best] <= 0.0:
            apart *= 0.8
            left = favour.copy()
            for site in chosen:
                left[np.hypot(*(at - at[site]).T) < apart] = 0.0
            continue
        chosen.append(best)
        left[np.hypot(*(at - at[best]).T) < apart] = 0.0
        left[place == place[best]] *= 0.6
    return sorted(chosen)
