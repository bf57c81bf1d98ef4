"""The demonstration district: an invented Luohu that reproduces the published figures exactly.

Outline, hills, water, main roads and the rough places of the neighbourhoods are drawn by hand in
``luohu.json``; codes and names of subdistricts and neighbourhoods are the real ones; everything else is
invented from a seed. Built in metres of EPSG:4547 and brought to EPSG:4490 at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from numpy.random import PCG64, Generator

from data import demo_services, demo_tables
from data.demo_blocks import lay_streets
from data.demo_buildings import build
from data.demo_facts import AS_OF
from data.demo_ground import METRIC_CRS, backdrop, lay_ground, read_drawing
from data.demo_zones import zone
from geo.crs import from_metric
from layers.frames import conform
from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import District, Progress, no_progress

if TYPE_CHECKING:
    import geopandas as gpd

_DECIMALS = 9
_STEPS = 6


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
    steps = _counted(progress)
    next(steps)
    city, surroundings = _lay_out(rng, steps)
    made = {
        "backdrop": surroundings,
        "subdistricts": demo_tables.subdistricts(city),
        "neighbourhoods": demo_tables.neighbourhoods(city),
    }
    communities = made["communities"] = demo_tables.communities(city, rng)
    buildings = made["buildings"] = demo_tables.buildings(city, communities, rng)
    next(steps)
    made["management_cells"] = demo_tables.management_cells(city, communities)
    offices = demo_tables.offices(city, communities)
    made["mediation_rooms"] = demo_services.mediation_rooms(communities, offices, rng)
    sites = demo_tables.sites(city, communities, buildings)
    made["facilities"] = demo_services.facilities(made["neighbourhoods"], sites, rng)
    next(steps)
    made["complaints"] = demo_tables.complaints(city, communities, buildings, standards, rng)
    next(steps)
    frames = {name: _stored(made[name], name) for name in LAYERS}
    district = District(
        name="深圳市罗湖区",
        name_en="Luohu District, Shenzhen",
        metric_crs=METRIC_CRS,
        as_of=AS_OF,
        outline=shapely.coverage_union_all(frames["subdistricts"].geometry.to_numpy()),
        invented=True,
    )
    next(steps)
    return district, frames


def _counted(progress: Progress) -> Iterator[None]:
    """Report one step more each time it is asked."""
    for done in range(_STEPS + 1):
        progress("demo", done, _STEPS)
        yield


def _lay_out(rng: Generator, steps: Iterator[None]) -> tuple[demo_tables.City, pd.DataFrame]:
    """Lay ground, streets and buildings; return them and the backdrop."""
    drawing = read_drawing()
    ground = lay_ground(drawing, rng)
    town = lay_streets(ground, rng)
    next(steps)
    zones = zone(town, ground, drawing, rng)
    buildings = build(town, zones, rng)
    row_of_parcel = np.full(len(town.parcel_nets), -1, dtype=np.int64)
    row_of_parcel[zones.communities] = np.arange(len(zones.communities))
    next(steps)
    city = demo_tables.City(
        drawing=drawing,
        town=town,
        zones=zones,
        buildings=buildings,
        community_of=row_of_parcel[town.parcel_of[buildings.plot]],
    )
    return city, backdrop(drawing, ground)


def _stored(table: pd.DataFrame, layer: str) -> gpd.GeoDataFrame:
    """Bring a table in metres into the shape of its layer, coordinates rounded to a tenth of a millimetre."""
    import geopandas as gpd

    degrees = from_metric(table["geometry"].to_numpy(), METRIC_CRS)
    rounded = shapely.transform(degrees, lambda points: np.round(points, _DECIMALS))
    frame = gpd.GeoDataFrame(table.drop(columns="geometry"), geometry=rounded)
    return conform(frame.sort_values("code", ignore_index=True), LAYERS[layer])
