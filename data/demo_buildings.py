"""Buildings of the demonstration district: what stands on each plot, how high, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from data.demo_blocks import Town
from data.demo_forms import Rows, courtyard, in_rows, podium, row_direction, single
from data.demo_ground import polygons_of
from data.demo_zones import Zones

T = TypeVar("T")

WANTED = 21_036
"""Buildings that are kept, where at least so many fit."""

_SETBACK_M = {"urban_village": 1.5, "old_estate": 4.0, "other": 4.0, "garden_estate": 7.0, "commercial": 5.0}

_STYLES: dict[str, tuple[tuple[float, Rows | str], ...]] = {
    "old_estate": (
        (0.5, Rows(11.0, 10.0, 30.0, 5.0)),
        (0.22, Rows(12.0, 11.0, 26.0, 5.0, "stepped")),
        (0.2, Rows(10.0, 9.0, 19.0, 5.0)),
        (0.08, "courtyard"),
    ),
    "garden_estate": (
        (0.4, Rows(23.0, 19.0, 25.0, 16.0, "cross", stagger=True)),
        (0.25, Rows(21.0, 21.0, 29.0, 15.0, "butterfly", stagger=True)),
        (0.27, Rows(15.0, 23.0, 38.0, 10.0, "stepped")),
        (0.08, "courtyard"),
    ),
    "other": (
        (0.5, Rows(13.0, 13.0, 28.0, 8.0)),
        (0.25, Rows(22.0, 16.0, 24.0, 12.0, "cross")),
        (0.15, Rows(22.0, 12.0, 32.0, 9.0, "l")),
        (0.1, Rows(26.0, 12.0, 38.0, 11.0, "u")),
    ),
    "urban_village": ((1.0, Rows(10.0, 2.6, 10.5, 2.3)),),
    "commercial": (
        (0.2, "podium"),
        (0.15, Rows(32.0, 16.0, 36.0, 14.0)),
        (0.12, "courtyard"),
        (0.18, Rows(20.0, 13.0, 40.0, 10.0)),
        (0.35, Rows(14.0, 7.0, 16.0, 3.5)),
    ),
    "public": (
        (0.35, Rows(38.0, 22.0, 54.0, 16.0, "u")),
        (0.3, Rows(32.0, 20.0, 44.0, 14.0, "l")),
        (0.35, Rows(14.0, 18.0, 40.0, 12.0)),
    ),
    "industrial": ((0.6, Rows(24.0, 11.0, 46.0, 9.0)), (0.4, Rows(16.0, 9.0, 34.0, 7.0))),
    "open": ((1.0, Rows(10.0, 40.0, 14.0, 60.0)),),
}

_PLAIN = Rows(11.0, 9.0, 22.0, 5.0)
"""Where the parcel's own style finds no room."""
_SMALL = Rows(6.5, 5.0, 9.5, 6.0)
"""Gatehouses, sheds, pavilions and kiosks in what room is left."""
_SMALL_PER_HA = {
    "old_estate": 7.0,
    "garden_estate": 5.0,
    "other": 5.0,
    "commercial": 5.0,
    "public": 4.0,
    "industrial": 5.0,
}
_CLEAR_M = 5.0

_FLOORS = {
    "old_estate": ((4, 0.1), (6, 0.25), (7, 0.35), (8, 0.25), (9, 0.05)),
    "garden_estate": ((11, 0.1), (18, 0.25), (25, 0.25), (28, 0.2), (31, 0.12), (33, 0.08)),
    "other": ((7, 0.25), (9, 0.2), (12, 0.25), (18, 0.2), (24, 0.1)),
    "urban_village": ((4, 0.1), (5, 0.2), (6, 0.3), (7, 0.2), (8, 0.15), (10, 0.05)),
    "commercial": ((3, 0.2), (5, 0.25), (8, 0.2), (16, 0.15), (24, 0.12), (38, 0.08)),
    "public": ((2, 0.15), (4, 0.35), (5, 0.25), (6, 0.15), (9, 0.1)),
    "industrial": ((1, 0.2), (3, 0.3), (5, 0.3), (6, 0.2)),
    "open": ((1, 0.8), (2, 0.2)),
}


@dataclass(frozen=True)
class Buildings:
    """Buildings in order of plot, all in EPSG:4547 and all facts known; unknown ones come later.

    Attributes
    ----------
    shapes : ndarray of polygons, shape (n,)
    plot : ndarray of int, shape (n,)
        Built plot of each.
    floors : ndarray of int, shape (n,)
    zone, use : ndarray of str, shape (n,)
        What the parcel is for, and the building's own use.
    """

    shapes: NDArray[np.object_]
    plot: NDArray[np.int64]
    floors: NDArray[np.int64]
    zone: NDArray[np.object_]
    use: NDArray[np.object_]

    @property
    def floor_area_m2(self) -> NDArray[np.float64]:
        """Floors times footprint."""
        return shapely.area(self.shapes) * self.floors


def build(town: Town, zones: Zones, rng: np.random.Generator) -> Buildings:
    """Lay out the buildings of every plot; a parcel keeps to one style and about one height."""
    style_of = {
        parcel: _pick(_STYLES[zones.use[parcel]], rng)
        for parcel in np.flatnonzero(zones.use != "verge").tolist()
    }
    floors_of = {
        parcel: _pick(tuple((share, floors) for floors, share in _FLOORS[zones.use[parcel]]), rng)
        for parcel in style_of
    }
    shapes: list[NDArray[np.object_]] = []
    plots: list[int] = []
    small: list[bool] = []
    for plot in range(town.built):
        parcel = int(town.parcel_of[plot])
        if town.nets[plot].is_empty or parcel not in style_of:
            continue
        main, extra = _fill(town.nets[plot], zones.use[parcel], style_of[parcel], rng)
        shapes.extend((main, extra))
        plots.extend([plot] * (len(main) + len(extra)))
        small.extend([False] * len(main) + [True] * len(extra))
    kept = _kept(np.array(small), rng)
    plot_of, is_small = np.array(plots, dtype=np.int64)[kept], np.array(small)[kept]
    parcel_of = town.parcel_of[plot_of]
    zone = zones.use[parcel_of].astype(object)
    usual = np.array([floors_of[parcel] for parcel in parcel_of.tolist()])
    spread = np.where(zone == "urban_village", 0.22, 0.07) * rng.standard_normal(len(plot_of))
    floors = np.clip(np.rint(usual * (1 + spread)), 1, 48).astype(np.int64)
    use = _uses(zone, usual, rng)
    floors[is_small] = rng.choice((1, 1, 2), int(is_small.sum()))
    use[is_small & np.isin(use, ("residential", "mixed"))] = "other"
    return Buildings(shapes=np.concatenate(shapes)[kept], plot=plot_of, floors=floors, zone=zone, use=use)


def _kept(small: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Leave out as many of the small buildings as there are too many buildings."""
    kept = np.ones(len(small), dtype=bool)
    candidates = np.flatnonzero(small)
    excess = min(max(len(small) - WANTED, 0), len(candidates))
    kept[rng.choice(candidates, excess, replace=False)] = False
    return kept


def _pick(choices: tuple[tuple[float, T], ...], rng: np.random.Generator) -> T:
    """Return one of the choices, each as likely as its share says."""
    shares = np.array([share for share, _ in choices])
    return choices[int(rng.choice(len(choices), p=shares / shares.sum()))][1]


def _fill(
    net: BaseGeometry, zone: str, style: Rows | str, rng: np.random.Generator
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the footprints on one plot: its style's, and small ones in what room is left."""
    nothing = np.empty(0, dtype=object)
    parts = polygons_of(shapely.buffer(net, -_SETBACK_M.get(zone, 5.0), join_style="mitre"))
    if len(parts) == 0:
        return nothing, nothing
    plot = parts[int(np.argmax(shapely.area(parts)))]
    turn = row_direction(plot, sunny=zone in ("old_estate", "garden_estate", "public", "other"))
    made = _main(plot, style, turn, rng)
    if zone in ("urban_village", "open"):
        return made[rng.random(len(made)) > 0.04], nothing
    if len(made) == 0:
        made = in_rows(plot, _PLAIN, turn, rng)
    if len(made) == 0:
        made = single(plot, turn)
    return made, _infill(net, made, turn, _SMALL_PER_HA[zone], rng)


def _main(
    plot: BaseGeometry, style: Rows | str, turn: float, rng: np.random.Generator
) -> NDArray[np.object_]:
    if isinstance(style, Rows):
        return in_rows(plot, style, turn, rng)
    return podium(plot) if style == "podium" else courtyard(plot, 14.0)


def _infill(
    net: BaseGeometry, made: NDArray[np.object_], turn: float, per_ha: float, rng: np.random.Generator
) -> NDArray[np.object_]:
    small = in_rows(shapely.buffer(net, -2.0, join_style="mitre"), _SMALL, turn, rng)
    if len(small) == 0:
        return small
    taken = shapely.buffer(shapely.union_all(made), _CLEAR_M, quad_segs=2)
    free = small[~shapely.intersects(small, taken)]
    wanted = min(len(free), int(rng.poisson(per_ha * net.area / 10_000.0)))
    return free[np.sort(rng.choice(len(free), wanted, replace=False))]


def _uses(
    zone: NDArray[np.object_], floors: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.object_]:
    """Return each building's use: shops below flats here and there, flats over some shopping streets."""
    use = np.where(np.isin(zone, ("commercial", "public", "industrial")), zone, "residential").astype(object)
    use[zone == "open"] = "other"
    chance = rng.random(len(zone))
    mixed = np.select(
        [zone == "urban_village", zone == "other", zone == "old_estate"], [0.3, 0.22, 0.12], 0.05
    )
    use[(use == "residential") & (chance < mixed)] = "mixed"
    use[(use == "residential") & (chance > 0.988)] = "public"
    use[(zone == "commercial") & (floors < 12) & (chance < 0.15)] = "mixed"
    return use
