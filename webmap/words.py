"""The page's own sentences, Chinese and English side by side.

What the data say (titles of questions, classes, figures) comes from `layers`; here is only what the
page itself says. ``{names}`` are filled by the page.
"""

from __future__ import annotations

from layers.text import Language, Text
from webmap import words_compare, words_conditions, words_facts, words_what_if

WORDS: dict[str, Text] = {
    # Head
    "brand": Text("网格", "Wangge"),
    "page_title": Text("{district} · 网格", "{district} · Wangge"),
    "skip": Text("跳到列表", "Skip to the list"),
    "skip_map": Text("跳到地图", "Skip to the map"),
    "back_to_map": Text("回到地图", "Back to the map"),
    "invented": Text("演示数据，纯属虚构", "Invented demonstration data"),
    "invented_more": Text(
        "街道、社区的名称和编码是公开信息，其余都是虚构的，不代表任何真实小区。",
        "Names and codes of subdistricts and neighbourhoods are public; all else is made up and stands for no real community.",
    ),
    "as_of": Text("数据截至 {date}", "Data as of {date}"),
    "no_as_of": Text("未定截至日期", "No as-of date set"),
    "no_data": Text("尚无数据", "No data yet"),
    "copy_link": Text("复制链接", "Copy link"),
    "copied": Text("链接已复制", "Link copied"),
    "copy_failed": Text("没能复制，请从地址栏复制", "Not copied: take it from the address bar"),
    "print": Text("打印", "Print"),
    "theme": Text("外观", "Appearance"),
    "theme_auto": Text("跟随系统", "As the system"),
    "theme_light": Text("浅色", "Light"),
    "theme_dark": Text("深色", "Dark"),
    "theme_sun": Text("强光", "Bright sun"),
    "language": Text("语言", "Language"),
    "close": Text("关闭", "Close"),
    "noscript": Text("本页需要 JavaScript。", "This page needs JavaScript."),
    "sign_in": Text("登录", "Sign in"),
    # Search
    "search": Text("找小区、楼栋或格号", "Community, building or cell"),
    "search_label": Text("按名称查找", "Search by name"),
    "search_none": Text("没有叫“{text}”的地方", 'Nothing is called "{text}"'),
    "search_some": Text("{n} 个结果，用上下键选择", "{n} results; choose with the arrow keys"),
    "search_failed": Text("查找失败：{why}", "Search failed: {why}"),
    # Questions
    "questions": Text("三个问题", "The three questions"),
    "question_gap": Text("服务够不到哪里？", "Where do services fall short?"),
    "question_double_none": Text("哪些小区是双无？", "Which communities are double-none?"),
    "question_hotspots": Text("诉求集中在哪里？", "Where do complaints cluster?"),
    "line_gap": Text(
        "步行超过限值才到得了最近设施的，就是够不到。",
        "Out of reach: the walk to the nearest facility is over the limit.",
    ),
    "line_double_none": Text(
        "没有物业管理，也没有业委会的，就是双无。",
        "Double-none: neither property management nor an owners' committee.",
    ),
    "line_hotspots": Text(
        "连同相邻单元明显比全区多的，就是热点。",
        "Hot: a unit and its neighbours have clearly more than the district.",
    ),
    "ordinal_gap": Text("问一", "1"),
    "ordinal_double_none": Text("问二", "2"),
    "ordinal_hotspots": Text("问三", "3"),
    "service": Text("服务", "Service"),
    "standard_limit": Text("标准 {m} m", "standard {m} m"),
    "limit_label": Text("步行限值", "Limit of the walk"),
    "limit_number": Text("步行限值（米）", "Limit of the walk in metres"),
    "limit_value": Text("{metres} 米，标准是 {standard} 米", "{metres} metres; the standard's is {standard}"),
    "limit_tick": Text("标准 {m}", "standard {m}"),
    "limit_back": Text("回到标准 {m} m", "Back to the standard's {m} m"),
    "limit_range": Text("请给 {least} 到 {most} 的整数", "Give whole metres from {least} to {most}"),
    "facilities_count": Text("{n} 处", "{n}"),
    "unit": Text("统计单元", "Unit of counting"),
    "size": Text("格的大小", "Size of the cells"),
    "cell_size": Text("边长 {n} m", "{n} m wide"),
    "hex_size": Text("H3 {n} 级", "H3 level {n}"),
    "square_unit": Text("{n} m 格", "Cells of {n} m"),
    "h3_unit": Text("H3-{n} 格", "H3-{n} cells"),
    "period": Text("诉求时段", "Complaints from"),
    "period_from": Text("从", "From"),
    "period_to": Text("到", "to"),
    "period_order": Text("止日在起日之前", "The last day is before the first"),
    "period_year": Text("近 12 个月", "Last 12 months"),
    "period_all": Text("全部", "All"),
    "period_public": Text(
        "公开的只有这一时段；登录后可另选。", "Only this period is public; sign in to choose another."
    ),
    "method": Text("怎样算的", "How it is counted"),
    "three_ways": Text("未覆盖，三种算法", "Not covered, counted three ways"),
    "three_ways_unknown": Text("另有 {n} 不明", "and {n} unknown"),
    "scope": Text("范围", "Where"),
    "whole_district": Text("全区", "Whole district"),
    "whole_area": Text("您的区域", "Your area"),
    "all_kinds": Text("全部类型", "All kinds"),
    "subdistrict": Text("街道", "Subdistrict"),
    "community_kind": Text("小区类型", "Kind of community"),
    "clear": Text("清空", "Clear"),
    # Map
    "map": Text("地图", "Map"),
    "map_help": Text(
        "地图。方向键移动，加减键缩放；地图上的内容都在右边的列表里。",
        "Map. Arrow keys move it, plus and minus zoom; everything on it is also in the list.",
    ),
    "zoom_in": Text("放大", "Zoom in"),
    "zoom_out": Text("缩小", "Zoom out"),
    "zoom_all": Text("看全区", "Show the whole district"),
    "zoom_area": Text("看您的区域", "Show your area"),
    "layers": Text("图层", "Layers"),
    "layer_cells": Text("统计单元", "Units of counting"),
    "layer_communities": Text("小区边界", "Community outlines"),
    "layer_buildings": Text("楼栋", "Buildings"),
    "layer_facilities": Text("设施", "Facilities"),
    "layer_mediation_rooms": Text("物业调解室", "Mediation rooms"),
    "layer_boundaries": Text("街道界线", "Subdistrict boundaries"),
    "layer_backdrop": Text("绿地、水面、道路", "Greens, water, roads"),
    "layer_complaints": Text("诉求点", "Complaints"),
    "layer_zoom": Text("放大后可见", "visible closer up"),
    "map_failed": Text("地图画不出来", "The map cannot be drawn"),
    "map_failed_more": Text(
        "这台电脑的浏览器不支持需要的图形功能。列表、卡片、下载照常可用。",
        "This browser lacks the graphics that the map needs. List, cards and downloads work as ever.",
    ),
    "tiles_lost": Text("地图缺了几块。", "Parts of the map are missing."),
    "tiles_refused": Text(
        "没有权限看这些图层：请重新登录，或请管理员改您的角色或区域。",
        "These layers are not for your account: sign in again, or ask the administrator for another role or area.",
    ),
    "tiles_too_many": Text(
        "一分钟内的请求太多：过一分钟再重试。", "Too many requests within a minute: try again in a minute."
    ),
    "tiles_no_answer": Text(
        "服务器暂时没有回答：稍后重试，一直这样请告诉管理员。",
        "The server does not answer for the moment: try again later; tell the administrator if it goes on.",
    ),
    "legend": Text("图例", "Legend"),
    "legend_count": Text("{n} 个", "{n}"),
    "legend_people": Text("{n} 人", "{n} residents"),
    "legend_fewer": Text("更少", "fewer"),
    "legend_more": Text("更多", "more"),
    # List
    "list": Text("列表", "List"),
    "rank": Text("序", "#"),
    "col_name": Text("名称", "Name"),
    "col_seats": Text("四位", "4-in-1"),
    "col_months": Text("诉求 12 月", "12 months"),
    "seats_title": Text("四位：{seats}", "Four in one: {seats}"),
    "seat_yes": Text("有", "yes"),
    "seat_no": Text("无", "no"),
    "seat_unknown": Text("不明", "unknown"),
    "seat_residents_group": Text("居民小组", "residents' group"),
    "seat_owners_committee": Text("业委会", "owners' committee"),
    "seat_property_management": Text("物业企业", "property company"),
    "seat_party_branch": Text("党支部", "Party branch"),
    "months_title": Text("逐月诉求：{months}", "Complaints by month: {months}"),
    "no_match": Text("没有符合的", "Nothing matches"),
    "no_match_by": Text("加上“{condition}”以后，一个也不剩。", 'With "{condition}" none is left.'),
    "drop": Text("去掉“{condition}”", 'Drop "{condition}"'),
    "nothing_counted": Text("这个范围里没有可以统计的单元。", "There is nothing to count here."),
    "not_known": Text("不明", "unknown"),
    "download": Text("下载", "Download"),
    "download_csv": Text("CSV 表格", "CSV table"),
    "download_xlsx": Text("Excel 表格", "Excel workbook"),
    "download_gpkg": Text("GeoPackage", "GeoPackage"),
    "download_map": Text("离线地图 (HTML)", "Offline map (HTML)"),
    "download_what": Text("当前视图的 {n} 行", "The {n} rows of this view"),
    # Card
    "card": Text("卡片", "Card"),
    "facts": Text("事实与数字", "Facts and figures"),
    "card_loading": Text("正在取 {name} 的事实", "Fetching the facts of {name}"),
    "seats_heading": Text("四位一体", "Four in one"),
    "distances_heading": Text("步行到最近设施", "Walking to the nearest facility"),
    "distances_note": Text(
        "竖线是限值。直线 {straight} m。", "The tick is the limit. Straight line {straight} m."
    ),
    "distance_title": Text(
        "{title}：步行 {access}，限值 {limit} m，{verdict}",
        "{title}: {access} on foot, limit {limit} m, {verdict}",
    ),
    "distance_title_chosen": Text(
        "{title}：步行 {access}，自选限值 {limit} m，{verdict}",
        "{title}: {access} on foot, chosen limit {limit} m, {verdict}",
    ),
    "covered": Text("够得到", "within reach"),
    "uncovered": Text("够不到", "out of reach"),
    "demands_heading": Text("大家要什么", "What people ask for"),
    "zoom_to": Text("在图上看", "Show on the map"),
    "card_link": Text("复制这一处的链接", "Copy a link to this"),
    "more_distances": Text("全部 {n} 种设施", "All {n} kinds"),
    "fewer_distances": Text("只看主要的", "Main ones only"),
    # What is not told
    "withheld_role": Text(
        "您的角色看不到这个数，它不是不明。", "Your role is not told this figure; it is not unknown."
    ),
    "withheld_small": Text(
        "居民少于 {n} 人、诉求少于 {m} 件的，以及会泄露这样的数的，都从略。",
        "Where residents are under {n} or complaints under {m}, and what would give that away, is withheld.",
    ),
    "public_note": Text(
        "户数和居民数不公开，诉求不按小区公开。",
        "Households and residents are not public, nor are the complaints of one community.",
    ),
    # Definitions
    "unit_label": Text("单位", "Unit"),
    "source_label": Text("出处", "Source"),
    "date_label": Text("日期", "Date"),
    "value_label": Text("数值", "Value"),
    "of_label": Text("分母", "Out of"),
    "unknown_label": Text("不明", "Unknown"),
    # States
    "loading": Text("正在计算", "Working it out"),
    "updated": Text("{title}：{value}{label}", "{title}: {value} {label}"),
    "updated_list": Text("列表有 {n} 个", "{n} in the list"),
    "selected": Text("已选 {name}", "{name} chosen"),
    "error_view": Text("这一屏没取到", "This view did not arrive"),
    "error_still": Text("地图底图和上一次的结果仍可用。", "The base map and the last result still work."),
    "error_card": Text("这张卡片没取到", "This card did not arrive"),
    "retry": Text("重试", "Try again"),
    "offline": Text("连不上服务器", "The server cannot be reached"),
    "not_json": Text("服务器的回答看不懂", "The server's answer was not understood"),
    # District without data
    "empty_title": Text("先导入{layer}", "First import {layer}"),
    "empty_text": Text(
        "先试运行（--dry-run），不合格的行会单列一份，不会悄悄丢掉。",
        "Try it first with --dry-run; rows that fail are listed apart, never dropped in silence.",
    ),
    "empty_for": Text("“{question}”要用到下面标出的图层。", '"{question}" needs the layers marked below.'),
    "empty_done": Text("{n} 个", "{n}"),
    "empty_next": Text("下一步", "next"),
    "empty_missing": Text("未导入", "not imported"),
    "empty_command": Text("在服务器上运行", "Run on the server"),
    "empty_command_too": Text("也可以在服务器上用命令导入", "Or import by a command on the server"),
    "empty_import": Text("导入{layer}文件", "Import a file of {layer}"),
    "empty_checked": Text(
        "先检查、给您看，您确认后才写入；不合格的行会单列一份，不会悄悄丢掉。",
        "It is checked and shown first, and written when you confirm; rows that fail are listed apart.",
    ),
    "empty_not_yours": Text("导入数据要另有权限。", "Importing takes another role."),
    "list_none": Text("还没有名单", "No list yet"),
    "list_none_more": Text(
        "有了{layers}，这里就按轻重排出先后。", "Once there are {layers}, it is ranked here, worst first."
    ),
    "strip_none": Text("还不能统计", "nothing to count yet"),
    "empty_formats": Text(
        "GeoPackage、GeoJSON、Shapefile、FlatGeobuf、GeoParquet、CSV、Excel",
        "GeoPackage, GeoJSON, Shapefile, FlatGeobuf, GeoParquet, CSV, Excel",
    ),
    "empty_close": Text("先看地图", "See the map first"),
    "file_name_communities": Text("小区名单.xlsx", "communities.xlsx"),
    "file_name_buildings": Text("楼栋.gpkg", "buildings.gpkg"),
    "file_name_facilities": Text("设施.csv", "facilities.csv"),
    "file_name_complaints": Text("诉求.csv", "complaints.csv"),
    "file_name_subdistricts": Text("街道.geojson", "subdistricts.geojson"),
    "file_name_neighbourhoods": Text("社区.geojson", "neighbourhoods.geojson"),
    "answers": Text("用于{questions}", "for {questions}"),
    "shape_subdistricts": Text("面", "polygons"),
    "shape_neighbourhoods": Text("面", "polygons"),
    "shape_communities": Text("点或面", "points or polygons"),
    "shape_buildings": Text("点或面", "points or polygons"),
    "shape_facilities": Text("点，带种类", "points with a kind"),
    "shape_complaints": Text("带日期和位置", "with date and place"),
    # Print and the offline map
    "source": Text("数据来源", "Source"),
    "top_of_list": Text("列表前 {n} 名", "Top {n} of the list"),
    "offline_note": Text(
        "离线地图，不含底图，不联网。", "Offline map: no base map, nothing from the network."
    ),
}


_PARTS = (words_compare, words_conditions, words_facts, words_what_if)
DESK: dict[str, Text] = {key: text for part in _PARTS for key, text in part.WORDS.items()} | WORDS
"""All that the planner's page says: its own words and those of its parts."""


def words(language: Language) -> dict[str, str]:
    """Return every sentence of the planner's page in `language`."""
    return {key: text.to(language) for key, text in DESK.items()}
