"""Alive and ready: what a load balancer asks, and what it is told when a part fails."""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import apsw
import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from layers.problems import StoreAway
from layers.standards import Standards
from layers.store import Store, create_store, open_store
from layers.text import both
from tests.district import small_district
from tests.layers.test_following import eventually
from tests.postgres import Cluster
from tests.visitors import app_for
from webmap import health
from webmap.errors import RETRY_AFTER_S
from webmap.schemas import SCHEMAS
from webmap.security import HEADERS


class Watched:
    """A store that can be away or silent; it lists what is asked of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        self.answers.wait()
        if self.error is not None:
            raise self.error
        return getattr(self._store, name)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Any]:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path}/s.gpkg", district, layers=frames) as store:
        yield (made := Watched(store))
        made.answers.set()


@pytest.fixture
def client(watched: Any, standards: Standards) -> FlaskClient:
    return app_for(watched, standards).test_client()


def readiness(response: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what `response` says of readiness, and of its checks by id; it has the described shape."""
    body = response.get_json()
    schema = "Readiness" if response.status_code == 200 else "Error"
    Draft202012Validator(SCHEMAS[schema] | {"components": {"schemas": SCHEMAS}}).validate(body)
    found = body if response.status_code == 200 else body["error"]["readiness"]
    assert found["status"] == ("ready" if response.status_code == 200 else "not_ready")
    assert response.headers["Cache-Control"] == "no-store"
    assert ("Retry-After" in response.headers) == (response.status_code == 503)
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    return found, {check["id"]: check for check in found["checks"]}


def test_alive_is_said_without_the_store(watched: Any, client: FlaskClient) -> None:
    watched.error = StoreAway(both("away"))
    watched.answers.clear()
    response = client.get("/healthz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})
    assert watched.asked == []


def test_ready_is_said_with_the_versions(watched: Any, client: FlaskClient) -> None:
    found, checks = readiness(client.get("/readyz"))
    assert (found["version"], found["store_version"], found["age_s"]) == (9, 9, None)
    assert {name: check["ok"] for name, check in checks.items()} == dict.fromkeys(
        ("store", "schema", "snapshot"), True
    )
    assert "ready" in watched.asked
    chinese = readiness(client.get("/readyz?lang=zh"))[1]
    assert chinese["store"]["detail"] == "有应答。"
    assert client.get("/readyz?lang=xx").status_code == 400
    assert client.head("/readyz").status_code == 200


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_store_that_is_away_is_named(watched: Any, client: FlaskClient, lang: str) -> None:
    client.get("/readyz")
    watched.error = StoreAway(both("the server is away"), both("wait"))
    response = client.get(f"/readyz?lang={lang}")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == str(RETRY_AFTER_S)
    error = response.get_json()["error"]
    assert error["detail"] == {"zh": "服务尚未就绪：存储。", "en": "Not ready: the store."}[lang]
    assert error["remedy"] == "wait"
    found, checks = readiness(response)
    assert (found["version"], found["store_version"]) == (9, None)
    assert checks["store"] == {"id": "store", "ok": False, "detail": "the server is away"}
    assert checks["schema"]["ok"] is None
    assert checks["snapshot"]["ok"] is True


def test_nothing_read_yet_is_not_ready(watched: Any, client: FlaskClient) -> None:
    watched.error = StoreAway(both("x"))
    response = client.get("/readyz?lang=en")
    assert response.get_json()["error"]["detail"] == "Not ready: the store, the data in memory."
    assert readiness(response)[1]["snapshot"]["ok"] is False


def test_a_silent_store_is_asked_once_and_not_for_long(
    watched: Any, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "BOUND_S", 60)
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(health, "BOUND_S", 0.05)
    watched.answers.clear()
    watched.asked.clear()
    for _ in range(5):
        response = client.get("/readyz?lang=en")
        assert response.status_code == 503
        assert "not answered within 0.05 s" in readiness(response)[1]["store"]["detail"]
    assert watched.asked == ["ready"]
    watched.answers.set()
    monkeypatch.setattr(health, "BOUND_S", 60)
    assert client.get("/readyz").status_code == 200


def test_what_nobody_foresaw_is_an_error_of_its_own(
    watched: Any, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    watched.error = RuntimeError("secret detail")
    response = client.get("/readyz")
    assert response.status_code == 500
    assert "secret" not in response.get_data(as_text=True)
    assert "secret detail" in caplog.text


def test_a_snapshot_that_stays_behind_is_not_ready(
    watched: Any, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_for(watched, standards)
    client, snapshots = app.test_client(), app.extensions["wangge"].snapshots
    snapshot = snapshots.current()
    watched.delete("complaints", ["C01-001"])
    for age_s, ready in ((health.LATE_S - 1, True), (health.LATE_S + 1, False)):
        monkeypatch.setattr(snapshots, "current", lambda: snapshot)
        monkeypatch.setattr(snapshots, "latest", lambda age_s=age_s: (snapshot, age_s))
        response = client.get("/readyz?lang=en")
        assert (response.status_code == 200) == ready
        found, checks = readiness(response)
        assert (found["version"], found["store_version"], found["age_s"]) == (9, 10, int(age_s))
        assert checks["snapshot"]["ok"] is ready
    assert checks["snapshot"]["detail"] == "It is still version 9; the store has 10."


def set_schema(url: str, postgres: Callable[[], Cluster], schema: int) -> None:
    """Make a store say that it is of another schema, as a migration or a restore behind our back would."""
    change = f"SET value = '{schema}' WHERE key = 'schema_version'"
    if url.startswith("gpkg:"):
        with closing(apsw.Connection(url.removeprefix("gpkg:"))) as connection:
            connection.execute(f"UPDATE wangge_meta {change}")
    else:
        postgres().execute(f"UPDATE wangge.meta {change}", unquote(urlsplit(url).path[1:]))


@pytest.mark.parametrize("kind", ["gpkg", "postgis"])
@pytest.mark.parametrize(("schema", "said"), [(0, None), (99, "made by a newer Wangge")])
def test_a_store_migrated_behind_our_back_is_not_ready(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    standards: Standards,
    kind: str,
    schema: int,
    said: str | None,
) -> None:
    url = f"gpkg:{tmp_path}/s.gpkg" if kind == "gpkg" else request.getfixturevalue("postgis_url")
    district, _ = small_district()
    with create_store(url, district) as store:
        client = app_for(store, standards).test_client()
        assert client.get("/readyz").status_code == 200
        set_schema(url, lambda: request.getfixturevalue("postgres"), schema)
        response = client.get("/readyz?lang=en")
        assert response.status_code == 503
        checks = readiness(response)[1]
        if said is None:  # no schema that ever was: damaged
            assert checks["store"]["ok"] is False
        else:
            assert (checks["store"]["ok"], checks["schema"]["ok"]) == (True, False)
            assert said in checks["schema"]["detail"]


def test_a_backup_of_an_older_program_at_its_place_is_not_ready(tmp_path: Path, standards: Standards) -> None:
    old = Path(__file__).parents[1] / "layers" / "written" / "geopackage-1.gpkg.gz"
    path = tmp_path / "s.gpkg"
    district, _ = small_district()
    with create_store(f"gpkg:{path}", district) as store:
        client = app_for(store, standards).test_client()
        assert client.get("/readyz").status_code == 200
        for file in tmp_path.glob("s.gpkg*"):
            file.unlink()
        with gzip.open(old) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
        checks = readiness(client.get("/readyz?lang=en"))[1]
        assert checks["schema"]["ok"] is False
        assert "has schema 1" in checks["schema"]["detail"]


def test_a_server_that_is_stopped_and_started(
    postgres: Cluster, postgis_url: str, standards: Standards
) -> None:
    """Pages are answered from memory meanwhile, and are up to date afterwards without anybody's doing."""
    district, frames = small_district()
    create_store(postgis_url, district, layers=frames).close()
    with open_store(postgis_url, read_only=True) as store:
        app = app_for(store, standards)
        client, snapshots = app.test_client(), app.extensions["wangge"].snapshots
        snapshots.start()
        try:
            assert client.get("/readyz").status_code == 200
            before = client.get("/api/district").get_json()
            postgres.stop("immediate")
            try:
                for place in ("/api/district", "/", "/api/layers/buildings/features?bbox=114,22,115,23"):
                    assert client.get(place).status_code == 200
                assert client.get("/healthz").status_code == 200
                response = client.get("/readyz?lang=en")
                assert response.status_code == 503
                assert readiness(response)[1]["store"]["ok"] is False
                assert readiness(response)[1]["snapshot"]["ok"] is True
            finally:
                postgres.start()
            with open_store(postgis_url) as writer:
                writer.delete("complaints", ["C01-001"])
            eventually(lambda: client.get("/api/district").get_json()["version"] == before["version"] + 1)
            eventually(lambda: client.get("/readyz").status_code == 200)
        finally:
            snapshots.stop()
