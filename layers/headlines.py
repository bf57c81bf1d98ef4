"""The numbers beside the map: one headline per question, and three ways of counting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from layers.analysis import in_period
from layers.areas import features_in_area, units_in_area
from layers.coverage import kind_coverage
from layers.figures import Figure
from layers.limits import Limit, limit_of
from layers.periods import period_words
from layers.published import answer, complaints_text, published_complaints
from layers.queries import default_unit
from layers.schema import LAYERS
from layers.sight import ROUNDED_TO
from layers.summary import community_figures
from layers.tallies import complaints_in_period
from layers.text import Language, Text, both, joined
from layers.wording import NOT_SHOWN, large, name_of, number, percent

if TYPE_CHECKING:
    from layers.coverage import KindCoverage
    from layers.queries import ViewQuery
    from layers.sight import Sight
    from layers.snapshot import Snapshot

NEEDS = {
    "gap": ("facilities", "buildings"),
    "double_none": ("communities",),
    "hotspots": ("complaints",),
}
"""Layers without which a question cannot be answered."""


def reached(snapshot: Snapshot, query: ViewQuery, sight: Sight) -> KindCoverage:
    """Return how far the facilities of the query's kind reach in what is seen, at the query's limit."""
    return kind_coverage(snapshot, query.kind, sight.area, limit_m=limit_of(snapshot, query).metres)


def headlines(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, found: KindCoverage, language: Language
) -> dict[str, Any]:
    """Return the headline of each question over all that is seen; `found` is what is `reached`."""
    by_residents = found.residents.of and not sight.is_public
    made = {
        "gap": _gap if by_residents else _gap_by_buildings,
        "double_none": _double_none,
        "hotspots": _published if sight.is_public else _hotspots,
    }
    told = {}
    for question, make in made.items():
        needs = missing_layers(snapshot, question, sight)
        if needs:
            titles = joined([LAYERS[name].title for name in needs])
            told[question] = {
                "needs": needs,
                "value_text": "—",
                "label": Text("需要{t}", "Needs {t}").format(t=titles).to(language),
                "basis": "",
                "figure": None,
                "parts": [],
                "definition": QUESTION_DEFINITIONS[question],
            }
        else:
            told[question] = {
                "needs": [],
                "definition": QUESTION_DEFINITIONS[question],
                **make(snapshot, query, sight, found, language),
            }
    return told


QUESTION_DEFINITIONS = {"gap": "coverage", "double_none": "double_none", "hotspots": "hotspots"}


def missing_layers(snapshot: Snapshot, question: str, sight: Sight) -> list[str]:
    """Return the layers that a question needs and that have no rows.

    To the public no complaints at all look like few.
    """
    if sight.is_public and question == "hotspots":
        return []
    missing = [name for name in NEEDS[question] if not snapshot.count(name)]
    if question == "gap" and "buildings" in missing and len(snapshot.frame("communities")):
        missing.remove("buildings")
    return missing


def _gap(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, found: KindCoverage, language: Language
) -> dict[str, Any]:
    beyond = _beyond(found.residents)
    as_of = snapshot.district.as_of
    dated = Text("（{d}）", " ({d})").format(d=as_of) if as_of else both("")
    people = Text(
        "{c}人，占 {n} 个小区居民 {o}人{d}；另有 {u} 个小区人口不明",
        "{c} of {o} residents of {n} communities{d}; {u} more of unknown residents",
    ).format(
        c=_before_unit(large(beyond.count)),
        o=_before_unit(large(beyond.of)),
        d=dated,
        n=number(_communities(snapshot, sight)[0]["communities"] - found.communities_unknown),
        u=number(found.communities_unknown),
    )
    return {
        "value": beyond.rate,
        "value_text": percent(beyond.rate).to(language),
        "label": _beyond_label(Text("居民", "of residents"), limit_of(snapshot, query)).to(language),
        "basis": _of_area(people, snapshot, sight).to(language),
        "figure": beyond.as_dict(),
        "parts": [],
        "definition": "coverage",
    }


def _gap_by_buildings(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, found: KindCoverage, language: Language
) -> dict[str, Any]:
    beyond = _beyond(found.buildings)
    houses = (
        Text(
            "{c}栋，占全区楼栋 {o}栋（含小区外的）",
            "{c} of all {o} buildings, those in no community among them",
        )
        if sight.is_public
        else _without_residents(_communities(snapshot, sight)[0]["communities"], found.communities_unknown)
    ).format(c=_before_unit(large(beyond.count)), o=_before_unit(large(beyond.of)))
    return {
        "value": beyond.rate,
        "value_text": percent(beyond.rate).to(language),
        "label": _beyond_label(Text("楼栋", "of buildings"), limit_of(snapshot, query)).to(language),
        "basis": _of_area(houses, snapshot, sight).to(language),
        "figure": beyond.as_dict(),
        "parts": [],
        "definition": "coverage_buildings",
    }


def _without_residents(communities: int, unknown: int) -> Text:
    """Say why buildings are counted: of no community residents are known, or those of whom it is known are none."""
    counted = Text("{c}栋，占 {o}栋；", "{c} of {o} buildings; ")
    if unknown == communities:
        why = Text("居民都不明", "all residents unknown")
    else:
        why = Text("{n} 个小区都没有居民", "no residents in {n} communities").format(
            n=number(communities - unknown)
        )
        if unknown:
            why = Text("{w}，另有 {u} 个人口不明", "{w}; {u} more of unknown residents").format(
                w=why, u=number(unknown)
            )
    return Text(counted.zh + why.zh, counted.en + why.en)


def _beyond(within: Figure) -> Figure:
    return Figure(within.of - within.count - within.unknown, within.of, within.unknown)


def _beyond_label(what: Text, limit: Limit) -> Text:
    return Text("{w}在 {l:g} m 以外{c}", "{w} beyond {l:g} m{c}").format(w=what, l=limit.metres, c=limit.mark)


def _communities(snapshot: Snapshot, sight: Sight) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of the communities that are seen, which follow from no parameter."""
    area = sight.area
    return snapshot.derived(
        ("community figures", area),
        lambda: community_figures(snapshot, area),
        scheme=None if sight.is_whole else area.kind,
    )


def area_title(snapshot: Snapshot, sight: Sight) -> Text:
    """Return what is seen of the district, by name."""
    if sight.is_whole:
        return Text("全区", "Whole district")
    names = _area_names(snapshot, sight)
    if names is None:
        return Text("您的区域", "Your area")
    return Text("您的区域：{n}", "Your area: {n}").format(n=names)


def _area_names(snapshot: Snapshot, sight: Sight) -> Text | None:
    if not sight.area.codes:
        return None
    frame = snapshot.frame(sight.area.kind)
    chosen = frame[frame.index.isin(sight.area.codes)]
    rows = chosen[["name", "name_en"]].head(_NAMED).to_dict("records")
    if not rows:
        return None
    names = joined([name_of(row, str(code)) for code, row in zip(chosen.index, rows, strict=False)])  # type: ignore[arg-type]
    more = len(chosen) - len(rows)
    return Text("{n}等 {c} 个", "{n} and {m} more").format(n=names, c=len(chosen), m=more) if more else names


_NAMED = 3
"""So many parts of an area are named, the rest counted."""


def _of_area(text: Text, snapshot: Snapshot, sight: Sight) -> Text:
    """Return a sentence about what is seen, which says so where it is not the whole district."""
    if sight.is_whole:
        return text
    names = _area_names(snapshot, sight)
    if names is None:
        return Text("您的区域：{t}", "Your area: {t}").format(t=text)
    return Text("您的区域（{n}）：{t}", "Your area ({n}): {t}").format(n=names, t=text)


def _before_unit(value: Text) -> Text:
    """Return a number as it stands before 人 or 栋: 1.2 万人 but 9,552 人."""
    return value if value.zh.endswith("万") else Text(value.zh + " ", value.en)


def _double_none(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, found: KindCoverage, language: Language
) -> dict[str, Any]:
    communities, villages = _communities(snapshot, sight)
    figure, classes = communities["double_none"], communities["management_classes"]
    titles = {
        "double_none": Text("双无", "Double-none"),
        "no_manager": Text("缺物业", "No manager"),
        "no_committee": Text("缺业委会", "No committee"),
        "complete": Text("两者都有", "Complete"),
        "unknown": Text("有一项不明", "One unknown"),
    }
    tokens = ("double-none", "no-manager", "no-committee", "complete", "hatch")
    beside = (
        Text("；城中村 {v} 个另计，双无 {n}", "; {v} urban villages apart, {n} of them double-none").format(
            v=villages["communities"], n=villages["double_none"]["count"]
        )
        if villages["communities"]
        else both("")
    )
    return {
        "value": figure["count"],
        "value_text": number(figure["count"]).to(language),
        "label": Text("个双无，{u} 个不能判断", "and {u} we cannot tell")
        .format(u=figure["unknown"])
        .to(language),
        "basis": _of_area(
            Text("共 {o} 个小区{b}", "of {o} communities{b}").format(o=number(figure["of"]), b=beside),
            snapshot,
            sight,
        ).to(language),
        "figure": figure,
        "parts": [
            {"id": name, "title": titles[name].to(language), "count": classes[name], "token": token}
            for name, token in zip(titles, tokens, strict=True)
        ],
    }


def _hotspots(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, found: KindCoverage, language: Language
) -> dict[str, Any]:
    unit = query.unit if query.question == "hotspots" else default_unit("hotspots", sight)
    answered = answer(snapshot, replace(query, question="hotspots", unit=unit), sight)
    # The district is what units are compared with; of the comparison only those of the area are shown.
    table = answered.table[units_in_area(snapshot, unit, sight.area)]
    classes = table["class"]
    count = {item.id: int((classes == item.id).sum()) for item in answered.classes}
    complaints = _complaints_in(snapshot, query, sight)
    located = int(table["complaints"].sum())
    period = period_words(query.period)
    elsewhere = (
        Text("，其中 {n} 件不在任何单元", ", {n} of them in no unit").format(n=number(complaints - located))
        if complaints > located and sight.is_whole
        else both("")
    )
    apart = count["masked"] + count["unknown"]
    compared = _compared(
        len(classes), count["masked"], count["unknown"], snapshot.standards.hotspot_mask_residents
    )
    return {
        "value": count["hot_99"],
        "value_text": number(count["hot_99"]).to(language),
        "label": Text("个热点单元，置信度 99%", "hot units at 99 % confidence").to(language),
        "basis": _of_area(
            Text("{u}；{p} 诉求 {c} 件{e}", "{u}; {c} complaints, {p}{e}").format(
                u=compared, p=period, c=number(complaints), e=elsewhere
            ),
            snapshot,
            sight,
        ).to(language),
        "figure": Figure(count["hot_99"], len(classes), apart).as_dict(),
        "parts": [
            {"id": item.id, "title": item.title.to(language), "count": count[item.id], "token": item.token}
            for item in answered.classes
            if item.id not in ("masked", "unknown")
        ],
    }


def _compared(units: int, masked: int, unknown: int, least: int) -> Text:
    """Say how many units are compared, and why the others are not."""
    few = Text("居民不足 {n} 人的 {m} 个", "{m} under {n} residents").format(n=least, m=number(masked))
    open_cases = Text("人口不明的 {k} 个", "{k} unknown").format(k=number(unknown))
    why = [text for text, count in ((few, masked), (open_cases, unknown)) if count]
    compared = number(units - masked - unknown)
    if not why:
        return Text("比较 {u} 个单元", "of {u} units").format(u=compared)
    return Text("比较 {u} 个单元（{w}不比）", "of {u} units ({w} left out)").format(u=compared, w=joined(why))


def _complaints_in(snapshot: Snapshot, query: ViewQuery, sight: Sight) -> int:
    if sight.is_whole:
        return complaints_in_period(snapshot, query.period)
    here = features_in_area(snapshot, "complaints", sight.area)
    return int((in_period(snapshot, query.period) & here).sum())


def _published(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, found: KindCoverage, language: Language
) -> dict[str, Any]:
    count = published_complaints(snapshot, sight).district
    told = bool(np.isfinite(count))
    return {
        "value": int(count) if told else None,
        "value_text": complaints_text(count).to(language),
        "label": Text("件诉求", "complaints").to(language),
        "basis": Text(
            "{p}；取整到 {r} 的倍数；少于 {n} 件的数，以及会泄露它们的数，从略",
            "{p}; rounded to {r}; counts under {n}, and those that would give them away, are withheld",
        )
        .format(p=period_words(query.period), r=ROUNDED_TO, n=sight.least_complaints)
        .to(language),
        "figure": None,
        "parts": [],
        "definition": "complaints",
    }


def three_ways(
    snapshot: Snapshot, sight: Sight, found: KindCoverage, language: Language
) -> list[dict[str, Any]]:
    """Return what is beyond the limit by residents, by buildings and by area, unknown apart."""
    if missing_layers(snapshot, "gap", sight):
        return []
    people, houses = found.residents, found.buildings
    area = (
        None
        if not found.area_m2 or found.area_covered_m2 is None
        else 1 - found.area_covered_m2 / found.area_m2
    )
    unknown = found.communities_unknown
    rows: list[tuple[str, Text, float | None, float | None, Text | None, str]] = [
        (
            "residents",
            Text("人口", "Residents"),
            None if people.rate is None or sight.is_public else 1 - people.rate,
            None,  # nobody knows which share of the residents lives in communities of unknown residents
            Text("{n} 个小区", "{n} communities").format(n=number(unknown))
            if unknown and not sight.is_public
            else None,
            "coverage",
        ),
        (
            "buildings",
            Text("楼栋", "Buildings"),
            None if houses.rate is None else (houses.of - houses.count - houses.unknown) / houses.of,
            houses.unknown / houses.of if houses.of else None,
            percent(houses.unknown / houses.of) if houses.unknown else None,
            "coverage_buildings",
        ),
        ("area", Text("面积", "Area"), area, None, None, "coverage_area"),
    ]
    return [
        {
            "id": name,
            "title": title.to(language),
            "share": share,
            "share_text": (NOT_SHOWN if name == "residents" and sight.is_public else percent(share)).to(
                language
            ),
            "unknown_share": apart,
            "unknown_text": None if unknown_text is None else unknown_text.to(language),
            "withheld": name == "residents" and sight.is_public,
            "definition": definition,
        }
        for name, title, share, apart, unknown_text, definition in rows
    ]
