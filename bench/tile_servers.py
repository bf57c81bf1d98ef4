"""Servers of tiles: Wangge's, those that make tiles anew as well, and those that have them ready."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from bench.contest import PEERS, ROOT
from bench.serving import Asked, NotServed, free_port, running

_NODE = ROOT / ".venv-bench" / "npm"

Tile = tuple[str, int, int, int]
"""Layer, zoom, column and row."""


def path(tile: Tile) -> str:
    """Return where Wangge, and the plain peers, have a tile."""
    layer, zoom, x, y = tile
    return f"/tiles/{layer}/{zoom}/{x}/{y}.mvt"


@contextmanager
def wangge(store: Path, asked: Asked, *, keeps_tiles: bool = True) -> Iterator[tuple[int, int]]:
    """Serve a store as an office does, by defaults, or without keeping any tile; gives the port and the process."""
    port = free_port()
    command: list[str | Path] = [Path(sys.executable).with_name("wangge")]
    if not keeps_tiles:
        command = [sys.executable, "-m", "bench.without_cache"]
    command += ["serve", "--store", f"gpkg:{store}", "--port", str(port)]
    with running(command, port, asked, env={"LANG": "en", "LC_ALL": "en"}) as process:
        yield port, process.pid


@contextmanager
def flask_st_asmvt(url: str, asked: Asked) -> Iterator[int]:
    """Serve by gunicorn, two workers for each core and one more, as its manual says."""
    port = free_port()
    python = PEERS if PEERS.exists() else Path(sys.executable)
    workers = 2 * (os.cpu_count() or 1) + 1
    command: list[str | Path] = [
        python.with_name("gunicorn"),
        "-w",
        str(workers),
        "-b",
        f"127.0.0.1:{port}",
        "bench.tasks.mvt_app:app",
    ]
    with running(command, port, asked, env={"BENCH_DATABASE": url}):
        yield port


@contextmanager
def tipg(url: str, asked: Asked) -> Iterator[int]:
    """Serve by uvicorn, a worker for each core."""
    port = free_port()
    python = PEERS if PEERS.exists() else Path(sys.executable)
    command: list[str | Path] = [
        python.with_name("uvicorn"),
        "--workers",
        str(os.cpu_count()),
        "--port",
        str(port),
        "--no-access-log",
        "tipg.main:app",
    ]
    parts = urlsplit(url)
    (folder,) = parse_qs(parts.query)["host"]
    env = {
        # Its settings want a host in its usual place.
        "DATABASE_URL": f"postgresql://{parts.username}@{quote(folder, safe='')}{parts.path}",
        "TIPG_DB_SCHEMAS": '["public"]',
        "TIPG_MAX_FEATURES_PER_TILE": "100000",
        "TIPG_TILE_BUFFER": "64",
    }
    with running(command, port, asked, env=env):
        yield port


def tipg_path(tile: Tile) -> str:
    """Return where tipg has a tile."""
    layer, zoom, x, y = tile
    return f"/collections/public.{layer}/tiles/WebMercatorQuad/{zoom}/{x}/{y}"


@contextmanager
def nginx(files: Path, asked: Asked, work: Path) -> Iterator[int]:
    """Serve the tiles of a folder, which are compressed already."""
    port = free_port()
    settings = work / "nginx.conf"
    (work / "nginx").mkdir(exist_ok=True)
    temporary = "\n".join(
        f"    {name}_temp_path {work}/nginx/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings.write_text(f"""
worker_processes {os.cpu_count()};
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
pid {work}/nginx/pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    open_file_cache max=100000;
    types {{ application/vnd.mapbox-vector-tile mvt; }}
{temporary}
    server {{
        listen 127.0.0.1:{port};
        root {files};
        add_header Content-Encoding gzip;
    }}
}}
""")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with running([program, "-c", settings, "-e", "stderr"], port, asked):
        yield port


@contextmanager
def tileserver_gl(mbtiles: Path, asked: Asked) -> Iterator[int]:
    """Serve an MBTiles file."""
    port = free_port()
    program = _NODE / "node_modules" / "tileserver-gl-light" / "src" / "main.js"
    if not program.exists():
        raise NotServed("tileserver-gl-light is not installed")
    settings = mbtiles.with_name("tileserver.json")
    paths = {"root": str(mbtiles.parent), "mbtiles": str(mbtiles.parent)}
    settings.write_text(
        json.dumps({"options": {"paths": paths}, "styles": {}, "data": {"tiles": {"mbtiles": mbtiles.name}}})
    )
    command: list[str | Path] = [
        "node",
        program,
        "--config",
        settings,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
    ]
    with running(command, port, asked, env={"NODE_ENV": "production"}, cwd=mbtiles.parent):
        yield port


def tileserver_path(tile: Tile) -> str:
    """Return where tileserver-gl-light has a tile."""
    return "/data/tiles/{}/{}/{}.pbf".format(*tile[1:])
