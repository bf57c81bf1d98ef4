"""Which encoding a text is in: Chinese programs write UTF-8, GBK or GB18030 and rarely say which."""

from __future__ import annotations

import codecs
from collections.abc import Iterable

# UTF-8 read as such has next to no bad sequences even where a byte was lost; GB18030 has hardly a good one.
_DAMAGED_SHARE = 0.1


def encoding_of(chunks: Iterable[bytes]) -> str | None:
    """Return ``utf-8-sig``, ``utf-16`` or ``gb18030``, or None where the bytes are in none of them.

    Parameters
    ----------
    chunks : iterable of bytes
        The whole content, in pieces.

    Notes
    -----
    A byte-order mark decides. Else what is UTF-8, but for at most one damaged character in ten, is UTF-8
    (the damaged ones become U+FFFD and are reported where they stand); else what decodes as GB18030 is that.
    """
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    gb18030: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("gb18030")("strict")
    good = bad = 0
    first = b""
    for chunk in chunks:
        if len(first) < 3:
            first += chunk[: 3 - len(first)]
            if first.startswith((b"\xff\xfe", b"\xfe\xff")):
                return "utf-16"
        text = utf8.decode(chunk)
        if not text.isascii():
            damaged = text.count("\ufffd")
            bad += damaged
            good += len(text) - len(text.encode("ascii", "ignore")) - damaged
        gb18030 = _still(gb18030, chunk)
    bad += utf8.decode(b"", final=True).count("\ufffd")
    if bad == 0 or first.startswith(codecs.BOM_UTF8) or bad <= _DAMAGED_SHARE * (good + bad):
        return "utf-8-sig"
    return "gb18030" if _still(gb18030, b"", final=True) is not None else None


def _still(
    decoder: codecs.IncrementalDecoder | None, chunk: bytes, *, final: bool = False
) -> codecs.IncrementalDecoder | None:
    if decoder is not None:
        try:
            decoder.decode(chunk, final=final)
        except UnicodeDecodeError:
            return None
    return decoder
