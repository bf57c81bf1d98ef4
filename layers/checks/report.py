"""Findings as a clerk reads them: what, how often, the first places, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from layers.checks.kinds import KINDS
from layers.schema import LAYERS
from layers.text import Language, Text, both

if TYPE_CHECKING:
    from layers.checks.findings import Case, Finding

SHOWN_CASES = 10
SHOWN_TOGETHER = 4

_REASONS = {
    "missing": Text("没有图形", "there is none"),
    "empty": Text("图形为空", "it is empty"),
    "not_finite": Text("坐标不是有限数", "coordinates are not finite"),
    "self_intersection": Text("自相交", "self-intersection"),
    "ring_self_intersection": Text("环自相交", "a ring touches itself"),
    "hole_lies_outside_shell": Text("洞在外环之外", "a hole lies outside its shell"),
    "nested_holes": Text("洞中有洞", "holes lie in each other"),
    "nested_shells": Text("面中有面", "parts lie in each other"),
    "duplicate_rings": Text("环重复", "rings repeat"),
    "interior_is_disconnected": Text("内部不连通", "its inside is in pieces"),
    "too_few_points_in_geometry_component": Text("点数太少", "too few points"),
}


def _area(value: Any) -> Text:
    return Text("{v} 平方米", "{v} m²").format(v=f"{value:,.0f}")


def _counted(zh: str, en: str) -> Callable[[Any], Text]:
    return lambda value: Text(f"{value:,} {zh}", f"{value:,} {en}")


def _share(zh: str, en: str) -> Callable[[Any], Text]:
    return lambda value: Text(zh, en).format(v=f"{value:.0%}")


_TOLD: dict[str, Callable[[Any], Text]] = {
    "area_m2": _area,
    "share_of_smaller": _share("占较小者 {v}", "{v} of the smaller"),
    "distance_m": lambda value: Text("{v} 米", "{v} m").format(v=f"{value:,.0f}"),
    "share_outside": _share("{v} 在外", "{v} outside"),
    "parent": lambda value: Text("所属 {v}", "of {v}").format(v=value),
    "reason": lambda value: _REASONS.get(value, both(value.replace("_", " "))),
    "which_names": lambda value: Text("而后者属 {v}", "which names {v}").format(v=value),
    "communities": _counted("个小区", "communities"),
    "buildings": _counted("栋楼", "buildings"),
    "mediation_rooms": _counted("个调解室", "mediation rooms"),
    "facilities": _counted("处设施", "facilities"),
}
"""How a detail is told; any other is told as its name and value."""


def lines(findings: Sequence[Finding], language: Language, *, shown: int = SHOWN_CASES) -> Iterator[str]:
    """Say each finding in a few lines, its first `shown` places, and how many there are in all."""
    for finding in findings:
        yield " ".join(_head(finding).to(language).split())  # what a database says may have lines
        yield from _places(finding.cases, shown, language)
        yield f"    → {finding.kind.remedy.to(language)}"
    faults = sum(len(finding.cases) for finding in findings if finding.fault)
    notes = sum(len(finding.cases) for finding in findings if not finding.fault)
    if findings:
        text = Text("共 {f} 处矛盾，{n} 处提示。", "Faults: {f}, notes: {n}.")
        yield text.format(f=f"{faults:,}", n=f"{notes:,}").to(language)
    else:
        yield Text("没有发现问题。", "Nothing found.").to(language)


def _head(finding: Finding) -> Text:
    """Say what was found where, and how often; a store tells in a sentence what is wrong with itself."""
    how = Text("[{mark}] {layer}：{n} 处{message} ({id})", "[{mark}] {layer}: {n} × {message} ({id})")
    if finding.id not in KINDS:
        how = Text("[{mark}] {layer}：{message}({id})", "[{mark}] {layer}: {message} ({id})")
    layer = Text("存储", "store")
    if finding.layer is not None:
        layer = Text(f"{LAYERS[finding.layer].title.zh} {finding.layer}", finding.layer)
    return how.format(
        mark=Text("矛盾", "fault") if finding.fault else Text("提示", "note"),
        layer=layer,
        n=f"{len(finding.cases):,}",
        message=finding.kind.message,
        id=finding.id,
    )


def _places(cases: Sequence[Case], shown: int, language: Language) -> Iterator[str]:
    more = len(cases) - shown
    if any(case.details for case in cases):
        for case in cases[:shown]:
            yield f"    {_told(case).to(language)}"
    else:
        codes = [code for case in cases[:shown] for code in case.codes]
        if codes:
            yield "    " + ("、" if language == "zh" else ", ").join(codes)
    if more > 0:
        text = Text("    ……还有 {n} 处，--json 列出全部", "    … and {n} more; --json lists all of them")
        yield text.format(n=f"{more:,}").to(language)


def _told(case: Case) -> Text:
    named = " + ".join(case.codes[:SHOWN_TOGETHER])
    rest = len(case.codes) - SHOWN_TOGETHER
    lead = both(named) if rest <= 0 else Text(f"{named} 等 {len(case.codes)} 个", f"{named} and {rest} more")
    pieces = []
    details = dict(case.details)
    lon, lat = details.pop("lon", None), details.pop("lat", None)
    for name, value in details.items():
        pieces.append(_TOLD[name](value) if name in _TOLD else both(f"{name} {value}"))
    if lon is not None and lat is not None:
        pieces.append(both(f"({lon:.6f}, {lat:.6f})"))
    zh, en = "，".join(piece.zh for piece in pieces), ", ".join(piece.en for piece in pieces)
    return Text(f"{lead.zh}：{zh}", f"{lead.en}: {en}") if pieces else lead
