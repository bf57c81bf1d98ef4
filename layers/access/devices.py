"""Devices: wall screens that show aggregates, and tablets bound to a person.

Each is enrolled by a code that counts once, typed on the device: no lasting secret is ever in an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from layers.access.accounts import Accounts
from layers.access.model import DEVICE_KINDS, Device, DeviceKind
from layers.access.names import clean, title_of
from layers.access.rows import AccountRow, area_of, area_text, micros_of, moment, moment_or_none, one
from layers.access.sessions import TOUCH, Sessions
from layers.access.tokens import DEVICE, digest, new_code, new_id, new_token, plain_code
from layers.problems import BadParameter, NotFound
from layers.text import Text
from layers.visitors import NO_AREA, WHOLE_DISTRICT, Area, Visitor

if TYPE_CHECKING:
    from layers.stores.access.base import Transaction

CODE_VALID = timedelta(hours=72)
WALL_SCOPES = frozenset({"describe", "view", "wall"})
TABLET_SCOPES = frozenset({"describe", "view", "read", "report", "verify", "case", "package"})

_TOUCH = micros_of(TOUCH)
_COLUMNS = "id, kind, title, account, area, created, last_contact, token_hash IS NOT NULL, revoked"
_WHOSE = """
SELECT d.id, d.kind, d.title, d.area, d.last_contact, a.id, a.name, a.role, a.area
FROM devices d LEFT JOIN accounts a ON a.id = d.account
WHERE d.token_hash = ? AND d.revoked = 0 AND (d.kind = 'wall' OR a.disabled = 0)
"""
_TOUCHED = "UPDATE devices SET last_contact = ? WHERE id = ? AND (last_contact IS NULL OR last_contact < ?)"


@dataclass
class KnownDevice:
    """A device and who acts by it."""

    id: str
    visitor: Visitor
    last_contact: int | None


class Devices(Accounts, Sessions):
    """What concerns devices; whoever adds or revokes one must be allowed to manage accounts."""

    def add_device(
        self,
        kind: DeviceKind,
        title: str,
        *,
        account: str | None = None,
        area: Area | None = None,
        by: Visitor,
        origin: str = "",
    ) -> tuple[Device, str]:
        """Add a device, and return it with the code that enrols it, once and within 72 hours.

        Parameters
        ----------
        account : str, optional
            Whose tablet it is.
        area : Area, optional
            To what the person's area is narrowed on the tablet.

        Raises
        ------
        NotSignedIn, Forbidden, NotFound
        BadParameter
            A wall has no person and no area, a tablet has a person, and its area is a part of the person's.
        """
        self._policy.require(by, "accounts")
        if kind not in DEVICE_KINDS or (kind == "wall") != (account is None):
            raise BadParameter(
                Text("{k} 这种设备不能这样添加。", "A device of the kind {k} cannot be added so.").format(
                    k=clean(kind)
                ),
                Text(
                    "大屏（wall）不属于任何人；平板（tablet）须写明使用人。",
                    "A wall is nobody's; a tablet is a person's, whose account must be given.",
                ),
            )
        code, id_, now = new_code(), new_id(), self._now()
        with self._writing() as transaction:
            person = None if account is None else self._row(transaction, account)
            if area is not None and (
                person is None or not area.codes or narrowed(area_of(person.area), area) != area
            ):
                raise BadParameter(
                    Text("{a} 不在使用人的范围之内。", "{a} is no part of the area of its person.").format(
                        a=clean(str(area))
                    ),
                    Text("请只给出其范围内的代码。", "Give codes of that area only."),
                )
            transaction.run(
                "INSERT INTO devices (id, kind, title, account, area, created, code_hash, code_expires) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                id_,
                kind,
                title_of(title),
                None if person is None else person.id,
                None if area is None else area_text(area),
                now,
                digest(plain_code(code)),
                now + micros_of(CODE_VALID),
            )
            self._record(transaction, by, "device_added", _what(kind, title, person), origin=origin)
            return _one(transaction, id_), code

    def enrol(self, code: str, *, address: str = "") -> str | None:
        """Spend a device's code, and return the token that the device keeps; None where it is spent or over."""
        token, typed = new_token(DEVICE), plain_code(code)
        with self._writing() as transaction:
            found = typed and one(
                transaction.run(
                    "UPDATE devices SET token_hash = ?, code_hash = NULL, code_expires = NULL "
                    "WHERE code_hash = ? AND code_expires > ? AND revoked = 0 RETURNING id",
                    digest(token),
                    digest(typed),
                    self._now(),
                )
            )
            if not found:
                return None
            (id_,) = found
            device = _one(transaction, id_)
            by = Visitor(device.kind, name=device.title, account=device.account_id, via="device", means=id_)
            self._record(transaction, by, "device_enrolled", f"{device.kind} {device.title}", origin=address)
        return token

    def devices(self) -> list[Device]:
        """Return all devices, the newest first."""
        with self._backend.reading() as transaction:
            rows = transaction.run(f"SELECT {_COLUMNS} FROM devices ORDER BY created DESC, id")  # noqa: S608
        return [_device(row) for row in rows]

    def revoke_device(self, device_id: str, *, by: Visitor, origin: str = "") -> None:
        """Make a device's token and code worthless; `NotFound` where there is no such device."""
        self._policy.require(by, "accounts")
        with self._writing(changes_who=True) as transaction:
            device = _one(transaction, device_id)
            transaction.run("UPDATE devices SET revoked = 1, code_hash = NULL WHERE id = ?", device_id)
            self._record(transaction, by, "device_revoked", f"{device.kind} {device.title}", origin=origin)

    def visitor_of_device(self, token: str) -> Visitor | None:
        """Return who acts by a device's token; None where it is worth nothing."""
        if not token.startswith(DEVICE):
            return None
        secret, now = digest(token), self._now()
        found = self._known.get(secret, lambda transaction: _of_token(transaction, secret))
        if not isinstance(found, KnownDevice):
            return None
        if found.last_contact is None or now - found.last_contact >= _TOUCH:
            found.last_contact = now
            self._touch(_TOUCHED, found.id, now)
        return found.visitor


def narrowed(of: Area, to: Area) -> Area:
    """Return the part of a person's area that a tablet is for; none, where that cannot be told from the codes."""
    if of.kind == "district":
        return to
    common = of.codes & to.codes if of.kind == to.kind else frozenset()
    return Area(of.kind, common) if common else NO_AREA


def _of_token(transaction: Transaction, secret: str) -> KnownDevice | None:
    found = one(transaction.run(_WHOSE, secret))
    if found is None:
        return None
    id_, kind, title, area, last_contact, account, name, role, of = found
    if kind == "wall":
        visitor = Visitor("wall", WHOLE_DISTRICT, name=title, via="device", scopes=WALL_SCOPES, means=id_)
    else:
        here = area_of(of) if area is None else narrowed(area_of(of), area_of(area))
        visitor = Visitor(
            role, here, account=account, name=name, via="device", scopes=TABLET_SCOPES, means=id_
        )
    return KnownDevice(id_, visitor, last_contact)


def _one(transaction: Transaction, device_id: str) -> Device:
    found = one(transaction.run(f"SELECT {_COLUMNS} FROM devices WHERE id = ?", device_id))  # noqa: S608
    if found is None:
        raise NotFound(
            Text("没有设备 {d}。", "There is no device {d}.").format(d=clean(device_id)),
            Text("wangge device list 列出所有设备。", "`wangge device list` lists them all."),
        )
    return _device(found)


def _device(row: tuple[Any, ...]) -> Device:
    id_, kind, title, account, area, created, last_contact, enrolled, revoked = row
    return Device(
        id=id_,
        kind=kind,
        title=title,
        account_id=account,
        area=None if area is None else area_of(area),
        created=moment(created),
        last_contact=moment_or_none(last_contact),
        enrolled=bool(enrolled),
        revoked=bool(revoked),
    )


def _what(kind: str, title: str, person: AccountRow | None) -> str:
    return f"{kind} {title_of(title)}" + ("" if person is None else f" ({person.name})")
