"""The wall's own sentences; figures come with theirs from `layers.wall`. ``{names}`` are filled by the page."""

from __future__ import annotations

from layers.text import Text

WORDS: dict[str, Text] = {
    "brand": Text("网格", "Wangge"),
    "wall_title": Text("{district} · 大屏", "{district} · wall"),
    "wall_map": Text("地图", "Map"),
    "wall_invented": Text("演示数据，纯属虚构", "invented data"),
    "wall_questions": Text("三问", "Three questions"),
    "wall_linkages": Text("六联", "Six linkages"),
    "wall_linkages_note": Text("琥珀色为 2018–19 年公布值", "amber: published in 2018–19"),
    "wall_pair": Text("两项覆盖", "Two coverages"),
    "wall_as_of": Text("数据截至 {date}", "data as of {date}"),
    "wall_no_as_of": Text("数据日期不明", "date of the data unknown"),
    "wall_checked": Text("核对于", "checked"),
    "wall_stands": Text("画面停在", "stands since"),
    "wall_day": Text("{month} 月 {day} 日，周{weekday}", "{weekday} {day} {month}"),
    "wall_weekdays": Text("日,一,二,三,四,五,六", "Sun,Mon,Tue,Wed,Thu,Fri,Sat"),
    "wall_months": Text("1,2,3,4,5,6,7,8,9,10,11,12", "Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec"),
    "wall_how": Text("怎么算：", "How: "),
    "wall_position": Text("场景", "Scenes"),
    "wall_scene_gap": Text("服务够不到哪里？", "Where do services fall short?"),
    "wall_scene_double_none": Text("哪些小区是双无？", "Which communities are double-none?"),
    "wall_scene_hotspots": Text("诉求集中在哪里？", "Where do complaints cluster?"),
    "wall_scene_linkages": Text("六联", "Six linkages"),
    "wall_paused": Text("已暂停", "paused"),
    "wall_loading": Text("正在取数", "Fetching"),
    "wall_stale": Text("数据已 {span}没有更新", "No fresh data for {span}"),
    "wall_never": Text("还没有取到数据", "No data yet"),
    "wall_retrying": Text(
        "画面停在 {time}，正在重连，第 {n} 次", "Stands as of {time}; connecting again, attempt {n}"
    ),
    "wall_retrying_first": Text("正在连接，第 {n} 次", "Connecting, attempt {n}"),
    "wall_behind": Text(
        "服务有应答，但读不到最新的数据，第 {n} 次",
        "The service answers but cannot read the newest data, attempt {n}",
    ),
    "wall_minutes": Text("{m} 分", "{m} min"),
    "wall_hours": Text("{h} 小时 {m} 分", "{h} h {m} min"),
    "wall_days": Text("{d} 天 {h} 小时", "{d} days {h} h"),
    "wall_closed": Text("这块屏不能显示数据", "This screen may not show the data"),
    "wall_closed_more": Text(
        "它没有登记，或已被撤销。请管理员添加大屏，并在这里输入注册码：",
        "It is not enrolled, or has been revoked. An administrator adds a wall screen; type its code here:",
    ),
    "wall_enrol": Text("登记这块屏", "Enrol this screen"),
    "wall_map_failed": Text("地图画不出来，数字照常更新", "The map cannot be drawn; the figures go on"),
    "wall_map_waits": Text("连上以后再画这张图", "This map waits for the connection"),
    "wall_map_empty": Text("先导入所需的图层", "First import the layers that it needs"),
    "wall_facilities": Text("{title} {n} 处", "{title}: {n}"),
    "wall_class_cells": Text("{title} {n} 格", "{title}: {n} cells"),
    "wall_class_communities": Text("{title} {n} 个", "{title}: {n}"),
    "wall_of": Text("/ {n} 个", "of {n}"),
    "wall_cells": Text(
        "{yes} 个有，{no} 个没有，{unknown} 个不明", "{yes} have, {no} have not, {unknown} unknown"
    ),
    "wall_fewer": Text("偏少", "fewer"),
    "wall_more": Text("偏多", "more"),
    "noscript": Text("大屏需要 JavaScript。", "The wall needs JavaScript."),
}
