"""The commands about accounts: ``wangge user``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from layers.access.areas import area_of_role, asked_area
from layers.cli import (
    Context,
    command,
    errors_in_words,
    group,
    iso,
    json_option,
    option,
    pass_context,
    print_json,
    print_table,
    shown_moment,
)
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from layers.access.model import Account
    from layers.visitors import Area

_area = option(
    "--area",
    metavar="KIND[:CODE,…]",
    zh="负责的范围，如 subdistricts:440303001,440303002 或 district",
    en="What the account answers for, such as subdistricts:440303001,440303002 or district.",
)
_CODE = Text(
    "初始码（只显示这一次，72 小时内有效，设置密码后作废）：{code}",
    "Initial code (shown this once, good for 72 hours, void once a password is chosen): {code}",
)
_HAND_OVER = Text(
    "请当面交给本人：用用户名和它登录后自己设密码，别人都不会知道。",
    "Hand it over in person: who signs in with the name and this code chooses a password that nobody else knows.",
)
_REVOKED = Text(
    "其登录已结束，密钥和平板已作废；需要的话请重新添加。",
    "Its sessions have ended, its keys and tablets are revoked; add them anew where they are needed.",
)


user = group(
    "user",
    "账号：添加、停用、启用、重置、改角色、列出。",
    "Accounts: add, disable, enable, reset, change the role, list.",
)


@command(
    "add",
    "添加账号，显示一次性的初始码。\n\n角色及其范围见 data/roles.json；范围中的代码须在存储中。",
    "Add an account and show its initial code.\n\n"
    "Roles and the areas they have are in data/roles.json; the codes of an area must be in the store.",
)
@click.argument("name")
@option("--role", required=True, metavar="ROLE", zh="角色，如 planner", en="Role, such as planner.")
@_area
@option("--title", default="", metavar="TEXT", zh="姓名或岗位", en="The person's name or post.")
@pass_context
def user_add(context: Context, *, name: str, role: str, area: str | None, title: str) -> None:
    """Add an account."""
    with errors_in_words(context.language):
        of = _checked_area(context, role, area)
        with context.open_access() as access:
            account, code = access.add_account(name, role, of, title=title, by=context.visitor)
        told = Text("已添加账号 {n}：{r}，{a}", "Account {n} added: {r}, {a}")
        context.say(told.format(n=account.name, r=_role_title(context, role), a=of))
        context.say(_CODE.format(code=code))
        context.say(_HAND_OVER)


@command(
    "change",
    "改账号的角色或范围；登录结束，其密钥和平板作废，需要的话请重新添加。",
    "Give an account another role or area: its sessions end, its keys and tablets are revoked; add them anew "
    "where they are needed.",
)
@click.argument("name")
@option("--role", required=True, metavar="ROLE", zh="角色", en="Role.")
@_area
@pass_context
def user_change(context: Context, *, name: str, role: str, area: str | None) -> None:
    """Give an account another role or area."""
    with errors_in_words(context.language):
        of = _checked_area(context, role, area)
        with context.open_access() as access:
            access.change_role(name, role, of, by=context.visitor)
        told = Text("账号 {n} 现在是：{r}，{a}", "Account {n} is now: {r}, {a}")
        context.say(told.format(n=name, r=_role_title(context, role), a=of))
        context.say(_REVOKED)


@command(
    "disable",
    "停用账号：登录结束，其密钥和平板作废。",
    "Keep an account out: its sessions end, its keys and tablets are revoked.",
)
@click.argument("name")
@pass_context
def user_disable(context: Context, *, name: str) -> None:
    """Keep an account out."""
    with errors_in_words(context.language), context.open_access() as access:
        access.disable(name, by=context.visitor)
        context.say(Text("账号 {n} 已停用。", "Account {n} is disabled.").format(n=name))


@command(
    "enable",
    "重新启用账号；作废的密钥和平板不恢复。",
    "Let a disabled account in again; what was revoked stays revoked.",
)
@click.argument("name")
@pass_context
def user_enable(context: Context, *, name: str) -> None:
    """Let an account in again."""
    with errors_in_words(context.language), context.open_access() as access:
        access.enable(name, by=context.visitor)
        context.say(Text("账号 {n} 已启用。", "Account {n} is enabled.").format(n=name))


@command(
    "reset",
    "重置账号，显示新的初始码：密码和第二因素作废，解除锁定，登录结束。",
    "Reset an account and show a new initial code: password and second factor are gone, a lock is lifted, "
    "sessions end.",
)
@click.argument("name")
@pass_context
def user_reset(context: Context, *, name: str) -> None:
    """Make an account as it was when it was added."""
    with errors_in_words(context.language), context.open_access() as access:
        code = access.reset(name, by=context.visitor)
        context.say(Text("账号 {n} 已重置。", "Account {n} is reset.").format(n=name))
        context.say(_CODE.format(code=code))
        context.say(_HAND_OVER)


@command("list", "列出账号。", "List the accounts.")
@json_option
@pass_context
def user_list(context: Context, *, as_json: bool) -> None:
    """List the accounts."""
    with errors_in_words(context.language), context.open_access(made=True) as access:
        accounts = access.accounts()
    if as_json:
        print_json([_account_as_dict(account) for account in accounts])
        return
    heads = (
        Text("用户名", "Name"),
        Text("姓名", "Title"),
        Text("角色", "Role"),
        Text("范围", "Area"),
        Text("状态", "State"),
        Text("最近登录", "Last sign-in"),
    )
    print_table(
        context,
        heads,
        [
            (
                both(one.name),
                both(one.title),
                _role_title(context, one.role),
                both(str(one.area)),
                _account_state(one),
                shown_moment(one.last_seen),
            )
            for one in accounts
        ],
    )


def _checked_area(context: Context, role: str, given: str | None) -> Area:
    if given is None:
        return area_of_role(context.policy, role)
    with context.open_store(read_only=True) as store:
        return asked_area(given, store)


def _role_title(context: Context, role: str) -> Text:
    found = context.policy.rules.roles.get(role)
    return both(role) if found is None else found.title


def _account_state(account: Account) -> Text:
    states = []
    if account.disabled:
        states.append(Text("停用", "disabled"))
    if account.locked_until is not None:
        until = shown_moment(account.locked_until)
        states.append(Text("锁定至 {t}", "locked until {t}").format(t=until))
    if account.must_change:
        states.append(Text("待设密码", "no password yet"))
    if account.has_totp:
        states.append(Text("有第二因素", "second factor"))
    return joined(states) if states else Text("正常", "in use")


def _account_as_dict(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "title": account.title,
        "role": account.role,
        "area": {"kind": account.area.kind, "codes": sorted(account.area.codes)},
        "disabled": account.disabled,
        "locked_until": iso(account.locked_until),
        "has_password": account.has_password,
        "has_second_factor": account.has_totp,
        "must_change": account.must_change,
        "oidc_subject": account.oidc_subject,
        "created": iso(account.created),
        "last_seen": iso(account.last_seen),
    }


for _one in (user_add, user_change, user_disable, user_enable, user_reset, user_list):
    user.add_command(_one)
