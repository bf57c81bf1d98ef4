"""What of the aggregates somebody may see: made by the policy, asked for by everything that makes aggregates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

from layers.problems import Forbidden, NotSignedIn, WanggeError
from layers.text import Text
from layers.visitors import WHOLE_DISTRICT, Area, Visitor

if TYPE_CHECKING:
    from layers.policy import Policy
    from layers.rules import Rows

ROUNDED_TO = 5
"""Counts of complaints are told to the public as multiples of it."""

Need = Literal["area", "full", "floating"]
"""What a question needs: the figures of an area, all figures, or to be told of the share of floating residents."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What of the aggregates somebody may see; equal sights see the same, so answers may be kept by it.

    Attributes
    ----------
    aggregates : {"public", "area", "full"}
    area : Area
        The part of the district that is seen.
    floating : Rows
        Of which communities the share of floating residents may be seen.
    small_count : int
        Counts below it are not told to the public, nor when they cease to be.
    signed_in : bool
        Whether somebody in particular asks.
    remedy : callable, optional
        What helps somebody who is refused for what the question needs; no part of what is seen.
    """

    aggregates: Literal["public", "area", "full"]
    area: Area = WHOLE_DISTRICT
    floating: Rows = "none"
    small_count: int = 5
    signed_in: bool = True
    remedy: Callable[[Need], Text] | None = field(default=None, compare=False, repr=False)

    @property
    def is_public(self) -> bool:
        """Whether only what anybody may know is seen."""
        return self.aggregates == "public"

    @property
    def least_complaints(self) -> int:
        """The fewest complaints that the public is told of: the first step of rounding beyond `small_count`.

        So whoever looks before and after a complaint, and sees a count told that was not, learns of no small one.
        """
        half = ROUNDED_TO // 2
        return ((self.small_count + half) // ROUNDED_TO + 1) * ROUNDED_TO - half

    @property
    def is_whole(self) -> bool:
        """Whether the whole district is seen."""
        return self.area.kind == "district"

    def refusal(self, told: Text, *, needs: Need) -> WanggeError:
        """Return the error for a question that goes beyond what is seen; it says which roles may ask it."""
        if self.signed_in:
            return Forbidden(told, None if self.remedy is None else self.remedy(needs))
        return NotSignedIn(told, Text("请先登录。", "Sign in first."))


def sight_of(policy: Policy, visitor: Visitor, action: Literal["view", "take"] = "view") -> Sight:
    """Return what of the aggregates `visitor` may see, or take away.

    Raises
    ------
    NotSignedIn, Forbidden
        Nothing.
    """
    aggregates = policy.aggregates(visitor, action)
    if aggregates == "none":
        policy.require(visitor, action)
        told = Text("不可以看汇总。", "You may not see aggregates.")
        raise policy.refusal(visitor, told, who=policy.who_may(action, aggregates="public"))
    if aggregates == "area" and visitor.area.kind == "district":
        aggregates = "full"
    floating = _floating(policy, visitor, action)
    if floating == "area" and aggregates != "area" and visitor.area.kind != "district":
        floating = "none"  # of what is seen whole nothing says which part is their own
    return Sight(
        aggregates=aggregates,
        area=visitor.area if aggregates == "area" else WHOLE_DISTRICT,
        floating=floating,
        small_count=policy.rules.small_count,
        signed_in=visitor.via != "nobody",
        remedy=partial(_remedy, policy, visitor.role, action),
    )


def _remedy(policy: Policy, role: str, action: Literal["view", "take"], needs: Need) -> Text:
    if needs == "floating":
        return policy.remedy(
            role, policy.who_may("export" if action == "take" else "read", "communities", "floating")
        )
    return policy.remedy(role, policy.who_may(action, aggregates=needs))


def _floating(policy: Policy, visitor: Visitor, action: Literal["view", "take"]) -> Rows:
    """Return of which communities somebody may see, or take away, in which tenth the share lies."""
    asked = ("floating_residents",)
    try:
        if action == "take":
            seen = policy.seen(visitor, "communities", way_out="export", action="export", asked=asked)
        else:
            seen = policy.seen(visitor, "communities", way_out="page", asked=asked)
    except (NotSignedIn, Forbidden):
        return "none"
    if any(field.name == "floating_residents" for field in seen.everywhere):
        return seen.rows
    return "area" if any(field.name == "floating_residents" for field in seen.in_area) else "none"
