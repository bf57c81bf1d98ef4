"""What a browser may do with what we send, who may keep it, and by which names we are asked."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, g, request

from layers.problems import BadParameter, NotFound
from layers.store import utc_now
from layers.text import Text
from webmap.cookies import is_secure
from webmap.gate import PROBES, allow, this_request

if TYPE_CHECKING:
    from layers.installation import BaseMap

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would not say either where a form was sent from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), payment=(), usb=()"
    ),
}
_FIXED = tuple(HEADERS.items())
TRANSPORT_SECURITY = "max-age=31536000"
WHO_ASKS = ("Cookie", "Authorization")
"""The headers by which somebody is known: what is answered depends on them."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SECURITY_TXT_DAYS = 180
_HOST = re.compile(r"[a-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9a-f:.]{2,45}\](?::[0-9]{1,5})?", re.ASCII)

security = Blueprint("security", __name__)


def content_security_policy(nonce: str, base_map: BaseMap | None = None) -> str:
    """Return the policy: everything from here, scripts and styles by file or with this request's nonce.

    An operator's own base map is the one thing that may be fetched from elsewhere: from its origin, as images.
    """
    outside = "" if base_map is None else f" {base_map.origin}"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            f"img-src 'self' data: blob:{outside}",
            "font-src 'self'",
            f"connect-src 'self'{outside}",
            "worker-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


_POLICY_BEFORE, _POLICY_BETWEEN, _POLICY_AFTER = content_security_policy("\n").split("\n")


def headers_of_bytes(*, secure: bool) -> list[tuple[str, str]]:
    """Return the headers of an answer that is no page: those of `_protect`, without asking Flask."""
    nonce = _new_nonce()
    policy = f"{_POLICY_BEFORE}{nonce}{_POLICY_BETWEEN}{nonce}{_POLICY_AFTER}"
    headers = [("Content-Security-Policy", policy), *_FIXED]
    if secure:
        headers.append(("Strict-Transport-Security", TRANSPORT_SECURITY))
    return headers


def _new_nonce() -> str:
    return secrets.token_urlsafe(16)


def base_map() -> BaseMap | None:
    """Return the operator's base map for a page that draws it, and let that page's browser ask its origin.

    Its address may hold a key; whoever is shown no map is told nothing of it.
    """
    found: BaseMap | None = current_app.extensions["wangge"].settings.installation.base_map
    g.base_map = found
    return found


def csp_nonce() -> str:
    """Return this request's nonce; templates call it for their inline script and style elements."""
    if "csp_nonce" not in g:
        g.csp_nonce = _new_nonce()
    nonce: str = g.csp_nonce
    return nonce


@lru_cache(maxsize=1024)
def is_ours(host: str, address: str, hosts: frozenset[str]) -> bool:
    """Whether a request for `host` (name or IP address, perhaps with a port) is meant for this service.

    Without a public address any IP address is: only names can be made to lead here by somebody else.
    """
    host = host.lower()
    if not _HOST.fullmatch(host):
        return False
    name = urlsplit(f"//{host}").hostname or ""
    if name in LOOPBACK or name in hosts:
        return True
    if address:
        return host == urlsplit(address).netloc
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


def _check_host() -> None:
    settings, asked = current_app.extensions["wangge"].settings, this_request()
    host = asked.environ.get("HTTP_HOST", "")
    if asked.path not in PROBES and not is_ours(host, settings.address, settings.hosts):
        raise BadParameter(
            Text("这个服务不在这个网址上。", "This service is not at this address."),
            Text(
                "请用管理员给的网址打开；管理员可用 WANGGE_ADDRESS 设置它。",
                "Open it by the address that your administrator gave you, who sets it by WANGGE_ADDRESS.",
            ),
        )


def _protect(response: Response) -> Response:
    """Put the policy and the other headers on a response, errors too."""
    response.headers["Content-Security-Policy"] = content_security_policy(csp_nonce(), g.get("base_map"))
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if is_secure():
        response.headers["Strict-Transport-Security"] = TRANSPORT_SECURITY
    if request.endpoint != "static":
        _keep_private(response)
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-cache"
    return response


def _keep_private(response: Response) -> None:
    """Let nobody but this browser keep what depends on who asks, and it only to ask again each time."""
    response.vary.update(WHO_ASKS)
    keep = response.cache_control
    keep.public, keep.private = False, True
    signed_in = getattr(g, "visitor", None) is not None and g.visitor.via != "nobody"
    if keep.no_store or (signed_in and response.mimetype == "text/html"):
        # A page must not come back by the back button after signing out.
        response.headers["Cache-Control"] = "no-store"
    else:
        keep.no_cache = True


@security.get("/.well-known/security.txt")
@allow("describe")
def security_txt() -> Response:
    """Say to whom a weakness may be reported (RFC 9116)."""
    settings = current_app.extensions["wangge"].settings
    if not settings.security_contact:
        raise NotFound(
            Text("没有设置安全联系人。", "No contact for security has been set."),
            Text("管理员可设置 WANGGE_SECURITY_CONTACT。", "An administrator sets WANGGE_SECURITY_CONTACT."),
        )
    expires = (utc_now() + timedelta(days=_SECURITY_TXT_DAYS)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: zh, en",
    ]
    if settings.address:
        lines.append(f"Canonical: {settings.address}/.well-known/security.txt")
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


def register(app: Flask) -> None:
    """Protect every response of `app`, and refuse requests that are not for it."""
    app.before_request(_check_host)
    app.after_request(_protect)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.register_blueprint(security)
