"""The commands that say what is due to be erased, and erase it: ``wangge retention``."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from layers.civil_time import day_in_china
from layers.cli import (
    Context,
    command,
    errors_in_words,
    group,
    json_option,
    option,
    pass_context,
    print_json,
)
from layers.text import Text

if TYPE_CHECKING:
    from layers.retention import Held

_SHOWN_DAYS = 10

_KINDS = {
    "sessions": Text("已结束的登录", "sessions that are over"),
    "attempts": Text("不再计数的登录尝试", "attempts to sign in that no longer count"),
    "addresses": Text("30 天未再使用的登录地址", "addresses not signed in from for 30 days"),
    "links": Text("过期的一次性链接", "one-time links that are over"),
    "flows": Text("未完成的统一登录", "sign-ins elsewhere that were not finished"),
    "audit": Text("到期的审计日志", "entries of the audit log that are due"),
}

retention = group(
    "retention",
    "保存期限：看哪些内容到期，并删去。",
    "Retention: see what is due, and erase it.",
)


@command(
    "show",
    "按 data/fields.json 的期限列出各字段保存了多少、到期多少（以本机今天的日期计）。",
    "Say of each field that is not kept for ever how much is kept and how much is due, by the rules in "
    "data/fields.json and today's date on this machine.",
)
@json_option
@pass_context
def retention_show(context: Context, *, as_json: bool) -> None:
    """Say what is due."""
    from layers.retention import audit_before, held

    rules, today = context.policy.rules, _today(context)
    with errors_in_words(context.language):
        with context.open_store(read_only=True) as store:
            found = list(held(store, rules, today))
        with context.open_access() as access:
            over = access.purge(
                audit_before=audit_before(rules, context.clock()), by=context.visitor, dry_run=True
            )
        if as_json:
            print_json(
                {"today": today.isoformat(), "fields": [_as_dict(one) for one in found], "access": over}
            )
            return
        context.say(Text("今天是 {d}。", "Today is {d}.").format(d=today))
        for one in found:
            _say_held(context, one)
        for kind, count in over.items():
            context.say(Text("{k}：{n}", "{k}: {n}").format(k=_KINDS[kind], n=f"{count:,}"))


@command(
    "run",
    "删去到期的内容，现在的值和历史中的都删，并说明删了什么。\n\n"
    "每个字段成为一个版本；历史只说删过，不说是什么。也删去已结束的登录和到期的审计日志。PostGIS 须以存储的拥有者执行。"
    "此前的备份仍含这些内容，请按同样的期限保存备份。",
    "Erase what is due, from the present and from the history, and say what.\n\n"
    "Each field becomes a version; the history says that it was erased, and not what it was. Sessions that are over and "
    "entries of the audit log that are due go as well. On PostGIS it is run as the store's owner. Backups made before "
    "still hold it all: keep none longer than that.",
)
@option("--dry-run", is_flag=True, zh="只说明会删什么", en="Only say what would be erased.")
@pass_context
def retention_run(context: Context, *, dry_run: bool) -> None:
    """Erase what is due."""
    from layers.retention import audit_before, held

    rules, today = context.policy.rules, _today(context)
    told = Text("{l}的{f}", "{f} of {l}")
    with errors_in_words(context.language):
        with context.open_store(read_only=dry_run) as store:
            for one in held(store, rules, today):
                what = told.format(l=one.layer.title, f=one.field.title)
                if dry_run:
                    _say_count(context, what, len(one.due), dry_run=True)
                    continue
                codes = one.due
                with context.audited(
                    "retention",
                    layer=one.layer.name,
                    fields=[one.field.name],
                    codes=codes,
                    guarded=True,
                    needed=bool(codes),
                ):
                    by = context.author(note=f"retention: {one.field.name}")
                    done = store.erase(one.layer.name, one.field.name, codes, by=by)
                _say_count(context, what, done.present + done.past, dry_run=False)
                if done.remains is not None and done.present + done.past:
                    context.say(done.remains)
        with context.open_access() as access:
            counts = access.purge(
                audit_before=audit_before(rules, context.clock()), by=context.visitor, dry_run=dry_run
            )
        for kind, count in counts.items():
            _say_count(context, _KINDS[kind], count, dry_run=dry_run)


def _today(context: Context) -> date:
    return day_in_china(context.clock())


def _say_count(context: Context, what: Text, count: int, *, dry_run: bool) -> None:
    done = (
        Text("将删去{w}：{n}", "{w}: {n} would be erased")
        if dry_run
        else Text("已删去{w}：{n}", "{w}: {n} erased")
    )
    context.say(done.format(w=what, n=f"{count:,}"))


def _say_held(context: Context, one: Held) -> None:
    head = Text("{l}的{f}：{r}", "{f} of {l}: {r}")
    context.say(head.format(l=one.layer.title, f=one.field.title, r=one.rule.title))
    told = Text("  保存 {k} 个要素的，到期 {n} 个", "  kept of {k} features, due of {n}")
    context.say(told.format(k=f"{len(one.days):,}", n=f"{len(one.due):,}"))
    if one.undated:
        told = Text("  {n} 个没有日期，不会到期", "  {n} have no date and are never due")
        context.say(told.format(n=f"{one.undated:,}"))
    since, from_ = (
        Text("    自 {d} 起到期：{n}", "    since {d}: {n}"),
        Text("    {d} 到期：{n}", "    on {d}: {n}"),
    )
    for line, counts in ((since, one.by_day), (from_, one.later)):
        for day, count in list(counts.items())[:_SHOWN_DAYS]:
            context.say(line.format(d=day, n=f"{count:,}"))
        if len(counts) > _SHOWN_DAYS:
            more = Text("    ……还有 {n} 天（--json 列出全部）", "    … and {n} more days (--json lists all)")
            context.say(more.format(n=len(counts) - _SHOWN_DAYS))


def _as_dict(one: Held) -> dict[str, Any]:
    return {
        "layer": one.layer.name,
        "field": one.field.name,
        "kept": len(one.days),
        "due": len(one.due),
        "undated": one.undated,
        "due_since": {day.isoformat(): count for day, count in one.by_day.items()},
        "due_later": {day.isoformat(): count for day, count in one.later.items()},
    }


for _one in (retention_show, retention_run):
    retention.add_command(_one)
