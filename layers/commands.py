"""Commands about a store as a whole: init, export, analyse, summary, check."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layers.cli import Context, command, day_option, errors_in_words, option, pass_context, print_json
from layers.problems import BadParameter
from layers.text import Text

if TYPE_CHECKING:
    from layers.snapshot import Snapshot


@command(
    "init",
    "新建一个空的区。\n\n量测坐标系未给出时，由轮廓推定。",
    "Create an empty district.\n\nWhere no metric CRS is given, it is found from the outline.",
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
@pass_context
def init(
    context: Context,
    *,
    name: str,
    name_en: str | None,
    metric_crs: str | None,
    outline: Path | None,
    as_of: datetime | None,
) -> None:
    """Create an empty district."""
    from layers.districts import describe
    from layers.store import create_store

    with errors_in_words(context.language):
        district = describe(
            name=name,
            name_en=name_en,
            metric_crs=metric_crs,
            outline_file=outline,
            as_of=None if as_of is None else as_of.date(),
        )
        create_store(context.store_url, district).close()
        context.say(
            Text("已建立 {name}（{crs}）：{url}", "Created {name} ({crs}): {url}").format(
                name=name, crs=district.metric_crs, url=context.store_url
            )
        )


def _snapshot(context: Context) -> Snapshot:
    from layers.loading import load

    with context.open_store(read_only=True) as store:
        return load(store, context.standards)


@command(
    "summary",
    "全区的数字：覆盖、双无、业委会、调解、诉求。\n\n每个数字都带分母和不明数；结果只取决于数据。",
    "The district's figures: coverage, double-none, committees, mediation, complaints.\n\n"
    "Each with its denominator and what is unknown; the output depends on the data alone.",
)
@option("--json", "as_json", is_flag=True, zh="输出 JSON", en="Print JSON.")
@pass_context
def summary_command(context: Context, *, as_json: bool) -> None:
    """Print the district's figures."""
    from layers.summary import summary

    with errors_in_words(context.language):
        found = summary(_snapshot(context))
        if as_json:
            print_json(found)
        else:
            from layers.summary_text import summary_lines

            for line in summary_lines(found, context.standards, context.language):
                click.echo(line)


@command(
    "check",
    "找出数据里的矛盾和空缺。\n\n有矛盾时退出码为 1。",
    "Find what contradicts itself or is missing.\n\nExit code 1 says that something contradicts itself.",
)
@option("--json", "as_json", is_flag=True, zh="输出 JSON", en="Print JSON.")
@pass_context
def check_command(context: Context, *, as_json: bool) -> None:
    """Print what the checks found."""
    from layers.checks import SHOWN_CODES, check

    with errors_in_words(context.language):
        found = check(_snapshot(context))
    language = context.language
    if as_json:
        print_json([finding.as_dict(language) for finding in found])
    else:
        for finding in found:
            mark = Text("矛盾", "fault") if finding.fault else Text("提示", "note")
            codes = ", ".join(finding.codes[:SHOWN_CODES]) + (
                " …" if len(finding.codes) > SHOWN_CODES else ""
            )
            click.echo(
                f"[{mark.to(language)}] {finding.layer}: {len(finding.codes)} {finding.message.to(language)} ({codes})"
            )
        if not found:
            context.say(Text("没有发现问题。", "Nothing found."))
    if any(finding.fault for finding in found):
        raise SystemExit(1)


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
@pass_context
def analyse_command(
    context: Context, *, cells: str, first: datetime | None, last: datetime | None, out: Path
) -> None:
    """Write the indicators per cell."""
    from layers.analysis import analyse
    from layers.exports import INVENTED, check_target, write_frame

    with errors_in_words(context.language):
        check_target(out)
        snapshot = _snapshot(context)
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
        note = INVENTED if snapshot.district.invented else None
        write_frame(frame, out, title=f"{snapshot.district.name} {cells}", note=note)
        context.say(
            Text("{n} 格写入 {out}", "{n} cells written to {out}").format(n=len(frame), out=out), error=True
        )


@command(
    "export",
    "把一个图层写成文件。\n\n格式由扩展名决定：.gpkg .parquet .geojson .csv .xlsx .fgb。",
    "Write a layer to a file.\n\nThe format is that of its ending: .gpkg .parquet .geojson .csv .xlsx .fgb.",
)
@click.argument("layer")
@click.argument("file", type=click.Path(path_type=Path))
@pass_context
def export_command(context: Context, *, layer: str, file: Path) -> None:
    """Write a layer to a file."""
    from layers.exports import export_layer

    with errors_in_words(context.language), context.open_store(read_only=True) as store:
        rows = export_layer(store, layer, file)
        context.say(Text("{n} 行写入 {f}", "{n} rows written to {f}").format(n=rows, f=file), error=True)
