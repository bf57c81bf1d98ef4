"""The API's features: a layer by box and page, one feature, and what is nearby.

Rows that are not the visitor's are left out before anything is counted, paged, filtered or measured, so that
no answer depends on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
from flask import Blueprint, Response, json, request

from layers.areas import features_in_area
from layers.places import places, positions
from layers.problems import NotFound
from layers.schema import LAYERS, Layer
from layers.snapshot import Snapshot
from layers.text import Language, Text
from webmap import guarded, index
from webmap.features import bounds
from webmap.features import features as geojson
from webmap.gate import policy, visitor
from webmap.operations import GEOJSON, current_snapshot, operation, service
from webmap.params import LANGUAGE, BadQuery, bounding_box, number, text, whole

if TYPE_CHECKING:
    from layers.policy import Seen

MOST_FEATURES = 1000
MOST_NEARBY = 100
_NEARBY_DEGREES = 1.0

features = Blueprint("features", __name__, url_prefix="/api")

LAYER = text("layer", Text("图层", "Layer"), where="path", examples=tuple(LAYERS))
CODE = text("code", Text("编码", "Code"), where="path")


Rows = np.ndarray[Any, np.dtype[np.intp]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def _geojson(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), mimetype=GEOJSON)


@features.get("/layers/<layer>/features")
@operation(
    LAYER,
    bounding_box(),
    whole("limit", Text("每页多少个", "Features per page"), minimum=1, maximum=MOST_FEATURES, default=100),
    text("after", Text("从此编码之后", "Only codes after this one")),
    text("subdistrict", Text("街道编码", "Code of a subdistrict")),
    *guarded.PARAMETERS,
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
    **given: str | None,
) -> Response:
    """Return the features that meet the box and lie in the subdistrict, ordered by code."""
    wanted = guarded.wanted(layer, given)
    seen = wanted.seen()
    snapshot, rows = _rows_in(seen.layer, bbox)
    inside = _inside(snapshot, seen)
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
    made = geojson(shown, seen, inside[page[:limit]])
    response = _geojson(
        {
            "type": "FeatureCollection",
            "numberMatched": len(rows),
            "numberReturned": len(shown),
            "features": made,
            "links": links,
        }
    )
    return wanted.release(response, _told(made, wanted))


def _inside(snapshot: Snapshot, seen: Seen) -> Mask:
    """Return per feature whether it is in the visitor's area, all where what is seen does not depend on it."""
    if seen.rows == "area" or seen.in_area:
        return features_in_area(snapshot, seen.layer.name, visitor().area)
    return np.ones(len(snapshot.frame(seen.layer.name)), dtype=bool)


def _told(made: list[dict[str, Any]], wanted: guarded.Wanted) -> list[str]:
    """Return the codes of the features of which an asked field is told."""
    return [one["id"] for one in made if not one["properties"].keys().isdisjoint(wanted.fields)]


def _rows_in(layer: Layer, bbox: index.Box | None) -> tuple[Snapshot, Rows]:
    if bbox is None:
        snapshot = current_snapshot()
        return snapshot, np.arange(len(snapshot.frame(layer.name)))
    return service().indexes.in_box(layer.name, bbox)


def _in_subdistrict(snapshot: Snapshot, layer: str, code: str) -> Mask:
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
    *guarded.PARAMETERS,
    LANGUAGE,
    action="read",
    tag="layers",
    summary=Text("一个要素", "One feature"),
    answers={GEOJSON: "Feature"},
)
def layer_feature(*, layer: str, code: str, lang: Language, **given: str | None) -> Response:
    """Return one feature; one that is not the visitor's is not found, as one that does not exist."""
    wanted = guarded.wanted(layer, given)
    seen = wanted.seen()
    snapshot = current_snapshot()
    frame, inside = snapshot.frame(layer), _inside(snapshot, seen)
    at = positions(frame.index, [code])
    if at[0] < 0 or (seen.rows == "area" and not inside[at[0]]):
        raise NotFound(
            Text("{layer}里没有编码 {code}。", "There is no {layer} with the code {code}.").format(
                layer=seen.layer.one, code=code
            )
        )
    made = geojson(frame.iloc[at], seen, inside[at])
    return wanted.release(_geojson(made[0]), _told(made, wanted))


@features.get("/nearby")
@operation(
    text("layer", Text("图层", "Layer"), required=True, examples=tuple(LAYERS)),
    number("lon", Text("经度（EPSG:4490）", "Longitude (EPSG:4490)"), minimum=-180, maximum=180),
    number("lat", Text("纬度（EPSG:4490）", "Latitude (EPSG:4490)"), minimum=-90, maximum=90),
    whole("limit", Text("最多多少个", "At most so many"), minimum=1, maximum=MOST_NEARBY, default=10),
    *guarded.PARAMETERS,
    LANGUAGE,
    action="read",
    tag="layers",
    summary=Text(
        "离一点最近的要素，由近到远，直线米",
        "The features nearest to a place, nearest first, in straight metres",
    ),
    answers={GEOJSON: "NearbyCollection"},
)
def nearby(
    *, layer: str, lon: float, lat: float, limit: int, lang: Language, **given: str | None
) -> Response:
    """Return the features nearest to a place, each with its distance."""
    wanted = guarded.wanted(layer, given)
    seen = wanted.seen()
    _near_district(current_snapshot(), lon, lat)
    if seen.rows == "area":
        snapshot, found = service().indexes.nearest_of(
            layer, lon, lat, limit, lambda snapshot: _inside(snapshot, seen)
        )
    else:
        snapshot, found = service().indexes.nearest(layer, lon, lat, limit)
    at = positions(snapshot.frame(layer).index, [code for code, _ in found])
    made = geojson(snapshot.frame(layer).iloc[at], seen, _inside(snapshot, seen)[at])
    for feature, (_, distance_m) in zip(made, found, strict=True):
        feature["properties"]["distance_m"] = round(distance_m, 2)
    response = _geojson({"type": "FeatureCollection", "numberReturned": len(made), "features": made})
    return wanted.release(response, _told(made, wanted))


def _near_district(snapshot: Snapshot, lon: float, lat: float) -> None:
    """Refuse a place so far away that the district's metric CRS measures nothing there.

    Only layers of which the visitor may see all say where the district is.
    """
    for layer in LAYERS:
        if policy().offered(visitor(), layer, way_out="api").rows != "all":
            continue
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
