"""Commands about who may sign in, and with what: user, device, key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import click

from layers.access.areas import area_of_role, asked_area
from layers.cli import (
    Context,
    command,
    day_option,
    errors_in_words,
    group,
    option,
    pass_context,
    print_json,
    print_table,
    shown_moment,
)
from layers.problems import BadParameter
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from layers.access.model import Account, Device, Key

_json = option("--json", "as_json", is_flag=True, zh="输出 JSON", en="Print JSON.")
_area = option(
    "--area",
    metavar="KIND[:CODE,…]",
    zh="负责的范围，如 subdistricts:440303001,440303002 或 district",
    en="What the account answers for, such as subdistricts:440303001,440303002 or district.",
)
_CODE = Text(
    "初始码（只显示这一次，72 小时内有效，只能用一次）：{code}",
    "Initial code (shown this once, good for 72 hours and one use): {code}",
)
_HAND_OVER = Text(
    "请当面交给本人：用用户名和它登录后自己设密码，别人都不会知道。",
    "Hand it over in person: who signs in with the name and this code chooses a password that nobody else knows.",
)


# Accounts

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
    "改账号的角色或范围；已登录的要重新登录。",
    "Give an account another role or area; its sessions end.",
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
@_json
@pass_context
def user_list(context: Context, *, as_json: bool) -> None:
    """List the accounts."""
    with errors_in_words(context.language), context.open_access() as access:
        accounts = access.accounts()
    if as_json:
        print_json([_account_as_dict(account) for account in accounts])
        return
    heads = ("用户名 Name", "姓名 Title", "角色 Role", "范围 Area", "状态 State", "最近登录 Last sign-in")
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


def _checked_area(context: Context, role: str, given: str | None) -> Any:
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
        "locked_until": _iso(account.locked_until),
        "has_password": account.has_password,
        "has_second_factor": account.has_totp,
        "must_change": account.must_change,
        "oidc_subject": account.oidc_subject,
        "created": _iso(account.created),
        "last_seen": _iso(account.last_seen),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


# Devices

device = group(
    "device",
    "设备：大屏（只显示汇总）和平板（属于某个人）。",
    "Devices: wall screens, which show aggregates only, and tablets, each of which is a person's.",
)


@command(
    "add",
    "添加大屏或平板，显示一次性的注册码。\n\n"
    "--wall 添加大屏；--tablet 添加 --user 的平板，--cells 可缩小到其负责的部分网格。",
    "Add a wall screen or a tablet and show the code that enrols it.\n\n"
    "--wall adds a wall screen; --tablet one of --user, where --cells may narrow it to some of the person's cells.",
)
@option("--wall", metavar="TITLE", zh="大屏的名称", en="What the wall screen is called.")
@option("--tablet", metavar="TITLE", zh="平板的名称", en="What the tablet is called.")
@option("--user", "person", metavar="NAME", zh="平板的使用人", en="Whose tablet it is.")
@option("--cells", metavar="CODE,…", zh="只用于这些网格", en="Only for these management cells.")
@pass_context
def device_add(
    context: Context, *, wall: str | None, tablet: str | None, person: str | None, cells: str | None
) -> None:
    """Add a device."""
    with errors_in_words(context.language):
        if (wall is None) == (tablet is None):
            raise BadParameter(
                Text(
                    "请用 --wall 或 --tablet 之一说明是什么设备。",
                    "Say which it is: give either --wall or --tablet.",
                )
            )
        area = None
        if cells is not None:
            with context.open_store(read_only=True) as store:
                area = asked_area(f"management_cells:{cells}", store)
        title = tablet if wall is None else wall
        with context.open_access() as access:
            added, code = access.add_device(
                "tablet" if wall is None else "wall",
                cast(str, title),
                account=person,
                area=area,
                by=context.visitor,
            )
        context.say(Text("已添加设备 {i}：{t}", "Device {i} added: {t}").format(i=added.id, t=added.title))
        told = Text(
            "注册码（只显示这一次，72 小时内有效，只能用一次）：{code}。请在该设备的 /enrol 页输入。",
            "Enrolment code (shown this once, good for 72 hours and one use): {code}. Type it on the device, at /enrol.",
        )
        context.say(told.format(code=code))


@command("revoke", "使设备作废。", "Revoke a device.")
@click.argument("device_id", metavar="ID")
@pass_context
def device_revoke(context: Context, *, device_id: str) -> None:
    """Revoke a device."""
    with errors_in_words(context.language), context.open_access() as access:
        access.revoke_device(device_id, by=context.visitor)
        context.say(Text("设备 {i} 已作废。", "Device {i} is revoked.").format(i=device_id))


@command("list", "列出设备及最近一次联系。", "List the devices and when each was last heard of.")
@_json
@pass_context
def device_list(context: Context, *, as_json: bool) -> None:
    """List the devices."""
    with errors_in_words(context.language), context.open_access() as access:
        devices, names = access.devices(), {one.id: one.name for one in access.accounts()}
    if as_json:
        print_json([_device_as_dict(one, names) for one in devices])
        return
    heads = ("编号 ID", "种类 Kind", "名称 Title", "使用人 Person", "状态 State", "最近联系 Last contact")
    kinds = {"wall": Text("大屏", "wall"), "tablet": Text("平板", "tablet")}
    print_table(
        context,
        heads,
        [
            (
                both(one.id),
                kinds[one.kind],
                both(one.title),
                both(names.get(one.account_id or "", "")),
                _device_state(one),
                shown_moment(one.last_contact),
            )
            for one in devices
        ],
    )


def _device_state(device: Device) -> Text:
    if device.revoked:
        return Text("作废", "revoked")
    return Text("在用", "in use") if device.enrolled else Text("待注册", "to be enrolled")


def _device_as_dict(device: Device, names: dict[str, str]) -> dict[str, Any]:
    area = device.area
    return {
        "id": device.id,
        "kind": device.kind,
        "title": device.title,
        "user": names.get(device.account_id or ""),
        "area": None if area is None else {"kind": area.kind, "codes": sorted(area.codes)},
        "created": _iso(device.created),
        "enrolled": device.enrolled,
        "last_contact": _iso(device.last_contact),
        "revoked": device.revoked,
    }


# Keys

key = group(
    "key",
    "接口密钥：供程序使用，属于某个账号，只有所列权限。",
    "API keys: for programs; each is of an account and for the actions that it names only.",
)


@command(
    "add",
    "添加密钥，只显示这一次。\n\n权限（--scope）是 data/roles.json 中的动作，如 view、read、export，且以该账号的角色为限。",
    "Add a key and show it, this once.\n\n"
    "Scopes are actions of data/roles.json, such as view, read and export, as far as the account's role has them.",
)
@click.argument("title")
@option(
    "--user",
    "person",
    required=True,
    metavar="NAME",
    zh="属于哪个账号",
    en="The account that answers for it.",
)
@option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="ACTION",
    zh="权限；可重复，或用逗号分开",
    en="What it is for; may be repeated, or give several with commas.",
)
@day_option("--expires", zh="最后有效日（含）", en="The last day on which it works.")
@pass_context
def key_add(
    context: Context, *, title: str, person: str, scopes: tuple[str, ...], expires: datetime | None
) -> None:
    """Add a key."""
    asked = {one.strip() for given in scopes for one in given.split(",") if one.strip()}
    until = None if expires is None else expires.replace(hour=23, minute=59, second=59).astimezone(UTC)
    with errors_in_words(context.language), context.open_access() as access:
        added, token = access.add_key(title, person, asked, expires=until, by=context.visitor)
        context.say(Text("已添加密钥 {i}：{t}", "Key {i} added: {t}").format(i=added.id, t=added.title))
        told = Text(
            "密钥（只显示这一次，请放在只有该程序能读的地方）：{k}",
            "The key (shown this once; keep it where only the program can read it): {k}",
        )
        context.say(told.format(k=token))


@command("revoke", "使密钥作废。", "Revoke a key.")
@click.argument("key_id", metavar="ID")
@pass_context
def key_revoke(context: Context, *, key_id: str) -> None:
    """Revoke a key."""
    with errors_in_words(context.language), context.open_access() as access:
        access.revoke_key(key_id, by=context.visitor)
        context.say(Text("密钥 {i} 已作废。", "Key {i} is revoked.").format(i=key_id))


@command("list", "列出密钥及最近一次使用。", "List the keys and when each was last used.")
@_json
@pass_context
def key_list(context: Context, *, as_json: bool) -> None:
    """List the keys."""
    with errors_in_words(context.language), context.open_access() as access:
        keys, names = access.keys(), {one.id: one.name for one in access.accounts()}
    if as_json:
        print_json([_key_as_dict(one, names) for one in keys])
        return
    heads = ("编号 ID", "名称 Title", "账号 Account", "权限 Scopes", "状态 State", "最近使用 Last used")
    print_table(
        context,
        heads,
        [
            (
                both(one.id),
                both(one.title),
                both(names.get(one.account_id, "")),
                joined([both(scope) for scope in sorted(one.scopes)]),
                _key_state(one, context.clock()),
                shown_moment(one.last_used),
            )
            for one in keys
        ],
    )


def _key_state(key: Key, now: datetime) -> Text:
    if key.revoked:
        return Text("作废", "revoked")
    if key.expires is None:
        return Text("在用", "in use")
    if key.expires <= now:
        return Text("已过期", "expired")
    return Text("有效至 {t}", "until {t}").format(t=shown_moment(key.expires))


def _key_as_dict(key: Key, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": key.id,
        "title": key.title,
        "user": names.get(key.account_id),
        "scopes": sorted(key.scopes),
        "created": _iso(key.created),
        "expires": _iso(key.expires),
        "last_used": _iso(key.last_used),
        "revoked": key.revoked,
    }


for _one in (user_add, user_change, user_disable, user_enable, user_reset, user_list):
    user.add_command(_one)
for _one in (device_add, device_revoke, device_list):
    device.add_command(_one)
for _one in (key_add, key_revoke, key_list):
    key.add_command(_one)
