"""How bodies are compressed on their way, and which way a client takes (RFC 9110, 12.5.3)."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Literal

from isal import isal_zlib
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Coding = Literal["zstd", "gzip", "identity"]
CODINGS: tuple[Coding, ...] = ("zstd", "gzip", "identity")
"""Names of HTTP's content codings; of those that a client likes equally well the first is best."""

WORTH_FROM_BYTES = 1024
"""Smaller bodies fit into a packet anyhow."""

_GZIP_LEVEL = 1
"""Of ISA-L: as small as zlib's first level in a quarter of its time, 9 % larger than its sixth in a tenth."""
_ZSTD_LEVEL = 1
"""As small as zlib's sixth level; the third is 1 % smaller and takes a third longer."""
_GZIP_WINDOW_BITS = 31


@lru_cache(maxsize=256)
def coding_for(accepted: str) -> Coding:
    """Return the coding that a client with this ``Accept-Encoding`` likes best; as it is, where it takes none."""
    likes = parse_accept_header(accepted, Accept)
    found: Coding = "identity"
    best = likes.quality("identity") if "identity" in accepted.lower() else 0.0
    for coding in reversed(CODINGS[:-1]):
        quality = likes.quality(coding)
        if quality > 0 and quality >= best:
            found, best = coding, quality
    return found


def compress(body: bytes, coding: Coding) -> bytes:
    """Return `body` in a coding; equal bodies give equal bytes."""
    if coding == "gzip":
        return isal_zlib.compress(body, level=_GZIP_LEVEL, wbits=_GZIP_WINDOW_BITS)
    return zstd.compress(body, level=_ZSTD_LEVEL) if coding == "zstd" else body


def expand(body: bytes, coding: Coding) -> bytes:
    """Return what `compress` was given."""
    if coding == "gzip":
        return isal_zlib.decompress(body, wbits=_GZIP_WINDOW_BITS)
    return zstd.decompress(body) if coding == "zstd" else body
