"""The six linkages (六联) by which the district governs its communities, each with its figure for the wall.

Every figure belongs to one linkage. Where the district keeps nothing that a linkage could be counted from, that is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from layers.figures import Figure
from layers.periods import year_to
from layers.queries import default_period
from layers.summary import community_figures, mediation_figures, summary
from layers.tallies import complaints_in_period
from layers.text import Language, Text, both
from layers.wall_figures import NO_EARLIER, NOT_RECORDED, Shown, part_of, since, whole_percent

if TYPE_CHECKING:
    import pandas as pd

    from layers.earlier import Past
    from layers.periods import Period
    from layers.snapshot import Snapshot

_COMMUNITIES = Text("个小区", "communities")
_CASES = Text("件", "complaints")
NO_BASE = Text("基数为 0", "base is 0")
_NO_DATA = Text("还没有导入相关数据", "no data of it yet")


@dataclass(frozen=True)
class Linkage:
    """One of the six, with one figure, the first with the two coverages that must never stand alone."""

    id: str
    title: Text
    figures: tuple[Shown, ...]

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the linkage for JSON."""
        return {
            "id": self.id,
            "title": self.title.to(language),
            "figures": [one.as_dict(language) for one in self.figures],
        }


def linkages(snapshot: Snapshot, past: Past | None) -> tuple[Linkage, ...]:
    """Return the six linkages in their order, compared with the past where there is one."""
    return (
        Linkage("organisation", Text("组织联建", "Organisation"), coverages(snapshot, past)),
        Linkage("mechanism", Text("机制联合", "Mechanism"), (_powers(),)),
        Linkage("governance", Text("治理联动", "Governance"), (_mediation(snapshot, past),)),
        Linkage("information", Text("信息联网", "Information"), (_closed(snapshot),)),
        Linkage("results", Text("成果联享", "Results"), (_projects(snapshot),)),
        Linkage("stars", Text("星级联创", "Stars"), (_disputes(snapshot),)),
    )


def coverages(snapshot: Snapshot, past: Past | None) -> tuple[Shown, Shown]:
    """Return how many communities have a Party branch, and how many an owners' committee: always side by side."""
    now, before = summary(snapshot), communities_before(past)
    told = {
        "organisation_coverage": (
            Text("党组织覆盖", "Party branch"),
            Text(
                "城中村以外，有党支部的小区占比；不明计入分母。党组织覆盖高，不等于居民有了自己的业委会。",
                "Communities with a Party branch, urban villages apart; unknown count in the base. A high share "
                "does not mean that owners have a committee of their own.",
            ),
        ),
        "owners_committee": (
            Text("有业委会", "owners' committee"),
            Text(
                "城中村以外，有业委会的小区占比；不明计入分母，斜纹另列。",
                "Communities with an owners' committee, urban villages apart; unknown count in the base and are hatched.",
            ),
        ),
    }
    first, second = (
        Shown(
            id=name,
            label=label,
            value=_share(now[name]["rate"]),
            basis=part_of(_figure(now[name]), _COMMUNITIES),
            rest=_rest(now[name]),
            trend=_trend(past, now[name], None if before is None else before[name]),
            figure=now[name],
            reference=snapshot.standards.references.get(name),
            definition=definition,
            recorded=now[name]["of"] > 0,
        )
        for name, (label, definition) in told.items()
    )
    return first, second


def communities_before(past: Past | None) -> dict[str, Any] | None:
    """Return the published communities' figures of an earlier day; None where none of their facts has changed."""
    if past is None or "communities" not in past.changed:
        return None
    return past.snapshot.derived(("wall", "communities"), lambda: community_figures(past.snapshot)[0])


def _figure(counted: dict[str, Any]) -> Figure:
    return Figure(counted["count"], counted["of"], counted["unknown"])


def _rest(counted: dict[str, Any]) -> Text:
    left = counted["of"] - counted["count"] - counted["unknown"]
    return Text("无 {n} 个，不明 {u} 个", "{n} no, {u} unknown").format(
        n=f"{left:,}", u=f"{counted['unknown']:,}"
    )


def _trend(past: Past | None, now: dict[str, Any], before: dict[str, Any] | None) -> Text:
    if past is None or before is None:
        return NO_EARLIER
    return since(past.day, now["count"], before["count"], points=False, unit="个")


def _powers() -> Shown:
    return Shown(
        id="powers",
        label=Text("五项权力，上月用过几项", "Five powers, used last month"),
        value=NOT_RECORDED,
        rest=Text("缺五项权力的使用记录", "no log of their use is kept"),
        definition=Text(
            "议事、建议、人事、监督、评议五项权力，要有支部的使用记录才能算；现在没有这份记录。",
            "Deliberate, propose, personnel, supervise, appraise: counted from a log of their use, which is not kept.",
        ),
        recorded=False,
    )


def _mediation(snapshot: Snapshot, past: Past | None) -> Shown:
    now = summary(snapshot)["mediation"]
    before = None
    if past is not None and past.changed & {"communities", "mediation_rooms"}:
        before = past.snapshot.derived(("wall", "mediation"), lambda: mediation_figures(past.snapshot))
    figure = Figure(now["served"], now["eligible"] + now["cannot_tell"], now["cannot_tell"])
    shown = Shown(
        id="mediation",
        label=Text("应设调解室，已设", "Due mediation rooms set up"),
        value=_share(figure.rate),
        basis=part_of(figure, _COMMUNITIES),
        rest=Text("缺 {m}，户数不明 {u}", "{m} lack one, {u} cannot tell").format(
            m=f"{now['missing']:,}", u=f"{now['cannot_tell']:,}"
        ),
        trend=NO_EARLIER
        if past is None or before is None
        else since(past.day, now["served"], before["served"], points=False, unit="个"),
        figure=figure.as_dict(),
        reference=snapshot.standards.references.get("mediation"),
        definition=Text(
            "城中村以外，{h} 户及以上的小区中已有物业调解室的；户数不明的计入分母。按归属算，不按距离。全区共 {n} 间。",
            "Of communities of {h} or more households, urban villages apart, those with a mediation room of their "
            "own; unknown households count in the base. {n} rooms in all.",
        ).format(h=now["households_at_least"], n=f"{now['rooms']:,}"),
    )
    return shown if figure.of else _without_data(shown)


def _closed(snapshot: Snapshot) -> Shown:
    period = default_period(snapshot)
    now, earlier = _closed_of(snapshot, period), period_before(snapshot, period)
    trend = NO_EARLIER
    if earlier is not None and earlier[1] is not None:
        trend = since(earlier[1], now.rate, _closed_of(snapshot, earlier).rate, points=True)
    shown = Shown(
        id="closed",
        label=Text("近 12 个月诉求，已办结", "Complaints closed in a year"),
        value=_share(now.rate),
        basis=part_of(now, _CASES),
        rest=Text("其余 {n} 件未见办结", "{n} not closed on record").format(n=f"{now.of - now.count:,}"),
        trend=trend,
        figure=now.as_dict(),
        definition=Text(
            "{a} 至 {b} 提出、到期末已办结的；没有办结日期的留在分母里。没有记办理期限，所以不是按时率。",
            "Opened {a} to {b} and closed by then; those without a closing date stay in the base. Due dates are not "
            "kept: it is no on-time rate.",
        ).format(a=period[0] or "…", b=period[1] or "…"),
    )
    return shown if now.of else _without_data(shown)


def _closed_of(snapshot: Snapshot, period: Period) -> Figure:
    """Count the complaints of a period that were closed by its end."""

    def make() -> Figure:
        complaints = snapshot.frame("complaints")
        opened, closed = complaints["opened"].to_numpy(), complaints["closed"].to_numpy()
        inside, done = ~np.isnat(opened), ~np.isnat(closed)
        if period[0] is not None:
            inside &= opened >= np.datetime64(period[0])
        if period[1] is not None:
            inside &= opened <= np.datetime64(period[1])
            done &= closed <= np.datetime64(period[1])
        return Figure(int((inside & done).sum()), int(inside.sum()), 0)

    return snapshot.derived(("wall", "closed", *period), make, scheme="district")


def period_before(snapshot: Snapshot, period: Period) -> Period | None:
    """Return the year before a year of complaints; None where complaints do not reach back to its beginning."""
    first, last = period
    if first is None or last is None or not snapshot.count("complaints"):
        return None
    earlier = year_to(first - timedelta(days=1))
    oldest: pd.Timestamp = snapshot.derived(
        ("wall", "oldest"), lambda: snapshot.frame("complaints")["opened"].min()
    )
    return earlier if oldest.date() <= earlier[0] and complaints_in_period(snapshot, earlier) else None


def _projects(snapshot: Snapshot) -> Shown:
    return Shown(
        id="projects",
        label=Text("认领项目，已解决", "Projects claimed and solved"),
        value=NOT_RECORDED,
        rest=Text("缺项目和认领的记录", "no record of projects is kept"),
        reference=snapshot.standards.references.get("projects"),
        definition=Text(
            "社会组织认领的项目中已解决的；现在没有项目和认领的记录，公布数只作参照。",
            "Of the projects that organisations claimed, those solved; none are on record, the published ones are for "
            "reference.",
        ),
        recorded=False,
    )


def _disputes(snapshot: Snapshot) -> Shown:
    found = summary(snapshot)["pilot_disputes"]
    change, interval = found["change"], found["interval_95"]
    before, after = found["before"], found["after"]
    spread = (
        Text("95% 区间 {l} 至 {h}", "95 % interval {l} to {h}").format(
            l=_signed(interval[0]), h=_signed(interval[1])
        )
        if interval
        else both("")
    )
    shown = Shown(
        id="pilot_disputes",
        label=Text("试点小区物业纠纷", "Property disputes in pilots"),
        value=NO_BASE if change is None else both(_signed(change)),
        basis=Text("{b} → {a} 件，{n} 个小区", "{b} → {a}, {n} communities").format(
            b=f"{before['count']:,}", a=f"{after['count']:,}", n=found["communities"]
        ),
        rest=spread,
        trend=Text("{a} 年比 {b} 年", "{a} on {b}").format(a=after["year"], b=before["year"]),
        reference=snapshot.standards.references.get("pilot_disputes"),
        definition=Text(
            "同一批试点小区 {a} 年比 {b} 年的物业纠纷件数。支部的星级评定尚无记录。",
            "Property disputes of {a} against {b} in the same pilot communities. Stars of branches are not recorded yet.",
        ).format(a=after["year"], b=before["year"]),
        recorded=change is not None,
    )
    return shown if before["count"] + after["count"] else _without_data(shown)


def _without_data(shown: Shown) -> Shown:
    """Return a figure of layers that hold nothing that it could be counted from."""
    return replace(shown, value=NOT_RECORDED, basis=both(""), rest=_NO_DATA, recorded=False)


def _share(rate: float | None) -> Text:
    return NOT_RECORDED if rate is None else whole_percent(rate)


def _signed(change: float) -> str:
    percent = round(100 * change)
    return f"{'−' if percent < 0 else '+' if percent > 0 else ''}{abs(percent)}%"
