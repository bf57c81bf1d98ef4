"""What a view of the district is asked for, checked and with its defaults filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, get_args

from layers.condition_text import Where, conditions_text, read_conditions
from layers.limits import limit_range_m
from layers.periods import Period, check_period, year_to
from layers.problems import BadParameter
from layers.text import Text, both, joined
from layers.units import check_scheme, unit_title

if TYPE_CHECKING:
    from layers.sight import Sight
    from layers.snapshot import Snapshot

Question = Literal["gap", "double_none", "hotspots"]
QUESTIONS: tuple[Question, ...] = get_args(Question)

DEFAULT_UNITS: dict[str, str] = {"gap": "square:100", "double_none": "communities", "hotspots": "square:100"}
DEFAULT_KIND = "day_care"

PUBLIC_UNITS: dict[str, tuple[str, ...]] = {
    "gap": ("communities",),
    "double_none": ("communities", "neighbourhoods", "subdistricts"),
    "hotspots": ("neighbourhoods", "subdistricts"),
}
"""What the public may have a question answered over: means over several communities weigh them by residents,
and complaints of one community are too near to those who made them."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_METRES = re.compile(r"\d{1,6}", re.ASCII)


@dataclass(frozen=True)
class ViewQuery:
    """One view: a question, over units, of one facility kind and period, for a part of the district.

    `limit_m` is the limit of walking that was chosen; None where it is the standard's. `where` are the conditions
    that units have to meet besides.
    """

    question: Question
    unit: str
    kind: str
    subdistrict: str | None
    community_kind: str | None
    period: Period
    limit_m: int | None = None
    where: Where = ()

    @classmethod
    def from_params(cls, params: Mapping[str, Any], snapshot: Snapshot, sight: Sight) -> ViewQuery:
        """Read a view's parameters; an absent or empty one takes its default.

        Raises
        ------
        BadParameter
            A parameter is out of its range; says which and what is allowed.
        NotSignedIn, Forbidden
            The question goes beyond what `sight` may see.
        """
        question = _one_of("question", params, QUESTIONS, _default_question(params, sight))
        kinds = tuple(code.id for code in snapshot.standards.code_lists["community_kinds"])
        subdistricts = tuple(str(code) for code in snapshot.frame("subdistricts").index)
        period = (_day("from", params), _day("to", params))
        if period == (None, None):
            period = default_period(snapshot)
        check_period(period)
        unit = check_scheme(str(params.get("unit") or default_unit(question, sight)), on_screen=True)
        kind = _one_of("kind", params, snapshot.standards.facility_kinds, default_kind(snapshot))
        limit_m = _chosen_limit(params, snapshot.standards.limits[kind].limit_m)
        if sight.is_public:
            _check_public(question, unit, period == default_period(snapshot), limit_m is None, sight)
        where = _conditions(params, snapshot, unit, sight)
        return cls(
            question=question,  # type: ignore[arg-type]
            unit=unit,
            kind=kind,
            limit_m=limit_m,
            subdistrict=_one_of("subdistrict", params, subdistricts, "") or None,
            community_kind=_one_of("community_kind", params, kinds, "") or None,
            period=period,
            where=where,
        )

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the query under the names of its parameters."""
        first, last = self.period
        return {
            "question": self.question,
            "unit": self.unit,
            "kind": self.kind,
            "limit_m": self.limit_m,
            "subdistrict": self.subdistrict,
            "community_kind": self.community_kind,
            "where": conditions_text(self.where) or None,
            "from": None if first is None else first.isoformat(),
            "to": None if last is None else last.isoformat(),
        }


_OF_FEW_CELLS = ("management_cells", "communities")
"""Areas of so few cells that they say little: communities are counted by there."""


def default_unit(question: str, sight: Sight) -> str:
    """Return the unit that a question is answered over where none is asked for."""
    if sight.is_public:
        return PUBLIC_UNITS[question][0]
    return "communities" if sight.area.kind in _OF_FEW_CELLS else DEFAULT_UNITS[question]


def _default_question(params: Mapping[str, Any], sight: Sight) -> str:
    """Return the first question, or for the public the first that its unit answers."""
    unit = str(params.get("unit") or "")
    answered = [question for question in QUESTIONS if unit in PUBLIC_UNITS[question]]
    return answered[0] if sight.is_public and answered else QUESTIONS[0]


def _check_public(question: str, unit: str, in_default_period: bool, at_standard: bool, sight: Sight) -> None:
    if unit not in PUBLIC_UNITS[question]:
        raise sight.refusal(
            Text(
                "按 {u} 回答这个问题的结果不公开；公开的是 {k}。",
                "This question's answer over {u} is not public; over {k} it is.",
            ).format(u=unit_title(unit), k=joined([unit_title(one) for one in PUBLIC_UNITS[question]])),
            needs="area",
        )
    if not in_default_period:
        raise sight.refusal(
            Text(
                "公开的只有默认时段；不能另选起止日。",
                "Only the default period is public: no other days can be chosen.",
            ),
            needs="area",
        )
    if not at_standard:
        # Figures at many limits, taken from each other, would say where single people live.
        raise sight.refusal(
            Text(
                "公开的只有按标准限值的结果；不能另选限值。",
                "Only what the standard's limit gives is public: no other limit can be chosen.",
            ),
            needs="area",
        )


def _conditions(params: Mapping[str, Any], snapshot: Snapshot, unit: str, sight: Sight) -> Where:
    """Return the conditions that are asked for, as far as `sight` may know which units meet them."""
    text = str(params.get("where") or "")
    if not text:
        return ()
    if sight.is_public:
        # Which units meet a limit of residents or complaints, tried over and over, would tell how many there are.
        raise sight.refusal(
            Text("叠加条件不对公众开放。", "Combined conditions are not for the public."),
            needs="area",
        )
    found = read_conditions(text, snapshot, unit)
    if sight.floating == "none" and any(one.kind == "floating" for one in found):
        raise sight.refusal(
            Text(
                "您的角色看不到流动人口比例，不能用它作条件。",
                "Your role is not told the share of floating residents, and cannot set a condition on it.",
            ),
            needs="floating",
        )
    return found


def default_kind(snapshot: Snapshot) -> str:
    """Return `DEFAULT_KIND` where the district has one, else the first kind that it has."""
    there = snapshot.derived(
        ("kinds of facilities",), lambda: frozenset(snapshot.frame("facilities")["kind"].unique())
    )
    kinds = (DEFAULT_KIND, *snapshot.standards.facility_kinds)
    return next((kind for kind in kinds if kind in there), DEFAULT_KIND)


def default_period(snapshot: Snapshot) -> Period:
    """Return the twelve months up to the as-of date, or everything where there is none."""
    as_of = snapshot.district.as_of
    if as_of is None:
        return None, None
    return year_to(as_of)


def _one_of(name: str, params: Mapping[str, Any], allowed: tuple[str, ...], default: str) -> str:
    value = str(params.get(name) or default)
    if value and value not in allowed:
        raise BadParameter(
            Text("参数 {n} 的值 {v} 不在范围内。", "The parameter {n} cannot be {v}.").format(
                n=name, v=repr(value)
            ),
            Text("可用：{a}。", "Use one of {a}.").format(
                a=joined([both(item) for item in allowed]) if allowed else "-"
            ),
        )
    return value


def _chosen_limit(params: Mapping[str, Any], standard_m: float) -> int | None:
    """Return the limit that is asked for in place of the standard's."""
    value = str(params.get("limit_m") or "")
    if not value:
        return None
    least, most = limit_range_m(standard_m)
    if not _METRES.fullmatch(value) or not (least <= int(value) <= most or int(value) == standard_m):
        raise BadParameter(
            Text("参数 {n} 的值 {v} 不能用。", "The parameter {n} cannot be {v}.").format(
                n="limit_m", v=repr(value)
            ),
            Text(
                "请给 {a} 到 {b} 的整数（米）；标准是 {s:g}。",
                "Give whole metres from {a} to {b}; the standard's limit is {s:g}.",
            ).format(a=least, b=most, s=standard_m),
        )
    return None if int(value) == standard_m else int(value)


def _day(name: str, params: Mapping[str, Any]) -> date | None:
    value = str(params.get(name) or "")
    if not value:
        return None
    try:
        if not _DAY.fullmatch(value):
            raise ValueError(value)
        found = date.fromisoformat(value)
        if not 1900 <= found.year <= 2100:
            raise ValueError(value)
    except ValueError as error:
        raise BadParameter(
            Text("参数 {n} 的值 {v} 不是日期。", "The parameter {n} is no day: {v}.").format(
                n=name, v=repr(value)
            ),
            Text("请写成 2019-12-31。", "Write it as 2019-12-31."),
        ) from error
    return found
