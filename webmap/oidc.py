"""Signing in by an OpenID Connect provider: authorization code with PKCE; Authlib speaks the protocol.

Only accounts that an administrator has linked with a subject of the provider can sign in. These are the
service's only requests to another machine, and there are none unless a provider is set.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from flask import Blueprint, Response, current_app, request

from layers.access.model import SignInFailed
from layers.problems import NotSignedIn, WanggeError
from layers.text import Text
from webmap.cookies import OPENID, cookie, delete_cookie, set_cookie
from webmap.forms import access, lead, local_path
from webmap.gate import allow
from webmap.identity import address_of
from webmap.operations import service
from webmap.settings import OidcSettings
from webmap.sign_in import agent, count_attempt, enter, take_attempt_back

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
TIMEOUT_S = 10
FLOW_S = 600
_LEEWAY_S = 60

openid = Blueprint("oidc", __name__, url_prefix="/openid")


class ProviderAway(WanggeError):
    """The provider does not answer, or not as the protocol has it."""

    def __init__(self) -> None:
        super().__init__(
            Text("统一登录服务没有应答。", "The sign-in service of your organisation does not answer."),
            Text(
                "请稍后再试，或用本系统的密码登录。",
                "Try again later, or sign in with a password of this service.",
            ),
        )


@dataclass(frozen=True)
class Provider:
    """What the provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


def _settings() -> OidcSettings:
    found = service().settings.oidc
    if found is None:
        raise LookupError("no provider is set")
    return found


def _session(**options: Any) -> Any:
    from authlib.integrations.requests_client import OAuth2Session

    settings = _settings()
    return OAuth2Session(
        settings.client_id,
        settings.client_secret,
        scope="openid",
        redirect_uri=_here() + "/openid/callback",
        code_challenge_method="S256",
        **options,
    )


def _here() -> str:
    return service().settings.address or request.host_url.rstrip("/")


def _get(address: str) -> dict[str, Any]:
    """Return the JSON at an address of the provider."""
    import requests

    try:
        answer = requests.get(address, timeout=TIMEOUT_S, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        current_app.logger.warning("the OpenID provider failed at %s: %s", address, error)
        raise ProviderAway from error
    if not isinstance(found, dict):
        raise ProviderAway
    return found


def _provider() -> Provider:
    issuer = _settings().issuer
    found = _get(f"{issuer}/.well-known/openid-configuration")
    try:
        known = Provider(**{name: str(found[name]) for name in Provider.__dataclass_fields__})
    except KeyError as error:
        raise ProviderAway from error
    if known.issuer.rstrip("/") != issuer:
        current_app.logger.warning("the OpenID provider %s calls itself %s", issuer, known.issuer)
        raise ProviderAway
    return known


@openid.get("/start")
@allow("describe")
def start() -> Response:
    """Send the browser to the provider; what it must come back with is kept, and bound to this browser."""
    count_attempt()
    provider = _provider()
    verifier, nonce, browser = (secrets.token_urlsafe(48) for _ in range(3))
    where, state = _session().create_authorization_url(
        provider.authorization_endpoint, code_verifier=verifier, nonce=nonce
    )
    kept = {
        "verifier": verifier,
        "nonce": nonce,
        "browser": _digest(browser),
        "next": local_path(request.args.get("next", "")),
    }
    access().keep_flow(state, kept, FLOW_S)
    response = lead(where)
    set_cookie(response, OPENID, browser, max_age_s=FLOW_S)
    return response


@openid.get("/callback")
@allow("describe")
def callback() -> Response:
    """Take what the provider says of who came back, and sign that account in."""
    count_attempt()
    kept = access().take_flow(request.args.get("state", ""))
    if kept is None or not hmac.compare_digest(kept["browser"], _digest(cookie(OPENID))):
        raise _failed("the state is unknown, or another browser's")
    subject = _subject(kept)
    try:
        done = access().sign_in_oidc(subject, address=address_of(request), agent=agent())
    except SignInFailed as error:
        raise NotSignedIn(
            Text(
                "您在统一登录服务中的标识 {s} 还没有可用的账号。",
                "No account in use here has your subject {s}.",
            ).format(s=subject),
            Text(
                "请把它告诉管理员，由管理员关联到您的账号。",
                "Tell it to an administrator, who links it with your account.",
            ),
        ) from error
    for _ in ("going there", "coming back"):
        take_attempt_back()
    response = enter(done, kept["next"])
    delete_cookie(response, OPENID)
    return response


def _subject(kept: dict[str, Any]) -> str:
    """Return the subject that the provider vouches for."""
    import requests
    from authlib.common.errors import AuthlibBaseError
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    settings, provider = _settings(), _provider()
    if "code" not in request.args:
        raise _failed(f"the provider answers {request.args.get('error', 'without a code')[:80]}")
    try:
        tokens = _session().fetch_token(
            provider.token_endpoint,
            grant_type="authorization_code",
            code=request.args["code"],
            code_verifier=kept["verifier"],
            timeout=TIMEOUT_S,
        )
        keys = KeySet.import_key_set(_get(provider.jwks_uri))  # type: ignore[arg-type]
        read = jwt.decode(str(tokens["id_token"]), keys, algorithms=list(ALGORITHMS))
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": settings.client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": kept["nonce"]},
            sub={"essential": True},
        ).validate(read.claims)
        azp = read.claims.get("azp", settings.client_id)
        subject = read.claims["sub"]
    except requests.RequestException as error:
        raise ProviderAway from error
    except (AuthlibBaseError, JoseError, KeyError, ValueError, TypeError) as error:
        raise _failed(f"{type(error).__name__}: {error}") from error
    if azp != settings.client_id or not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise _failed("the token is another client's, or without a subject")
    return subject


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _failed(why: str) -> NotSignedIn:
    current_app.logger.warning("signing in by OpenID failed: %s", why)
    return NotSignedIn(
        Text("统一登录没有成功。", "Signing in by your organisation did not succeed."),
        Text("请重新登录。", "Sign in again."),
    )
