"""What is imported when: by the parent, by its workers, and by a worker that has begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from layers.store import create_store
from tests.district import small_district

ROOT = Path(__file__).parents[2]


def told(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_worker_imports_nothing_to_begin_but_its_server(tmp_path: Path) -> None:
    district, frames = small_district()
    url = f"gpkg:{tmp_path / 's.gpkg'}"
    create_store(url, district, layers=frames).close()
    code = f"""
import os, sys
import app
from webmap.settings import Settings
from webmap.site import Site
import webmap.server
context = app.make_context({{"WANGGE_STORE": {url!r}}})
(listener,) = webmap.server.listen("127.0.0.1", 0, 1)
site = Site(context, Settings, [listener], threads=1)
site.load()
class Life:
    place = column = 0
    def ready(self):
        print(*sorted(set(sys.modules) - before))
    def wait(self):
        pass
before = set(sys.modules)
site.work(Life())
"""
    ours = ("app", "geo", "layers", "webmap", "flask", "jinja2", "werkzeug", "geopandas", "pandas", "numpy")
    imported = told(code)
    assert [name for name in imported if name.partition(".")[0] in ours] == []
    assert "granian" in imported


def test_a_worker_makes_ahead_what_many_ask_first(tmp_path: Path) -> None:
    district, frames = small_district()
    url = f"gpkg:{tmp_path / 's.gpkg'}"
    create_store(url, district, layers=frames).close()
    code = f"""
import threading
import app, layers.ahead, webmap.server, webmap.site
from webmap.settings import Settings
context = app.make_context({{"WANGGE_STORE": {url!r}}})
(listener,) = webmap.server.listen("127.0.0.1", 0, 1)
site = webmap.site.Site(context, Settings, [listener], threads=1)
site.load()
done = threading.Event()
make = layers.ahead.make_ahead
def made(snapshot):
    yield from make(snapshot)
    print("made")
    done.set()
layers.ahead.make_ahead = made
class Life:
    place = column = 0
    def ready(self):
        print("ready")
    def wait(self):
        done.wait(60)
site.work(Life())
"""
    assert told(code) == ["ready", "made"]


def test_what_is_seldom_needed_comes_later() -> None:
    code = """
import sys
from webmap import load_parts, load_rest
later = ("scipy.sparse", "scipy.spatial", "scipy.ndimage", "scipy.special", "folium")
load_parts()
print(*[name for name in later if name in sys.modules], "then")
load_rest()
print(*[name for name in later if name not in sys.modules])
"""
    assert told(code) == ["then"]
