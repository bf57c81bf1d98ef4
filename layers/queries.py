"""What a view of the district is asked for, checked and with its defaults filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, get_args

from layers.analysis import Period, check_period
from layers.problems import BadParameter
from layers.text import Text, both, joined
from layers.units import check_scheme

if TYPE_CHECKING:
    from layers.snapshot import Snapshot

Question = Literal["gap", "double_none", "hotspots"]
QUESTIONS: tuple[Question, ...] = get_args(Question)

DEFAULT_UNITS: dict[str, str] = {"gap": "square:100", "double_none": "communities", "hotspots": "square:100"}
DEFAULT_KIND = "day_care"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class ViewQuery:
    """One view: a question, over units, of one facility kind and period, for a part of the district."""

    question: Question
    unit: str
    kind: str
    subdistrict: str | None
    community_kind: str | None
    period: Period

    @classmethod
    def from_params(cls, params: Mapping[str, Any], snapshot: Snapshot) -> ViewQuery:
        """Read a view's parameters; an absent or empty one takes its default.

        Raises
        ------
        BadParameter
            A parameter is out of its range; says which and what is allowed.
        """
        question = _one_of("question", params, QUESTIONS, "gap")
        kinds = tuple(code.id for code in snapshot.standards.code_lists["community_kinds"])
        subdistricts = tuple(str(code) for code in snapshot.frame("subdistricts").index)
        period = (_day("from", params), _day("to", params))
        if period == (None, None):
            period = default_period(snapshot)
        check_period(period)
        return cls(
            question=question,  # type: ignore[arg-type]
            unit=check_scheme(str(params.get("unit") or DEFAULT_UNITS[question]), on_screen=True),
            kind=_one_of("kind", params, snapshot.standards.facility_kinds, default_kind(snapshot)),
            subdistrict=_one_of("subdistrict", params, subdistricts, "") or None,
            community_kind=_one_of("community_kind", params, kinds, "") or None,
            period=period,
        )

    def as_dict(self) -> dict[str, str | None]:
        """Return the query under the names of its parameters."""
        first, last = self.period
        return {
            "question": self.question,
            "unit": self.unit,
            "kind": self.kind,
            "subdistrict": self.subdistrict,
            "community_kind": self.community_kind,
            "from": None if first is None else first.isoformat(),
            "to": None if last is None else last.isoformat(),
        }


def default_kind(snapshot: Snapshot) -> str:
    """Return `DEFAULT_KIND` where the district has one, else the first kind that it has."""
    there = set(snapshot.frame("facilities")["kind"])
    kinds = (DEFAULT_KIND, *snapshot.standards.facility_kinds)
    return next((kind for kind in kinds if kind in there), DEFAULT_KIND)


def default_period(snapshot: Snapshot) -> Period:
    """Return the twelve months up to the as-of date, or everything where there is none."""
    as_of = snapshot.district.as_of
    if as_of is None:
        return None, None
    ends_february = as_of.month == 2 and as_of.day == 29
    year_before = (
        as_of.replace(year=as_of.year - 1, day=28) if ends_february else as_of.replace(year=as_of.year - 1)
    )
    return date.fromordinal(year_before.toordinal() + 1), as_of


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
