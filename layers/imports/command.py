"""The command ``wangge import``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layers.civil_time import day_in_china
from layers.cli import Context, command, day_option, errors_in_words, option, pass_context, print_json
from layers.imports.options import ImportOptions, merged, only_pairs, pairs, read_mapping_file, value_pairs
from layers.problems import BadParameter, StoreConflict, ValidationError, WanggeError
from layers.schema import LAYERS

if TYPE_CHECKING:
    from layers.imports.report import ImportReport
    from layers.text import Language

_ZH = """把文件导入图层。

LAYER 是图层名（如 communities、buildings、complaints）；FILE 可为 GeoPackage、GeoJSON、Shapefile（可为 zip）、
FlatGeobuf、GeoParquet、CSV（可为 .gz）或 XLSX。

先检查全部内容，一次列出所有问题（行、字段、值、改法）；有问题就什么也不导入，除非用 --rejects 把问题行另存。
按编码新增或更新，重复导入不产生变化。坐标与已有资料不符时拒绝导入，并说明哪种基准相符。
内容若是某日起的新情况（签了新合同、换了物业），请给 --effective；否则视为对已有资料的更正。

\b
wangge import communities 小区.csv --datum bd09 --map name=小区名 --dry-run
wangge import complaints 诉求.xlsx --datum gcj02 --rejects 问题行.csv"""

_EN = """Import a file into a layer.

LAYER is a layer's name (such as communities, buildings, complaints); FILE a GeoPackage, GeoJSON, Shapefile (also
zipped), FlatGeobuf, GeoParquet, CSV (also .gz) or XLSX.

Everything is checked first and all problems are listed at once (row, field, value, remedy); nothing is imported if
there are any, unless --rejects sets those rows aside. Features are inserted or updated by code; importing twice changes
nothing. What is new since a day (a contract signed, a manager replaced) is imported with --effective; without it what
is stored is corrected. Coordinates that contradict what is stored are refused, naming the datum that fits.

\b
wangge import communities estates.csv --datum bd09 --map name=estate --dry-run
wangge import complaints hotline.xlsx --datum gcj02 --rejects rejects.csv"""


@command("import", _ZH, _EN)
@click.argument("layer", metavar="LAYER", type=click.Choice(list(LAYERS)))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@option(
    "--source-layer",
    metavar="NAME",
    zh="文件中的图层、工作表或 Shapefile",
    en="Layer, sheet or zipped shapefile of FILE.",
)
@option(
    "--crs",
    metavar="AUTHORITY:CODE",
    zh="坐标系，如 EPSG:4547",
    en="CRS of the coordinates, such as EPSG:4547.",
)
@option(
    "--datum",
    type=click.Choice(["wgs84", "cgcs2000", "gcj02", "bd09"]),
    zh="经纬度的基准；高德、腾讯为 gcj02，百度为 bd09",
    en="Datum of longitudes and latitudes; Amap and Tencent give gcj02, Baidu bd09.",
)
@option("--lon", metavar="COLUMN", zh="经度（或东坐标）所在列", en="Column of the longitude or easting.")
@option("--lat", metavar="COLUMN", zh="纬度（或北坐标）所在列", en="Column of the latitude or northing.")
@option("--wkt", metavar="COLUMN", zh="WKT 几何所在列", en="Column of the geometry as WKT.")
@option(
    "--map",
    "maps",
    multiple=True,
    metavar="FIELD=COLUMN",
    zh="字段取自哪一列；FIELD= 表示不取。可重复",
    en="Fill FIELD from COLUMN; FIELD= leaves it unfilled. May be repeated.",
)
@option(
    "--map-value",
    "map_values",
    multiple=True,
    metavar="FIELD:FROM=TO",
    zh="把字段中的 FROM 读作 TO。可重复",
    en="Read FROM as TO in FIELD. May be repeated.",
)
@option(
    "--set",
    "sets",
    multiple=True,
    metavar="FIELD=VALUE",
    zh="每行的 FIELD 都是 VALUE。可重复",
    en="FIELD is VALUE in every row. May be repeated.",
)
@option(
    "--only",
    multiple=True,
    metavar="COLUMN=VALUE",
    zh="只取 COLUMN 为 VALUE 的行；同列重复表示任一",
    en="Take only rows with VALUE in COLUMN; one column repeated takes either value.",
)
@option(
    "--mapping",
    "mapping_file",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    zh="写有以上各项的映射文件；命令行优先",
    en="A mapping file with any of the above; the command line wins.",
)
@option("--dry-run", is_flag=True, zh="只检查和预览，不写入", en="Check and preview; write nothing.")
@option(
    "--rejects",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    zh="导入其余各行，把有问题的行写到此文件",
    en="Import the good rows and write those with problems to this file.",
)
@option(
    "--force",
    is_flag=True,
    zh="基准检查不符也导入（会记录）",
    en="Import although the datum guard objects; it is recorded.",
)
@day_option(
    "--effective",
    zh="内容自此日起成立（新的事实），不晚于今天；不给则视为更正",
    en="The day from which it holds, today at the latest: new facts. Without it what is stored is corrected.",
)
@option("--note", default="", metavar="TEXT", zh="导入的缘由，记入历史", en="Why; kept in the history.")
@option(
    "--json",
    "as_json",
    is_flag=True,
    zh="以 JSON 输出报告，含全部问题",
    en="Print the report as JSON, with all problems.",
)
@pass_context
def import_command(context: Context, /, *, layer: str, file: Path, as_json: bool, **given: Any) -> None:
    """Import a file into a layer."""
    language = context.language
    if as_json:
        _import_as_json(context, layer, file, given)
        return
    with errors_in_words(language):
        report = _import(context, layer, file, given)
        for line in report.lines(language):
            click.echo(line)
        if not report.ok:
            raise ValidationError(report.complaint, report.problems)


def _import(context: Context, layer: str, file: Path, given: dict[str, Any]) -> ImportReport:
    from layers.imports.run import import_file

    day: datetime | None = given.pop("effective")
    by = context.author(note=given.pop("note").strip(), effective=None if day is None else day.date())
    options = _options(given, context.language)
    today = day_in_china(context.clock())
    with context.open_store() as store, context.audited("change", layer=layer) as deed:
        try:
            report = import_file(
                store,
                context.standards,
                layer,
                file,
                options,
                today=today,
                fillable=context.policy.require_import(context.visitor, layer),
                by=by,
                language=context.language,
                progress=context.progress(),
            )
            deed.what = f"import {report.path.name}"
            deed.needed = report.version is not None
            if report.version is not None:
                [change] = [
                    one for one in store.changes(since=report.version - 1) if one.version == report.version
                ]
                deed.codes = change.codes
            return report
        except WanggeError:
            if sys.stderr.isatty():
                click.echo(err=True)  # the progress bar stops where it is
            raise


def _import_as_json(context: Context, layer: str, file: Path, given: dict[str, Any]) -> None:
    language = context.language
    try:
        report = _import(context, layer, file, given)
    except WanggeError as error:
        problems = error.problems if isinstance(error, ValidationError) else ()
        told: dict[str, Any] = {
            "ok": False,
            "error": error.sentence(language),
            "problems": [problem.as_dict(language) for problem in problems],
        }
        if isinstance(error, StoreConflict):
            from layers.edits import conflict_as_dict

            told["conflicts"] = [conflict_as_dict(one) for one in error.conflicts]
        print_json(told)
        raise SystemExit(1) from error
    print_json(report.as_dict(language))
    if not report.ok:
        raise SystemExit(1)


def _options(given: dict[str, Any], language: Language) -> ImportOptions:
    from layers.imports.declaring import check_declaration

    mapping_file: Path | None = given.pop("mapping_file")
    from_file = {} if mapping_file is None else read_mapping_file(mapping_file)
    try:
        said = {
            "columns": pairs("--map", given.pop("maps")),
            "values": value_pairs(given.pop("map_values")),
            "constants": pairs("--set", given.pop("sets")),
            "only": only_pairs(given.pop("only")),
        }
        options = merged(from_file, {**given, **said})
        check_declaration(options)
    except BadParameter as error:
        raise click.UsageError(error.sentence(language)) from error
    return options
