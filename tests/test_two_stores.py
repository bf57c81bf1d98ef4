"""Whatever keeps the data, the answers are the same, byte for byte; and data move between the kinds unchanged."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

import app
from layers.schema import LAYERS
from layers.store import create_store, open_store
from tests.district import small_district
from tests.postgres import APP as ROLE
from tests.postgres import Cluster

pytestmark = pytest.mark.long

APP = Path(__file__).parents[1] / "app.py"
PATIENCE_S = 60.0

# One scheme per format, each kind of unit once.
FILES = (("square:200", "csv"), ("h3:9", "geojson"), ("management", "gpkg"), ("communities", "parquet"))


def wangge(*arguments: str | Path, store: str) -> str:
    """Run a command and return what it prints."""
    context = app.make_context({"WANGGE_STORE": store})
    done = CliRunner().invoke(app.wangge, [*map(str, arguments)], obj=context)
    assert done.exit_code == 0, done.output
    return done.stdout


def assert_same_answers(left: str, right: str, folder: Path) -> None:
    """Assert that two stores give the same figures and the same files, byte for byte."""
    said = wangge("summary", "--json", store=left)
    assert json.loads(said)["communities"] > 0
    assert said == wangge("summary", "--json", store=right)
    for scheme, ending in FILES:
        files = [folder / f"{side}.{ending}" for side in ("left", "right")]
        for file, store in zip(files, (left, right), strict=True):
            wangge("analyse", "--cells", scheme, "--out", file, store=store)
        assert files[0].stat().st_size > 1000
        assert files[0].read_bytes() == files[1].read_bytes(), (scheme, ending)


def test_the_small_district_answers_alike_from_both(postgis_url: str, tmp_path: Path) -> None:
    district, frames = small_district()
    file = f"gpkg:{tmp_path}/small.gpkg"
    for url in (file, postgis_url):
        create_store(url, district, layers=frames).close()
        with open_store(url) as store:
            store.delete("complaints", ["C01-001"])
            store.upsert("communities", store.read("communities", codes=["C06"]).assign(residents=500))
    assert_same_answers(file, postgis_url, tmp_path)


def test_the_demonstration_district_answers_alike_from_both(
    demo_url: str, postgis_url: str, tmp_path: Path
) -> None:
    assert "87,050 rows" in wangge("demo", store=postgis_url)
    assert_same_answers(demo_url, postgis_url, tmp_path)


def test_a_store_goes_to_postgis_and_back_by_the_command_line(postgis_url: str, tmp_path: Path) -> None:
    district, frames = small_district()
    first, last = f"gpkg:{tmp_path}/first.gpkg", f"gpkg:{tmp_path}/last.gpkg"
    create_store(first, district, layers=frames).close()
    with open_store(first) as store:
        store.delete("complaints", ["C01-001"])
        store.update("communities", store.read("communities", codes=["C04"]).assign(households=181))
    wangge("copy", "--from", first, "--to", postgis_url, store=first)
    wangge("copy", "--from", postgis_url, "--to", last, store=postgis_url)
    with open_store(first) as a, open_store(last) as b, a.contents() as left, b.contents() as right:
        assert left.district == right.district
        assert (left.history_since, left.counts) == (right.history_since, right.counts)
        for name in LAYERS:
            rows = [[row for chunk in side.layers[name] for row in chunk.records] for side in (left, right)]
            assert rows[0] == rows[1]
        assert list(left.changes) == list(right.changes)
        assert list(left.history) == list(right.history)


@contextmanager
def serving(store: str) -> Iterator[str]:
    command = [sys.executable, str(APP), "serve", "--port", "0"]
    environment = os.environ | {"WANGGE_STORE": store, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            line = process.stdout.readline()
            address = re.search(r"http://localhost:\d+", line)
            assert address, line + process.stderr.read()
            yield address[0]
            process.terminate()
            assert process.wait(timeout=PATIENCE_S) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["gpkg", "postgis"])
def test_two_services_follow_one_store(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    url = f"gpkg:{tmp_path}/s.gpkg" if kind == "gpkg" else request.getfixturevalue("postgis_url")
    district, frames = small_district()
    with create_store(url, district, layers=frames) as store, serving(url) as one, serving(url) as other:

        def versions() -> list[int]:
            found = []
            for address in (one, other):
                with urlopen(f"{address}/api/district", timeout=PATIENCE_S) as response:
                    found.append(json.load(response)["version"])
            return found

        assert versions() == [store.version()] * 2
        store.delete("complaints", ["C01-001"])
        deadline = time.monotonic() + PATIENCE_S
        while versions() != [store.version()] * 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with urlopen(f"{one}/readyz", timeout=PATIENCE_S) as response:
            assert json.load(response)["status"] == "ready"


def test_a_service_by_a_role_that_may_only_do_daily_work(postgres: Cluster, postgis_url: str) -> None:
    wangge("init", "--name", "某区", "--metric-crs", "EPSG:4547", "--app-role", ROLE, store=postgis_url)
    url = postgres.url(unquote(urlsplit(postgis_url).path[1:]), user=ROLE)
    with serving(url) as address, urlopen(f"{address}/readyz", timeout=PATIENCE_S) as response:
        assert json.load(response)["version"] == 0
