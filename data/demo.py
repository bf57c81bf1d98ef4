"""The demonstration district: an invented Luohu that reproduces the published figures exactly.

Outline, hills, water, main roads and the rough places of the neighbourhoods are drawn by hand in
``luohu.json``; codes and names of subdistricts and neighbourhoods are the real ones; everything else is
invented from a seed. Built in metres of EPSG:4547 and brought to EPSG:4490 at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from data import demo_complaints, demo_facts, demo_services
from data.demo_blocks import Town, lay_streets
from data.demo_buildings import Buildings, build
from data.demo_cells import cells_of
from data.demo_ground import METRIC_CRS, Ground, lay_ground, read_drawing
from data.demo_zones import Zones, zone
from geo.crs import from_metric, points_from_metric
from layers.frames import conform
from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import District, Progress, no_progress

if TYPE_CHECKING:
    import geopandas as gpd

_DECIMALS = 9
_SCHEME = "GB/T 30428.1 15"
_FACILITY_WEIGHT = {"public": 3.0, "commercial": 1.5, "mixed": 1.6, "residential": 0.6}


@dataclass(frozen=True)
class _City:
    """Everything that has been laid out, and how its parts hang together."""

    drawing: dict[str, Any]
    town: Town
    zones: Zones
    buildings: Buildings
    community_of: NDArray[np.int64]
    """Row of the community that each building is in, -1 outside."""


def generate(
    standards: Standards, *, seed: int = 440303, progress: Progress = no_progress
) -> tuple[District, dict[str, gpd.GeoDataFrame]]:
    """Return the demonstration district and its layers.

    Parameters
    ----------
    standards : Standards
        Gives complaint categories their titles and demand groups.
    seed : int
        Another seed makes another town with the same published figures.
    progress : callable

    Returns
    -------
    district : District
        Invented, as of 2019-12-31, measured in EPSG:4547.
    layers : dict of str to GeoDataFrame
        A frame per layer, conformed, in EPSG:4490, ordered by code. Equal arguments give equal frames.
    """
    rng = Generator(PCG64(seed))
    drawing = read_drawing()
    steps = _counted(progress, 8)
    next(steps)
    ground = lay_ground(drawing, rng)
    town = lay_streets(ground, rng)
    next(steps)
    city = _settle(drawing, ground, town, rng)
    next(steps)
    made = {"subdistricts": _subdistricts(city), "neighbourhoods": _neighbourhoods(city)}
    next(steps)
    communities = _communities(city, rng)
    buildings = _buildings(city, communities, rng)
    next(steps)
    made["management_cells"] = _management_cells(city, communities)
    made["communities"], made["buildings"] = communities, buildings
    next(steps)
    made["mediation_rooms"] = demo_services.mediation_rooms(communities, _offices(city, communities), rng)
    made["facilities"] = demo_services.facilities(
        made["neighbourhoods"], _sites(city, communities, buildings), rng
    )
    next(steps)
    made["complaints"] = _complaints(city, communities, buildings, standards, rng)
    next(steps)
    frames = {name: _stored(made[name], name) for name in LAYERS}
    outline = shapely.coverage_union_all(frames["subdistricts"].geometry.to_numpy())
    district = District(
        name="深圳市罗湖区",
        name_en="Luohu District, Shenzhen",
        metric_crs=METRIC_CRS,
        as_of=demo_facts.AS_OF,
        outline=outline,
        invented=True,
    )
    next(steps)
    return district, frames


def _counted(progress: Progress, total: int) -> Iterator[None]:
    """Report one step more each time it is asked."""
    for done in range(total + 1):
        progress("demo", done, total)
        yield


def _settle(drawing: dict[str, Any], ground: Ground, town: Town, rng: Generator) -> _City:
    zones = zone(town, ground, drawing, rng)
    buildings = build(town, zones, rng)
    row_of_parcel = np.full(len(town.parcel_nets), -1, dtype=np.int64)
    row_of_parcel[zones.communities] = np.arange(len(zones.communities))
    return _City(drawing, town, zones, buildings, row_of_parcel[town.parcel_of[buildings.plot]])


def _stored(table: pd.DataFrame, layer: str) -> gpd.GeoDataFrame:
    """Bring a table in metres into the shape of its layer, coordinates rounded to a tenth of a millimetre."""
    import geopandas as gpd

    degrees = from_metric(table["geometry"].to_numpy(), METRIC_CRS)
    rounded = shapely.transform(degrees, lambda points: np.round(points, _DECIMALS))
    frame = gpd.GeoDataFrame(table.drop(columns="geometry"), geometry=rounded)
    return conform(frame.sort_values("code", ignore_index=True), LAYERS[layer])


def _subdistricts(city: _City) -> pd.DataFrame:
    codes = np.array([place["code"][:9] for place in city.drawing["neighbourhoods"]])
    home = codes[city.town.neighbourhood_of[city.town.parcel_of]]
    table = pd.DataFrame(city.drawing["subdistricts"])
    table["geometry"] = [shapely.coverage_union_all(city.town.faces[home == code]) for code in table["code"]]
    return table


def _neighbourhoods(city: _City) -> pd.DataFrame:
    home = city.town.neighbourhood_of[city.town.parcel_of]
    table = pd.DataFrame(city.drawing["neighbourhoods"])[["code", "name", "name_en"]]
    table["subdistrict"] = table["code"].str[:9]
    table["geometry"] = [
        shapely.coverage_union_all(city.town.faces[home == place]) for place in range(len(table))
    ]
    return table


def _communities(city: _City, rng: Generator) -> pd.DataFrame:
    """Return the communities, the 929 first, with working columns that the layer does not know."""
    parcels = city.zones.communities
    nets = city.town.parcel_nets[parcels]
    at = shapely.get_coordinates(shapely.point_on_surface(nets))
    kinds = city.zones.use[parcels]
    lived_in = np.isin(city.buildings.use, ("residential", "mixed")) & (city.community_of >= 0)
    floor_area = np.bincount(
        city.community_of[lived_in], city.buildings.floor_area_m2[lived_in], minlength=len(parcels)
    )
    table = demo_facts.describe(kinds, at, floor_area, city.drawing["syllables"], rng)
    place = city.town.neighbourhood_of[parcels]
    homes = np.array([entry["code"] for entry in city.drawing["neighbourhoods"]], dtype=object)[place]
    order = np.lexsort((at[:, 0].round(3), -at[:, 1].round(3), homes.astype(str)))
    number = np.empty(len(parcels), dtype=np.int64)
    number[order] = np.arange(1, len(parcels) + 1)
    return table.assign(
        code=[f"XQ{n:04d}" for n in number.tolist()],
        neighbourhood=homes,
        subdistrict=[code[:9] for code in homes],
        geometry=nets,
        true_kind=kinds,
        floor_area=floor_area,
        x=at[:, 0],
        y=at[:, 1],
    )


def _buildings(city: _City, communities: pd.DataFrame, rng: Generator) -> pd.DataFrame:
    """Return the buildings in order of plot; some facts are unknown."""
    made, count = city.buildings, len(city.buildings.shapes)
    place = city.town.neighbourhood_of[city.town.parcel_of[made.plot]]
    homes = np.array([entry["code"] for entry in city.drawing["neighbourhoods"]], dtype=object)[place]
    inside = city.community_of >= 0
    within = np.where(inside, city.community_of, 0)
    seen = pd.Series(city.community_of).groupby(city.community_of).cumcount().to_numpy() + 1
    dark = rng.choice(len(communities), 26, replace=False)
    no_floors = (rng.random(count) < 0.02) | (inside & np.isin(city.community_of, dark))
    door = _doors(made.shapes)
    known = rng.random(count) < np.where(made.use == "other", 0.1, 0.37)
    lon, lat = points_from_metric(door[:, 0], door[:, 1], METRIC_CRS)
    names = communities["name"].to_numpy(dtype=object)[within] + np.array(
        [f"{n}栋" for n in seen], dtype=object
    )
    english = communities["name_en"].to_numpy(dtype=object)[within] + np.array(
        [f", Block {n}" for n in seen], dtype=object
    )
    return pd.DataFrame(
        {
            "code": [f"LD{number:05d}" for number in range(1, count + 1)],
            "name": np.where(inside, names, None),
            "name_en": np.where(inside, english, None),
            "subdistrict": [code[:9] for code in homes],
            "neighbourhood": homes,
            "community": np.where(inside, communities["code"].to_numpy(dtype=object)[within], None),
            "use": np.where(rng.random(count) < 0.015, None, made.use),
            "floors": pd.Series(made.floors).astype("Int64").where(~no_floors),
            "floor_area_m2": np.where(
                no_floors | (rng.random(count) < 0.03), np.nan, np.round(made.floor_area_m2 * 0.97, 1)
            ),
            "entrance_lon": np.where(known, np.round(lon, _DECIMALS), np.nan),
            "entrance_lat": np.where(known, np.round(lat, _DECIMALS), np.nan),
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


def _management_cells(city: _City, communities: pd.DataFrame) -> pd.DataFrame:
    town, made = city.town, city.buildings
    inside = (city.community_of >= 0) & np.isin(made.use, ("residential", "mixed"))
    row = city.community_of[inside]
    flats = communities["households"].fillna(100).to_numpy(dtype=float)
    share = made.floor_area_m2[inside] / communities["floor_area"].to_numpy()[row]
    households = np.bincount(made.plot[inside], share * flats[row], minlength=town.built)
    cell_of = cells_of(town, households)
    first = np.unique(cell_of, return_index=True)[1]
    place = town.neighbourhood_of[town.parcel_of[first]]
    entries = city.drawing["neighbourhoods"]
    number = pd.Series(place).groupby(place).cumcount().to_numpy() + 1
    plots = np.split(np.argsort(cell_of, kind="stable"), np.cumsum(np.bincount(cell_of))[:-1])
    codes = [entries[p]["code"] for p in place.tolist()]
    return pd.DataFrame(
        {
            "code": [f"{code}{n:03d}" for code, n in zip(codes, number.tolist(), strict=True)],
            "scheme": _SCHEME,
            "name": [
                f"{entries[p]['name']}第{n}网格" for p, n in zip(place.tolist(), number.tolist(), strict=True)
            ],
            "name_en": [
                f"{entries[p]['name_en']} cell {n}"
                for p, n in zip(place.tolist(), number.tolist(), strict=True)
            ],
            "subdistrict": [code[:9] for code in codes],
            "neighbourhood": codes,
            "geometry": [shapely.coverage_union_all(town.faces[mine]) for mine in plots],
        }
    )


def _offices(city: _City, communities: pd.DataFrame) -> NDArray[np.object_]:
    """Return where each community's property office is: in its first building."""
    inside = np.flatnonzero(city.community_of >= 0)
    rows, first = np.unique(city.community_of[inside], return_index=True)
    offices = communities["geometry"].to_numpy().copy()
    offices[rows] = city.buildings.shapes[inside[first]]
    found: NDArray[np.object_] = shapely.point_on_surface(offices)
    return found


def _sites(city: _City, communities: pd.DataFrame, buildings: pd.DataFrame) -> pd.DataFrame:
    """Return where a facility may be: in any building that people go to or live in."""
    weight = pd.Series(city.buildings.use).map(_FACILITY_WEIGHT).to_numpy()
    fit = np.flatnonzero(~np.isnan(weight))
    place = city.town.neighbourhood_of[city.town.parcel_of[city.buildings.plot[fit]]]
    return pd.DataFrame(
        {
            "geometry": shapely.point_on_surface(city.buildings.shapes[fit]),
            "place": place,
            "community": buildings["community"].to_numpy(dtype=object)[fit],
            "weight": weight[fit],
        }
    )


def _complaints(
    city: _City, communities: pd.DataFrame, buildings: pd.DataFrame, standards: Standards, rng: Generator
) -> pd.DataFrame:
    inside = city.community_of >= 0
    at = shapely.get_coordinates(shapely.point_on_surface(city.buildings.shapes))
    weight = city.buildings.floor_area_m2
    homes = pd.DataFrame({"place": city.community_of, "weight": weight, "x": at[:, 0], "y": at[:, 1]})
    elsewhere = buildings[["subdistrict", "neighbourhood"]].assign(x=at[:, 0], y=at[:, 1])
    people = communities["residents"].astype("Float64").fillna(communities["floor_area"] / 32.0 + 50.0)
    return demo_complaints.complaints(
        communities.assign(people=people),
        homes[inside].reset_index(drop=True),
        elsewhere[~inside].reset_index(drop=True),
        standards,
        rng,
    )
