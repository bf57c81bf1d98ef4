"""What each parcel of the demonstration district is for: communities of four kinds, and all else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo_blocks import Town
from data.demo_ground import Ground

COMMUNITIES = 929
VILLAGES = 42

_LEAST_COMMUNITY_M2 = 2_600.0
_USUAL_COMMUNITY_M2 = 13_000.0
_EDGE_M = 15.0
_LEAST_CORE = 0.12
"""A community is compact: so much of it lies further than that from its edge."""
_LEAST_VILLAGE_M2 = 9_000.0

# Per subdistrict code: how much is lived in rather than worked in, how old it is, and what its other parcels are for.
_CHARACTER: dict[str, tuple[float, float, dict[str, float]]] = {
    "440303001": (0.9, 0.15, {"commercial": 0.55, "public": 0.25, "open": 0.2}),
    "440303002": (1.2, 0.05, {"commercial": 0.3, "public": 0.45, "open": 0.25}),
    "440303003": (0.8, 0.35, {"commercial": 0.7, "public": 0.2, "open": 0.1}),
    "440303004": (1.3, -0.05, {"commercial": 0.35, "public": 0.45, "open": 0.2}),
    "440303005": (0.9, 0.3, {"commercial": 0.6, "public": 0.2, "open": 0.2}),
    "440303006": (0.6, 0.0, {"commercial": 0.3, "public": 0.2, "industrial": 0.4, "open": 0.1}),
    "440303007": (0.9, -0.1, {"commercial": 0.15, "public": 0.4, "industrial": 0.15, "open": 0.3}),
    "440303008": (1.1, -0.2, {"commercial": 0.25, "public": 0.4, "industrial": 0.15, "open": 0.2}),
    "440303009": (1.2, -0.05, {"commercial": 0.25, "public": 0.4, "industrial": 0.1, "open": 0.25}),
    "440303010": (0.6, -0.1, {"commercial": 0.2, "public": 0.25, "industrial": 0.4, "open": 0.15}),
}


@dataclass(frozen=True)
class Zones:
    """What the built parcels are for.

    Attributes
    ----------
    use : ndarray of str, shape (parcels,)
        A community kind, ``commercial``, ``public``, ``industrial``, ``open`` or ``verge`` (too small).
    communities : ndarray of int, shape (971,)
        Parcels that are communities: the 929 in order of parcel, then the 42 urban villages.
    """

    use: NDArray[np.object_]
    communities: NDArray[np.int64]


def zone(town: Town, ground: Ground, drawing: dict[str, Any], rng: np.random.Generator) -> Zones:
    """Decide what each parcel is for."""
    parcels = len(town.parcel_nets)
    area = shapely.area(town.parcel_nets)
    middle = shapely.get_coordinates(shapely.centroid(town.parcel_nets[area > 0]))
    at = np.tile(ground.centre, (parcels, 1))
    at[area > 0] = middle
    places = drawing["neighbourhoods"]
    home = town.neighbourhood_of[:parcels]
    subdistrict = np.array([place["code"][:9] for place in places])[home]
    lived_in, older = (np.array([_CHARACTER[code][k] for code in subdistrict], dtype=float) for k in (0, 1))
    away = np.hypot(*(at - ground.centre).T)
    age = np.clip(np.exp(-((away / 2_600.0) ** 2)) * 0.75 + older + 0.22 * waves(at, 900.0, rng), 0.0, 1.0)
    core = shapely.area(shapely.buffer(town.parcel_nets, -_EDGE_M, quad_segs=2))
    compact = core > _LEAST_CORE * area
    use = np.full(parcels, "verge", dtype=object)
    wanted = [place.get("villages", 0) for place in places]
    villages = _villages(np.where(compact, area, 0.0), home, wanted, rng)
    favour = np.clip(lived_in + 0.35 * waves(at, 700.0, rng), 0.15, None)
    favour *= np.minimum(area / _USUAL_COMMUNITY_M2, 2.0) ** 1.2
    key = rng.random(parcels) ** (1.0 / np.maximum(favour, 0.02))
    key[(area < _LEAST_COMMUNITY_M2) | ~compact | np.isin(np.arange(parcels), villages)] = -1.0
    chosen = _first(key, home, len(places))
    kind = np.where(age + rng.normal(0, 0.14, parcels) > 0.48, "old_estate", "garden_estate")
    kind[(rng.random(parcels) < 0.22) | (area < 4_000.0)] = "other"
    use[chosen], use[villages] = kind[chosen], "urban_village"
    for parcel in np.flatnonzero((use == "verge") & (area > 0)):
        mix = _CHARACTER[subdistrict[parcel]][2]
        use[parcel] = rng.choice(list(mix), p=list(mix.values()))
    return Zones(use=use, communities=np.concatenate([chosen, villages]))


def waves(at: NDArray[np.float64], length_m: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a smooth random field with mean 0 and variance 1 at positions of shape (n, 2)."""
    total = np.zeros(len(at))
    for direction, phase, stretch in zip(
        rng.uniform(0, np.pi, 8), rng.uniform(0, 2 * np.pi, 8), rng.uniform(0.7, 1.6, 8), strict=True
    ):
        along = at @ np.array([np.cos(direction), np.sin(direction)])
        total += np.cos(2 * np.pi * along / (2.5 * length_m * stretch) + phase)
    return total / 2.0


def _villages(
    area: NDArray[np.float64],
    home: NDArray[np.int64],
    wanted: list[int],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Choose one of the larger parcels of each neighbourhood that has an urban village."""
    chosen: list[int] = []
    for place, count in enumerate(wanted):
        mine = np.flatnonzero((home == place) & (area > _LEAST_VILLAGE_M2))
        score = np.minimum(area[mine], 28_000.0) / 28_000.0 + 0.4 * rng.random(len(mine))
        chosen.extend(mine[np.argsort(-score, kind="stable")][:count].tolist())
    return np.sort(np.array(chosen, dtype=np.int64))


def _first(key: NDArray[np.float64], home: NDArray[np.int64], places: int) -> NDArray[np.int64]:
    """Choose the 929 parcels with the highest keys, two in each neighbourhood that has as many to choose from."""
    order = np.argsort(-key, kind="stable")
    order = order[key[order] > 0]
    sure = np.concatenate([order[home[order] == place][:2] for place in range(places)])
    rest = order[~np.isin(order, sure)][: COMMUNITIES - len(sure)]
    return np.sort(np.concatenate([sure, rest]))
