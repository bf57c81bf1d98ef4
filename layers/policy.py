"""Who may see and do what, on every way out: the one place that decides.

Page, API, tile, export, wall and command line ask here, each time with the visitor that asks. Rules are
data (``roles.json``, ``fields.json``); whatever no rule allows is refused, and so is a field that
``fields.json`` does not name. Answers depend on the visitor's role, scopes and kind of area alone, so there
are few of them and they are kept; what an area means on the ground is in `layers.areas`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from layers.problems import BadParameter, Forbidden, NotSignedIn, WanggeError
from layers.rules import (
    AGGREGATES_ORDER,
    ROWS_ORDER,
    WAYS_OUT,
    Action,
    Aggregates,
    Role,
    Rows,
    Rule,
    Rules,
    WayOut,
    read_rules,
)
from layers.schema import LAYERS, Field, Guard, Layer, layer_named
from layers.text import Text, both, joined
from layers.visitors import Visitor

MOST_PURPOSE_CHARACTERS = 200
_MOST_KEPT = 20_000
_REMEDIES = {
    (False, True): Text(
        "您的角色是{r}。可以的角色：{w}；需要的话请找管理员改您的角色或区域。",
        "Your role is {r}. Roles that may: {w}. Ask an administrator for another role or area if you need it.",
    ),
    (False, False): Text(
        "您的角色是{r}；需要更多权限请找管理员。",
        "Your role is {r}; ask an administrator if you need more.",
    ),
    (True, True): Text(
        "您的角色“{r}”不含此权限；可以的角色：{w}。",
        "Your role, {r}, does not include this. Roles that may: {w}.",
    ),
    (True, False): Text("您的角色“{r}”不含此权限。", "Your role, {r}, does not include this."),
}
"""What helps whoever is refused: by whether they keep the accounts, and whether any role may."""


@dataclass(frozen=True)
class Seen:
    """What of a layer somebody may see.

    Attributes
    ----------
    layer : Layer
    rows : Rows
        Which features.
    everywhere : tuple of Field
        Fields that may be seen of each of them, in the layer's order.
    in_area : tuple of Field
        Fields that may be seen of those of the visitor's area as well.
    """

    layer: Layer
    rows: Rows
    everywhere: tuple[Field, ...] = ()
    in_area: tuple[Field, ...] = ()

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """All fields that may be seen of some feature, in the layer's order."""
        shown = {field.name for field in (*self.everywhere, *self.in_area)}
        return tuple(field for field in self.layer.fields if field.name in shown)


@dataclass(frozen=True)
class Offer:
    """A field that somebody may have.

    Attributes
    ----------
    field : Field
    rows : Rows
        Of which of the layer's features.
    asked : bool
        Only where it is asked for by name.
    purpose : bool
        Only for a stated purpose.
    """

    field: Field
    rows: Rows
    asked: bool
    purpose: bool


@dataclass(frozen=True)
class Offered:
    """What of a layer somebody may have at most; `rows` is ``none`` where that is nothing at all."""

    layer: Layer
    rows: Rows
    fields: tuple[Offer, ...] = ()


@dataclass(frozen=True)
class Policy:
    """The rules, and the answers that follow from them.

    Attributes
    ----------
    rules : Rules
    """

    rules: Rules
    _offered: dict[tuple[Any, ...], Offered] = field(default_factory=dict, compare=False, repr=False)
    _seen: dict[tuple[Any, ...], Seen] = field(default_factory=dict, compare=False, repr=False)

    def may(self, visitor: Visitor, action: Action) -> bool:
        """Whether the visitor may do something of this kind at all."""
        role = self.rules.roles.get(visitor.role)
        return (
            role is not None
            and action in role.actions
            and (visitor.scopes is None or action in visitor.scopes)
        )

    def require(self, visitor: Visitor, action: Action) -> None:
        """Raise `NotSignedIn` or `Forbidden` where the visitor may not."""
        if not self.may(visitor, action):
            told = Text("不可以：{a}。", "You may not: {a}.").format(a=self.rules.actions[action])
            raise self.refusal(visitor, told, who=self.who_may(action))

    def aggregates(self, visitor: Visitor, action: Action = "view") -> Aggregates:
        """Return which figures the visitor may see, or take away with ``take``."""
        if not self.may(visitor, action):
            return "none"
        given = [rule.aggregates for rule in self._rules(visitor) if rule.action == action]
        return max(given, key=AGGREGATES_ORDER.index)

    def offered(self, visitor: Visitor, layer: str, *, way_out: WayOut, action: Action = "read") -> Offered:
        """Return what of `layer` may leave by `way_out` at most, guarded fields among it; nothing is refused.

        Raises
        ------
        NotFound
            There is no such layer.
        """
        key = (visitor.role, visitor.area.kind, visitor.scopes, layer, way_out, action)
        found = self._offered.get(key)
        if found is None:
            found = self._offer(visitor, layer_named(layer), way_out, action)
            _keep(self._offered, key, found)
        return found

    def seen(
        self,
        visitor: Visitor,
        layer: str,
        *,
        way_out: WayOut,
        action: Action = "read",
        asked: Iterable[str] = (),
        purpose: str = "",
    ) -> Seen:
        """Return what of `layer` may leave by `way_out`.

        Parameters
        ----------
        action : Action
            ``read`` or ``export``. Tiles draw what may be read, and what rules of ``view`` name besides.
        asked : iterable of str
            Guarded fields that are asked for by name.
        purpose : str
            What they are needed for; some are given for a stated purpose only.

        Raises
        ------
        NotFound
            There is no such layer.
        NotSignedIn, Forbidden
            The layer or an asked field is not for this visitor on this way out.
        BadParameter
            An asked field does not exist, or is given for a purpose only and none is stated.
        """
        wanted = frozenset(asked)
        stated = 0 < len(purpose.strip()) <= MOST_PURPOSE_CHARACTERS
        key = (visitor.role, visitor.area.kind, visitor.scopes, layer, way_out, action, wanted, stated)
        found = self._seen.get(key)
        if found is None:
            offered = self.offered(visitor, layer, way_out=way_out, action=action)
            if offered.rows == "none":
                told = Text("不可以看{l}。", "You may not see {l}.").format(l=offered.layer.title)
                raise self.refusal(visitor, told, who=self.who_may(action, layer))
            self._check_asked(visitor, offered, wanted, stated=stated)
            found = _given(offered, wanted)
            _keep(self._seen, key, found)
        return found

    def fillable(self, visitor: Visitor, layer: str) -> frozenset[str]:
        """Return the fields of `layer` that the visitor may fill by importing; none where they may not import it.

        A file writes wherever its codes and positions say, so only rules for all features count, and what is
        not open is written by nobody who may not also write what is.

        Raises
        ------
        NotFound
            There is no such layer.
        """
        described = layer_named(layer)
        reach = self._reach(visitor, described, {"import"})
        if reach.get("open") != "all":
            return frozenset()
        return frozenset(
            one.name
            for one in described.fields
            if reach.get(one.guard) == "all" and (layer, one.name) in self.rules.fields
        )

    def require_import(self, visitor: Visitor, layer: str) -> frozenset[str]:
        """Return what `fillable` does; `NotSignedIn` or `Forbidden` where the visitor may not import the layer."""
        self.require(visitor, "import")
        found = self.fillable(visitor, layer)
        if not found:
            told = Text("不可以导入{l}。", "You may not import {l}.").format(l=layer_named(layer).title)
            raise self.refusal(visitor, told, who=self.who_may("import", layer))
        return found

    def who_may(
        self, action: Action, layer: str = "", guard: Guard = "open", *, aggregates: Aggregates = "none"
    ) -> tuple[Role, ...]:
        """Return the roles of people that may do something, with values of a layer or with so many figures."""
        least = AGGREGATES_ORDER.index(aggregates)
        return tuple(
            role
            for role in self.rules.roles.values()
            if role.account
            and any(
                rule.action == action
                and (not layer or (layer in rule.layers and guard in rule.guards))
                and AGGREGATES_ORDER.index(rule.aggregates) >= least
                for rule in role.rules
            )
        )

    def refusal(self, visitor: Visitor, told: Text, *, who: Iterable[Role] = ()) -> WanggeError:
        """Return the error for something that is not allowed; signing in helps those who have not.

        Others are told which roles may: `who`. It names no people.
        """
        if visitor.via == "nobody":
            return NotSignedIn(told, Text("请先登录。", "Sign in first."))
        return Forbidden(told, self.remedy(visitor.role, who))

    def remedy(self, role_id: str, who: Iterable[Role]) -> Text:
        """Return what helps somebody of a role who is refused what the roles `who` may."""
        role = self.rules.roles.get(role_id)  # the rules may have lost it since
        others = [_with_area(one) for one in who if one is not role]
        is_keeper = role is not None and "accounts" in role.actions  # has nobody to ask
        remedy = _REMEDIES[is_keeper, bool(others)]
        title = both(role_id) if role is None else role.title
        return remedy.format(r=title, w=joined(others))

    def _rules(self, visitor: Visitor) -> tuple[Rule, ...]:
        role = self.rules.roles.get(visitor.role)
        return () if role is None else role.rules

    def _offer(self, visitor: Visitor, layer: Layer, way_out: WayOut, action: Action) -> Offered:
        if way_out not in WAYS_OUT:
            raise ValueError(f"{way_out!r} is no way out; they are {', '.join(WAYS_OUT)}")
        reach = self._reach(visitor, layer, {action, "view"} if way_out == "tile" else {action})
        rows = reach.get("open", "none")  # where something is, is told with whatever is told of it
        if rows == "none" or way_out not in self.rules.guards["open"].ways_out:
            return Offered(layer, "none")
        offers = []
        for one in layer.fields:
            guard = self.rules.guards[one.guard]
            told_of = min(reach.get(one.guard, "none"), rows, key=ROWS_ORDER.index)
            named = (layer.name, one.name) in self.rules.fields
            if named and way_out in guard.ways_out and told_of != "none":
                offers.append(Offer(one, told_of, asked=guard.asked, purpose=guard.purpose))
        return Offered(layer, rows, tuple(offers))

    def _reach(self, visitor: Visitor, layer: Layer, actions: set[Action]) -> dict[Guard, Rows]:
        """Return for each kind of values of which features of the layer the visitor may see them."""
        found: dict[Guard, Rows] = {}
        for rule in self._rules(visitor):
            if rule.action in actions and layer.name in rule.layers and self.may(visitor, rule.action):
                for guard in rule.guards:
                    found[guard] = max(found.get(guard, "none"), rule.rows, key=ROWS_ORDER.index)
        if visitor.area.kind == "none":
            return {guard: rows for guard, rows in found.items() if rows != "area"}
        if visitor.area.kind == "district":
            return {guard: "all" for guard, rows in found.items() if rows != "none"}
        return found

    def _check_asked(
        self, visitor: Visitor, offered: Offered, wanted: frozenset[str], *, stated: bool
    ) -> None:
        offers = {offer.field.name: offer for offer in offered.fields}
        guarded = {
            field.name: field for field in offered.layer.fields if self.rules.guards[field.guard].asked
        }
        for name in sorted(wanted):
            if name not in guarded:
                raise BadParameter(
                    Text("{l}没有受保护字段 {f}。", "{l} has no guarded field {f}.").format(
                        l=offered.layer.title, f=name
                    ),
                    Text("受保护字段：{k}。", "Its guarded fields: {k}.").format(
                        k=joined([both(one) for one in guarded]) if guarded else both("-")
                    ),
                )
            title = guarded[name].title
            if name not in offers:
                told = Text("不可以看{f}。", "You may not see {f}.").format(f=title)
                who = self.who_may("read", offered.layer.name, guarded[name].guard)
                raise self.refusal(visitor, told, who=who)
            if offers[name].purpose and not stated:
                raise BadParameter(
                    Text("{f}须说明用途。", "{f} is given for a stated purpose only.").format(f=title),
                    Text("请写明用途，1 至 {n} 个字。", "State the purpose in 1 to {n} characters.").format(
                        n=MOST_PURPOSE_CHARACTERS
                    ),
                )


def _with_area(role: Role) -> Text:
    """Return a role's title, with the area that it is kept to."""
    kept_to = [LAYERS[kind].title for kind in role.areas if kind in LAYERS]
    if not kept_to or "district" in role.areas:
        return role.title
    return Text("{r}（限本人的{a}）", "{r} (in their {a})").format(r=role.title, a=joined(kept_to))


def _given(offered: Offered, wanted: frozenset[str]) -> Seen:
    told = [offer for offer in offered.fields if not offer.asked or offer.field.name in wanted]
    everywhere = tuple(offer.field for offer in told if offer.rows == offered.rows)
    in_area = tuple(offer.field for offer in told if offer.rows != offered.rows)
    return Seen(offered.layer, offered.rows, everywhere, in_area)


def _keep(kept: dict[tuple[Any, ...], Any], key: tuple[Any, ...], found: object) -> None:
    if len(kept) >= _MOST_KEPT:  # as many kinds of visitors as no district has: somebody plays with scopes
        kept.clear()
    kept[key] = found


def unguarded_fields(layer: Layer) -> tuple[Field, ...]:
    """Return the fields of `layer` whose values may be told without being asked for by name."""
    return tuple(field for field in layer.fields if not field.guarded)


def is_unguarded(field_name: str) -> bool:
    """Whether a field's values may be told unasked, where its layer is not known: in all that have it."""
    return not any(
        field.guarded for layer in LAYERS.values() for field in layer.fields if field.name == field_name
    )


def read_policy(folder: Path) -> Policy:
    """Return the policy of the rules in `folder`; ValueError where they make no sense."""
    return Policy(read_rules(folder))
