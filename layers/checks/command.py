"""The command `wangge check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from layers.checks.kinds import KINDS
from layers.civil_time import day_in_china
from layers.cli import Context, command, errors_in_words, option, pass_context, print_error, print_json
from layers.problems import BadParameter, WanggeError
from layers.schema import layer_named
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layers.checks.findings import Finding

_STORE = "store"


@command(
    "check",
    "找出数据里的矛盾和空缺。\n\n先查存储本身，再查各图层：编码、位置、边界、日期、取值和不明的项。"
    "每种都附上怎样处理；见 docs/checks.md。\n\n有矛盾时退出码为 1，只有提示时为 0。",
    "Find what contradicts itself or is missing.\n\n"
    "First the store itself, then its layers: codes, places, borders, days, values, and what is unknown. "
    "Each kind says what to do about it; all of them are in docs/checks.md.\n\n"
    "Exit code 1 says that something contradicts itself; notes alone leave it at 0.",
)
@option("--json", "as_json", is_flag=True, zh="输出 JSON：全部位置", en="Print JSON, with every place.")
@option(
    "--only",
    "kinds",
    multiple=True,
    metavar="ID",
    zh="只报告这一种（可多次给出；store 为存储本身）；退出码也只看它",
    en="Report this kind only, or several (store: the store itself); the exit code speaks of them.",
)
@option(
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    zh="只报告这一图层（可多次给出）；退出码也只看它",
    en="Report this layer only, or several; the exit code speaks of them.",
)
@pass_context
def check_command(
    context: Context, *, as_json: bool, kinds: tuple[str, ...], layers: tuple[str, ...]
) -> None:
    """Print what the checks found."""
    with errors_in_words(context.language):
        _refuse_unknown(kinds, layers)
        found, broken = _find(context, store_only=set(kinds) == {_STORE})
    chosen = [
        finding
        for finding in found
        if (not kinds or _name(finding) in kinds) and (not layers or finding.layer in layers)
    ]
    if as_json:
        print_json([finding.as_dict(context.language) for finding in chosen])
    elif chosen or broken is None:
        from layers.checks.report import lines

        for line in lines(chosen, context.language):
            click.echo(line)
    if broken is not None:
        print_error(broken, context.language)
    if broken is not None or any(finding.fault for finding in chosen):
        raise SystemExit(1)


def _find(context: Context, *, store_only: bool) -> tuple[list[Finding], WanggeError | None]:
    """Return what is found, and why the layers could not be read where they could not.

    With `store_only` they are not looked at.
    """
    from layers.checks.run import check, in_order, of_store
    from layers.loading import load

    with context.open_store(read_only=True) as store:
        found = in_order(of_store(store.verify()))
        if store_only:
            return found, None
        try:
            snapshot = load(store, context.standards)
        except WanggeError as error:
            return found, error
    today = day_in_china(context.clock())
    return in_order([*found, *check(snapshot, today=today, progress=context.progress())]), None


def _name(finding: Finding) -> str:
    """Return what a finding is asked for by: what stores find wrong with themselves has one name for all."""
    return finding.id if finding.id in KINDS else _STORE


def _refuse_unknown(kinds: Sequence[str], layers: Sequence[str]) -> None:
    """Raise where a kind or a layer is asked for that there is not."""
    for name in layers:
        layer_named(name)
    known = (*KINDS, _STORE)
    unknown = [one for one in kinds if one not in known]
    if unknown:
        raise BadParameter(
            Text("没有名为 {ids} 的检查。", "There is no check {ids}.").format(
                ids=joined([both(one) for one in unknown])
            ),
            Text("检查有：{known}。", "The checks are {known}.").format(
                known=joined([both(one) for one in known])
            ),
        )
