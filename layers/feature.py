"""One feature on its way into a store: what a frame of one row would say, without the price of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from shapely.geometry.base import BaseGeometry

Value = "str | int | float | date | None"


@dataclass(frozen=True)
class Feature:
    """A feature, whole: a fact corrected on a tablet, a report taken in.

    Attributes
    ----------
    code : str
    geometry : geometry in EPSG:4490
    values : mapping of field to value
        Texts, facts and times as `str`, whole numbers as `int`, numbers as `float` or `int`, days as `date`;
        None, and whatever is left out, is unknown.
    """

    code: str
    geometry: BaseGeometry
    values: Mapping[str, str | int | float | date | None] = field(default_factory=dict)
