"""Every kind of thing that a check can find: what it says, what to do about it, fault or note.

A fault contradicts: two statements of the store, or a statement and a rule, cannot both be right, and
figures come out wrong by it. A note is unknown, or unusual and possibly right; nobody need act for the figures
to be what they say they are.

The limits are an own proposal. Borders are drawn along the middle of roads, positions are good to about
10 m, and layers are digitised apart from each other: what is smaller says more of the drawing than of the ground.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layers.schema import COMMUNITIES, LAYERS, MEDIATION_ROOMS, Field
from layers.text import Text

OUTSIDE_M = 20.0
"""A feature lies outside its parent where a part of it is farther off than this …"""
OUTSIDE_SHARE = 0.1
"""… and, of a polygon, more than this part of its area is outside."""
WIDTH_M = 5.0
"""Overlaps and gaps count where they are at least so wide in some place."""
ENTRANCE_M = 20.0
"""An entrance is to lie so near its footprint …"""
ENTRANCE_OF_POINT_M = 50.0
"""… or so near the point that stands for a building."""
TWICE_M = 5.0
"""Two features of one name that are so near are probably one."""
SOON_DAYS = 90
"""A contract that ends within so many days is worth a note."""

FACTS = ("property_management", "owners_committee", "residents_group", "party_branch", "party_work")
UNKNOWNS: dict[str, tuple[Field, ...]] = {
    "communities": tuple(
        COMMUNITIES.field(name) for name in ("kind", "residents", "households", "floating_residents", *FACTS)
    ),
    "buildings": (LAYERS["buildings"].field("use"),),
    "mediation_rooms": tuple(MEDIATION_ROOMS.field(name) for name in ("mediators", "shared")),
}
"""Per layer the fields that figures are made of; some are asked for under a condition, see `layers.checks.unknowns`."""


@dataclass(frozen=True)
class Kind:
    """One kind of finding: its id, whether it is a fault, what is found, and what to do."""

    id: str
    fault: bool
    message: Text
    remedy: Text


_CORRECT_SHAPE = Text("请在 GIS 中改正图形后重新导入。", "Correct the shape in a GIS and import it again.")
_CORRECT_DAYS = Text("请核对两个日期，改正后重新导入。", "Check both days, correct them and import again.")
_CORRECT_VALUE = Text("请改正该值后重新导入。", "Correct the value and import it again.")
_FILL_IN = Text(
    "查明后补上；在此之前相关数字会把它列为不明。",
    "Fill it in once it is known; until then figures count it as unknown.",
)
_NO_ACTION = Text("如属实，无需处理。", "Nothing need be done where it is so.")

_GEOMETRY = (
    Kind("invalid_geometry", True, Text("图形缺失或无效", "shape is missing or not valid"), _CORRECT_SHAPE),
    Kind(
        "wrong_geometry",
        True,
        Text("图形种类不是该图层所用的", "shape is of a kind that the layer does not take"),
        _CORRECT_SHAPE,
    ),
    Kind(
        "off_map",
        True,
        Text("坐标远在量测坐标系适用范围之外", "coordinates lie far outside the area of the metric CRS"),
        Text(
            "请核对坐标和坐标系（经纬度是否颠倒）后重新导入。",
            "Check the coordinates and their CRS (longitude and latitude exchanged?) and import again.",
        ),
    ),
    Kind(
        "outside_district",
        True,
        Text(f"位于区界之外 {OUTSIDE_M:g} 米以上", f"lies more than {OUTSIDE_M:g} m outside the district"),
        Text(
            "请核对坐标和区界；不属本区的请删除。",
            "Check the coordinates and the outline; take out what is not of the district.",
        ),
    ),
    Kind(
        "overlap",
        True,
        Text(f"互相重叠，宽 {WIDTH_M:g} 米以上", f"overlap each other, {WIDTH_M:g} m wide or more"),
        Text(
            "请确定共同的边界，在 GIS 中改正：重叠处只会算给编码在前的一个。",
            "Settle the common border and correct it in a GIS: what lies in both is counted for the earlier code only.",
        ),
    ),
    Kind(
        "cell_gap",
        True,
        Text(
            "网格之间有空隙，其中有楼栋、小区或设施",
            "cells leave a gap in which buildings, communities or facilities stand",
        ),
        Text(
            "请扩展相邻网格，或补上缺少的网格：空隙里的地方没有网格负责。",
            "Extend the neighbouring cells or add the one that is missing: nobody answers for what stands there.",
        ),
    ),
    Kind(
        "cell_gap_empty",
        False,
        Text("网格之间有空隙，其中没有楼栋等", "cells leave a gap in which nothing stands"),
        Text(
            "山林、水面等无需处理；网格本应连片的，请改正边界。",
            "Nothing need be done for hills or water; where cells ought to touch, correct their borders.",
        ),
    ),
    Kind(
        "entrance_far",
        False,
        Text(
            f"出入口离图形 {ENTRANCE_M:g} 米以上（点则 {ENTRANCE_OF_POINT_M:g} 米）",
            f"entrance lies more than {ENTRANCE_M:g} m from the footprint ({ENTRANCE_OF_POINT_M:g} m from a point)",
        ),
        Text(
            "请核对出入口坐标：步行距离从出入口算起。",
            "Check the entrance's coordinates: walks are measured from it.",
        ),
    ),
    Kind(
        "entered_twice",
        False,
        Text(
            f"同名且相距 {TWICE_M:g} 米以内，可能重复录入",
            f"bear one name within {TWICE_M:g} m of each other, perhaps entered twice",
        ),
        Text("请核对；重复的请只留一条。", "Check them, and keep one where they are the same."),
    ),
    Kind(
        "same_shape",
        False,
        Text("图形完全相同", "have exactly the same shape"),
        Text("请核对；重复的请只留一条。", "Check them, and keep one where they are the same."),
    ),
)

_RECORDS = (
    Kind(
        "value_missing",
        True,
        Text("必填字段没有值", "a required field has no value"),
        Text("请补上后重新导入。", "Fill it in and import it again."),
    ),
    Kind(
        "value_not_listed",
        True,
        Text("值不在代码表内", "a value is not in the field's code list"),
        Text("请改用代码表中的代码（见 docs/layers.md）。", "Use a code of the list (see docs/layers.md)."),
    ),
    Kind(
        "value_out_of_range",
        True,
        Text("数值超出允许范围", "a number is out of its field's range"),
        _CORRECT_VALUE,
    ),
    Kind(
        "contract_ended",
        True,
        Text(
            "记为有物业管理，但合同在数据截至日前已到期",
            "managed by the record, but the contract ended before the as-of day",
        ),
        Text(
            "请核实是否续签，更新合同日期或物业管理一项。",
            "Ask whether it was renewed; update the contract's end or the fact.",
        ),
    ),
    Kind(
        "term_ended",
        True,
        Text(
            "记为有业委会，但任期在数据截至日前已届满",
            "has a committee by the record, but its term ended before the as-of day",
        ),
        Text(
            "请核实是否换届，更新任期或业委会一项。",
            "Ask whether it was elected anew; update the term's end or the fact.",
        ),
    ),
    Kind(
        "contract_runs",
        True,
        Text(
            "记为没有物业管理，但合同在数据截至日仍有效",
            "not managed by the record, but a contract runs on the as-of day",
        ),
        Text("请核实，更新合同日期或物业管理一项。", "Ask; update the contract's days or the fact."),
    ),
    Kind(
        "term_runs",
        True,
        Text(
            "记为没有业委会，但任期在数据截至日仍未届满",
            "has no committee by the record, but a term runs on the as-of day",
        ),
        Text("请核实，更新任期或业委会一项。", "Ask; update the term's days or the fact."),
    ),
    Kind(
        "contract_reversed",
        True,
        Text("合同止期早于起期", "the contract ends before it begins"),
        _CORRECT_DAYS,
    ),
    Kind("term_reversed", True, Text("任期止期早于起期", "the term ends before it begins"), _CORRECT_DAYS),
    Kind(
        "closed_before_opened",
        True,
        Text("办结早于提出", "closed before it was opened"),
        _CORRECT_DAYS,
    ),
    Kind(
        "after_today",
        True,
        Text("日期还没有到", "a day that has not come yet"),
        Text(
            "请改正日期；还没有发生的，到那一天再写入：存储中的内容马上计入各项数字。",
            "Correct the day, or write it when it has come: figures count at once what is stored.",
        ),
    ),
    Kind(
        "after_as_of",
        False,
        Text("日期晚于数据截至日", "a day after the as-of day"),
        Text(
            "如属实，无需处理；写着“截至”的数字已计入这些内容。",
            "Nothing need be done where it is so; figures as of the earlier day count it already.",
        ),
    ),
    Kind(
        "floating_over_residents",
        True,
        Text("流动人口多于居民", "more floating residents than residents"),
        Text(
            "流动人口是居民的一部分：请核对两个数，改正后重新导入；在此之前不算比例。",
            "Floating residents are a part of the residents: check both numbers, correct them and import again; "
            "until then no share is told.",
        ),
    ),
    Kind(
        "contract_ends_soon",
        False,
        Text(
            f"物业合同在数据截至日起 {SOON_DAYS} 天内到期",
            f"the property contract ends within {SOON_DAYS} days of the as-of day",
        ),
        Text("请提醒小区准备续签或选聘。", "Remind the community to renew it or to choose another company."),
    ),
    Kind(
        "mediation_missing",
        False,
        Text(
            "户数达到设调解室的标准而没有调解室（城中村除外）",
            "households enough for a mediation room and none there (urban villages apart)",
        ),
        Text(
            "请设调解室；已有的请补登。", "Set one up, or enter the one there is: the figures list the gap."
        ),
    ),
    Kind("no_community", False, Text("不属于任何小区", "in no community"), _NO_ACTION),
    Kind(
        "reported_elsewhere",
        False,
        Text(
            f"位置在所属小区之外 {OUTSIDE_M:g} 米以上",
            f"lies more than {OUTSIDE_M:g} m outside the community it names",
        ),
        Text(
            "如是小区外发生、与小区有关的诉求，无需处理；否则请核对坐标或所属小区。",
            "Nothing need be done where it happened outside but concerns the community; else check place and code.",
        ),
    ),
)

_UNKNOWN = (
    Kind(
        "as_of_unknown",
        False,
        Text(
            "本区没有数据截至日，不能判断合同和任期是否到期",
            "the district has no as-of day: whether contracts and terms have ended cannot be told",
        ),
        Text("新建区时请用 --as-of 给出。", "Give one with --as-of when the district is made."),
    ),
    Kind(
        "double_none_unknown",
        False,
        Text("不能判断是否双无", "cannot tell whether double-none"),
        Text(
            "请查明物业管理和业委会两项。",
            "Find out about property management and the owners' committee.",
        ),
    ),
    Kind(
        "contract_end_unknown",
        False,
        Text("有物业管理，但合同止期不明", "managed, but the end of the contract is unknown"),
        _FILL_IN,
    ),
    Kind(
        "committee_term_end_unknown",
        False,
        Text("有业委会，但任期止期不明", "has a committee, but the end of its term is unknown"),
        _FILL_IN,
    ),
    Kind(
        "floors_unknown",
        False,
        Text("层数和建筑面积都不明", "floors and floor area are both unknown"),
        Text(
            "补上一项即可；在此之前按占地面积分摊居民。",
            "Either will do; until then residents are spread by ground area.",
        ),
    ),
    Kind(
        "unmapped",
        False,
        Text("诉求类别未归入四大类", "complaint category in none of the four demand groups"),
        Text(
            "请在 data/code_lists.json 把该类别归入一类，再重新导入。",
            "Give the category its group in data/code_lists.json and import again.",
        ),
    ),
)


def _of_parents() -> Iterator[Kind]:
    """Make the kinds that there are once for each field that points to a parent."""
    parents = {field.name: field for layer in LAYERS.values() for field in layer.parents}
    for name, field in parents.items():
        yield Kind(
            f"broken_{name}",
            True,
            Text("{f}指向不存在的编码", "{f} points to a code that does not exist").format(f=field.title),
            Text(
                "请改正编码，或先导入所指的{f}。", "Correct the code, or import what it points to ({f})."
            ).format(f=field.title),
        )
        yield Kind(
            f"outside_{name}",
            True,
            Text(
                f"位于所属{field.title.zh}之外 {OUTSIDE_M:g} 米以上（面则另须 {OUTSIDE_SHARE:.0%} 以上面积在外）",
                f"lies more than {OUTSIDE_M:g} m outside the {field.title.en.lower()} it names "
                f"(a polygon also by {OUTSIDE_SHARE:.0%} of its area)",
            ),
            Text("请核对坐标、所属编码和上级边界。", "Check the place, the code, and the parent's border."),
        )
        if name != "community":
            yield Kind(
                f"contradicting_{name}",
                True,
                Text("{f}与其上级所属的不同", "{f} is not that of the parent it names").format(f=field.title),
                Text("请核对两者，改正错的一个。", "Check both, and correct the one that is wrong."),
            )


def _of_unknowns() -> Iterator[Kind]:
    """Make the kinds that there are once for each field that figures are made of."""
    for field in dict.fromkeys(field for fields in UNKNOWNS.values() for field in fields):
        yield Kind(
            f"{field.name}_unknown",
            False,
            Text("{f}不明", "{f} unknown").format(f=field.title),
            _FILL_IN,
        )


KINDS: dict[str, Kind] = {
    kind.id: kind for kind in (*_of_parents(), *_GEOMETRY, *_RECORDS, *_UNKNOWN, *_of_unknowns())
}
"""Every kind by its id; what a store finds wrong with itself has ids of its own."""
