"""Wiring: reads the settings, assembles the commands that live beside what they run."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from layers.bilingual import Group, Option
from layers.cli import Context
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
    "export-map": "webmap.commands:export_map",
}
"""Where each command lives; it is imported when it is asked for, so that `--help` stays quick."""


SETTINGS = {
    "WANGGE_STORE": Text(
        "数据存储，没有 --store 时使用；默认 gpkg:var/demo.gpkg",
        "The store where --store is not given; gpkg:var/demo.gpkg by default.",
    ),
    "LC_ALL": Text("语言，优先于 LC_MESSAGES 和 LANG", "The language; comes before LC_MESSAGES and LANG."),
    "LC_MESSAGES": Text("语言，优先于 LANG", "The language; comes before LANG."),
    "LANG": Text(
        "语言：zh 开头为中文，其余为英文", "The language: Chinese where it begins with zh, else English."
    ),
}
"""What is read from the environment, here and nowhere else."""


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
            "数据存储，例如 gpkg:var/luohu.gpkg；默认取 WANGGE_STORE",
            "The store, such as gpkg:var/luohu.gpkg; else the setting WANGGE_STORE.",
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
        if not any(parameter.name == "store" for parameter in command.params):
            command.params.append(store_option())
        return command


def make_context(environment: Mapping[str, str]) -> Context:
    """Return the commands' context from the settings in `environment`."""
    return Context(
        store_url=environment.get("WANGGE_STORE", DEFAULT_STORE),
        language=language_of(environment),
        data_folder=DATA_FOLDER,
    )


wangge = Wangge(
    name="wangge",
    words=_ABOUT,
    params=[store_option()],
)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    context = make_context(os.environ)
    wangge.run(arguments, context=context, language=context.language)


if __name__ == "__main__":
    main()
