"""The service over a store that others write, or that goes away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from layers.standards import Standards
from layers.store import create_store, open_store
from tests.district import small_district
from tests.layers.test_following import eventually
from tests.visitors import app_for

TILE = "/tiles/communities/14/13386/7138.mvt"
PLACES = ("/readyz", "/api/district", "/api/layers/buildings/features?bbox=114,22,115,23", TILE, "/")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    district, frames = small_district()
    create_store(f"gpkg:{tmp_path}/s.gpkg", district, layers=frames).close()
    return tmp_path / "s.gpkg"


def service(path: Path, standards: Standards) -> tuple[Any, FlaskClient]:
    store = open_store(f"gpkg:{path}", read_only=True)
    return store, app_for(store, standards).test_client()


def test_the_service_follows_what_is_imported(path: Path, standards: Standards) -> None:
    store, client = service(path, standards)
    with store, open_store(f"gpkg:{path}") as writer:
        before = client.get("/api/district").get_json()
        tile, buildings = client.get(TILE), client.get("/tiles/buildings/16/53543/28553.mvt")
        rows = client.get("/api/view?unit=communities").get_json()["rows"]["id"]
        assert "C01" in rows
        writer.delete("communities", ["C01"])
        after = client.get("/api/district").get_json()
        assert after["version"] == before["version"] + 1
        assert after["counts"]["communities"] == before["counts"]["communities"] - 1
        changed = client.get(TILE, headers={"If-None-Match": tile.headers["ETag"]})
        assert changed.status_code == 200 and changed.headers["ETag"] != tile.headers["ETag"]
        kept = {"If-None-Match": buildings.headers["ETag"]}
        assert client.get("/tiles/buildings/16/53543/28553.mvt", headers=kept).status_code == 304
        rows = client.get("/api/view?unit=communities").get_json()["rows"]["id"]
        assert "C01" not in rows
        assert client.get("/api/units/communities/C01").status_code == 404


@pytest.mark.parametrize("damage", ["gone", "cut"])
@pytest.mark.parametrize("asked_before", [True, False])
def test_a_store_that_goes_away_is_said_and_not_a_500(
    path: Path, standards: Standards, damage: str, asked_before: bool
) -> None:
    store, client = service(path, standards)
    with store:
        if asked_before:
            assert client.get("/api/district").status_code == 200
        if damage == "gone":
            for file in path.parent.iterdir():
                file.unlink()
        else:
            os.truncate(path, 4096)
        for place in PLACES:
            response = client.get(place)
            assert response.status_code == 503, place
            assert "Retry-After" in response.headers


def test_another_store_at_its_place_leaves_nothing_of_the_first(
    path: Path, standards: Standards, tmp_path: Path
) -> None:
    """Though it has as many versions: tiles, answers by place and views are all of the new one."""
    district, frames = small_district()
    frames["communities"] = frames["communities"].drop(index="C01")
    east = frames["facilities"].geometry.translate(0.002, 0)
    frames["facilities"] = frames["facilities"].set_geometry(east)
    create_store(f"gpkg:{tmp_path}/other.gpkg", district, layers=frames).close()
    store, client = service(path, standards)
    near = "/api/layers/facilities/features?bbox=114.126,22.543,114.134,22.555"
    with store:
        version = client.get("/api/district").get_json()["version"]
        tile, rows, found = client.get(TILE), client.get("/api/view?unit=communities"), client.get(near)
        assert "C01" in rows.get_json()["rows"]["id"]
        for file in path.parent.glob("s.gpkg*"):
            file.unlink()
        (tmp_path / "other.gpkg").rename(path)
        client.application.extensions["wangge"].snapshots.start()
        try:
            assert client.get("/api/district").get_json()["version"] == version
            again = client.get(TILE, headers={"If-None-Match": tile.headers["ETag"]})
            assert again.status_code == 200 and again.headers["ETag"] != tile.headers["ETag"]
            rows = client.get("/api/view?unit=communities", headers={"If-None-Match": rows.headers["ETag"]})
            assert rows.status_code == 200 and "C01" not in rows.get_json()["rows"]["id"]
            codes = [
                {one["id"] for one in answer.get_json()["features"]} for answer in (found, client.get(near))
            ]
            assert codes[0] != codes[1]
            assert codes[1] == set(frames["facilities"].cx[114.126:114.134, 22.543:22.555].index)
        finally:
            client.application.extensions["wangge"].snapshots.stop()


def test_a_followed_service_asks_the_store_nothing(path: Path, standards: Standards) -> None:
    with open_store(f"gpkg:{path}", read_only=True) as store:
        app = app_for(store, standards)
        client, snapshots = app.test_client(), app.extensions["wangge"].snapshots
        snapshots.start()
        try:
            for file in path.parent.iterdir():
                file.unlink()
            for place in PLACES:
                assert client.get(place).status_code == (503 if place == "/readyz" else 200), place
            assert client.get("/healthz").status_code == 200
        finally:
            snapshots.stop()


def test_an_edit_by_another_program_is_on_the_pages(path: Path, standards: Standards) -> None:
    """As QGIS makes it: in a process of its own, with a SQLite of its own, knowing nothing of versions."""
    edit = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):  # named by triggers that do not go off
    connection.create_function(name, 1, lambda geometry: 0)
connection.execute(sys.argv[2])
connection.commit()
"""
    change = "UPDATE facilities SET name = '改名' WHERE code = 'F01'"
    with open_store(f"gpkg:{path}", read_only=True) as store:
        app = app_for(store, standards)
        client, snapshots = app.test_client(), app.extensions["wangge"].snapshots
        snapshots.start()
        try:
            place = "/api/layers/facilities/features/F01"
            assert client.get(place).get_json()["properties"]["name"] == "F01号设施"
            subprocess.run([sys.executable, "-c", edit, path, change], check=True)
            eventually(lambda: client.get(place).get_json()["properties"]["name"] == "改名")
        finally:
            snapshots.stop()
        change_of_it = store.changes(since=9)[-1]
        assert (change_of_it.layer, change_of_it.codes) == ("facilities", ("F01",))
