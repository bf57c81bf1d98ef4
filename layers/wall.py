"""What the leaders' wall says: the three questions and the six linkages, by the numbers of the views and the summary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from layers.figures import Figure
from layers.headlines import headlines, reached
from layers.limits import limit_of
from layers.linkages import communities_before, coverages, linkages, period_before
from layers.queries import ViewQuery
from layers.questions import full_answer
from layers.summary import community_figures, summary_for
from layers.tallies import complaints_in_period
from layers.text import Language, Text, both
from layers.views import QUESTION_TITLES
from layers.wall_figures import NO_EARLIER, Shown, round_number, since, whole_percent
from layers.wording import short_kind

if TYPE_CHECKING:
    from layers.earlier import Past
    from layers.sight import Sight
    from layers.snapshot import Snapshot

_TOKENS = {"gap": "gap-4", "double_none": "double-none", "hotspots": "hot+3"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question as the wall puts it.

    Attributes
    ----------
    query : ViewQuery
        What the map beside it shows.
    shown : Shown
    needs : tuple of str
        Layers that have to be there first.
    """

    query: ViewQuery
    shown: Shown
    needs: tuple[str, ...]

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the question for JSON."""
        question = self.query.question
        return {
            **self.shown.as_dict(language),
            "title": QUESTION_TITLES[question].to(language),
            "token": _TOKENS[question],
            "needs": list(self.needs),
            "view": {
                "question": question,
                "unit": self.query.unit,
                "kind": self.query.kind if question == "gap" else None,
            },
        }


def wall(snapshot: Snapshot, sight: Sight, past: Past | None, language: Language) -> dict[str, Any]:
    """Return all that the wall says, for JSON.

    Raises
    ------
    NotSignedIn, Forbidden
        `sight` does not hold the whole district.
    """
    summary_for(snapshot, sight)
    district = snapshot.district
    found: dict[str, Any] = snapshot.derived(
        ("wall", sight, past, language),
        lambda: {
            "questions": [one.as_dict(language) for one in questions(snapshot, sight, past)],
            "pair": [one.as_dict(language) for one in coverages(snapshot, past)],
            "linkages": [one.as_dict(language) for one in linkages(snapshot, past)],
            "facilities": _facilities(snapshot, sight, language),
        },
    )
    return {
        "version": snapshot.version,
        "epoch": district.epoch.id,
        "as_of": None if district.as_of is None else district.as_of.isoformat(),
        "invented": district.invented,
        **found,
    }


def questions(snapshot: Snapshot, sight: Sight, past: Past | None) -> tuple[Asked, ...]:
    """Return the three questions with the numbers of their headlines."""
    query = ViewQuery.from_params({}, snapshot, sight)
    told = headlines(snapshot, query, sight, reached(snapshot, query, sight), "zh")
    make = {"gap": _gap, "double_none": _double_none, "hotspots": _hotspots}
    asked = []
    for name, shown_of in make.items():
        of_question = ViewQuery.from_params({"question": name}, snapshot, sight)
        needs = tuple(told[name]["needs"])
        shown = _missing(name) if needs else shown_of(snapshot, of_question, sight, past, told[name])
        asked.append(Asked(query=of_question, shown=shown, needs=needs))
    return tuple(asked)


def _missing(question: str) -> Shown:
    return Shown(
        id=question,
        label=Text("还没有导入所需的图层", "the layers that it needs are not there yet"),
        value=both("—"),
        definition=Text("导入以后就有数。", "There will be a figure once they have been imported."),
        recorded=False,
    )


def _gap(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, past: Past | None, told: dict[str, Any]
) -> Shown:
    limit, kind = limit_of(snapshot, query), short_kind(snapshot.standards, query.kind)
    beyond = _figure(told)
    by_residents = told["definition"] == "coverage"
    before = None
    if past is not None and by_residents and past.changed & {"communities", "facilities"}:
        found = reached(past.snapshot, query, sight).residents
        before = None if found.rate is None else 1 - found.rate
    unknown = reached(snapshot, query, sight).communities_unknown if by_residents else beyond.unknown
    return Shown(
        id="gap",
        label=(
            Text("居民离{k}超 {l:g} m", "of residents over {l:g} m from {k}")
            if by_residents
            else Text("楼栋离{k}超 {l:g} m", "of buildings over {l:g} m from {k}")
        ).format(k=Text(kind.zh, kind.en.lower()), l=limit.metres),
        value=whole_percent(beyond.rate),
        basis=(
            Text("{c}人 / {o}人", "{c} of {o}") if by_residents else Text("{c}栋 / {o}栋", "{c} of {o}")
        ).format(c=_spaced(round_number(beyond.count)), o=_spaced(round_number(beyond.of))),
        rest=(
            Text("另有 {n} 个小区人口不明", "residents unknown in {n}")
            if by_residents
            else Text("{n} 栋位置不明", "{n} of unknown place")
        ).format(n=f"{unknown:,}"),
        trend=NO_EARLIER if past is None else since(past.day, beyond.rate, before, points=True),
        figure=told["figure"],
        definition=(
            Text(
                "居民到最近{k}的直线距离 × {d:g}，超过 {l:g} m 为够不到；人口不明的另列，城中村不在分母。{e}",
                "Straight line to the nearest {k} x {d:g}, out of reach beyond {l:g} m; unknown residents and urban "
                "villages are not in the base. {e}",
            )
            if by_residents
            else Text(
                "楼栋到最近{k}的直线距离 × {d:g}，超过 {l:g} m 为够不到；居民都不明。{e}",
                "Straight line to the nearest {k} x {d:g}, out of reach beyond {l:g} m; no residents are known. {e}",
            )
        ).format(
            k=Text(kind.zh, kind.en.lower()),
            d=snapshot.standards.detour_factor,
            l=limit.metres,
            e=both("")
            if before is None
            else Text("上一年按现有楼栋算。", "The year before by the buildings of today."),
        ),
    )


def _double_none(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, past: Past | None, told: dict[str, Any]
) -> Shown:
    figure, before = _figure(told), communities_before(past)
    villages = community_figures(snapshot)[1]
    apart = (
        Text("城中村 {v} 个另计，双无 {n} 个", "urban villages apart: {v}, double-none {n}").format(
            v=villages["communities"], n=villages["double_none"]["count"]
        )
        if villages["communities"]
        else both("")
    )
    return Shown(
        id="double_none",
        label=Text("个小区，另有 {u} 个不明", "communities, {u} unknown").format(u=f"{figure.unknown:,}"),
        value=both(f"{figure.count:,}"),
        basis=Text("共 {o} 个小区", "of {o} communities").format(o=f"{figure.of:,}"),
        rest=apart,
        trend=NO_EARLIER
        if past is None or before is None
        else since(
            past.day,
            figure.count,
            before["double_none"]["count"],
            points=False,
            unit="个",
        ),
        figure=told["figure"],
        definition=Text(
            "物业管理和业委会都没有的小区，由两项带日期的事实推出；有一项不明、另一项为无的不能判断，斜纹另列。",
            "Neither manager nor owners' committee, from two dated facts; one unknown and the other no cannot be told: "
            "hatched.",
        ),
    )


def _hotspots(
    snapshot: Snapshot, query: ViewQuery, sight: Sight, past: Past | None, told: dict[str, Any]
) -> Shown:
    figure = _figure(told)
    earlier = period_before(snapshot, query.period)
    before = None
    if earlier is not None:
        classes = full_answer(snapshot, replace(query, period=earlier)).table["class"]
        before = int((classes == "hot_99").sum())
    first = query.period[0]
    complaints = complaints_in_period(snapshot, query.period)
    by_rate = full_answer(snapshot, query).basis == "rate"
    return Shown(
        id="hotspots",
        label=Text("个热点格，99% 置信", "hot cells, 99 % confidence"),
        value=both(f"{figure.count:,}"),
        basis=Text("比较 {o} 格，不比 {m} 格", "of {o} cells, {m} left out").format(
            o=f"{figure.of - figure.unknown:,}", m=f"{figure.unknown:,}"
        ),
        rest=(
            Text("近 12 个月诉求 {n} 件", "{n} complaints in 12 months")
            if first
            else Text("诉求 {n} 件，全部日期", "{n} complaints, all dates")
        ).format(n=f"{complaints:,}"),
        trend=NO_EARLIER
        if before is None or earlier is None or earlier[1] is None
        else since(earlier[1], figure.count, before, points=False, unit="格"),
        figure=told["figure"],
        definition=Text(
            "每格与相邻格的{c}同全区比，Gi* 检验，控制误报；居民不足 {n} 人或人口不明的格不比。{e}",
            "{c} of a cell and its neighbours against the district (Gi*, FDR); cells under {n} or of unknown residents left out. {e}",
        ).format(
            c=Text("每千人诉求", "Complaint rate") if by_rate else Text("诉求件数", "Complaints"),
            n=snapshot.standards.hotspot_mask_residents,
            e=both("") if before is None else Text("上一年按现有人口算。", "Year before: today's residents."),
        ),
    )


def _facilities(snapshot: Snapshot, sight: Sight, language: Language) -> dict[str, Any]:
    """Return the kind of facility that the first question's map marks, and how many there are."""
    kind = ViewQuery.from_params({}, snapshot, sight).kind
    return {
        "kind": kind,
        "title": short_kind(snapshot.standards, kind).to(language),
        "count": int((snapshot.frame("facilities")["kind"] == kind).sum()),
    }


def _figure(told: dict[str, Any]) -> Figure:
    figure = told["figure"]
    return Figure(figure["count"], figure["of"], figure["unknown"])


def _spaced(value: Text) -> Text:
    """Return a number as it stands before 人 or 栋: 115 万人 but 9,552 人."""
    return value if value.zh.endswith("万") else Text(value.zh + " ", value.en)
