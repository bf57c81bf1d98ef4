"""The commands about the audit log: ``wangge audit``."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layers.civil_time import CHINA
from layers.cli import (
    Context,
    command,
    day_option,
    errors_in_words,
    group,
    json_option,
    option,
    pass_context,
    print_json,
    print_table,
    shown_moment,
)
from layers.problems import BadParameter
from layers.text import Text, both

if TYPE_CHECKING:
    from layers.access.access import Access
    from layers.access.model import Entry

_AT_ONCE = 1000
_HEAD = re.compile(r"([0-9]+):([0-9a-f]{64})")
_OUTCOMES = {
    "done": both(""),
    "refused": Text("被拒绝", "refused"),
    "failed": Text("未成功", "failed"),
}
_SHEETS = ("csv", "xlsx")

audit = group(
    "audit",
    "审计日志：列出、核对。",
    "The audit log: list it, verify it.",
)


@command(
    "list",
    "列出审计日志，最近的在最后。\n\n默认最近 100 条；--json 和 --out 给出全部符合条件的。查看本身也会记入日志。",
    "List the audit log, the newest entries last.\n\n"
    "The last 100 of those asked for; with --json or --out all of them. Reading it is recorded as well.",
)
@day_option("--since", zh="自此日起（按中国时间）", en="From this day on, in China.")
@option("--who", metavar="NAME", zh="谁（用户名或账号编号）", en="Whose: a name or the id of an account.")
@option("--action", metavar="ACTION", zh="做了什么，如 export", en="Of what was done, such as export.")
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    zh="写成文件（.csv .xlsx）",
    en="Write them to a file (.csv .xlsx).",
)
@json_option
@pass_context
def audit_list(
    context: Context,
    *,
    since: datetime | None,
    who: str | None,
    action: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """List the audit log."""
    first = None if since is None else since.replace(tzinfo=CHINA)
    asked = ", ".join(
        f"{name} {value}"
        for name, value in (("since", since and since.date()), ("who", who), ("action", action))
        if value
    )
    with errors_in_words(context.language), context.open_access(made=True) as access:
        if out is not None:
            _check_out(out)
        access.record(
            context.visitor, "audit_read", what=asked if out is None else f"{asked} -> {out.absolute()}"
        )
        found = _entries(access, who=who, action=action, first=first)
        if out is not None:
            _write(out, list(found))
            context.say(Text("已写入 {f}", "Wrote {f}").format(f=out), error=True)
        elif as_json:
            print_json([_as_dict(entry) for entry in found])
        else:
            _print(context, deque(found, maxlen=100))


@command(
    "verify",
    "核对审计日志是否完整：条目连续，每条与前一条衔接。\n\n"
    "--expect 给出在别处记下的 `wangge audit head`，整个日志被重造也能发现。有问题时逐条列出，以 1 退出。",
    "Verify the audit log: no entry is missing, each follows from the one before.\n\n"
    "--expect takes a `wangge audit head` that was noted elsewhere: a log made anew shows as well. Every fault is "
    "named, and the exit code is then 1.",
)
@option("--expect", metavar="SEQ:HASH", zh="在别处记下的一条", en="An entry that was noted elsewhere.")
@pass_context
def audit_verify(context: Context, *, expect: str | None) -> None:
    """Verify the audit log."""
    with errors_in_words(context.language):
        noted = None if expect is None else _noted(expect)
        with context.open_access(made=True) as access:
            faults, head = access.verify(expect=noted), access.head()
        for fault in faults:
            context.say(fault.message)
        if faults:
            raise SystemExit(1)
        told = Text("审计日志完整，末条为 {h}", "The audit log is whole; its last entry is {h}")
        context.say(told.format(h=_shown_head(head)))


@command(
    "head",
    "显示末条的编号和哈希，请定期记在别处。\n\n日后用 wangge audit verify --expect 核对。",
    "Print number and hash of the last entry, to be noted elsewhere from time to time.\n\n"
    "`wangge audit verify --expect` compares with it later.",
)
@pass_context
def audit_head(context: Context) -> None:
    """Print the last entry's number and hash."""
    with errors_in_words(context.language), context.open_access(made=True) as access:
        click.echo(_shown_head(access.head()))


def _entries(access: Access, **asked: Any) -> Iterator[Entry]:
    since = 0
    while found := access.entries(since=since, limit=_AT_ONCE, **asked):
        yield from found
        since = found[-1].seq


def _noted(expect: str) -> tuple[int, str]:
    found = _HEAD.fullmatch(expect.strip().lower())
    if found is None:
        raise BadParameter(
            Text("看不懂 {e}。", "{e} cannot be understood.").format(e=repr(expect)),
            Text("请照 wangge audit head 的输出写。", "Give it as `wangge audit head` prints it."),
        )
    return int(found[1]), found[2]


def _shown_head(head: tuple[int, str]) -> str:
    return f"{head[0]}:{head[1] or '-'}"


def _print(context: Context, entries: deque[Entry]) -> None:
    heads = (
        Text("编号", "No."),
        Text("时间", "When"),
        Text("谁", "Who"),
        Text("凭", "By"),
        Text("动作", "Action"),
        Text("对象", "What"),
        Text("字段", "Fields"),
        Text("用途", "Purpose"),
        Text("从哪里", "From"),
        Text("结果", "Outcome"),
    )
    print_table(
        context,
        heads,
        [
            (
                both(str(one.seq)),
                shown_moment(one.at),
                both(f"{one.name} ({one.role})" if one.name else one.role),
                both(one.via),
                both(one.action),
                both(_what(one)),
                both(",".join(one.fields)),
                both(one.purpose),
                both(one.origin),
                _OUTCOMES[one.outcome],
            )
            for one in entries
        ],
    )


def _what(entry: Entry) -> str:
    rows = "" if entry.count is None else f"× {entry.count}"
    return " ".join(part for part in (entry.what, entry.layer, rows) if part)


def _as_dict(entry: Entry) -> dict[str, Any]:
    return {
        name: list(value)
        if isinstance(value, tuple)
        else value.isoformat()
        if isinstance(value, datetime)
        else value
        for name, value in vars(entry).items()
    }


def _check_out(out: Path) -> None:
    from layers.exports import check_target

    if out.suffix.lower().removeprefix(".") not in _SHEETS:
        raise BadParameter(
            Text("{f} 的格式无法识别。", "The format of {f} is not known.").format(f=out.name),
            Text("可用的扩展名：.csv、.xlsx。", "The endings are .csv and .xlsx."),
        )
    check_target(out)


def _write(out: Path, entries: list[Entry]) -> None:
    import pandas as pd

    from layers.access.model import Entry
    from layers.exports import table_bytes, write_bytes

    rows = [
        {
            name: " ".join(value) if isinstance(value, list) else value
            for name, value in _as_dict(entry).items()
        }
        for entry in entries
    ]
    names = list(Entry.__dataclass_fields__)
    table = pd.DataFrame(rows, columns=names).astype(
        {name: "str" for name in names if name not in ("seq", "count")}
    )
    write_bytes(out, table_bytes(table, out.suffix.lower().removeprefix("."), title="audit"))


for _one in (audit_list, audit_verify, audit_head):
    audit.add_command(_one)
