"""The sentences of the head's navigation, of comparing, printing and of the list of keys, in both languages."""

from __future__ import annotations

from layers.text import Text

WORDS: dict[str, Text] = {
    # Navigation
    "nav": Text("主要页面", "Main pages"),
    "nav_desk": Text("三问", "Questions"),
    "nav_compare": Text("对比", "Compare"),
    "nav_field": Text("外勤", "Field"),
    "nav_wall": Text("六联", "Linkages"),
    "nav_data": Text("数据", "Data"),
    "skip_questions": Text("跳到三个问题", "Skip to the questions"),
    "skip_table": Text("跳到交叉表", "Skip to the cross-table"),
    # Comparing
    "compare_title": Text("{district} · 对比 · 网格", "{district} · Compare · Wangge"),
    "compare": Text("并排比较", "Side by side"),
    "compare_swipe": Text("卷帘比较", "Swipe"),
    "compare_left": Text("左", "Left"),
    "compare_right": Text("右", "Right"),
    "compare_left_label": Text("左图的问题", "Question of the left map"),
    "compare_right_label": Text("右图的问题", "Question of the right map"),
    "compare_swap": Text("左右对调", "Swap left and right"),
    "compare_linked": Text("两图同步移动", "Both maps move together"),
    "compare_open": Text("不能判断是否符合", "Conditions: cannot tell"),
    "compare_recede": Text("不符合，变浅", "Conditions not met, receding"),
    "compare_how": Text("怎样比较", "How to compare"),
    "compare_side": Text("并排", "Side by side"),
    "compare_over": Text("卷帘", "Swipe"),
    "compare_handle": Text("卷帘的位置：左图占 {share}%", "Place of the swipe: the left map has {share}%"),
    "compare_map": Text("{side}图：{title}", "{side} map: {title}"),
    "compare_table": Text(
        "交叉表：列是{left}，行是{right}；每格是居民数和{unit}数",
        "Cross-table: columns {left}, rows {right}; each cell has residents and {unit}",
    ),
    "compare_units": Text("{n} {unit}", "{n} {unit}"),
    "compare_n_cells": Text("{n} 格", "{n} cells"),
    "compare_n": Text("{n} 个", "{n}"),
    "compare_in_cells": Text("{n} 格", "in {n}"),
    "compare_in": Text("{n} 个", "in {n}"),
    "compare_cell": Text("{column}，{row}", "{column}, {row}"),
    "compare_people": Text("{n}人", "{n} residents"),
    "compare_share": Text(
        "占已知居民 {total}人的 {share}", "{share} of the {total} residents that are known"
    ),
    "compare_share_units": Text("占 {total} {unit}的 {share}", "{share} of {total} {unit}"),
    "compare_share_met": Text(
        "占符合条件的已知居民 {total}人的 {share}",
        "{share} of the {total} known residents under the conditions",
    ),
    "compare_share_units_met": Text(
        "占符合条件的 {total} {unit}的 {share}", "{share} of the {total} {unit} that meet the conditions"
    ),
    "compare_met": Text(
        "{title}：{of} {unit}里有 {n} 个；另有 {u} 个不能判断，不在表中",
        "{title}: {n} of {of} {unit}; {u} more cannot be told and are not in the table",
    ),
    "compare_unknown": Text(
        "居民不明的 {n} {unit}不计入居民数。", "{n} {unit} whose residents are unknown are not in it."
    ),
    "compare_untold": Text(
        "居民数不公开，只数{unit}。", "Residents are not public: only {unit} are counted."
    ),
    "compare_show": Text("在两图上标出", "Show on both maps"),
    "compare_all": Text("两图恢复全部", "Show all again"),
    "compare_condition": Text("存为条件", "Use as a condition"),
    "compare_condition_why": Text("在三问里按这两级筛选", "Filter the questions by these two classes"),
    "compare_picked": Text(
        "{title}：{units} {unit}，两图只显示它们", "{title}: {units} {unit}, the only ones on both maps now"
    ),
    "compare_shown_all": Text("两图显示全部", "Both maps show all again"),
    "compare_both": Text("{left}；{right}", "{left}; {right}"),
    "compare_gap": Text("服务够不到", "Services out of reach"),
    "compare_double_none": Text("双无", "Double-none"),
    "compare_hotspots": Text("诉求集中", "Complaints cluster"),
    "compare_slow": Text(
        "没有图形加速（WebGL 2）：两张地图重画较慢。",
        "Without graphics (WebGL 2) both maps are slow to draw again.",
    ),
    "compare_needs": Text("还不能比较：{why}", "Nothing to compare yet: {why}"),
    "compare_no_maps": Text(
        "这台电脑的浏览器画不出两张地图；交叉表照常可用。",
        "This browser cannot draw two maps; the cross-table works as ever.",
    ),
    "error_compare": Text("这次比较没取到", "This comparison did not arrive"),
    # Print
    "print_date": Text("打印于 {date}", "Printed on {date}"),
    "print_as_of": Text("数据截至 {date}", "Data as of {date}"),
    "paper_a4": Text("A4 横向", "A4 landscape"),
    "paper_a3": Text("A3 横向", "A3 landscape"),
    "print_preparing": Text("正在按纸面重画地图", "Drawing the map for paper"),
    "print_sheet": Text("打印的页眉", "Heading on paper"),
    "print_source": Text("来源：{district}网格数据。{method}", "Source: grid data of {district}. {method}"),
    "print_address": Text("本页地址：{address}", "This view: {address}"),
    # Keys
    "keys": Text("键盘操作", "Keyboard"),
    "keys_move": Text("到下一项、上一项", "To the next, the previous item"),
    "keys_open": Text("打开、选中、切换", "Open, choose, switch"),
    "keys_close": Text(
        "关闭卡片、菜单、提示；焦点回到原处", "Close card, menu or panel; the focus goes back"
    ),
    "keys_search": Text("查找", "Search"),
    "keys_question": Text("问一、问二、问三", "Question one, two, three"),
    "keys_list": Text("到列表", "To the list"),
    "keys_map": Text("到地图", "To the map"),
    "keys_rows": Text("在列表、交叉表里移动", "Move in the list or cross-table"),
    "keys_ends": Text("列表的头、尾", "First, last of the list"),
    "keys_pan": Text("焦点在地图上时移动地图", "Move the map while it has the focus"),
    "keys_zoom": Text("焦点在地图上时缩放", "Zoom the map while it has the focus"),
    "keys_handle": Text("焦点在卷帘上时移动它", "Move the swipe while it has the focus"),
    "keys_table": Text("到交叉表", "To the cross-table"),
    "keys_compare": Text("到对比", "To the comparison"),
    "keys_desk": Text("回到三问", "Back to the questions"),
    "keys_single": Text("用单个字符的快捷键", "Use single-character shortcuts"),
    "keys_swap": Text("对比时左右对调", "Swap left and right while comparing"),
    "keys_print": Text("打印", "Print"),
    "keys_help": Text("这张键盘表", "This list of keys"),
    "key_space": Text("空格", "Space"),
    "key_or": Text("或", "or"),
}
