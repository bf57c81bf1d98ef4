"""What belongs to an area: by what rows say and by where they lie, against shapely's predicates."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any, get_args

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import STORED_CRS
from layers.areas import feature_belonging, features_in_area, units_in_area
from layers.loading import load
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import create_store
from layers.units import units
from layers.visitors import NO_AREA, WHOLE_DISTRICT, Area, AreaKind
from tests.district import METRIC_CRS, small_district

FRAMES: dict[str, Any] = small_district()[1]
KINDS: tuple[Any, ...] = tuple(kind for kind in get_args(AreaKind) if kind in LAYERS)
SCHEMES = ("square:100", "square:400", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")


def inside(snapshot: Snapshot, layer: str, area: Area) -> set[str]:
    return set(snapshot.frame(layer).index[features_in_area(snapshot, layer, area)])


def area_of(kind: Any, *codes: str) -> Area:
    return Area(kind, frozenset(codes))


def nests(layer: str, kind: str) -> bool:
    """Whether features of the layer can belong to areas of the kind at all."""
    order = ("subdistricts", "neighbourhoods", "communities")
    if layer == kind:
        return True
    if layer in order and kind in order:
        return order.index(layer) > order.index(kind)
    if layer == "management_cells":
        return kind != "communities"
    return not (kind == "management_cells" and layer in order[:2])


@pytest.mark.parametrize(("kind", "layer"), [*product(KINDS, LAYERS)])
def test_what_lies_in_a_part_belongs_to_it_and_what_lies_apart_does_not(
    snapshot: Snapshot, kind: str, layer: str
) -> None:
    """By GEOS on the small district, where what rows say of themselves is where they lie."""
    compared = 0
    parts = FRAMES[kind].to_crs(METRIC_CRS).geometry
    shapes = FRAMES[layer].to_crs(METRIC_CRS).geometry
    for code, part in parts.items():
        found = inside(snapshot, layer, area_of(kind, str(code)))
        if not nests(layer, kind):
            assert found == set()
            continue
        for feature, shape in shapes.items():
            if layer == "communities" and kind == "management_cells":
                expected = shapely.intersection(shape, part).area > 1 or (
                    shape.geom_type == "Point" and shape.within(part)
                )
            elif shape.representative_point().distance(part.boundary) < 0.5:
                continue  # on the line between two
            elif part.geom_type == "Point":  # nothing lies in a community that is only a point
                continue
            else:
                expected = shape.representative_point().within(part)
            says = FRAMES[layer].get("community")
            if kind == "communities" and says is not None and isinstance(says[feature], str):
                expected = says[feature] == code
            assert (feature in found) == expected, (code, feature)
            compared += 1
    assert compared or not nests(layer, kind) or layer == "backdrop"  # which lies across the middle line


@pytest.mark.parametrize(("kind", "scheme"), [*product(KINDS, SCHEMES)])
def test_units_belong_where_no_ground_of_theirs_is_anybody_elses(
    snapshot: Snapshot, kind: str, scheme: str
) -> None:
    found = units(snapshot, scheme)
    parts = FRAMES[kind].to_crs(METRIC_CRS).geometry
    members = 0
    for code, part in parts.items():
        belong = units_in_area(snapshot, scheme, area_of(kind, str(code)))
        members += int(belong.sum())
        if not found.is_cells or scheme == "management":
            layer = "management_cells" if scheme == "management" else scheme
            assert set(found.ids[belong]) == inside(snapshot, layer, area_of(kind, str(code)))
            continue
        own_m2 = shapely.area(shapely.intersection(found.shapes, part))
        others_m2 = shapely.area(shapely.intersection(found.shapes, parts.drop(code).union_all()))
        expected = (own_m2 > 1) & (others_m2 <= 1)
        if kind in ("communities", "management_cells"):  # between these is ground of nobody
            expected &= own_m2 > shapely.area(found.shapes) - 1
        assert np.array_equal(belong, expected)
    small = scheme in ("management", "square:100")
    assert members or not small or not nests({"management": "management_cells"}.get(scheme, scheme), kind)


@pytest.mark.parametrize("layer", LAYERS)
def test_all_of_the_district_and_nothing_of_it(snapshot: Snapshot, layer: str) -> None:
    assert inside(snapshot, layer, WHOLE_DISTRICT) == set(FRAMES[layer].index)
    assert inside(snapshot, layer, NO_AREA) == set()
    assert all(inside(snapshot, layer, area_of(kind, "gone")) == set() for kind in KINDS)
    for scheme in SCHEMES:
        assert units_in_area(snapshot, scheme, WHOLE_DISTRICT).all()
        assert not units_in_area(snapshot, scheme, NO_AREA).any()
        assert not units_in_area(snapshot, scheme, area_of("subdistricts", "gone")).any()


@st.composite
def areas(draw: st.DrawFn) -> Area:
    kind = draw(st.sampled_from(KINDS))
    codes = st.sampled_from([*FRAMES[kind].index, "gone"])
    return Area(kind, draw(st.frozensets(codes, min_size=1, max_size=4)))


@given(area=areas(), layer=st.sampled_from(sorted(LAYERS)), scheme=st.sampled_from(SCHEMES))
def test_an_area_has_what_its_parts_have(snapshot: Snapshot, area: Area, layer: str, scheme: str) -> None:
    parts = [area_of(area.kind, code) for code in area.codes]
    assert inside(snapshot, layer, area) == set().union(*(inside(snapshot, layer, part) for part in parts))
    apart = np.any([units_in_area(snapshot, scheme, part) for part in parts], axis=0)
    together = units_in_area(snapshot, scheme, area)
    assert (together >= apart).all()
    # What lies across the line between two parts belongs to those who have both.
    assert np.array_equal(together, apart) or units(snapshot, scheme).is_cells


@pytest.mark.parametrize("kind", ["subdistricts", "neighbourhoods", "management_cells"])
@pytest.mark.parametrize("layer", ["buildings", "complaints", "facilities", "mediation_rooms"])
def test_parts_that_tile_the_district_share_its_features_out(
    snapshot: Snapshot, kind: str, layer: str
) -> None:
    of_part = [sorted(inside(snapshot, layer, area_of(kind, code))) for code in FRAMES[kind].index]
    assert sorted(code for codes in of_part for code in codes) == list(FRAMES[layer].index)


def test_what_a_row_says_of_itself_counts_before_where_it_lies(standards: Standards) -> None:
    district, frames = small_district()
    frames["complaints"].loc["C01-001", "subdistrict"] = "S2"
    said = Snapshot(1, district, standards, frames)
    assert "C01-001" in inside(said, "complaints", area_of("subdistricts", "S2"))
    assert "C01-001" not in inside(said, "complaints", area_of("subdistricts", "S1"))
    assert "C01-001" in inside(said, "complaints", area_of("management_cells", "G01"))


def test_a_community_that_only_touches_a_cell_is_not_in_it(standards: Standards) -> None:
    district, frames = small_district()
    cells: Any = frames["management_cells"]
    frames["communities"].loc["C01", "geometry"] = cells.geometry["G01"]
    touching = Snapshot(1, district, standards, frames)
    holding = {
        code
        for code in cells.index
        if "C01" in inside(touching, "communities", area_of("management_cells", code))
    }
    assert holding == {"G01"}


def test_the_thousandth_area_is_made_of_what_the_first_was(snapshot: Snapshot) -> None:
    first = feature_belonging(snapshot, "complaints", "communities")
    kept = len(snapshot._derived)
    for number in range(1000):
        features_in_area(snapshot, "complaints", area_of("communities", f"C{number:03d}", "C01"))
    assert len(snapshot._derived) == kept
    assert feature_belonging(snapshot, "complaints", "communities") is first


def test_a_boundary_that_moves_changes_what_belongs(standards: Standards) -> None:
    """Also where the features themselves did not change; what nothing changed for is kept."""
    district, frames = small_district()
    before = Snapshot(1, district, standards, frames)
    area = area_of("management_cells", "G01")
    was = inside(before, "complaints", area)
    in_neighbourhood = feature_belonging(before, "complaints", "neighbourhoods")
    wide: Any = frames["management_cells"].copy()
    wide.loc["G01", "geometry"] = shapely.union_all(wide.geometry[["G01", "G02"]].to_numpy())
    wide = wide.drop(index="G02")
    after = Snapshot(2, district, standards, frames | {"management_cells": wide}, before=before)
    now = inside(after, "complaints", area)
    assert was < now
    assert now == was | inside(before, "complaints", area_of("management_cells", "G02"))
    assert feature_belonging(after, "complaints", "neighbourhoods") is in_neighbourhood


def test_a_fact_that_is_written_moves_nothing(tmp_path: Path, standards: Standards) -> None:
    """What follows from ground is kept while facts are written, and made anew when a feature or a cell moves."""
    district, frames = small_district()
    area = area_of("management_cells", "G01")
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store:
        first = load(store, standards)
        was = inside(first, "communities", area)
        written = store.read("communities").iloc[[0, 3]].assign(residents_group="unknown")
        store.upsert("communities", written)
        second = load(store, standards, before=first)
        kept = feature_belonging(first, "communities", "management_cells")
        assert feature_belonging(second, "communities", "management_cells") is kept
        cells = store.read("management_cells", codes=["G01", "G08"])
        swapped = gpd.GeoSeries(np.asarray(cells.geometry.array)[::-1], index=cells.index, crs=STORED_CRS)
        store.upsert("management_cells", cells.set_geometry(swapped))
        third = load(store, standards, before=second)
        moved = inside(third, "communities", area)
        assert moved != was and moved == inside(load(store, standards), "communities", area)
        gone = sorted(moved)[0]
        rows = store.read("communities", codes=[gone])
        store.upsert("communities", rows.set_geometry(rows.translate(0.004, 0.004)))
        fourth = load(store, standards, before=third)
        assert inside(fourth, "communities", area) == inside(load(store, standards), "communities", area)
        assert gone not in inside(fourth, "communities", area)
        store.delete("communities", [gone])
        fifth = load(store, standards, before=fourth)
        assert inside(fifth, "communities", area) == inside(load(store, standards), "communities", area)
