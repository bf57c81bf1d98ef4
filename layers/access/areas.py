"""The area of an account, as it is typed: which kinds a role has, and which codes there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layers.problems import BadParameter, Problem, ValidationError
from layers.text import Text, both, joined
from layers.visitors import AREA_KINDS, NO_AREA, WHOLE_DISTRICT, Area, AreaKind

if TYPE_CHECKING:
    from layers.policy import Policy
    from layers.store import Store

_NEITHER = ("none", "district")


def area_of_role(policy: Policy, role: str) -> Area:
    """Return the area of a role for whom none is given: all or nothing of the district.

    Raises
    ------
    BadParameter
        There is no such role for accounts, or its accounts answer for a part that must be said.
    """
    roles = [one for one in policy.rules.roles.values() if one.account]
    found = next((one for one in roles if one.id == role), None)
    if found is None:
        known = [
            Text(
                f"{one.id}（{one.title.zh}：{_kinds(one.areas)}）",
                f"{one.id} ({one.title.en}: {_kinds(one.areas)})",
            )
            for one in roles
        ]
        raise BadParameter(
            Text("没有角色 {r}。", "There is no role {r} for accounts.").format(r=repr(role)),
            Text("角色及其范围：{k}。", "Roles and the areas they have: {k}.").format(k=joined(known)),
        )
    for area in (WHOLE_DISTRICT, NO_AREA):
        if area.kind in found.areas:
            return area
    raise BadParameter(
        Text("{r}须给出负责的范围。", "The role {r} needs an area.").format(r=found.title),
        Text("请加 --area {k}:代码,…", "Add --area {k}:CODE,…").format(
            k=joined([both(one) for one in found.areas])
        ),
    )


def asked_area(given: str, store: Store) -> Area:
    """Return the area that ``KIND:CODE,CODE`` or ``district`` means in a store.

    Raises
    ------
    BadParameter
        There is no such kind, or it lacks codes.
    ValidationError
        Names every code that the store does not have.
    """
    kind, _, listed = given.partition(":")
    codes = [code.strip() for code in listed.split(",") if code.strip()]
    if kind not in AREA_KINDS or bool(codes) == (kind in _NEITHER):
        raise BadParameter(
            Text("看不懂范围 {g}。", "The area {g} cannot be understood.").format(g=repr(given)),
            Text(
                "请写成 district、none 或 种类:代码,代码；种类有 {k}。",
                "Write district, none, or KIND:CODE,CODE; the kinds are {k}.",
            ).format(k=joined([both(one) for one in AREA_KINDS if one not in _NEITHER])),
        )
    if codes:
        there = set(store.read(kind, codes=codes).index)
        missing = [code for code in dict.fromkeys(codes) if code not in there]
        if missing:
            raise ValidationError(
                Text("{k} 中没有这 {n} 个代码。", "{n} of these codes are not in {k}.").format(
                    k=kind, n=len(missing)
                ),
                [
                    Problem(
                        Text("存储中没有它。", "The store does not have it."),
                        Text("请核对代码。", "Check the code."),
                        field=kind,
                        value=code,
                    )
                    for code in missing
                ],
            )
    return Area(kind, frozenset(codes))


def _kinds(kinds: tuple[AreaKind, ...]) -> str:
    return "/".join(kinds)
