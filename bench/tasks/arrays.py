"""Peers that work on arrays and frames within Python: pandas, polars, geopandas, shapely, esda."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from bench.tasks.common import (
    CATEGORIES,
    DAYS,
    SQUARE_M,
    geometries,
    table_of_numbers,
    table_of_squares,
)
from bench.worker import Given, Task

CRS = "EPSG:4547"


def _grouped_pandas(given: Given, by: str, width: int) -> Task:
    import pandas as pd

    frame = pd.DataFrame({name: given.array(name) for name in ("x", "y", by)})

    def run() -> Any:
        column = np.floor(frame["x"] / SQUARE_M).astype("int32")
        row = np.floor(frame["y"] / SQUARE_M).astype("int32")
        return frame.groupby([column.rename("column"), row.rename("row"), by], sort=False).size()

    table = table_of_squares(given, width)
    return Task(run, lambda s: table([*(s.index.get_level_values(n) for n in range(3)), s.to_numpy()]))


def pandas_squares(given: Given) -> Task:
    return _grouped_pandas(given, "category", CATEGORIES)


def pandas_days(given: Given) -> Task:
    return _grouped_pandas(given, "day", DAYS)


def _grouped_polars(given: Given, by: str, width: int) -> Task:
    pl: Any = import_module("polars")
    frame = pl.DataFrame({name: given.array(name) for name in ("x", "y", by)})
    query = (
        frame.lazy()
        .group_by(
            (pl.col("x") / SQUARE_M).floor().cast(pl.Int32).alias("column"),
            (pl.col("y") / SQUARE_M).floor().cast(pl.Int32).alias("row"),
            pl.col(by),
        )
        .agg(pl.len().alias("amount"))
    )
    table = table_of_squares(given, width)
    return Task(
        query.collect, lambda found: table([found[n].to_numpy().astype(np.int64) for n in found.columns])
    )


def polars_squares(given: Given) -> Task:
    return _grouped_polars(given, "category", CATEGORIES)


def polars_days(given: Given) -> Task:
    return _grouped_polars(given, "day", DAYS)


def _point_frame(given: Given) -> Any:
    import geopandas as gpd

    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(given.array("x"), given.array("y")), crs=CRS)


def geopandas_irregular(given: Given) -> Task:
    import geopandas as gpd

    points = _point_frame(given)
    cells = gpd.GeoDataFrame(geometry=geometries(given, "irregular"), crs=CRS)
    rows = len(cells)

    def run() -> Any:
        joined = points.sjoin(cells, how="inner", predicate="intersects")
        return np.bincount(joined["index_right"], minlength=rows)

    return Task(run)


def shapely_irregular(given: Given) -> Task:
    """The tree of the cells is made once, and they are prepared."""
    import shapely

    cells = geometries(given, "irregular")
    shapely.prepare(cells)
    tree = shapely.STRtree(cells)
    points = shapely.points(given.array("x"), given.array("y"))

    def run() -> Any:
        return np.bincount(tree.query(points, predicate="intersects")[1], minlength=len(cells))

    return Task(run)


def shapely_nearest(given: Given) -> Task:
    import shapely

    doors, tree = shapely.points(given.array("doors").T), shapely.STRtree(_rooms(given))
    return Task(
        lambda: tree.query_nearest(doors, return_distance=True, all_matches=False), lambda found: found[1]
    )


def shapely_nearest_cold(given: Given) -> Task:
    import shapely

    doors, rooms = shapely.points(given.array("doors").T), _rooms(given)

    def run() -> Any:
        return shapely.STRtree(rooms).query_nearest(doors, return_distance=True, all_matches=False)

    return Task(run, lambda found: found[1])


def _rooms(given: Given) -> Any:
    import shapely

    return shapely.points(given.array("rooms").T)


def geopandas_nearest(given: Given) -> Task:
    import geopandas as gpd

    doors = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*given.array("doors")), crs=CRS)
    rooms = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*given.array("rooms")), crs=CRS)

    def run() -> Any:
        return doors.sjoin_nearest(rooms, distance_col="metres")

    # Of several equally near all are there; their distance is the same.
    return Task(run, lambda found: found["metres"].groupby(level=0).first().to_numpy())


def shapely_area(given: Given) -> Task:
    """Each building is cut by the squares that its box meets; those within one square are not cut."""
    import shapely

    squares = given.array("squares")
    buildings = geometries(given, "buildings")
    table = table_of_squares(given, 1)

    def run() -> Any:
        west, south, east, north = np.floor(shapely.bounds(buildings).T / SQUARE_M).astype(np.int64)
        across, up = east - west + 1, north - south + 1
        number = across * up
        owner = np.repeat(np.arange(len(buildings)), number)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)
        column, row = west[owner] + within % across[owner], south[owner] + within // across[owner]
        area = np.empty(len(owner))
        whole = number[owner] == 1
        area[whole] = shapely.area(buildings[owner[whole]])
        cut = ~whole
        boxes = shapely.box(*(SQUARE_M * edge[cut] for edge in (column, row, column + 1, row + 1)))
        area[cut] = shapely.area(shapely.intersection(buildings[owner[cut]], boxes))
        first = squares.min(axis=0) - 1
        span = np.ptp(squares[:, 0]) + 3
        sums = np.bincount((row - first[1]) * span + column - first[0], weights=area)
        there = np.flatnonzero(sums)
        return there % span + first[0], there // span + first[1], sums[there]

    return Task(run, lambda found: table(found).ravel())


def geopandas_area(given: Given) -> Task:
    import geopandas as gpd
    import shapely

    squares = given.array("squares")
    column, row = squares.T
    boxes = shapely.box(*(SQUARE_M * edge for edge in (column, row, column + 1, row + 1)))
    cells = gpd.GeoDataFrame({"cell": np.arange(len(squares))}, geometry=boxes, crs=CRS)
    buildings = gpd.GeoDataFrame(geometry=geometries(given, "buildings"), crs=CRS)

    def run() -> Any:
        pieces = buildings.overlay(cells, how="intersection", keep_geom_type=True)
        return pieces.area.groupby(pieces["cell"]).sum()

    return Task(run, lambda sums: table_of_numbers(len(squares), (sums.index, sums)))


def esda_z(given: Given) -> Task:
    g_local, values, weights = _esda(given)
    return Task(
        lambda: g_local(values, weights, transform="B", star=True, permutations=0), lambda found: found.Zs
    )


def esda_permuted(given: Given) -> Task:
    g_local, values, weights = _esda(given)

    def run() -> Any:
        return g_local(values, weights, transform="B", star=True, permutations=999, n_jobs=1, seed=1)

    return Task(run, lambda found: np.stack([found.Zs, found.p_sim]))


def _esda(given: Given) -> tuple[Any, Any, Any]:
    """Return the function, values and weights; making these is not measured."""
    esda: Any = import_module("esda")
    libpysal: Any = import_module("libpysal")
    squares = given.array("hotspot_squares")
    first = squares.min(axis=0) - 1
    table = np.full(np.ptp(squares, axis=0) + 3, -1)
    column, row = (squares - first).T
    table[column, row] = np.arange(len(squares))
    steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    around = np.stack([table[column + a, row + b] for a, b in steps], axis=1)
    neighbours = {cell: [n for n in some if n >= 0] for cell, some in enumerate(around.tolist())}
    weights = libpysal.weights.W(neighbours, silence_warnings=True)
    size_m = 1.5 * SQUARE_M
    c, r = (
        np.floor(given.array(axis) / size_m).astype(np.int64) - f for axis, f in zip("xy", first, strict=True)
    )
    cell = table[c, r]
    values = np.bincount(cell[cell >= 0], minlength=len(squares)).astype(float)
    return esda.G_Local, values, weights
