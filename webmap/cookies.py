"""The service's cookies: never readable by scripts, never sent along from other sites, over TLS only where there is TLS."""

from __future__ import annotations

from flask import Response, current_app, request

SESSION = "wangge"
DEVICE = "wangge-device"
FORM = "wangge-form"
SECOND = "wangge-second"
OPENID = "wangge-openid"


def is_secure() -> bool:
    """Whether people reach the service by https."""
    address: str = current_app.extensions["wangge"].settings.address
    return address.startswith("https://") or request.is_secure


def cookie_name(name: str, *, secure: bool | None = None) -> str:
    """Return the name that browsers know a cookie by: the prefix makes them refuse what others plant.

    Parameters
    ----------
    secure : bool, optional
        Whether the browser reaches the service by https; found out where it is not given.
    """
    return f"__Host-{name}" if (is_secure() if secure is None else secure) else name


def cookie(name: str) -> str:
    """Return a cookie's value, "" where the browser sent none."""
    return request.cookies.get(cookie_name(name), "")


def set_cookie(response: Response, name: str, value: str, *, max_age_s: int | None = None) -> None:
    """Give the browser a cookie; without `max_age_s` it forgets it when it is closed."""
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=max_age_s,
        path="/",
        secure=is_secure(),
        httponly=True,
        samesite="Lax",
    )


def delete_cookie(response: Response, name: str) -> None:
    """Have the browser forget a cookie."""
    response.delete_cookie(cookie_name(name), path="/", secure=is_secure(), httponly=True, samesite="Lax")
