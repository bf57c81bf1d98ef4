"""`analyse` against an independent computation: geopandas joins, esda, libpysal; on the demonstration
district and on real files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.stats import false_discovery_control

from layers.analysis import analyse
from layers.hotspots import hotspot_table
from layers.imports.options import ImportOptions
from layers.imports.run import import_file
from layers.loading import load
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import District, create_store, open_store

METRIC = "EPSG:4547"

# libpysal says so of every district with an unbuilt hill in it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The weights matrix is not fully connected"),
    pytest.mark.filterwarnings("ignore:The alternative hypothesis for conditional randomization"),
    pytest.mark.filterwarnings("ignore:.row_stack. alias is deprecated"),
]


@pytest.fixture(scope="module")
def demo(demo_url: str, standards: Standards) -> Snapshot:
    with open_store(demo_url, read_only=True) as store:
        return load(store, standards)


@pytest.fixture(scope="module")
def table(demo: Snapshot) -> gpd.GeoDataFrame:
    return analyse(demo, "square:100")


def joined_counts(points: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, size_m: float) -> tuple[pd.Series, int]:
    """Return points per cell by geopandas.sjoin, and how many stand on an edge within a millimetre."""
    x, y = points.geometry.x / size_m, points.geometry.y / size_m
    on_edge = (np.abs(x - x.round()) * size_m < 1e-3) | (np.abs(y - y.round()) * size_m < 1e-3)
    joined = gpd.sjoin(points[~on_edge], cells[["cell", "geometry"]], predicate="within")
    assert not joined.index.duplicated().any()
    return joined["cell"].value_counts().reindex(cells["cell"]).fillna(0).astype(int), int(on_edge.sum())


def surface_points(frame: gpd.GeoDataFrame, crs: str) -> gpd.GeoDataFrame:
    shapes = frame.to_crs(crs).geometry
    return gpd.GeoDataFrame(geometry=shapes.representative_point(), crs=crs)


def test_counts_of_the_demonstration_district(demo: Snapshot, table: gpd.GeoDataFrame) -> None:
    cells = table.to_crs(METRIC)
    for layer, column in (("buildings", "buildings"), ("complaints", "complaints")):
        expected, on_edge = joined_counts(surface_points(demo.frame(layer), METRIC), cells, 100)
        difference = table.set_index("cell")[column] - expected
        assert difference.abs().sum() <= on_edge
        assert table[column].sum() == len(demo.frame(layer))


def test_management_cells_of_the_demonstration_district(demo: Snapshot) -> None:
    table = analyse(demo, "management")
    points = surface_points(demo.frame("complaints"), METRIC)
    joined = gpd.sjoin(points, table.to_crs(METRIC)[["cell", "geometry"]], predicate="intersects")
    first = joined.groupby(level=0)["cell"].min()
    expected = first.value_counts().reindex(table["cell"]).fillna(0).astype(int)
    # Off edges just one cell has the point; on them the earlier code does.
    assert (table.set_index("cell")["complaints"] == expected).all()


def independent_residents(demo: Snapshot) -> pd.Series:
    """Spread residents by floor area, written again with pandas."""
    buildings, communities = demo.frame("buildings"), demo.frame("communities")
    area = buildings.to_crs(METRIC).area
    floor_area = buildings["floor_area_m2"].fillna(area * buildings["floors"].astype(float))
    lived_in = ~buildings["use"].isin(["commercial", "public", "industrial"]) & buildings["community"].notna()
    rows = pd.DataFrame({"community": buildings["community"], "floor": floor_area, "area": area})[lived_in]
    complete = rows.groupby("community")["floor"].transform(lambda values: values.notna().all())
    weight = rows["floor"].where(complete, rows["area"])
    share = weight / weight.groupby(rows["community"]).transform("sum")
    total = rows["community"].map(communities["residents"].astype(float))
    residents = (share * total).reindex(buildings.index).where(lived_in, 0.0)
    no_home = buildings["use"].isin(["commercial", "public", "industrial", "other"])
    return residents.where(buildings["community"].notna() | no_home)


def test_residents_distances_and_coverage_per_cell(
    demo: Snapshot, table: gpd.GeoDataFrame, standards: Standards
) -> None:
    buildings, facilities = demo.frame("buildings"), demo.frame("facilities")

    def doors(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        surface = frame.to_crs(METRIC).geometry.representative_point()
        known = gpd.GeoSeries(gpd.points_from_xy(frame["entrance_lon"], frame["entrance_lat"]), crs=4490)
        entrance = gpd.GeoSeries(known.to_crs(METRIC).to_numpy(), index=frame.index, crs=METRIC)
        at = np.where(frame["entrance_lon"].notna(), entrance, surface)
        return gpd.GeoDataFrame(geometry=gpd.GeoSeries(at, index=frame.index, crs=METRIC))

    residents = independent_residents(demo)
    spots = surface_points(buildings, METRIC)
    cells = table.to_crs(METRIC)[["cell", "geometry"]]
    cell = gpd.sjoin(spots, cells, predicate="within")["cell"].reindex(buildings.index)
    # Cells on whose edge a building's point stands are left out: which one has it is the edge rule's to say.
    edges = cells.set_geometry(cells.boundary.buffer(1e-3))
    disputed = gpd.sjoin(spots, edges, predicate="within")["cell"].unique()
    assert len(disputed) < 20
    cell = cell.where(~cell.isin(disputed))
    mine = table.set_index("cell").drop(disputed)
    for kind in ("day_care", "library", "health_centre"):
        chosen = doors(facilities[facilities["kind"] == kind])
        metres = gpd.sjoin_nearest(doors(buildings), chosen, distance_col="metres")["metres"]
        metres = metres[~metres.index.duplicated()].reindex(buildings.index)
        rows = pd.DataFrame({"cell": cell, "metres": metres, "residents": residents}).dropna(subset=["cell"])

        def mean(group: pd.DataFrame) -> float:
            known = group["residents"].notna().all() and group["residents"].sum() > 0
            return float(np.average(group["metres"], weights=group["residents"] if known else None))

        expected = rows.groupby("cell")[["metres", "residents"]].apply(mean)
        assert np.abs(mine.loc[expected.index, f"nearest_{kind}_m"] - expected).max() < 1e-6
        assert mine[f"nearest_{kind}_m"].notna().sum() == len(expected)

        lived = rows[rows["residents"] > 0]
        limit = standards.limits[kind].limit_m / standards.detour_factor
        inside = lived["residents"].where(lived["metres"] <= limit, 0.0).groupby(lived["cell"]).sum()
        share = inside / lived["residents"].groupby(lived["cell"]).sum()
        assert np.abs(mine.loc[share.index, f"coverage_{kind}_residents_share"] - share).max() < 1e-9
    known = rows.groupby("cell")["residents"].sum(min_count=1)
    placed = mine.loc[known.index, "residents"]
    assert np.abs(placed.fillna(0) - known.fillna(0)).max() < 1e-6
    unknown = rows["residents"].isna().groupby(rows["cell"]).sum()
    assert (mine.loc[unknown.index, "dwellings_unknown"] == unknown).all() and (unknown > 0).sum() > 100


def test_hotspots_of_the_demonstration_district(
    demo: Snapshot, table: gpd.GeoDataFrame, standards: Standards
) -> None:
    """The whole chain again: esda's empirical Bayes, libpysal's queen, esda's Gi*, scipy's FDR."""
    from esda.getisord import G_Local
    from esda.smoothing import Empirical_Bayes
    from libpysal.weights import Queen

    known = table["dwellings_unknown"] <= table["dwellings"] / 10
    kept = table[known & (table["residents"] >= standards.hotspot_mask_residents)].to_crs(METRIC)
    rates = Empirical_Bayes(kept["complaints"].to_numpy(), kept["residents"].to_numpy()).r.ravel() * 1000
    weights = Queen.from_dataframe(kept.reset_index(drop=True), use_index=False, silence_warnings=True)
    theirs = G_Local(rates, weights, transform="B", star=True, permutations=0)
    assert np.abs(kept["hotspot_z"] - theirs.Zs).max() < 1e-8
    p = 2 * theirs.p_norm
    assert np.allclose(kept["hotspot_p"], p, atol=1e-9)
    adjusted = false_discovery_control(np.clip(p, 0, 1), method="bh")
    hot = np.where(theirs.Zs > 0, "hot", "cold")
    level = np.select([adjusted <= 0.01, adjusted <= 0.05, adjusted <= 0.1], ["_99", "_95", "_90"], "")
    expected = np.where(level == "", "none", np.char.add(hot, level))
    assert (kept["hotspot_class"] == expected).all()
    apart = table["hotspot_class"].isin(["masked", "unknown"])
    assert apart.sum() == len(table) - len(kept)
    assert (table.loc[apart & ~known, "hotspot_class"] == "unknown").all() and (~known).sum() > 100
    assert (table.loc[apart & (table["dwellings_unknown"] == 0), "hotspot_class"] == "masked").all()
    assert {"hot_99", "none"} <= set(expected)


def test_permutations_agree_with_esda_in_distribution(table: gpd.GeoDataFrame, standards: Standards) -> None:
    """Random numbers differ, so the two are compared cell by cell within what chance allows."""
    from esda.getisord import G_Local
    from esda.smoothing import Empirical_Bayes
    from libpysal.weights import Queen

    kept = table[table["residents"] >= standards.hotspot_mask_residents].to_crs(METRIC).head(600)
    kept = kept.reset_index(drop=True)
    weights = Queen.from_dataframe(kept, use_index=False, silence_warnings=True)
    complaints, residents = kept["complaints"].to_numpy(), kept["residents"].to_numpy()
    mine = hotspot_table(complaints, residents, weights.sparse.tocsr(), standards=standards)
    rates = Empirical_Bayes(complaints, residents).r.ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = G_Local(rates, weights, transform="B", star=True, permutations=999, seed=1)
    # Shuffling the others does nothing to a cell without neighbours; esda calls it extreme, we do not.
    alone = np.asarray(weights.sparse.sum(axis=1)).ravel() == 0
    assert (mine.loc[alone, "hotspot_p_sim"] == 1).all()
    difference = np.abs(mine["hotspot_p_sim"] - theirs.p_sim)[~alone]
    assert difference.max() < 0.1  # five standard errors of a share near a half among 999
    assert difference.mean() < 0.02


def test_buildings_of_liechtenstein(test_data: Path, tmp_path: Path, standards: Standards) -> None:
    file = test_data / "buildings" / "liechtenstein.gpkg"
    district = District(name="Liechtenstein", metric_crs="EPSG:32632")
    with create_store(f"gpkg:{tmp_path / 'alps.gpkg'}", district) as store:
        import_file(
            store,
            standards,
            "buildings",
            file,
            ImportOptions(source_layer="buildings"),
            today=date(2026, 1, 1),
            language="en",
        )
        restaurants_as_libraries = ImportOptions(
            source_layer="poi_points",
            only={"amenity": ("restaurant",)},
            columns={"kind": "amenity"},
            values={"kind": {"restaurant": "library"}},
        )
        import_file(
            store,
            standards,
            "facilities",
            file,
            restaurants_as_libraries,
            today=date(2026, 1, 1),
            language="en",
        )
        snapshot = load(store, standards)
    table = analyse(snapshot, "square:200").set_index("cell")
    raw = gpd.read_file(file, layer="buildings").to_crs("EPSG:32632")
    points = gpd.GeoDataFrame(geometry=raw.geometry.representative_point(), crs=raw.crs)
    cells = table.reset_index().to_crs("EPSG:32632")
    expected, on_edge = joined_counts(points, cells, 200)
    assert (table["buildings"] - expected).abs().sum() <= on_edge
    assert table["buildings"].sum() == 8994
    poi = gpd.read_file(file, layer="poi_points")
    restaurants = poi[poi["amenity"] == "restaurant"].to_crs("EPSG:32632")
    nearest = gpd.sjoin_nearest(points, restaurants[["geometry"]], distance_col="metres")["metres"]
    nearest = nearest[~nearest.index.duplicated()]
    cell = gpd.sjoin(points, cells[["cell", "geometry"]], predicate="within")["cell"]
    mean = nearest.groupby(cell).mean()
    assert np.abs(table.loc[mean.index, "nearest_library_m"] - mean).max() < 1e-6
    assert (table["hotspot_basis"] == "count").all()
    assert table["residents"].isna().all()
    assert shapely.is_valid(table.geometry.to_numpy()).all()
