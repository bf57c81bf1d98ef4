"""The one place that reprojects: from any CRS to the stored one (EPSG:4490), and to and from the metric CRS.

Coordinates are always (x, y): longitude before latitude, easting before northing, whatever axis order the
registry gives a CRS (EPSG:4490 and EPSG:4547 both declare the opposite).

WGS 84, CGCS2000 and the ITRF realisations agree within a metre and are taken as one frame: between them only
map projections are applied, never a datum shift. Every other frame goes by PROJ's best operation to
WGS 84; where PROJ has none that says more than "assume they are the same" (a ballpark operation), the CRS is
refused.
"""

import re
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import CRSError, ProjError

STORED_CRS = "EPSG:4490"

FrameFamily = Literal["cgcs2000", "modern", "refused"]
FloatArray = NDArray[np.float64]
Pair = tuple[FloatArray, FloatArray]

_WGS84 = "EPSG:4326"

# What has PROJ open a file of this machine, which a text from outside must not name. "@null" alone is none, and
# stands in the usual text of EPSG:3857; after it PROJ reads on to the next blank, so nothing else may end it here.
_OF_FILES = re.compile(
    r"\b(?:init|\w*grids)\s*=(?!(?<=grids=)(?-i:@null)(?: |\Z))|parameterfile\s*\[", re.IGNORECASE
)
_NO_FILE = "@null"

# Datum names in letters and digits only, so that EPSG's and Esri's spellings ("D_WGS_1984") meet.
_ONE_FRAME = re.compile(
    r"worldgeodeticsystem1984|^d?wgs(19)?84|china2000|cgcs2000|chinageodeticcoordinatesystem2000"
    r"|internationalterrestrialreferenceframe|^d?itrf\d|^d?ig[sb]\d"
)
_OLD_CHINESE = re.compile(r"beijing|xian")

# A rough outline of mainland China (degrees), a few tens of kilometres wide of the border in places: it only
# chooses which family of projections measures a district, and either family measures well.
_MAINLAND_CHINA = (
    (73.4, 39.4), (74.9, 37.2), (78.0, 35.4), (78.4, 32.5), (81.0, 30.0), (86.0, 27.8), (89.0, 27.2),
    (92.0, 26.8), (97.0, 28.2), (98.5, 27.4), (97.5, 24.5), (99.0, 22.0), (101.7, 21.0), (105.3, 22.9),
    (108.0, 21.4), (107.8, 18.0), (111.2, 18.0), (114.3, 22.1), (117.5, 23.2), (120.3, 25.8), (122.5, 29.5),
    (122.4, 32.0), (119.8, 35.2), (123.0, 36.8), (121.8, 38.6), (124.4, 39.9), (126.8, 41.5), (128.2, 41.8),
    (130.8, 42.3), (131.4, 44.9), (133.3, 45.2), (135.2, 48.5), (130.8, 48.6), (127.6, 50.2), (125.9, 53.2),
    (123.5, 53.7), (120.0, 53.3), (119.6, 50.4), (116.7, 49.9), (115.4, 47.7), (119.5, 46.7), (111.9, 45.2),
    (111.6, 43.7), (104.9, 41.6), (96.4, 42.8), (90.9, 45.2), (87.8, 49.3), (85.5, 48.4), (82.4, 45.4),
    (80.2, 45.1), (80.2, 42.1), (76.0, 40.4),
)  # fmt: skip


def parse_crs(text: str) -> pyproj.CRS:
    """Read a CRS that somebody typed or a file declared.

    Parameters
    ----------
    text : str
        "EPSG:4547", "ESRI:102696", "OGC:CRS84", WKT or a PROJ string.

    Returns
    -------
    pyproj.CRS
        A geographic or projected CRS; of a compound one the horizontal part.

    Raises
    ------
    ValueError
        If the text names no CRS, or one that does not place things on the ground by two coordinates.
    """
    shown = text.strip() if len(text) <= 80 else text.strip()[:80] + "…"
    of_files = ValueError(f"CRS {shown!r} names a file; give it as AUTHORITY:CODE, for example EPSG:4490")
    if _OF_FILES.search(text.strip()):
        raise of_files
    try:
        crs = pyproj.CRS.from_user_input(text.strip())
    except CRSError:
        raise ValueError(
            f"CRS {shown!r} is not known; give it as AUTHORITY:CODE, for example EPSG:4490"
        ) from None
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if not (crs.is_geographic or crs.is_projected):
        raise ValueError(
            f"CRS {shown!r} is a {crs.type_name}; give a geographic or a projected one, for example EPSG:4490"
        )
    if _names_file(crs.to_json_dict()):
        raise of_files  # in one of the ways of WKT 1 or PROJJSON; nothing has opened it yet
    return crs


def _names_file(told: Any) -> bool:
    """Whether a parameter is a text in what PROJJSON says of a CRS: numbers are given, files are named."""
    if isinstance(told, list):
        return any(map(_names_file, told))
    if not isinstance(told, dict):
        return False
    value = told.get("value")
    return (isinstance(value, str) and value != _NO_FILE) or any(map(_names_file, told.values()))


def _as_crs(crs: pyproj.CRS | str) -> pyproj.CRS:
    return parse_crs(crs) if isinstance(crs, str) else crs


def _without_bound(crs: pyproj.CRS) -> pyproj.CRS:
    return crs.source_crs if crs.is_bound and crs.source_crs is not None else crs


def _declares_shift(crs: pyproj.CRS) -> bool:
    """Whether the CRS brings its own datum transformation (TOWGS84) and it is not all zeros."""
    operation = crs.coordinate_operation if crs.is_bound else None
    return operation is not None and any(operation.towgs84)


def _datum_name(crs: pyproj.CRS) -> str:
    geodetic = _without_bound(crs).geodetic_crs
    name = geodetic.datum.name if geodetic is not None and geodetic.datum is not None else ""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache(maxsize=64)
def frame_family(crs: pyproj.CRS | str) -> FrameFamily:
    """Say how the frame (datum) of a CRS relates to the stored one.

    Parameters
    ----------
    crs : pyproj.CRS or str
        Geographic or projected.

    Returns
    -------
    {"cgcs2000", "modern", "refused"}
        "cgcs2000": WGS 84, CGCS2000 or an ITRF realisation, one frame within a metre. "modern": another
        frame that PROJ converts, such as NAD83, ETRS89 or Hong Kong 1980, or one whose CRS declares its
        transformation (``+towgs84``); worth a warning, as the conversion may be off by metres. "refused":
        Beijing 1954, Xian 1980, New Beijing, and whatever PROJ could only assume to be the same; it needs
        a declared transformation.

    Raises
    ------
    ValueError
        If `crs` is text that names no CRS.
    """
    parsed = _as_crs(crs)
    name = _datum_name(parsed)
    if _ONE_FRAME.search(name):
        return "cgcs2000"
    if _declares_shift(parsed):
        return "modern"
    if _OLD_CHINESE.search(name):
        return "refused"
    try:
        pyproj.Transformer.from_crs(_without_bound(parsed), _WGS84, always_xy=True, allow_ballpark=False)
    except ProjError:
        return "refused"
    return "modern"


@lru_cache(maxsize=64)
def _to_degrees(given: pyproj.CRS | str) -> pyproj.Transformer | None:
    """Find the operation from a CRS to longitude and latitude in the stored frame; None changes nothing."""
    crs = _as_crs(given)
    family = frame_family(crs)
    if family == "refused":
        name = crs.name if crs.name != "unknown" else f"CRS {crs.srs!r}"
        raise ValueError(
            f"{name} has no known transformation to CGCS2000, and taking it as CGCS2000 would shift "
            "everything by tens to hundreds of metres; convert the file to EPSG:4490 first, or declare the "
            "transformation in the CRS as a PROJ string with +towgs84"
        )
    if family == "modern":
        return pyproj.Transformer.from_crs(
            crs if _declares_shift(crs) else _without_bound(crs), _WGS84, always_xy=True, allow_ballpark=False
        )
    crs = _without_bound(crs)
    if crs.is_geographic and all(
        abs(axis.unit_conversion_factor - np.pi / 180) < 1e-12 for axis in crs.axis_info[:2]
    ):
        return None
    datum = crs.geodetic_crs.datum if crs.geodetic_crs is not None else None
    degrees = pyproj.crs.GeographicCRS(name="the same frame in degrees", datum=datum)
    return pyproj.Transformer.from_crs(crs, degrees, always_xy=True)


def _apply(
    transformer: pyproj.Transformer | None, geometries: NDArray[np.object_], *, inverse: bool
) -> NDArray[np.object_]:
    flat = np.asarray(geometries, dtype=object)
    if transformer is None:
        return np.asarray(shapely.force_2d(flat), dtype=object)
    direction = (
        pyproj.enums.TransformDirection.INVERSE if inverse else pyproj.enums.TransformDirection.FORWARD
    )

    def move(coordinates: FloatArray) -> FloatArray:
        x, y = transformer.transform(coordinates[:, 0], coordinates[:, 1], direction=direction)
        return np.column_stack((x, y))

    moved: Any = shapely.transform(flat, move, include_z=False)
    return np.asarray(moved, dtype=object)


def _apply_points(
    transformer: pyproj.Transformer | None, x: ArrayLike, y: ArrayLike, *, inverse: bool
) -> Pair:
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(
            f"the coordinate arrays have shapes {first.shape} and {second.shape}; give two of one shape"
        )
    if transformer is None:
        return first.copy(), second.copy()
    direction = (
        pyproj.enums.TransformDirection.INVERSE if inverse else pyproj.enums.TransformDirection.FORWARD
    )
    out_x, out_y = transformer.transform(first, second, direction=direction)
    return np.asarray(out_x, dtype=np.float64), np.asarray(out_y, dtype=np.float64)


def to_stored(geometries: NDArray[np.object_], crs: pyproj.CRS | str) -> NDArray[np.object_]:
    """Bring geometries to the stored CRS.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        In `crs`, x before y. None stays None.
    crs : pyproj.CRS or str
        What they are in.

    Returns
    -------
    ndarray of shapely geometries
        Longitude and latitude in EPSG:4490 (degrees), same order, without heights. A position that the
        projection cannot bring back has infinite coordinates.

    Raises
    ------
    ValueError
        If the frame needs a declared transformation (see `frame_family`), or `crs` is text that names no CRS.
    """
    return _apply(_to_degrees(crs), geometries, inverse=False)


def to_metric(geometries: NDArray[np.object_], metric_crs: pyproj.CRS | str) -> NDArray[np.object_]:
    """Project geometries from EPSG:4490 (lon, lat) to the metric CRS (x, y); see `to_stored`."""
    return _apply(_to_degrees(metric_crs), geometries, inverse=True)


def from_metric(geometries: NDArray[np.object_], metric_crs: pyproj.CRS | str) -> NDArray[np.object_]:
    """Bring geometries from the metric CRS (x, y) to EPSG:4490 (lon, lat); see `to_stored`."""
    return to_stored(geometries, metric_crs)


def points_to_metric(lon: ArrayLike, lat: ArrayLike, metric_crs: pyproj.CRS | str) -> Pair:
    """Project points from EPSG:4490 to the metric CRS.

    Parameters
    ----------
    lon, lat : array_like of float, same shape
        Degrees. NaN gives NaN or infinity, as PROJ does.
    metric_crs : pyproj.CRS or str
        The CRS to project to.

    Returns
    -------
    x, y : ndarray of float64
        In the unit of `metric_crs`, same shape.

    Raises
    ------
    ValueError
        If the shapes differ, or the CRS is refused or not known.
    """
    return _apply_points(_to_degrees(metric_crs), lon, lat, inverse=True)


def points_from_metric(x: ArrayLike, y: ArrayLike, metric_crs: pyproj.CRS | str) -> Pair:
    """Bring points from the metric CRS to EPSG:4490 (lon, lat in degrees); see `points_to_metric`."""
    return _apply_points(_to_degrees(metric_crs), x, y, inverse=False)


def metric_crs_for(lon: float, lat: float) -> str:
    """Choose the CRS that measures a district.

    Parameters
    ----------
    lon, lat : float
        A position in the district, degrees in EPSG:4490.

    Returns
    -------
    str
        In mainland China the CGCS2000 3-degree Gauss-Krueger zone by central meridian, without zone prefix
        (EPSG:4534 for 75 E to EPSG:4554 for 135 E; Luohu at 114.1 E: EPSG:4547); elsewhere the WGS 84 UTM
        zone (EPSG:326nn north, EPSG:327nn south). China is told by a rough outline, see the source.

    Raises
    ------
    ValueError
        If the position is not on the globe, or beyond 84 N or 80 S where UTM ends.
    """
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        raise ValueError(
            f"longitude {lon}, latitude {lat} is not on the globe; give degrees, longitude first"
        )
    if shapely.intersects_xy(shapely.Polygon(_MAINLAND_CHINA), lon, lat):
        return f"EPSG:{4534 + round((min(max(lon, 75.0), 135.0) - 75.0) / 3.0)}"
    if not -80.0 <= lat <= 84.0:
        raise ValueError(f"latitude {lat} lies beyond the UTM zones; name a metric CRS for this district")
    zone = min(int((lon + 180.0) // 6.0) + 1, 60)
    return f"EPSG:{(32600 if lat >= 0.0 else 32700) + zone}"


def area_of_use(metric_crs: pyproj.CRS | str) -> tuple[float, float, float, float]:
    """Where a CRS is meant to be used.

    Parameters
    ----------
    metric_crs : pyproj.CRS or str
        A CRS of a registry.

    Returns
    -------
    west, south, east, north : float
        Degrees. West exceeds east where the area crosses the antimeridian.

    Raises
    ------
    ValueError
        If the CRS declares none, as one written as a PROJ string.
    """
    area = _without_bound(_as_crs(metric_crs)).area_of_use
    if area is None:
        raise ValueError(
            f"CRS {metric_crs} declares no area of use; choose one by AUTHORITY:CODE, for example EPSG:4547"
        )
    return (area.west, area.south, area.east, area.north)


def is_metric(crs: pyproj.CRS | str) -> bool:
    """Whether lengths in a CRS are metres on the ground: projected, in metres, and not a Mercator world map.

    Mercator maps, EPSG:3857 among them, have metres for a unit but stretch them by 1 / cos(latitude).
    """
    parsed = _without_bound(_as_crs(crs))
    if not parsed.is_projected:
        return False
    operation = parsed.coordinate_operation
    method = operation.method_name if operation is not None else ""
    mercator = "mercator" in method.lower() and not re.search("transverse|oblique", method.lower())
    return not mercator and all(axis.unit_conversion_factor == 1.0 for axis in parsed.axis_info[:2])
