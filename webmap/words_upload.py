"""The sentences of the page where files are uploaded, and the names that options of the command line have there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from layers.text import Language, Text

WORDS: dict[str, Text] = {
    "data_title": Text("导入数据", "Import data"),
    "data_lead": Text(
        "上传一个文件，先检查、看结果，您确认以后才写入图层。和服务器上的 wangge import 用的是同一套检查。",
        "Upload a file: it is checked, you see what was found, and only when you confirm is it written. The checks are "
        "those of wangge import on the server.",
    ),
    "data_closed": Text(
        "这里没有开通上传：存储在数据库里，管理员还没有指定上传文件放在哪里（安装设置的 upload.folder）。",
        "Files cannot be uploaded here yet: the store is a database, and the operator has not said where uploads wait "
        "(upload.folder in the installation's settings).",
    ),
    "up_noscript": Text("本页需要 JavaScript。", "This page needs JavaScript."),
    # Choosing
    "up_choose": Text("一、选择文件", "1. Choose a file"),
    "up_file": Text("文件", "File"),
    "up_file_hint": Text(
        "CSV、XLSX、GeoPackage、GeoJSON、FlatGeobuf、GeoParquet、Shapefile（打成 zip），不超过 {n} MiB",
        "CSV, XLSX, GeoPackage, GeoJSON, FlatGeobuf, GeoParquet or a zipped Shapefile, up to {n} MiB",
    ),
    "up_drop": Text("把文件拖到这里，或点此选择", "Drop a file here, or choose one"),
    "up_layer": Text("导入到图层", "Into the layer"),
    "up_pick": Text("请选择", "Choose"),
    "up_datum": Text("坐标基准", "Datum"),
    "up_datum_hint": Text(
        "高德、腾讯的坐标是 GCJ-02，百度是 BD-09，测绘成果多是 CGCS2000。说错了会被拦下。",
        "Amap and Tencent give GCJ-02, Baidu BD-09, surveys mostly CGCS2000. A wrong one is stopped.",
    ),
    "up_datum_file": Text("文件自己注明", "As the file says"),
    "up_send": Text("上传并检查", "Upload and check"),
    "up_sending": Text("正在上传 {name}：{percent}", "Uploading {name}: {percent}"),
    "up_stop": Text("取消上传", "Stop"),
    "up_stopped": Text("已取消上传", "Stopped"),
    "up_need_file": Text("请先选择文件。", "Choose a file first."),
    "up_need_layer": Text("请选择导入到哪个图层。", "Choose the layer that it is for."),
    "up_too_large": Text(
        "{name} 有 {size}，超过 {n} MiB。请分成几份，或请管理员在服务器上导入。",
        "{name} has {size}, more than {n} MiB. Divide it, or have the operator import it on the server.",
    ),
    "up_broken": Text(
        "没有传完：和服务器的连接断了。请再试一次。", "It broke off: the connection was lost. Try again."
    ),
    # The list
    "up_mine": Text("我上传的文件", "My uploads"),
    "up_none": Text(
        "没有等着处理的文件。上传的文件只保留一小时。", "Nothing is waiting. Uploads are kept for one hour."
    ),
    "up_left": Text("还保留 {n} 分钟", "kept for {n} more minutes"),
    "up_open": Text("打开", "Open"),
    "up_erase": Text("删除", "Erase"),
    "up_erased": Text("已删除 {name}", "{name} has been erased"),
    "up_received": Text("已上传，未检查", "Uploaded, not checked"),
    "up_working_check": Text("正在检查", "Being checked"),
    "up_working_import": Text("正在导入", "Being imported"),
    "up_checked": Text("已检查，等您确认", "Checked, waits for you"),
    "up_failed": Text("没通过检查", "Did not pass"),
    "up_interrupted": Text("中断", "Interrupted"),
    "up_done": Text("已导入", "Imported"),
    # The work under way
    "up_progress": Text("{what}：{done} / {total}", "{what}: {done} of {total}"),
    "up_waiting": Text("等待开始", "waiting to begin"),
    "up_interrupted_check": Text(
        "检查没有做完就中断了（服务重启，或文件太大、太复杂）。没有写入任何内容。",
        "The check was interrupted (the service was restarted, or the file is too large or too intricate). Nothing was "
        "written.",
    ),
    "up_interrupted_import": Text(
        "导入中断了。写入要么全部完成，要么完全没有；再点一次“导入”，就知道是哪一种，不会重复写入。",
        "The import was interrupted. It was written whole or not at all; press “Import” again to find out which: "
        "nothing is written twice.",
    ),
    # What was found
    "up_check": Text("二、检查结果", "2. What was found"),
    "up_again": Text("按改后的设置重新检查", "Check again with these settings"),
    "up_of": Text("{file} → {layer}", "{file} → {layer}"),
    "up_read": Text("读取", "Read"),
    "up_rows": Text("{n} 行", "{n} rows"),
    "up_taken": Text("可导入", "Can be imported"),
    "up_rejected": Text("有问题", "With problems"),
    "up_duplicates": Text("完全重复", "Exact duplicates"),
    "up_left_out": Text("未采用", "Left out"),
    "up_inserted": Text("将新增", "To be inserted"),
    "up_updated": Text("将更新", "To be updated"),
    "up_unchanged": Text("没有变化", "Unchanged"),
    "up_datum_title": Text("坐标核对", "The coordinates"),
    "up_declared": Text("按 {d} 读取。", "Read as {d}."),
    "up_stop_datum": Text("坐标基准不对，已拦下", "Stopped: the datum is wrong"),
    "up_stop_more": Text(
        "照这样导入，所有位置会偏几百米。没有写入任何内容。",
        "Imported like this every position would be off by hundreds of metres. Nothing was written.",
    ),
    "up_stop_stored": Text(
        "如果错的是已入库的资料，请先改正它们；确需照此导入的，由管理员在服务器上用 --force 导入，并会记录在案。",
        "If it is the stored layers that are wrong, correct them first. Where it must be imported as it is, the operator "
        "does so on the server by --force, and it is recorded.",
    ),
    "up_use": Text("改按 {d} 检查", "Check it as {d}"),
    "up_where": Text("落在哪里", "Where they fall"),
    "up_where_note": Text(
        "{n} 个位置，按 {d} 画出；灰线是街道界线", "{n} positions, drawn as {d}; lines are subdistricts"
    ),
    "up_where_sample": Text(
        "{of} 个中抽 {n} 个位置，按 {d} 画出；灰线是街道界线",
        "{n} of {of} positions, drawn as {d}; lines are subdistricts",
    ),
    "up_outside": Text("其中 {n} 个在图外", "{n} of them are off this map"),
    "up_first": Text("前几行", "First rows"),
    "up_row": Text("行", "Row"),
    "up_problems": Text("问题（{n} 处）", "Problems ({n})"),
    "up_problem": Text("问题", "Problem"),
    "up_remedy": Text("怎么办", "What to do"),
    "up_field": Text("字段", "Field"),
    "up_value": Text("值", "Value"),
    "up_times": Text("{n} 处，首见第 {row} 行", "{n} times, first in row {row}"),
    "up_times_only": Text("{n} 处", "{n} times"),
    "up_shown": Text(
        "这里列出前 {n} 处；全部在下载的表里。", "The first {n} are listed; all are in the table."
    ),
    "up_get_problems": Text("下载全部问题（CSV）", "All problems (CSV)"),
    "up_get_rejects": Text(
        "下载有问题的行（CSV，改好可再导入）", "Rows with problems (CSV, to be corrected)"
    ),
    "up_set_aside": Text(
        "把有问题的行放在一边，只导入其余各行", "Set the rows with problems aside and import the rest"
    ),
    "up_notes": Text("还请留意", "Please note"),
    # Settings
    "up_settings": Text("列与字段", "Columns and fields"),
    "up_mapping": Text("字段取自哪一列", "Which column fills which field"),
    "up_layer_field": Text("图层的字段", "Field of the layer"),
    "up_from": Text("取自", "Filled from"),
    "up_examples": Text("存成这样", "As it would be stored"),
    "up_locked": Text("不归您写入，不取", "not yours to write: nothing is taken"),
    "up_leave_out": Text("不取这些列，重新检查", "Leave them out and check again"),
    "up_nothing": Text("不取", "Nothing"),
    "up_every": Text("每行都是", "The same in every row"),
    "up_required": Text("必填", "required"),
    "up_auto": Text("按列名", "by its heading"),
    "up_position": Text("位置", "Position"),
    "up_lon": Text("经度（东）列", "Column of the longitude"),
    "up_lat": Text("纬度（北）列", "Column of the latitude"),
    "up_wkt": Text("WKT 几何列", "Column of WKT"),
    "up_by_heading": Text("按列名找", "By its heading"),
    "up_source_layer": Text("文件中的图层或工作表", "Layer or sheet of the file"),
    "up_crs": Text("坐标系", "CRS"),
    "up_crs_hint": Text("文件没有注明时填，如 EPSG:4547", "Where the file names none, such as EPSG:4547"),
    "up_values": Text("值的含义", "Meaning of values"),
    "up_values_hint": Text(
        "每行一条，字段:原值=含义，如 property_management:是=yes",
        "One a line, FIELD:FROM=TO, such as property_management:ja=yes",
    ),
    "up_only": Text("只取这些行", "Only these rows"),
    "up_only_hint": Text(
        "每行一条，列=值；同一列写几条表示任一", "One a line, COLUMN=VALUE; either of several"
    ),
    "up_line_wrong": Text("这一行看不懂：{line}", "This line is not understood: {line}"),
    "up_effective": Text("自哪天起成立", "Holds from"),
    "up_effective_hint": Text(
        "新的情况（签了新合同、换了物业）填它成立的日子；留空表示更正已有资料。",
        "The day from which new facts hold; empty where what is stored is corrected.",
    ),
    "up_note": Text("导入的缘由", "Why"),
    "up_note_hint": Text("记入历史，可不填", "Kept in the history; may be left empty"),
    # Confirming
    "up_confirm": Text("三、确认导入", "3. Confirm"),
    "up_statement": Text(
        "将在“{layer}”中新增 {inserted} 条、更新 {updated} 条，{unchanged} 条没有变化。作为一次写入，要么全部完成，要么完全没有。",
        "{inserted} will be inserted into {layer} and {updated} updated; {unchanged} are unchanged. It is one write: all of "
        "it, or nothing.",
    ),
    "up_statement_aside": Text("有问题的 {n} 行不导入。", "{n} rows with problems are not imported."),
    "up_statement_none": Text("导入不会改变任何内容。", "Importing it would change nothing."),
    "up_by": Text(
        "写入者是您，记入历史和审计日志。", "It is written under your name, in the history and the audit log."
    ),
    "up_import": Text("导入", "Import"),
    "up_not_yet": Text(
        "检查没有通过，还不能导入。", "It has not passed the check and cannot be imported yet."
    ),
    # Done
    "up_result": Text("已导入 {file}", "{file} has been imported"),
    "up_result_text": Text(
        "第 {v} 版：“{layer}”新增 {inserted} 条、更新 {updated} 条，{unchanged} 条没有变化。",
        "Version {v}: {inserted} inserted into {layer}, {updated} updated, {unchanged} unchanged.",
    ),
    "up_result_none": Text(
        "文件的内容和已有的完全一样，没有新的版本。", "All of it was there already: there is no new version."
    ),
    "up_result_again": Text(
        "上一次已经写入（第 {v} 版），没有重复写入。",
        "It had been written before (version {v}), and was not written twice.",
    ),
    "up_undo": Text(
        "要撤回：在服务器上用 wangge export {layer} 文件 --version {before} 导出写入前的情况，再导入它；新增的要素另行删除。"
        "wangge history {layer} 列出每次写入。",
        "To take it back, have the operator write what was there before with wangge export {layer} FILE --version "
        "{before} and import that; what was inserted is deleted apart. wangge history {layer} lists all writes.",
    ),
    "up_see_map": Text("在地图上看", "See the map"),
    "up_next": Text("再导入一个文件", "Import another file"),
    "up_error": Text("没有导入", "Nothing was imported"),
    "up_conflicts": Text("检查以后，别人改了这些：", "Since it was checked others have changed:"),
}

_OPTIONS: dict[str, Text] = {
    "--source-layer": WORDS["up_source_layer"],
    "--crs": WORDS["up_crs"],
    "--datum": WORDS["up_datum"],
    "--lon": WORDS["up_lon"],
    "--lat": WORDS["up_lat"],
    "--wkt": WORDS["up_wkt"],
    "--map-value": WORDS["up_values"],
    "--map": WORDS["up_mapping"],
    "--set": WORDS["up_every"],
    "--only": WORDS["up_only"],
    "--rejects": WORDS["up_set_aside"],
}
"""What an option of the command line is called on the page."""

_DATUMS = {"wgs84": "WGS 84", "cgcs2000": "CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}
_SET_ASIDE_HINT = Text(
    "可用 --rejects 文件 把它们另存，导入其余各行。",
    " Set them aside with --rejects FILE to import the rest.",
)
"""What the page has a box for."""
_WITH_DATUM = re.compile(r"--datum ((?:(?:wgs84|cgcs2000|gcj02|bd09)\|?)+)")
_ANY_OPTION = "|".join(sorted(map(re.escape, _OPTIONS), key=len, reverse=True))
_OPTION = re.compile(_ANY_OPTION)


def upload_words(language: Language) -> dict[str, str]:
    """Return every sentence of the page in `language`."""
    return {key: text.to(language) for key, text in WORDS.items()}


def said_in_the_form(sentence: str, language: Language) -> str:
    """Return a sentence of the command line as the page says it: options by the names that they have there."""

    def named(option: str) -> str:
        title = _OPTIONS[option].to(language)
        return f"“{title}”"

    sentence = sentence.replace(_SET_ASIDE_HINT.to(language), "")
    sentence = _WITH_DATUM.sub(
        lambda found: f"{named('--datum')} {' / '.join(_DATUMS[one] for one in found[1].split('|') if one)}",
        sentence,
    )
    return _OPTION.sub(lambda found: named(found[0]), sentence)


def in_the_form(said: Any, language: Language) -> Any:
    """Return what was said with every sentence as the page says it; what the file holds stays as it is."""
    return _changed(said, lambda sentence: said_in_the_form(sentence, language))


_SENTENCES = ("message", "remedy", "sentence", "notes", "conflicts", "field")


def _changed(said: Any, change: Callable[[str], str]) -> Any:
    if isinstance(said, list):
        return [_changed(one, change) for one in said]
    if not isinstance(said, dict):
        return said
    changed: dict[str, Any] = {}
    for name, value in said.items():
        if name in _SENTENCES and isinstance(value, str):
            changed[name] = change(value)
        elif name in _SENTENCES and isinstance(value, list):
            changed[name] = [change(one) if isinstance(one, str) else _changed(one, change) for one in value]
        else:
            changed[name] = _changed(value, change)
    return changed
