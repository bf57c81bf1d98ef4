"""Tiles over HTTP: `wangge serve` beside servers that make them anew, and beside servers that have them ready.

The tiles asked for are all of the pyramid from zoom 12 to 17 that hold something: communities at 12, where Wangge
shows no single buildings, and buildings from 13 on, in an order that is mixed and the same each time.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from bench.contest import Say
from bench.district import DATA, Districts
from bench.server import Server
from bench.serving import Asked, Load, NotServed, Served, fetch, load
from bench.tile_servers import (
    Tile,
    flask_st_asmvt,
    nginx,
    path,
    tileserver_gl,
    tileserver_path,
    tipg,
    tipg_path,
    wangge,
)
from geo import crs
from layers.visitors import WHOLE_DISTRICT, Area

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZOOMS = range(12, 18)
_WHOLE_M = 20037508.342789244
_SEED = 20260101
_EXACT_ZOOM = 16
_FIELDS = {"buildings": ("name",), "communities": ("name", "name_en", "kind")}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured of tiles.

    Attributes
    ----------
    sizes : tuple of int
        Copies of the district, the first of which the targets speak of.
    most : int
        Tiles asked for once each, of those who make them anew.
    seconds : float
        How long servers that make tiles anew are asked at most, and how long those that have them ready.
    people : int
        Who have signed in and ask in turn: what one may ask in a minute is limited.
    """

    sizes: tuple[int, ...] = (1, 10, 30)
    most: int = 6000
    rounds: int = 3
    seconds: float = 5.0
    people: int = 400


def pyramid(frames: dict[str, Any], most: int) -> list[Tile]:
    """Return the tiles that hold something, mixed; of more than `most` so many, drawn at random."""
    found: list[Tile] = []
    for zoom in ZOOMS:
        layer = "communities" if zoom < 13 else "buildings"
        x, y = _mercator(frames[layer])
        size = 2 * _WHOLE_M / 2**zoom
        column, row = (np.floor((edge + _WHOLE_M) / size).astype(int) for edge in (x, -y))
        found += [
            (layer, zoom, a, b) for a, b in sorted(set(zip(column.tolist(), row.tolist(), strict=True)))
        ]
    order = np.random.default_rng(_SEED).permutation(len(found))[:most]
    return [found[at] for at in order.tolist()]


def _mercator(frame: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a point within each shape, in EPSG:3857."""
    points = shapely.point_on_surface(np.asarray(frame.geometry.array))
    return crs.points_to_metric(shapely.get_x(points), shapely.get_y(points), "EPSG:3857")


@dataclass
class Uncached:
    """The servers that made tiles anew, for one size of the district, ours first."""

    copies: int
    tiles: int
    served: list[Served]
    started: Served


@dataclass
class Results:
    """All that was measured of tiles: made anew, per size, and ready ones."""

    uncached: list[Uncached]
    cached: list[Served]
    average_bytes: float


def measure(plan: Plan, districts: Districts, server: Server, say: Say) -> Results:
    """Measure all that is planned.

    Raises
    ------
    RuntimeError
        Servers do not show the same.
    """
    results = Results([], [], 0.0)
    for copies in plan.sizes:
        with ExitStack() as stack:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=districts.folder)))
            new = stack.enter_context(server.databases())
            _, frames = districts.given(copies)
            tiles = pyramid(frames, plan.most)
            store = work / "district.gpkg"
            shutil.copyfile(districts.store(copies), store)
            asked = list(zip(map(path, tiles), cookies(store, plan.people, len(tiles)), strict=True))
            say(f"tiles made anew: x{copies}, {len(tiles)} tiles")
            results.uncached.append(_uncached(plan, copies, frames, store, asked, tiles, new(), work, say))
            if copies == plan.sizes[0]:
                say(f"tiles ready: x{copies}, {len(tiles)} tiles")
                results.cached, results.average_bytes = _cached(plan, store, asked, tiles, work, say)
    return results


def cookies(
    store: Path, people: int, number: int, *, role: str = "planner", area: Area = WHOLE_DISTRICT
) -> list[str]:
    """Sign people in, and return a cookie for each of `number` requests."""
    from argon2 import PasswordHasher

    from layers.access.access import open_access
    from layers.policy import read_policy
    from layers.visitors import operator
    from webmap.cookies import SESSION

    tokens, by = [], operator("bench")
    with open_access(f"gpkg:{store}", policy=read_policy(DATA), hasher=PasswordHasher(1, 8, 1)) as access:
        for at in range(people):
            access.add_account(f"{role}{at}", role, area, by=by)
            access.link_oidc(f"{role}{at}", f"{role} {at}", by=by)
            tokens.append(access.sign_in_oidc(f"{role} {at}", address="127.0.0.1", agent="bench").token)
    return [f"{SESSION}={tokens[at % people]}" for at in range(number)]


# Tiles made anew


def _uncached(
    plan: Plan,
    copies: int,
    frames: dict[str, Any],
    store: Path,
    asked: list[Asked],
    tiles: list[Tile],
    url: str,
    work: Path,
    say: Say,
) -> Uncached:
    ours, flask, by_tipg = Served("Wangge"), Served("gunicorn, Flask and ST_AsMVT"), Served("tipg")
    started = Served("Wangge, just started, each tile once")
    made = Uncached(copies, len(asked), [ours, flask, by_tipg], started)
    _fill(url, frames)
    tipg_asked = [(tipg_path(tile), cookie) for tile, (_, cookie) in zip(tiles, asked, strict=True)]
    with ExitStack() as stack:
        ports: dict[str, int] = {}
        for peer, server in ((flask, flask_st_asmvt(url, asked[0])), (by_tipg, tipg(url, tipg_asked[0]))):
            try:
                ports[peer.name] = stack.enter_context(server)
            except NotServed as problem:
                peer.problem = str(problem)
                say(f"  {peer.name}: {problem}")
        _check_alike(store, asked, tiles, frames, ports.get(flask.name), ports.get(by_tipg.name))
        ports[ours.name], _ = stack.enter_context(wangge(store, ("/healthz", ""), keeps_tiles=False))
        ready(ports[ours.name])
        servers = [
            (served, ports[served.name], tipg_asked if served is by_tipg else asked)
            for served in made.served
            if served.name in ports
        ]
        for served, port, paths in servers:  # the peers read what they need; ours prepares its shapes
            say(f"  {served.name}: each tile once")
            load(port, paths, work, seconds=4 * plan.seconds, most=len(paths))
        for _ in range(plan.rounds):
            for served, port, paths in servers:
                _once(served, say, partial(load, port, paths, work, seconds=plan.seconds))
    _once(started, say, partial(_fresh, store, asked, work, plan))
    return made


def _once(served: Served, say: Say, measured: Callable[[], Load]) -> None:
    try:
        served.loads.append(measured())
    except NotServed as problem:
        served.problem = str(problem)
        say(f"  {served.name}: {problem}")
        return
    last = served.loads[-1]
    say(f"  {served.name}: {last.rate:.0f}/s, p50 {last.p50_s * 1e3:.2f} ms, p99 {last.p99_s * 1e3:.2f} ms")


def _fresh(store: Path, asked: list[Asked], work: Path, plan: Plan) -> Load:
    with wangge(store, ("/healthz", "")) as (port, _):
        ready(port)
        return load(port, asked, work, seconds=4 * plan.seconds, most=len(asked))


def ready(port: int) -> None:
    """Wait until the data are there; no tile is asked for."""
    deadline = time.monotonic() + 120
    while fetch(port, "/readyz")[0] != 200:
        if time.monotonic() > deadline:
            raise NotServed("is not ready within two minutes")
        time.sleep(0.05)


def _fill(url: str, frames: dict[str, Any]) -> None:
    """Make the peers' tables: EPSG:3857, indexed, in order of place, analysed."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for layer, fields in _FIELDS.items():
            frame = frames[layer]
            columns = ", ".join(f"{name} text" for name in ("code", *fields))
            connection.execute(
                f"CREATE TABLE {layer} (id serial PRIMARY KEY, {columns}, geom geometry(Geometry, 3857))".encode()
            )
            shapes = shapely.set_srid(crs.to_metric(np.asarray(frame.geometry.array), "EPSG:3857"), 3857)
            packed = shapely.to_wkb(shapes, hex=True, include_srid=True).tolist()
            values = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in fields]
            names = ", ".join(("code", *fields, "geom"))
            with connection.cursor().copy(f"COPY {layer} ({names}) FROM STDIN".encode()) as copy:
                for row in zip(frame.index.tolist(), *values, packed, strict=True):
                    copy.write_row(row)
            connection.execute(f"CREATE INDEX {layer}_geom ON {layer} USING gist (geom)".encode())
            connection.execute(f"CLUSTER {layer} USING {layer}_geom".encode())
            connection.execute(f"VACUUM ANALYZE {layer}".encode())


def _check_alike(
    store: Path,
    asked: list[Asked],
    tiles: list[Tile],
    frames: dict[str, Any],
    flask: int | None,
    by_tipg: int | None,
) -> None:
    """Raise where servers do not show the same buildings, at zooms at which none leaves any out."""
    with wangge(store, ("/healthz", "")) as (port, _):
        ready(port)
        exact = [at for at, tile in enumerate(tiles) if tile[1] >= _EXACT_ZOOM][:12]
        for at in exact:
            inside = _standing_in(frames[tiles[at][0]], tiles[at])
            for name, where, place in (
                ("Wangge", port, asked[at][0]),
                ("gunicorn, Flask and ST_AsMVT", flask, asked[at][0]),
                ("tipg", by_tipg, tipg_path(tiles[at])),
            ):
                if where is None:
                    continue
                status, headers, body = fetch(where, place, asked[at][1])
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if status != 200 or not inside <= _codes(body):
                    missing = inside - _codes(body) if status == 200 else inside
                    raise RuntimeError(
                        f"{name}: tile {place} answers {status}, {len(missing)} of {len(inside)} are missing"
                    )


def _standing_in(frame: Any, tile: Tile) -> set[str]:
    """Return the codes of what certainly shows in a tile: a point of it lies there."""
    _, zoom, x, y = tile
    east, north = _mercator(frame)
    size = 2 * _WHOLE_M / 2**zoom
    inside = (np.floor((east + _WHOLE_M) / size) == x) & (np.floor((_WHOLE_M - north) / size) == y)
    return set(frame.index[inside])


def _codes(body: bytes) -> set[str]:
    import mapbox_vector_tile

    found = set()
    for layer in mapbox_vector_tile.decode(body).values():
        for feature in layer["features"]:
            properties = feature["properties"]
            found.add(str(properties.get("code", properties.get("id"))))
    return found


# Tiles that are ready


def _cached(
    plan: Plan, store: Path, asked: list[Asked], tiles: list[Tile], work: Path, say: Say
) -> tuple[list[Served], float]:
    """Measure ours with every tile asked for before, and the same bytes from nginx and tileserver-gl-light."""
    ours, by_nginx, by_node = Served("Wangge"), Served("nginx"), Served("tileserver-gl-light")
    with ExitStack() as stack:
        port, _ = stack.enter_context(wangge(store, ("/healthz", "")))
        ready(port)
        files, mbtiles = work / "files", work / "tiles.mbtiles"
        sizes = _keep(port, asked, tiles, files, mbtiles)
        node_asked = [(tileserver_path(tile), cookie) for tile, (_, cookie) in zip(tiles, asked, strict=True)]
        servers: list[tuple[Served, int, list[Asked]]] = [(ours, port, asked)]
        peers: list[tuple[Served, AbstractContextManager[int], list[Asked]]] = [
            (by_nginx, nginx(files, asked[0], work), asked),
            (by_node, tileserver_gl(mbtiles, node_asked[0]), node_asked),
        ]
        for peer, server, paths in peers:
            try:
                servers.append((peer, stack.enter_context(server), paths))
            except NotServed as problem:
                peer.problem = str(problem)
                say(f"  {peer.name}: {problem}")
        for served, at, paths in servers:  # every worker has made every tile
            with suppress(NotServed):
                load(at, paths, work, seconds=plan.seconds)
            _check_bytes(served, at, paths, asked, port)
        for _ in range(plan.rounds):
            for served, at, paths in servers:
                _once(served, say, partial(load, at, paths, work, seconds=plan.seconds))
    return [ours, by_nginx, by_node], float(np.mean(sizes))


def _keep(port: int, asked: list[Asked], tiles: list[Tile], files: Path, mbtiles: Path) -> list[int]:
    """Keep our tiles, compressed, as files and as MBTiles; return their sizes."""
    sizes = []
    rows = []
    for tile, (where, cookie) in zip(tiles, asked, strict=True):
        status, headers, body = fetch(port, where, cookie)
        if status not in (200, 204):
            raise RuntimeError(f"Wangge: tile {where} answers {status}")
        if headers.get("content-encoding") != "gzip":  # too small to be worth it, or empty
            body = gzip.compress(body, mtime=0)
        file = files / where[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        sizes.append(len(body))
        _, zoom, x, y = tile
        rows.append((zoom, x, 2**zoom - 1 - y, body))
    about = {
        "name": "tiles",
        "format": "pbf",
        "minzoom": str(ZOOMS[0]),
        "maxzoom": str(ZOOMS[-1]),
        "bounds": "113,22,115,23",
        "json": '{"vector_layers": [{"id": "buildings", "fields": {}}, {"id": "communities", "fields": {}}]}',
    }
    connection = sqlite3.connect(mbtiles)
    with connection:
        connection.execute("CREATE TABLE metadata (name text, value text)")
        connection.execute(
            "CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)"
        )
        connection.executemany("INSERT INTO metadata VALUES (?, ?)", about.items())
        connection.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
        connection.execute("CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row)")
    connection.close()
    return sizes


def _check_bytes(served: Served, port: int, paths: Sequence[Asked], asked: list[Asked], ours: int) -> None:
    """Raise where a server has other bytes than ours."""
    for at in range(0, len(asked), max(1, len(asked) // 20)):
        status, _, body = fetch(port, *paths[at])
        mine, _, expected = fetch(ours, *asked[at])
        if mine == 200 and (status != 200 or _plain(body) != _plain(expected)):
            raise RuntimeError(f"{served.name}: {paths[at][0]} answers {status} with other bytes than ours")


def _plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
