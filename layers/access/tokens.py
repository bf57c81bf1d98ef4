"""Tokens and codes: made by chance, told once, and kept as hashes."""

from __future__ import annotations

import secrets
from hashlib import sha256

SESSION, LINK, DEVICE, KEY = "wgs_", "wgl_", "wgd_", "wgk_"

# Crockford's base 32: nothing that is read or heard for another.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT = str.maketrans("OIL", "011")
CODE_LETTERS = 16


def new_token(prefix: str) -> str:
    """Return a new secret of 256 bits."""
    return prefix + secrets.token_urlsafe(32)


def new_code() -> str:
    """Return a new secret of 80 bits that a person types: 16 characters in groups of 4."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LETTERS))
    return "-".join(letters[at : at + 4] for at in range(0, CODE_LETTERS, 4))


def new_id() -> str:
    """Return a new id of an account, session, device or key: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def plain_code(typed: str) -> str:
    """Return a code as it was made, however it was typed: without spaces and dashes, O for 0."""
    kept = "".join(typed.split()).replace("-", "").upper().translate(_MEANT)
    return kept if len(kept) == CODE_LETTERS and set(kept) <= set(_LETTERS) else ""


def digest(secret: str) -> str:
    """Return what is kept of a token or code: such long secrets need no slow hash."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
