"""The units over which indicators are counted: analysis cells, management cells, communities, areas.

All of them answer the same questions, so that one table serves the map, the list and `analyse`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import cells as grid
from geo import crs
from layers.dwellings import dwellings
from layers.places import LEVEL_OF, lies_in, lies_mostly_in, places
from layers.problems import BadParameter, NotFound
from layers.schema import LAYERS
from layers.text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray
    from scipy import sparse

    from layers.snapshot import Snapshot

AREA_UNITS = ("communities", "neighbourhoods", "subdistricts")
SQUARES_M, SCREEN_SQUARES_M = (10.0, 10_000.0), (50.0, 5_000.0)
RESOLUTIONS, SCREEN_RESOLUTIONS = (5, 13), (6, 11)
COMMUNITY_NEIGHBOUR_M = 100.0
"""Communities are neighbours across a street: within so many metres of each other."""


@dataclass(frozen=True)
class Units:
    """Units of one scheme, and where everything lies in them.

    Attributes
    ----------
    scheme : str
        ``square:100``, ``h3:10``, ``management``, ``communities``, ``neighbourhoods`` or ``subdistricts``.
    ids : object array
        Cell ids or codes.
    ground : Cells or object array
        The cells, or the polygons (or a community's point) in the metric CRS.
    of_dwelling, of_building, of_community : int arrays
        Position of each dwelling (`layers.dwellings`), building and community, -1 for none.
    subdistrict : int array
        Subdistrict of each unit, -1 where unknown: what a management cell or an area says of itself; of
        other cells the one that holds their middle, at the district's edge the one they overlap most.
    """

    scheme: str
    ids: NDArray[np.object_]
    ground: grid.Cells | NDArray[np.object_]
    of_dwelling: NDArray[np.int64]
    of_building: NDArray[np.int64]
    of_community: NDArray[np.int64]
    subdistrict: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shapes(self) -> NDArray[np.object_]:
        """Their shapes in the metric CRS; of square cells they are made anew each time."""
        return self.ground if isinstance(self.ground, np.ndarray) else self.ground.polygons

    def shapes_at(self, at: NDArray[np.int64]) -> NDArray[np.object_]:
        """Return the shapes of some units in the metric CRS."""
        found: NDArray[np.object_] = (
            self.ground[at] if isinstance(self.ground, np.ndarray) else self.ground.polygons_at(at)
        )
        return found

    @property
    def is_cells(self) -> bool:
        """Whether the units are cells and not communities or administrative areas."""
        return self.scheme not in AREA_UNITS


def check_scheme(scheme: str, *, on_screen: bool = False) -> str:
    """Return `scheme` in its one spelling, or raise `BadParameter` that lists what is allowed.

    Parameters
    ----------
    on_screen : bool
        Only what a view can show at once: cells so small that a district has hundreds of thousands of
        them are for `wangge analyse`.
    """
    if scheme in AREA_UNITS or scheme == "management":
        return scheme
    squares = SCREEN_SQUARES_M if on_screen else SQUARES_M
    resolutions = SCREEN_RESOLUTIONS if on_screen else RESOLUTIONS
    wrong = BadParameter(
        Text("不认识统计单元 {s}。", "The unit {s} is not understood.").format(s=repr(scheme)),
        Text(
            "可用：square:100（{a:g}-{b:g} 米）、h3:10（{c}-{d} 级）、management、communities、neighbourhoods、"
            "subdistricts。",
            "Use square:100 ({a:g} to {b:g} m), h3:10 ({c} to {d}), management, communities, neighbourhoods or "
            "subdistricts.",
        ).format(a=squares[0], b=squares[1], c=resolutions[0], d=resolutions[1]),
    )
    try:
        parsed = grid.parse_scheme(scheme)
    except ValueError as error:
        raise wrong from error
    low, high = squares if parsed[0] == "square" else resolutions
    if len(parsed) == 1 or not low <= parsed[1] <= high:
        raise wrong
    return f"{parsed[0]}:{parsed[1]:g}"


def units(snapshot: Snapshot, scheme: str) -> Units:
    """Return the units of `scheme`.

    Raises
    ------
    BadParameter
        The scheme is not understood, or would make too many cells.
    """
    scheme = check_scheme(scheme)
    return snapshot.derived(("units", scheme), lambda: _units(snapshot, scheme), scheme=scheme)


def unit_title(scheme: str) -> Text:
    """Return what units of a scheme are called."""
    fixed = {
        "management": Text("网格", "management cells"),
        "communities": Text("小区", "communities"),
        "neighbourhoods": Text("社区", "neighbourhoods"),
        "subdistricts": Text("街道", "subdistricts"),
    }
    if scheme in fixed:
        return fixed[scheme]
    kind, _, size = scheme.partition(":")
    if kind == "square":
        return Text(f"{size} m 格", f"cells of {size} m")
    return Text(f"H3-{size} 格", f"H3-{size} cells")


def unit_position(found: Units, unit_id: str, seen: NDArray[np.bool_] | None = None) -> int:
    """Return the position of the unit with this id; `NotFound` otherwise, also where it is not `seen`."""
    where = np.flatnonzero(found.ids == unit_id if seen is None else (found.ids == unit_id) & seen)
    if not len(where):
        raise NotFound(
            Text("{u}里没有编号为 {id} 的。", "There is no {id} among the {u}.").format(
                u=unit_title(found.scheme), id=unit_id
            )
        )
    return int(where[0])


def _units(snapshot: Snapshot, scheme: str) -> Units:
    if scheme in AREA_UNITS:
        return _areas(snapshot, scheme)
    cells = analysis_cells(snapshot, scheme)
    homes = dwellings(snapshot)
    # Of very many cells both take a while, and neither follows from who lives there.
    ids = snapshot.derived(
        ("ids", scheme),
        lambda: np.asarray(analysis_cells(snapshot, scheme).ids, dtype=object),
        scheme=scheme,
    )
    subdistrict = snapshot.derived(
        ("subdistrict", scheme),
        lambda: _subdistrict_of(snapshot, analysis_cells(snapshot, scheme)),
        scheme=scheme,
    )
    return Units(
        scheme=scheme,
        ids=ids,
        ground=cells,
        of_dwelling=cells.cell_of(homes.point_x, homes.point_y),
        of_building=cells.cell_of(*snapshot.points("buildings")),
        of_community=cells.cell_of(*snapshot.points("communities")),
        subdistrict=subdistrict,
    )


def _subdistrict_of(snapshot: Snapshot, cells: grid.Cells) -> NDArray[np.int64]:
    if cells.scheme == "management":
        return places(snapshot, "management_cells")["subdistrict"].to_numpy()
    polygons = cells.polygons
    middle = shapely.point_on_surface(polygons)
    found = lies_in(snapshot, "subdistricts", shapely.get_x(middle), shapely.get_y(middle))
    outside = found < 0
    found[outside] = lies_mostly_in(snapshot, "subdistricts", polygons[outside])
    return found


def analysis_cells(snapshot: Snapshot, scheme: str) -> grid.Cells:
    """Return the cells of a scheme of cells; they are others where one of them may be another."""
    return snapshot.derived(("cells", scheme), lambda: _cells(snapshot, scheme), scheme=scheme)


def _cells(snapshot: Snapshot, scheme: str) -> grid.Cells:
    metric_crs, outline = snapshot.district.metric_crs, snapshot.outline()
    parsed = grid.parse_scheme(scheme)
    if parsed[0] == "management":
        codes = snapshot.frame("management_cells").index.to_numpy(dtype=object)
        return grid.polygon_cells(snapshot.metric("management_cells"), codes, crs=metric_crs)
    features = None
    if outline is None:
        features = np.concatenate(
            [snapshot.metric(layer.name) for layer in LAYERS.values() if layer.makes_cells]
        )
    try:
        if parsed[0] == "square":
            return grid.square_cells(parsed[1], crs=metric_crs, outline=outline, features=features)
        return grid.h3_cells(parsed[1], crs=metric_crs, outline=outline, features=features)
    except ValueError as error:
        raise BadParameter(
            Text("{scheme} 的格子无法生成。", "The cells {scheme} cannot be made: {why}.").format(
                scheme=scheme, why=error
            ),
            Text(
                "请改用较大的格子，并核对区界和量测坐标系。",
                "Choose larger cells, and check the outline and the metric CRS.",
            ),
        ) from error


def _areas(snapshot: Snapshot, layer: str) -> Units:
    level = LEVEL_OF[layer]
    homes = dwellings(snapshot)
    of_community = places(snapshot, "communities")[level].to_numpy()
    of_building = places(snapshot, "buildings")[level].to_numpy()
    bare = homes.community[~homes.is_building]
    return Units(
        scheme=layer,
        ids=snapshot.frame(layer).index.to_numpy(dtype=object),
        ground=snapshot.metric(layer),
        of_dwelling=np.concatenate([of_building, of_community[bare]]),
        of_building=of_building,
        of_community=of_community,
        subdistrict=places(snapshot, layer)["subdistrict"].to_numpy(),
    )


def neighbours(snapshot: Snapshot, scheme: str) -> sparse.csr_array:
    """Return which units are neighbours: queen contiguity, communities within 100 m of each other.

    Squares' are not kept: they follow quickly from rows and columns, are large, and asked for once to compare by.
    """
    scheme = check_scheme(scheme)

    def make() -> sparse.csr_array:
        if scheme not in AREA_UNITS:
            return analysis_cells(snapshot, scheme).neighbours()
        from scipy import sparse

        shapes = snapshot.metric(scheme)
        reach = COMMUNITY_NEIGHBOUR_M if scheme == "communities" else 0.01
        left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=reach)
        apart = left != right
        ones = np.ones(int(apart.sum()))
        return sparse.csr_array((ones, (left[apart], right[apart])), shape=(len(shapes), len(shapes)))

    if scheme.startswith("square:"):
        return make()
    return snapshot.derived(("neighbours", scheme), make, scheme=scheme)


def unit_frame(snapshot: Snapshot, scheme: str) -> gpd.GeoDataFrame:
    """Return the units' shapes in EPSG:4490, indexed by id, with the name of the unit."""
    scheme = check_scheme(scheme)

    def make() -> gpd.GeoDataFrame:
        import geopandas as gpd

        from layers.packed import packed

        if scheme in AREA_UNITS or scheme == "management":
            layer = "management_cells" if scheme == "management" else scheme
            frame = snapshot.frame(layer)
            made = frame[["name", "geometry"]].rename_axis("id")
        else:
            found = units(snapshot, scheme)
            shapes = crs.from_metric(found.shapes, snapshot.district.metric_crs)
            cells = gpd.GeoDataFrame(
                {"name": found.ids}, geometry=shapes, index=found.ids, crs=crs.STORED_CRS
            )
            made = packed(cells.rename_axis("id"))
        return made

    return snapshot.derived(("unit_frame", scheme), make, scheme=scheme)
