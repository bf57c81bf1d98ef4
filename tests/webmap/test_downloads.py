from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from flask.testing import FlaskClient

from layers.exports import INVENTED
from layers.problems import StoreAway
from layers.schema import LAYERS
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Store
from layers.text import both
from layers.views import Sight, ViewQuery, view
from layers.visitors import Visitor
from tests.visitors import PLANNER, POLICY
from webmap import create_app
from webmap.downloads import MEDIA_TYPES, file_name

VIEWS = [
    {"question": "gap", "unit": "square:100", "kind": "day_care"},
    {"question": "gap", "unit": "communities", "subdistrict": "S2", "lang": "en"},
    {"question": "double_none", "community_kind": "old_estate"},
    {"question": "hotspots", "unit": "management", "from": "2018-01-01", "to": "2018-12-31"},
]


def table(body: bytes, ending: str) -> pd.DataFrame:
    if ending == "csv":
        assert body.startswith(b"\xef\xbb\xbf")
        return pd.read_csv(StringIO(body.decode("utf-8-sig")))
    if ending == "xlsx":
        return pd.read_excel(BytesIO(body))
    with tempfile.NamedTemporaryFile(suffix=".gpkg") as file:
        Path(file.name).write_bytes(body)
        frame: gpd.GeoDataFrame = pyogrio.read_dataframe(file.name)
        return frame


@pytest.mark.parametrize("ending", MEDIA_TYPES)
@pytest.mark.parametrize("query", VIEWS)
def test_a_download_has_exactly_the_rows_of_the_view(
    client: FlaskClient, query: dict[str, str], ending: str
) -> None:
    shown = client.get("/api/view", query_string=query).get_json()["rows"]
    response = client.get("/download", query_string=query | {"format": ending})
    assert response.status_code == 200 and response.mimetype == MEDIA_TYPES[ending]
    found = table(response.data, ending)
    english = query.get("lang") == "en"
    assert list(found["Unit" if english else "编号"].astype(str)) == [str(item) for item in shown["id"]]
    assert list(found["Name" if english else "名称"]) == shown["name"]
    assert set(found["note"]) == {INVENTED}
    if ending == "gpkg":
        assert isinstance(found, gpd.GeoDataFrame) and found.crs == "EPSG:4490"
        inside = found.geometry.representative_point()
        assert list(inside.x.round(4)) == pytest.approx([round(x, 4) for x in shown["lon"]], abs=2e-4)


def disposition(response: Any) -> str:
    value: str = response.headers["Content-Disposition"]
    found = re.fullmatch(r"""attachment; filename="([\x20-\x7e]+)"; filename\*=UTF-8''([\w.%~-]+)""", value)
    assert found and '"' not in found[1]
    return unquote(found[2])


def test_the_file_says_what_it_is(client: FlaskClient) -> None:
    response = client.get("/download?subdistrict=S1")
    expected = "样板区_gap_square-100_day_care_S1_2019-12-31_虚构演示数据.csv"
    assert disposition(response) == expected
    response = client.get("/download?question=double_none&lang=en&format=xlsx")
    assert disposition(response) == (
        "Sample-District_double_none_communities_2019-12-31_invented-demonstration-data.xlsx"
    )


def test_a_name_from_the_data_makes_no_header_or_path(client: FlaskClient) -> None:
    snapshot = client.application.extensions["wangge"].snapshots.current()
    sight = Sight(aggregates="full")
    district = replace(snapshot.district, name='a/../b\\c\r\nX: "y"', as_of=None, invented=False)
    renamed = Snapshot(1, district, snapshot.standards, {name: snapshot.frame(name) for name in LAYERS})
    shown = view(renamed, ViewQuery.from_params({}, renamed, sight), sight)
    assert file_name(shown, "zh", "csv") == "a-..-b-c-X-y-_gap_square-100_day_care.csv"


@pytest.mark.parametrize("ending", ["pdf", "CSV", "", "shp"])
def test_a_format_that_there_is_not(client: FlaskClient, ending: str) -> None:
    assert client.get(f"/download?format={ending}").status_code == 400


def test_equal_views_give_equal_files(client: FlaskClient) -> None:
    for ending in ("csv", "gpkg"):
        one, other = (client.get(f"/download?unit=communities&format={ending}") for _ in range(2))
        assert one.data == other.data and one.headers["ETag"] == other.headers["ETag"]


TAKING = {"/download": {"unit": "communities", "format": "xlsx"}, "/export-map": {"unit": "communities"}}


def test_whatever_is_taken_away_is_in_the_audit_log_once(small_store: Store, standards: Standards) -> None:
    entries: list[dict[str, Any]] = []

    def record(who: Visitor, action: str, **rest: Any) -> None:
        entries.append({"who": who, "action": action, **rest})

    app = create_app(small_store, standards, POLICY, visitors=lambda _: PLANNER, record=record)
    client = app.test_client()
    taking = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "action", None) in ("take", "export")
    }
    assert taking == {*TAKING, "/what-if/download"}, "scenarios have tests of their own"
    rows = len(client.get("/api/view?unit=communities").get_json()["rows"]["id"])
    assert not entries and rows
    for path, query in TAKING.items():
        assert client.get(path, query_string=query).status_code == 200
        (entry,) = entries
        assert (entry["who"], entry["action"], entry["count"]) == (PLANNER, "export", rows)
        assert entry["what"] == f"{path}?{urlencode(query)}" and entry["origin"] == "127.0.0.1"
        entries.clear()
        assert client.get(path, query_string={"unit": "nonsense"}).status_code == 400
        assert not entries, "nothing was taken"


@pytest.mark.parametrize("path", TAKING)
def test_nothing_is_taken_away_that_cannot_be_recorded(
    small_store: Store, standards: Standards, path: str
) -> None:
    def record(who: Visitor, action: str, **rest: Any) -> None:
        raise StoreAway(both("away"))

    app = create_app(small_store, standards, POLICY, visitors=lambda _: PLANNER, record=record)
    answer = app.test_client().get(path)
    assert answer.status_code == 503 and "Content-Disposition" not in answer.headers
