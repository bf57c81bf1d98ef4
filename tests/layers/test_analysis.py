"""The analysis table against geopandas and esda, computed another way."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from layers.analysis import analyse
from layers.hotspots import comparable_residents
from layers.problems import BadParameter
from layers.queries import ViewQuery
from layers.sight import Sight
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.units import AREA_UNITS, units
from layers.views import view
from tests.district import METRIC_CRS, small_district

SCHEMES = (
    "square:100",
    "square:37.5",
    "h3:10",
    "management",
    "communities",
    "neighbourhoods",
    "subdistricts",
)


FULL = Sight(aggregates="full")


def columns(standards: Standards) -> list[str]:
    per_kind = [
        name
        for kind in standards.facility_kinds
        for name in (f"coverage_{kind}_residents_share", f"nearest_{kind}_m", f"access_{kind}_m")
    ]
    first = ["cell", "complaints", "buildings", "residents", "dwellings", "dwellings_unknown"]
    first.append("double_none_communities")
    hot = ["hotspot_basis", "hotspot_z", "hotspot_p", "hotspot_p_sim", "hotspot_class", "geometry"]
    return [*first, *per_kind, *hot]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_gives_the_same_columns_and_totals(
    snapshot: Snapshot, standards: Standards, scheme: str
) -> None:
    table = analyse(snapshot, scheme)
    assert list(table.columns) == columns(standards)
    assert table["cell"].is_unique
    assert table.crs == "EPSG:4490"
    if scheme != "management":  # its cells leave room between them
        assert table["buildings"].sum() == len(snapshot.frame("buildings")) or scheme in AREA_UNITS
        assert table["complaints"].sum() == len(snapshot.frame("complaints"))
    if not scheme.startswith(("square", "h3", "management")):
        assert table["residents"].sum() == snapshot.frame("communities")["residents"].sum()


def test_a_shop_does_not_make_a_community_uninhabited(standards: Standards) -> None:
    """Nobody lives in the shop, and how many live beside it is unknown: that is not zero."""
    district, frames = small_district()
    use = frames["buildings"]["use"].mask(frames["buildings"].index == "C06-B1", "commercial")
    frames["buildings"] = frames["buildings"].assign(use=use)
    snapshot = Snapshot(1, district, standards, frames)
    found = analyse(snapshot, "communities").set_index("cell")["residents"]
    assert np.isnan(found["C06"]) and found["C10"] == 0
    for sight in (Sight(aggregates="full"), Sight(aggregates="public", signed_in=False)):
        query = ViewQuery.from_params({"unit": "communities"}, snapshot, sight)
        rows = view(snapshot, query, sight).as_dict("en")["rows"]
        assert dict(zip(rows["id"], rows["class"], strict=True))["C06"] == "unknown"


def test_counts_agree_with_a_spatial_join(snapshot: Snapshot) -> None:
    """geopandas.sjoin on the stored points; those on an edge are left out there and checked by rule below."""
    table = analyse(snapshot, "square:100")
    cells = table.to_crs(METRIC_CRS)
    for layer, column in (("buildings", "buildings"), ("complaints", "complaints")):
        frame = snapshot.frame(layer).to_crs(METRIC_CRS)
        points = gpd.GeoDataFrame(geometry=frame.geometry.representative_point(), crs=METRIC_CRS)
        x, y = points.geometry.x / 100, points.geometry.y / 100
        off_edges = (np.abs(x - x.round()) > 1e-4) & (np.abs(y - y.round()) > 1e-4)
        assert off_edges.sum() > 20
        joined = gpd.sjoin(points[off_edges], cells[["cell", "geometry"]], predicate="within")
        counted = joined["cell"].value_counts()
        mine = table.set_index("cell")[column]
        on_edges = int((~off_edges).sum())
        difference = mine.sub(counted.reindex(mine.index).fillna(0))
        assert (difference >= 0).all()
        assert difference.sum() == on_edges


def test_distances_agree_with_sjoin_nearest(snapshot: Snapshot, standards: Standards) -> None:
    table = analyse(snapshot, "communities").set_index("cell")
    x, y = snapshot.doors("buildings")
    doors = gpd.GeoDataFrame(
        {"community": snapshot.frame("buildings")["community"].to_numpy()},
        geometry=shapely.points(x, y),
        crs=METRIC_CRS,
    )
    fx, fy = snapshot.doors("facilities")
    for kind in ("day_care", "community_service_station", "library"):
        chosen = (snapshot.frame("facilities")["kind"] == kind).to_numpy()
        facilities = gpd.GeoDataFrame(geometry=shapely.points(fx[chosen], fy[chosen]), crs=METRIC_CRS)
        nearest = gpd.sjoin_nearest(doors, facilities, distance_col="metres")
        nearest = nearest[~nearest.index.duplicated()]
        # Every building of C01 has the same floors known, so the mean is weighted by floor area there;
        # unweighted extremes bound it in any case.
        for code, group in nearest.groupby("community"):
            mean = table.loc[str(code), f"nearest_{kind}_m"]
            assert group["metres"].min() - 1e-6 <= mean <= group["metres"].max() + 1e-6
        access = table[f"access_{kind}_m"].dropna()
        assert np.allclose(access, standards.detour_factor * table.loc[access.index, f"nearest_{kind}_m"])


def test_a_cell_with_one_building_has_that_buildings_distance(snapshot: Snapshot) -> None:
    table = analyse(snapshot, "square:20")
    x, y = snapshot.doors("buildings")
    fx, fy = snapshot.doors("facilities")
    chosen = (snapshot.frame("facilities")["kind"] == "day_care").to_numpy()
    doors = gpd.GeoDataFrame(geometry=shapely.points(x, y), crs=METRIC_CRS)
    facilities = gpd.GeoDataFrame(geometry=shapely.points(fx[chosen], fy[chosen]), crs=METRIC_CRS)
    nearest = gpd.sjoin_nearest(doors, facilities, distance_col="metres")["metres"]
    single = table[(table["buildings"] == 1) & table["nearest_day_care_m"].notna()]
    assert len(single) > 30
    expected = np.sort(nearest.to_numpy())
    for value in single["nearest_day_care_m"]:
        assert np.min(np.abs(expected - value)) < 1e-6


def test_residents_follow_floor_area(snapshot: Snapshot) -> None:
    table = analyse(snapshot, "communities").set_index("cell")
    communities = snapshot.frame("communities")
    known = communities["residents"].notna()
    assert np.allclose(
        table.loc[known.index[known], "residents"], communities["residents"][known].astype(float)
    )
    assert table.loc[known.index[~known], "residents"].isna().all()


def test_coverage_is_zero_where_a_kind_has_no_facility(snapshot: Snapshot) -> None:
    table = analyse(snapshot, "communities")
    lived_in = table["residents"] > 0
    assert (table.loc[lived_in, "coverage_health_centre_residents_share"] == 0).all()
    assert table["nearest_health_centre_m"].isna().all()


def test_the_limit_is_inclusive(standards: Standards) -> None:
    """A facility exactly 300 m away on foot covers; a hand wider does not."""
    district, frames = small_district()
    x, y = 513_000.0 + 100, 2_494_000.0 + 100
    for metres, covered in ((300.0, 1.0), (300.01, 0.0)):
        away = metres / standards.detour_factor
        points = gpd.GeoSeries(shapely.points([x, x + away], [y, y]), crs=METRIC_CRS).to_crs("EPSG:4490")
        buildings = (
            frames["buildings"].iloc[[0]].assign(community="C01", entrance_lon=np.nan, entrance_lat=np.nan)
        )
        facilities = frames["facilities"].iloc[[0]].assign(entrance_lon=np.nan, entrance_lat=np.nan)
        made = Snapshot(
            1,
            district,
            standards,
            {
                **frames,
                "buildings": buildings.set_geometry([points[0]], crs="EPSG:4490"),
                "facilities": facilities.set_geometry([points[1]], crs="EPSG:4490"),
            },
        )
        table = analyse(made, "communities").set_index("cell")
        share = table.loc["C01", "coverage_day_care_residents_share"]
        assert share == covered, (metres, table.loc["C01", "access_day_care_m"])


def test_without_residents_hotspots_are_on_counts(standards: Standards) -> None:
    district, frames = small_district()
    nobody = pd.array([pd.NA] * len(frames["communities"]), dtype="Int64")
    frames["communities"] = frames["communities"].assign(residents=nobody)
    table = analyse(Snapshot(1, district, standards, frames), "square:100")
    assert (table["hotspot_basis"] == "count").all()
    assert not (table["hotspot_class"] == "masked").any()
    assert table["residents"].isna().all()
    assert table["coverage_day_care_residents_share"].isna().all()
    assert table["nearest_day_care_m"].notna().any()


def test_gi_star_agrees_with_esda(standards: Standards) -> None:
    from esda.getisord import G_Local
    from libpysal.weights import Queen

    district, frames = small_district()
    nobody = pd.array([pd.NA] * len(frames["communities"]), dtype="Int64")
    frames["communities"] = frames["communities"].assign(residents=nobody)
    table = analyse(Snapshot(1, district, standards, frames), "square:100")
    weights = Queen.from_dataframe(table.to_crs(METRIC_CRS), use_index=False, silence_warnings=True)
    weights.transform = "B"
    theirs = G_Local(
        table["complaints"].to_numpy(dtype=float), weights, transform="B", star=True, permutations=0
    )
    assert np.allclose(table["hotspot_z"], theirs.Zs, atol=1e-9)
    assert np.allclose(table["hotspot_p"], 2 * theirs.p_norm, atol=1e-9)


def test_cells_under_twenty_residents_are_masked_on_a_rate(snapshot: Snapshot, standards: Standards) -> None:
    table = analyse(snapshot, "square:100")
    assert (table["hotspot_basis"] == "rate").all()
    unknown = table["residents"].isna()
    assert (table.loc[unknown, "hotspot_class"] == "unknown").all() and unknown.any()
    few = table["residents"] < standards.hotspot_mask_residents
    assert (table.loc[few, "hotspot_class"] == "masked").all()
    apart = few | unknown
    assert table.loc[apart, ["hotspot_z", "hotspot_p", "hotspot_p_sim"]].isna().all().all()
    assert not table.loc[~apart, "hotspot_class"].isin(["masked", "unknown"]).any()
    assert table.loc[~apart, "hotspot_z"].notna().all()


def test_units_of_residents_known_in_part_are_compared_up_to_a_tenth_of_their_dwellings(
    standards: Standards,
) -> None:
    """Known residents alone under all complaints would make a rate of them."""
    residents = np.array([100.0, 100.0, 19.0, 19.0, np.nan, 0.0, 0.0])
    unknown = np.array([10, 11, 1, 0, 3, 1, 0])
    found = comparable_residents(residents, dwellings=np.full(7, 100), unknown=unknown, standards=standards)
    assert [None if np.isnan(item) else item for item in found] == [100, None, None, 19, None, None, 0]


def test_a_neighbourhood_of_which_a_community_is_unknown_has_at_least_the_known_residents(
    snapshot: Snapshot,
) -> None:
    table = analyse(snapshot, "neighbourhoods").set_index("cell")
    of = snapshot.frame("buildings")["community"].isin(["C04", "C05", "C06"])
    unhoused = ["commercial", "public", "industrial"]
    homes = of & ~snapshot.frame("buildings")["use"].isin(unhoused)
    part = table.loc["S1N2"]
    assert round(part["residents"], 6) == 1720
    assert (
        part["dwellings_unknown"] >= (homes & (snapshot.frame("buildings")["community"] == "C06")).sum() > 0
    )
    assert homes.sum() <= part["dwellings"] <= part["buildings"]
    assert part["hotspot_class"] == "unknown" and np.isnan(part["hotspot_z"])
    assert (table["hotspot_class"] == "unknown").sum() == 1
    whole = table.loc["S2N1"]
    assert whole["dwellings_unknown"] == 0 < whole["dwellings"]


def test_a_home_in_no_community_does_not_make_a_cell_uninhabited(standards: Standards) -> None:
    """Nobody knows how many live in it; in a pump house, a shop or an office it is known that nobody does."""
    for use, known in (
        ("residential", False),
        ("mixed", False),
        (None, False),
        ("boat house", False),
        ("other", True),
        ("commercial", True),
        ("public", True),
        ("industrial", True),
    ):
        district, frames = small_district()
        alone = frames["buildings"].loc[["B90"]]
        alone = alone.assign(use=pd.Series([use], index=alone.index, dtype="object"))
        assert pd.isna(alone["community"].iloc[0])
        others = frames["buildings"][frames["buildings"]["community"].notna()]
        frames["buildings"] = pd.concat([others, alone]).sort_index()
        made = Snapshot(1, district, standards, frames)
        cell = units(made, "square:50")
        at = cell.ids[cell.of_building[list(frames["buildings"].index).index("B90")]]
        row = analyse(made, "square:50").set_index("cell").loc[at]
        assert row["buildings"] == 1
        assert (row["residents"] == 0) == known and np.isnan(row["residents"]) != known, use
        assert (row["dwellings"], row["dwellings_unknown"]) == ((0, 0) if known else (1, 1)), use
        assert row["hotspot_class"] == ("masked" if known else "unknown"), use
        shown = view(made, ViewQuery.from_params({"unit": "square:50"}, made, FULL), FULL).as_dict("en")
        told = dict(zip(shown["rows"]["id"], shown["rows"]["class"], strict=True))[str(at)]
        assert told == ("uninhabited" if known else "unknown"), use


def test_a_period_counts_both_its_days(snapshot: Snapshot) -> None:
    opened = snapshot.frame("complaints")["opened"].dt.date
    first, last = sorted(opened)[10], sorted(opened)[90]
    within = int(opened.between(first, last).sum())
    assert analyse(snapshot, "management", period=(first, last))["complaints"].sum() <= within
    assert analyse(snapshot, "subdistricts", period=(first, last))["complaints"].sum() == within
    with pytest.raises(BadParameter, match="before it begins"):
        analyse(snapshot, "management", period=(last, date(1999, 1, 1)))


@pytest.mark.parametrize(
    "scheme",
    [
        "",
        "square",
        "square:0",
        "square:-5",
        "square:1e9",
        "square:nan",
        "h3:99",
        "h3:x",
        "cells",
        "square:１００",
    ],
)
def test_an_unknown_scheme_is_refused_in_words(snapshot: Snapshot, scheme: str) -> None:
    with pytest.raises(BadParameter, match="Use square:100"):
        analyse(snapshot, scheme)


def test_twice_gives_the_same(standards: Standards) -> None:
    tables = []
    for _ in range(2):
        district, frames = small_district()
        tables.append(analyse(Snapshot(1, district, standards, frames), "square:100"))
    pd.testing.assert_frame_equal(tables[0], tables[1])
