"""Which column fills which field: as told, by its heading, and never by a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers.imports.mapping import Mapping, make_mapping
from layers.imports.options import ImportOptions, merged, only_pairs, pairs, read_mapping_file, value_pairs
from layers.problems import BadParameter
from layers.schema import LAYERS, Field, Layer
from tests.layers.imports.conftest import refused, sentences


def mapped(layer: str, headings: list[str], *, has_geometry: bool = True, **options: Any) -> Mapping:
    return make_mapping(LAYERS[layer], headings, ImportOptions(**options), has_geometry=has_geometry)


def every_field() -> list[Any]:
    return [
        pytest.param(layer, field, id=f"{layer.name}-{field.name}")
        for layer in LAYERS.values()
        for field in layer.fields
        if field.name != "code"
    ]


@pytest.mark.parametrize(("layer", "field"), every_field())
def test_each_name_title_and_alias_maps_to_its_field_alone(layer: Layer, field: Field) -> None:
    required = {
        one.name: "x" for one in layer.fields if one.required and one.name not in ("code", field.name)
    }
    for heading in {field.name, *field.title, *field.aliases}:
        for spelt in (heading, f" {heading.upper()} ", heading.replace("_", " "), heading.replace(" ", "_")):
            found = mapped(layer.name, [spelt], constants=required)
            assert found.columns == {field.name: spelt}
            assert found.automatic == {field.name}


@pytest.mark.parametrize("heading", ["code", "Code", "CODE", "编号", "编码"])
def test_three_headings_map_to_code(heading: str) -> None:
    assert mapped("communities", [heading, "name"]).columns["code"] == heading


@pytest.mark.parametrize(
    "heading", ["id", "ID", "小区编号", "Community code", "co_de", "OBJECTID", "序号", "代码"]
)
def test_no_other_heading_maps_to_code(heading: str) -> None:
    assert "code" not in mapped("communities", [heading, "name"]).columns


def test_columns_that_could_both_be_meant_are_not_taken_but_said() -> None:
    found = mapped("buildings", ["name", "名称", "code", "编号"])
    assert found.columns == {}
    assert found.unused == ("name", "名称", "code", "编号")
    said = [note.en for note in found.notes]
    assert [("name, 名称" in note or "code, 编号" in note) and "--map" in note for note in said] == [
        True,
        True,
    ]
    told = mapped("buildings", ["name", "名称", "code", "编号"], columns={"name": "名称", "code": ""})
    assert told.columns == {"name": "名称"}
    assert told.notes == () or all("编号" in note.en for note in told.notes)


def test_options_win_over_headings() -> None:
    found = mapped("communities", ["name", "estate", "户数"], columns={"name": "estate", "households": ""})
    assert found.columns == {"name": "estate"}
    assert found.automatic == set()
    assert found.unused == ("name", "户数")
    assert mapped("communities", ["name"], constants={"name": "x"}).columns == {}


def test_one_column_fills_several_fields() -> None:
    found = mapped("subdistricts", ["qh"], columns={"code": "qh", "name": "qh"})
    assert found.columns == {"code": "qh", "name": "qh"}


def test_everything_that_is_wrong_with_the_options_is_told_at_once() -> None:
    error = refused(
        lambda: mapped(
            "complaints",
            ["kind", "when"],
            columns={"category": "knd", "colour": "kind", "opened": "when"},
            constants={"opened": "2019-01-01", "catgory": "x"},
            values={"chanel": {"a": "b"}},
            only={"where": ("x",)},
            lon="x",
            lat="kind",
        )
    )
    said = "\n".join(sentences(error))
    assert "no column knd" in said
    assert "Did you mean kind?" in said
    assert "no field colour" in said
    assert "no field catgory" in said
    assert "Did you mean category?" in said
    assert "no field chanel" in said
    assert "no column where" in said
    assert "no column x" in said
    assert "both --map and --set" in said
    assert "geometry of its own" in said


def test_a_required_field_that_nothing_fills_names_the_columns() -> None:
    [said] = sentences(refused(lambda: mapped("complaints", ["a", "b", "opened"])))
    assert "category" in said
    assert "--set category=VALUE" in said
    assert "a, b, opened" in said


@pytest.mark.parametrize(
    ("headings", "position"),
    [
        (["经度", "纬度"], ("经度", "纬度", None)),
        (["LNG", "Lat"], ("LNG", "Lat", None)),
        (["lon", "lat"], ("lon", "lat", None)),
        (["Longitude", "Latitude"], ("Longitude", "Latitude", None)),
        (["X", "Y", "X_pr", "Y_pr"], ("X", "Y", None)),
        (["WKT"], (None, None, "WKT")),
        (["the_geom", "lat"], (None, None, "the_geom")),
    ],
)
def test_positions_are_recognised(headings: list[str], position: tuple[str | None, ...]) -> None:
    found = mapped("buildings", headings, has_geometry=False)
    assert (found.lon, found.lat, found.wkt) == position


@pytest.mark.parametrize(
    ("headings", "said"),
    [
        (["a", "lat"], "No columns with the position"),
        (["lng", "lat", "x", "y"], "More than one set"),
        (["lng", "lat", "wkt"], "More than one set"),
    ],
)
def test_positions_that_must_be_named(headings: list[str], said: str) -> None:
    [problem] = sentences(refused(lambda: mapped("buildings", headings, has_geometry=False)))
    assert said in problem
    assert "--lon and --lat" in problem
    named = mapped("buildings", headings, has_geometry=False, lon=headings[0], lat=headings[1])
    assert (named.lon, named.lat, named.wkt) == (headings[0], headings[1], None)
    assert mapped("buildings", headings, has_geometry=False, wkt=headings[0]).wkt == headings[0]


def test_pairs() -> None:
    assert pairs("--map", ("a=b", " c = d=e ", "f=")) == {"a": "b", "c": "d=e", "f": ""}
    assert value_pairs(("kind:a=b=c", "kind:x=", "use:p:q=r")) == {
        "kind": {"a=b": "c", "x": ""},
        "use": {"p:q": "r"},
    }
    assert only_pairs(("a=b", "a=c", "d=")) == {"a": ("b", "c"), "d": ("",)}


@pytest.mark.parametrize("text", ["a", "=b", ""])
def test_misspelt_pairs(text: str) -> None:
    for read in (lambda: pairs("--map", (text,)), lambda: only_pairs((text,)), lambda: value_pairs((text,))):
        with pytest.raises(BadParameter, match="is not understood"):
            read()
    with pytest.raises(BadParameter, match="twice"):
        pairs("--map", ("a=b", "a=c"))
    with pytest.raises(BadParameter, match="FIELD:FROM=TO"):
        value_pairs(("kind=a",))


def test_a_mapping_file_says_what_the_command_line_says(tmp_path: Path) -> None:
    path = tmp_path / "communities.toml"
    path.write_text(
        """
        datum = "bd09"
        lon = "lng"
        lat = "lat"
        source-layer = "小区"
        [map]
        name = "estate"
        kind = ""
        [values.kind]
        "老小区" = "old_estate"
        1 = "other"
        [set]
        households = 3
        pilot = true
        [only]
        "区" = ["罗湖", "福田"]
        year = 2019
        """,
        "utf-8",
    )
    options = merged(
        read_mapping_file(path),
        {
            "datum": "gcj02",
            "crs": None,
            "columns": {"name": "title"},
            "values": {},
            "dry_run": True,
            "only": {},
        },
    )
    assert options == ImportOptions(
        datum="gcj02",
        lon="lng",
        lat="lat",
        source_layer="小区",
        columns={"name": "title", "kind": ""},
        values={"kind": {"老小区": "old_estate", "1": "other"}},
        constants={"households": "3", "pilot": "true"},
        only={"区": ("罗湖", "福田"), "year": ("2019",)},
        dry_run=True,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("datum = ", "cannot be read"),
        ("[only]\n区 = 'x'", "in quotes"),
        ("datums = 'x'", "unknown keys datums"),
        ("datum = 3", "datum is not written"),
        ("map = 'x'", "map is not written"),
        ("[map]\nname = ['a']", "map is not written"),
        ("[values]\nkind = 'a'", "values is not written"),
        ("[values.kind]\na = {b = 'c'}", "values is not written"),
        ("[only]\na = [['b']]", "only is not written"),
        ("only = 'x'", "only is not written"),
    ],
)
def test_a_mapping_file_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(text, "utf-8")
    assert said in str(refused(lambda: read_mapping_file(path)))


def test_a_mapping_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    assert "cannot be read" in str(refused(lambda: read_mapping_file(tmp_path / "m.toml")))
    (tmp_path / "m.toml").write_bytes(b"\xff\xfe\xff")
    assert "cannot be read" in str(refused(lambda: read_mapping_file(tmp_path / "m.toml")))
