"""The demonstration district, read back from a store: published figures, geometry, references, determinism."""

from __future__ import annotations

from collections.abc import Generator
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

from data.demo import generate
from geo.crs import to_metric
from layers.schema import LAYERS
from layers.standards import Standards, read_standards
from layers.store import Store, create_store, open_store

FOLDER = Path(__file__).parents[2] / "data"
METRIC = "EPSG:4547"
AS_OF = pd.Timestamp("2019-12-31")
FACTS = (
    "property_management",
    "owners_committee",
    "residents_group",
    "party_branch",
    "party_work",
    "pilot",
)

Frames = dict[str, gpd.GeoDataFrame]


@pytest.fixture(scope="session")
def standards() -> Standards:
    return read_standards(FOLDER)


@pytest.fixture(scope="session")
def store(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Generator[Store]:
    url = f"gpkg:{tmp_path_factory.mktemp('demo') / 'luohu.gpkg'}"
    district, frames = generate(standards)
    create_store(url, district, layers=frames).close()
    with open_store(url, read_only=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def rows(store: Store) -> Frames:
    return {name: store.read(name) for name in LAYERS}


@pytest.fixture(scope="session")
def shapes(rows: Frames) -> dict[str, np.ndarray]:
    """Every layer's geometries in metres."""
    return {name: to_metric(frame.geometry.to_numpy(), METRIC) for name, frame in rows.items()}


@pytest.fixture(scope="session")
def main(rows: Frames) -> gpd.GeoDataFrame:
    """The 929: all communities but the urban villages."""
    return rows["communities"][rows["communities"]["kind"] != "urban_village"]


def overlap_m2(shapes: np.ndarray) -> float:
    """Return the largest overlap of two of the shapes."""
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = one < other
    areas = shapely.area(shapely.intersection(shapes[one[pairs]], shapes[other[pairs]]))
    return float(areas.max(initial=0.0))


def covering(parents: gpd.GeoDataFrame, parent_shapes: np.ndarray, codes: pd.Series) -> np.ndarray:
    """Return the shape of the parent that each code names."""
    where = parents.index.get_indexer(pd.Index(codes))
    assert (where >= 0).all()
    return parent_shapes[where]


# What the store says of itself


def test_district_is_invented_and_dated(store: Store) -> None:
    district = store.district()
    assert district.name == "深圳市罗湖区"
    assert district.name_en == "Luohu District, Shenzhen"
    assert district.metric_crs == METRIC
    assert district.as_of == date(2019, 12, 31)
    assert district.invented
    assert district.outline is not None
    assert 75e6 < to_metric(np.array([district.outline]), METRIC)[0].area < 79e6


def test_outline_is_not_copied_from_real_data(store: Store, test_data: Path) -> None:
    real = gpd.read_file(test_data / "shenzhen" / "sz_districts_transbigdata.geojson")
    theirs = {tuple(point) for point in shapely.get_coordinates(real.geometry.to_numpy()).round(5)}
    ours = {tuple(point) for point in shapely.get_coordinates(store.district().outline).round(5)}
    assert len(ours & theirs) <= 2


# Published figures


def test_communities_and_their_kinds(rows: Frames, main: gpd.GeoDataFrame) -> None:
    assert len(rows["communities"]) == 971
    assert len(main) == 929
    counts = rows["communities"]["kind"].value_counts()
    assert counts["urban_village"] == 42
    assert counts[["garden_estate", "old_estate", "other"]].min() > 150


@pytest.mark.parametrize(
    ("fact", "value", "count"),
    [
        ("property_management", "no", 145),
        ("owners_committee", "yes", 186),
        ("party_branch", "yes", 920),
        ("party_work", "yes", 920),
    ],
)
def test_published_counts_of_the_929(main: gpd.GeoDataFrame, fact: str, value: str, count: int) -> None:
    assert int((main[fact] == value).sum()) == count


def test_owners_committees_are_a_fifth(main: gpd.GeoDataFrame) -> None:
    assert round((main["owners_committee"] == "yes").mean(), 3) == 0.2


def test_the_two_coverages_lack_different_communities(main: gpd.GeoDataFrame) -> None:
    branch, work = (set(main.index[main[fact] != "yes"]) for fact in ("party_branch", "party_work"))
    assert branch - work
    assert work - branch


def test_residents_of_the_929(main: gpd.GeoDataFrame) -> None:
    assert int(main["residents"].sum()) == 1_150_000
    assert int(main["residents"].isna().sum()) == 10
    known = main.dropna(subset=["residents"])
    assert (known["residents_definition"].notna() & known["residents_source"].notna()).all()
    assert known["residents_date"].notna().all()


def test_urban_villages_have_residents_of_their_own(rows: Frames, main: gpd.GeoDataFrame) -> None:
    villages = rows["communities"].drop(main.index)
    assert villages["residents"].sum() > 30_000
    assert 1 <= int(villages["residents"].isna().sum()) <= 2


def test_floating_residents(main: gpd.GeoDataFrame) -> None:
    share = (main["floating_residents"] / main["residents"]).dropna().astype(float)
    assert share.between(0, 1).all()
    assert (share > 0.5).mean() > 0.7
    assert (share > 0.8).sum() > 20


def test_double_none(main: gpd.GeoDataFrame) -> None:
    unmanaged = main["property_management"] == "no"
    assert int((unmanaged & (main["owners_committee"] == "no")).sum()) == 118
    unknown = (main["property_management"] == "unknown") | (main["owners_committee"] == "unknown")
    assert 20 <= int(unknown.sum()) <= 44


def test_property_staff(main: gpd.GeoDataFrame) -> None:
    assert int(main["property_staff"].sum()) == 12_740
    assert (main.loc[main["property_management"] == "no", "property_staff"] == 0).all()
    assert main["property_staff"].isna().any()


def test_mediation(rows: Frames, main: gpd.GeoDataFrame) -> None:
    rooms = rows["mediation_rooms"]
    assert len(rooms) == rooms["community"].nunique() == 411
    assert int(rooms["mediators"].sum()) == 1132
    assert (rooms["mediators"] == 0).any()
    served = main.loc[rooms["community"]]
    assert (served["property_management"] == "yes").all()
    assert (served["households"] >= 300).all()
    large = main[main["households"].ge(300).fillna(False).astype(bool)]
    missing = large.drop(rooms["community"])
    assert 20 <= len(missing) <= 35
    assert (missing["property_management"] != "yes").any()
    assert main["households"].isna().any()


def test_buildings(rows: Frames) -> None:
    buildings = rows["buildings"]
    assert len(buildings) >= 21_000
    assert 0.25 < buildings["entrance_lon"].notna().mean() < 0.4
    assert (buildings["entrance_lon"].isna() == buildings["entrance_lat"].isna()).all()
    assert 0.01 < buildings["floors"].isna().mean() < 0.1
    assert buildings["community"].isna().sum() > 2_000
    assert set(buildings["use"].dropna()) == {
        "residential",
        "mixed",
        "commercial",
        "public",
        "industrial",
        "other",
    }


def test_facilities(rows: Frames, standards: Standards) -> None:
    counts = rows["facilities"]["kind"].value_counts()
    assert set(counts.index) == set(standards.facility_kinds)
    assert counts.to_dict() == {
        "community_service_station": 109,
        "day_care": 156,
        "health_station": 84,
        "health_centre": 10,
        "cultural_station": 62,
        "cultural_centre": 6,
        "library": 12,
        "party_mass_service_centre": 95,
        "rehabilitation_centre": 14,
    }
    assert rows["facilities"]["name"].is_unique


def test_a_third_to_a_half_of_the_residents_are_far_from_day_care(
    rows: Frames, shapes: dict[str, np.ndarray], standards: Standards
) -> None:
    people = rows["communities"]["residents"].fillna(0).to_numpy(dtype=float)
    day_care = shapes["facilities"][rows["facilities"]["kind"] == "day_care"]
    homes = shapely.point_on_surface(shapes["communities"])
    nearest = shapely.STRtree(day_care).query_nearest(homes, return_distance=True, all_matches=False)[1]
    far = nearest * standards.detour_factor > standards.limits["day_care"].limit_m
    assert 0.3 < people[far].sum() / people.sum() < 0.5


def test_complaints(rows: Frames, standards: Standards) -> None:
    complaints = rows["complaints"]
    assert len(complaints) >= 60_000
    assert complaints["opened"].dt.year.value_counts().index.sort_values().tolist() == [2017, 2018, 2019]
    assert complaints["opened"].between("2017-01-01", AS_OF).all()
    closed = complaints.dropna(subset=["closed"])
    assert (closed["closed"] >= closed["opened"]).all()
    assert (closed["closed"] <= AS_OF).all()
    groups = complaints.groupby("category")["demand_group"].unique()
    assert {name: [standards.demand_group(name)] for name in groups.index} == groups.map(list).to_dict()
    assert set(complaints["demand_group"]) == {code.id for code in standards.code_lists["demand_groups"]}
    assert 0.01 < complaints["community"].isna().mean() < 0.03
    assert complaints["text"].isna().all()


def test_disputes_in_the_pilots_fell_as_published(
    rows: Frames, main: gpd.GeoDataFrame, standards: Standards
) -> None:
    pilots = main.index[main["pilot"] == "yes"]
    assert len(pilots) == 8
    title = standards.title("complaint_categories", standards.dispute_category).zh
    complaints = rows["complaints"]
    disputes = complaints[complaints["community"].isin(pilots) & (complaints["category"] == title)]
    counts = disputes["opened"].dt.year.value_counts()
    assert round((counts[2018] - counts[2017]) / counts[2017], 3) == -0.324
    assert disputes["community"].nunique() == 8


def test_complaints_cluster_for_reasons(rows: Frames, main: gpd.GeoDataFrame) -> None:
    made = rows["complaints"]["community"].value_counts().reindex(main.index).fillna(0)
    people = main["residents"].astype(float)
    lacking = (main["property_management"] == "no") & (main["owners_committee"] == "no")

    def rate(some: pd.Series) -> float:
        some &= people.notna()
        return float(made[some].sum() / people[some].sum())

    assert rate(lacking) > 1.5 * rate(~lacking)
    assert rate(main["kind"] == "old_estate") > 1.3 * rate(main["kind"] == "garden_estate")


# Facts


def test_facts_are_dated_where_known(rows: Frames) -> None:
    communities = rows["communities"]
    for fact in FACTS:
        dates = communities[f"{fact}_date"]
        assert (dates.notna() == (communities[fact] != "unknown")).all(), fact
        assert dates.max() <= AS_OF


def test_contracts_and_terms(main: gpd.GeoDataFrame) -> None:
    assert (main["contract_end"] > main["contract_start"])[main["contract_end"].notna()].all()
    managed = main[main["property_management"] == "yes"]
    assert (managed["contract_end"] < AS_OF).sum() > 5
    assert managed["contract_end"].between(AS_OF, AS_OF + pd.Timedelta(days=90)).sum() > 5
    gone = main[(main["property_management"] == "no") & main["contract_end"].notna()]
    assert len(gone) > 30
    assert (gone["contract_end"] < AS_OF).all()
    terms = main.dropna(subset=["committee_term_end"])
    assert (terms["owners_committee"] == "yes").all()
    assert (terms["committee_term_end"] > terms["committee_term_start"]).all()


def test_codes_of_closed_lists(rows: Frames, standards: Standards) -> None:
    for name, layer in LAYERS.items():
        for field in layer.fields:
            if field.codes is not None:
                known = {code.id for code in standards.code_lists[field.codes]}
                assert set(rows[name][field.name].dropna()) <= known, field.name


def test_names_are_unique(rows: Frames) -> None:
    for layer in ("subdistricts", "neighbourhoods", "communities"):
        assert rows[layer]["name"].is_unique
    assert rows["communities"]["name_en"].is_unique


def test_real_codes_and_names(rows: Frames, test_data: Path) -> None:
    real = pd.read_csv(test_data / "shenzhen" / "luohu_neighbourhoods.csv", dtype=str, index_col="code")
    wanted = real["name"].str.removesuffix("居民委员会")
    assert rows["neighbourhoods"]["name"].to_dict() == wanted.to_dict()


# References


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_parents_exist_and_agree(rows: Frames, layer: str) -> None:
    frame = rows[layer]
    for field in LAYERS[layer].parents:
        assert field.parent is not None
        named = frame[field.name].dropna()
        assert named.isin(rows[field.parent].index).all(), field.name
        if field.parent != "communities":
            assert len(named) == len(frame)
    if "neighbourhood" in frame:
        assert (frame["subdistrict"] == frame["neighbourhood"].str[:9]).all()


def test_buildings_name_the_community_that_holds_them(rows: Frames) -> None:
    named = rows["buildings"].dropna(subset=["community"])
    parent = rows["communities"].loc[named["community"]]
    assert (named["neighbourhood"].to_numpy() == parent["neighbourhood"].to_numpy()).all()
    assert set(named["community"]) == set(rows["communities"].index)


# Geometry


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_everything_is_valid_and_inside_the_outline(rows: Frames, store: Store, layer: str) -> None:
    shapes = rows[layer].geometry.to_numpy()
    outline = store.district().outline
    shapely.prepare(outline)
    assert shapely.is_valid(shapes).all()
    assert shapely.covers(outline, shapes).all()


@pytest.mark.parametrize("layer", ["subdistricts", "neighbourhoods"])
def test_areas_partition_the_outline(
    rows: Frames, shapes: dict[str, np.ndarray], store: Store, layer: str
) -> None:
    assert len(rows[layer]) == {"subdistricts": 10, "neighbourhoods": 109}[layer]
    assert (shapely.get_type_id(shapes[layer]) == shapely.GeometryType.POLYGON).all()
    assert shapely.coverage_is_valid(rows[layer].geometry.to_numpy())
    outline = to_metric(np.array([store.district().outline]), METRIC)[0]
    assert shapely.area(shapes[layer]).sum() == pytest.approx(outline.area, abs=1.0)
    assert overlap_m2(shapes[layer]) < 1e-3


def test_neighbourhoods_partition_their_subdistrict(rows: Frames, shapes: dict[str, np.ndarray]) -> None:
    areas = (
        pd.Series(shapely.area(shapes["neighbourhoods"]))
        .groupby(rows["neighbourhoods"]["subdistrict"].to_numpy())
        .sum()
    )
    wanted = pd.Series(shapely.area(shapes["subdistricts"]), index=rows["subdistricts"].index)
    assert areas.to_numpy() == pytest.approx(wanted[areas.index].to_numpy(), abs=0.1)
    parents = covering(rows["subdistricts"], shapes["subdistricts"], rows["neighbourhoods"]["subdistrict"])
    assert shapely.area(shapely.difference(shapes["neighbourhoods"], parents)).max() < 1e-3


def test_management_cells_tile_the_built_up_area(rows: Frames, shapes: dict[str, np.ndarray]) -> None:
    cells = rows["management_cells"]
    assert 600 <= len(cells) <= 3_000
    assert cells.index.str.fullmatch(r"\d{15}").all()
    assert (cells.index.str[:12] == cells["neighbourhood"]).all()
    assert (cells["scheme"] == "GB/T 30428.1 15").all()
    union = shapely.union_all(shapes["management_cells"])
    assert union.area / 1e6 == pytest.approx(33.72, abs=0.005)
    assert shapely.area(shapes["management_cells"]).sum() == pytest.approx(union.area, abs=0.5)
    assert shapely.coverage_is_valid(cells.geometry.to_numpy())
    assert overlap_m2(shapes["management_cells"]) < 1e-3


def test_built_up_area_leaves_hills_and_water_out(shapes: dict[str, np.ndarray], store: Store) -> None:
    outline = to_metric(np.array([store.district().outline]), METRIC)[0]
    free = shapely.difference(outline, shapely.union_all(shapes["management_cells"]))
    large = [part.area for part in shapely.get_parts(free) if part.area > 20_000]
    assert len(large) >= 5
    assert max(large) > 30e6
    built = shapely.union_all(shapes["buildings"])
    assert shapely.intersection(free, built).area < 1e-6


@pytest.mark.parametrize("layer", ["communities", "buildings"])
def test_nothing_overlaps(shapes: dict[str, np.ndarray], layer: str) -> None:
    assert overlap_m2(shapes[layer]) == 0.0


@pytest.mark.parametrize(
    ("layer", "parent", "field"),
    [
        ("communities", "neighbourhoods", "neighbourhood"),
        ("management_cells", "neighbourhoods", "neighbourhood"),
        ("buildings", "neighbourhoods", "neighbourhood"),
        ("buildings", "communities", "community"),
        ("mediation_rooms", "communities", "community"),
        ("facilities", "neighbourhoods", "neighbourhood"),
        ("facilities", "communities", "community"),
        ("complaints", "neighbourhoods", "neighbourhood"),
        ("complaints", "communities", "community"),
    ],
)
def test_features_lie_within_the_parent_they_name(
    rows: Frames, shapes: dict[str, np.ndarray], layer: str, parent: str, field: str
) -> None:
    named = rows[layer][field].notna().to_numpy()
    parents = covering(rows[parent], shapes[parent], rows[layer][field][named])
    outside = shapely.difference(shapes[layer][named], shapely.buffer(parents, 1e-4))
    assert shapely.is_empty(outside).all()


def test_no_building_is_cut_by_a_border(shapes: dict[str, np.ndarray]) -> None:
    """Each building lies in exactly one cell, and in one community or in none."""
    for layer, least in (("management_cells", 1), ("communities", 0)):
        tree = shapely.STRtree(shapes["buildings"])
        meets = np.bincount(
            tree.query(shapes[layer], predicate="intersects")[1], minlength=len(shapes["buildings"])
        )
        holds = np.bincount(
            tree.query(shapes[layer], predicate="contains_properly")[1], minlength=len(shapes["buildings"])
        )
        assert (meets == holds).all()
        assert meets.max() == 1
        assert meets.min() == least


def test_streets_lie_between_communities(shapes: dict[str, np.ndarray]) -> None:
    communities = shapes["communities"]
    one, other = shapely.STRtree(communities).query(communities, predicate="dwithin", distance=2.5)
    assert (one == other).all()


def test_entrances_are_at_their_building(rows: Frames) -> None:
    known = rows["buildings"].dropna(subset=["entrance_lon"])
    doors = np.asarray(shapely.points(known["entrance_lon"], known["entrance_lat"]), dtype=object)
    apart = shapely.distance(to_metric(doors, METRIC), to_metric(known.geometry.to_numpy(), METRIC))
    assert apart.max() < 0.01


def test_some_buildings_have_courts_and_corners(shapes: dict[str, np.ndarray]) -> None:
    buildings = shapes["buildings"]
    assert (shapely.get_num_interior_rings(buildings) > 0).sum() > 50
    corners = shapely.get_num_coordinates(buildings)
    assert (corners == 7).sum() > 100
    assert (corners == 9).sum() > 100


# Determinism


def test_generating_again_gives_the_same_bytes(standards: Standards, rows: Frames) -> None:
    _, frames = generate(standards)
    assert list(frames) == list(LAYERS)
    for name, frame in frames.items():
        assert frame.crs == "EPSG:4490"
        assert (
            shapely.to_wkb(frame.geometry.to_numpy()).tolist()
            == shapely.to_wkb(rows[name].geometry.to_numpy()).tolist()
        )
        assert_frame_equal(frame.drop(columns="geometry"), rows[name].drop(columns="geometry"))


def test_another_seed_keeps_the_published_figures(standards: Standards) -> None:
    steps: list[tuple[int, int]] = []
    _, frames = generate(standards, seed=7, progress=lambda _, done, total: steps.append((done, total)))
    total = steps[-1][1]
    assert steps == [(done, total) for done in range(total + 1)]
    communities = frames["communities"]
    villages = communities["kind"] == "urban_village"
    assert int(communities["residents"][~villages].sum()) == 1_150_000
    assert int((communities["property_management"][~villages] == "no").sum()) == 145
    assert len(frames["buildings"]) >= 21_000
    cells = to_metric(frames["management_cells"].geometry.to_numpy(), METRIC)
    assert shapely.area(cells).sum() / 1e6 == pytest.approx(33.72, abs=0.005)
