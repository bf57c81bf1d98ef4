"""Commands about the store itself: migrate, backup, restore, copy, history."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from layers.access.backup import backed_up, backup_access, check_no_accounts, copy_access, kept
from layers.cli import Context, command, errors_in_words, option, pass_context, print_json
from layers.problems import BadParameter, NotFound, StoreOutdated, StoreUnusable, WanggeError
from layers.schema import LAYERS, layer_named
from layers.store import (
    backup_store,
    check_free,
    copy_store,
    migrate_store,
    open_store,
    shown_url,
)
from layers.store_roles import check_role, grant_role, role_option
from layers.text import Text

if TYPE_CHECKING:
    from layers.store import Store
    from layers.stores.access.base import Backend


@command(
    "migrate",
    "把存储升级到本程序的结构。\n\n在一个事务中完成，只进不退；请先备份。已是最新时什么也不做。",
    "Bring the store to this program's schema.\n\n"
    "In one transaction, forward only; make a backup first. Does nothing where it is up to date.",
)
@role_option
@pass_context
def migrate_command(context: Context, *, app_role: str | None) -> None:
    """Bring the store to this program's schema."""
    with errors_in_words(context.language):
        check_role(context.store_url, app_role)
        with context.audited("migrate", made=True) as deed:
            before, after = migrate_store(context.store_url, settings=context.settings)
            deed.what, deed.needed = f"schema {before} -> {after}", before != after
        told = (
            Text("结构已是第 {after} 版，无须升级：{url}", "Schema {after} already, nothing to do: {url}")
            if before == after
            else Text(
                "结构由第 {before} 版升级到第 {after} 版：{url}",
                "Schema {before} brought to schema {after}: {url}",
            )
        )
        context.say(told.format(before=before, after=after, url=context.shown_store))
        grant_role(context, context.store_url, app_role)


@command(
    "backup",
    "把整个存储备份成一个 GeoPackage 文件。\n\n"
    "他人正在写入时也完整一致；不论哪种存储，都含全部数据、版本和历史，包括受保护的内容，故只有本人可读（0600）。"
    "要给别人的数据请用 export。账号和审计日志不在其中：用 --accounts 另写一个文件。已有的文件不会被覆盖。",
    "Back the whole store up into one GeoPackage file.\n\n"
    "Consistent while others write. Whatever the kind of store, it holds all data, versions and history, guarded "
    "fields too: only its owner may read it (0600). What you give to others is made by `export`. Accounts and the "
    "audit log are not in it: --accounts writes them into a file of their own. A file that is there is not overwritten.",
)
@click.argument("file", type=click.Path(path_type=Path))
@option(
    "--accounts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    zh="把账号、设备、密钥和审计日志另写到这个文件",
    en="Write accounts, devices, keys and the audit log into this file as well.",
)
@pass_context
def backup_command(context: Context, *, file: Path, accounts: Path | None) -> None:
    """Back the whole store up."""
    files = [file] if accounts is None else [file, accounts]
    with errors_in_words(context.language):
        for one in files:
            check_free(f"gpkg:{one}", settings=context.settings)
        if accounts is not None and accounts.resolve() == file.resolve():
            raise BadParameter(
                Text("{file} 只能放一种备份。", "{file} can be one of the two backups.").format(file=file),
                Text("请给 --accounts 另一个文件。", "Give --accounts a file of its own."),
            )
        with (
            context.open_store(read_only=True) as store,
            context.audited(
                "backup", what=", ".join(str(one.absolute()) for one in files), guarded=True
            ) as deed,
        ):
            deed.count = sum(store.counts().values())
            deed.leaving()
            backup_store(store, file, settings=context.settings, progress=context.progress())
            if accounts is not None:
                try:
                    known = backup_access(context.store_url, accounts, settings=context.settings)
                except WanggeError:
                    file.unlink()  # half of a backup would be taken for a whole one
                    raise
        with open_store(f"gpkg:{file}", read_only=True) as backup:
            _say_contents(context, Text("已备份到 {where}。", "Backed up to {where}."), file, backup)
        if accounts is not None:
            _say_accounts(
                context,
                Text("账号和审计日志已备份到 {where}。", "Accounts and audit log backed up to {where}."),
                accounts,
                known,
            )
    context.say(
        Text("其中有受保护的内容，请妥善保管。", "It holds guarded data: keep it where only you can read it.")
    )


@command(
    "restore",
    "由备份文件恢复存储。\n\nFILE 是 backup 写的文件，--store 是恢复到的地方：新建，或用还没有数据的存储。"
    "每个字段、几何和版本都与备份时相同。较早程序写的备份先升级再恢复，备份文件本身不变。"
    "--accounts 恢复账号和审计日志，登录除外；不给 FILE 则只恢复它们，到还没有账号的存储。",
    "Restore a store from a backup.\n\nFILE was written by `backup`; --store is where to: it is created, or one "
    "that has no rows yet is taken. Every field, geometry and version is as it was. A backup of an older program "
    "is migrated on the way; the file itself stays as it is. --accounts restores accounts and audit log, but for "
    "sessions; without FILE them alone, into a store that has no accounts yet.",
)
@click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path), required=False)
@option(
    "--accounts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    zh="也由这个文件恢复账号、设备、密钥和审计日志",
    en="Restore accounts, devices, keys and the audit log from this file, too.",
)
@role_option
@pass_context
def restore_command(
    context: Context, *, file: Path | None, accounts: Path | None, app_role: str | None
) -> None:
    """Restore a store from a backup."""
    with errors_in_words(context.language):
        check_role(context.store_url, app_role)
        with ExitStack() as opened:
            known = None if accounts is None else opened.enter_context(backed_up(accounts))
            if file is not None:
                source = opened.enter_context(_backup(file))
                _copy(context, "restore", source, file.absolute(), context.store_url, app_role, known)
            elif known is not None:
                with context.audited("restore", what=f"<- {accounts}", made=True) as deed:
                    deed.count = _take_accounts(context, known, context.store_url)
                grant_role(context, context.store_url, app_role)
            else:
                raise BadParameter(
                    Text("没有给出备份文件。", "No backup is given."),
                    Text("请给出 FILE、--accounts 或两者。", "Give FILE, --accounts or both."),
                )


@command(
    "copy",
    "把一个存储完整复制成另一个，可以是另一种。\n\n目标新建，或用还没有数据的存储；每个字段、几何和版本都相同。"
    "账号和审计日志只在给出 --accounts 时带去。",
    "Copy a store into another, of whatever kind.\n\nThe target is created, or one that has no rows yet is taken; "
    "every field, geometry and version is the same. Accounts and audit log come along with --accounts only.",
)
@option("--from", "source_url", metavar="URL", zh="来源；默认取 --store", en="Where from; else --store.")
@option("--to", "target_url", metavar="URL", required=True, zh="去处", en="Where to.")
@option(
    "--accounts",
    is_flag=True,
    zh="账号、设备、密钥和审计日志也带去，登录除外；目标须还没有账号",
    en="Take accounts, devices, keys and the audit log along, but for sessions; the target has none yet.",
)
@role_option
@pass_context
def copy_command(
    context: Context, *, source_url: str | None, target_url: str, accounts: bool, app_role: str | None
) -> None:
    """Copy a store into another."""
    with errors_in_words(context.language):
        check_role(target_url, app_role)
        url = source_url or context.store_url
        with (
            open_store(url, read_only=True, settings=context.settings) as source,
            context.audited("copy", url=url, what=f"-> {shown_url(target_url)}", guarded=True) as deed,
        ):
            deed.count = sum(source.counts().values())
            deed.leaving()
            with kept(url, settings=context.settings) if accounts else nullcontext() as known:
                _copy(context, "copy", source, shown_url(url), target_url, app_role, known)


def _copy(
    context: Context,
    action: str,
    source: Store,
    origin: object,
    url: str,
    app_role: str | None,
    accounts: Backend | None,
) -> None:
    """Copy a store to `url`, whose log then tells where its data came from."""
    if accounts is not None:
        check_no_accounts(url, settings=context.settings)
    with context.audited(action, url=url, what=f"<- {origin}", made=True) as deed:
        copy_store(source, url, settings=context.settings, progress=context.progress())
        if accounts is not None:
            _take_accounts(context, accounts, url)
        deed.count = sum(source.counts().values())
    with open_store(url, read_only=True, settings=context.settings) as made:
        _say_contents(context, Text("已写入 {where}。", "Written to {where}."), shown_url(url), made)
    grant_role(context, url, app_role)


def _take_accounts(context: Context, accounts: Backend, url: str) -> int:
    known = copy_access(accounts, url, settings=context.settings)
    told = Text("账号和审计日志已写入 {where}。", "Accounts and audit log written to {where}.")
    _say_accounts(context, told, shown_url(url), known)
    return known


def _say_accounts(context: Context, done: Text, where: object, known: int) -> None:
    context.say(done.format(where=where))
    context.say(Text("  账号：{n}", "  accounts: {n}").format(n=f"{known:,}"))


@contextmanager
def _backup(file: Path) -> Iterator[Store]:
    """Open a backup; one of an older program as a copy that is migrated, and gone afterwards."""
    if not file.exists():
        raise NotFound(Text("没有备份文件 {file}。", "There is no file {file}.").format(file=file))
    with ExitStack() as stack:
        try:
            store = stack.enter_context(open_store(f"gpkg:{file}", read_only=True))
        except StoreOutdated:
            copy = _copied(file, stack)
            migrate_store(f"gpkg:{copy}")
            store = stack.enter_context(open_store(f"gpkg:{copy}", read_only=True))
        yield store


def _copied(file: Path, stack: ExitStack) -> Path:
    """Copy a file to where only its owner looks: not beside it, where one may not be allowed to write."""
    try:
        copy = Path(stack.enter_context(TemporaryDirectory(prefix="wangge-")), "backup.gpkg")
        shutil.copyfile(file, copy)
        return copy
    except OSError as error:
        raise StoreUnusable(
            Text(
                "较早程序写的备份 {file} 要先在临时文件夹里升级，但无法复制过去（{why}）。",
                "The backup {file} of an older program is to be migrated in the folder for temporary files, but "
                "cannot be copied there ({why}).",
            ).format(file=file, why=error.strerror or error),
            Text(
                "请腾出空间，或用环境变量 TMPDIR 指定另一个文件夹。",
                "Make room there, or name another folder in TMPDIR.",
            ),
        ) from error


def _say_contents(context: Context, done: Text, where: object, store: Store) -> None:
    """Say what was written and, line by line, what is in it."""
    counts = store.counts()
    context.say(done.format(where=where))
    context.say(
        Text("{name}，第 {v} 版，共 {n} 个要素：", "{name}, version {v}, {n} features:").format(
            name=store.district().name, v=store.version(), n=f"{sum(counts.values()):,}"
        )
    )
    for name, layer in LAYERS.items():
        context.say(Text("  {t}：{n}", "  {t}: {n}").format(t=layer.title, n=f"{counts[name]:,}"))
    epoch = store.epoch()
    context.say(
        Text("  历史标识（epoch）{id}，始于 {at}", "  epoch {id}, since {at}").format(
            id=epoch.id, at="?" if epoch.since is None else f"{epoch.since:%Y-%m-%d %H:%M} UTC"
        )
    )


@command(
    "history",
    "谁在何时改了什么。\n\nLAYER 是图层名。不给 CODE 时列出该图层的每次写入；给出要素的编码时逐次、逐字段列出改动。"
    "受保护的字段只说有变化。",
    "Who changed what and when.\n\nLAYER is a layer's name. Without CODE its writes are listed; with a feature's code "
    "each change of it, field by field. Of guarded fields it is said only that they changed.",
)
@click.argument("layer", metavar="LAYER", type=click.Choice(list(LAYERS)))
@click.argument("code", metavar="[CODE]", required=False)
@option(
    "--since",
    type=click.IntRange(min=0),
    default=0,
    metavar="VERSION",
    zh="只列此版之后的",
    en="Only what came after this version.",
)
@option("--json", "as_json", is_flag=True, zh="输出 JSON", en="Print JSON.")
@pass_context
def history_command(context: Context, *, layer: str, code: str | None, since: int, as_json: bool) -> None:
    """Print the writes to a layer, or the edits of a feature."""
    with errors_in_words(context.language), context.open_store(read_only=True) as store:
        if code is None:
            _writes(context, store, layer, since, as_json)
        else:
            _edits(context, store, layer, code, since, as_json)
        if (first := store.history_since()) > since and not as_json:
            told = Text(
                "历史自第 {v} 版起保存；更早的只知道写过，不知道改了什么。",
                "History is kept from version {v} on; of earlier writes only that they were made is known.",
            )
            context.say(told.format(v=first), error=True)


def _writes(context: Context, store: Store, layer: str, since: int, as_json: bool) -> None:
    from layers.edits import change_as_dict, change_words

    writes = [change for change in store.changes(since=since) if change.layer == layer]
    if as_json:
        print_json([change_as_dict(change) for change in writes])
        return
    for change in writes:
        context.say(change_words(change))
    if not writes:
        context.say(Text("没有写入。", "Nothing was written."))


def _edits(context: Context, store: Store, layer: str, code: str, since: int, as_json: bool) -> None:
    from layers.edits import edit_as_dict, edit_words

    described, metric_crs = layer_named(layer), store.district().metric_crs
    every = store.history(layer, code)
    edits = [edit for edit in every if edit.version > since]
    if not every and not len(store.read(layer, codes=[code])):
        raise NotFound(
            Text(
                "{layer}中从来没有编码 {code}。", "{layer} has never had anything with the code {code}."
            ).format(layer=described.title, code=code)
        )
    if as_json:
        print_json([edit_as_dict(edit, described, metric_crs) for edit in edits])
        return
    for edit in edits:
        for line in edit_words(edit, described, context.standards, metric_crs):
            context.say(line)
    if not edits:
        context.say(Text("没有改动。", "Nothing was changed."))
