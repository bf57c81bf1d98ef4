"""The auditor's page: the log, filtered and by pages; whether it is whole; the same as a table. Reading is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from layers.civil_time import CHINA
from layers.problems import BadParameter
from layers.text import Text
from webmap.errors import request_language
from webmap.forms import access, page
from webmap.gate import allow, policy, visitor
from webmap.identity import address_of
from webmap.words_account import AUDIT_ACTIONS, AUDIT_COLUMNS, OUTCOMES, VIA

if TYPE_CHECKING:
    from layers.access.model import Entry

SHOWN = 100
MOST_ROWS = 100_000
"""Rows of one table; more are taken day by day."""

NEWEST = 2**62

audit = Blueprint("audit_page", __name__, url_prefix="/audit")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which entries are asked for."""

    who: str = ""
    action: str = ""
    first: str = ""
    last: str = ""

    def told(self) -> str:
        """Return the filter as it is recorded."""
        return " ".join(f"{name}={value}" for name, value in vars(self).items() if value)

    def find(self, limit: int, *, before: int | None = None) -> list[Entry]:
        """Return at most `limit` entries, oldest first; with `before` those of smaller numbers, newest first."""
        first, last = _day(self.first), _day(self.last)
        return access().entries(
            limit=limit,
            before=before,
            who=self.who or None,
            action=self.action or None,
            first=first,
            last=None if last is None else last + timedelta(days=1) - timedelta(microseconds=1),
        )


def _asked() -> Filter:
    return Filter(
        **{name: request.args.get(name, "").strip()[:120] for name in ("who", "action", "first", "last")}
    )


def _day(given: str) -> datetime | None:
    if not given:
        return None
    try:
        day = datetime.fromisoformat(given).date()
        if not 2000 <= day.year < 2200:
            raise ValueError(given)
    except ValueError:
        raise BadParameter(
            Text("日期不对。", "This is no date."),
            Text("写成 2026-12-31 的样子。", "Write it like 2026-12-31."),
        ) from None
    return datetime.combine(day, time(), CHINA)


@audit.get("")
@allow("audit")
def overview() -> Response:
    """Show the newest entries, or older ones."""
    wanted = _asked()
    given = request.args.get("before", "")
    before = int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else NEWEST
    error = None
    found: list[Entry] = []
    try:
        found = wanted.find(SHOWN, before=before)
        access().record(
            visitor(), "audit_read", what=wanted.told(), count=len(found), origin=address_of(request)
        )
    except BadParameter as wrong:
        error = wrong
    return _page(found, wanted, error=error, faults=None)


def _page(
    found: list[Entry], wanted: Filter, *, error: BadParameter | None, faults: list[Text] | None
) -> Response:
    language = request_language()
    head, digest = access().head()
    return page(
        "access/audit.html",
        error=error,
        entries=found,
        wanted=wanted,
        older=found[-1].seq if len(found) == SHOWN and found[-1].seq > 1 else None,
        head=head,
        digest=digest,
        faults=None if faults is None else [fault.to(language) for fault in faults],
        actions={name: text.to(language) for name, text in AUDIT_ACTIONS.items()},
        outcomes={name: text.to(language) for name, text in OUTCOMES.items()},
        vias={name: text.to(language) for name, text in VIA.items()},
        columns={name: text.to(language) for name, text in AUDIT_COLUMNS.items()},
        role_titles={role.id: role.title.to(language) for role in policy().rules.roles.values()},
    )


@audit.post("/verify")
@allow("audit")
def verify() -> Response:
    """Look whether the log is whole."""
    faults = [fault.message for fault in access().verify()]
    access().record(
        visitor(),
        "audit_read",
        what="verify",
        count=len(faults),
        origin=address_of(request),
        outcome="failed" if faults else "done",
    )
    return _page(Filter().find(SHOWN, before=NEWEST), Filter(), error=None, faults=faults)


@audit.get("/log.csv")
@allow("audit")
def table() -> Response:
    """Return the entries as a table that no spreadsheet takes for formulas; recorded before it leaves."""
    import pandas as pd

    from layers.exports import FORMATS

    wanted, language = _asked(), request_language()
    found = wanted.find(MOST_ROWS)
    access().record(
        visitor(),
        "audit_read",
        what=f"csv {wanted.told()}".strip(),
        count=len(found),
        origin=address_of(request),
    )
    rows = {
        title.to(language): [_cell(entry, name) for entry in found] for name, title in AUDIT_COLUMNS.items()
    }
    frame = pd.DataFrame(rows, dtype="str")
    response = Response(FORMATS["csv"](frame, "audit"), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="wangge-audit.csv"'
    response.cache_control.no_store = True
    return response


def _cell(entry: Entry, name: str) -> str:
    value = getattr(entry, name)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return " ".join(value)
    return "" if value is None else str(value)
