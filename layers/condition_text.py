"""Conditions as data and as text: ``double_none~gap:day_care:300~!floating:50``, as addresses and saved things hold them.

``~`` stands for "and", ``!`` before a condition negates it. What the conditions mean is in `layers.conditions`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layers.indicators import MANAGEMENT_CLASSES, SEATS
from layers.limits import limit_range_m
from layers.problems import BadParameter
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from layers.snapshot import Snapshot

AND, NOT, OF = "~", "!", ":"
MOST_CONDITIONS = 12
MOST_CHARACTERS = 400
TENTHS = tuple(str(percent) for percent in range(10, 100, 10))
"""Shares of floating residents are compared by whole tenths: finer ones, tried one after the other, would tell the count."""
CONFIDENCES = ("90", "95", "99")
FACTS = ("yes", "no", "unknown")
MOST_COUNT = 10_000_000
_COUNT_DIGITS = 8
_HOT_CLASSES = (
    *(f"cold_{n}" for n in ("99", "95", "90")),
    "none",
    *(f"hot_{n}" for n in CONFIDENCES),
    "masked",
    "unknown",
)


@dataclass(frozen=True)
class Condition:
    """One condition; equal ones ask the same.

    Attributes
    ----------
    kind : str
        A key of `GRAMMAR`.
    values : tuple of str
        What it is asked with, in the order and spelling of the text.
    negated : bool
        Whether its opposite is asked; what cannot be told of the one cannot be told of the other.
    """

    kind: str
    values: tuple[str, ...] = ()
    negated: bool = False

    def __str__(self) -> str:
        return (NOT if self.negated else "") + OF.join((self.kind, *map(_escaped, self.values)))


Where = tuple[Condition, ...]
"""Conditions that all have to be met."""


@dataclass(frozen=True)
class Choices:
    """What may stand in one place of a condition: one of a list, or a whole number between two.

    Attributes
    ----------
    title : Text
        What the value is.
    words : tuple of str
    numbers : (int, int), optional
        Least and most, inclusive.
    """

    title: Text
    words: tuple[str, ...] = ()
    numbers: tuple[int, int] | None = None

    def spelt(self, given: str) -> str | None:
        """Return the one spelling of a value, None where it is not allowed."""
        if given in self.words:
            return given
        if self.numbers is None or not (given.isascii() and given.isdigit() and len(given) <= _COUNT_DIGITS):
            return None
        least, most = self.numbers
        return str(int(given)) if least <= int(given) <= most else None

    @property
    def allowed(self) -> Text:
        """What may be given, in words."""
        if self.numbers is None:
            return joined([both(word) for word in self.words]) if self.words else both("-")
        return Text("{a} 到 {b} 的整数", "whole numbers from {a} to {b}").format(
            a=self.numbers[0], b=self.numbers[1]
        )


Place = Callable[["Snapshot", str, tuple[str, ...]], Choices]
"""What may stand in a place, given the snapshot, the unit of counting and the values before it."""


def _fixed(title: Text, *words: str) -> Place:
    return lambda snapshot, unit, before: Choices(title, words)


def _codes(title: Text, code_list: str) -> Place:
    return lambda snapshot, unit, before: Choices(
        title, tuple(code.id for code in snapshot.standards.code_lists[code_list])
    )


def _limit(snapshot: Snapshot, unit: str, before: tuple[str, ...]) -> Choices:
    """Return the limits of the kind named before: the standard's, or one within its range."""
    standard_m = snapshot.standards.limits[before[-1]].limit_m
    return Choices(_METRES, (f"{standard_m:g}",), limit_range_m(standard_m))


def _count(snapshot: Snapshot, unit: str, before: tuple[str, ...]) -> Choices:
    return Choices(Text("数", "a number"), numbers=(1, MOST_COUNT))


def _subdistrict(snapshot: Snapshot, unit: str, before: tuple[str, ...]) -> Choices:
    return Choices(
        Text("街道", "subdistrict"), tuple(str(code) for code in snapshot.frame("subdistricts").index)
    )


def _management_class(snapshot: Snapshot, unit: str, before: tuple[str, ...]) -> Choices:
    by_count = (*(f"dn-{n}" for n in range(4)), "open", "unknown", "empty")
    return Choices(_CLASS, MANAGEMENT_CLASSES if unit == "communities" else by_count)


_METRES = Text("步行限值（米）", "limit of the walk in metres")
_CLASS = Text("分级", "class")
_KIND = _codes(Text("设施种类", "facility kind"), "facility_kinds")
_CONFIDENCE = _fixed(Text("置信度", "confidence"), *CONFIDENCES)
_GAP_CLASSES = (*(f"gap-{n}" for n in range(5)), "unknown", "uninhabited")

GRAMMAR: dict[str, tuple[Place, ...]] = {
    "double_none": (),
    "gap": (_KIND, _limit),
    "floating": (_fixed(Text("百分比", "per cent"), *TENTHS),),
    "hot": (_CONFIDENCE,),
    "cold": (_CONFIDENCE,),
    "kind": (_codes(Text("小区类型", "kind of community"), "community_kinds"),),
    "residents": (_count,),
    "complaints": (_count,),
    "seat": (_fixed(Text("席位", "seat"), *SEATS), _fixed(Text("事实", "fact"), *FACTS)),
    "subdistrict": (_subdistrict,),
    "class:double_none": (_management_class,),
    "class:hotspots": (_fixed(_CLASS, *_HOT_CLASSES),),
    "class:gap": (_KIND, _limit, _fixed(_CLASS, *_GAP_CLASSES)),
}
"""The kinds of conditions, and what each is asked with."""


def conditions_text(where: Where) -> str:
    """Return conditions as an address holds them."""
    return AND.join(map(str, where))


def read_conditions(text: str, snapshot: Snapshot, unit: str) -> Where:
    """Return the conditions that `text` holds, each once.

    Raises
    ------
    BadParameter
        Says of each condition that is not right where it stands, what is wrong with it, and what may stand there.
    """
    if len(text) > MOST_CHARACTERS or text.count(AND) >= MOST_CONDITIONS:
        raise BadParameter(
            Text("条件太多。", "There are too many conditions."),
            Text("最多 {n} 个，共 {c} 个字符。", "At most {n}, of {c} characters together.").format(
                n=MOST_CONDITIONS, c=MOST_CHARACTERS
            ),
        )
    found: list[Condition] = []
    wrong: list[Text] = []
    start = 0
    for number, part in enumerate(text.split(AND), 1):
        try:
            found.append(_read(part, snapshot, unit))
        except _Wrong as error:
            told = Text(
                "第 {n} 个条件“{p}”（第 {c} 个字符起）：{w}",
                "Condition {n}, {p!r}, from character {c}: {w}",
            )
            wrong.append(told.format(n=number, p=part, c=start + 1, w=error.told))
        start += len(part) + 1
    if wrong:
        raise BadParameter(
            Text("；".join(one.zh for one in wrong), "; ".join(one.en for one in wrong)),
            Text(
                "条件之间用 {a}，取反在前面加 {n}，例如 {e}。",
                "Conditions are parted by {a}, negated by {n} before them, such as {e}.",
            ).format(a=AND, n=NOT, e="double_none~gap:day_care:300~!floating:50"),
        )
    return tuple(dict.fromkeys(found))


OF_COMMUNITIES = frozenset({"floating"})
"""Conditions on what is known of a community and of nothing else."""


class _Wrong(Exception):
    def __init__(self, told: Text) -> None:
        super().__init__(told.en)
        self.told = told


def _read(part: str, snapshot: Snapshot, unit: str) -> Condition:
    negated = part.startswith(NOT)
    kind, given = _kind_of(part[len(NOT) :] if negated else part)
    places = GRAMMAR[kind]
    if kind in OF_COMMUNITIES and unit != "communities":
        raise _Wrong(
            Text(
                "只能按小区看，请按小区统计或去掉它。",
                "it is of communities only: count by them, or leave it out.",
            )
        )
    if len(given) != len(places):
        raise _Wrong(Text("“{k}”后面要有 {n} 个值。", "{k} takes {n} values.").format(k=kind, n=len(places)))
    values: tuple[str, ...] = ()
    for place, one in zip(places, given, strict=True):
        choices = place(snapshot, unit, values)
        spelt = choices.spelt(_unescaped(one))
        if spelt is None:
            raise _Wrong(
                Text("{t}不能是“{g}”，可用 {a}。", "the {t} cannot be {g!r}; use {a}.").format(
                    t=choices.title, g=one, a=choices.allowed
                )
            )
        values = (*values, spelt)
    return Condition(kind, values, negated)


def _kind_of(part: str) -> tuple[str, list[str]]:
    """Return the kind that a condition names, and what follows it."""
    first, *given = part.split(OF)
    kind = OF.join([first, *given[:1]])
    if kind in GRAMMAR:
        return kind, given[1:]
    if first == "subdistrict" and given:
        return first, [OF.join(given)]
    if first in GRAMMAR:
        return first, given
    raise _Wrong(
        Text("没有这种条件，可用 {a}。", "there is no such condition; use {a}.").format(
            a=joined([both(one) for one in GRAMMAR])
        )
    )


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace(AND, "%7E")


def _unescaped(value: str) -> str:
    return value.replace("%7E", AND).replace("%25", "%")


_SAVED = ("where", "question", "unit", "kind", "limit_m", "subdistrict", "community_kind", "from", "to")
_MOST_SAVED_CHARACTERS = 200


def saved_conditions(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of saved conditions as it is kept: the parameters of a view, its conditions among them.

    They are read against a district when somebody opens them: what they name may be gone by then.

    Raises
    ------
    BadParameter
        It has no conditions, or other parts than these, or one of them is no short text.
    """
    wrong = sorted(
        name
        for name, value in content.items()
        if name not in _SAVED
        or not isinstance(value, str)
        or len(value) > (MOST_CHARACTERS if name == "where" else _MOST_SAVED_CHARACTERS)
    )
    if wrong or not content.get("where"):
        raise BadParameter(
            Text("条件的内容不对：{w}。", "The content of the conditions is not right: {w}.").format(
                w=joined([both(name[:60]) for name in wrong or ["where"]])
            ),
            Text(
                "它由这些文字组成，where 不可缺：{p}。", "It is made of these texts, where among them: {p}."
            ).format(p=joined([both(name) for name in _SAVED])),
        )
    return {name: content[name] for name in _SAVED if content.get(name)}
