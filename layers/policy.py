"""Who may see and do what, on every way out: the one place that decides.

Page, API, tile, export, wall and command line ask here, each time with the visitor that asks. Rules are
data (``roles.json``, ``fields.json``); whatever no rule allows is refused, and so is a field that
``fields.json`` does not name. What an area means on the ground is in `layers.areas`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
class Policy:
    """The rules, and the answers that follow from them.

    Attributes
    ----------
    rules : Rules
    """

    rules: Rules
    _answers: dict[tuple[Any, ...], Seen] = field(default_factory=dict, compare=False, repr=False)

    def may(self, visitor: Visitor, action: Action) -> bool:
        """Whether the visitor may do something of this kind at all."""
        allowed = any(rule.action == action for rule in self._rules(visitor))
        return allowed and (visitor.scopes is None or action in visitor.scopes)

    def require(self, visitor: Visitor, action: Action) -> None:
        """Raise `NotSignedIn` or `Forbidden` where the visitor may not."""
        if not self.may(visitor, action):
            told = Text("不可以：{a}。", "You may not: {a}.").format(a=self.rules.actions[action])
            raise self.refusal(visitor, told)

    def aggregates(self, visitor: Visitor, action: Action = "view") -> Aggregates:
        """Return which figures the visitor may see, or take away with ``take``."""
        if not self.may(visitor, action):
            return "none"
        given = [rule.aggregates for rule in self._rules(visitor) if rule.action == action]
        return max(given, key=AGGREGATES_ORDER.index)

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
        action : {"read", "export"}
        asked : iterable of str
            Guarded fields that are asked for by name.
        purpose : str
            What they are needed for; some are given for a stated purpose only.

        Raises
        ------
        NotSignedIn, Forbidden
            The layer or an asked field is not for this visitor on this way out.
        BadParameter
            An asked field does not exist, or is given for a purpose only and none is stated.
        """
        if way_out not in WAYS_OUT:
            raise ValueError(f"{way_out!r} is no way out; they are {', '.join(WAYS_OUT)}")
        wanted = frozenset(asked)
        key = (visitor.policy_class, layer, way_out, action, wanted, bool(purpose.strip()))
        found = self._answers.get(key) if len(purpose) <= MOST_PURPOSE_CHARACTERS else None
        if found is None:
            found = self._seen(visitor, layer_named(layer), way_out, action, wanted, purpose)
            if len(self._answers) > 50_000:  # as many classes of visitors as no district has
                self._answers.clear()
            self._answers[key] = found
        return found

    def refusal(self, visitor: Visitor, told: Text) -> WanggeError:
        """Return the error for something that is not allowed: signing in helps those who have not."""
        if visitor.via == "nobody":
            return NotSignedIn(told, Text("请先登录。", "Sign in first."))
        return Forbidden(
            told,
            Text(
                "您的角色是{r}；需要更多权限请找管理员。",
                "Your role is {r}; ask an administrator if you need more.",
            ).format(r=self.rules.roles[visitor.role].title),
        )

    def _rules(self, visitor: Visitor) -> tuple[Rule, ...]:
        role = self.rules.roles.get(visitor.role)
        return () if role is None else role.rules

    def _seen(
        self,
        visitor: Visitor,
        layer: Layer,
        way_out: WayOut,
        action: Action,
        asked: frozenset[str],
        purpose: str,
    ) -> Seen:
        reach = self._reach(visitor, layer, action)
        rows = reach.get("open", "none")
        if rows == "none":
            told = Text("不可以看{l}。", "You may not see {l}.").format(l=layer.title)
            raise self.refusal(visitor, told)
        self._check_asked(visitor, layer, way_out, reach, asked, purpose)
        shown: dict[Rows, list[Field]] = {"all": [], "area": [], "none": []}
        for one in layer.fields:
            guard = self.rules.guards[one.guard]
            leaves = way_out in guard.ways_out and (layer.name, one.name) in self.rules.fields
            if leaves and (not guard.asked or one.name in asked):
                shown[min(reach.get(one.guard, "none"), rows, key=ROWS_ORDER.index)].append(one)
        if rows == "area":
            return Seen(layer, rows, everywhere=tuple(shown["area"]))
        return Seen(layer, rows, everywhere=tuple(shown["all"]), in_area=tuple(shown["area"]))

    def _reach(self, visitor: Visitor, layer: Layer, action: Action) -> dict[Guard, Rows]:
        """Return for each kind of values of which features of the layer the visitor may see them."""
        found: dict[Guard, Rows] = {}
        if not self.may(visitor, action):
            return found
        for rule in self._rules(visitor):
            if rule.action == action and layer.name in rule.layers:
                for guard in rule.guards:
                    found[guard] = max(found.get(guard, "none"), rule.rows, key=ROWS_ORDER.index)
        if visitor.area.kind == "none":
            found = {guard: rows for guard, rows in found.items() if rows != "area"}
        if visitor.area.kind == "district":
            found = dict.fromkeys(found, "all")
        return found

    def _check_asked(
        self,
        visitor: Visitor,
        layer: Layer,
        way_out: WayOut,
        reach: Mapping[Guard, Rows],
        asked: frozenset[str],
        purpose: str,
    ) -> None:
        for name in sorted(asked):
            one = next((one for one in layer.fields if one.name == name), None)
            if one is None or not one.guarded:
                guarded = [both(one.name) for one in layer.fields if one.guarded]
                raise BadParameter(
                    Text("{l}没有受保护字段 {f}。", "{l} has no guarded field {f}.").format(
                        l=layer.title, f=name
                    ),
                    Text("受保护字段：{k}。", "Its guarded fields: {k}.").format(
                        k=joined(guarded) if guarded else both("-")
                    ),
                )
            guard = self.rules.guards[one.guard]
            if reach.get(one.guard, "none") == "none" or way_out not in guard.ways_out:
                told = Text("不可以看{f}。", "You may not see {f}.").format(f=one.title)
                raise self.refusal(visitor, told)
            if guard.purpose and not 0 < len(purpose.strip()) <= MOST_PURPOSE_CHARACTERS:
                raise BadParameter(
                    Text("{f}须说明用途。", "{f} is given for a stated purpose only.").format(f=one.title),
                    Text("请写明用途，1 至 {n} 个字。", "State the purpose in 1 to {n} characters.").format(
                        n=MOST_PURPOSE_CHARACTERS
                    ),
                )


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
