"""The peer that most people would write: Flask, a pool, one prepared statement, ST_AsMVT over an indexed EPSG:3857 column.

``gunicorn bench.tasks.mvt_app:app`` with the database's URL in BENCH_DATABASE. Tiles leave uncompressed, which
spares it work that Wangge does.
"""

from __future__ import annotations

import os

from flask import Flask, Response, abort
from psycopg_pool import ConnectionPool

app = Flask(__name__)
pool = ConnectionPool(
    os.environ["BENCH_DATABASE"], min_size=1, max_size=4, open=False, kwargs={"autocommit": True}
)
_FIELDS = {"buildings": "code, name", "communities": "code, name, name_en, kind"}
_TILE = """
    WITH drawn AS (
        SELECT ST_AsMVTGeom(geom, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64, true) AS geom, {fields}
        FROM {layer} WHERE geom && ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 64.0 / 4096)
    )
    SELECT ST_AsMVT(drawn, %(layer)s) FROM drawn WHERE geom IS NOT NULL
"""


@app.get("/tiles/<layer>/<int:z>/<int:x>/<int:y>.mvt")
def tile(layer: str, z: int, x: int, y: int) -> Response:
    """Return one tile."""
    if layer not in _FIELDS:
        abort(404)
    pool.open()  # in the worker, once: a pool does not survive a fork
    query = _TILE.format(fields=_FIELDS[layer], layer=layer)
    with pool.connection() as connection:
        row = connection.execute(
            query.encode(), {"layer": layer, "z": z, "x": x, "y": y}, prepare=True, binary=True
        ).fetchone()
    if not row or not row[0]:
        return Response(status=204)
    return Response(bytes(row[0]), mimetype="application/vnd.mapbox-vector-tile")
