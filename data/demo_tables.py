"""Tables of the demonstration district's layers, in metres, from what has been laid out and drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from data import demo_complaints, demo_facts
from data.demo_blocks import Town
from data.demo_buildings import Buildings
from data.demo_cells import cells_of
from data.demo_facts import where_known
from data.demo_ground import METRIC_CRS
from data.demo_zones import Zones
from geo.crs import points_from_metric
from layers.standards import Standards

_SCHEME = "GB/T 30428.1 15"
_LIVED_IN = ("residential", "mixed")
_FACILITY_WEIGHT = {"public": 3.0, "commercial": 1.5, "mixed": 1.6, "residential": 0.6}
_NEARBY_M = 260.0


@dataclass(frozen=True)
class City:
    """Everything that has been laid out, and how its parts hang together.

    Attributes
    ----------
    drawing : dict
        ``luohu.json``.
    community_of : ndarray of int, one per building
        Row of the community that each building is in, -1 outside.
    """

    drawing: dict[str, Any]
    town: Town
    zones: Zones
    buildings: Buildings
    community_of: NDArray[np.int64]

    @property
    def codes(self) -> NDArray[np.object_]:
        """Codes of the neighbourhoods in the order of the drawing."""
        return np.array([place["code"] for place in self.drawing["neighbourhoods"]], dtype=object)

    @property
    def building_place(self) -> NDArray[np.int64]:
        """Neighbourhood of each building, by its place in the drawing."""
        return self.town.neighbourhood_of[self.town.parcel_of[self.buildings.plot]]


def subdistricts(city: City) -> pd.DataFrame:
    """Return the ten subdistricts, unions of their neighbourhoods."""
    home = np.array([code[:9] for code in city.codes])[city.town.neighbourhood_of[city.town.parcel_of]]
    table = pd.DataFrame(city.drawing["subdistricts"])
    return table.assign(geometry=_unions(city.town.faces, home, table["code"]))


def neighbourhoods(city: City) -> pd.DataFrame:
    """Return the neighbourhoods with their real codes and names, in the order of the drawing."""
    home = city.town.neighbourhood_of[city.town.parcel_of]
    table = neighbourhood_names(city)
    return table.assign(
        subdistrict=table["code"].str[:9], geometry=_unions(city.town.faces, home, range(len(table)))
    )


def _unions(faces: NDArray[np.object_], group: NDArray[Any], groups: Iterable[Any]) -> NDArray[np.object_]:
    return np.array([shapely.coverage_union_all(faces[group == one]) for one in groups], dtype=object)


def communities(city: City, rng: np.random.Generator) -> pd.DataFrame:
    """Return the communities, the 929 first.

    Beside the layer's columns: `true_kind` and `people` without gaps, `floor_area` (m², lived in), `x`, `y`.
    """
    parcels = city.zones.communities
    nets, kinds = city.town.parcel_nets[parcels], city.zones.use[parcels]
    at = shapely.get_coordinates(shapely.point_on_surface(nets))
    lived_in = np.isin(city.buildings.use, _LIVED_IN) & (city.community_of >= 0)
    floor_area = np.bincount(
        city.community_of[lived_in], city.buildings.floor_area_m2[lived_in], len(parcels)
    ).astype(np.float64)
    table = demo_facts.describe(kinds, at, floor_area, city.drawing["syllables"], rng)
    homes = city.codes[city.town.neighbourhood_of[parcels]]
    order = np.lexsort((at[:, 0].round(3), -at[:, 1].round(3), homes.astype(str)))
    number = np.empty(len(parcels), dtype=np.int64)
    number[order] = np.arange(1, len(parcels) + 1)
    residents = table["residents"].to_numpy(dtype=float, na_value=np.nan)
    return table.assign(
        code=[f"XQ{n:04d}" for n in number.tolist()],
        neighbourhood=homes,
        subdistrict=[code[:9] for code in homes],
        geometry=nets,
        true_kind=kinds,
        people=np.where(np.isnan(residents), floor_area / 32.0 + 50.0, residents),
        floor_area=floor_area,
        x=at[:, 0],
        y=at[:, 1],
    )


def buildings(city: City, homes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the buildings in order of plot, some of their facts unknown.

    Parameters
    ----------
    homes : DataFrame
        What `communities` returns.
    """
    made, count = city.buildings, len(city.buildings.shapes)
    place = city.codes[city.building_place]
    inside = city.community_of >= 0
    within = np.where(inside, city.community_of, 0)
    numbers = (pd.Series(city.community_of).groupby(city.community_of).cumcount() + 1).astype(str)
    dark = rng.choice(len(homes), 26, replace=False)
    seen = (rng.random(count) > 0.02) & ~(inside & np.isin(city.community_of, dark))
    measured = seen & (rng.random(count) > 0.03)
    visited = rng.random(count) < np.where(made.use == "other", 0.1, 0.37)
    doors = _doors(made.shapes)
    lon, lat = points_from_metric(doors[:, 0], doors[:, 1], METRIC_CRS)
    home = homes.iloc[within].reset_index(drop=True)
    return pd.DataFrame(
        {
            "code": [f"LD{number:05d}" for number in range(1, count + 1)],
            "name": (home["name"] + numbers + "栋").where(inside),
            "name_en": (home["name_en"] + ", Block " + numbers).where(inside),
            "subdistrict": [code[:9] for code in place],
            "neighbourhood": place,
            "community": home["code"].where(inside),
            "use": where_known(rng.random(count) > 0.015, made.use),
            "floors": where_known(seen, made.floors).astype("Int64"),
            "floor_area_m2": where_known(measured, np.round(made.floor_area_m2 * 0.97, 1)),
            "entrance_lon": where_known(visited, lon),
            "entrance_lat": where_known(visited, lat),
            "geometry": made.shapes,
        }
    )


def _doors(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the middle of each footprint's longest outer side."""
    points, which = shapely.get_coordinates(shapely.get_exterior_ring(shapes), return_index=True)
    same = which[1:] == which[:-1]
    start, end, owner = points[:-1][same], points[1:][same], which[:-1][same]
    order = np.lexsort((-np.hypot(*(end - start).T).round(3), owner))
    _, first = np.unique(owner[order], return_index=True)
    longest = order[first]
    doors: NDArray[np.float64] = (start[longest] + end[longest]) / 2
    return doors


def management_cells(city: City, homes: pd.DataFrame) -> pd.DataFrame:
    """Return the management cells, numbered within their neighbourhood."""
    town, made = city.town, city.buildings
    lived_in = (city.community_of >= 0) & np.isin(made.use, _LIVED_IN)
    row = city.community_of[lived_in]
    flats = homes["households"].to_numpy(dtype=float, na_value=100.0)
    share = made.floor_area_m2[lived_in] / homes["floor_area"].to_numpy()[row]
    households = np.bincount(made.plot[lived_in], share * flats[row], town.built).astype(np.float64)
    cell_of = cells_of(town, households)
    place = town.neighbourhood_of[town.parcel_of[np.unique(cell_of, return_index=True)[1]]]
    numbers = (pd.Series(place).groupby(place).cumcount() + 1).astype(str)
    parents = neighbourhood_names(city).iloc[place].reset_index(drop=True)
    plots = np.split(np.argsort(cell_of, kind="stable"), np.cumsum(np.bincount(cell_of))[:-1])
    return pd.DataFrame(
        {
            "code": parents["code"] + numbers.str.zfill(3),
            "scheme": _SCHEME,
            "name": parents["name"] + "第" + numbers + "网格",
            "name_en": parents["name_en"] + " cell " + numbers,
            "subdistrict": parents["code"].str[:9],
            "neighbourhood": parents["code"],
            "geometry": [shapely.coverage_union_all(town.faces[mine]) for mine in plots],
        }
    )


def neighbourhood_names(city: City) -> pd.DataFrame:
    """Return `code`, `name` and `name_en` of the neighbourhoods, in the order of the drawing."""
    return pd.DataFrame(city.drawing["neighbourhoods"])[["code", "name", "name_en"]]


def offices(city: City, homes: pd.DataFrame) -> NDArray[np.object_]:
    """Return a point in each community's first building, where its property office is."""
    inside = np.flatnonzero(city.community_of >= 0)
    rows, first = np.unique(city.community_of[inside], return_index=True)
    shapes = homes["geometry"].to_numpy().copy()
    shapes[rows] = city.buildings.shapes[inside[first]]
    return np.asarray(shapely.point_on_surface(shapes), dtype=object)


def sites(city: City, homes: pd.DataFrame, houses: pd.DataFrame) -> pd.DataFrame:
    """Return where a facility may be: one building on each plot, favoured by its use and by people nearby."""
    weight = pd.Series(city.buildings.use).map(_FACILITY_WEIGHT).fillna(0.0).to_numpy()
    order = np.lexsort((-weight, city.buildings.plot))
    best = order[np.unique(city.buildings.plot[order], return_index=True)[1]]
    best = best[weight[best] > 0]
    at = shapely.point_on_surface(city.buildings.shapes[best])
    people = np.asarray(shapely.points(homes["x"], homes["y"]), dtype=object)
    site, home = shapely.STRtree(people).query(at, predicate="dwithin", distance=_NEARBY_M)
    near = np.bincount(site, homes["people"].to_numpy()[home], len(best))
    return pd.DataFrame(
        {
            "geometry": at,
            "place": city.building_place[best],
            "community": houses["community"].to_numpy(dtype=object)[best],
            "weight": weight[best] * np.maximum(near / near.mean(), 0.05) ** 0.6,
        }
    )


def complaints(
    city: City, homes: pd.DataFrame, houses: pd.DataFrame, standards: Standards, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the complaints of three years."""
    inside = city.community_of >= 0
    table = houses[["subdistrict", "neighbourhood", "geometry"]].assign(
        place=city.community_of, weight=city.buildings.floor_area_m2
    )
    return demo_complaints.complaints(
        homes,
        table[inside].reset_index(drop=True),
        table[~inside].reset_index(drop=True),
        standards,
        rng,
    )
