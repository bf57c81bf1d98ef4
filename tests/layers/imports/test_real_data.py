"""Files that nobody prepared: real buildings, amenities, communities and incidents."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layers.imports.dates import day_order
from layers.imports.source import read_source
from layers.standards import Standards
from layers.store import District, Store, create_store
from tests.layers.imports.conftest import Import, importer, refused, sentences

pytestmark = pytest.mark.data


@pytest.fixture
def district(tmp_path: Path, standards: Standards) -> Iterator[Callable[[str], tuple[Store, Import]]]:
    """Return a maker of empty districts that are measured in a CRS."""
    made: list[Store] = []

    def make(metric_crs: str) -> tuple[Store, Import]:
        url = f"gpkg:{tmp_path / f'district{len(made)}.gpkg'}"
        made.append(create_store(url, District(name="x", metric_crs=metric_crs)))
        return made[-1], importer(made[-1], standards)

    yield make
    for store in made:
        store.close()


District_ = Callable[[str], tuple[Store, Import]]


def test_buildings_and_amenities_of_liechtenstein(district: District_, test_data: Path) -> None:
    store, run = district("EPSG:32632")
    source = test_data / "buildings" / "liechtenstein.gpkg"
    said = str(refused(lambda: run("buildings", source)))
    assert "buildings, poi_points, amenity_polygons, roads" in said
    report = run("buildings", source, source_layer="buildings")
    assert (report.taken, report.duplicates, report.rejected, report.codes_made) == (8_994, 0, 0, 8_994)
    assert report.verdict.status == "fits"
    assert report.repairs == {"repeated_points": 3}
    again = run("buildings", source, source_layer="buildings")
    assert (again.unchanged, store.counts()["buildings"]) == (8_994, 8_994)
    kinds = {"library": "library", "townhall": "community_service_station", "doctors": "health_station"}
    found = run(
        "facilities",
        source,
        source_layer="poi_points",
        columns={"kind": "amenity"},
        values={"kind": kinds},
        only={"amenity": tuple(kinds)},
    )
    there = read_source(source, source_layer="poi_points").columns["amenity"].isin(kinds).sum()
    assert found.taken == there > 0
    assert found.verdict.status == "fits"
    swapped = refused(
        lambda: run(
            "complaints", source, source_layer="roads", constants={"category": "x", "opened": "2015-01-01"}
        )
    )
    assert "The geometry is a line" in sentences(swapped)[0]


def write_communities(test_data: Path, path: Path) -> int:
    rows: dict[tuple[str, str, str], str] = {}
    with gzip.open(test_data / "shenzhen" / "sz_ziroom_2016.csv.gz", "rt", encoding="utf-8-sig") as lines:
        for row in csv.DictReader(lines):
            rows[row["community"], row["lng"], row["lat"]] = row["district"]
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["小区名称", "所属街道", "经度", "纬度"])
        writer.writerows([name, label, lng, lat] for (name, lng, lat), label in sorted(rows.items()))
    return len(rows)


@pytest.mark.parametrize("labelled", [True, False])
def test_communities_of_shenzhen_in_bd09(
    district: District_, test_data: Path, tmp_path: Path, labelled: bool
) -> None:
    store, run = district("EPSG:4547")
    outlines = test_data / "shenzhen" / "sz_districts_transbigdata.geojson"
    report = run("subdistricts", outlines, columns={"name": "qh", "code": "qh"})
    assert (report.taken, report.verdict.status) == (10, "not_verified")
    assert report.verdict.equal == ("gcj02", "bd09")
    path = tmp_path / "communities.csv"
    count = write_communities(test_data, path)
    columns = {} if labelled else {"subdistrict": ""}
    for declared in ("wgs84", "gcj02", "cgcs2000"):
        if labelled:
            error = refused(run, "communities", path, datum=declared)
            assert f"BD-09 fits: {count} of {count} points lie in the subdistrict they name" in str(error)
            assert declared == "gcj02" or "only 483" in str(error)
    assert store.counts()["communities"] == 0
    taken = run("communities", path, datum="bd09", columns=columns)
    assert taken.taken == count == 516
    assert taken.verdict.status == ("fits" if labelled else "not_verified")
    assert set(taken.mapping.automatic) == ({"name", "subdistrict"} if labelled else {"name"})


def test_incidents_of_san_francisco(district: District_, test_data: Path) -> None:
    store, run = district("EPSG:26910")
    path = test_data / "complaints" / "sf_crime_2012H2.csv.gz"
    report = run("complaints", path, datum="wgs84", columns={"opened": "date"})
    assert (report.read, report.duplicates, report.taken, report.rejected) == (13_472, 3_319, 10_153, 0)
    # The same rows by their projected coordinates lie at the same places.
    lonlat = store.read("complaints").geometry
    run("complaints", path, crs="EPSG:2227", lon="X_pr", lat="Y_pr", columns={"opened": "date"})
    feet = store.read("complaints").geometry
    assert feet.index.equals(lonlat.index)
    apart = lonlat.to_crs("EPSG:26910").distance(feet.to_crs("EPSG:26910"))
    # The publisher's two pairs of columns disagree for a handful of rows.
    assert (apart < 0.01).mean() > 0.99


def test_swapped_headers_of_syracuse(district: District_, test_data: Path, tmp_path: Path) -> None:
    store, run = district("EPSG:32618")
    path = test_data / "complaints" / "syracuse_potholes_2016.csv.gz"
    rejects = tmp_path / "r.csv"

    def take(**position: Any) -> object:
        return run(
            "complaints", path, datum="wgs84", columns={"opened": "dtTime"}, constants={"category": "pothole"},
            rejects=rejects, **position,
        )  # fmt: skip

    labelled: tuple[dict[str, str], ...] = ({}, {"lon": "Longitude", "lat": "Latitude"})
    for position in labelled:
        assert "WGS 84 with swapped axes fits: 7535 of 7535 points" in str(refused(take, **position))
        assert store.counts()["complaints"] == 0
    take(lon="Latitude", lat="Longitude")
    frame = store.read("complaints")
    assert len(frame) == 7_535
    # Month first, as the whole column shows.
    assert day_order(read_source(path).columns["dtTime"].str.split().str[0].unique()) == "month_first"
    assert frame["opened"].dt.year.eq(2016).all()
    assert frame["opened_time"].notna().all()


def test_requests_of_st_louis(district: District_, test_data: Path, tmp_path: Path) -> None:
    store, run = district("EPSG:32615")
    path = test_data / "complaints" / "stlouis_csb_jan2018.csv.gz"
    columns = {
        "code": "requestid",
        "category": "problemcode",
        "opened": "datetimeinit",
        "closed": "datetimeclosed",
    }
    options: dict[str, Any] = {"crs": "ESRI:102696", "lon": "srx", "lat": "sry", "columns": columns}
    error = refused(run, "complaints", path, **options)
    assert len(error.problems) == 48 + 18
    assert store.counts()["complaints"] == 0
    rejects = tmp_path / "r.csv"
    report = run("complaints", path, rejects=rejects, **options)
    assert (report.read, report.duplicates, report.rejected, report.taken) == (1_554, 13, 66, 1_475)
    assert "off by metres" in " ".join(note.en for note in report.notes)
    aside = pd.read_csv(rejects, dtype="str", encoding="utf-8-sig")
    assert len(aside) == 66
    assert aside["problems"].str.contains("no position").sum() == 48
    assert aside["problems"].str.contains("share this code").sum() == 18
    assert aside["row"].astype(int).is_monotonic_increasing
    again = run("complaints", path, rejects=rejects, **options)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 1_475)
