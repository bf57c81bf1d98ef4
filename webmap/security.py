"""What a browser may do with what we send: a strict policy on every response, and how long to keep it."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), payment=(), usb=()"
    ),
}


def content_security_policy(nonce: str) -> str:
    """Return the policy: everything from here, scripts and styles by file or with this request's nonce."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def csp_nonce() -> str:
    """Return this request's nonce; templates call it for their inline script and style elements."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def protect(response: Response) -> Response:
    """Put the policy and the other headers on a response."""
    response.headers["Content-Security-Policy"] = content_security_policy(csp_nonce())
    for name, value in HEADERS.items():
        response.headers[name] = value
    if "Cache-Control" not in response.headers:
        # Nothing is shown stale: what is kept is asked for again, and mostly answered by 304.
        response.headers["Cache-Control"] = "no-cache"
    return response


def register(app: Flask) -> None:
    """Protect every response of `app`, errors too."""
    app.after_request(protect)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
