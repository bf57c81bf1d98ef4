"""What a tablet does with a package: read and checked by docs/package.md, with nothing of ours."""

from __future__ import annotations

import hashlib
import json
import struct
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

HEAD_BYTES, SIGNATURE_BYTES = 12, 64


class Refused(Exception):
    """The package is not used."""


def manifest_end(content: bytes) -> int:
    return HEAD_BYTES + int(struct.unpack(">I", content[8:HEAD_BYTES])[0])


def opened(content: bytes, key: dict[str, str], now: datetime) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the manifest and the parts of a package that holds; raise `Refused` where it does not."""
    if len(content) < HEAD_BYTES or content[:8] != b"WANGGE\x00\x01":
        raise Refused("magic")
    end = manifest_end(content)
    signature = content[end : end + SIGNATURE_BYTES]
    if len(signature) != SIGNATURE_BYTES:
        raise Refused("short")
    x, y = (int.from_bytes(urlsafe_b64decode(key[name] + "=="), "big") for name in ("x", "y"))
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    try:
        public.verify(utils.encode_dss_signature(r, s), content[:end], ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise Refused("signature") from error
    manifest = json.loads(content[HEAD_BYTES:end])
    if now >= datetime.strptime(manifest["expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC):
        raise Refused("expired")
    parts, at = {}, end + SIGNATURE_BYTES
    for part in manifest["parts"]:
        body = content[at : at + part["bytes"]]
        if hashlib.sha256(body).hexdigest() != part["sha256"]:
            raise Refused(part["name"])
        parts[part["name"]], at = body, at + part["bytes"]
    if at != len(content):
        raise Refused("length")
    return manifest, parts


def tiles_of(parts: dict[str, bytes]) -> dict[tuple[str, int, int, int], bytes]:
    """Return the tiles by layer, zoom, column and row."""
    listed = json.loads(parts["tiles.json"])["tiles"]
    return {
        (layer, zoom, x, y): parts["tiles.bin"][start : start + length]
        for layer, zoom, x, y, start, length in listed
    }
