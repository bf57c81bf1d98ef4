"""Single facts corrected and verified: one request, one feature, exactly once, nobody's work overwritten.

A request says what somebody saw, on which day, from where it is known, and which version of the feature it was
before their eyes. Fields that others have changed since are left as they made them; a field that both changed to
different values is a conflict, of which both sides are shown, and nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from layers.amending import GEOMETRY, Amended, Found, Key, KeyReused
from layers.epochs import another_epoch
from layers.fact_request import FactRequest, Problems, refused
from layers.fact_rules import PLACE, SPANS, Correctable, correctable, day_field, not_found
from layers.fact_values import check_values
from layers.places import is_same_place, parents_after_move
from layers.problems import Conflict, NotFound, Problem, StoreConflict
from layers.store import Authorship
from layers.text import Text

if TYPE_CHECKING:
    from layers.policy import Policy
    from layers.snapshot import Snapshot
    from layers.standards import Standards
    from layers.store import Edit, Store
    from layers.visitors import Visitor

_ENTRANCE = ("entrance_lon", "entrance_lat")
_WITH_SOURCE = re.compile(r"\[([^\]\n]*)\] ?(.*)", re.DOTALL)


class FactConflict(StoreConflict):
    """Somebody has changed since, to something else, what a request would change; nothing was written.

    Attributes
    ----------
    mergeable : tuple of str
        Fields of the request that nobody else has changed to something else.
    causes : mapping of field to Authorship
        Why the others' values were written.
    restored : Text, optional
        That the store is not the one in which the request's author had looked.
    """

    def __init__(
        self,
        conflicts: tuple[Conflict, ...],
        mergeable: tuple[str, ...],
        causes: Mapping[str | None, Authorship],
        restored: Text | None = None,
    ) -> None:
        told = Text(
            "{n} 处在您取得数据之后已被他人改成另一个值，没有保存。",
            "{n} of these facts have since been changed to something else by somebody; nothing was saved.",
        )
        if restored is not None:
            told = Text(
                "{why}{n} 处与现有记录不同，没有保存。",
                "{why} {n} of these facts differ from what is on record; nothing was saved.",
            )
        super().__init__(
            told.format(n=len(conflicts), why=restored),
            Text(
                "请对照双方的值，选定后重新提交。",
                "Compare both sides, choose, and submit your choice again.",
            ),
            conflicts,
        )
        self.mergeable = mergeable
        self.restored = restored
        self.causes = causes


@dataclass(frozen=True)
class FactsWritten:
    """What came of a request.

    Attributes
    ----------
    version : int
    epoch : str
        Of the store that gave the version.
    fields : tuple of str
        What was written, days that follow among them, a position as `PLACE`.
    merged : tuple of str
        What others had changed meanwhile and is left as they made it.
    already : bool
        This request wrote nothing: it had been done before, or all of it was so already.
    """

    version: int
    epoch: str
    fields: tuple[str, ...]
    merged: tuple[str, ...]
    already: bool


def write_facts(
    request: FactRequest,
    problems: Problems,
    *,
    store: Store,
    snapshot: Snapshot,
    policy: Policy,
    visitor: Visitor,
    standards: Standards,
    today: date,
) -> FactsWritten:
    """Write what somebody saw of one feature.

    Parameters
    ----------
    problems : Problems
        What `read_request` has found wrong already.
    snapshot : Snapshot
        By which it is told where the feature lies and whose it is.
    today : date
        No day on which something was seen is later.

    Raises
    ------
    NotFound
        There is no such feature for this visitor.
    NotSignedIn, Forbidden
        The visitor may neither verify nor change anything.
    ValidationError
        Something may not be written, is not as it must be or contradicts the rest, or the key was used for
        another request: all of it at once.
    FactConflict
        Others have changed the same to something else.
    """
    policy.require(visitor, "verify")
    key = _key(request, visitor)
    try:
        done = None if problems.found else store.outcome(key)
        if done is not None:
            return _told(done, ())
        feature = correctable(policy, visitor, snapshot, request.layer, request.code)
        values = check_values(
            request,
            feature,
            snapshot=snapshot,
            standards=standards,
            area=visitor.area,
            today=today,
            problems=problems,
        )
        point = values.get(PLACE)
        parents: dict[str, str | None] = {}
        if point is not None:
            on_record = snapshot.frame(request.layer).loc[[request.code]].iloc[0]
            parents = parents_after_move(snapshot, feature.layer, on_record, point)
        merging = _Merging(request, feature, values, parents)
        by = Authorship(
            who=visitor.name or visitor.role,
            note=packed_note(request.source, request.note),
            effective=None if request.correction else request.as_of,
        )
        done = store.amend(
            request.layer,
            request.code,
            merging,
            key=key,
            by=by,
            based_on=request.based_on,
            epoch=request.epoch,
            follows=request.follows,
        )
    except KeyReused as error:
        assert error.remedy is not None
        raise refused([Problem(error.message, error.remedy, field="key", value=request.key)]) from error
    return _told(done, merging.merged)


def _told(done: Amended, merged: tuple[str, ...]) -> FactsWritten:
    fields = tuple(PLACE if name == GEOMETRY else name for name in done.fields if name not in _ENTRANCE)
    return FactsWritten(done.version, done.epoch.id, fields, merged, already=done.again or not done.fields)


def _key(request: FactRequest, visitor: Visitor) -> Key:
    """Return what the request is kept by.

    An account that is made anew, since accounts were restored from before it was made, has its name and another id.
    So the name says who it is; it said the id, and stores have such keys.
    """
    name, account = visitor.name, visitor.account or ""
    return Key(request.key, _digest(request, name or account), (_digest(request, account or name),))


def _digest(request: FactRequest, who: str) -> str:
    """Return a hash of all that a request says and of who says it."""
    said = [
        who,
        request.layer,
        request.code,
        request.based_on,
        dict(request.values),
        request.as_of.isoformat(),
        request.source,
        request.note,
        request.correction,
    ]
    if request.epoch:
        # Requests from before there were epochs keep the hash that their keys were kept with.
        said.append(request.epoch)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def packed_note(source: str, note: str) -> str:
    """Return source and note as one: that is what a store keeps of a write."""
    return f"[{source.replace(']', '］')}] {note}".rstrip()


def unpacked_note(kept: str) -> tuple[str, str]:
    """Return source and note; of other writes there is a note alone."""
    found = _WITH_SOURCE.fullmatch(kept)
    return (found[1], found[2]) if found else ("", kept)


class _Merging:
    """Decides what to write of a feature as it is found; may be asked again, and the last time counts."""

    def __init__(
        self,
        request: FactRequest,
        feature: Correctable,
        values: Mapping[str, Any],
        parents: Mapping[str, str | None],
    ) -> None:
        self._request = request
        self._feature = feature
        self._values = {GEOMETRY if name == PLACE else name: value for name, value in values.items()}
        self._parents = parents
        self.merged: tuple[str, ...] = ()

    def __call__(self, found: Found) -> dict[str, Any]:
        """Return what to write; raises what is to be raised."""
        if found.values is None:
            raise self._gone(found)
        wanted: dict[str, Any] = {}
        contested: dict[str, Edit | None] = {}
        problems: list[Problem] = []
        for name, mine in self._values.items():
            if self._is_so(name, mine, found):
                wanted |= self._seen_again(name, found)
            elif not found.base_known or _others(name, found) is not None:
                contested[name] = _others(name, found)
            else:
                problems += self._outdated(name, found)
                wanted |= self._as_written(name, mine)
        if contested:
            raise self._conflict(contested, found)
        problems += self._out_of_order(wanted, found)
        if problems:
            raise refused(problems)
        touched = {name for edit in found.since if edit.version not in found.own for name in edit.fields}
        left = touched - wanted.keys() - self._values.keys()
        names = (GEOMETRY, *self._feature.layer.field_names)
        seen = {PLACE, *(field.name for field in self._feature.seen)}
        told = (PLACE if name == GEOMETRY else name for name in names if name in left)
        self.merged = tuple(name for name in told if name in seen)
        return wanted

    def _is_so(self, name: str, mine: Any, found: Found) -> bool:
        assert found.values is not None
        there = found.values.get(name)
        if name == GEOMETRY:
            return is_same_place(there, mine)
        return bool(there == mine)

    def _seen_again(self, name: str, found: Found) -> dict[str, Any]:
        """Return the day of what is as it was, where it was seen on a later one."""
        dated = day_field(self._feature.layer, name)
        assert found.values is not None
        if dated is None or (found.values.get(dated) or "") >= self._request.as_of.isoformat():
            return {}
        return {dated: self._request.as_of.isoformat()}

    def _as_written(self, name: str, mine: Any) -> dict[str, Any]:
        dated = day_field(self._feature.layer, name)
        written = {name: mine} | ({} if dated is None else {dated: self._request.as_of.isoformat()})
        if name == GEOMETRY:  # where the door was is not where it is now
            written |= {one: None for one in _ENTRANCE if one in self._feature.layer.field_names}
            written |= self._parents
        return written

    def _outdated(self, name: str, found: Found) -> list[Problem]:
        """Return the problem that what is on record was seen later."""
        dated = day_field(self._feature.layer, name)
        assert found.values is not None
        there = None if dated is None else found.values.get(dated)
        if there is None or there <= self._request.as_of.isoformat() or self._request.correction:
            return []
        title = self._feature.layer.field(name).title
        return [
            Problem(
                Text(
                    "{t}在 {d} 已另有核实，晚于 {a}。", "{t} was seen to be otherwise on {d}, after {a}."
                ).format(t=title, d=there, a=self._request.as_of),
                Text(
                    "请核对日期；如原记录有误，请注明是更正。",
                    "Check the day; where the record was never right, say that this is a correction.",
                ),
                field="as_of",
                value=self._request.as_of.isoformat(),
            )
        ]

    def _out_of_order(self, wanted: Mapping[str, Any], found: Found) -> list[Problem]:
        assert found.values is not None
        after = {**found.values, **wanted}
        problems = []
        for first, last in SPANS:
            if {first, last} & wanted.keys() and after.get(first) and after.get(last):
                titles = [self._feature.layer.field(name).title for name in (first, last)]
                if after[last] < after[first]:
                    problems.append(
                        Problem(
                            Text("{l}（{b}）早于{f}（{a}）。", "{l} ({b}) is before {f} ({a}).").format(
                                f=titles[0], l=titles[1], a=after[first], b=after[last]
                            ),
                            Text("请核对这两个日期。", "Check the two dates."),
                            field=last if last in wanted else first,
                            value=after[last] if last in wanted else after[first],
                        )
                    )
        return problems

    def _gone(self, found: Found) -> NotFound | FactConflict:
        if not found.since:
            return not_found(self._feature.layer, self._feature.code)
        last = found.since[-1]
        conflict = Conflict(self._feature.code, None, None, None, None, last.version, last.by.who, last.at)
        return FactConflict((conflict,), (), {None: last.by})

    def _conflict(self, contested: Mapping[str, Edit | None], found: Found) -> FactConflict:
        assert found.values is not None
        conflicts: list[Conflict] = []
        causes: dict[str | None, Authorship] = {}
        for name, theirs in contested.items():
            shown = PLACE if name == GEOMETRY else name
            conflicts.append(
                Conflict(
                    code=self._feature.code,
                    field=shown,
                    base=_base(name, found),
                    mine=self._values[name],
                    theirs=found.values.get(name),
                    version=found.version if theirs is None else theirs.version,
                    who="" if theirs is None else theirs.by.who,
                    at=None if theirs is None else theirs.at,
                )
            )
            causes[shown] = Authorship() if theirs is None else theirs.by
        free = (name for name in self._values if name not in contested)
        mergeable = tuple(PLACE if name == GEOMETRY else name for name in free)
        restored = None if found.restored is None else another_epoch(self._request.epoch, found.restored)
        return FactConflict(tuple(conflicts), mergeable, causes, restored)


def _others(name: str, found: Found) -> Edit | None:
    """Return the last write to a field where that was somebody else's, of those since the request's base."""
    touching = [edit for edit in found.since if name in edit.fields or name in edit.erased]
    return touching[-1] if touching and touching[-1].version not in found.own else None


def _base(name: str, found: Found) -> Any:
    """Return the value that the request's author had seen, None where it is unknown or not known any more."""
    if not found.base_known or found.values is None:
        return None
    for edit in found.since:
        if name in edit.fields:
            return edit.fields[name][0]
    return found.values.get(name)
