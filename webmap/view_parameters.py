"""The parameters of a view, the same for the API, the downloads and the offline map."""

from __future__ import annotations

from layers.condition_text import MOST_CHARACTERS
from layers.queries import DEFAULT_KIND, QUESTIONS
from layers.text import Text
from webmap.params import LANGUAGE, Parameter, text

_DAY = r"^(\d{4}-\d{2}-\d{2})?$"

UNIT_EXAMPLES = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")

VIEW_PARAMETERS: tuple[Parameter, ...] = (
    text("question", Text("问题；默认 gap", "Question; gap by default"), blank=True, examples=QUESTIONS),
    text(
        "unit",
        Text(
            "统计单元；默认 square:100，双无问题为 communities",
            "Unit; square:100 by default, communities for double_none",
        ),
        blank=True,
        examples=UNIT_EXAMPLES,
    ),
    text(
        "kind",
        Text(
            f"设施种类；默认 {DEFAULT_KIND}，没有时取区内有的第一种",
            f"Facility kind; {DEFAULT_KIND} by default, or the first kind there is",
        ),
        blank=True,
        examples=(DEFAULT_KIND,),
    ),
    text(
        "limit_m",
        Text(
            "步行距离的限值（整数米）；默认按标准。公开的结果只有标准限值的",
            "Limit of the walk in whole metres; the standard's by default, and the only one for the public",
        ),
        blank=True,
        pattern=r"^(\d{1,6})?$",
        examples=("500",),
    ),
    text(
        "where",
        Text(
            "叠加条件，用 ~ 相连，前面加 ! 取反；写法见 docs/conditions.md。不对公众开放",
            "Combined conditions, parted by ~, negated by !; see docs/conditions.md. Not for the public",
        ),
        blank=True,
        most=MOST_CHARACTERS,
        examples=("double_none~gap:day_care:300",),
    ),
    text("subdistrict", Text("只看这个街道（编码）", "Only this subdistrict (code)"), blank=True),
    text(
        "community_kind",
        Text("只看这类小区", "Only communities of this kind"),
        blank=True,
        examples=("old_estate",),
    ),
    text(
        "from",
        Text(
            "诉求起日（含）；起止都不给时为截至日前 12 个月",
            "First day of complaints; the 12 months to the as-of date",
        ),
        blank=True,
        pattern=_DAY,
    ),
    text("to", Text("诉求止日（含）", "Last day of complaints, inclusive"), blank=True, pattern=_DAY),
    LANGUAGE,
)
