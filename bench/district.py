"""The demonstration district once, ten times and thirty times: copies of it laid side by side.

Every copy has its own codes and lies so far from the others that no cell, walk or tile of one ends in another.
What is made is kept in a folder, under a name that follows from what it was made from.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo.crs import from_metric, points_from_metric, points_to_metric, to_metric
from layers.frames import conform
from layers.schema import LAYERS, Layer
from layers.standards import read_standards
from layers.store import District, create_store
from layers.stores.geopackage.ddl import SCHEMA_VERSION

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
GAP_M = 3_000.0
_ACROSS = 6
_DECIMALS = 9
_MADE_FROM = (
    "data/*.py",
    "data/*.json",
    "layers/schema.py",
    "layers/stores/geopackage/sql/*",
    "bench/district.py",
    "bench/inputs.py",
)

Frames = dict[str, "gpd.GeoDataFrame"]
Given = tuple[District, Frames]


def demonstration() -> Given:
    """Return the demonstration district; it takes some seconds."""
    from data.demo import generate

    return generate(read_standards(DATA))


def laid(given: Given, copies: int) -> Given:
    """Return a district of so many copies of the one given, six in a row, each with codes of its own."""
    district, frames = given
    if copies == 1:
        return given
    shifts = [_shift(district, number) for number in range(copies)]
    made = {name: _copies(frame, LAYERS[name], district.metric_crs, shifts) for name, frame in frames.items()}
    outline = None
    if district.outline is not None:
        shape = np.array([district.outline], dtype=object)
        outline = shapely.union_all([_moved(shape, district.metric_crs, shift)[0] for shift in shifts])
    return replace(district, name=f"{district.name} × {copies}", outline=outline), made


def _shift(district: District, number: int) -> tuple[float, float]:
    if district.outline is None:
        width = height = 0.0
    else:
        shape = to_metric(np.array([district.outline], dtype=object), district.metric_crs)
        west, south, east, north = shapely.total_bounds(shape)
        width, height = east - west, north - south
    # Whole hundreds of metres: the square cells of every copy lie alike.
    step = [float(np.ceil((side + GAP_M) / 600) * 600) for side in (width, height)]
    return number % _ACROSS * step[0], number // _ACROSS * step[1]


def _moved(shapes: NDArray[Any], metric_crs: str, shift: tuple[float, float]) -> NDArray[Any]:
    if shift == (0.0, 0.0):
        return shapes
    moved = shapely.transform(to_metric(shapes, metric_crs), lambda points: points + shift)
    rounded: NDArray[Any] = shapely.transform(
        from_metric(moved, metric_crs), lambda points: np.round(points, _DECIMALS)
    )
    return rounded


def _copies(
    frame: gpd.GeoDataFrame, layer: Layer, metric_crs: str, shifts: list[tuple[float, float]]
) -> gpd.GeoDataFrame:
    parts = []
    for number, shift in enumerate(shifts):
        part = frame.reset_index()
        part.geometry = _moved(np.asarray(frame.geometry.array), metric_crs, shift)
        for name in ("code", *(field.name for field in layer.parents)):
            part[name] = part[name].where(part[name].isna(), part[name] + f".{number:02}")
        if "entrance_lon" in part.columns:
            x, y = points_to_metric(part["entrance_lon"], part["entrance_lat"], metric_crs)
            lon, lat = points_from_metric(x + shift[0], y + shift[1], metric_crs)
            part["entrance_lon"], part["entrance_lat"] = np.round(lon, _DECIMALS), np.round(lat, _DECIMALS)
        parts.append(part)
    return conform(pd.concat(parts, ignore_index=True), layer).sort_index()


class Districts:
    """Districts of several sizes, made when they are first asked for and kept in a folder, the latest only.

    Parameters
    ----------
    folder : Path
    given : (District, frames), optional
        What copies are laid of; by default the demonstration district.
    """

    def __init__(self, folder: Path, given: Given | None = None) -> None:
        made_from = [path.read_bytes() for pattern in _MADE_FROM for path in sorted(ROOT.glob(pattern))]
        if given is not None:
            made_from.append(repr(sorted((name, len(frame)) for name, frame in given[1].items())).encode())
        digest = hashlib.sha256(b"".join(made_from)).hexdigest()[:12]
        self.folder = folder.resolve() / f"district-{digest}"
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("district-*"):
            if old.name != self.folder.name:
                shutil.rmtree(old)
        self._given = given

    def size(self, copies: int) -> Path:
        """Return the folder of one size."""
        folder = self.folder / f"x{copies}"
        folder.mkdir(exist_ok=True)
        return folder

    def given(self, copies: int) -> Given:
        """Return the district and its frames."""
        file = self.size(copies) / "frames"
        if file.exists():
            kept: Given = pickle.loads(file.read_bytes())
            return kept
        once = self._given or demonstration() if copies == 1 else self.given(1)
        made = laid(once, copies)
        keep(file, made)
        return made

    def frames(self, copies: int) -> Path:
        """Return the file of the pickled district and frames."""
        file = self.size(copies) / "frames"
        if not file.exists():
            self.given(copies)
        return file

    def store(self, copies: int) -> Path:
        """Return the GeoPackage that holds the district; copy it before writing to it."""
        file = self.size(copies) / f"district-{SCHEMA_VERSION}.gpkg"
        if not file.exists():
            unfinished = file.with_name("unfinished.gpkg")
            for left in unfinished.parent.glob("*unfinished.gpkg*"):
                left.unlink()
            district, frames = self.given(copies)
            create_store(f"gpkg:{unfinished}", district, layers=frames).close()
            unfinished.rename(file)
        return file


def keep(file: Path, value: object) -> None:
    """Pickle a value, whole or not at all."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_bytes(pickle.dumps(value, protocol=5))
    unfinished.replace(file)
