"""Static files under addresses that change with their content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for

from webmap.responses import accepts_gzip, compressed, is_text

KEPT_S = 365 * 24 * 3600
_DIGITS = 12


def asset(path: str) -> str:
    """Return the address of a file under ``webmap/static``, with its content's hash.

    Raises
    ------
    FileNotFoundError
        There is no such file: a template names one that set-up did not bring.
    """
    return f"{url_for('static', filename=path)}?v={content_hash(path)}"


def content_hash(path: str) -> str:
    """Return the hash that `asset` puts into the address of a static file."""
    return _hash(*_present(path))


def _present(path: str) -> tuple[Path, int, int]:
    """Return a static file with what tells one state of it from another."""
    file = Path(current_app.static_folder or "") / path
    stat = file.stat()
    return file, stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=1024)
def _hash(file: Path, modified_ns: int, size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:_DIGITS]


@lru_cache(maxsize=256)
def _compressed(file: Path, modified_ns: int, size: int) -> bytes:
    return compressed(file.read_bytes())


def import_map(names: Mapping[str, str] | None = None, *, folder: str = "js") -> str:
    """Return the JSON of the page's import map.

    Parameters
    ----------
    names : mapping of str to str, optional
        Bare module names and the static files they stand for, such as
        ``{"maplibre-gl": "vendor/maplibre-gl/maplibre-gl.mjs"}``.
    folder : str
        Our own modules there import each other by relative path; each is mapped to its hashed address.
    """
    root = Path(current_app.static_folder or "")
    imports = {name: asset(path) for name, path in (names or {}).items()}
    for file in sorted((root / folder).rglob("*.js")):
        path = file.relative_to(root).as_posix()
        imports[url_for("static", filename=path)] = asset(path)
    # The text stands inside a script element.
    return json.dumps({"imports": imports}, ensure_ascii=True).replace("<", "\\u003c")


def _finish(response: Response) -> Response:
    """Let a browser keep a static file for good where the address names its content; compress texts once."""
    if request.endpoint != "static" or response.status_code != 200 or not request.view_args:
        return response
    path = request.view_args["filename"]
    if request.args.get("v") == content_hash(path):
        response.headers["Cache-Control"] = f"public, max-age={KEPT_S}, immutable"
    if is_text(response):
        response.vary.add("Accept-Encoding")
        if accepts_gzip() and "Range" not in request.headers:
            response.close()
            response.direct_passthrough = False
            response.set_data(_compressed(*_present(path)))
            response.set_etag(content_hash(path) + "-gzip")
            response.headers["Content-Encoding"] = "gzip"
    return response


def register(app: Flask) -> None:
    """Give templates `asset` and `import_map`, and static files their time to live."""
    app.jinja_env.globals |= {"asset": asset, "import_map": import_map}
    app.after_request(_finish)
