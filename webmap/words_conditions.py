"""The sentences of combined conditions and of what is saved, Chinese and English side by side; see `webmap.words`."""

from __future__ import annotations

from layers.text import Text

WORDS: dict[str, Text] = {
    "conditions": Text("叠加条件", "Conditions"),
    "conditions_add": Text("加一个条件", "Add a condition"),
    "conditions_and": Text("且", "and"),
    "conditions_edit": Text("修改“{title}”", 'Change "{title}"'),
    "conditions_kind": Text("哪种条件", "Kind of condition"),
    "condition_double_none": Text("双无", "Double-none"),
    "condition_gap": Text("设施在限值内没有", "No facility within a limit"),
    "condition_floating": Text("流动人口占比", "Share of floating residents"),
    "condition_seat": Text("四位：有、无、不明", "Seat filled, empty or unknown"),
    "condition_kind": Text("小区类型", "Kind of community"),
    "condition_residents": Text("居民人数", "Number of residents"),
    "condition_complaints": Text("诉求件数", "Number of complaints"),
    "condition_hot": Text("热点", "Hot spot"),
    "condition_cold": Text("冷点", "Cold spot"),
    "condition_subdistrict": Text("街道", "Subdistrict"),
    "conditions_limit": Text("步行限值", "Limit of the walk"),
    "conditions_tenth": Text("不少于", "At least"),
    "conditions_seat": Text("席位", "Seat"),
    "conditions_fact": Text("事实", "Fact"),
    "conditions_least": Text("不少于", "At least"),
    "conditions_people": Text("人", "people"),
    "conditions_cases": Text("件", "complaints"),
    "conditions_confidence": Text("置信度不低于", "Confidence at least"),
    "conditions_not": Text("取反：不是这样的", "Negated: those that are not so"),
    "conditions_put": Text("加上", "Add"),
    "conditions_change": Text("改成这样", "Change to this"),
    "conditions_left": Text(
        "加上这一条后 {n} 个符合，{u} 个不能判断", "{n} match up to here, {u} cannot be told"
    ),
    "conditions_note": Text(
        "数字为逐条相与后的个数。不明既不算符合，也不算不符合，单列 {n} 个。",
        "Numbers are those left after each condition. What cannot be told counts neither way: {n} apart.",
    ),
    "conditions_by_communities": Text("条件按小区统计", "Conditions are counted by communities"),
    "conditions_to_communities": Text("按小区统计", "Count by communities"),
    "conditions_more": Text("显示问题的选项", "Show the question's options"),
    "conditions_fewer": Text("收起问题的选项", "Hide the question's options"),
    "conditions_refused": Text(
        "叠加条件会透露很小的数，不对公众开放。",
        "Combined conditions would tell very small counts: not for the public.",
    ),
    "conditions_link": Text("复制带条件的链接", "Copy a link with these conditions"),
    "conditions_match": Text("符合", "met"),
    "condition_yes": Text("成立", "holds"),
    "condition_no": Text("不成立", "does not hold"),
    "cannot_tell": Text("不能判断", "cannot tell"),
    "conditions_ground": Text(
        "其余 {n} 个变浅作底色：{title}", "The other {n} recede to the ground: {title}"
    ),
    "conditions_open_cases": Text(
        "因事实不明而不能判断的有 {n} 个。", "Of {n} it cannot be told, as a fact is unknown."
    ),
    # Saved
    "conditions_name": Text("给这组条件起名", "Name these conditions"),
    "conditions_no_name": Text("请先起个名", "Give a name first"),
    "conditions_save": Text("保存", "Save"),
    "conditions_share": Text("同事也可用", "Colleagues may use it"),
    "conditions_saved": Text("已保存“{name}”", 'Saved "{name}"'),
    "conditions_open": Text("打开保存的条件", "Open saved conditions"),
    "conditions_opened": Text("已打开“{name}”", 'Opened "{name}"'),
    "conditions_none_saved": Text("还没有保存过条件", "No conditions have been saved yet"),
    "conditions_by": Text("{name} 共享", "shared by {name}"),
    "conditions_shared": Text("已共享", "shared"),
    "conditions_rename": Text("给“{name}”改名", 'Rename "{name}"'),
    "conditions_new_name": Text("新的名字", "New name"),
    "conditions_rename_done": Text("改名", "Rename"),
    "conditions_renamed": Text("已改名为“{name}”", 'Renamed to "{name}"'),
    "conditions_remove": Text("删除“{name}”", 'Remove "{name}"'),
    "conditions_removed": Text("已删除“{name}”", 'Removed "{name}"'),
    "conditions_differ": Text(
        "{who}在您打开之后改了“{name}”。", '{who} has changed "{name}" since you opened it.'
    ),
    "conditions_theirs": Text("看对方的", "Show theirs"),
    "conditions_overwrite": Text("用我的覆盖", "Write mine over it"),
    "conditions_other_name": Text("另起一个名", "Save under another name"),
    # List
    "meaning": Text("“{title}”是什么", 'What "{title}" means'),
}
