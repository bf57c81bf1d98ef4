"""The service over a store that others write, or that goes away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from layers.standards import Standards
from layers.store import create_store, open_store
from tests.district import small_district
from webmap import create_app

TILE = "/tiles/communities/14/13386/7138.mvt"
PLACES = ("/healthz", "/api/district", "/api/layers/buildings/features?bbox=114,22,115,23", TILE, "/")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    district, frames = small_district()
    create_store(f"gpkg:{tmp_path}/s.gpkg", district, layers=frames).close()
    return tmp_path / "s.gpkg"


def service(path: Path, standards: Standards) -> tuple[Any, FlaskClient]:
    store = open_store(f"gpkg:{path}", read_only=True)
    return store, create_app(store, standards).test_client()


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
