"""The summary as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layers.schema import LAYERS
from layers.text import Language, Text, both
from layers.wording import percent

if TYPE_CHECKING:
    from layers.standards import Standards

_NOT_KNOWN = Text("不明", "unknown")


def summary_lines(summary: dict[str, Any], standards: Standards, language: Language) -> list[str]:
    """Return one line per figure: name, count, of how many, unknown."""
    district = summary["district"]
    invented = (
        Text("  演示数据，纯属虚构", "  invented demonstration data") if district["invented"] else both("")
    )
    as_of = both(district["as_of"]) if district["as_of"] else _NOT_KNOWN
    rows = [
        Text("{n}  数据截至 {d}{i}", "{n}  data as of {d}{i}").format(
            n=district["name"], d=as_of, i=invented
        ),
        both(""),
        *(
            Text("{t}：{n}", "{t}: {n}").format(t=layer.title, n=_number(summary["layers"][name]))
            for name, layer in LAYERS.items()
        ),
        both(""),
        _figure(Text("双无小区", "Double-none communities"), summary["double_none"]),
        _figure(Text("没有物业管理", "Without property management"), summary["without_property_management"]),
        _figure(Text("有业委会", "With an owners' committee"), summary["owners_committee"]),
        _figure(Text("党的组织覆盖", "Organisation coverage"), summary["organisation_coverage"]),
        _figure(Text("党的工作覆盖", "Work coverage"), summary["work_coverage"]),
        Text("居民（非城中村小区）：{n}", "Residents (urban villages apart): {n}").format(
            n=_number(summary["residents"])
        ),
        Text("城中村小区：{n}，居民 {r}", "Urban-village communities: {n}, residents {r}").format(
            n=summary["urban_villages"]["count"], r=_number(summary["urban_villages"]["residents"])
        ),
        _staff(summary),
        _mediation(summary["mediation"]),
        both(""),
        *(
            _coverage(standards.title("facility_kinds", kind), found)
            for kind, found in summary["coverage"].items()
        ),
    ]
    return [row.to(language) for row in rows]


def _number(value: int | None) -> Text:
    return _NOT_KNOWN if value is None else both(f"{value:,}")


def _figure(title: Text, figure: dict[str, Any]) -> Text:
    return Text("{t}：{c} / {o}（不明 {u}）", "{t}: {c} of {o} ({u} unknown)").format(
        t=title, c=figure["count"], o=figure["of"], u=figure["unknown"]
    )


def _staff(summary: dict[str, Any]) -> Text:
    told = Text("物业从业人员：{n}", "Property staff: {n}").format(n=_number(summary["property_staff"]))
    base = summary["property_staff_per_1000_residents"]
    if base["rate"] is None:
        return told
    return Text(
        "{t}；两项都已知的 {c} 个小区（共 {o} 个）中 {s} 人对居民 {p} 人，每千名居民 {r}",
        "{t}; {s} for {p} residents in the {c} of {o} communities where both are known: {r} per 1,000",
    ).format(
        t=told,
        c=base["count"],
        o=base["of"],
        s=_number(base["staff"]),
        p=_number(base["residents"]),
        r=f"{base['rate']:.2f}",
    )


def _mediation(found: dict[str, Any]) -> Text:
    return Text(
        "调解室：{rooms}，调解员 {mediators}；{n} 户及以上小区 {eligible} 个，已设 {served}，未设 {missing}，不能判断 {cannot_tell}",
        "Mediation rooms: {rooms}, mediators {mediators}; {eligible} communities of {n} or more households, "
        "{served} served, {missing} missing, {cannot_tell} cannot tell",
    ).format(n=found["households_at_least"], **{**found, "mediators": _number(found["mediators"])})


def _coverage(title: Text, found: dict[str, Any]) -> Text:
    share = found["residents_share"]
    return Text(
        "{t}：{l:g} 米内居民 {s}（设施 {n}）", "{t}: {s} of residents within {l:g} m ({n} facilities)"
    ).format(
        t=title,
        l=found["limit_m"],
        n=found["facilities"],
        s=percent(share),
    )
