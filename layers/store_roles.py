"""The option ``--app-role``: which database role is to do the daily work in a store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layers.cli import Context, option
from layers.store import shown_url
from layers.stores.kinds import kind_with_roles
from layers.text import Text


def role_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Declare the option; the command gets it as `app_role`."""
    declared: Callable[..., Any] = option(
        "--app-role",
        metavar="ROLE",
        zh="PostGIS：授权给此数据库角色，供日常读写之用",
        en="PostGIS: grant this database role what daily work needs.",
    )(function)
    return declared


def check_role(url: str, role: str | None) -> None:
    """Raise `BadParameter` where `role` is given and the store at `url` is of a kind without roles."""
    if role is not None:
        kind_with_roles(url)


def grant_role(context: Context, url: str, role: str | None) -> None:
    """Grant `role`, where it is given, what daily work in the store at `url` needs, and say so."""
    if role is not None:
        kind_with_roles(url).grant_to(url, role, settings=context.settings)
        told = Text("已授权角色 {role} 日常读写：{url}", "Role {role} may do the daily work in {url}")
        context.say(told.format(role=role, url=shown_url(url)))
