"""What coordinates are declared to be in, and geometry row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from layers.imports.declaring import check_declaration, declare
from layers.imports.findings import Findings
from layers.imports.mapping import Mapping
from layers.imports.options import ImportOptions
from layers.imports.placing import (
    fit_for_layer,
    in_area,
    outside,
    raw_faults,
    stored_shapes,
    table_shapes,
)
from layers.imports.raw import Source
from layers.problems import BadParameter
from layers.schema import LAYERS
from tests.layers.imports.conftest import refused

LUOHU = (114.1315, 22.5485)
LUOHU_BD09 = (114.14301909, 22.55201540)
LUOHU_GCJ02 = (114.13657609, 22.54579669)


def source(crs: str | None, *, names_crs: bool = True) -> Source:
    return Source(
        kind="geojson" if crs else "csv",
        columns=pd.DataFrame(),
        rows=np.arange(0),
        crs=crs,
        names_crs=names_crs and crs is not None,
    )


def stored(of_file: str | None, xy: tuple[float, float], **options: Any) -> tuple[float, float]:
    declared = declare(source(of_file), ImportOptions(**options))
    [point] = declared.to_stored(np.array([shapely.Point(xy)], dtype=object))
    return point.x, point.y


def test_what_is_declared_is_where_it_lands() -> None:
    for datum, xy in (("wgs84", LUOHU), ("cgcs2000", LUOHU), ("gcj02", LUOHU_GCJ02), ("bd09", LUOHU_BD09)):
        assert stored(None, xy, datum=datum) == pytest.approx(LUOHU, abs=1e-8)
        assert stored("EPSG:4326", xy, datum=datum) == pytest.approx(LUOHU, abs=1e-8)
    assert stored("EPSG:4490", LUOHU) == LUOHU
    assert stored(None, (513522.3, 2494608.7), crs="EPSG:4547") == pytest.approx(
        (114.1315, 22.5485), abs=1e-3
    )
    assert stored("EPSG:4547", (513522.3, 2494608.7), datum="cgcs2000") == stored(
        "EPSG:4547", (513522.3, 2494608.7)
    )


def test_nothing_declared() -> None:
    error = refused(lambda: declare(source(None), ImportOptions()))
    assert "--datum" in str(error)
    assert "--crs" in str(error)
    assert "--datum" in error.message.zh


@pytest.mark.parametrize("crs", ["EPSG:4214", "EPSG:4610", "EPSG:2435", "EPSG:2362"])
def test_old_chinese_frames_are_refused(crs: str) -> None:
    for declaring in (
        lambda: declare(source(crs), ImportOptions()),
        lambda: declare(source(None), ImportOptions(crs=crs)),
        lambda: declare(source(crs), ImportOptions(datum="wgs84")),
    ):
        said = str(refused(declaring))
        assert "Beijing 1954" in said
        assert "Xian 1980" in said


def test_an_old_frame_with_its_transformation_is_taken() -> None:
    text = "+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3,0,0,0,0 +no_defs"
    declared = declare(source("EPSG:4214"), ImportOptions(crs=text))
    [point] = declared.to_stored(np.array([shapely.Point(LUOHU)], dtype=object))
    assert 10 < point.distance(shapely.Point(LUOHU)) * 111_000 < 300
    assert [note.en for note in declared.notes]


def test_one_frame_and_other_frames_are_noted() -> None:
    def notes(crs: str) -> str:
        return " ".join(note.en for note in declare(source(crs), ImportOptions()).notes)

    assert "less than 1 m" in notes("EPSG:4326")
    assert "less than 1 m" in notes("EPSG:32650")
    assert notes("EPSG:4490") == notes("EPSG:4547") == ""
    assert "off by metres" in notes("EPSG:4269")
    assert "off by metres" in notes("ESRI:102696")


def test_contradictions_between_file_and_options() -> None:
    assert "EPSG:3857" in str(refused(lambda: declare(source("EPSG:3857"), ImportOptions(datum="gcj02"))))
    assert "contradicts" in str(refused(lambda: declare(source("EPSG:4269"), ImportOptions(datum="bd09"))))
    said = str(refused(lambda: declare(source("EPSG:4326"), ImportOptions(crs="EPSG:4547"))))
    assert "EPSG:4326" in said
    assert "EPSG:4547" in said
    assert declare(source("EPSG:4547"), ImportOptions(crs="EPSG:4547")).name == "EPSG:4547"
    assert declare(source("OGC:CRS84"), ImportOptions(crs="EPSG:4326")).name == "WGS 84"
    # GeoJSON that names no CRS may be told one.
    assert declare(source("EPSG:4326", names_crs=False), ImportOptions(crs="EPSG:4547")).name == "EPSG:4547"
    assert "is not known: nonsense" in str(refused(lambda: declare(source("nonsense"), ImportOptions())))


@pytest.mark.parametrize(
    "options",
    [
        {"crs": "EPSG:4326", "datum": "gcj02"},
        {"crs": "EPSG:4490", "datum": "bd09"},
        {"crs": "EPSG:4269", "datum": "wgs84"},
        {"crs": "EPSG:4214", "datum": "wgs84"},
        {"crs": "EPSG:0"},
        {"crs": "x"},
        {"datum": "wgs"},
        {"lon": "x"},
        {"lat": "y"},
    ],
)
def test_options_that_contradict_each_other(options: dict[str, str]) -> None:
    with pytest.raises(BadParameter):
        check_declaration(ImportOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"crs": "EPSG:4547", "datum": "cgcs2000"}, {"crs": "EPSG:4326", "datum": "wgs84"}, {}]
)
def test_options_that_agree(options: dict[str, str]) -> None:
    check_declaration(ImportOptions(**options))  # type: ignore[arg-type]


def placed(columns: dict[str, list[str | None]], **position: str) -> tuple[np.ndarray, Findings]:
    frame = pd.DataFrame(columns, dtype="str")
    findings = Findings(np.arange(2, len(frame) + 2))
    shapes, _ = table_shapes(frame, Mapping({}, {}, {}, **position), findings)  # type: ignore[arg-type]
    return shapes, findings


def test_positions_in_columns() -> None:
    x = ["114.1", " 114.1 ", "１１４.1", "114.1E", "NA", None, "nan", "1e2", "1141,5", "-.5"]
    shapes, findings = placed({"x": x, "y": ["22.5"] * len(x)}, lon="x", lat="y")
    assert [None if p is None else p.x for p in shapes] == [
        114.1,
        114.1,
        None,
        None,
        None,
        None,
        None,
        100,
        None,
        -0.5,
    ]
    said = {problem.row: problem for problem in findings.problems}
    assert [row for row in range(20) if row in said] == [4, 5, 6, 7, 8, 10]
    assert said[4].remedy.en == said[5].remedy.en == "Write just 114.1."
    assert (said[4].field, said[4].value) == ("x", "１１４.1")
    assert "no position" in said[6].message.en
    assert "no position" in said[7].message.en
    assert "NaN or infinite" in said[8].message.en


def test_both_coordinates_wrong_are_two_problems_and_not_three() -> None:
    shapes, findings = placed({"x": ["a"], "y": ["b"]}, lon="x", lat="y")
    assert [problem.field for problem in findings.problems] == ["x", "y"]
    raw_faults(shapes, findings, noted=findings.bad.copy())
    assert len(findings.problems) == 2


def test_wkt() -> None:
    texts = ["POINT (1 2)", "POLYGON ((0 0, 1 0, 1 1))", "POINT (1", "", None]
    shapes, findings = placed({"w": texts}, wkt="w")
    assert shapely.to_wkt(shapes[:2]).tolist() == ["POINT (1 2)", "POLYGON ((0 0, 1 0, 1 1, 0 0))"]
    assert [(problem.row, problem.value) for problem in findings.problems] == [
        (4, "POINT (1"),
        (5, None),
        (6, None),
    ]


def faults_of(*shapes: Any, layer: str = "communities") -> tuple[list[str], np.ndarray, dict[str, int]]:
    given = np.array([None, *shapes], dtype=object)[1:]
    findings = Findings(np.arange(len(given)))
    usable = raw_faults(given, findings, noted=np.zeros(len(given), dtype=bool))
    declared = declare(source("EPSG:4490"), ImportOptions())
    stored, usable = stored_shapes(given, declared, usable, findings)
    fitted, repairs = fit_for_layer(stored, LAYERS[layer], usable, findings)
    said = [""] * len(given)
    for problem in findings.problems:
        said[problem.row or 0] += problem.message.en
    return said, fitted, dict(repairs)


@pytest.mark.parametrize(
    ("wkt", "said"),
    [
        ("POINT EMPTY", "no position"),
        ("POINT (0 0)", "(0, 0)"),
        ("MULTIPOLYGON EMPTY", "no position"),
        ("POINT (181 0)", "no longitude and latitude"),
        ("POINT (22.5 114.1)", "no longitude and latitude"),
        ("POINT (513522 2494608)", "no longitude and latitude"),
        ("LINESTRING (1 1, 2 2)", "The geometry is a line"),
        ("MULTIPOINT (1 1, 2 2)", "The geometry is several points"),
        ("GEOMETRYCOLLECTION (POINT (1 1))", "The geometry is a collection"),
        ("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))", "cannot be repaired without loss"),
        ("POLYGON ((1 1, 2 1, 1 1))", "cannot be repaired without loss"),
    ],
)
def test_geometry_that_is_refused(wkt: str, said: str) -> None:
    messages, _, repairs = faults_of(shapely.from_wkt(wkt))
    assert said in messages[0]
    assert repairs == {}


def test_missing_and_infinite_geometry() -> None:
    messages, _, _ = faults_of(None, shapely.Point(np.nan, 1), shapely.Point(np.inf, 1))
    assert "no position" in messages[0]
    assert "NaN or infinite" in messages[1]
    assert "NaN or infinite" in messages[2]


def test_what_is_sound_or_repaired_without_loss() -> None:
    shapes = [
        shapely.Point(1, 1),
        shapely.MultiPoint([(1, 1)]),
        shapely.MultiPolygon([shapely.box(1, 1, 2, 2)]),
        shapely.from_wkt("POLYGON ((0 0, 0 0, 1 0, 1 1, 0 0))"),
        shapely.from_wkt("POLYGON ((0 0, 4 0, 4 4, 2 2, 0 4, 2 2, 0 0))"),
    ]
    messages, fitted, repairs = faults_of(*shapes)
    assert messages[:4] == [""] * 4
    assert fitted[1] == shapely.Point(1, 1)
    assert fitted[2] == shapes[2]
    assert repairs["repeated_points"] == 1


def test_each_layer_takes_its_kinds() -> None:
    point, polygon = shapely.Point(1, 1), shapely.box(1, 1, 2, 2)
    for layer in LAYERS.values():
        messages, _, _ = faults_of(point, polygon, layer=layer.name)
        assert (messages[0] == "") == ("point" in layer.geometry)
        assert (messages[1] == "") == ("polygon" in layer.geometry)


def test_coordinates_beyond_the_reach_of_a_projection() -> None:
    declared = declare(source("EPSG:4547"), ImportOptions())
    findings = Findings(np.arange(1))
    shapes = np.array([shapely.Point(1e12, 1e12)], dtype=object)
    _, usable = stored_shapes(shapes, declared, np.array([True]), findings)
    assert not usable.any()
    assert "out of reach" in findings.problems[0].message.en


def test_outside_the_outline() -> None:
    outline = shapely.box(114, 22, 115, 23)
    shapes = np.array(
        [
            shapely.Point(114.5, 22.5), shapely.Point(114, 22), shapely.Point(113.9, 22.5),
            shapely.box(113, 22, 114.5, 23), shapely.box(112, 22, 113, 23), None,
            shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"),
        ],
        dtype=object,
    )  # fmt: skip
    area = (112.5, 21.52, 115.5, 45.45)
    assert outside(shapes, outline=outline, area=area).tolist() == [
        False,
        False,
        True,
        False,
        True,
        False,
        True,
    ]
    assert outside(shapes, outline=None, area=area).tolist() == [
        False,
        False,
        False,
        False,
        True,
        False,
        True,
    ]


def test_an_area_across_the_antimeridian() -> None:
    lon, lat = np.array([179.0, -179.0, 0.0, 179.0]), np.array([0.0, 0.0, 0.0, 50.0])
    assert in_area(lon, lat, (174.0, -20.0, -174.0, 20.0)).tolist() == [True, True, False, False]
