"""Commands of the web service: serve, export-map."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layers.cli import Context, command, day_option, errors_in_words, option, pass_context
from layers.problems import BadParameter, WanggeError
from layers.text import Text

if TYPE_CHECKING:
    from webmap.settings import Settings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ANYWHERE = ("0.0.0.0", "::", *_LOOPBACK)  # noqa: S104  (compared with, not bound to)


@command(
    "serve",
    "打开地图服务。\n\n图层里只写入人们在页面上核实、改正和上传的；账号、会话和审计日志存在另一处。别的程序可以同时导入，页面随即更新。数据库服务器中断时，页面仍显示最后读到的一版。"
    "/healthz 表示进程在运行，/readyz 表示可以提供服务。按 Ctrl+C 停止。",
    "Serve the map.\n\nWrites to the layers just what people verify, correct and upload on its pages; accounts, "
    "sessions and the audit log are kept apart. Other programs may import meanwhile, and the page follows at once. "
    "While a database server is away, pages show the version read last. /healthz says that the process is alive, "
    "/readyz that it can do its work. "
    "Ctrl+C stops it.",
)
@option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    zh="监听的地址；0.0.0.0 让其他机器也能访问",
    en="Address to listen on; 0.0.0.0 lets other machines in.",
)
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    zh="端口；0 表示任选一个空闲的",
    en="Port; 0 takes any free one.",
)
@option(
    "--workers",
    type=click.IntRange(1, 256),
    zh="工作进程数；默认每个处理器核心一个",
    en="Processes that answer; by default one for each core.",
)
@option(
    "--threads",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    zh="每个工作进程同时处理多少个请求",
    en="How many requests each of them answers at once.",
)
@option(
    "--certificate",
    metavar="FILE",
    zh="TLS 证书（PEM）；默认取 WANGGE_CERTIFICATE",
    en="Certificate (PEM) for https; else the setting WANGGE_CERTIFICATE.",
)
@option(
    "--key",
    metavar="FILE",
    zh="证书的私钥（PEM）；默认取 WANGGE_KEY",
    en="The certificate's key (PEM); else the setting WANGGE_KEY.",
)
@pass_context
def serve(
    context: Context,
    *,
    host: str,
    port: int,
    workers: int | None,
    threads: int,
    certificate: str | None,
    key: str | None,
) -> None:
    """Serve the district until the process is told to stop."""
    with errors_in_words(context.language):
        from webmap.settings import read_settings

        given = {"WANGGE_CERTIFICATE": certificate, "WANGGE_KEY": key}
        texts = {**context.web, **{name: text for name, text in given.items() if text is not None}}

        def read() -> Settings:
            return read_settings(texts, host=host, installation=context.renewed().installation)

        settings = read()
        number = workers or len(os.sched_getaffinity(0))
        with ExitStack() as open_sockets:
            from webmap.site import Site
            from webmap.workers import Workers

            listeners = [open_sockets.enter_context(one) for one in _listen(host, port, number)]
            site = Site(context, read, listeners, threads=threads)
            # What is wrong with the store shows now, and no worker reads it again.
            link = site.load()

            def begun() -> None:
                scheme = "https" if settings.certificate else "http"
                _greet(
                    context, f"{scheme}://{_shown_host(host)}:{listeners[0].getsockname()[1]}", link, settings
                )
                _warn(context, host, settings)

            code = Workers(number, site.work, renew=site.renew, begun=begun, missing=site.miss).run()
    raise SystemExit(code)


def _greet(context: Context, here: str, link: str | None, settings: Settings) -> None:
    """Say where the service is, and how its first administrator gets in."""
    address = settings.address or here
    context.say(
        Text("网格服务已启动：{a}（Ctrl+C 停止）", "Wangge is at {a} (Ctrl+C stops it)").format(a=address)
    )
    if link is not None:
        told = Text(
            "还没有管理员。打开下面的链接，即以管理员身份登录（只能用一次，24 小时内有效）：\n  {link}",
            "There is no administrator yet. Open this link to sign in as one (works once, for 24 hours):\n  {link}",
        )
        context.say(told.format(link=f"{address}/start?code={link}"))


def _warn(context: Context, host: str, settings: Settings) -> None:
    """Say where passwords would cross a network that others may listen to."""
    if host not in _LOOPBACK and not settings.certificate and not settings.address.startswith("https://"):
        told = Text(
            "注意：未设 WANGGE_ADDRESS=https://… 或证书，密码在网络上不加密。见 docs/operations.md。",
            "Beware: without WANGGE_ADDRESS=https://… or a certificate passwords cross the network unencrypted. See "
            "docs/operations.md.",
        )
        context.say(told, error=True)


def _listen(host: str, port: int, number: int) -> list[socket.socket]:
    from webmap.server import listen

    try:
        return listen(host, port, number)
    except OSError as error:
        raise _cannot_listen(error, host, port) from error


def _cannot_listen(error: OSError, host: str, port: int) -> WanggeError:
    if error.errno == errno.EADDRINUSE:
        return BadParameter(
            Text("端口 {port} 已被占用。", "Port {port} is in use.").format(port=port),
            Text(
                "请停掉占用它的程序，或用 --port 另选一个。",
                "Stop the program that has it, or choose another with --port.",
            ),
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return BadParameter(
            Text("没有权限使用端口 {port}。", "Port {port} may not be used by this user.").format(port=port),
            Text("请用 --port 选 1024 以上的端口。", "Choose one from 1024 up with --port."),
        )
    return BadParameter(
        Text("不能在 {host} 上监听。", "It is not possible to listen on {host}.").format(host=host),
        Text("请用 --host 给出本机的地址。", "Give an address of this machine with --host."),
    )


def _shown_host(host: str) -> str:
    if host in _ANYWHERE:
        return "localhost"
    return f"[{host}]" if ":" in host else host


@command(
    "export-map",
    "把一个视图写成一份离线地图：一个自足的 HTML 文件，不联网也能打开。",
    "Write a view as one self-contained HTML map that opens without a network.",
)
@click.argument("file", type=click.Path(path_type=Path))
@option("--question", zh="问题：gap、double_none、hotspots", en="Question: gap, double_none or hotspots.")
@option("--unit", zh="统计单元，例如 square:100", en="Unit, such as square:100, h3:10 or communities.")
@option("--kind", zh="设施种类", en="Facility kind, such as day_care.")
@option(
    "--limit-m",
    zh="步行限值（整数米）；默认按标准",
    en="Limit of the walk in whole metres; the standard's by default.",
)
@option("--subdistrict", zh="只看这个街道（编码）", en="Only this subdistrict (code).")
@option("--community-kind", zh="只看这类小区", en="Only communities of this kind.")
@day_option("--from", parameter="first", zh="诉求起日（含）", en="First day of the complaints counted.")
@day_option("--to", parameter="last", zh="诉求止日（含）", en="Last day of the complaints counted.")
@option("--lang", type=click.Choice(["zh", "en"]), zh="地图的语言", en="Language of the map.")
@pass_context
def export_map(
    context: Context,
    /,
    *,
    file: Path,
    first: datetime | None,
    last: datetime | None,
    lang: Any,
    **asked: str | None,
) -> None:
    """Write the offline map of a view."""
    from layers.exports import check_target, write_bytes

    with errors_in_words(context.language):
        if file.suffix.lower() not in (".html", ".htm"):
            raise BadParameter(
                Text("文件名 {file} 不以 .html 结尾。", "The file name {file} does not end in .html.").format(
                    file=file.name
                ),
                Text("请写成 …….html。", "Give it that ending."),
            )
        check_target(file, format="html")
        from layers.loading import load
        from layers.sight import sight_of
        from layers.views import ViewQuery, view
        from webmap.offline_map import render

        sight = sight_of(context.policy, context.visitor, "take")
        with context.open_store(read_only=True) as store:
            snapshot = load(store, context.standards)
        days = {"from": first, "to": last}
        asked |= {name: None if day is None else day.date().isoformat() for name, day in days.items()}
        shown = view(snapshot, ViewQuery.from_params(asked, snapshot, sight), sight)
        content = render(shown, lang or context.language, with_facilities=True).encode()
        with context.audited("export", what=f"export-map: {file.absolute()}") as deed:
            deed.leaving()
            write_bytes(file, content)
        context.say(Text("已写入 {file}", "Wrote {file}").format(file=file))
