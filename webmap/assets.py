"""Static files under addresses that change with their content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for
from werkzeug.security import safe_join

from webmap.codings import WORTH_FROM_BYTES, Coding, compress
from webmap.responses import is_text

KEPT_S = 365 * 24 * 3600
_DIGITS = 12
_MOST_KEPT_BYTES = 4 * 2**20
_FOR_GOOD = ("Cache-Control", f"public, max-age={KEPT_S}, immutable")


@dataclass(frozen=True)
class Kept:
    """A static file in memory, as it is sent.

    Attributes
    ----------
    body : bytes
    etag : str
        Follows from the content and the coding.
    coding : Coding
    mimetype : str
    version : str
        What `asset` puts into its address.
    """

    body: bytes
    etag: str
    coding: Coding
    mimetype: str
    version: str

    def headers(self, query: str) -> list[tuple[str, str]]:
        """Return what is told of it where it is asked for with `query`: it may be kept for good by its version."""
        for_good = query == f"?v={self.version}"
        told = [_FOR_GOOD if for_good else ("Cache-Control", "no-cache"), ("ETag", f'"{self.etag}"')]
        told.append(("Content-Type", _content_type(self.mimetype)))
        if is_text(self.mimetype):
            told.append(("Vary", "Accept-Encoding"))
        if self.coding != "identity":
            told.append(("Content-Encoding", self.coding))
        return told


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


def kept_file(folder: str, path: str, coding: Coding) -> Kept | None:
    """Return a file under `folder` in a coding, None where there is none, or it is too large to be kept."""
    joined = safe_join(folder, path)
    if joined is None or not path:
        return None
    try:
        stat = Path(joined).stat()
        if stat.st_size > _MOST_KEPT_BYTES:
            return None
        return _kept(Path(joined), stat.st_mtime_ns, stat.st_size, coding)
    except (OSError, ValueError):  # a folder, or a name that no file can have
        return None


@lru_cache(maxsize=256)
def _kept(file: Path, modified_ns: int, size: int, coding: Coding) -> Kept:
    """Return a file as it is sent, compressed once: in memory, not anew for each who asks."""
    body, version = file.read_bytes(), _hash(file, modified_ns, size)
    mimetype = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if coding != "identity" and is_text(mimetype) and len(body) >= WORTH_FROM_BYTES:
        return Kept(compress(body, coding), f"{version}-{coding}", coding, mimetype, version)
    return Kept(body, version, "identity", mimetype, version)


def _content_type(mimetype: str) -> str:
    is_words = mimetype.startswith("text/") or mimetype == "image/svg+xml"
    return f"{mimetype}; charset=utf-8" if is_words else mimetype


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
    """Tell of a static file that Flask sends, such as a part of one, what `Kept` tells of it."""
    if request.endpoint != "static" or response.status_code not in (200, 206) or not request.view_args:
        return response
    version = content_hash(request.view_args["filename"])
    if request.query_string == b"v=" + version.encode():
        response.headers.set(*_FOR_GOOD)
    if is_text(response.mimetype):
        response.vary.add("Accept-Encoding")
    response.set_etag(version)
    return response


def register(app: Flask) -> None:
    """Give templates `asset` and `import_map`, and static files their time to live."""
    app.jinja_env.globals |= {"asset": asset, "import_map": import_map}
    app.after_request(_finish)
