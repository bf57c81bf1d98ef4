"""The commands about what people and programs sign in with beside passwords: ``wangge device``, ``wangge key``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import click

from layers.access.areas import asked_area
from layers.civil_time import CHINA
from layers.cli import (
    Context,
    command,
    day_option,
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
from layers.problems import BadParameter
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from layers.access.model import Device, Key

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
@json_option
@pass_context
def device_list(context: Context, *, as_json: bool) -> None:
    """List the devices."""
    with errors_in_words(context.language), context.open_access(made=True) as access:
        devices, names = access.devices(), {one.id: one.name for one in access.accounts()}
    if as_json:
        print_json([_device_as_dict(one, names) for one in devices])
        return
    heads = (
        Text("编号", "ID"),
        Text("种类", "Kind"),
        Text("名称", "Title"),
        Text("使用人", "Person"),
        Text("状态", "State"),
        Text("最近联系", "Last contact"),
    )
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
        "created": iso(device.created),
        "enrolled": device.enrolled,
        "last_contact": iso(device.last_contact),
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
    "添加密钥，只显示这一次。\n\n权限（--scope）是 data/roles.json 中的动作，如 view、read、export，且以该账号的角色为限。\n\n"
    "在网页上，管理员给别人的密钥只能用于汇总（describe、view、take）。",
    "Add a key and show it, this once.\n\n"
    "Scopes are actions of data/roles.json, such as view, read and export, as far as the account's role has them.\n\n"
    "On the web administrators may make others' keys for aggregates only: describe, view, take.",
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
@day_option("--expires", zh="最后有效日（含，按中国时间）", en="The last day on which it works, in China.")
@pass_context
def key_add(
    context: Context, *, title: str, person: str, scopes: tuple[str, ...], expires: datetime | None
) -> None:
    """Add a key."""
    asked = {one.strip() for given in scopes for one in given.split(",") if one.strip()}
    until = (
        None
        if expires is None
        else expires.replace(hour=23, minute=59, second=59, tzinfo=CHINA).astimezone(UTC)
    )
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
@json_option
@pass_context
def key_list(context: Context, *, as_json: bool) -> None:
    """List the keys."""
    with errors_in_words(context.language), context.open_access(made=True) as access:
        keys, names = access.keys(), {one.id: one.name for one in access.accounts()}
    if as_json:
        print_json([_key_as_dict(one, names) for one in keys])
        return
    heads = (
        Text("编号", "ID"),
        Text("名称", "Title"),
        Text("账号", "Account"),
        Text("权限", "Scopes"),
        Text("状态", "State"),
        Text("最近使用", "Last used"),
    )
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
        "created": iso(key.created),
        "expires": iso(key.expires),
        "last_used": iso(key.last_used),
        "revoked": key.revoked,
    }


for _one in (device_add, device_revoke, device_list):
    device.add_command(_one)
for _one in (key_add, key_revoke, key_list):
    key.add_command(_one)
