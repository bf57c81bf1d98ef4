"""Figures that the district has published: they stand beside ours, labelled, and nothing is computed from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layers.text import Text


@dataclass(frozen=True)
class Reference:
    """A published figure.

    Attributes
    ----------
    id : str
        The figure of ours that it stands beside.
    value : Text
        As it was published.
    when : Text
        What it speaks of.
    share : float, optional
        Where it is a share of one, which can be drawn as a line; a count without its base cannot.
    """

    id: str
    value: Text
    when: Text
    share: float | None = None


def references_of(rows: list[dict[str, Any]]) -> dict[str, Reference]:
    """Return published figures as the standards write them, by id."""
    return {
        row["id"]: Reference(row["id"], Text(**row["value"]), Text(**row["when"]), row["share"])
        for row in rows
    }
