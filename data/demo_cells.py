"""Management cells of the demonstration district: plots of one neighbourhood joined to a beat."""

from __future__ import annotations

import heapq

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo_blocks import Town

_ENOUGH_M2 = 10_000.0
_ENOUGH_HOUSEHOLDS = 300.0
_LEAST_M2 = 5_000.0
_MOST_M2 = 26_000.0
_MOST_HOUSEHOLDS = 700.0


def cells_of(town: Town, households: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the management cell of each built plot, numbered from 0 in order of first plot.

    A cell grows until it has about 10,000 m² or 300 households: the smallest first, each joined with the
    neighbour that it shares the longest border with, where the two together do not become too large.

    Parameters
    ----------
    town : Town
    households : ndarray of float, shape (built,)
    """
    area = shapely.area(town.faces[: town.built])
    home = town.neighbourhood_of[town.parcel_of]
    size = dict(enumerate(zip(area.tolist(), households.tolist(), strict=True)))
    borders: dict[int, dict[int, float]] = {plot: {} for plot in size}
    for (one, other), metres in zip(town.touching.tolist(), town.shared_m.tolist(), strict=True):
        if other < town.built and home[one] == home[other]:
            borders[one][other] = borders[other][one] = metres
    member = np.arange(town.built)
    queue = [(square, plot) for plot, (square, _) in size.items()]
    heapq.heapify(queue)
    while queue:
        square, cell = heapq.heappop(queue)
        if cell not in size or size[cell][0] != square or _enough(*size[cell]):
            continue
        partner = _partner(cell, size, borders)
        if partner is None:
            continue
        _join(cell, partner, size, borders)
        member[member == partner] = cell
        heapq.heappush(queue, (size[cell][0], cell))
    _, number = np.unique(member, return_inverse=True)
    return number.ravel().astype(np.int64)


def _enough(square: float, households: float) -> bool:
    return square >= _ENOUGH_M2 or (households >= _ENOUGH_HOUSEHOLDS and square >= _LEAST_M2)


def _partner(
    cell: int, size: dict[int, tuple[float, float]], borders: dict[int, dict[int, float]]
) -> int | None:
    square, households = size[cell]
    fitting = [
        (metres, -other)
        for other, metres in borders[cell].items()
        if square < _LEAST_M2 / 2
        or (square + size[other][0] <= _MOST_M2 and households + size[other][1] <= _MOST_HOUSEHOLDS)
    ]
    return -max(fitting)[1] if fitting else None


def _join(
    cell: int, partner: int, size: dict[int, tuple[float, float]], borders: dict[int, dict[int, float]]
) -> None:
    (square, households), (more, further) = size[cell], size.pop(partner)
    size[cell] = (square + more, households + further)
    for other, metres in borders.pop(partner).items():
        del borders[other][partner]
        if other != cell:
            borders[cell][other] = borders[other][cell] = borders[cell].get(other, 0.0) + metres
