"""Vector tiles over HTTP."""

from __future__ import annotations

from flask import Blueprint, Response, request

from layers.text import Text
from webmap import tile_geometry as tiling
from webmap.gate import policy, visitor
from webmap.operations import current_snapshot, operation, service
from webmap.params import BadQuery, text, whole
from webmap.responses import coding_asked
from webmap.tile_layers import TILE_LAYERS, drawn_for

MVT = "application/vnd.mapbox-vector-tile"
_LARGEST = 2**tiling.MAX_ZOOM - 1

tiles = Blueprint("tiles", __name__, url_prefix="/tiles")


@tiles.get("/<layer>/<z>/<x>/<y>.mvt")
@operation(
    text("layer", Text("瓦片图层", "Tile layer"), where="path", examples=TILE_LAYERS),
    whole("z", Text("缩放级别", "Zoom"), minimum=0, maximum=tiling.MAX_ZOOM, where="path"),
    whole("x", Text("列", "Column"), minimum=0, maximum=_LARGEST, where="path"),
    whole("y", Text("行（自北）", "Row, from the north"), minimum=0, maximum=_LARGEST, where="path"),
    action="view",
    tag="tiles",
    summary=Text("矢量瓦片", "A vector tile"),
    answers={MVT: None},
    statuses=(204, 304),
)
def tile(*, layer: str, z: int, x: int, y: int) -> Response:
    """Return what the visitor may see of the layer in one tile; 204 where that is nothing."""
    for name, value in (("x", x), ("y", y)):
        if value >= 2**z:
            raise BadQuery(
                name,
                Text(
                    "第 {z} 级没有 {name}={value} 的瓦片。",
                    "At zoom {z} there is no tile with {name}={value}.",
                ).format(z=z, name=name, value=value),
                Text("{name} 最大为 {most}。", "The largest {name} is {most}.").format(
                    name=name, most=2**z - 1
                ),
            )
    drawn = drawn_for(policy(), visitor(), layer)
    found = service().tiles.tile(current_snapshot(), drawn, z, x, y, coding_asked())
    response = Response(status=204)
    del response.headers["Content-Type"]
    if found.body:
        response = Response(found.body, mimetype=MVT)
        response.vary.add("Accept-Encoding")
        if found.coding != "identity":
            response.headers["Content-Encoding"] = found.coding
    response.set_etag(found.etag)
    response.make_conditional(request)
    return response
