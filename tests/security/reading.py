"""Everything that an answer says, as one text: decoded, unzipped, unpacked, its headers among it."""

from __future__ import annotations

import gzip
import html
import io
import json
import re
import sqlite3
import zipfile
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.webmap.decoding import decoded

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_MVT = "application/vnd.mapbox-vector-tile"


def headers_of(response: TestResponse) -> str:
    """Return all that an answer's headers tell."""
    return "\n".join(f"{name}: {unquote(value)}" for name, value in response.headers.items())


@lru_cache(maxsize=4096)
def of_bytes(body: bytes, media_type: str = "") -> str:
    """Return what a body says; its own bytes come first, so that nothing is hidden by a decoder."""
    if body[:2] == b"\x1f\x8b":
        return of_bytes(gzip.decompress(body), media_type)
    parts = [body.decode("utf-8", "replace")]
    if media_type == _MVT:
        parts.append(json.dumps(decoded(body), ensure_ascii=False))
    elif body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            parts += [of_bytes(packed.read(name)) for name in packed.namelist()]
    elif body[:15] == b"SQLite format 3":
        parts.append(_of_database(body))
    elif body[:4] == b"PAR1":
        parts.append(_of_parquet(body))
    elif body[:3] == b"fgb":
        parts.append(_of_file(body, ".fgb"))
    else:
        parts.append(html.unescape(parts[0]))
        if "\\u" in parts[0]:
            parts.append(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), parts[0]))
    return "\n".join(parts)


def _of_database(body: bytes) -> str:
    database = sqlite3.connect(":memory:")
    try:
        database.deserialize(body)
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows: list[Any] = []
        for name in tables:
            if not name.startswith("rtree_"):
                rows += database.execute(f'SELECT * FROM "{name}"').fetchall()
        return "\n".join(" ".join(str(value) for value in row) for row in rows)
    finally:
        database.close()


def _of_parquet(body: bytes) -> str:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(io.BytesIO(body))
    return str(table.drop_columns("geometry").to_pylist())


def _of_file(body: bytes, ending: str) -> str:
    import tempfile

    import pyogrio

    with tempfile.NamedTemporaryFile(suffix=ending) as file:
        file.write(body)
        file.flush()
        return str(pyogrio.read_dataframe(file.name).drop(columns="geometry").to_dict("records"))
