from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import geopandas as gpd
import pytest
import shapely
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import District, create_store
from layers.views import COLUMNS
from tests.district import GUARDED_TEXT, METRIC_CRS, small_district
from tests.visitors import app_for

FRAMES = small_district()[1]
WEST, SOUTH, EAST, NORTH = 114.126, 22.543, 114.142, 22.555


def codes(client: FlaskClient, layer: str, **query: Any) -> list[str]:
    body = client.get(f"/api/layers/{layer}/features", query_string=query).get_json(force=True)
    return [feature["id"] for feature in body["features"]]


def test_the_district_says_what_there_is(client: FlaskClient) -> None:
    found = client.get("/api/district?lang=en").get_json()
    assert found["counts"] == {layer: len(frame) for layer, frame in FRAMES.items()}
    assert found["invented"] is True and found["as_of"] == "2019-12-31"
    kinds = {kind["id"]: kind for kind in found["facility_kinds"]}
    assert kinds["day_care"]["count"] == 2 and kinds["day_care"]["limit_m"] == 300
    assert kinds["rehabilitation_centre"]["count"] == 0
    assert [item["name"] for item in found["subdistricts"]] == ["West", "East"]
    west, south, east, north = found["bbox"]
    assert WEST < west < east < EAST and SOUTH < south < north < NORTH


def test_an_empty_district_answers_everywhere(tmp_path: Path, standards: Standards) -> None:
    district = District(name="空区", metric_crs=METRIC_CRS)
    with create_store(f"gpkg:{tmp_path}/empty.gpkg", district) as store:
        client = app_for(store, standards).test_client()
        found = client.get("/api/district").get_json()
        assert found["bbox"] is None and set(found["counts"].values()) == {0}
        for layer in LAYERS:
            assert codes(client, layer) == []
            assert client.get(f"/tiles/{layer}/14/13386/7138.mvt").status_code == 204
        for question in ("gap", "double_none", "hotspots"):
            shown = client.get("/api/view", query_string={"question": question, "unit": "communities"})
            assert shown.get_json()["rows"]["id"] == []
            assert shown.get_json()["headlines"][question]["needs"]
        assert client.get("/api/nearby?layer=buildings&lon=114.1&lat=22.5").status_code == 400
        assert client.get("/api/summary").status_code == 200


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_hold_every_feature_once_in_order(client: FlaskClient, layer: str, limit: int) -> None:
    url, seen = f"/api/layers/{layer}/features?limit={limit}", []
    while url:
        body = client.get(url).get_json(force=True)
        assert body["numberReturned"] == len(body["features"]) <= limit
        assert body["numberMatched"] == len(FRAMES[layer])
        seen += [feature["id"] for feature in body["features"]]
        links = {link["rel"]: link["href"] for link in body["links"]}
        assert links["self"].startswith("/api/")
        url = links.get("next", "")
        if limit == 1 and len(seen) == 3:
            break
    assert seen == list(FRAMES[layer].index)[: len(seen)]
    assert limit == 1 or len(seen) == len(FRAMES[layer])


@given(
    layer=st.sampled_from(sorted(LAYERS)),
    x=st.tuples(st.floats(WEST, EAST), st.floats(WEST, EAST)).map(sorted),
    y=st.tuples(st.floats(SOUTH, NORTH), st.floats(SOUTH, NORTH)).map(sorted),
)
def test_a_box_finds_what_geopandas_finds(
    app_client: FlaskClient, layer: str, x: list[float], y: list[float]
) -> None:
    west, south, east, north = box = [round(value, 7) for value in (x[0], y[0], x[1], y[1])]
    frame = FRAMES[layer]
    expected = list(frame.index[frame.intersects(shapely.box(west, south, east, north))])
    query = {"bbox": ",".join(f"{value:.7f}" for value in box), "limit": 1000}
    assert codes(app_client, layer, **query) == expected


@pytest.fixture(scope="module")
def app_client(app: Any) -> FlaskClient:
    made: FlaskClient = app.test_client()
    return made


@given(
    layer=st.sampled_from(sorted(LAYERS)),
    lon=st.floats(WEST - 0.5, EAST + 0.5),
    lat=st.floats(SOUTH - 0.5, NORTH + 0.5),
    limit=st.integers(1, 12),
)
def test_nearby_finds_what_measuring_everything_finds(
    app_client: FlaskClient, layer: str, lon: float, lat: float, limit: int
) -> None:
    query = {"layer": layer, "lon": f"{lon:.6f}", "lat": f"{lat:.6f}", "limit": limit}
    body = app_client.get("/api/nearby", query_string=query).get_json(force=True)
    metric = FRAMES[layer].to_crs(METRIC_CRS)
    here = gpd.GeoSeries.from_xy([round(lon, 6)], [round(lat, 6)], crs="EPSG:4490").to_crs(METRIC_CRS)[0]
    distances = metric.distance(here)
    expected = sorted(distances)[:limit]
    found = [feature["properties"]["distance_m"] for feature in body["features"]]
    assert found == pytest.approx(expected, abs=0.006)
    for feature in body["features"]:
        assert feature["properties"]["distance_m"] == pytest.approx(distances[feature["id"]], abs=0.006)


@pytest.mark.parametrize(
    ("lon", "lat"), [("22.55", "114.13"), ("0", "0"), ("-180", "-90"), ("22.55", "89.9")]
)
def test_nearby_refuses_a_place_far_away(client: FlaskClient, lon: str, lat: str) -> None:
    response = client.get(f"/api/nearby?layer=facilities&lon={lon}&lat={lat}")
    assert response.status_code == 400


def test_a_subdistrict_filter_follows_the_parents(client: FlaskClient) -> None:
    rooms = codes(client, "mediation_rooms", subdistrict="S1")
    assert rooms == ["M1", "M2"]
    both = [codes(client, "complaints", subdistrict=code, limit=1000) for code in ("S1", "S2")]
    assert sorted(both[0] + both[1]) == list(FRAMES["complaints"].index)
    assert codes(client, "subdistricts", subdistrict="S2") == ["S2"]
    response = client.get("/api/layers/buildings/features?subdistrict=S3")
    assert response.status_code == 400
    assert response.get_json()["error"]["parameter"] == "subdistrict"


def test_features_hold_what_the_store_holds(client: FlaskClient) -> None:
    body = client.get("/api/layers/communities/features/C06").get_json(force=True)
    properties = body["properties"]
    fields = [field.name for field in LAYERS["communities"].fields if not field.guarded]
    assert list(properties) == fields
    assert properties["residents"] is None and properties["residents_date"] is None
    assert properties["property_management"] == "unknown"
    assert properties["party_branch_mode"] == "joint"
    known = client.get("/api/layers/communities/features/C01").get_json(force=True)["properties"]
    assert (known["residents"], known["contract_end"]) == (900, "2021-06-30")


def test_rings_run_as_geojson_wants(client: FlaskClient) -> None:
    body = client.get("/api/layers/buildings/features?after=B&limit=4").get_json(force=True)
    for feature in body["features"]:
        shape: Any = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shape.exterior.is_ccw and not any(ring.is_ccw for ring in shape.interiors)
        assert (
            shape.equals_exact(FRAMES["buildings"].geometry[feature["id"]].normalize(), 1) and shape.is_valid
        )
    assert any(len(feature["geometry"]["coordinates"]) > 1 for feature in body["features"])


def test_the_guarded_text_leaves_by_no_way(client: FlaskClient) -> None:
    code = "C03-001"
    assert FRAMES["complaints"].loc[code, "text"] == GUARDED_TEXT
    for path in (
        f"/api/layers/complaints/features/{code}",
        "/api/layers/complaints/features?limit=1000",
        "/api/nearby?layer=complaints&lon=114.13&lat=22.55&limit=100",
        "/api/search?q=住户",
        "/api/layers",
        "/tiles/complaints/16/53545/28553.mvt",
    ):
        response = client.get(path)
        assert response.status_code in (200, 204)
        assert GUARDED_TEXT not in response.get_data(as_text=False).decode("utf-8", "replace"), path
    fields = {layer["name"]: layer["fields"] for layer in client.get("/api/layers").get_json()}
    assert "text" not in {field["name"] for field in fields["complaints"]}


@pytest.mark.parametrize("code", ["甲/1", "a//b", "..", "C01 ", "a%2Fb", "<b>", "'"])
def test_a_code_that_is_not_there_is_not_found_in_words(client: FlaskClient, code: str) -> None:
    from urllib.parse import quote

    response = client.get(f"/api/layers/communities/features/{quote(code, safe='')}")
    assert response.status_code == 404
    assert code in response.get_json()["error"]["detail"]


def test_codes_are_opaque(tmp_path: Path, standards: Standards) -> None:
    district, frames = small_district()
    odd = ["a/b", "a//b", "甲 1", "a?b=c&d", "a%2Fb", "a#b", "+"]
    libraries = frames["facilities"].iloc[: len(odd)].copy()
    libraries.index = libraries.index.map(dict(zip(libraries.index, odd, strict=True)))
    with create_store(f"gpkg:{tmp_path}/odd.gpkg", district, layers={"facilities": libraries}) as store:
        client = app_for(store, standards).test_client()
        from urllib.parse import quote

        for code in odd:
            body = client.get(f"/api/layers/facilities/features/{quote(code, safe='')}").get_json(force=True)
            assert body["id"] == code
        url, seen = "/api/layers/facilities/features?limit=2", []
        while url:
            body = client.get(url).get_json(force=True)
            seen += [feature["id"] for feature in body["features"]]
            url = {link["rel"]: link["href"] for link in body["links"]}.get("next", "")
        assert seen == sorted(odd)


@pytest.mark.parametrize(
    "query",
    [
        "question=nothing",
        "unit=square:1",
        "unit=square:0.0001",
        "unit=h3:15",
        "unit=square:nan",
        "unit=square:１００",
        "kind=cinema",
        "subdistrict=S9",
        "community_kind=palace",
        "limit_m=99",
        "limit_m=1001",
        "limit_m=5e2",
        "limit_m=五百",
        "kind=library&limit_m=299&limit_m=300",
        "from=2019-13-01",
        "from=2019-12-31&to=2019-01-01",
        "from=２０１９-01-01",
        "to=yesterday",
        "question=gap&question=gap",
        "theme=dark",
        "lang=",
    ],
)
@pytest.mark.parametrize("path", ["/api/view", "/api/units/communities/C01", "/download", "/export-map"])
def test_a_view_out_of_range_is_refused(client: FlaskClient, path: str, query: str) -> None:
    if "units" in path and query.startswith("unit="):
        path, query = f"/api/units/{query.removeprefix('unit=')}/C01", ""
    assert client.get(f"{path}?{query}").status_code == 400


@pytest.mark.parametrize("unit", ["square:100", "communities"])
def test_a_view_tells_the_columns_that_are_asked_for(client: FlaskClient, unit: str) -> None:
    query = {"question": "gap", "unit": unit}
    whole = client.get("/api/view", query_string=query).get_json()
    assert list(whole["rows"]) == list(COLUMNS)
    for asked in ("id,class,lon,lat", "months", "lat,id", ",".join(COLUMNS)):
        part = client.get("/api/view", query_string=query | {"columns": asked}).get_json()
        wanted = {name: column for name, column in whole["rows"].items() if name in asked.split(",")}
        assert part == whole | {"rows": wanted}
    matching = query | {"where": "residents:500", "columns": "id"}
    assert list(client.get("/api/view", query_string=matching).get_json()["rows"]) == ["id"]


@pytest.mark.parametrize("asked", ["", "id,", "id,ID", "rows", "id, class"])
def test_a_column_that_a_view_has_not_is_refused_in_words(client: FlaskClient, asked: str) -> None:
    answer = client.get("/api/view", query_string={"columns": asked, "lang": "en"})
    assert answer.status_code == 400
    assert "Give some of id, name, place, class" in answer.get_json()["error"]["remedy"]


def test_a_chosen_limit_reaches_view_card_file_and_page(client: FlaskClient) -> None:
    view = client.get("/api/view?limit_m=500&lang=en").get_json()
    assert view["query"]["limit_m"] == view["limit"]["metres"] == 500
    assert view["headlines"]["gap"]["label"] == "of residents beyond 500 m (chosen)"
    card = client.get("/api/units/communities/C01?limit_m=500").get_json()
    limits = {row["kind"]: (row["limit_m"], row["limit_chosen"]) for row in card["distances"]}
    assert limits["day_care"] == (500, True) and limits["library"] == (1000, False)
    table = client.get("/download?limit_m=500")
    assert "500 m 外居民（自选）" in table.get_data(as_text=True).splitlines()[0]
    assert "_500m_" in unquote(table.headers["Content-Disposition"])
    sheet = client.get("/export-map?limit_m=500").get_data(as_text=True)
    assert "限值 500 m 为自选；标准是 300 m" in sheet and "500 m 以外（自选）" in sheet
    assert 'type="range"' not in sheet
    assert client.get("/?limit_m=500").status_code == 200
    assert client.get("/?limit_m=5000").status_code == 400


@pytest.mark.parametrize(
    ("unit", "zh", "en"),
    [
        ("communities", "小区里没有编号为 NONE 的。", "There is no NONE among the communities."),
        ("square:100", "100 m 格里没有编号为 NONE 的。", "There is no NONE among the cells of 100 m."),
    ],
)
def test_a_unit_that_there_is_not_is_told_in_words(client: FlaskClient, unit: str, zh: str, en: str) -> None:
    for language, told in (("zh", zh), ("en", en)):
        answer = client.get(f"/api/units/{unit}/NONE?lang={language}")
        assert (answer.status_code, answer.get_json()["error"]["detail"]) == (404, told)


def test_search_finds_by_name_and_code(client: FlaskClient) -> None:
    assert [hit["id"] for hit in client.get("/api/search?q=C0&limit=3").get_json()] == ["C01", "C02", "C03"]
    assert client.get("/api/search?q=翡翠").get_json()[0]["id"] == "C09"
    assert client.get("/api/search?q=jade&lang=en").get_json()[0]["name"] == "Jade Court"
    assert client.get("/api/search?q=zzzz").get_json() == []
    assert client.get("/api/search?q=").status_code == 400
    assert client.get("/api/search").status_code == 400
