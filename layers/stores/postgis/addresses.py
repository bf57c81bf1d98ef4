"""A database's URL: taken apart, and shown without what is secret in it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from layers.problems import BadParameter
from layers.text import Text

if TYPE_CHECKING:
    from layers.store import StoreSettings

_SECRET = {"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"}
# A server that vanishes without a word (a pulled cable) is given up after half a minute, not after hours.
_KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


@dataclass(frozen=True, repr=False)
class Address:
    """Where a database is.

    Attributes
    ----------
    shown : str
        The URL without anything secret; the only part that messages may hold.
    conninfo : str
        What libpq needs to connect, passwords among it.
    database, user : str
        Their names, as libpq will take them.
    """

    shown: str
    conninfo: str
    database: str
    user: str


def address_of(url: str, settings: StoreSettings) -> Address:
    """Take a ``postgresql://`` URL apart.

    Raises
    ------
    BadParameter
        It cannot be understood, or only in a way that would take a part of the password for something else.
    """
    given = _parameters(url)
    if given is None:
        raise BadParameter(
            Text(
                "数据库地址无法识别（内容不显示，以免泄露密码）。",
                "The database URL is not understood (not shown: it may hold a password).",
            ),
            Text(
                "格式：postgresql://用户:密码@主机:端口/数据库?参数；密码中的特殊字符须转义，例如 @ 写作 %40，/ 写作 %2F，% 写作 %25。",
                "It is postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETERS; within the password write @ as %40, "
                "/ as %2F, % as %25.",
            ),
        )
    fixed = {"application_name": "wangge", "client_encoding": "UTF8"}
    wait = {"connect_timeout": max(math.ceil(settings.connect_timeout_s), 1)}
    parameters = {**_KEEPALIVES, **wait, **given, **fixed}
    # What the URL leaves out libpq takes from its own defaults.
    libpq = {option.keyword: option.val for option in Conninfo.get_defaults()}
    user = _text(given.get("user") or libpq.get(b"user"))
    database = _text(given.get("dbname") or libpq.get(b"dbname") or user)
    return Address(shown_url(url), make_conninfo("", **parameters), database, user)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


def shown_url(url: str) -> str:
    """Return a URL without passwords; of one that cannot be read for certain, nothing."""
    if _parameters(url) is None:
        return "postgresql://…"
    scheme, _, rest = url.partition("://")
    named, place = _split(rest)
    where, question, query = place.partition("?")
    kept = [part for part in query.split("&") if unquote(part.partition("=")[0]) not in _SECRET]
    who = "" if named is None else named.partition(":")[0] + "@"
    return f"{scheme}://{who}{where}{question if kept or not query else ''}{'&'.join(kept)}"


def _parameters(url: str) -> dict[str, Any] | None:
    """Return libpq's parameters; None where it would refuse them, or take a part of the password for another."""
    _, place = _split(url.partition("://")[2])
    if "@" in place.partition("?")[0]:
        return None
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return None  # the error's words quote what could not be read
    ports = str(given.get("port") or "").split(",")
    return given if all(port == "" or port.isdecimal() for port in ports) else None


def _split(rest: str) -> tuple[str | None, str]:
    """Return what stands before the @ and after it, as libpq does: a / ends the search."""
    named = re.match(r"([^/@]*)@(.*)", rest, re.DOTALL)
    return (named[1], named[2]) if named else (None, rest)
