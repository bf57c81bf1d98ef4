"""Who changed what, and past states, as people ask for them: on both kinds of store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from layers.store import Authorship, open_store
from layers.text import LANGUAGES
from tests.district import GUARDED_TEXT
from tests.layers.test_store_outside import edit
from tests.layers.test_store_verify import hexed
from tests.layers.typed import done, run


def test_the_writes_to_a_layer_are_listed(store_url: str) -> None:
    lines = done("history", "communities", store=store_url).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("version 3  ") and "founder" in lines[0]
    assert lines[0].endswith("12 features: C01, C02, C03, C04, C05 …")
    assert "clerk  (电话核实)  1 features: C04" in lines[1]
    assert "clerk  from 2020-05-01 on  1 features: C03" in lines[2]
    assert "nobody named" in lines[3]
    chinese = done("history", "communities", "--since", "11", store=store_url, language="zh").splitlines()
    assert [line.split("  ")[0] for line in chinese] == ["第 13 版"]
    assert "1 个要素：C01" in chinese[0]
    assert "Nothing was written." in done("history", "backdrop", "--since", "9", store=store_url)
    written = json.loads(done("history", "complaints", "--since", "9", "--json", store=store_url))
    assert [(one["version"], one["who"], one["codes"]) for one in written] == [
        (14, "<b>甲</b>", ["C01-001", "C01-002"])
    ]
    assert written[0].keys() == {"version", "layer", "at", "who", "note", "effective", "codes"}


def test_the_edits_of_a_feature_are_told_field_by_field(store_url: str) -> None:
    told = done("history", "communities", "C03", "--since", "9", store=store_url)
    assert "version 11" in told and "from 2020-05-01 on  changed" in told
    assert "Property management: no → yes" in told
    assert "households" not in told.casefold()
    chinese = done("history", "communities", "C04", store=store_url, language="zh")
    assert "修改" in chinese and "180 → 181" in chinese and "新增" in chinese
    assert "小区类型：老旧小区" in chinese
    assert "Nothing was changed." in done("history", "communities", "C04", "--since", "14", store=store_url)


def test_a_geometry_is_told_by_how_far_and_how_large(store_url: str) -> None:
    assert "Place and shape: moved by 102." in done(
        "history", "facilities", "F01", "--since", "9", store=store_url
    )
    told = done("history", "communities", "C01", "--since", "9", store=store_url)
    assert "Place and shape: 134,400 m² → 268,800 m²" in told
    [edit] = json.loads(done("history", "communities", "C01", "--since", "9", "--json", store=store_url))
    [geometry] = edit["fields"]
    assert geometry["field"] == "geometry"
    assert geometry["moved_m"] < 0.1
    assert geometry["area_m2"] == pytest.approx([134_400, 268_800], rel=1e-3)
    inserted = json.loads(done("history", "facilities", "F01", "--json", store=store_url))[0]
    place = inserted["fields"][0]
    assert (place["moved_m"], place["area_m2"]) == (None, [None, None])
    assert 114 < place["lon"] < 115


@pytest.mark.parametrize("store_kind", ["gpkg"])
def test_what_other_programs_write_is_told_as_it_is(store_url: str) -> None:
    """A fact in other words than Wangge's, and a shape that was emptied and drawn anew."""
    path = Path(store_url.removeprefix("gpkg:"))
    empty, drawn = hexed(shapely.Polygon()), hexed(shapely.box(114, 22.5, 114.001, 22.501))
    for statement in (f"property_management = '有', geom = {empty}", f"geom = {drawn}", f"geom = {empty}"):
        edit(path, f"UPDATE communities SET {statement} WHERE code = 'C01'", boxes=False)
    told = done("history", "communities", "C01", "--since", "14", store=store_url)
    assert "Property management: yes → 有" in told
    assert told.count("now empty") == 2 and told.count("was empty") == 1
    assert "原为空图形" in done("history", "communities", "C01", store=store_url, language="zh")
    edits = json.loads(done("history", "communities", "C01", "--since", "14", "--json", store=store_url))
    shapes = [next(one for one in edit["fields"] if one["field"] == "geometry") for edit in edits]
    assert [shape["moved_m"] for shape in shapes] == [None] * 3
    assert [[area is not None for area in shape["area_m2"]] for shape in shapes] == [
        [True, False],
        [False, True],
        [True, False],
    ]
    edit(path, "DELETE FROM communities WHERE code = 'C01'", boxes=False)
    [gone] = json.loads(done("history", "communities", "C01", "--since", "17", "--json", store=store_url))
    [shape] = [one for one in gone["fields"] if one["field"] == "geometry"]
    assert shape == {"field": "geometry", "moved_m": None, "area_m2": [None, None]}
    assert "now empty" not in done("history", "communities", "C01", "--since", "17", store=store_url)


def test_guarded_fields_are_not_shown(store_url: str) -> None:
    for language in LANGUAGES:
        told = done("history", "complaints", "C01-001", store=store_url, language=language)
        assert GUARDED_TEXT not in told
        assert {"en": "Text: guarded, not shown", "zh": "诉求内容：受保护，不显示"}[language] in told
        assert {"en": "deleted", "zh": "删除"}[language] in told
    inserted, deleted = json.loads(done("history", "complaints", "C01-001", "--json", store=store_url))
    assert (inserted["kind"], deleted["kind"], deleted["who"]) == ("insert", "delete", "<b>甲</b>")
    assert {"field": "text", "guarded": True} in deleted["fields"]
    assert GUARDED_TEXT not in json.dumps(deleted, ensure_ascii=False)


def test_what_has_never_been_is_said(store_url: str) -> None:
    for language, said in zip(
        LANGUAGES, ("从来没有编码 XX", "never had anything with the code XX"), strict=True
    ):
        refused = run("history", "communities", "XX", store=store_url, language=language)
        assert refused.exit_code == 1
        assert said in refused.stderr
    assert run("history", "houses", store=store_url).exit_code == 2


# Past states


def test_a_summary_of_a_past_state_says_so(store_url: str) -> None:
    now = json.loads(done("summary", "--json", store=store_url))
    assert "state" not in now
    first = json.loads(done("summary", "--json", "--version", "9", store=store_url))
    assert first["state"] == {"version": 9}
    assert (first["layers"]["complaints"], now["layers"]["complaints"]) == (180, 178)
    held = json.loads(done("summary", "--json", "--on", "2020-04-30", store=store_url))
    assert held["state"] == {"on": "2020-04-30"}
    assert held["district"]["as_of"] == "2020-04-30"
    count_of = "without_property_management"
    assert held[count_of]["count"] == now[count_of]["count"] + 1
    assert "as the store stood at version 9" in done("summary", "--version", "9", store=store_url)
    assert "2020-04-30 当日的情况" in done("summary", "--on", "2020-04-30", store=store_url, language="zh")


def test_files_of_a_past_state_say_so_in_every_row(store_url: str, tmp_path: Path) -> None:
    import pandas as pd

    for command in (("export", "complaints"), ("analyse", "--cells", "management", "--out")):
        now, past, held = (tmp_path / f"{command[0]}-{name}.csv" for name in ("now", "past", "held"))
        assert "version" not in run(*command, now, store=store_url).output
        assert (
            "(as the store stood at version 9)"
            in run(*command, past, "--version", "9", store=store_url).stderr
        )
        assert run(*command, held, "--on", "2020-04-30", store=store_url).exit_code == 0
        notes = [set(pd.read_csv(file, encoding="utf-8-sig")["note"]) for file in (now, past, held)]
        assert notes[0] == {"虚构演示数据 / invented demonstration data"}
        assert notes[1] == {f"{notes[0].copy().pop()}; 第 9 版当时的记录 / as the store stood at version 9"}
        assert "held on 2020-04-30" in notes[2].pop()
    rows = [len(pd.read_csv(tmp_path / f"export-{name}.csv")) for name in ("now", "past", "held")]
    assert rows == [178, 180, 178]
    frame = pd.read_csv(tmp_path / "export-past.csv", encoding="utf-8-sig")
    assert GUARDED_TEXT not in frame.to_csv()


def test_a_state_that_cannot_be_is_refused(store_url: str, tmp_path: Path) -> None:
    refused = run("summary", "--version", "99", store=store_url)
    assert refused.exit_code == 1
    assert "Those kept are 0 to 14" in refused.stderr
    for language, said in zip(LANGUAGES, ("只能给一个", "not both"), strict=True):
        both = run("summary", "--version", "1", "--on", "2020-01-01", store=store_url, language=language)
        assert both.exit_code == 2
        assert said in both.stderr
    out = tmp_path / "x.csv"
    assert run("export", "complaints", out, "--version", "99", store=store_url).exit_code == 1
    assert not out.exists()
    assert run("summary", "--on", "yesterday", store=store_url).exit_code == 2


def test_of_what_was_erased_it_is_said_that_it_was(store_url: str) -> None:
    with open_store(store_url) as store:
        code = store.read("complaints").text.dropna().index[0]
        store.erase("complaints", "text", [code], by=Authorship(who="clerk", note="retention"))
    told = done("history", "complaints", code, "--since", "14", store=store_url)
    assert "(retention)  changed\n    Text: erased, and not what it was\n" in told
    assert "诉求内容：已删去" in done(
        "history", "complaints", code, "--since", "14", store=store_url, language="zh"
    )
    [edit] = json.loads(done("history", "complaints", code, "--since", "14", "--json", store=store_url))
    assert edit["fields"] == [{"field": "text", "erased": True}]
    everything = done("history", "complaints", code, "--json", store=store_url)
    assert GUARDED_TEXT not in everything
