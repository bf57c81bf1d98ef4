"""The key that packages are signed with, and who may still hold one."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64decode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from layers.access.access import Access
from layers.access.package_keys import PackageKey, new_pem
from layers.visitors import WHOLE_DISTRICT
from tests.access.conftest import OpenAccess
from tests.access.support import CELLS, OPERATOR, person


def verify(jwk: dict[str, str], content: bytes, signature: bytes) -> None:
    """Verify as a browser would: from the JSON Web Key alone."""
    x, y = (int.from_bytes(urlsafe_b64decode(jwk[name] + "=="), "big") for name in ("x", "y"))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    assert len(signature) == 64
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.verify(utils.encode_dss_signature(r, s), content, ec.ECDSA(SHA256()))


def test_a_signature_holds_for_what_was_signed_and_nothing_else() -> None:
    key, other = PackageKey(new_pem()), PackageKey(new_pem())
    signature = key.sign(b"content")
    verify(key.public, b"content", signature)
    assert signature == key.sign(b"content")
    assert key.public["kid"] != other.public["kid"]
    for jwk, content in ((key.public, b"contenT"), (other.public, b"content")):
        with pytest.raises(InvalidSignature):
            verify(jwk, content, signature)


def test_short_numbers_keep_their_places() -> None:
    """One signature in 128 or so has a leading zero byte in r or s."""
    key = PackageKey(new_pem())
    signatures = [key.sign(number.to_bytes(2, "big")) for number in range(600)]
    assert any(0 in (signature[0], signature[32]) for signature in signatures)
    for number, signature in enumerate(signatures):
        verify(key.public, number.to_bytes(2, "big"), signature)


def test_the_key_is_made_once_and_kept(url: str, open_at: OpenAccess) -> None:
    first = open_at(url)
    assert first.package_key() is first.package_key()
    assert open_at(url).package_key().public == first.package_key().public


def test_many_who_ask_at_once_get_one_key(url: str, open_at: OpenAccess) -> None:
    several = [open_at(url) for _ in range(4)]
    start, found = threading.Barrier(len(several)), []

    def ask(access: Access) -> None:
        start.wait()
        found.append(access.package_key().public["kid"])

    threads = [threading.Thread(target=ask, args=[access]) for access in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(several)
    assert len(set(found)) == 1


def test_who_may_hold_a_package(access: Access) -> None:
    account, _ = person(access, "li", "grid_worker", CELLS)
    tablet, code = access.add_device("tablet", "T", account="li", by=OPERATOR)
    access.enrol(code)
    assert access.holding(account.id) == access.holding(tablet.id) == "held"
    assert access.holding("0" * 12) == access.holding("") == "unknown"
    access.revoke_device(tablet.id, by=OPERATOR)
    assert access.holding(account.id) == "held"
    assert access.holding(tablet.id) == "revoked"


def test_a_disabled_person_holds_nothing_on_any_device(access: Access) -> None:
    account, _ = person(access, "li", "grid_worker", CELLS)
    tablet, _ = access.add_device("tablet", "T", account="li", by=OPERATOR)
    access.disable("li", by=OPERATOR)
    assert access.holding(account.id) == access.holding(tablet.id) == "revoked"
    wall, _ = access.add_device("wall", "Hall", by=OPERATOR)
    assert access.holding(wall.id) == "revoked"


def test_a_new_role_takes_the_tablet_along(access: Access) -> None:
    person(access, "li", "grid_worker", CELLS)
    tablet, _ = access.add_device("tablet", "T", account="li", by=OPERATOR)
    access.change_role("li", "planner", WHOLE_DISTRICT, by=OPERATOR)
    assert access.holding(tablet.id) == "revoked"
