"""Footprints of the demonstration district's buildings, laid out in rows on a plot.

Every layout works in the plot's own frame, x along its rows, and returns polygons that lie within
the plot; what does not fit is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

_LEAST_LENGTH_M = 9.0
_LEAST_COURT_M2 = 250.0


@dataclass(frozen=True)
class Rows:
    """How a plot is filled: footprints `length` by `depth` metres, `gap` between rows, `space` in a row."""

    depth: float
    gap: float
    length: float
    space: float
    form: str = "slab"
    stagger: bool = False


# Outlines in a unit square, x along the row; scaled to each footprint.
_FORMS: dict[str, NDArray[np.float64]] = {
    "slab": np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=float),
    "stepped": np.array([(0, 0), (0.5, 0), (0.5, 0.18), (1, 0.18), (1, 1), (0.5, 1), (0.5, 0.82), (0, 0.82)]),
    "cross": np.array([
        (0.3, 0), (0.7, 0), (0.7, 0.3), (1, 0.3), (1, 0.7), (0.7, 0.7),
        (0.7, 1), (0.3, 1), (0.3, 0.7), (0, 0.7), (0, 0.3), (0.3, 0.3),
    ]),
    "butterfly": np.array([
        (0, 0.15), (0.32, 0), (0.5, 0.25), (0.68, 0), (1, 0.15), (0.85, 0.55),
        (0.8, 1), (0.58, 0.8), (0.42, 0.8), (0.2, 1), (0.15, 0.55),
    ]),
    "l": np.array([(0, 0), (1, 0), (1, 0.36), (0.3, 0.36), (0.3, 1), (0, 1)]),
    "u": np.array([(0, 0), (1, 0), (1, 1), (0.76, 1), (0.76, 0.36), (0.24, 0.36), (0.24, 1), (0, 1)]),
}  # fmt: skip


def in_rows(plot: BaseGeometry, rows: Rows, turn: float, rng: np.random.Generator) -> NDArray[np.object_]:
    """Return footprints in rows that follow the direction `turn` (radians) across the plot."""
    if plot.is_empty or plot.geom_type != "Polygon":
        return np.empty(0, dtype=object)
    middle = np.array([plot.centroid.x, plot.centroid.y])
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    ring = (shapely.get_coordinates(shapely.get_exterior_ring(plot)) - middle) @ back.T
    boxes = _boxes(ring, rows, rng)
    if len(boxes) == 0:
        return np.empty(0, dtype=object)
    form = _FORMS[rows.form]
    flip = rng.random((len(boxes), 1, 2)) < (0.5 if rows.form in ("l", "u", "stepped") else 0.0)
    unit = np.where(flip, 1.0 - form[None], form[None])
    corners = boxes[:, None, :2] + unit * boxes[:, None, 2:]
    made: NDArray[np.object_] = shapely.polygons(corners @ back + middle)
    shapely.prepare(plot)
    return made[shapely.covers(plot, made)]


def _boxes(ring: NDArray[np.float64], rows: Rows, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return boxes (x, y, width, depth) that fill the ring row by row."""
    low, high = ring[:, 1].min(), ring[:, 1].max()
    count = int((high - low + rows.gap) // (rows.depth + rows.gap))
    if count == 0:
        return np.empty((0, 4))
    pitch = rows.depth + rows.gap
    slack = high - low - count * pitch + rows.gap
    if count > 1:
        pitch += min(slack / (count - 1), 0.3 * rows.gap) * 0.8
    start = low + (high - low - (count - 1) * pitch - rows.depth) / 2
    boxes: list[tuple[float, float, float, float]] = []
    for row in range(count):
        bottom = start + row * pitch
        left, right = _span(ring, bottom, bottom + rows.depth)
        room = right - left
        number = int((room + rows.space) // (rows.length + rows.space))
        if number == 0:
            if room < max(_LEAST_LENGTH_M, 0.45 * rows.length) or rows.form not in ("slab", "stepped"):
                continue
            number = 1
        length = min(1.3 * rows.length, (room - (number - 1) * rows.space) / number)
        if rows.form not in ("slab", "stepped", "l", "u"):
            length = min(length, 1.12 * rows.length)
        step = (room - length) / (number - 1) if number > 1 else 0.0
        step = min(step, length + 2.2 * rows.space)
        shift = (room - length - step * (number - 1)) * (rng.random() if not rows.stagger else float(row % 2))
        boxes.extend((left + shift + step * k, bottom, length, rows.depth) for k in range(number))
    return np.array(boxes).reshape(-1, 4)


def _span(ring: NDArray[np.float64], bottom: float, top: float) -> tuple[float, float]:
    """Return how far a row from `bottom` to `top` may reach within the ring."""
    levels = np.array([bottom + 0.01, (bottom + top) / 2, top - 0.01])[:, None]
    x0, y0, x1, y1 = ring[:-1, 0], ring[:-1, 1], ring[1:, 0], ring[1:, 1]
    crossed = (y0 > levels) != (y1 > levels)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = x0 + (levels - y0) * (x1 - x0) / (y1 - y0)
    left = np.where(crossed, x, np.inf).min(axis=1).max()
    right = np.where(crossed, x, -np.inf).max(axis=1).min()
    return float(left) + 0.05, float(right) - 0.05


def courtyard(plot: BaseGeometry, depth: float) -> NDArray[np.object_]:
    """Return one building around the edge of the plot with a court inside, or none where it is too small."""
    court = shapely.buffer(plot, -depth, join_style="mitre")
    if court.area < _LEAST_COURT_M2 or court.geom_type != "Polygon":
        return np.empty(0, dtype=object)
    ring = shapely.difference(plot, court)
    return np.array([ring], dtype=object) if ring.geom_type == "Polygon" else np.empty(0, dtype=object)


def podium(plot: BaseGeometry) -> NDArray[np.object_]:
    """Return one building over the whole plot."""
    return np.array([plot], dtype=object) if plot.area > _LEAST_COURT_M2 else np.empty(0, dtype=object)


def single(plot: Polygon, turn: float) -> NDArray[np.object_]:
    """Return one square building where the plot is widest, or none where that is not wide enough."""
    spoke = shapely.maximum_inscribed_circle(plot, tolerance=0.5)
    side = min(1.3 * spoke.length, 22.0)
    if side < _LEAST_LENGTH_M:
        return np.empty(0, dtype=object)
    middle = shapely.get_coordinates(spoke)[0]
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.array([Polygon((_FORMS["slab"] - 0.5) * side @ back + middle)], dtype=object)


def row_direction(plot: BaseGeometry, *, sunny: bool) -> float:
    """Return the direction of rows: along the plot's longer side, or its side nearest to east-west."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(plot))
    sides = np.diff(corners[:3], axis=0)
    if sunny:
        side = sides[int(np.argmax(np.abs(sides[:, 0]) / np.hypot(sides[:, 0], sides[:, 1])))]
    else:
        side = sides[int(np.argmax(np.hypot(sides[:, 0], sides[:, 1])))]
    turn = float(np.arctan2(side[1], side[0]))
    return float((turn + np.pi / 2) % np.pi - np.pi / 2)
