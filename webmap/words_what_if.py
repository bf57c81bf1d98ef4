"""The sentences of what-if: scenarios on the planner's page, beside each other, and on paper."""

from __future__ import annotations

from layers.text import Text
from layers.what_if_answer import ROOM_TITLE, SHARED_ROOM_TITLE

WORDS: dict[str, Text] = {
    "what_if": Text("假设推演", "What if"),
    "what_if_start": Text("增设、移动或关闭设施会怎样？", "Add, move or close a place: what then?"),
    "what_if_tag": Text("假设", "Hypothetical"),
    "what_if_none": Text(
        "还没有步骤：图上和数字都是现状。", "No step yet: map and figures show the present."
    ),
    "what_if_kind_mediation_room": ROOM_TITLE,
    "what_if_kind_shared_mediation_room": SHARED_ROOM_TITLE,
    "what_if_end": Text("结束推演", "End"),
    "what_if_undo": Text("撤销", "Undo"),
    "what_if_undone": Text("已撤销上一步", "The last change is undone"),
    "what_if_name": Text("方案名称", "Name of the scenario"),
    "what_if_named": Text("方案 {n}", "Scenario {n}"),
    "what_if_new": Text("新方案", "New scenario"),
    "what_if_choose": Text("方案", "Scenario"),
    "what_if_save": Text("保存", "Save"),
    "what_if_saved": Text("已保存“{name}”", '"{name}" is saved'),
    "what_if_unsaved": Text("未保存", "not saved"),
    "what_if_share": Text("与本区规划人员共享", "Share with the district's planners"),
    "what_if_remove": Text("删除这个方案", "Delete this scenario"),
    "what_if_removed": Text("已删除“{name}”", '"{name}" is deleted'),
    "what_if_conflict": Text(
        "“{name}”已被 {who} 改过，没有保存。可改名另存，或再按一次保存，以您的为准。",
        '"{name}" was changed by {who} and is not saved. Save it under another name, or press Save again to keep '
        "yours.",
    ),
    "what_if_add": Text("增设", "Add"),
    "what_if_what": Text("增设什么", "What to add"),
    "what_if_place": Text("在图上点位置", "Choose the place on the map"),
    "what_if_place_help": Text(
        "请在图上点一下；键盘：方向键移动地图，回车放在图的中央，Esc 取消。",
        "Click on the map. By keyboard: arrow keys move the map, Enter places it in the middle, Escape cancels.",
    ),
    "what_if_placed": Text(
        "已放置；可拖动，或用方向键每次移动 10 米",
        "Placed; drag it, or use the arrow keys to move it by 10 m",
    ),
    "what_if_typed": Text("输入经纬度", "Type longitude and latitude"),
    "what_if_lon": Text("经度", "Longitude"),
    "what_if_lat": Text("纬度", "Latitude"),
    "what_if_degrees": Text(
        "度，EPSG:4490（与 WGS 84 相差不到 1 米）", "degrees, EPSG:4490 (within 1 m of WGS 84)"
    ),
    "what_if_existing": Text("移动或关闭现有的", "Move or close one that is there"),
    "what_if_existing_help": Text(
        "离图中央最近的；也可以在图上点它的符号。",
        "Those nearest to the middle of the map; or click on a symbol on the map.",
    ),
    "what_if_existing_none": Text("这里没有这一种。", "There is none of this kind."),
    "what_if_move": Text("移动", "Move"),
    "what_if_close": Text("关闭", "Close"),
    "what_if_steps": Text("步骤", "Steps"),
    "what_if_drop": Text("去掉第 {n} 步", "Drop step {n}"),
    "what_if_show": Text("在图上看第 {n} 步", "Show step {n} on the map"),
    "what_if_marker": Text(
        "第 {n} 步：{title}。方向键移动 10 米，按住 Shift 移动 100 米。",
        "Step {n}: {title}. Arrow keys move it by 10 m, with Shift by 100 m.",
    ),
    "what_if_many": Text("最多 {n} 步。", "At most {n} steps."),
    "what_if_figure": Text("指标", "Figure"),
    "what_if_before": Text("现状", "Present"),
    "what_if_after": Text("假设", "If so"),
    "what_if_change": Text("增减", "Change"),
    "what_if_of_kind": Text("看哪一种的变化", "Changes of which kind"),
    "what_if_unknown": Text(
        "另有 {u} 个小区人口不明，{c} 个小区不能判断。",
        "Apart: {u} communities of unknown residents, {c} of which we cannot tell.",
    ),
    "what_if_gained": Text("新覆盖", "gained"),
    "what_if_lost": Text("失去", "lost"),
    "what_if_open": Text("前后有一方不能判断", "one side cannot be told"),
    "what_if_nearer": Text("部分新覆盖", "partly gained"),
    "what_if_farther": Text("部分失去", "partly lost"),
    "what_if_counts": Text(
        "小区：新覆盖 {g} 个（双无 {gd} 个），失去 {l} 个（双无 {ld} 个），另有 {p} 个部分变化，{o} 个前后有一方不能判断；"
        "城中村另计 {v} 个。",
        "Communities: {g} gained ({gd} double-none), {l} lost ({ld} double-none), {p} changed in part, {o} of which one "
        "side cannot be told; urban villages apart: {v}.",
    ),
    "what_if_no_change": Text("没有小区因此变化。", "No community changes."),
    "what_if_communities": Text("有变化的小区，双无在前", "Communities that change, double-none first"),
    "what_if_more": Text(
        "另有 {n} 个未列出，导出的文件里有。", "{n} more are not listed; exported files have them."
    ),
    "what_if_double_none": Text("双无", "double-none"),
    "what_if_village": Text("城中村", "urban village"),
    "what_if_people": Text("{n} 人", "{n} residents"),
    "what_if_people_open": Text("{n} 人不能判断", "{n} residents: cannot tell"),
    "what_if_unknown_change": Text("不能判断 {n}", "cannot tell {n}"),
    "what_if_walk": Text("平均步行 {a} → {b}", "mean walk {a} → {b}"),
    "what_if_due": Text(
        "{h} 户以上应设的 {e} 个小区：已设 {a} → {b}，未设 {c} → {d}；户数不明 {u} 个不能判断。",
        "Of {e} communities of {h} households or more, which are due one: {a} → {b} have it, {c} → {d} do not; {u} of "
        "unknown households cannot be told.",
    ),
    "what_if_method": Text("怎么算的", "How it is counted"),
    "what_if_compare": Text("对比方案", "Compare scenarios"),
    "what_if_compare_none": Text(
        "没有可以比较的方案：先增设、移动或关闭一处。",
        "There is no scenario to compare yet: add, move or close a place first.",
    ),
    "what_if_compare_pick": Text("比较哪些方案（最多 {n} 个）", "Which scenarios to compare (at most {n})"),
    "what_if_compare_limit": Text("{kind} · 限值 {m} m", "{kind} · limit {m} m"),
    "what_if_compare_room": Text(
        "{kind} · 所属小区；向周边开放的，步行 {m} m 以内",
        "{kind} · its own community; shared ones within a walk of {m} m",
    ),
    "what_if_compare_steps": Text("步骤数", "Number of steps"),
    "what_if_compare_idle": Text("{n}（{i} 步不起作用）", "{n} ({i} of them idle)"),
    "what_if_csv": Text("比较表 CSV", "Table as CSV"),
    "what_if_xlsx": Text("比较表 Excel", "Table as Excel"),
    "what_if_geojson": Text("设施与小区 GeoJSON", "Places and communities as GeoJSON"),
    "what_if_gpkg": Text("设施与小区 GeoPackage", "Places and communities as GeoPackage"),
    "what_if_sheet": Text("打印用的页", "Page to print"),
    "what_if_sheet_title": Text("假设方案比较", "Scenarios compared"),
    "what_if_sheet_version": Text("数据第 {v} 版", "version {v} of the facts"),
    "what_if_key_gained": Text("假设下更多居民被覆盖", "more residents covered if so"),
    "what_if_key_lost": Text("假设下更少居民被覆盖", "fewer residents covered if so"),
    "what_if_key_open": Text("前后有一方不能判断", "of one side we cannot tell"),
    "what_if_failed": Text("没有算出来", "It could not be worked out"),
    "what_if_updated": Text(
        "假设下{title}：{before} 变为 {after}，{change}",
        "If so, {title}: {before} becomes {after}, {change}",
    ),
}
