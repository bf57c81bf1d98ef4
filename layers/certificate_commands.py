"""The command about https without a public authority: ``wangge cert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from layers.certificates import MOST_SERVER_DAYS, SERVER_DAYS
from layers.cli import Context, command, errors_in_words, group, option, pass_context
from layers.text import Text

if TYPE_CHECKING:
    from layers.certificates import Certificates

cert = group(
    "cert",
    "内部 CA 和服务器证书：平板离线工作需要 https。",
    "An own certificate authority and server certificate: tablets need https to work without a network.",
)

_folder = option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("certificates"),
    show_default=True,
    zh="证书和私钥所在的文件夹",
    en="Folder of the certificates and keys.",
)
_days = option(
    "--days",
    type=click.IntRange(1, MOST_SERVER_DAYS),
    default=SERVER_DAYS,
    show_default=True,
    zh="服务器证书的有效天数",
    en="For how many days the server's certificate is good.",
)


@command(
    "make",
    "建一个内部 CA，并为服务器签发证书。\n\n只有自己的网络、没有正式证书时使用。CA 只能为所给的名称和地址作保。已有的文件不会覆盖。",
    "Make an own certificate authority and a certificate of it for the server.\n\n"
    "For networks of one's own, where no public authority gives one. The authority can vouch for the given names and "
    "addresses and for nothing else. Files that are there are never overwritten.",
)
@option(
    "--host",
    "hosts",
    multiple=True,
    required=True,
    metavar="NAME",
    zh="平板访问服务器所用的主机名或 IP 地址；可给多个，第一个是主要的",
    en="Host name or IP address by which tablets reach the server; may be repeated, the first is the main one.",
)
@_folder
@_days
@pass_context
def cert_make(context: Context, *, hosts: tuple[str, ...], folder: Path, days: int) -> None:
    """Make an authority and a server's certificate."""
    with errors_in_words(context.language):
        from layers.certificates import hosts_of, make

        made = make(folder, hosts_of(hosts), now=context.clock(), days=days)
        context.say(Text("已建立 {f}", "Made {f}").format(f=folder))
        _tell(context, made)
        context.say(_INSTALL.format(f=folder / "ca.pem", p=made.fingerprint))
        context.say(_SERVE.format(f=folder, h=_address(made)))
        context.say(_KEEP.format(f=folder / "ca-key.pem"))


@command(
    "renew",
    "为服务器换一张新证书，名称和私钥不变；平板上无需改动。",
    "Give the server a new certificate of the same names and key; nothing changes on the tablets.",
)
@_folder
@_days
@pass_context
def cert_renew(context: Context, *, folder: Path, days: int) -> None:
    """Renew the server's certificate."""
    with errors_in_words(context.language):
        from layers.certificates import renew

        made = renew(folder, now=context.clock(), days=days)
        context.say(Text("已换新 {f}", "Renewed {f}").format(f=folder / "server.pem"))
        _tell(context, made)
        context.say(
            Text(
                "正在运行的服务：向 wangge serve 发 SIGHUP，即用新证书，不断线。",
                "A service that runs takes it on SIGHUP to `wangge serve`, and drops no request.",
            )
        )


@command("show", "证书的名称、指纹和到期日。", "Names, fingerprint and end of the certificates.")
@_folder
@pass_context
def cert_show(context: Context, *, folder: Path) -> None:
    """Show the certificates of a folder."""
    with errors_in_words(context.language):
        from layers.certificates import look

        found = look(folder)
        _tell(context, found)
        context.say(Text("CA 指纹（SHA-256）：{p}", "Authority (SHA-256): {p}").format(p=found.fingerprint))


cert.add_command(cert_make)
cert.add_command(cert_renew)
cert.add_command(cert_show)

_INSTALL = Text(
    "每台平板装一次：把 {f} 拷到平板，在系统设置的“安装证书 / CA 证书”里安装（iPadOS 还要在“关于本机 - 证书信任设置”里打开）。"
    "安装时核对指纹（SHA-256）：\n  {p}",
    "Once on each tablet: copy {f} to it and install it in the system's settings as a CA certificate (on iPadOS also switch "
    "it on in About, Certificate Trust Settings). Compare the fingerprint (SHA-256):\n  {p}",
)
_SERVE = Text(
    "启动服务：\n  WANGGE_ADDRESS=https://{h}:8443 wangge serve --host 0.0.0.0 --port 8443 --certificate {f}/server.pem "
    "--key {f}/server-key.pem",
    "Serve by:\n  WANGGE_ADDRESS=https://{h}:8443 wangge serve --host 0.0.0.0 --port 8443 --certificate {f}/server.pem "
    "--key {f}/server-key.pem",
)
_KEEP = Text(
    "{f} 只在续期时用到：请移到别处保管，续期前放回。不要发给任何人。",
    "{f} is needed for renewing only: keep it elsewhere and put it back for that. Give it to nobody.",
)


def _tell(context: Context, found: Certificates) -> None:
    """Say for what the certificates are good, and until when."""
    from layers.certificates import SOON_DAYS

    told = Text(
        "服务器证书：{h}，到 {s} 为止；内部 CA 到 {c} 为止",
        "The server's certificate is for {h}, until {s}; the authority's is good until {c}",
    )
    context.say(
        told.format(
            h=", ".join(found.hosts), s=f"{found.server_until:%Y-%m-%d}", c=f"{found.ca_until:%Y-%m-%d}"
        )
    )
    left = (found.server_until - context.clock()).days
    if left < SOON_DAYS:
        soon = Text(
            "服务器证书还有 {n} 天到期：请 wangge cert renew。",
            "The server's certificate ends in {n} days: `wangge cert renew`.",
        )
        over = Text(
            "服务器证书已过期：请 wangge cert renew。",
            "The server's certificate has ended: `wangge cert renew`.",
        )
        context.say(soon.format(n=left) if left >= 0 else over)


def _address(found: Certificates) -> str:
    host = found.hosts[0]
    return f"[{host}]" if ":" in host else host
