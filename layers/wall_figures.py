"""A figure as a wall shows it: round, with what it is a part of, how it has changed, and what was published of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from layers.figures import Figure
from layers.text import Language, Text, both

if TYPE_CHECKING:
    from layers.references import Reference

NO_EARLIER = Text("没有更早的数", "no earlier figure")
NOT_RECORDED = Text("尚无记录", "not recorded yet")
NOT_PUBLISHED = Text("2018–19 年未公布", "not published in 2018–19")
_PUBLISHED = Text("{w}公布 {v}", "published {w}: {v}")
_LARGE = 100_000


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A figure with all that has to stand beside it.

    Attributes
    ----------
    id : str
    label : Text
        What is counted.
    value : Text
        The large number.
    basis : Text
        What it is a part of.
    rest : Text
        What is missing, or not known.
    trend : Text
        How it has changed and since when, or that there is no earlier figure.
    figure : dict, optional
        The numbers as the views and the summary give them.
    reference : Reference, optional
        What was published of it.
    definition : Text
        How it is counted, in one or two lines.
    recorded : bool
        Whether the district keeps what it would be counted from.
    """

    id: str
    label: Text
    value: Text
    definition: Text
    basis: Text = field(default=both(""))
    rest: Text = field(default=both(""))
    trend: Text = field(default=both(""))
    figure: dict[str, Any] | None = None
    reference: Reference | None = None
    recorded: bool = True

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the figure for JSON."""
        texts = ("label", "value", "basis", "rest", "trend", "definition")
        told = NOT_PUBLISHED if self.reference is None else published(self.reference)
        return {
            "id": self.id,
            **{name: getattr(self, name).to(language) for name in texts},
            "figure": self.figure,
            "reference": {
                "text": told.to(language),
                "published": self.reference is not None,
                "share": None if self.reference is None else self.reference.share,
            },
            "recorded": self.recorded,
        }


def published(reference: Reference) -> Text:
    """Return what is said of a published figure."""
    return _PUBLISHED.format(w=reference.when, v=reference.value)


def whole_percent(rate: float | None) -> Text:
    """Return a share without decimals; what is not all never reads 100 %, what is not nothing never 0 %."""
    if rate is None:
        return both("—")
    percent = round(100 * rate)
    if percent == 0 and rate > 0:
        return both("<1%")
    if percent == 100 and rate < 1:
        return both(">99%")
    return both(f"{percent}%")


def round_number(value: float) -> Text:
    """Return a large number as people say it: 115 万, 1.15 million; a smaller one whole."""
    if value < _LARGE:
        return both(f"{round(value):,}")
    return Text(
        f"{round(value / 1e4):,} 万",
        f"{value / 1e6:.2f} million" if value >= 999_500 else f"{round(value, -3):,.0f}",
    )


def part_of(figure: Figure, what: Text) -> Text:
    """Return "part / whole" with what is counted."""
    return Text("{c} / {o} {w}", "{c} of {o} {w}").format(
        c=both(f"{figure.count:,}"), o=both(f"{figure.of:,}"), w=what
    )


def since(day: date, now: float | None, before: float | None, *, points: bool, unit: str = "") -> Text:
    """Return how a figure has changed since a day.

    Parameters
    ----------
    now, before : float, optional
        Shares of one where `points`, else counts; where one of them is not known there is no earlier figure.
    unit : str
        What is counted, in Chinese; in English a number needs none.
    """
    if now is None or before is None:
        return NO_EARLIER
    change = round(100 * (now - before), 1) if points else round(now - before)
    if change == 0:
        return Text("较 {d} 持平", "as on {d}").format(d=day)
    amount = both(f"{'+' if change > 0 else '−'}{abs(change):,}")
    what = Text("点", " points") if points else Text(unit, "")
    return Text("较 {d} {a} {w}", "{a}{w} vs {d}").format(d=day, a=amount, w=what)
