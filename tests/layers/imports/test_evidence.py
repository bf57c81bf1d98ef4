"""The datum guard on the ground of the small district, and in a city of blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.datum import Datum, convert_datum, convert_geometries
from layers.frames import conform
from layers.imports import evidence
from layers.imports.declaring import declare
from layers.imports.evidence import Ground, evidence_for, readings_of, sample
from layers.imports.guard import Verdict, judge
from layers.imports.options import ImportOptions
from layers.imports.raw import Source
from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import Store, create_store
from layers.text import Text
from tests.district import small_district
from tests.layers.imports.conftest import importer, refused

POINTS = Text("点", "points")
DATUMS: tuple[Datum, ...] = ("wgs84", "gcj02", "bd09")
NAMES = {"wgs84": "WGS 84", "gcj02": "GCJ-02", "bd09": "BD-09"}


def as_if(frame: gpd.GeoDataFrame, datum: Datum, *, swapped: bool = False) -> gpd.GeoDataFrame:
    """Return the features with coordinates in another datum."""
    shapes = convert_geometries(np.asarray(frame.geometry.array), source="cgcs2000", target=datum)
    if swapped:
        shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs="EPSG:4490"))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Store]]:
    """Return stores of the small district that hold just the layers named, each made once; no test writes."""
    folder = tmp_path_factory.mktemp("guard")

    @cache
    def make(*layers: str, outline: bool = True) -> Store:
        district, frames = small_district(outline=outline)
        url = f"gpkg:{folder / ('-'.join([*layers, str(outline)]) + '.gpkg')}"
        made.append(create_store(url, district, layers={name: frames[name] for name in layers}))
        return made[-1]

    made: list[Store] = []
    yield make
    for store in made:
        store.close()


def judged(
    store: Store, layer: str, frame: gpd.GeoDataFrame, declared: str, *, labels: bool = True
) -> Verdict:
    """Judge features of a layer under a declared datum."""
    shapes = np.asarray(frame.geometry.array)
    source = Source("csv", pd.DataFrame(), np.arange(len(shapes)))
    readings = readings_of(shapes, declare(source, ImportOptions(datum=declared)), table=True)
    ground = Ground(store, store.district())
    fields = LAYERS[layer].parents if labels else ()
    parents = {field.name: frame[field.name].reset_index(drop=True) for field in fields}
    pieces = evidence_for(LAYERS[layer], parents, ground, count=len(shapes))
    return judge(readings, pieces, noun=POINTS)


def placed(layer: str) -> gpd.GeoDataFrame:
    return small_district()[1][layer]


@pytest.mark.parametrize(
    "layer", ["communities", "buildings", "facilities", "complaints", "management_cells", "neighbourhoods"]
)
@pytest.mark.parametrize("real", DATUMS)
@pytest.mark.parametrize("declared", DATUMS)
def test_labels_find_the_datum(
    stored: Callable[..., Store], layer: str, real: Datum, declared: Datum
) -> None:
    store = stored("subdistricts", "neighbourhoods")
    found = judged(store, layer, as_if(placed(layer), real), declared)
    if declared == real:
        assert found.status == "fits"
    elif len(placed(layer)) >= 20:
        assert found.status == "refused"
        assert found.better[0] == real
        assert NAMES[real] in found.sentence.en
        assert f"--datum {real}" in found.remedy.en
    else:
        # Few features may be too few to tell, but never speak for a wrong datum.
        assert found.status == "not_verified" or found.better[0] == real


@pytest.mark.parametrize("real", DATUMS)
@pytest.mark.parametrize("declared", DATUMS)
def test_swapped_axes_are_found(stored: Callable[..., Store], real: Datum, declared: Datum) -> None:
    store = stored("subdistricts")
    found = judged(store, "complaints", as_if(placed("complaints"), real, swapped=True), declared)
    assert found.status == "refused"
    assert found.better[0] == f"{real}-swapped"
    assert "swapped" in found.sentence.en
    assert "对调" in found.sentence.zh
    assert "as WGS 84 none" in found.sentence.en or declared != "wgs84"


@pytest.mark.parametrize("outline", [True, False])
@pytest.mark.parametrize("declared", DATUMS)
def test_swapped_axes_are_found_with_nothing_stored(
    stored: Callable[..., Store], outline: bool, declared: Datum
) -> None:
    found = judged(
        stored(outline=outline), "communities", as_if(placed("communities"), declared, swapped=True), declared
    )
    assert found.status == "refused"
    assert f"{declared}-swapped" in found.better


def test_with_nothing_stored_the_datum_is_not_verified(stored: Callable[..., Store]) -> None:
    for declared in DATUMS:
        found = judged(stored(outline=False), "communities", placed("communities"), declared)
        assert found.status == "not_verified"
        assert set(found.equal) == set(DATUMS) - {declared}
        assert "Datum not verified" in found.sentence.en


def test_a_twentieth_of_foreign_labels_changes_nothing(stored: Callable[..., Store]) -> None:
    store = stored("subdistricts", "neighbourhoods", "communities")
    for real in DATUMS:
        frame = as_if(placed("complaints"), real)
        for field in ("subdistrict", "neighbourhood", "community"):
            frame[field] = frame[field].where(np.arange(len(frame)) % 20 != 0, np.roll(frame[field], 90))
        for declared in DATUMS:
            found = judged(store, "complaints", frame, declared)
            assert (found.status == "refused") == (declared != real)
            assert declared == real or found.better[0] == real


def test_a_single_complaint(stored: Callable[..., Store]) -> None:
    store = stored("subdistricts", "neighbourhoods", "communities")
    one = placed("complaints").head(1)
    assert judged(store, "complaints", one, "wgs84").status == "fits"
    assert judged(store, "complaints", as_if(one, "bd09"), "wgs84").better == ("bd09",)
    unlabelled = judged(store, "complaints", one, "wgs84", labels=False)
    assert unlabelled.status in ("fits", "not_verified")


def test_communities_that_are_only_points_speak_too(make_store: Callable[..., Store]) -> None:
    _, frames = small_district(outline=False)
    store = make_store(outline=False)
    as_points = frames["communities"].set_geometry(frames["communities"].geometry.representative_point())
    store.upsert("communities", as_points)
    for real in DATUMS:
        for declared in DATUMS:
            found = judged(store, "buildings", as_if(frames["buildings"], real), declared)
            assert (found.status == "refused") == (declared != real)
    assert "250 m" in judged(store, "buildings", as_if(frames["buildings"], "bd09"), "wgs84").sentence.en


# Buildings: a city of blocks, so that streets are far from every wall.


@pytest.fixture(scope="module")
def city() -> gpd.GeoDataFrame:
    """Return buildings of 30 m on plots of 90 m, half of the plots empty."""
    there = np.random.default_rng(7).random((50, 50)) < 0.5
    east, north = np.nonzero(there)
    shapes = shapely.box(east * 90.0, north * 90.0, east * 90.0 + 30.0, north * 90.0 + 30.0)
    moved = shapely.transform(shapes, lambda xy: xy + np.array([511_000.0, 2_492_000.0]))
    frame = gpd.GeoDataFrame({"code": [f"B{n}" for n in range(len(shapes))]}, geometry=moved, crs="EPSG:4547")
    return conform(frame.to_crs("EPSG:4490"), LAYERS["buildings"])


@pytest.fixture(scope="module")
def city_store(tmp_path_factory: pytest.TempPathFactory, city: gpd.GeoDataFrame) -> Iterator[Store]:
    district, _ = small_district(outline=False)
    url = f"gpkg:{tmp_path_factory.mktemp('city') / 'city.gpkg'}"
    with create_store(url, district, layers={"buildings": city}) as store:
        yield store


def inner(city: gpd.GeoDataFrame, step: int) -> gpd.GeoDataFrame:
    """Return doors of some buildings that stand in the middle of the city."""
    metric = city.to_crs("EPSG:4547").geometry.representative_point()
    middle = metric[(abs(metric.x - 513_250) < 1_200) & (abs(metric.y - 2_494_250) < 1_200)].iloc[::step]
    return gpd.GeoDataFrame(geometry=middle, crs="EPSG:4547").to_crs("EPSG:4490")


@pytest.mark.parametrize("real", DATUMS)
@pytest.mark.parametrize("declared", DATUMS)
def test_buildings_find_the_datum_of_what_stands_at_them(
    city_store: Store, city: gpd.GeoDataFrame, real: Datum, declared: Datum
) -> None:
    found = judged(city_store, "facilities", as_if(inner(city, 2), real), declared, labels=False)
    assert found.status == ("fits" if declared == real else "refused")
    if declared != real:
        assert found.better == (real,)
        assert "within 20 m of a building" in found.sentence.en


def test_points_on_streets_are_not_drawn_to_buildings_by_chance(
    city_store: Store, city: gpd.GeoDataFrame
) -> None:
    doors = inner(city, 1).to_crs("EPSG:4547")
    # 57 m north of a building's centre lies between it and the next plot, 27 m or more from any wall.
    crossings = doors.translate(42.0, 57.0).to_crs("EPSG:4490")
    streets = gpd.GeoDataFrame(geometry=crossings)
    for real in DATUMS:
        assert judged(city_store, "complaints", as_if(streets, real), real, labels=False).status != "refused"


def test_many_records_are_judged_by_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "SAMPLE", 10)
    usable = np.ones(1000, dtype=bool)
    usable[:500] = False
    at = sample(usable)
    assert (at.size, at.min(), at.max()) == (10, 500, 999)
    assert sample(np.array([True, False, True])).tolist() == [0, 2]


def test_readings_of_coordinates_outside_china_and_of_projected_ones() -> None:
    def ids(crs: str, xy: tuple[float, float]) -> list[str]:
        source = Source("csv", pd.DataFrame(), np.arange(1))
        shapes = np.array([shapely.Point(xy)], dtype=object)
        return [one.id for one in readings_of(shapes, declare(source, ImportOptions(crs=crs)), table=True)]

    assert ids("EPSG:4326", (-122.4, 37.8)) == ["wgs84", "wgs84-swapped"]
    assert ids("EPSG:4547", (513_000, 2_494_000)) == ["EPSG:4547", "EPSG:4547-swapped"]
    assert ids("EPSG:4326", (114.1, 22.5)) == ["wgs84", "gcj02", "bd09", "wgs84-swapped"]
    assert ids("EPSG:4326", (22.5, 114.1)) == ["wgs84", "wgs84-swapped", "gcj02-swapped", "bd09-swapped"]


def test_readings_agree_with_the_conversion() -> None:
    source = Source("csv", pd.DataFrame(), np.arange(1))
    shapes = np.array([shapely.Point(114.143, 22.552)], dtype=object)
    readings = {
        one.id: (one.lon[0], one.lat[0])
        for one in readings_of(shapes, declare(source, ImportOptions(datum="wgs84")), table=True)
    }
    for datum in ("gcj02", "bd09"):
        lon, lat = convert_datum([114.143], [22.552], source=datum, target="cgcs2000")
        assert readings[datum] == (lon[0], lat[0])


def test_swapped_projected_axes_are_found(
    make_store: Callable[..., Store], standards: Standards, tmp_path: Path
) -> None:
    metric = placed("complaints").to_crs("EPSG:4547").geometry
    path = tmp_path / "a.csv"
    frame = pd.DataFrame({"x": metric.y, "y": metric.x})  # as surveyors write them: northing first
    frame.assign(category="noise", opened="2019-03-01", n=range(len(frame))).to_csv(path, index=False)
    run = importer(make_store(), standards)
    said = str(refused(lambda: run("complaints", path, crs="EPSG:4547")))
    assert "EPSG:4547 with swapped axes fits: 180 of 180 points lie within the outline" in said
    assert "--lon and --lat" in said
    assert run("complaints", path, crs="EPSG:4547", lon="y", lat="x").taken == 180
