"""The numbers above the map: one headline per question, three ways of counting, the strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layers.analysis import in_period
from layers.coverage import kind_coverage
from layers.figures import Figure
from layers.indicators import URBAN_VILLAGE, is_double_none
from layers.questions import answer
from layers.schema import LAYERS
from layers.summary import summary
from layers.text import Language, Text, both, joined
from layers.units import units
from layers.wording import large, number, percent

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from layers.queries import ViewQuery
    from layers.questions import Answer
    from layers.snapshot import Snapshot

NEEDS = {
    "gap": ("facilities", "buildings"),
    "double_none": ("communities",),
    "hotspots": ("complaints",),
}
"""Layers without which a question cannot be answered."""


def headlines(snapshot: Snapshot, query: ViewQuery, language: Language) -> dict[str, Any]:
    """Return the headline of each question over the whole district."""
    made = {"gap": _gap, "double_none": _double_none, "hotspots": _hotspots}
    found = {}
    for question, make in made.items():
        needs = missing_layers(snapshot, question)
        if needs:
            titles = joined([LAYERS[name].title for name in needs])
            found[question] = {
                "needs": needs,
                "value_text": "—",
                "label": Text("需要{t}", "Needs {t}").format(t=titles).to(language),
                "basis": "",
                "figure": None,
                "parts": [],
                "definition": QUESTION_DEFINITIONS[question],
            }
        else:
            found[question] = {
                "needs": [],
                "definition": QUESTION_DEFINITIONS[question],
                **make(snapshot, query, language),
            }
    return found


QUESTION_DEFINITIONS = {"gap": "coverage", "double_none": "double_none", "hotspots": "hotspots"}


def missing_layers(snapshot: Snapshot, question: str) -> list[str]:
    """Return the layers that a question needs and that have no rows."""
    missing = [name for name in NEEDS[question] if not len(snapshot.frame(name))]
    if question == "gap" and "buildings" in missing and len(snapshot.frame("communities")):
        missing.remove("buildings")
    return missing


def _gap(snapshot: Snapshot, query: ViewQuery, language: Language) -> dict[str, Any]:
    found = kind_coverage(snapshot, query.kind)
    residents = found.residents if found.residents.of else found.buildings
    by_residents = bool(found.residents.of)
    beyond = Figure(residents.of - residents.count - residents.unknown, residents.of, residents.unknown)
    limit = f"{found.limit_m:g} m"
    what = Text("居民", "of residents") if by_residents else Text("楼栋", "of buildings")
    people = (
        Text(
            "{c}人，占 {n} 个小区居民 {o}人{d}；另有 {u} 个小区人口不明",
            "{c} of {o} residents of {n} communities{d}; {u} more of unknown residents",
        )
        if by_residents
        else Text("{c}栋，占全区 {o}栋；居民都不明", "{c} of {o} buildings; all residents unknown")
    )
    as_of = snapshot.district.as_of
    dated = Text("（{d}）", " ({d})").format(d=as_of) if as_of else both("")
    communities = summary(snapshot)["communities"] - found.communities_unknown
    return {
        "value": beyond.rate,
        "value_text": percent(beyond.rate).to(language),
        "label": Text("{w}在 {l} 以外", "{w} beyond {l}").format(w=what, l=limit).to(language),
        "basis": people.format(
            c=_before_unit(large(beyond.count)),
            o=_before_unit(large(beyond.of)),
            d=dated,
            n=number(communities),
            u=number(found.communities_unknown),
        ).to(language),
        "figure": beyond.as_dict(),
        "parts": [],
        "definition": "coverage" if by_residents else "coverage_buildings",
    }


def _before_unit(value: Text) -> Text:
    """Return a number as it stands before 人 or 栋: 1.2 万人 but 9,552 人."""
    return value if value.zh.endswith("万") else Text(value.zh + " ", value.en)


def _double_none(snapshot: Snapshot, query: ViewQuery, language: Language) -> dict[str, Any]:
    found = summary(snapshot)
    figure, villages = found["double_none"], found["urban_villages"]
    classes = found["management_classes"]
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
            v=villages["count"], n=villages["double_none"]["count"]
        )
        if villages["count"]
        else both("")
    )
    return {
        "value": figure["count"],
        "value_text": number(figure["count"]).to(language),
        "label": Text("个双无，{u} 个不能判断", "and {u} we cannot tell")
        .format(u=figure["unknown"])
        .to(language),
        "basis": Text("共 {o} 个小区{b}", "of {o} communities{b}")
        .format(o=number(figure["of"]), b=beside)
        .to(language),
        "figure": figure,
        "parts": [
            {"id": name, "title": titles[name].to(language), "count": classes[name], "token": token}
            for name, token in zip(titles, tokens, strict=True)
        ],
    }


def _hotspots(snapshot: Snapshot, query: ViewQuery, language: Language) -> dict[str, Any]:
    from dataclasses import replace

    unit = query.unit if query.question == "hotspots" else "square:100"
    answered = answer(snapshot, replace(query, question="hotspots", unit=unit))
    classes = answered.table["class"]
    count = {item.id: int((classes == item.id).sum()) for item in answered.classes}
    complaints = int(in_period(snapshot, query.period).sum())
    located = int(answered.table["complaints"].sum())
    period = _period_words(query)
    elsewhere = (
        Text("，其中 {n} 件不在任何单元", ", {n} of them in no unit").format(n=number(complaints - located))
        if complaints > located
        else both("")
    )
    masked = count["masked"]
    compared = (
        Text(
            "比较 {u} 个单元（居民不足 {n} 人的 {m} 个遮蔽）",
            "of {u} units compared ({m} under {n} residents are masked)",
        )
        if masked
        else Text("比较 {u} 个单元", "of {u} units")
    ).format(u=number(len(classes) - masked), m=number(masked), n=snapshot.standards.hotspot_mask_residents)
    return {
        "value": count["hot_99"],
        "value_text": number(count["hot_99"]).to(language),
        "label": Text("个热点单元，置信度 99%", "hot units at 99 % confidence").to(language),
        "basis": Text("{u}；{p} 诉求 {c} 件{e}", "{u}; {c} complaints, {p}{e}")
        .format(u=compared, p=period, c=number(complaints), e=elsewhere)
        .to(language),
        "figure": Figure(count["hot_99"], len(classes), masked).as_dict(),
        "parts": [
            {"id": item.id, "title": item.title.to(language), "count": count[item.id], "token": item.token}
            for item in answered.classes
            if item.id != "masked"
        ],
    }


def _period_words(query: ViewQuery) -> Text:
    first, last = query.period
    if first is None and last is None:
        return Text("全部日期", "all dates")
    if last is None:
        return Text("{a} 起", "from {a}").format(a=first)
    if first is None:
        return Text("截至 {b}", "up to {b}").format(b=last)
    return Text("{a} 至 {b}", "{a} to {b}").format(a=first, b=last)


def three_ways(snapshot: Snapshot, query: ViewQuery, language: Language) -> list[dict[str, Any]]:
    """Return what is beyond the limit by residents, by buildings and by area, unknown apart."""
    if missing_layers(snapshot, "gap"):
        return []
    found = kind_coverage(snapshot, query.kind)
    communities = summary(snapshot)["communities"]
    unknown = found.communities_unknown / communities if communities else None
    people, houses = found.residents, found.buildings
    area = (
        None
        if not found.area_m2 or found.area_covered_m2 is None
        else 1 - found.area_covered_m2 / found.area_m2
    )
    rows: list[tuple[str, Text, float | None, float | None, str]] = [
        (
            "residents",
            Text("人口", "Residents"),
            None if people.rate is None else 1 - people.rate,
            unknown,
            "coverage",
        ),
        (
            "buildings",
            Text("楼栋", "Buildings"),
            None if houses.rate is None else (houses.of - houses.count - houses.unknown) / houses.of,
            houses.unknown / houses.of if houses.of else None,
            "coverage_buildings",
        ),
        ("area", Text("面积", "Area"), area, None, "coverage_area"),
    ]
    return [
        {
            "id": name,
            "title": title.to(language),
            "share": share,
            "share_text": percent(share).to(language),
            "unknown_share": apart,
            "definition": definition,
        }
        for name, title, share, apart, definition in rows
    ]


def _communities_in(snapshot: Snapshot, query: ViewQuery, table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which communities lie in the rows of a view and are of the kind that the filter names."""
    chosen = np.isin(units(snapshot, query.unit).of_community, table.index.to_numpy())
    if query.community_kind is not None:
        chosen &= (snapshot.frame("communities")["kind"] == query.community_kind).to_numpy()
    return np.asarray(chosen, dtype=bool)


def strip(
    snapshot: Snapshot, query: ViewQuery, answered: Answer, table: pd.DataFrame, language: Language
) -> list[dict[str, Any]]:
    """Return the figures over the map; they follow the filter."""
    people = table["residents"].to_numpy()
    residents = float(np.nansum(people)) if np.isfinite(people).any() else None
    where = (
        Text("全区", "Whole district")
        if query.subdistrict is None
        else both(str(snapshot.frame("subdistricts").loc[query.subdistrict, "name"]))
    )
    if query.community_kind is not None:
        kind = snapshot.standards.title("community_kinds", query.community_kind)
        where = Text("{w} · {k}", "{w} · {k}").format(w=where, k=kind)
    here = _communities_in(snapshot, query, table)
    villages = (snapshot.frame("communities")["kind"] == URBAN_VILLAGE).any()
    people_title = Text("全部居民", "All residents") if villages else Text("居民", "Residents")
    items: list[tuple[Text, Text, str | None, str | None]] = [
        (where, both(""), None, None),
        (Text("小区", "Communities"), number(int(here.sum())), None, "communities"),
        (Text("楼栋", "Buildings"), number(int(table["buildings"].sum())), None, "buildings"),
        (people_title, large(residents), None, "residents"),
    ]
    if query.question == "gap":
        beyond = table["value"].sum(skipna=True)
        limit = snapshot.standards.limits[query.kind].limit_m
        title = Text("{l:g} m 以外", "Beyond {l:g} m").format(l=limit)
        items.append((title, large(float(beyond)), "gap", answered.definition))
        if answered.basis == "residents":
            unknown = Text("{n} 处", "{n} units").format(n=number(int((table["class"] == "unknown").sum())))
            items.append((Text("人口不明", "Residents unknown"), unknown, None, "residents"))
    elif query.question == "double_none":
        answers = is_double_none(snapshot.frame("communities"))[here]
        count, open_cases = int((answers == "yes").sum()), int((answers == "unknown").sum())
        items += [
            (Text("双无", "Double-none"), number(count), "double-none", "double_none"),
            (Text("不能判断", "Cannot tell"), number(open_cases), None, "double_none"),
        ]
    else:
        hot = int(table["class"].isin(["hot_99", "hot_95", "hot_90"]).sum())
        items += [
            (Text("诉求", "Complaints"), number(int(table["complaints"].sum())), None, "complaints"),
            (Text("热点", "Hot"), number(hot), "hot", "hotspots"),
        ]
    return [
        {
            "title": title.to(language),
            "value_text": value.to(language),
            "tone": tone,
            "definition": definition,
        }
        for title, value, tone, definition in items
    ]
