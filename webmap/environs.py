"""A request as Granian gives it, made what PEP 3333 describes, and whom to believe of who asks."""

from __future__ import annotations

import ipaddress
import logging
from typing import Any

LOGGER = logging.getLogger("wangge")

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
              "HTTP_X_FORWARDED_BY", "HTTP_X_FORWARDED_PREFIX", "HTTP_FORWARDED")  # fmt: skip


def prepare(environ: dict[str, Any], proxy: str) -> None:
    """Make of what Granian gives an environment as PEP 3333 describes it."""
    environ |= _SAME_FOR_ALL
    if environ["SERVER_PROTOCOL"] == "HTTP/1":
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    _believe(environ, proxy)


class _Log:
    """The stream of errors that PEP 3333 asks for: ours go to the log."""

    def write(self, text: str) -> None:
        """Log a line."""
        if text.strip():
            LOGGER.error("%s", text.rstrip())

    def writelines(self, lines: list[str]) -> None:
        """Log lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: the log is written at once."""


_SAME_FOR_ALL = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.errors": _Log(),
}


def _believe(environ: dict[str, Any], proxy: str) -> None:
    """Take from the trusted proxy, and from nobody else, who asks and by which scheme: what it says last."""
    said = {name: environ.pop(name) for name in _FORWARDED if name in environ}
    if said and proxy and environ["REMOTE_ADDR"] == proxy:
        scheme = said.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        address = _address(said.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip())
        if address:
            environ["REMOTE_ADDR"] = address


def _address(text: str) -> str:
    """Return the IP address of a text such as ``[2001:db8::1]:443``, "" where there is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
