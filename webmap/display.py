"""What the display map is drawn in: the one place where the server moves positions for it.

Stored data, answers and files are in EPSG:4490, and so are all positions that pages handle. Where an installation's
own base map is in GCJ-02, the tiles are made in it, and the page's map draws its other positions there
(``static/js/map/datum.js``), so that all of it sits right on that base map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.datum import convert_datum, convert_geometries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.installation import MapDatum

_BEND = 0.005
"""GCJ-02 moves two places alike but for a share of their distance; it never reaches this."""
_SPARE_DEG = 1e-6


def displayed(shapes: NDArray[np.object_], datum: MapDatum) -> NDArray[np.object_]:
    """Return geometries (EPSG:4490) in what the display map is drawn in."""
    if datum == "wgs84":
        return shapes
    return convert_geometries(shapes, source="cgcs2000", target=datum)


def displayed_boxes(boxes: NDArray[np.float64], datum: MapDatum) -> NDArray[np.float64]:
    """Return what the displayed shapes lie in whose boxes these are: (n, 4), west, south, east, north in degrees."""
    if datum == "wgs84" or not len(boxes):
        return boxes
    spare = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) * _BEND + _SPARE_DEG
    moved = np.empty_like(boxes)
    for at in (0, 2):
        moved[:, at], moved[:, at + 1] = convert_datum(
            boxes[:, at], boxes[:, at + 1], source="cgcs2000", target=datum
        )
    moved[:, :2] -= spare
    moved[:, 2:] += spare
    return moved
