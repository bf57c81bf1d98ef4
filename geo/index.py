"""A dynamic index of features by their bounding boxes."""

from collections.abc import Iterable
from threading import Lock

import numpy as np
from rtree import index as rtree_index

Bounds = tuple[float, float, float, float]


class FeatureIndex:
    """Find features by place while they come and go.

    Features are known by a code, which is opaque text; the index keeps their bounding boxes only, so an
    answer is a set of candidates for an exact test. All bounds are (min x, min y, max x, max y) in one CRS,
    the caller's choice. One index may be shared by several threads.
    """

    def __init__(self, features: Iterable[tuple[str, Bounds]] = ()) -> None:
        """Make an index of `features`, packed at once: several times faster than inserting them.

        Raises
        ------
        ValueError
            If bounds are not finite, a minimum exceeds its maximum, or a code comes twice.
        """
        boxes = [(code, _box(bounds, f"feature {code!r}")) for code, bounds in features]
        self._entries: dict[str, tuple[int, Bounds]] = {
            code: (number, box) for number, (code, box) in enumerate(boxes)
        }
        if len(self._entries) != len(boxes):
            raise ValueError(f"{len(boxes) - len(self._entries)} codes come twice; a code names one feature")
        self._codes: dict[int, str] = {number: code for code, (number, _) in self._entries.items()}
        self._next = len(boxes)
        self._tree = rtree_index.Index(
            ((number, box, None) for number, (_, box) in enumerate(boxes)) if boxes else None
        )
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, code: object) -> bool:
        return code in self._entries

    def insert(self, code: str, bounds: Bounds) -> None:
        """Add a feature, or move one that is there.

        Parameters
        ----------
        code : str
            The feature's code.
        bounds : (float, float, float, float)
            Its bounding box; for a point twice the point.

        Raises
        ------
        ValueError
            If the bounds are not finite, or a minimum exceeds its maximum.
        """
        box = _box(bounds, f"feature {code!r}")
        with self._lock:
            self._remove(code)
            number = self._next
            self._next += 1
            self._tree.insert(number, box)
            self._entries[code] = (number, box)
            self._codes[number] = code

    def delete(self, code: str) -> bool:
        """Take a feature out; tell whether it was there."""
        with self._lock:
            return self._remove(code)

    def query(self, bounds: Bounds) -> list[str]:
        """List the codes of the features whose bounding boxes meet the given one, edges included, sorted.

        Raises
        ------
        ValueError
            If the bounds are not finite, or a minimum exceeds its maximum.
        """
        box = _box(bounds, "the query")
        with self._lock:
            return sorted(self._codes[number] for number in self._tree.intersection(box))

    def nearest(self, x: float, y: float, k: int) -> list[str]:
        """List the codes of the `k` features with the nearest bounding boxes, the nearest first.

        Distance is straight in the index's coordinates, 0 inside a box; ties are in the order of the codes.

        Raises
        ------
        ValueError
            If the position is not finite, or `k` is below 1.
        """
        if k < 1:
            raise ValueError(f"{k} nearest features were asked for; ask for 1 or more")
        place = _box((x, y, x, y), "the position")
        with self._lock:
            codes = [self._codes[number] for number in self._tree.nearest(place, k)]
            ranked = sorted((_distance(x, y, self._entries[code][1]), code) for code in codes)
        return [code for _, code in ranked[:k]]

    def _remove(self, code: str) -> bool:
        entry = self._entries.pop(code, None)
        if entry is None:
            return False
        number, box = entry
        self._tree.delete(number, box)
        del self._codes[number]
        return True


def _box(bounds: Bounds, what: str) -> Bounds:
    west, south, east, north = (float(value) for value in bounds)
    if not (np.isfinite((west, south, east, north)).all() and west <= east and south <= north):
        raise ValueError(
            f"{what} has bounds {tuple(bounds)}; give four finite numbers, minimum x, minimum y, "
            "maximum x, maximum y"
        )
    return west, south, east, north


def _distance(x: float, y: float, box: Bounds) -> float:
    return float(np.hypot(max(box[0] - x, 0.0, x - box[2]), max(box[1] - y, 0.0, y - box[3])))
