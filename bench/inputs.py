"""What the kernels and their peers are given: plain arrays in files, the same for all.

Points stand like complaints, near the doors of buildings, and all lie in a cell. Irregular cells are a grid of
which every line has been bent: neighbours share their borders, and there are neither gaps nor overlaps.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from bench.district import Districts, keep
from bench.worker import Given
from geo.cells import square_cells
from layers.snapshot import Snapshot
from layers.standards import read_standards

if TYPE_CHECKING:
    from numpy.typing import NDArray

CATEGORIES = 6
DAYS = 365
SQUARE_M = 100.0
HOTSPOT_SQUARE_M = 150.0
"""Cells of this size are about 3,500 in the demonstration district."""
IRREGULAR_ACROSS, IRREGULAR_UP = 20, 30
_CORNERS_PER_SIDE = 25
_BEND, _SHAKE = 0.12, 0.3
_SPREAD_M = 60.0
_SEED = 20260101


class Inputs:
    """Files made of districts, each when it is first asked for."""

    def __init__(self, districts: Districts) -> None:
        self.districts = districts

    def shapes(self, copies: int) -> Path:
        """Return the folder with the shapes of one size.

        ``outline``, ``buildings`` and ``irregular`` are pickled lists of WKB in metres, ``doors.npy`` and
        ``rooms.npy`` positions (2, n), ``squares.npy`` and ``hotspot_squares.npy`` columns and rows of the square
        cells in order.
        """
        folder = self.districts.size(copies)
        if not (folder / "irregular").exists():
            self._make_shapes(copies, folder)
        return folder

    def _make_shapes(self, copies: int, folder: Path) -> None:
        district, frames = self.districts.given(copies)
        snapshot = Snapshot(1, district, read_standards(Path(__file__).parents[1] / "data"), frames)
        outline = snapshot.outline()
        keep(folder / "outline", shapely.to_wkb([outline]).tolist())
        keep(folder / "buildings", shapely.to_wkb(snapshot.metric("buildings")).tolist())
        np.save(folder / "doors.npy", np.array(snapshot.doors("buildings")))
        np.save(folder / "rooms.npy", np.array(snapshot.doors("mediation_rooms")))
        for name, size_m in (("squares", SQUARE_M), ("hotspot_squares", HOTSPOT_SQUARE_M)):
            cells = square_cells(size_m, crs=district.metric_crs, outline=outline)
            places = [name[1:].split("N") for name in cells.ids.tolist()]
            np.save(folder / f"{name}.npy", np.array(places, dtype=np.int64))
        keep(folder / "irregular", shapely.to_wkb(irregular(outline, copies)).tolist())

    def given(self, copies: int, points: int) -> Given:
        """Return what tasks are given of one size, with so many points; 0 where none are needed."""
        return Given(
            self.shapes(copies),
            self.points(copies, points) if points else None,
            self.districts.frames(copies),
            self.districts.store(copies),
        )

    def points(self, copies: int, rows: int) -> Path:
        """Return the folder with so many points of one size: x, y, category (0-5) and day (0-364), one file each."""
        folder = self.districts.size(copies) / f"points-{rows}"
        if (folder / "day.npy").exists():
            return folder
        folder.mkdir(exist_ok=True)
        shapes = self.shapes(copies)
        doors, squares = np.load(shapes / "doors.npy"), np.load(shapes / "squares.npy")
        rng = np.random.default_rng([_SEED, copies])
        x, y = _near(rng, doors, squares, rows)
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", y)
        np.save(folder / "category.npy", rng.choice(CATEGORIES, rows, p=_shares(CATEGORIES)).astype(np.int8))
        np.save(folder / "day.npy", rng.integers(0, DAYS, rows).astype(np.int16))
        return folder


def _shares(number: int) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = 1.0 / np.arange(1, number + 1)
    return np.asarray(shares / shares.sum())


def _near(rng: np.random.Generator, doors: NDArray[Any], squares: NDArray[Any], rows: int) -> tuple[Any, Any]:
    """Return points near doors, each in one of the squares."""
    first = squares.min(axis=0) - 1
    width = np.ptp(squares[:, 0]) + 3
    there = np.zeros(width * (np.ptp(squares[:, 1]) + 3), dtype=bool)
    there[(squares[:, 1] - first[1]) * width + squares[:, 0] - first[0]] = True
    x, y = np.empty(rows), np.empty(rows)
    done = 0
    while done < rows:
        door = rng.integers(0, doors.shape[1], min(rows - done, 2_000_000))
        places = doors[:, door] + rng.normal(0, _SPREAD_M, (2, len(door)))
        column, row = np.floor(places / SQUARE_M).astype(np.int64) - first[:, None]
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < len(there) // width)
        inside[inside] = there[row[inside] * width + column[inside]]
        found = places[:, inside]
        x[done : done + found.shape[1]], y[done : done + found.shape[1]] = found
        done += found.shape[1]
    return x, y


def irregular(outline: Any, copies: int) -> NDArray[np.object_]:
    """Return 600 cells for each copy, of a hundred corners each, that cover the outline's box without gap or overlap."""
    west, south, east, north = outline.bounds
    across = IRREGULAR_ACROSS * max(1, round(copies**0.5))
    up = max(1, round(IRREGULAR_ACROSS * IRREGULAR_UP * copies / across))
    # Bent lines leave the box by less than a cell.
    wide, high = (east - west) / (across - 2), (north - south) / (up - 2)
    points_x, points_y = across * _CORNERS_PER_SIDE + 1, up * _CORNERS_PER_SIDE + 1
    u, v = np.meshgrid(np.arange(points_x) / _CORNERS_PER_SIDE, np.arange(points_y) / _CORNERS_PER_SIDE)
    rng = np.random.default_rng(_SEED)
    shake = rng.uniform(-_SHAKE, _SHAKE, (2, points_y, points_x)) / _CORNERS_PER_SIDE
    x = west + (u - 1 + _BEND * np.sin(2.1 * v + 0.7 * u) + shake[0]) * wide
    y = south + (v - 1 + _BEND * np.sin(1.7 * u - 0.9 * v) + shake[1]) * high
    made = []
    for row in range(up):
        for column in range(across):
            a, b = row * _CORNERS_PER_SIDE, column * _CORNERS_PER_SIDE
            c, d = a + _CORNERS_PER_SIDE, b + _CORNERS_PER_SIDE
            ring = [(a, slice(b, d)), (slice(a, c), d), (c, slice(d, b, -1)), (slice(c, a, -1), b)]
            made.append(np.column_stack([np.concatenate([axis[side] for side in ring]) for axis in (x, y)]))
    return np.asarray(shapely.polygons(np.array(made)), dtype=object)
