"""Tiles and static files before Flask: the same answers as Flask's own, to everybody, whatever they ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import create_environ, run_wsgi_app

from layers.standards import Standards
from layers.store import Store
from tests.visitors import PLANNER, POLICY, app_for
from tests.webmap.access import OPERATOR, People, people
from tests.webmap.test_tiles import MIDDLE, place_of
from webmap.quick import Quick
from webmap.settings import Settings

Answer = tuple[str, dict[str, str], bytes]
TILE = "/tiles/communities/{}/{}/{}.mvt".format(*place_of(*MIDDLE, 14))
EMPTY = "/tiles/communities/14/0/0.mvt"
STYLES = "/static/css/base.css"


@pytest.fixture
def there(small_store: Store, standards: Standards, tmp_path: Path) -> Iterator[People]:
    with people(small_store, standards, tmp_path) as found:
        found.add("lin", "planner")
        yield found


def asked(application: Any, path: str, *, method: str = "GET", **headers: str) -> Answer:
    environ = create_environ(path, "http://localhost", method=method, headers=Headers(headers.items()))
    body, status, told = run_wsgi_app(application, environ, buffered=True)
    said = {name: ", ".join(sorted(told.getlist(name))) for name in told.keys()}  # noqa: SIM118
    return status[:3], said, b"".join(body)


def both(app: Flask, path: str, **asks: Any) -> tuple[Answer, Answer]:
    """Return the answer before Flask, or Flask's, and Flask's own; without what chance and the clock give."""
    quick = app.wsgi_app
    assert isinstance(quick, Quick)
    answers = asked(quick, path, **asks), asked(quick._others, path, **asks)
    for _, headers, _ in answers:
        headers.pop("Date", None)
        policy = headers["Content-Security-Policy"]
        headers["Content-Security-Policy"] = "'nonce-".join(
            [part[part.find("'") :] if at else part for at, part in enumerate(policy.split("'nonce-"))]
        )
        headers["Vary"] = ", ".join(sorted(headers.get("Vary", "").split(", ")))
    return answers


def is_before_flask(app: Flask, path: str, **asks: Any) -> bool:
    """Whether a request is answered without Flask."""
    assert isinstance(app.wsgi_app, Quick)
    environ = create_environ(
        path, "http://localhost", method=asks.pop("method", "GET"), headers=Headers(asks.items())
    )
    return app.wsgi_app._answer(environ) is not None


CODINGS = ("", "gzip", "zstd, gzip", "gzip;q=0, identity", "*;q=0.1")


@pytest.mark.parametrize("path", [TILE, EMPTY])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("coding", CODINGS)
def test_a_tile_is_the_same_before_flask(app: Flask, path: str, method: str, coding: str) -> None:
    asks = {"method": method, "Accept-Encoding": coding}
    ours, flasks = both(app, path, **asks)
    assert ours == flasks and is_before_flask(app, path, **asks)
    tag = ours[1]["ETag"]
    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        ours, flasks = both(app, path, **asks, **{"If-None-Match": held})
        assert ours == flasks and ours[0] == "304", held
    ours, flasks = both(app, path, **asks, **{"If-None-Match": '"other"'})
    assert ours == flasks and ours[0] != "304"


LEFT_TO_FLASK: dict[str, tuple[str, dict[str, str]]] = {
    "another method": (TILE, {"method": "POST"}),
    "a question": (f"{TILE}?lang=en", {}),
    "a wrong question": (f"{TILE}?x=1", {}),
    "no such layer": (TILE.replace("communities", "nothing"), {}),
    "no such place": ("/tiles/communities/3/8/0.mvt", {}),
    "too far in": ("/tiles/communities/21/0/0.mvt", {}),
    "no number": ("/tiles/communities/a/0/0.mvt", {}),
    "no tile": ("/tiles/communities/1/0/0.png", {}),
    "another host": (TILE, {"Host": "elsewhere.example"}),
    "a wrong key": (TILE, {"Authorization": "Bearer wgk_x"}),
    "a condition": (TILE, {"If-Match": '"x"'}),
    "no such file": ("/static/nothing.css", {}),
    "a folder": ("/static/css", {}),
    "out of the folder": ("/static/../app.py", {}),
    "out of it, hidden": ("/static/..%2fwsgi.py", {}),
    "a null byte": ("/static/css/base.css%00", {}),
    "a part of a file": (STYLES, {"Range": "bytes=0-1"}),
    "a file by another method": (STYLES, {"method": "POST"}),
}


@pytest.mark.parametrize("what", LEFT_TO_FLASK)
def test_what_is_not_plain_is_left_to_flask(there: People, what: str) -> None:
    path, asks = LEFT_TO_FLASK[what]
    ours, flasks = both(there.app, path, **asks)
    assert ours == flasks
    assert not is_before_flask(there.app, path, **asks)


def test_everybody_is_known_before_flask_as_by_flask(there: People) -> None:
    """Strangers, people, walls, and those whom nobody knows any more."""
    browser = there.browser_of("lin")
    wall = there.browser()
    _, code = there.access.add_device("wall", "hall", by=OPERATOR)
    assert wall.post("/enrol", {"code": code}, page="/enrol").status_code == 303
    cookies = {
        "nobody": "",
        "somebody": f"wangge={browser.cookie('wangge')}",
        "among others": f"a=b; wangge={browser.cookie('wangge')}; c=d",
        "a wall": f"wangge-device={wall.cookie('wangge-device')}",
        "somebody at a wall": f"wangge-device=wgd_x; wangge={browser.cookie('wangge')}",
        "who is gone": "wangge=wgs_gone",
        "a wall that is gone": "wangge-device=wgd_gone",
        "another's name": f"xwangge={browser.cookie('wangge')}",
        "nonsense": "wangge=甲; =; ;;",
    }
    for layer in ("communities", "complaints", "backdrop", "square-100", "management_cells"):
        path = TILE.replace("communities", layer)
        for who, cookie in cookies.items():
            asks = {"Cookie": cookie.encode().decode("latin-1")} if cookie else {}
            ours, flasks = both(there.app, path, **asks)
            assert ours == flasks, (layer, who)
            is_gone = "gone" in who or who == "nonsense"
            assert ("Set-Cookie" in ours[1]) == is_gone, who
            assert is_before_flask(there.app, path, **asks) == (ours[0] in ("200", "204") and not is_gone)


def test_each_tile_counts_once(small_store: Store, standards: Standards) -> None:
    for path in (TILE, EMPTY, f"{TILE}?lang=en", TILE.replace("communities", "nothing")):
        app = app_for(small_store, standards, settings=Settings(tiles_a_minute=3))
        statuses = [asked(app, path)[0] for _ in range(5)]
        assert "429" not in statuses[:3] and statuses[3:] == ["429", "429"], path


def test_what_nobody_foresaw_is_said_by_flask(
    small_store: Store, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_for(small_store, standards)

    def fails(*_: object) -> None:
        raise RuntimeError("hidden")

    monkeypatch.setattr(app.extensions["wangge"].tiles, "tile", fails)
    status, headers, body = asked(app, TILE)
    assert status == "500" and b"hidden" not in body
    assert headers["Cache-Control"] == "no-store" and "Content-Security-Policy" in headers


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_transport_security_is_told_of_tiles_and_files_too(app: Flask, scheme: str) -> None:
    for path in (TILE, STYLES):
        told = app.test_client().get(path, base_url=f"{scheme}://localhost").headers
        assert ("Strict-Transport-Security" in told) == (scheme == "https")


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_is_told_of_as_by_flask(app: Flask, method: str, coding: str) -> None:
    ours, flasks = both(app, STYLES, method=method, **{"Accept-Encoding": coding})
    assert is_before_flask(app, STYLES, method=method)
    same = ("Cache-Control", "Vary", "Content-Type", "Content-Security-Policy", "X-Content-Type-Options")
    assert [ours[1][name] for name in same] == [flasks[1][name] for name in same]
    assert len(ours[2]) == (int(ours[1]["Content-Length"]) if method == "GET" else 0)


def test_without_its_rule_nobody_gets_a_file(small_store: Store, standards: Standards) -> None:
    """The way before Flask asks the policy too."""
    residents = POLICY.rules.roles["resident"]
    assert "describe" in residents.actions
    app = app_for(small_store, standards, PLANNER)
    assert is_before_flask(app, STYLES)
    policy = app.extensions["wangge"].policy
    original = policy.may
    try:
        object.__setattr__(policy, "may", lambda who, action: False)
        assert not is_before_flask(app, STYLES) and not is_before_flask(app, TILE)
    finally:
        object.__setattr__(policy, "may", original)
        del policy.__dict__["may"]
