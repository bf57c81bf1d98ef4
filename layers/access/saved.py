"""Saved things: conditions and scenarios that people keep under a name, for themselves or for colleagues.

They are questions, never answers: whoever opens one sees by it what their own role may see. So they give no right
to anybody, and are kept with the accounts rather than with the layers, which they do not touch.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from layers.access.kept import Kept
from layers.access.names import name_key, title_of
from layers.access.rows import moment
from layers.access.tokens import new_id
from layers.problems import BadParameter, Conflict, Forbidden, NotFound, StoreConflict
from layers.text import Text, both, joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layers.rules import Action
    from layers.stores.access.base import Transaction
    from layers.visitors import Visitor

KIND_ACTIONS: dict[str, Action] = {"conditions": "view", "scenario": "plan"}
"""The kinds of saved things, and what one must be allowed to do for those of each."""
MOST_CONTENT_BYTES = 16 * 1024
MOST_NAME_CHARACTERS = 80
MOST_THINGS = 200
"""So many things of one owner."""
_ID = re.compile(r"[0-9a-f]{12}")

_COLUMNS = """s.id, s.kind, s.name, s.account, o.name, o.title, s.shared, {content}, s.version, s.created, s.changed,
c.name"""
_TABLES = """
FROM saved s JOIN accounts o ON o.id = s.account JOIN accounts c ON c.id = s.changed_by
"""
_QUERY = "SELECT " + _COLUMNS.format(content="s.content") + _TABLES
_NAMES = "SELECT " + _COLUMNS.format(content="'{}'") + _TABLES
"""As `_QUERY`, without contents: a list of many does not read them."""


@dataclass(frozen=True)
class SavedThing:
    """Something that was saved.

    Attributes
    ----------
    id : str
        12 hexadecimal digits; never changes.
    kind : str
        One of `KIND_ACTIONS`.
    account : str
        The id of its owner's account.
    owner, owner_title : str
        The owner's name, and who that is.
    shared : bool
        Whether colleagues see it as well.
    content : dict
        What was saved; its kind says what stands in it. Empty in lists, which do not read it.
    version : int
        1 at first, then the moment of the last change in microseconds: a restored store gives none a second time.
    changed_by : str
        The name of the account that wrote this version.
    """

    id: str
    kind: str
    name: str
    account: str
    owner: str
    owner_title: str
    shared: bool
    content: dict[str, Any]
    version: int
    created: datetime
    changed: datetime
    changed_by: str


class SavedThings(Kept):
    """What concerns saved things.

    The owner sees, changes, shares and removes a thing. One that is shared is seen by all who may use its kind, and
    they may change its name and content, but not take it from the others; an administrator may remove it.
    """

    def saved(self, who: Visitor, kind: str | None = None) -> list[SavedThing]:
        """Return what `who` sees of the saved things, or of those of one kind: the own first, each by name.

        Contents are left out.

        Raises
        ------
        NotSignedIn, Forbidden, BadParameter
        """
        account = self._saver(who)
        if kind is not None:
            self._check_kind(who, kind)
        with self._backend.reading() as transaction:
            rows = transaction.run(_NAMES + "WHERE s.account = ? OR s.shared = 1", account)
        found = [_thing(row) for row in rows]
        seen = [one for one in found if self._may_use(who, one.kind) and kind in (None, one.kind)]
        return sorted(seen, key=lambda one: (one.account != account, name_key(one.name), one.id))

    def saved_thing(self, who: Visitor, thing: str) -> SavedThing:
        """Return one saved thing; `NotFound` where there is none, or none that `who` may see."""
        self._saver(who)
        with self._backend.reading() as transaction:
            return self._found(transaction, who, thing)

    def save(
        self,
        who: Visitor,
        kind: str,
        name: str,
        content: Mapping[str, Any],
        *,
        shared: bool = False,
        origin: str = "",
    ) -> SavedThing:
        """Save something under a name of its own, and return it.

        Raises
        ------
        NotSignedIn, Forbidden
        BadParameter
            The kind or name cannot be used, the name is taken, the content is too large, or there are too many.
        """
        account = self._saver(who)
        self._check_kind(who, kind)
        shown, text = _name(name), _content_text(content)
        thing, now = new_id(), self._now()
        with self._writing() as transaction:
            ((number,),) = transaction.run("SELECT count(*) FROM saved WHERE account = ?", account)
            if number >= MOST_THINGS:
                raise BadParameter(
                    Text("您已存了 {n} 项。", "You have saved {n} things already.").format(n=number),
                    Text("请先删去不用的。", "Remove some that are not needed."),
                )
            _refuse_taken(transaction, account, kind, shown)
            transaction.run(
                "INSERT INTO saved VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
                *(thing, kind, shown, name_key(shown), account, int(shared), text, now, now, account),
            )
            self._record(transaction, who, "saved_added", f"{kind} {shown}", origin=origin)
            return self._found(transaction, who, thing)

    def change_saved(
        self,
        who: Visitor,
        thing: str,
        version: int,
        *,
        name: str | None = None,
        content: Mapping[str, Any] | None = None,
        shared: bool | None = None,
        origin: str = "",
    ) -> SavedThing:
        """Change what is given of a saved thing, and return it.

        Parameters
        ----------
        version : int
            The version that whoever changes it has seen.

        Raises
        ------
        NotSignedIn, Forbidden, NotFound, BadParameter
        StoreConflict
            Somebody has changed it since, and not to the same; both sides are told.
        """
        account = self._saver(who)
        with self._writing() as transaction:
            found = self._found(transaction, who, thing)
            shown = found.name if name is None else _name(name)
            text = _content_text(found.content if content is None else content)
            open_to = found.shared if shared is None else shared
            if open_to != found.shared and found.account != account:
                raise Forbidden(
                    Text(
                        "只有存的人可以共享或取消共享。",
                        "Only its owner may share it, or take it back.",
                    )
                )
            asked = {"name": shown, "shared": open_to, "content": json.loads(text)}
            there = {"name": found.name, "shared": found.shared, "content": found.content}
            differing = [part for part in asked if asked[part] != there[part]]
            if not differing:
                return found
            if version != found.version:
                raise _conflict(found, {part: (asked[part], there[part]) for part in differing})
            if "name" in differing:
                _refuse_taken(transaction, found.account, found.kind, shown, but=found.id)
            now = self._now()
            transaction.run(
                "UPDATE saved SET name = ?, name_key = ?, shared = ?, content = ?, version = ?, changed = ?, "
                "changed_by = ? WHERE id = ?",
                *(
                    shown,
                    name_key(shown),
                    int(open_to),
                    text,
                    _next_version(found.version, now),
                    now,
                    account,
                    found.id,
                ),
            )
            self._record(transaction, who, "saved_changed", f"{found.kind} {shown}", origin=origin)
            return self._found(transaction, who, thing)

    def remove_saved(self, who: Visitor, thing: str, version: int, *, origin: str = "") -> None:
        """Remove a saved thing.

        Raises
        ------
        NotSignedIn, NotFound
        Forbidden
            It is a colleague's; an administrator may.
        StoreConflict
            Somebody has changed it since.
        """
        account = self._saver(who)
        with self._writing() as transaction:
            found = self._found(transaction, who, thing)
            if not (found.account == account or self._policy.may(who, "accounts")):
                raise Forbidden(
                    Text(
                        "这是“{o}”存的，只有本人或管理员可以删除。",
                        "It is {o!r}'s; only they or an administrator may remove it.",
                    ).format(o=found.owner)
                )
            if version != found.version:
                raise _conflict(found, {"content": (None, found.content)})
            transaction.run("DELETE FROM saved WHERE id = ?", found.id)
            self._record(transaction, who, "saved_removed", f"{found.kind} {found.name}", origin=origin)

    def _saver(self, who: Visitor) -> str:
        """Return the account of somebody who may save things."""
        self._policy.require(who, "own")
        if who.account is None:
            raise self._policy.refusal(
                who, Text("没有账号，不能保存。", "Without an account nothing can be saved.")
            )
        return who.account

    def _may_use(self, who: Visitor, kind: str) -> bool:
        return self._policy.may(who, KIND_ACTIONS[kind])

    def _check_kind(self, who: Visitor, kind: str) -> None:
        if kind not in KIND_ACTIONS:
            raise BadParameter(
                Text("没有“{k}”这一类。", "There is no kind {k!r}.").format(k=title_of(kind)),
                Text("可用：{a}。", "Use one of {a}.").format(a=joined([both(one) for one in KIND_ACTIONS])),
            )
        self._policy.require(who, KIND_ACTIONS[kind])

    def _found(self, transaction: Transaction, who: Visitor, thing: str) -> SavedThing:
        rows = transaction.run(_QUERY + "WHERE s.id = ?", thing) if _ID.fullmatch(thing) else []
        found = _thing(rows[0]) if rows else None
        if (
            found is None
            or not (found.shared or found.account == who.account)
            or not self._may_use(who, found.kind)
        ):
            raise NotFound(
                Text("没有存过这一项，或者它不是给您看的。", "No such thing is saved, or none that you see."),
                Text("它可能已被删除或取消共享。", "It may have been removed, or taken back."),
            )
        return found


def _thing(row: tuple[Any, ...]) -> SavedThing:
    thing, kind, name, account, owner, title, shared, content, version, created, changed, by = row
    return SavedThing(
        id=thing,
        kind=kind,
        name=name,
        account=account,
        owner=owner,
        owner_title=title,
        shared=bool(shared),
        content=json.loads(content),
        version=version,
        created=moment(created),
        changed=moment(changed),
        changed_by=by,
    )


def _name(given: str) -> str:
    shown = title_of(given)
    if not 1 <= len(shown) <= MOST_NAME_CHARACTERS:
        raise BadParameter(
            Text("名称不能用。", "The name cannot be used."),
            Text("请给 1 到 {n} 个字。", "Give 1 to {n} characters.").format(n=MOST_NAME_CHARACTERS),
        )
    return shown


def _content_text(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(text.encode()) > MOST_CONTENT_BYTES:
        raise BadParameter(
            Text("内容太大。", "The content is too large."),
            Text("最多 {n} KiB。", "At most {n} KiB.").format(n=MOST_CONTENT_BYTES // 1024),
        )
    return text


def _refuse_taken(transaction: Transaction, account: str, kind: str, name: str, *, but: str = "") -> None:
    taken = "SELECT 1 FROM saved WHERE account = ? AND kind = ? AND name_key = ? AND id <> ?"
    if transaction.run(taken, account, kind, name_key(name), but):
        raise BadParameter(
            Text("已有一项叫“{n}”。", "Something is saved as {n!r} already.").format(n=name),
            Text("请换一个名称，或打开那一项来改。", "Choose another name, or open that one and change it."),
        )


def _next_version(version: int, now: int) -> int:
    """Return the version that follows: a moment, so that accounts restored from a backup give none a second time."""
    return max(version + 1, now)


def _conflict(found: SavedThing, parts: Mapping[str, tuple[Any, Any]]) -> StoreConflict:
    return StoreConflict(
        Text(
            "“{w}”在您打开之后改了“{n}”（现为第 {v} 版）。",
            "{w!r} has changed {n!r} since you opened it (it is version {v} now).",
        ).format(w=found.changed_by, n=found.name, v=found.version),
        Text(
            "请看对方的改动，再决定覆盖，或另存一项。",
            "Look at what they changed, then write over it, or save yours under another name.",
        ),
        tuple(
            Conflict(found.id, part, None, mine, theirs, found.version, found.changed_by, found.changed)
            for part, (mine, theirs) in parts.items()
        ),
    )
