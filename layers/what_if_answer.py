"""What a scenario changes, in words and numbers: the present, what would be, and the difference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from geo import crs
from layers.indicators import is_double_none, is_published
from layers.limits import Limit, limit_of
from layers.places import places
from layers.summary import mediation_figures
from layers.text import Language, Text, both
from layers.unit_names import unit_names
from layers.views import unit_positions, view
from layers.what_if import ROOM, SHARED_ROOM, Applied, Hypothesis
from layers.what_if_reach import CHANGES, Difference, Reach, difference, reach, units_changed
from layers.wording import NOT_KNOWN, percent

if TYPE_CHECKING:
    from layers.figures import Figure
    from layers.queries import ViewQuery
    from layers.sight import Sight
    from layers.snapshot import Snapshot

MOST_LISTED = 200
"""So many communities that change are listed one by one; the rest are counted."""

IF = Text("假设", "Hypothetical")
NOT_A_FACT = Text(
    "假设，不是事实：存储的数据没有改动。", "A supposition, not a fact: nothing stored has changed."
)
ROOM_TITLE = Text("物业调解室", "Mediation room")
SHARED_ROOM_TITLE = Text("物业调解室（向周边开放）", "Mediation room (shared)")

_DONE = {
    "add": Text("增设{k}", "Add: {k}"),
    "move": Text("移动{k}“{n}”", 'Move: {k} "{n}"'),
    "close": Text("关闭{k}“{n}”", 'Close: {k} "{n}"'),
}
_NOT_DONE = {
    "gone": Text(
        "本区现在没有这一处，这一步不起作用。", "The district has no such place now: the step does nothing."
    ),
    "closed": Text(
        "前面的步骤已把它关闭，这一步不起作用。", "An earlier step closes it: the step does nothing."
    ),
}
_IN_NO_COMMUNITY = Text(
    "不在任何小区内，不是哪个小区自己的调解室。", "It stands in no community, and so is no community's own."
)


@dataclass(frozen=True)
class KindResult:
    """What a scenario changes for one kind of place."""

    kind: str
    limit: Limit | None
    found: Difference

    @property
    def limit_m(self) -> float:
        """The limit that walks are compared with."""
        return self.found.after.limit_m


@dataclass(frozen=True)
class WhatIf:
    """What a scenario changes; `as_dict` tells it in one language.

    Attributes
    ----------
    query : ViewQuery
        Over which units, and at which limit for its own kind; other kinds are at the standard's.
    shown : str, optional
        The kind whose changes the map shows; by default the query's, or the first that the steps are about.
    base : int, optional
        The version of the facts that the scenario was made over.
    epoch : str, optional
        Of the store that this version is of.
    """

    hypothesis: Hypothesis
    query: ViewQuery
    shown: str | None = None
    base: int | None = None
    epoch: str | None = None

    @property
    def present(self) -> Snapshot:
        """The facts as they are."""
        return self.hypothesis.present

    @property
    def is_stale(self) -> bool:
        """Whether facts were written since the scenario was made."""
        return self.base is not None and (self.base != self.present.version or self.is_of_another_epoch)

    @property
    def is_of_another_epoch(self) -> bool:
        """Whether the store was restored or set up anew since."""
        return self.epoch is not None and self.epoch != self.present.district.epoch.id

    @cached_property
    def results(self) -> dict[str, KindResult]:
        """What changes, per kind that the steps are about."""
        return {kind: kind_result(self.hypothesis, self.query, kind) for kind in self.hypothesis.kinds}

    @property
    def shown_kind(self) -> str | None:
        """The kind whose changes the map shows, None where no step does anything."""
        known = self.hypothesis.kinds
        wanted = [kind for kind in (self.shown, self.query.kind, *known) if kind in known]
        return wanted[0] if wanted else None

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "steps": [
                step_as_dict(self.hypothesis, number, one, language) | {"radius_m": self._radius_m(one)}
                for number, one in enumerate(self.hypothesis.steps, 1)
            ],
            "scenario": self.hypothesis.scenario.as_text(),
            "version": self.present.version,
            "epoch": self.present.district.epoch.id,
            "base": self.base,
            "stale": self.is_stale,
            "note": self._note().to(language),
            "shown": self.shown_kind,
            "results": [result_as_dict(self.hypothesis, one, language) for one in self.results.values()],
            "units": self._units(),
        }

    def _radius_m(self, one: Applied) -> float | None:
        """Return how far around its new place a step reaches, in straight metres; None where it reaches nobody."""
        detour = self.present.standards.detour_factor
        if one.status != "done" or one.step.at is None or one.kind == ROOM:
            return None
        limit_m = self.results[ROOM if one.kind == SHARED_ROOM else one.kind].limit_m
        return round(limit_m / detour, 1)

    def _note(self) -> Text:
        if not self.is_stale:
            return NOT_A_FACT
        if self.is_of_another_epoch:
            return Text(
                "假设，不是事实；方案作于存储恢复或重建之前的数据，已按现在的第 {v} 版重算。",
                "A supposition, not a fact; made before the store was restored or set up anew, computed anew over the "
                "present version {v}.",
            ).format(v=self.present.version)
        return Text(
            "假设，不是事实；方案作于第 {b} 版数据，已按现在的第 {v} 版重算。",
            "A supposition, not a fact; made over version {b} of the facts, computed anew over the present version {v}.",
        ).format(b=self.base, v=self.present.version)

    def _units(self) -> dict[str, Any]:
        told: dict[str, Any] = {"unit": self.query.unit, "gained": [], "lost": [], "open": []}
        if self.shown_kind is not None:
            found = self.results[self.shown_kind].found
            gained, lost, unsure = units_changed(self.present, self.query.unit, found.before, found.after)
            told |= {"gained": gained.tolist(), "lost": lost.tolist(), "open": unsure.tolist()}
        return told


def kind_result(given: Hypothesis, query: ViewQuery, kind: str) -> KindResult:
    """Return what a scenario changes for one kind, whether or not its steps are about it."""
    limit = None
    if kind != ROOM:
        standard = given.present.standards.limits[kind]
        limit = limit_of(given.present, query) if kind == query.kind else Limit(standard.limit_m, standard)
    metres = None if limit is None else limit.metres
    before = reach(given.present, kind, limit_m=metres)
    recorded = bool(given.present.count("facilities"))
    after = reach(given.supposed, kind, limit_m=metres, recorded=recorded)
    return KindResult(kind, limit, difference(given.present, before, after))


def kind_title(snapshot: Snapshot, kind: str) -> Text:
    """Return what places of a kind are called, those of mediation rooms among them."""
    rooms = {ROOM: ROOM_TITLE, SHARED_ROOM: SHARED_ROOM_TITLE}
    return rooms[kind] if kind in rooms else snapshot.standards.title("facility_kinds", kind)


def supposed_view(given: Hypothesis, query: ViewQuery, sight: Sight, language: Language) -> dict[str, Any]:
    """Return the view of what is supposed, which says so wherever a figure could be taken for a fact."""
    shown = view(given.supposed, query, sight).as_dict(language)
    shown["strip"][0]["title"] = _if(shown["strip"][0]["title"], language)
    shown["headlines"]["gap"]["label"] = _if(shown["headlines"]["gap"]["label"], language)
    for part in ("list", "legend"):
        shown[part]["title"] = _if(shown[part]["title"], language)
    return shown


def supposed_card(told: dict[str, Any], language: Language) -> dict[str, Any]:
    """Return a card of what is supposed, which says so."""
    return told | {"place": _if(told["place"], language)}


def _if(title: str, language: Language) -> str:
    return Text("{i}：{t}", "{i}: {t}").format(i=IF, t=title).to(language)


def step_as_dict(given: Hypothesis, number: int, one: Applied, language: Language) -> dict[str, Any]:
    """Return a step and what became of it."""
    step = one.step
    title = _DONE[step.action].format(
        k=kind_title(given.present, one.kind) if one.kind else both(""), n=one.name or step.code
    )
    return {
        "number": number,
        "text": step.as_text(),
        "action": step.action,
        "layer": one.layer,
        "kind": one.kind,
        "code": step.code or None,
        "title": title.to(language),
        "status": one.status,
        "note": None if (note := _step_note(given, number, one)) is None else note.to(language),
        "lon": None if step.at is None else step.at[0],
        "lat": None if step.at is None else step.at[1],
        "before": None if one.before is None else [round(value, 6) for value in one.before],
    }


def _step_note(given: Hypothesis, number: int, one: Applied) -> Text | None:
    if one.status != "done":
        return _NOT_DONE[one.status]
    notes = []
    if one.before is not None and one.step.at is not None:
        lon, lat = zip(one.before, one.step.at, strict=True)
        x, y = crs.points_to_metric(lon, lat, given.present.district.metric_crs)
        moved_m = float(np.hypot(np.diff(x), np.diff(y))[0])
        notes.append(Text("移动 {m:,.0f} m。", "{m:,.0f} m away.").format(m=moved_m))
    if one.layer == "mediation_rooms" and one.step.action != "close":
        code = one.step.code or f"what-if-{number}"
        rooms = places(given.supposed, "mediation_rooms")
        at = int(rooms["community"].get(code, -1))
        if at >= 0:
            named = unit_names(given.present, "communities")
            where = Text(*(named.names(np.array([at]), language)[0] for language in ("zh", "en")))
            notes.append(Text("属于{c}。", "Of {c}.").format(c=where))
        else:
            notes.append(_IN_NO_COMMUNITY)
    return Text("".join(note.zh for note in notes), " ".join(note.en for note in notes)) if notes else None


def result_as_dict(given: Hypothesis, one: KindResult, language: Language) -> dict[str, Any]:
    """Return what changes for one kind."""
    found = one.found
    return {
        "kind": one.kind,
        "title": kind_title(given.present, one.kind).to(language),
        "limit_m": one.limit_m,
        "limit_chosen": one.limit is not None and one.limit.is_chosen,
        "method": method(given.present, one).to(language),
        "communities_unknown": found.after.communities_unknown,
        "figures": [figure_as_dict(*row, language) for row in figures(found.before, found.after)],
        "changes": {
            name: {
                "communities": found.count(name),
                "double_none": found.count(name, double_none=True),
                "villages": found.count(name, published=False),
            }
            for name in CHANGES
        },
        "communities": _communities(given.present, found, language),
        "more": max(0, len(found.order) - MOST_LISTED),
        "mediation": _mediation(given) if one.kind == ROOM else None,
    }


def method(snapshot: Snapshot, one: KindResult) -> Text:
    """Say how it is counted, at which limit, and where the limit comes from."""
    detour = snapshot.standards.detour_factor
    if one.limit is not None:
        return Text("直线距离 × {d:g} 估算。{s}", "Straight line x {d:g}. {s}").format(
            d=detour, s=one.limit.source
        )
    return Text(
        "调解室服务所属小区；向周边开放的，还服务步行 {m:g} m 以内的居民（直线距离 × {d:g}，自定）。"
        "是否开放不明的，其周边算“不能判断”。",
        "A room serves its own community; a shared one also whoever walks at most {m:g} m (straight line x {d:g}, own "
        "proposal). Around a room of which it is unknown whether it is shared we cannot tell.",
    ).format(m=one.limit_m, d=detour)


def figures(before: Reach, after: Reach) -> tuple[tuple[str, Text, Figure, Figure], ...]:
    """Return the three ways of counting: id, title, as it is, as it would be."""
    return (
        ("residents", Text("覆盖居民", "Residents covered"), before.residents, after.residents),
        ("buildings", Text("覆盖楼栋", "Buildings covered"), before.buildings, after.buildings),
        ("communities", Text("覆盖小区", "Communities covered"), before.communities, after.communities),
    )


def figure_as_dict(
    name: str, title: Text, before: Figure, after: Figure, language: Language
) -> dict[str, Any]:
    """Return one figure before and after; what cannot be told on one side changes by nobody knows how much."""
    is_told = before.rate is not None and after.rate is not None
    change = after.count - before.count if is_told or not before.of else None
    return {
        "id": name,
        "title": title.to(language),
        "before": before.as_dict(),
        "after": after.as_dict(),
        "change": change,
        "unknown_change": after.unknown - before.unknown,
        "before_text": percent(before.rate).to(language),
        "after_text": percent(after.rate).to(language),
        "change_text": NOT_KNOWN.to(language) if change is None else signed(change),
        "unknown_change_text": signed(after.unknown - before.unknown),
    }


def signed(change: int) -> str:
    """Return a change with its sign; a true minus, as figures are written."""
    return "0" if not change else f"{'+' if change > 0 else '−'}{abs(change):,}"


def _communities(present: Snapshot, found: Difference, language: Language) -> list[dict[str, Any]]:
    order = found.order[:MOST_LISTED]
    named, frame = unit_names(present, "communities"), present.frame("communities")
    lon, lat = unit_positions(present, "communities")
    names, where = named.names(order, language), named.places(order, language)
    told = []
    for at, name, place in zip(order.tolist(), names, where, strict=True):
        told.append(
            {
                "code": str(frame.index[at]),
                "name": name,
                "place": place,
                "change": str(found.change[at]),
                "double_none": str(found.double_none[at]),
                "published": bool(found.published[at]),
                "residents": round(float(found.residents[at])),
                "residents_text": signed(round(float(found.residents[at]))),
                "open_residents": round(float(found.open_residents[at])),
                "buildings": int(found.buildings[at]),
                "walk_before_m": _metres(found.before.walk_m[at]),
                "walk_after_m": _metres(found.after.walk_m[at]),
                "within_before": str(found.before.within[at]),
                "within_after": str(found.after.within[at]),
                "lon": round(float(lon[at]), 6),
                "lat": round(float(lat[at]), 6),
            }
        )
    return told


def _metres(value: float) -> float | None:
    return round(float(value), 1) if np.isfinite(value) else None


def _mediation(given: Hypothesis) -> dict[str, Any]:
    """Return which communities are due a room and have one, by membership: the figures of the summary."""
    names = ("eligible", "served", "missing", "cannot_tell")
    before, after = mediation_figures(given.present), mediation_figures(given.supposed)
    return {
        "households_at_least": before["households_at_least"],
        "before": {name: before[name] for name in names},
        "after": {name: after[name] for name in names},
    }


def open_double_none(snapshot: Snapshot, found: Reach) -> int:
    """Return how many published double-none communities are not within the limit."""
    communities = snapshot.frame("communities")
    open_cases = (is_double_none(communities) == "yes") & is_published(communities)
    return int((open_cases & (found.within == "no")).sum())
