"""What the operator of the web service may set, read from the settings' texts and checked at once."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from layers.installation import AS_SHIPPED, Installation
from layers.problems import Problem, ValidationError
from layers.text import Text

NAMES = (
    "WANGGE_ADDRESS",
    "WANGGE_CERTIFICATE",
    "WANGGE_KEY",
    "WANGGE_TRUSTED_PROXY",
    "WANGGE_SECURITY_CONTACT",
    "WANGGE_OIDC_ISSUER",
    "WANGGE_OIDC_CLIENT_ID",
    "WANGGE_OIDC_CLIENT_SECRET_FILE",
    "WANGGE_OIDC_TITLE",
)


@dataclass(frozen=True, kw_only=True)
class OidcSettings:
    """An OpenID provider whose accounts may sign in.

    Attributes
    ----------
    issuer : str
        Its address; what it offers is read from ``/.well-known/openid-configuration`` there.
    client_id, client_secret : str
        What it knows this service by.
    title : str
        What people call it; it stands on the sign-in page.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator may set.

    Attributes
    ----------
    tile_cache_mib : int
        How much memory encoded tiles may take.
    address : str
        The address that people use, such as ``https://map.example``; empty where it is this machine's own.
    hosts : frozenset of str
        Host names, besides the address's, under which the service may be asked for.
    certificate, key : str
        PEM files by which the service speaks TLS itself; empty where it speaks plain HTTP.
    trusted_proxy : str
        IP address of the reverse proxy that is believed who asks and by which scheme.
    security_contact : str
        URI by which a weakness may be reported.
    oidc : OidcSettings, optional
    requests_a_minute : int
        Most requests of one account or device, or of one address's strangers; neither tiles nor pages for
        signing in are among them.
    tiles_a_minute : int
        Most tiles for the same.
    attempts_a_minute : int
        Most attempts of one address to become somebody that fail: sign-ins, codes, links; and, counted apart,
        most wrong keys.
    installation : Installation
        Name, logo, wall, map: what the installation's own file says.
    """

    tile_cache_mib: int = 64
    address: str = ""
    hosts: frozenset[str] = frozenset()
    certificate: str = ""
    key: str = ""
    trusted_proxy: str = ""
    security_contact: str = ""
    oidc: OidcSettings | None = None
    requests_a_minute: int = 600
    tiles_a_minute: int = 12_000
    attempts_a_minute: int = 30
    installation: Installation = AS_SHIPPED


def read_settings(
    texts: Mapping[str, str], *, host: str = "", installation: Installation = AS_SHIPPED
) -> Settings:
    """Return the settings that `texts` name, with `host` as one of the host names.

    Raises
    ------
    ValidationError
        Names every setting that has a wrong value.
    """
    given = {name: texts.get(name, "").strip() for name in NAMES}
    given["WANGGE_ADDRESS"] = given["WANGGE_ADDRESS"].rstrip("/").lower()
    contact = given["WANGGE_SECURITY_CONTACT"]
    if "@" in contact and ":" not in contact:
        given["WANGGE_SECURITY_CONTACT"] = f"mailto:{contact}"
    problems = [
        Problem(
            Text("设置的值不对。", "This setting has a wrong value."), remedy, field=name, value=given[name]
        )
        for name, (right, remedy) in _RIGHT.items()
        if given[name] and not _holds(right, given[name])
    ]
    _check_certificate(given["WANGGE_CERTIFICATE"], given["WANGGE_KEY"], problems)
    oidc = _oidc(given, problems)
    if problems:
        raise ValidationError(
            Text("环境变量中的设置有误。", "The settings in the environment are not right."), problems
        )
    return Settings(
        address=given["WANGGE_ADDRESS"],
        hosts=frozenset({host.lower()} - {""}),
        certificate=given["WANGGE_CERTIFICATE"],
        key=given["WANGGE_KEY"],
        trusted_proxy=given["WANGGE_TRUSTED_PROXY"],
        security_contact=given["WANGGE_SECURITY_CONTACT"],
        oidc=oidc,
        installation=installation,
    )


def _holds(right: Callable[[str], object], text: str) -> bool:
    try:
        return bool(right(text))
    except ValueError:
        return False


def _check_certificate(certificate: str, key: str, problems: list[Problem]) -> None:
    """Note what is wrong with the files for TLS: they must be there, both, readable, and belong together."""
    for name, text in (("WANGGE_CERTIFICATE", certificate), ("WANGGE_KEY", key)):
        if not text and (certificate or key):
            told = Text("TLS 还缺这一项。", "TLS needs this one as well.")
            problems.append(Problem(told, Text("请设置它。", "Set it."), field=name))
        elif text and not Path(text).is_file():
            told = Text("没有这个文件。", "There is no such file.")
            remedy = Text("请给出 PEM 格式的文件。", "Give a file in the PEM format.")
            problems.append(Problem(told, remedy, field=name, value=text))
    if certificate and key and not problems:
        try:
            # With a password given OpenSSL does not ask for one at the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        except (OSError, ValueError):
            told = Text("证书和私钥无法使用。", "The certificate and the key cannot be used.")
            remedy = Text(
                "两者都应为本程序可读的 PEM 文件，私钥不加密，并属于这张证书。",
                "Both must be PEM files that we may read, the key without a password and that of the certificate.",
            )
            problems.append(Problem(told, remedy, field="WANGGE_CERTIFICATE", value=certificate))


def _oidc(given: Mapping[str, str], problems: list[Problem]) -> OidcSettings | None:
    issuer, client = given["WANGGE_OIDC_ISSUER"], given["WANGGE_OIDC_CLIENT_ID"]
    file = given["WANGGE_OIDC_CLIENT_SECRET_FILE"]
    if not (issuer or client or file):
        return None
    for name in ("WANGGE_OIDC_ISSUER", "WANGGE_OIDC_CLIENT_ID", "WANGGE_OIDC_CLIENT_SECRET_FILE"):
        if not given[name]:
            told = Text("统一登录还缺这一项。", "Signing in by OpenID needs this one as well.")
            problems.append(Problem(told, Text("请设置它。", "Set it."), field=name))
    secret = ""
    if file:
        try:
            secret = Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            told = Text("读不出这个文件。", "This file cannot be read.")
            remedy = Text(
                "请给出存有密钥、本程序可读的文件。", "Give the file with the secret, readable by us."
            )
            problems.append(Problem(told, remedy, field="WANGGE_OIDC_CLIENT_SECRET_FILE", value=file))
    return OidcSettings(
        issuer=issuer.rstrip("/"), client_id=client, client_secret=secret, title=given["WANGGE_OIDC_TITLE"]
    )


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    _ = parts.port
    plain = parts.scheme in ("http", "https") and parts.hostname and text.isascii()
    return bool(plain) and text == f"{parts.scheme}://{parts.netloc}" and "@" not in parts.netloc


def _is_contact(text: str) -> bool:
    return text.isascii() and text.isprintable() and text.startswith(("mailto:", "https://", "tel:"))


def _is_issuer(text: str) -> bool:
    parts = urlsplit(text)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and here))


_RIGHT: dict[str, tuple[Callable[[str], object], Text]] = {
    "WANGGE_ADDRESS": (
        _is_origin,
        Text(
            "写成 https://地图.example 的样子，不带路径。",
            "Write it like https://map.example, without a path.",
        ),
    ),
    "WANGGE_TRUSTED_PROXY": (
        ipaddress.ip_address,
        Text("应为反向代理的 IP 地址。", "It must be the reverse proxy's IP address."),
    ),
    "WANGGE_SECURITY_CONTACT": (
        _is_contact,
        Text("应为邮箱、mailto:、https: 或 tel:。", "It must be a mail address, mailto:, https: or tel:."),
    ),
    "WANGGE_OIDC_ISSUER": (
        _is_issuer,
        Text(
            "应以 https:// 开头（本机的可用 http://）。",
            "It must begin with https:// (http:// on this machine).",
        ),
    ),
}
"""What is right for a setting, and what to do where it is not."""
