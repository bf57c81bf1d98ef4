"""Datum conversions for maps of China: WGS 84, CGCS2000, GCJ-02 and BD-09.

GCJ-02 is the obfuscated datum of Chinese web maps, BD-09 a second obfuscation on top of it. Neither has a
published specification; the formulas are the ones in public use, known from their reconstruction in the
``eviltransform`` and ``PRCoords`` projects. They are applied everywhere: the customary "outside China"
rectangle is left out on purpose, because it cuts wrongly along the border with Hong Kong. Whether a position
is in GCJ-02 at all is the caller's knowledge.

WGS 84 and CGCS2000 differ by less than a metre and are one frame here.

All positions are in degrees, longitude before latitude.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
DATUMS: tuple[Datum, ...] = get_args(Datum)

FloatArray = NDArray[np.float64]
Pair = tuple[FloatArray, FloatArray]

# Krassovsky 1940, as the GCJ-02 formulas use it.
_SEMI_MAJOR_M = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.006_693_421_622_965_943

# BD-09: its trigonometric terms take degrees times this.
_BD09_ANGLE = np.pi * 3000.0 / 180.0

# 5e-14 degrees are 6e-9 m on the ground; each step is a fiftieth of the last or less, so 20 are plenty.
_INVERSE_TOLERANCE_DEG = 5e-14
_INVERSE_STEPS = 20


def _pair(lon: ArrayLike, lat: ArrayLike) -> Pair:
    lon_deg, lat_deg = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if lon_deg.shape != lat_deg.shape:
        raise ValueError(
            f"lon has shape {lon_deg.shape} and lat has shape {lat_deg.shape}; "
            "give one latitude for every longitude"
        )
    return lon_deg, lat_deg


def _gcj02_shift_m(lon_deg: FloatArray, lat_deg: FloatArray) -> Pair:
    """Compute how far GCJ-02 moves a position, metres east and north."""
    x, y = lon_deg - 105.0, lat_deg - 35.0
    root = np.sqrt(np.abs(x))
    waves_x = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north_m = (
        -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + (
            waves_x
            + 20.0 * np.sin(np.pi * y)
            + 40.0 * np.sin(np.pi * y / 3.0)
            + 160.0 * np.sin(np.pi * y / 12.0)
            + 320.0 * np.sin(np.pi * y / 30.0)
        )
        * (2.0 / 3.0)
    )
    east_m = (
        300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + (
            waves_x
            + 20.0 * np.sin(np.pi * x)
            + 40.0 * np.sin(np.pi * x / 3.0)
            + 150.0 * np.sin(np.pi * x / 12.0)
            + 300.0 * np.sin(np.pi * x / 30.0)
        )
        * (2.0 / 3.0)
    )
    return east_m, north_m


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Convert WGS 84 (or CGCS2000) to GCJ-02.

    Parameters
    ----------
    lon, lat : array_like of float, same shape
        Degrees. NaN stays NaN.

    Returns
    -------
    lon, lat : ndarray of float64
        Degrees in GCJ-02, same shape.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    Formula: the polynomial and sine terms of ``eviltransform`` and ``PRCoords`` (public reconstruction of
    GCJ-02, not an official text).
    """
    lon_deg, lat_deg = _pair(lon, lat)
    east_m, north_m = _gcj02_shift_m(lon_deg, lat_deg)
    lat_rad = np.radians(lat_deg)
    flattening = 1.0 - _ECCENTRICITY_SQUARED * np.sin(lat_rad) ** 2
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQUARED) / (flattening * np.sqrt(flattening))
    parallel_m = _SEMI_MAJOR_M / np.sqrt(flattening) * np.cos(lat_rad)
    return lon_deg + np.degrees(east_m / parallel_m), lat_deg + np.degrees(north_m / meridian_m)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Convert GCJ-02 to BD-09.

    Parameters
    ----------
    lon, lat : array_like of float, same shape
        Degrees in GCJ-02. NaN stays NaN.

    Returns
    -------
    lon, lat : ndarray of float64
        Degrees in BD-09, same shape.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    Formula: the polar shift of ``PRCoords`` (public reconstruction of BD-09, not an official text).
    """
    lon_deg, lat_deg = _pair(lon, lat)
    radius = np.hypot(lon_deg, lat_deg) + 2e-5 * np.sin(lat_deg * _BD09_ANGLE)
    angle = np.arctan2(lat_deg, lon_deg) + 3e-6 * np.cos(lon_deg * _BD09_ANGLE)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _inverse(forward: Callable[[ArrayLike, ArrayLike], Pair], lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Solve ``forward(result) == (lon, lat)`` by fixed-point steps; the shift hardly changes along one."""
    goal_lon, goal_lat = _pair(lon, lat)
    guess_lon, guess_lat = goal_lon.copy(), goal_lat.copy()
    for _ in range(_INVERSE_STEPS):
        there_lon, there_lat = forward(guess_lon, guess_lat)
        step_lon, step_lat = goal_lon - there_lon, goal_lat - there_lat
        guess_lon, guess_lat = guess_lon + step_lon, guess_lat + step_lat
        # NaN compares false, so unknown positions do not keep the loop running.
        if not np.any(
            (np.abs(step_lon) > _INVERSE_TOLERANCE_DEG) | (np.abs(step_lat) > _INVERSE_TOLERANCE_DEG)
        ):
            break
    return guess_lon, guess_lat


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Convert GCJ-02 to WGS 84 (or CGCS2000), the iterated inverse of `wgs84_to_gcj02`, good to 1e-8 m.

    Parameters
    ----------
    lon, lat : array_like of float, same shape
        Degrees in GCJ-02. NaN stays NaN.

    Returns
    -------
    lon, lat : ndarray of float64
        Degrees in WGS 84, same shape.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    Within a micrometre of the meridian 105 E the forward formula (a square root of the distance to it) is
    not one-to-one, and the answer there is one of two positions less than 1e-6 m apart.
    """
    return _inverse(wgs84_to_gcj02, lon, lat)


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Convert BD-09 to GCJ-02, the iterated inverse of `gcj02_to_bd09`, good to 1e-8 m.

    Parameters
    ----------
    lon, lat : array_like of float, same shape
        Degrees in BD-09. NaN stays NaN.

    Returns
    -------
    lon, lat : ndarray of float64
        Degrees in GCJ-02, same shape.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    return _inverse(gcj02_to_bd09, lon, lat)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Convert WGS 84 (or CGCS2000) to BD-09, by way of GCJ-02; see `wgs84_to_gcj02` and `gcj02_to_bd09`."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Convert BD-09 to WGS 84 (or CGCS2000), by way of GCJ-02; see `bd09_to_gcj02` and `gcj02_to_wgs84`."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


# How far each datum is from the true position: the conversions walk along this line.
_DISTANCE_FROM_TRUTH: dict[Datum, int] = {"wgs84": 0, "cgcs2000": 0, "gcj02": 1, "bd09": 2}
_FORWARD = (wgs84_to_gcj02, gcj02_to_bd09)
_BACKWARD = (gcj02_to_wgs84, bd09_to_gcj02)


def convert_datum(lon: ArrayLike, lat: ArrayLike, *, source: Datum, target: Datum) -> Pair:
    """Convert positions from one datum to another.

    Parameters
    ----------
    lon, lat : array_like of float, same shape
        Degrees in `source`. NaN stays NaN.
    source, target : {"wgs84", "cgcs2000", "gcj02", "bd09"}
        WGS 84 and CGCS2000 are one frame: between them nothing changes.

    Returns
    -------
    lon, lat : ndarray of float64
        Degrees in `target`, same shape; never the input arrays themselves.

    Raises
    ------
    ValueError
        If a datum is not one of the four, or the shapes differ.
    """
    for name, datum in (("source", source), ("target", target)):
        if datum not in DATUMS:
            raise ValueError(f"{name} datum {datum!r} is not known; give one of {', '.join(DATUMS)}")
    lon_deg, lat_deg = _pair(lon, lat)
    here, there = _DISTANCE_FROM_TRUTH[source], _DISTANCE_FROM_TRUTH[target]
    if here == there:
        return lon_deg.copy(), lat_deg.copy()
    steps = _FORWARD[here:there] if here < there else _BACKWARD[there:here][::-1]
    for step in steps:
        lon_deg, lat_deg = step(lon_deg, lat_deg)
    return lon_deg, lat_deg


def convert_geometries(
    geometries: NDArray[np.object_], *, source: Datum, target: Datum
) -> NDArray[np.object_]:
    """Convert geometries from one datum to another, vertex by vertex.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        Longitude and latitude in `source`, degrees. None stays None, an empty geometry stays empty.
    source, target : {"wgs84", "cgcs2000", "gcj02", "bd09"}
        See `convert_datum`.

    Returns
    -------
    ndarray of shapely geometries
        Longitude and latitude in `target`, same order, without heights.

    Raises
    ------
    ValueError
        If a datum is not one of the four.
    """

    def move(coordinates: FloatArray) -> FloatArray:
        return np.column_stack(
            convert_datum(coordinates[:, 0], coordinates[:, 1], source=source, target=target)
        )

    moved: Any = shapely.transform(np.asarray(geometries, dtype=object), move, include_z=False)
    return np.asarray(moved, dtype=object)
