"""How conditions read: what each is about, and what it asks of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from layers.conditions import NO, UNKNOWN, YES, verdicts
from layers.questions import class_title
from layers.schema import LAYERS
from layers.text import Language, Text, both
from layers.wording import name_of, short_kind

if TYPE_CHECKING:
    from layers.condition_text import Condition, Where
    from layers.queries import ViewQuery
    from layers.sight import Sight
    from layers.snapshot import Snapshot

Words = tuple[Text, Text]
"""What a condition is about, and what it asks of that: together they are its title."""

NEUTRAL = "quantity-4"
ANSWERS = {int(YES): "yes", int(NO): "no", int(UNKNOWN): "unknown"}
_FACTS = {
    "yes": (Text("有", "there is one"), Text("不是“有”", "not known to be there")),
    "no": (Text("无", "there is none"), Text("不是“无”", "not known to be missing")),
    "unknown": (Text("不明", "not known"), Text("已知", "known")),
}


def words(snapshot: Snapshot, query: ViewQuery, condition: Condition) -> Words:
    """Return what a condition is about, and what it asks of that."""
    return _WORDS[condition.kind](_About(snapshot, query, condition.negated), *condition.values)


def title(snapshot: Snapshot, query: ViewQuery, condition: Condition) -> Text:
    """Return a condition as one phrase."""
    about, asked = words(snapshot, query, condition)
    return Text(f"{about.zh} {asked.zh}".strip(), f"{about.en} {asked.en}".strip())


def unit_answers(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, position: int, language: Language
) -> list[dict[str, str]]:
    """Return how one unit meets each of the query's conditions, for its card."""
    return [
        {
            "title": title(snapshot, query, condition).to(language),
            "answer": ANSWERS[int(verdicts(snapshot, query, sight, condition)[position])],
        }
        for condition in query.where
    ]


def token(where: Where) -> str:
    """Return the colour of the units that meet all conditions: what they have in common, if a colour stands for it."""
    asked = {(one.kind, one.values) for one in where if not one.negated}
    if asked & {("double_none", ()), ("class:double_none", ("double_none",))}:
        return "double-none"
    hot = any(
        kind == "hot" or (kind == "class:hotspots" and values[0].startswith("hot")) for kind, values in asked
    )
    return "hot+3" if hot else NEUTRAL


class _About:
    """What the words of a condition depend on besides its values."""

    def __init__(self, snapshot: Snapshot, query: ViewQuery, negated: bool) -> None:
        self.snapshot, self.query, self.negated = snapshot, query, negated

    def either(self, asked: Text, opposite: Text) -> Text:
        """Return the first, or of a negated condition the second."""
        return opposite if self.negated else asked

    def is_one(self, of: Text) -> Text:
        """Return a class or name, or that it is not that."""
        return self.either(Text("是{t}", "is {t}"), Text("不是{t}", "is not {t}")).format(t=of)


def _double_none(about: _About) -> Words:
    if about.query.unit == "communities":
        return about.either(Text("双无", "Double-none"), Text("非双无", "Not double-none")), both("")
    return Text("双无小区", "Double-none communities"), about.either(Text("有", "some"), Text("没有", "none"))


def _gap_of(about: _About, kind: str, limit_m: str) -> Words:
    within = Text("{l:,} m 内有", "within {l:,} m")
    if about.query.unit != "communities":  # of which every one has somebody who could walk
        within = Text("{l:,} m 内有，或无人居住", "within {l:,} m, or nobody lives there")
    asked = about.either(Text("{l:,} m 内没有", "none within {l:,} m"), within)
    return short_kind(about.snapshot.standards, kind), asked.format(l=int(limit_m))


def _floating(about: _About, percent: str) -> Words:
    asked = about.either(Text("{p}% 及以上", "{p} % or more"), Text("不到 {p}%", "under {p} %"))
    return Text("流动人口", "Floating residents"), asked.format(p=percent)


def _hot(about: _About, least: str) -> Words:
    asked = about.either(Text("置信度 {n}% 及以上", "at {n} % or more"), Text("不到 {n}%", "not at {n} %"))
    return Text("热点", "Hot spot"), asked.format(n=least)


def _cold(about: _About, least: str) -> Words:
    asked = about.either(Text("置信度 {n}% 及以上", "at {n} % or more"), Text("不到 {n}%", "not at {n} %"))
    return Text("冷点", "Cold spot"), asked.format(n=least)


def _kind(about: _About, kind: str) -> Words:
    of = about.snapshot.standards.title("community_kinds", kind)
    return Text("小区类型", "Kind"), about.is_one(of)


def _residents(about: _About, least: str) -> Words:
    return Text("居民", "Residents"), _at_least(about, least, Text(" 人", ""))


def _complaints(about: _About, least: str) -> Words:
    return Text("诉求", "Complaints"), _at_least(about, least, Text(" 件", ""))


def _at_least(about: _About, least: str, unit: Text) -> Text:
    asked = about.either(Text("{n:,}{u}及以上", "{n:,} or more"), Text("不到 {n:,}{u}", "under {n:,}"))
    return asked.format(n=int(least), u=unit)


def _seat(about: _About, seat: str, fact: str) -> Words:
    asked, opposite = _FACTS[fact]
    return LAYERS["communities"].field(seat).title, about.either(asked, opposite)


def _subdistrict(about: _About, code: str) -> Words:
    frame = about.snapshot.frame("subdistricts")
    name = name_of(frame.iloc[frame.index.tolist().index(code)], code)
    return Text("街道", "Subdistrict"), about.is_one(name)


def _class_of_double_none(about: _About, wanted: str) -> Words:
    of = class_title(about.snapshot, about.query, "double_none", wanted)
    return Text("管理主体", "Who manages"), about.is_one(of)


def _class_of_hotspots(about: _About, wanted: str) -> Words:
    of = class_title(about.snapshot, about.query, "hotspots", wanted)
    return Text("诉求与全区相比", "Complaints, against the district"), about.is_one(of)


def _class_of_gap(about: _About, kind: str, limit_m: str, wanted: str) -> Words:
    of = class_title(about.snapshot, about.query, "gap", wanted, kind=kind, limit_m=int(limit_m))
    unit = Text("步行 {t} m", "walk {t} m") if wanted.startswith("gap") else both("{t}")
    return short_kind(about.snapshot.standards, kind), about.is_one(unit.format(t=of))


_WORDS: dict[str, Callable[..., Words]] = {
    "double_none": _double_none,
    "gap": _gap_of,
    "floating": _floating,
    "hot": _hot,
    "cold": _cold,
    "kind": _kind,
    "residents": _residents,
    "complaints": _complaints,
    "seat": _seat,
    "subdistrict": _subdistrict,
    "class:double_none": _class_of_double_none,
    "class:hotspots": _class_of_hotspots,
    "class:gap": _class_of_gap,
}
