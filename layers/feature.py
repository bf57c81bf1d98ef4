"""One feature on its way into a store: what a frame of one row says, without the price of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True)
class Feature:
    """A feature, whole: a report taken in, a fact corrected on a tablet.

    Attributes
    ----------
    code : str
    geometry : geometry in EPSG:4490
    values : mapping of field to value
        Texts, facts and times are `str`, whole numbers `int`, numbers `float` or `int`, days `date`. What is
        None or left out is unknown.
    """

    code: str
    geometry: BaseGeometry
    values: Mapping[str, str | float | date | None] = field(default_factory=dict)
