"""The key that area packages are signed with: made when the first is taken, kept with the accounts.

It says no more than that a package is this service's. Whoever may read the file of accounts could sign as
well; tablets keep the public half of the first package and take no other without asking.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from layers.access.kept import Kept
from layers.access.rows import moment, one

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from layers.stores.access.base import Transaction

Holding = Literal["held", "revoked", "unknown"]
"""Whether somebody may go on holding a package: they may, may no more, or are not known here."""
_COORDINATE_BYTES = 32
_FOUND = "SELECT private_pem FROM package_keys ORDER BY created DESC, kid LIMIT 1"


class PackageKey:
    """A key pair: ECDSA over P-256 with SHA-256, which every browser can verify.

    Parameters
    ----------
    pem : str
        The private key, PKCS #8.
    """

    def __init__(self, pem: str) -> None:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self._private: EllipticCurvePrivateKey = load_pem_private_key(pem.encode(), None)  # type: ignore[assignment]

    @cached_property
    def public(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 7517); `kid` is the beginning of its thumbprint (RFC 7638)."""
        numbers = self._private.public_key().public_numbers()
        x, y = (_base64url(value.to_bytes(_COORDINATE_BYTES, "big")) for value in (numbers.x, numbers.y))
        thumbprint = sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode())
        return {"kid": thumbprint.hexdigest()[:16], "kty": "EC", "crv": "P-256", "x": x, "y": y}

    def sign(self, content: bytes) -> bytes:
        """Return the signature: r and s of 32 bytes each, the same for the same content (RFC 6979)."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        found = self._private.sign(content, ECDSA(SHA256(), deterministic_signing=True))
        return b"".join(value.to_bytes(_COORDINATE_BYTES, "big") for value in decode_dss_signature(found))


def new_pem() -> str:
    """Return a new private key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    made = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.decode()


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


class PackageKeys(Kept):
    """What concerns packages: the key, and whether somebody may still hold one."""

    _package_key: PackageKey | None = None

    def package_key(self) -> PackageKey:
        """Return the key that packages are signed with; the first who asks makes it."""
        if self._package_key is None:
            with self._backend.reading() as transaction:
                pem = _kept(transaction)
            self._package_key = PackageKey(self._new_package_key() if pem is None else pem)
        return self._package_key

    def _new_package_key(self) -> str:
        made = new_pem()
        with self._writing() as transaction:
            # Whoever had the turn before has made it already.
            pem = _kept(transaction)
            if pem is not None:
                return pem
            kid = PackageKey(made).public["kid"]
            transaction.run("INSERT INTO package_keys VALUES (?, ?, ?)", kid, made, self._now())
        return made

    def holding(self, holder: str) -> Holding:
        """Return whether a package may stay with a device, or in the browser of an account, of this id.

        "revoked" where the device was revoked or the person's account disabled: what it holds is to be wiped.
        Devices and accounts are never deleted, so one that is not there came after the backup from which the
        accounts were restored, or never was: it gets nothing, but what it holds is not taken from it.
        """
        with self._backend.reading() as transaction:
            device = one(
                transaction.run(
                    "SELECT d.revoked, coalesce(a.disabled, 1) FROM devices d LEFT JOIN accounts a ON a.id = d.account "
                    "WHERE d.id = ?",
                    holder,
                )
            )
            account = one(transaction.run("SELECT disabled FROM accounts WHERE id = ?", holder))
        found = device or account
        if found is None:
            return "unknown"
        return "revoked" if any(found) else "held"

    def now(self) -> datetime:
        """Return the present moment, by the clock that sessions and the log go by."""
        return moment(self._now())


def _kept(transaction: Transaction) -> str | None:
    found = one(transaction.run(_FOUND))
    return None if found is None else str(found[0])
