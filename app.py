"""Wiring: reads the settings, assembles the commands that live beside what they run."""

from __future__ import annotations

import importlib
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from layers.bilingual import Group, Option
from layers.cli import Context, errors_in_words
from layers.problems import Problem, ValidationError
from layers.store import StoreSettings
from layers.text import Language, Text

DATA_FOLDER = Path(__file__).parent / "data"
DEFAULT_STORE = "gpkg:var/demo.gpkg"

COMMANDS = {
    "init": "layers.commands:init",
    "demo": "data.commands:demo",
    "serve": "webmap.commands:serve",
    "import": "layers.imports.command:import_command",
    "export": "layers.commands:export_command",
    "analyse": "layers.commands:analyse_command",
    "summary": "layers.commands:summary_command",
    "check": "layers.checks.command:check_command",
    "history": "layers.store_commands:history_command",
    "export-map": "webmap.commands:export_map",
    "user": "layers.access.commands:user",
    "device": "layers.access.device_commands:device",
    "key": "layers.access.device_commands:key",
    "audit": "layers.access.audit_commands:audit",
    "cert": "layers.certificate_commands:cert",
    "retention": "layers.retention_commands:retention",
    "migrate": "layers.store_commands:migrate_command",
    "backup": "layers.store_commands:backup_command",
    "restore": "layers.store_commands:restore_command",
    "copy": "layers.store_commands:copy_command",
}
"""Where each command lives; it is imported when it is asked for, so that `--help` stays quick."""


SETTINGS = {
    "WANGGE_STORE": Text(
        "数据存储，没有 --store 时使用；默认 gpkg:var/demo.gpkg",
        "The store where --store is not given; gpkg:var/demo.gpkg by default.",
    ),
    "WANGGE_POOL_SIZE": Text(
        "PostGIS：一个进程最多占用的连接数，1 至 200；默认 8",
        "PostGIS: most connections that one process holds, 1 to 200; 8 by default.",
    ),
    "WANGGE_CONNECT_TIMEOUT_S": Text(
        "PostGIS：等待服务器接受连接的秒数；默认 5",
        "PostGIS: seconds to wait for the server to let us in; 5 by default.",
    ),
    "WANGGE_POOL_WAIT_S": Text(
        "PostGIS：等待空闲连接的秒数；默认 10",
        "PostGIS: seconds to wait for a connection that others hold; 10 by default.",
    ),
    "WANGGE_STATEMENT_TIMEOUT_S": Text(
        "PostGIS：一条语句最长的秒数，0 为不限；默认 120",
        "PostGIS: seconds after which the server gives up a statement, 0 for never; 120 by default.",
    ),
    "WANGGE_WRITE_WAIT_S": Text(
        "他人写入时等待轮到自己的秒数；默认 30",
        "Seconds that a write waits for its turn while others write; 30 by default.",
    ),
    "WANGGE_INSTALLATION": Text(
        "本安装的设置文件（TOML）：名称、标志、标准、大屏场景、地图坐标系和底图；默认没有",
        "File (TOML) with what this installation sets: name, logo, standards, the wall's scenes, the map's datum and "
        "base map; none by default.",
    ),
    "WANGGE_ADDRESS": Text(
        "serve：大家使用的网址，如 https://地图.example；以 https 开头时 Cookie 只走 TLS，其他主机名一律拒绝",
        "serve: the address that people use, such as https://map.example; with https cookies travel by TLS only, and "
        "other host names are refused.",
    ),
    "WANGGE_CERTIFICATE": Text(
        "serve：TLS 证书（PEM 文件，含中间证书）；与 WANGGE_KEY 同时设置，服务即直接用 https",
        "serve: PEM file with the certificate and those between; set together with WANGGE_KEY, the service speaks "
        "https itself.",
    ),
    "WANGGE_KEY": Text(
        "serve：该证书的私钥（PEM 文件）", "serve: PEM file with the certificate's private key."
    ),
    "WANGGE_TRUSTED_PROXY": Text(
        "serve：反向代理的 IP 地址，只相信它给的 X-Forwarded-For 和 X-Forwarded-Proto",
        "serve: the IP address of the reverse proxy whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    ),
    "WANGGE_SECURITY_CONTACT": Text(
        "serve：安全问题的联系方式（邮箱或网址），写在 /.well-known/security.txt",
        "serve: to whom a weakness may be reported (mail or web address), told at /.well-known/security.txt.",
    ),
    "WANGGE_OIDC_ISSUER": Text(
        "serve：统一登录（OpenID Connect）服务的网址；与下两项同时设置",
        "serve: the address of an OpenID Connect provider; set together with the next two.",
    ),
    "WANGGE_OIDC_CLIENT_ID": Text(
        "serve：在统一登录服务登记的编号", "serve: what the provider knows this service by."
    ),
    "WANGGE_OIDC_CLIENT_SECRET_FILE": Text(
        "serve：存有密钥的文件，只让本程序可读", "serve: file with the secret, readable by this program only."
    ),
    "WANGGE_OIDC_TITLE": Text(
        "serve：登录页上统一登录的叫法", "serve: what the sign-in page calls the provider."
    ),
    "LC_ALL": Text("语言，优先于 LC_MESSAGES 和 LANG", "The language; comes before LC_MESSAGES and LANG."),
    "LC_MESSAGES": Text("语言，优先于 LANG", "The language; comes before LANG."),
    "LANG": Text(
        "语言：zh 开头为中文，其余为英文", "The language: Chinese where it begins with zh, else English."
    ),
}
"""What is read from the environment, here and nowhere else."""

_DAY_S = 86_400
_WEB_SETTINGS = (
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
"""Those of the web service, which checks them itself (webmap/settings.py)."""

_NUMBERS: dict[str, tuple[str, type[int] | type[float], int, int]] = {
    "WANGGE_POOL_SIZE": ("pool_size", int, 1, 200),
    "WANGGE_CONNECT_TIMEOUT_S": ("connect_timeout_s", float, 1, 3600),
    "WANGGE_POOL_WAIT_S": ("pool_wait_s", float, 1, 3600),
    "WANGGE_STATEMENT_TIMEOUT_S": ("statement_timeout_s", float, 0, _DAY_S),
    "WANGGE_WRITE_WAIT_S": ("write_wait_s", float, 0, _DAY_S),
}
"""The settings of `StoreSettings`: attribute, type, least and greatest value."""


def language_of(environment: Mapping[str, str]) -> Language:
    """Return the language that LC_ALL, LC_MESSAGES or LANG (the first that is set) asks for."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "zh" if environment[name].lower().startswith("zh") else "en"
    return "en"


def _choose_store(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.obj.store_url = value


def store_option() -> Option:
    """Return the option that every command takes."""
    return Option(
        ["--store"],
        words=Text(
            "数据存储：gpkg:文件 或 postgresql://用户@主机/数据库；默认取 WANGGE_STORE",
            "The store: gpkg:FILE or postgresql://USER@HOST/DATABASE; else the setting WANGGE_STORE.",
        ),
        metavar="URL",
        expose_value=False,
        is_eager=True,
        callback=_choose_store,
    )


_ABOUT = Text(
    "网格：社区治理的网格地图服务。\n\n先 `wangge demo` 生成演示区，或 `wangge init` 新建一个区再 `wangge import`；"
    "然后 `wangge serve`。",
    "Wangge: the grid map of a district's communities, services and complaints.\n\n"
    "Start with `wangge demo`, or `wangge init` and `wangge import`; then `wangge serve`.",
)


class Wangge(Group):
    """The group of all commands, each imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, with the options that every command takes."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        _let_choose_store(command)
        return command


def _let_choose_store(command: click.Command) -> None:
    """Give a command the options that every one takes, and those of a group theirs."""
    if not any(parameter.name == "store" for parameter in command.params):
        command.params.append(store_option())
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _let_choose_store(each)


def store_settings(environment: Mapping[str, str]) -> StoreSettings:
    """Return how stores are reached, from the settings in `environment`.

    Raises
    ------
    ValidationError
        Names every setting that has a wrong value.
    """
    given: dict[str, Any] = {}
    problems = []
    for name, (attribute, kind, least, most) in _NUMBERS.items():
        text = environment.get(name, "").strip()
        try:
            value = kind(text or getattr(StoreSettings(), attribute))
            if not least <= value <= most:
                raise ValueError(text)
        except ValueError:
            whole = Text("整数", "whole number") if kind is int else Text("数", "number")
            wanted = Text(
                "应为 {least:g} 至 {most:g} 的{kind}。", "It must be a {kind} from {least:g} to {most:g}."
            )
            problems.append(
                Problem(
                    Text("设置的值不对。", "This setting has a wrong value."),
                    wanted.format(least=least, most=most, kind=whole),
                    field=name,
                    value=text,
                )
            )
        else:
            given[attribute] = value
    if problems:
        raise ValidationError(
            Text("环境变量中的设置有误。", "The settings in the environment are not right."), problems
        )
    return StoreSettings(**given)


def operator_name() -> str:
    """Return the name of the account that runs this program."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return str(os.getuid())


def make_context(environment: Mapping[str, str]) -> Context:
    """Return the commands' context from the settings in `environment`; `ValidationError` where they are wrong."""
    return Context(
        store_url=environment.get("WANGGE_STORE", DEFAULT_STORE),
        language=language_of(environment),
        data_folder=DATA_FOLDER,
        settings=store_settings(environment),
        operator=operator_name(),
        web={name: environment.get(name, "") for name in _WEB_SETTINGS},
        installation_file=Path(environment["WANGGE_INSTALLATION"])
        if environment.get("WANGGE_INSTALLATION")
        else None,
    )


wangge = Wangge(
    name="wangge",
    words=_ABOUT,
    params=[store_option()],
)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    with errors_in_words(language_of(os.environ)):
        context = make_context(os.environ)
    wangge.run(arguments, context=context, language=context.language)


if __name__ == "__main__":
    main()
