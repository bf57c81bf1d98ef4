"""Areas as people type and read them: by name or code, several on a line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from layers.problems import BadParameter
from layers.schema import LAYERS
from layers.text import Text, both, joined
from layers.visitors import NO_AREA, Area

if TYPE_CHECKING:
    from layers.rules import Role
    from layers.snapshot import Snapshot
    from layers.visitors import AreaKind

MOST_PARTS = 200
_BETWEEN = re.compile(r"[、，,；;\n]+")
_SHOWN = 4


def area_typed(given: str, role: Role, snapshot: Snapshot) -> Area:
    """Return the area that `given` names, of a kind that the role has.

    Raises
    ------
    BadParameter
        A part does not exist, a name stands for several, or the parts are of different kinds.
    """
    kinds = [kind for kind in role.areas if kind in LAYERS]
    parts = [part.strip() for part in _BETWEEN.split(given) if part.strip()]
    if not kinds:
        if parts:
            raise BadParameter(
                Text("{r}不分范围。", "The role {r} has no areas to choose.").format(r=role.title),
                Text("请把范围留空。", "Leave the area empty."),
            )
        return Area(role.areas[0]) if role.areas else NO_AREA
    if not 0 < len(parts) <= MOST_PARTS:
        raise BadParameter(
            Text("{r}须有范围。", "The role {r} needs an area.").format(r=role.title),
            Text("请写{k}的名称或编码，最多 {n} 个。", "Give names or codes of {k}, at most {n}.").format(
                k=_titles(kinds), n=MOST_PARTS
            ),
        )
    found = {kind: [_codes(part, kind, snapshot) for part in parts] for kind in kinds}
    kind = max(kinds, key=lambda kind: sum(map(bool, found[kind])))
    for part, codes in zip(parts, found[kind], strict=True):
        if len(codes) != 1:
            raise _not_one(part, codes, kinds)
    return Area(kind, frozenset(codes[0] for codes in found[kind]))


def area_words(area: Area, snapshot: Snapshot) -> Text:
    """Return an area in words: the names of its parts, and how many more there are."""
    if area.kind == "district":
        return Text("全区", "whole district")
    if not area.codes:
        return Text("无", "none")
    names = [_name(code, area.kind, snapshot) for code in sorted(area.codes)]
    if len(names) <= _SHOWN:
        return joined(names)
    told = joined(names[:_SHOWN])
    return Text("{t}等 {n} 个", "{t} and {m} more").format(t=told, n=len(names), m=len(names) - _SHOWN)


def area_codes(area: Area) -> str:
    """Return an area as it may be typed again."""
    return "、".join(sorted(area.codes))


def area_names(role_kinds: frozenset[AreaKind], snapshot: Snapshot) -> list[str]:
    """Return the names of the larger parts of the district, to choose from while typing."""
    kinds = [kind for kind in ("subdistricts", "neighbourhoods") if kind in role_kinds]
    return [str(name) for kind in kinds for name in snapshot.frame(kind)["name"].dropna()]


def _codes(part: str, kind: AreaKind, snapshot: Snapshot) -> list[str]:
    """Return the codes of what `part` may stand for: a code first, else all of that name."""
    frame = snapshot.frame(kind)
    if part in frame.index:
        return [part]
    named = frame["name"].eq(part).fillna(False) | frame["name_en"].eq(part).fillna(False)
    return [str(code) for code in frame.index[named.to_numpy(dtype=bool)]]


def _name(code: str, kind: AreaKind, snapshot: Snapshot) -> Text:
    frame = snapshot.frame(kind)
    if code not in frame.index:
        return Text("{c}（已不存在）", "{c} (no longer there)").format(c=code)
    zh, en = (frame.at[code, name] for name in ("name", "name_en"))
    shown = zh if isinstance(zh, str) else code
    return Text(shown, en if isinstance(en, str) else shown)


def _not_one(part: str, codes: list[str], kinds: list[AreaKind]) -> BadParameter:
    shown = part if len(part) <= 40 else part[:40] + "…"
    if codes:
        return BadParameter(
            Text("有 {n} 个都叫“{p}”。", "{n} are called {p!r}.").format(n=len(codes), p=shown),
            Text("请写编码：{c}。", "Give the code: {c}.").format(
                c=joined([both(code) for code in codes[:10]])
            ),
        )
    return BadParameter(
        Text("范围“{p}”不存在。", "There is no {p!r}.").format(p=shown),
        Text("请写{k}的名称或编码，同一种。", "Give names or codes of {k}, of one kind.").format(
            k=_titles(kinds)
        ),
    )


def _titles(kinds: list[AreaKind]) -> Text:
    return joined([LAYERS[kind].title for kind in kinds], last=Text("或", " or "))
