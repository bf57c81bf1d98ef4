"""Datum conversions: against the domain's vectors and PRCoords, and there and back again."""

from typing import get_args

import numpy as np
import prcoords
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo import datum

METRES_PER_DEGREE = 111_320.0

lons = st.floats(73.0, 135.5)
lats = st.floats(3.0, 54.0)
datums = st.sampled_from(datum.DATUMS)


def test_names_are_the_literal() -> None:
    assert datum.DATUMS == get_args(datum.Datum) == ("wgs84", "cgcs2000", "gcj02", "bd09")


def test_vectors_over_luohu() -> None:
    assert datum.wgs84_to_gcj02(114.1315, 22.5485) == pytest.approx((114.13657609, 22.54579669), abs=1e-8)
    assert datum.wgs84_to_bd09(114.1315, 22.5485) == pytest.approx((114.14301909, 22.55201540), abs=1e-8)


@given(lons, lats)
def test_agrees_with_prcoords(lon: float, lat: float) -> None:
    true = prcoords.Coords(lat, lon)
    gcj = prcoords.wgs_gcj(true, check_china=False)
    bd = prcoords.wgs_bd(true, check_china=False)
    assert datum.wgs84_to_gcj02(lon, lat) == pytest.approx((gcj.lon, gcj.lat), abs=1e-11)
    assert datum.wgs84_to_bd09(lon, lat) == pytest.approx((bd.lon, bd.lat), abs=1e-11)
    back = prcoords.gcj_wgs_bored(prcoords.Coords(lat, lon), check_china=False)
    # PRCoords stops at steps of 1e-5 degrees.
    assert datum.gcj02_to_wgs84(lon, lat) == pytest.approx((back.lon, back.lat), abs=1e-7)


@given(lons, lats, datums, datums)
def test_there_and_back(lon: float, lat: float, source: datum.Datum, target: datum.Datum) -> None:
    there = datum.convert_datum(lon, lat, source=source, target=target)
    back = datum.convert_datum(*there, source=target, target=source)
    assert abs(back[0] - lon) * METRES_PER_DEGREE < 1e-6
    assert abs(back[1] - lat) * METRES_PER_DEGREE < 1e-6


def test_inverse_is_good_to_ten_nanometres() -> None:
    random = np.random.default_rng(1)
    lon, lat = random.uniform(113.7, 114.7, 5000), random.uniform(22.4, 22.9, 5000)
    for forward, inverse in (
        (datum.wgs84_to_gcj02, datum.gcj02_to_wgs84),
        (datum.gcj02_to_bd09, datum.bd09_to_gcj02),
        (datum.wgs84_to_bd09, datum.bd09_to_wgs84),
    ):
        back = inverse(*forward(lon, lat))
        assert np.hypot(back[0] - lon, back[1] - lat).max() * METRES_PER_DEGREE < 1e-8


@given(lons, lats)
def test_steps_along_the_line(lon: float, lat: float) -> None:
    one = datum.wgs84_to_gcj02(lon, lat)
    assert datum.convert_datum(lon, lat, source="cgcs2000", target="gcj02") == one
    assert datum.convert_datum(lon, lat, source="wgs84", target="bd09") == datum.gcj02_to_bd09(*one)
    assert datum.convert_datum(*one, source="gcj02", target="bd09") == datum.gcj02_to_bd09(*one)
    assert datum.convert_datum(lon, lat, source="bd09", target="cgcs2000") == datum.bd09_to_wgs84(lon, lat)


def test_one_frame_is_left_alone_and_copied() -> None:
    lon, lat = np.array([114.1, np.nan]), np.array([22.5, np.nan])
    out = datum.convert_datum(lon, lat, source="wgs84", target="cgcs2000")
    np.testing.assert_array_equal(out, (lon, lat))
    assert not np.shares_memory(out[0], lon)


def test_works_on_both_banks_of_the_shenzhen_river() -> None:
    lat = np.linspace(22.50, 22.56, 601)
    _, gcj_lat = datum.wgs84_to_gcj02(np.full(601, 114.1), lat)
    shift_m = (gcj_lat - lat) * METRES_PER_DEGREE
    assert np.abs(np.diff(shift_m)).max() < 1.0  # no step anywhere: no rectangle


def test_unknown_stays_unknown_and_does_not_disturb_others() -> None:
    lon, lat = datum.bd09_to_wgs84([114.14301909, np.nan], [22.55201540, 22.5])
    assert np.isnan(lon[1])
    assert (lon[0], lat[0]) == pytest.approx((114.1315, 22.5485), abs=1e-8)


def test_geometries_keep_order_gaps_and_kind() -> None:
    given_: NDArray[np.object_] = np.array(
        [
            shapely.Point(114.1315, 22.5485, 7.0),
            None,
            shapely.Polygon(),
            shapely.MultiPolygon([shapely.box(114, 22, 115, 23), shapely.box(116, 22, 117, 23)]),
        ],
        dtype=object,
    )
    moved = datum.convert_geometries(given_, source="wgs84", target="bd09")
    assert moved[1] is None
    assert moved[2].is_empty
    assert not shapely.has_z(moved).any()
    assert (moved[0].x, moved[0].y) == pytest.approx((114.14301909, 22.55201540), abs=1e-8)
    coordinates = shapely.get_coordinates(given_[3])
    expected = np.column_stack(datum.wgs84_to_bd09(coordinates[:, 0], coordinates[:, 1]))
    np.testing.assert_array_equal(shapely.get_coordinates(moved[3]), expected)
    assert given_[0].has_z  # the input is not touched


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"source datum 'wgs72' is not known; give one of wgs84, cgcs2000"):
        datum.convert_datum(1.0, 2.0, source="wgs72", target="wgs84")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="target datum"):
        datum.convert_geometries(
            np.array([shapely.Point(1, 2)], dtype=object),
            source="wgs84",
            target="GCJ02",  # type: ignore[arg-type]
        )
    with pytest.raises(ValueError, match="one latitude for every longitude"):
        datum.wgs84_to_gcj02([1.0, 2.0], [1.0])
