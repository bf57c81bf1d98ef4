"""Wangge's own way: the public functions of geo and layers, given what they are given in the program."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.inputs import CATEGORIES, DAYS, HOTSPOT_SQUARE_M, SQUARE_M
from bench.tasks.common import geometries
from bench.worker import Given, Task

CRS = "EPSG:4547"


def _squares(given: Given, size_m: float = SQUARE_M) -> Any:
    from geo.cells import square_cells

    return square_cells(size_m, crs=CRS, outline=geometries(given, "outline")[0])


def _irregular(given: Given) -> Any:
    from geo.cells import polygon_cells

    shapes = geometries(given, "irregular")
    return polygon_cells(shapes, np.arange(len(shapes)).astype(str).astype(object), crs=CRS)


def counts_in_squares(given: Given) -> Task:
    from geo.counting import cell_counts

    cells, x, y, category = _squares(given), given.array("x"), given.array("y"), given.array("category")
    return Task(lambda: cell_counts(cells, x, y, category=category, n_categories=CATEGORIES))


def counts_by_day(given: Given) -> Task:
    from geo.counting import cell_counts

    cells, x, y, day = _squares(given), given.array("x"), given.array("y"), given.array("day")
    return Task(lambda: cell_counts(cells, x, y, category=day, n_categories=DAYS))


def counts_in_irregular(given: Given) -> Task:
    from geo.counting import cell_counts

    cells, x, y = _irregular(given), given.array("x"), given.array("y")
    cells.cell_of(x[:1], y[:1])  # what is made of cells is kept with them
    return Task(lambda: cell_counts(cells, x, y), np.ravel)


def counts_in_irregular_cold(given: Given) -> Task:
    from geo.cells import polygon_cells
    from geo.counting import cell_counts

    shapes, x, y = geometries(given, "irregular"), given.array("x"), given.array("y")
    ids = np.arange(len(shapes)).astype(str).astype(object)
    return Task(lambda: cell_counts(polygon_cells(shapes, ids, crs=CRS), x, y), np.ravel)


def nearest(given: Given) -> Task:
    from geo.nearest import NearestIndex

    (x, y), rooms = given.array("doors"), NearestIndex(*given.array("rooms"))
    rooms.query(x[:1], y[:1])
    return Task(lambda: rooms.query(x, y), lambda found: found[0])


def nearest_cold(given: Given) -> Task:
    from geo.nearest import NearestIndex

    (x, y), rooms = given.array("doors"), given.array("rooms")
    return Task(lambda: NearestIndex(*rooms).query(x, y), lambda found: found[0])


def area_in_squares(given: Given) -> Task:
    from geo.cell_areas import polygon_area_by_cell
    from geo.rings import rings_of

    cells, buildings = _squares(given), rings_of(geometries(given, "buildings"))
    return Task(lambda: polygon_area_by_cell(cells, buildings))


def area_in_squares_cold(given: Given) -> Task:
    from geo.cell_areas import polygon_area_by_cell

    cells, buildings = _squares(given), geometries(given, "buildings")
    return Task(lambda: polygon_area_by_cell(cells, buildings))


def hotspots(given: Given) -> Task:
    from geo.hotspots import getis_ord_gi_star

    values, around = _hotspot_values(given)
    return Task(lambda: getis_ord_gi_star(values, around))


def hotspots_permuted(given: Given) -> Task:
    from geo.hotspots import getis_ord_gi_star, permutation_p

    values, around = _hotspot_values(given)

    def both() -> Any:
        return getis_ord_gi_star(values, around), permutation_p(values, around, permutations=999, seed=1)

    return Task(both, np.stack)


def _hotspot_values(given: Given) -> tuple[Any, Any]:
    from geo.counting import cell_counts

    cells = _squares(given, HOTSPOT_SQUARE_M)
    counts = cell_counts(cells, given.array("x"), given.array("y")).ravel()
    return counts.astype(float), cells.neighbours()


def classes_from_points(given: Given) -> Task:
    """All from the points: count, z, adjusted probabilities, classes."""
    from geo.counting import cell_counts
    from geo.hotspots import getis_ord_gi_star

    cells, x, y = _squares(given, HOTSPOT_SQUARE_M), given.array("x"), given.array("y")
    around = cells.neighbours()

    def whole() -> Any:
        return _judged(getis_ord_gi_star(cell_counts(cells, x, y).ravel().astype(float), around))

    return Task(whole, lambda judged: judged[0])


def classes_after_one(given: Given) -> Task:
    """One point more and the same one less, in turn, with z and classes of all cells after it."""
    from geo.counting import cell_counts
    from geo.hotspots import RunningGiStar

    cells, x, y = _squares(given, HOTSPOT_SQUARE_M), given.array("x"), given.array("y")
    running = RunningGiStar(cell_counts(cells, x, y).ravel().astype(float), cells.neighbours())
    inside = int(np.argmax(cells.cell_of(x[:1000], y[:1000]) >= 0))
    place = x[inside : inside + 1], y[inside : inside + 1]
    amounts = [1.0, -1.0]

    def one() -> Any:
        (cell,) = cells.cell_of(*place)
        running.add(int(cell), amounts[0])
        amounts.reverse()
        return _judged(running.z())

    def without_it(_: Any) -> Any:
        if amounts[0] < 0:  # the last run added it
            one()
        return running.z()

    return Task(one, without_it)


def _judged(z: Any) -> Any:
    from geo.significance import class_codes

    return z, class_codes(z)


def indicators(given: Given) -> Task:
    """Everything that the commands and the page need, from loaded rows: summary, analyse, every view of the squares."""
    import pickle
    from pathlib import Path

    from layers.analysis import analyse
    from layers.queries import QUESTIONS
    from layers.sight import Sight
    from layers.snapshot import Snapshot
    from layers.standards import read_standards
    from layers.summary import summary
    from layers.views import ViewQuery, view

    assert given.frames is not None
    district, frames = pickle.loads(given.frames.read_bytes())
    standards = read_standards(Path(__file__).parents[2] / "data")
    sight = Sight(aggregates="full", floating="all")
    asked = [{"question": question, "unit": "square:100"} for question in QUESTIONS]
    asked += [asked[0] | {"question": "gap", "kind": kind} for kind in standards.facility_kinds]

    def everything() -> Any:
        snapshot = Snapshot(1, district, standards, frames)
        shown = [view(snapshot, ViewQuery.from_params(one, snapshot, sight), sight) for one in asked]
        return summary(snapshot), analyse(snapshot, "square:100"), shown

    return Task(everything, lambda done: np.array([len(done[0]), len(done[1]), len(done[2])]))
