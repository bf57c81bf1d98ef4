"""An area package: one signed file that a tablet takes along. docs/package.md tells its layout.

A head (magic, length, manifest, signature) and the parts one after the other. The manifest names each part's
length and SHA-256, and the signature is over the manifest: whoever holds the public key knows that every byte
is ours, and reads it without any library.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Any, Self

MAGIC = b"WANGGE\x00\x01"
FORMAT, FORMAT_VERSION = "wangge-package", 1
SIGNATURE_BYTES = 64
_IN_MEMORY_BYTES = 4 * 2**20
_CHUNK_BYTES = 2**18

JSON = "application/json"


@dataclass(frozen=True)
class Part:
    """A part as the manifest tells of it."""

    name: str
    media: str
    bytes: int
    sha256: str


class Parts:
    """Parts on their way into a package: on disk where they are large, gone when they are closed."""

    def __init__(self) -> None:
        self._file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by `close`
        self._listed: list[Part] = []

    @property
    def listed(self) -> tuple[Part, ...]:
        """What there is so far, in order."""
        return tuple(self._listed)

    def add(self, name: str, media: str, chunks: Iterable[bytes]) -> None:
        """Add a part, piece by piece."""
        digest, size = sha256(), 0
        for chunk in chunks:
            self._file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        self._listed.append(Part(name, media, size, digest.hexdigest()))

    def add_json(self, name: str, content: object) -> None:
        """Add a part of JSON; equal contents give equal bytes."""
        self.add(name, JSON, [as_json(content)])

    def chunks(self) -> Iterator[bytes]:
        """Return all parts one after the other, piece by piece."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Give back memory and disk; closing twice is fine."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def as_json(content: object) -> bytes:
    """Return JSON in UTF-8, keys in the order given."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def package_head(said: Mapping[str, Any], parts: Iterable[Part], sign: Callable[[bytes], bytes]) -> bytes:
    """Return what stands before the parts.

    Parameters
    ----------
    said : mapping
        What the manifest says besides its format and parts.
    sign : callable
        From bytes to their signature: ECDSA P-256 with SHA-256, r and s of 32 bytes each.
    """
    manifest = as_json(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **said,
            "parts": [vars(part) for part in parts],
        }
    )
    signed = MAGIC + len(manifest).to_bytes(4, "big") + manifest
    return signed + sign(signed)
