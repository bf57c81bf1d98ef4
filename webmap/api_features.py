"""The API's features: a layer by box and page, one feature, and what is nearby."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import numpy as np
from flask import Blueprint, Response, json, request

from layers.areas import features_in_area
from layers.places import places, positions
from layers.problems import NotFound
from layers.schema import LAYERS, Layer
from layers.snapshot import Snapshot
from layers.text import Language, Text
from webmap import index
from webmap.features import bounds
from webmap.features import features as geojson
from webmap.gate import policy, visitor
from webmap.operations import GEOJSON, current_snapshot, operation, service
from webmap.params import LANGUAGE, BadQuery, bounding_box, number, text, whole

MOST_FEATURES = 1000
MOST_NEARBY = 100
_NEARBY_DEGREES = 1.0

features = Blueprint("features", __name__, url_prefix="/api")

LAYER = text("layer", Text("图层", "Layer"), where="path", examples=tuple(LAYERS))
CODE = text("code", Text("编码", "Code"), where="path")


def _geojson(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), mimetype=GEOJSON)


@features.get("/layers/<layer>/features")
@operation(
    LAYER,
    bounding_box(),
    whole("limit", Text("每页多少个", "Features per page"), minimum=1, maximum=MOST_FEATURES, default=100),
    text("after", Text("从此编码之后", "Only codes after this one")),
    text("subdistrict", Text("街道编码", "Code of a subdistrict")),
    LANGUAGE,
    action="read",
    tag="layers",
    summary=Text("一个图层的要素，按编码分页", "Features of a layer, paged by code"),
    answers={GEOJSON: "FeatureCollection"},
)
def layer_features(
    *,
    layer: str,
    bbox: index.Box | None,
    limit: int,
    after: str | None,
    subdistrict: str | None,
    lang: Language,
) -> Response:
    """Return the features that meet the box and lie in the subdistrict, ordered by code."""
    seen = policy().seen(visitor(), layer, way_out="api")
    snapshot, rows = _rows_in(seen.layer, bbox)
    inside = features_in_area(snapshot, layer, visitor().area)
    if seen.rows == "area":
        rows = rows[inside[rows]]
    if subdistrict is not None:
        rows = rows[_in_subdistrict(snapshot, layer, subdistrict)[rows]]
    frame = snapshot.frame(layer)
    codes = frame.index.to_numpy(dtype=object)[rows]
    page = rows[codes > after][: limit + 1] if after is not None else rows[: limit + 1]
    shown = frame.iloc[page[:limit]]
    links = [{"rel": "self", "href": _same_address()}]
    if len(page) > limit:
        links.append({"rel": "next", "href": _same_address(after=str(shown.index[-1]))})
    return _geojson(
        {
            "type": "FeatureCollection",
            "numberMatched": len(rows),
            "numberReturned": len(shown),
            "features": geojson(shown, seen, inside[page[:limit]]),
            "links": links,
        }
    )


def _rows_in(layer: Layer, bbox: index.Box | None) -> tuple[Snapshot, np.ndarray[Any, np.dtype[np.intp]]]:
    if bbox is None:
        snapshot = current_snapshot()
        return snapshot, np.arange(len(snapshot.frame(layer.name)))
    return service().indexes.in_box(layer.name, bbox)


def _in_subdistrict(snapshot: Snapshot, layer: str, code: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return per feature whether it belongs to the subdistrict, by what is known of its parents."""
    known = snapshot.frame("subdistricts").index
    if code not in known:
        raise BadQuery(
            "subdistrict",
            Text("没有编码为 {code} 的街道。", "There is no subdistrict {code}.").format(code=code),
            Text("编码见 /api/district。", "The codes are at /api/district."),
        )
    return np.asarray(places(snapshot, layer)["subdistrict"].to_numpy() == known.get_loc(code))


def _same_address(**changed: str) -> str:
    query = request.args.to_dict() | changed
    return request.path + ("?" + urlencode(query) if query else "")


@features.get("/layers/<layer>/features/<path:code>")
@operation(
    LAYER,
    CODE,
    LANGUAGE,
    action="read",
    tag="layers",
    summary=Text("一个要素", "One feature"),
    answers={GEOJSON: "Feature"},
)
def layer_feature(*, layer: str, code: str, lang: Language) -> Response:
    """Return one feature."""
    seen = policy().seen(visitor(), layer, way_out="api")
    snapshot = current_snapshot()
    frame, inside = snapshot.frame(layer), features_in_area(snapshot, layer, visitor().area)
    at = positions(frame.index, [code])
    if at[0] < 0 or (seen.rows == "area" and not inside[at[0]]):
        raise NotFound(
            Text("{layer}里没有编码 {code}。", "There is no {layer} with the code {code}.").format(
                layer=seen.layer.one, code=code
            )
        )
    return _geojson(geojson(frame.iloc[at], seen, inside[at])[0])


@features.get("/nearby")
@operation(
    text("layer", Text("图层", "Layer"), required=True, examples=tuple(LAYERS)),
    number("lon", Text("经度（EPSG:4490）", "Longitude (EPSG:4490)"), minimum=-180, maximum=180),
    number("lat", Text("纬度（EPSG:4490）", "Latitude (EPSG:4490)"), minimum=-90, maximum=90),
    whole("limit", Text("最多多少个", "At most so many"), minimum=1, maximum=MOST_NEARBY, default=10),
    LANGUAGE,
    action="read",
    tag="layers",
    summary=Text(
        "离一点最近的要素，由近到远，直线米",
        "The features nearest to a place, nearest first, in straight metres",
    ),
    answers={GEOJSON: "NearbyCollection"},
)
def nearby(*, layer: str, lon: float, lat: float, limit: int, lang: Language) -> Response:
    """Return the features nearest to a place, each with its distance."""
    seen = policy().seen(visitor(), layer, way_out="api")
    if seen.rows == "area":
        raise policy().refusal(
            visitor(),
            Text("不可以在全区范围内查找{l}。", "You may not look for {l} all over the district.").format(
                l=seen.layer.title
            ),
        )
    _near_district(current_snapshot(), lon, lat)
    snapshot, found = service().indexes.nearest(layer, lon, lat, limit)
    at = positions(snapshot.frame(layer).index, [code for code, _ in found])
    inside = features_in_area(snapshot, layer, visitor().area)
    made = geojson(snapshot.frame(layer).iloc[at], seen, inside[at])
    for feature, (_, distance_m) in zip(made, found, strict=True):
        feature["properties"]["distance_m"] = round(distance_m, 2)
    return _geojson({"type": "FeatureCollection", "numberReturned": len(made), "features": made})


def _near_district(snapshot: Snapshot, lon: float, lat: float) -> None:
    """Refuse a place so far away that the district's metric CRS measures nothing there."""
    for layer in LAYERS:
        box = bounds(snapshot.frame(layer))
        if box is None:
            continue
        inside = (
            box[0] - _NEARBY_DEGREES <= lon <= box[2] + _NEARBY_DEGREES
            and box[1] - _NEARBY_DEGREES <= lat <= box[3] + _NEARBY_DEGREES
        )
        if inside:
            return
    raise BadQuery(
        "lon",
        Text("该位置离本区太远。", "The place is too far from this district."),
        Text("请检查经纬度是否写反。", "Check whether longitude and latitude are swapped."),
    )
