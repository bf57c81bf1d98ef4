"""Commands about a store as a whole: init, export, analyse, summary."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layers.cli import (
    PRESENT,
    Context,
    State,
    command,
    day_option,
    errors_in_words,
    option,
    pass_context,
    print_json,
    state_options,
)
from layers.problems import BadParameter
from layers.store_roles import check_role, grant_role, role_option
from layers.text import Text

if TYPE_CHECKING:
    from layers.snapshot import Snapshot


@command(
    "init",
    "新建一个空的区。\n\n量测坐标系未给出时，由轮廓推定。--store postgresql://… 在已有的空数据库中建立，"
    "缺什么就说明数据库管理员须执行什么。",
    "Create an empty district.\n\nWhere no metric CRS is given, it is found from the outline. "
    "--store postgresql://… makes it in an empty database that is there, or says what its administrator must run.",
)
@option("--name", required=True, zh="区的名称", en="Name of the district.")
@option("--name-en", zh="英文名称", en="English name.")
@option(
    "--metric-crs",
    metavar="EPSG:N",
    zh="以米为单位的投影坐标系",
    en="Projected CRS in metres, such as EPSG:4547.",
)
@option(
    "--outline",
    type=click.Path(path_type=Path),
    zh="区界文件（面）",
    en="File with the district's outline (polygons, with their CRS).",
)
@day_option("--as-of", zh="数据截至日期", en="The day the data speak of.")
@role_option
@pass_context
def init(
    context: Context,
    *,
    name: str,
    name_en: str | None,
    metric_crs: str | None,
    outline: Path | None,
    as_of: datetime | None,
    app_role: str | None,
) -> None:
    """Create an empty district."""
    from layers.districts import describe
    from layers.store import create_store

    with errors_in_words(context.language):
        check_role(context.store_url, app_role)
        district = describe(
            name=name,
            name_en=name_en,
            metric_crs=metric_crs,
            outline_file=outline,
            as_of=None if as_of is None else as_of.date(),
        )
        with context.audited("init", what=name, made=True):
            create_store(context.store_url, district, by=context.author(), settings=context.settings).close()
        context.say(
            Text("已建立 {name}（{crs}）：{url}", "Created {name} ({crs}): {url}").format(
                name=name, crs=district.metric_crs, url=context.shown_store
            )
        )
        grant_role(context, context.store_url, app_role)


def _snapshot(context: Context, state: State = PRESENT) -> Snapshot:
    from layers.loading import load

    with context.open_store(read_only=True) as store:
        return load(store, context.standards, on=state.on, version=state.version)


@command(
    "summary",
    "全区的数字：覆盖、双无、业委会、调解、诉求。\n\n每个数字都带分母和不明数；结果只取决于数据。",
    "The district's figures: coverage, double-none, committees, mediation, complaints.\n\n"
    "Each with its denominator and what is unknown; the output depends on the data alone.",
)
@option("--json", "as_json", is_flag=True, zh="输出 JSON", en="Print JSON.")
@state_options
@pass_context
def summary_command(context: Context, *, as_json: bool, state: State) -> None:
    """Print the district's figures."""
    from layers.summary import summary

    with errors_in_words(context.language):
        found = summary(_snapshot(context, state))
        if as_json:
            print_json({"state": state.as_dict(), **found} if state else found)
        else:
            from layers.summary_text import summary_lines

            if state:
                context.say(state.words)
            for line in summary_lines(found, context.standards, context.language):
                click.echo(line)


@command(
    "analyse",
    "按格计算全部指标，写成文件（.gpkg .parquet .geojson .csv）。\n\n文件整体替换；结果只取决于数据。",
    "Compute every indicator per cell into a file (.gpkg .parquet .geojson .csv).\n\n"
    "The file is replaced as a whole; its content depends on the data alone.",
)
@option(
    "--cells",
    required=True,
    metavar="SCHEME",
    zh="统计单元：square:100、h3:10、management",
    en="Unit: square:100, h3:10 or management (also communities, neighbourhoods, subdistricts).",
)
@day_option("--from", parameter="first", zh="诉求起日（含）", en="First day of the complaints counted.")
@day_option("--to", parameter="last", zh="诉求止日（含）", en="Last day of the complaints counted.")
@option("--out", required=True, type=click.Path(path_type=Path), zh="输出文件", en="File to write.")
@state_options
@pass_context
def analyse_command(
    context: Context, *, cells: str, first: datetime | None, last: datetime | None, out: Path, state: State
) -> None:
    """Write the indicators per cell."""
    from layers.analysis import analyse
    from layers.exports import check_target, format_of, frame_bytes, note_of, write_bytes

    with errors_in_words(context.language):
        check_target(out)
        snapshot = _snapshot(context, state)
        if cells == "management" and not len(snapshot.frame("management_cells")):
            raise BadParameter(
                Text("还没有网格。", "There are no management cells yet."),
                Text(
                    "请先导入：wangge import management_cells 文件。",
                    "Import them first: wangge import management_cells FILE.",
                ),
            )
        period = (None if first is None else first.date(), None if last is None else last.date())
        frame = analyse(snapshot, cells, period=period, progress=context.progress())
        note = note_of(snapshot.district, state.note)
        content = frame_bytes(frame, format_of(out), title=f"{snapshot.district.name} {cells}", note=note)
        with context.audited(
            "export", what=f"analyse {cells}: {_file(out, state)}", count=len(frame)
        ) as deed:
            deed.leaving()
            write_bytes(out, content)
        done = Text("{n} 格写入 {out}", "{n} cells written to {out}").format(n=len(frame), out=out)
        context.say(_of(state, done), error=True)


def _of(state: State, done: Text) -> Text:
    """Add to what was done which state it speaks of, where that is not the present one."""
    return (
        Text("{done}（{state}）", "{done} ({state})").format(done=done, state=state.words) if state else done
    )


@command(
    "export",
    "把一个图层写成文件。\n\n格式由扩展名决定：.gpkg .parquet .geojson .csv .xlsx .fgb。受保护的字段只在 --with 点名时"
    "才写出，有的还须用 --purpose 说明用途；每次导出都先记入审计日志。",
    "Write a layer to a file.\n\nThe format is that of its ending: .gpkg .parquet .geojson .csv .xlsx .fgb. Guarded "
    "fields are left out unless --with names them, some for a stated --purpose only. Each export is written to the "
    "audit log before the file is there.",
)
@click.argument("layer")
@click.argument("file", type=click.Path(path_type=Path))
@option(
    "--with",
    "fields",
    multiple=True,
    metavar="FIELD",
    zh="连同这个受保护字段；可重复，或用逗号分开",
    en="Also this guarded field; may be repeated, or give several with commas.",
)
@option(
    "--purpose", default="", metavar="TEXT", zh="用途，记入审计日志", en="What for; kept in the audit log."
)
@state_options
@pass_context
def export_command(
    context: Context, *, layer: str, file: Path, fields: tuple[str, ...], purpose: str, state: State
) -> None:
    """Write a layer to a file."""
    from layers.exports import check_target, export_layer

    asked = list(dict.fromkeys(one.strip() for given in fields for one in given.split(",") if one.strip()))
    told: dict[str, Any] = {
        "what": _file(file, state),
        "layer": layer,
        "fields": asked,
        "purpose": purpose.strip(),
    }
    with errors_in_words(context.language), context.open_store(read_only=True) as store:
        check_target(file)
        with context.audited("export", **told) as deed:
            seen = context.policy.seen(
                context.visitor, layer, way_out="export", action="export", asked=asked, purpose=purpose
            )

            def leaving(codes: list[str]) -> None:
                deed.codes = codes
                deed.leaving()

            rows = export_layer(
                store, seen, file, on=state.on, version=state.version, note=state.note, leaving=leaving
            )
        done = Text("{n} 行写入 {f}", "{n} rows written to {f}").format(n=rows, f=file)
        context.say(_of(state, done), error=True)


def _file(file: Path, state: State) -> str:
    """Return what the audit log calls a file that leaves: where it is, and of which past state."""
    return f"{file.absolute()} ({state.words.en})" if state else str(file.absolute())
