from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from flask import Flask

from webmap import assets


@pytest.fixture
def site(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Static files of the test's own."""
    (tmp_path / "js" / "deep").mkdir(parents=True)
    (tmp_path / "js" / "main.js").write_text("import './deep/part.js'")
    (tmp_path / "js" / "deep" / "part.js").write_text("1")
    (tmp_path / "vendor.mjs").write_text("export {}")
    monkeypatch.setattr(app, "static_folder", str(tmp_path))
    return tmp_path


def test_an_address_changes_with_the_content(app: Flask, site: Path) -> None:
    with app.test_request_context():
        before = assets.asset("js/main.js")
        assert before == assets.asset("js/main.js")
        (site / "js" / "main.js").write_text("2; // changed")
        after = assets.asset("js/main.js")
    assert before.startswith("/static/js/main.js?v=") and before != after


def test_a_file_that_is_not_there_is_an_error_at_once(app: Flask, site: Path) -> None:
    with app.test_request_context(), pytest.raises(FileNotFoundError):
        assets.asset("js/none.js")


def test_the_browser_keeps_what_is_named_by_its_content(app: Flask, site: Path) -> None:
    client = app.test_client()
    with app.test_request_context():
        address = assets.asset("js/main.js")
    with client.get(address) as kept:
        assert kept.status_code == 200
    assert kept.headers["Cache-Control"] == f"public, max-age={assets.KEPT_S}, immutable"
    for other in ("/static/js/main.js", "/static/js/main.js?v=000000000000"):
        with client.get(other) as response:
            assert response.headers["Cache-Control"] == "no-cache"
    with client.get(address, headers={"If-None-Match": kept.headers["ETag"]}) as again:
        assert again.status_code == 304


def test_texts_are_compressed(app: Flask, site: Path) -> None:
    text = "// " + "long " * 1000
    (site / "js" / "main.js").write_text(text)
    client = app.test_client()
    with client.get("/static/js/main.js", headers={"Accept-Encoding": "gzip"}) as zipped:
        assert gzip.decompress(zipped.data).decode() == text and len(zipped.data) < 100
        assert zipped.headers["Content-Encoding"] == "gzip" and zipped.headers["Vary"] == "Accept-Encoding"
    headers = {"Accept-Encoding": "gzip", "If-None-Match": zipped.headers["ETag"]}
    with client.get("/static/js/main.js", headers=headers) as again:
        assert (again.status_code, again.data) == (304, b"")
    with client.get("/static/js/main.js") as plain:
        assert plain.data.decode() == text and plain.headers["ETag"] != zipped.headers["ETag"]
        assert "Accept-Encoding" in plain.headers["Vary"]
    with client.get("/static/js/main.js", headers={"Accept-Encoding": "gzip", "Range": "bytes=0-1"}) as part:
        assert (part.status_code, part.data) == (206, b"//")


@pytest.mark.parametrize("path", ["../app.py", "..%2Fapp.py", "/etc/passwd", "js", ""])
def test_only_static_files_are_served(app: Flask, site: Path, path: str) -> None:
    assert app.test_client().get(f"/static/{path}").status_code == 404


def test_the_import_map_names_every_module_by_its_content(app: Flask, site: Path) -> None:
    with app.test_request_context():
        text = assets.import_map({"vendor": "vendor.mjs"})
        expected = {
            "vendor": assets.asset("vendor.mjs"),
            "/static/js/deep/part.js": assets.asset("js/deep/part.js"),
            "/static/js/main.js": assets.asset("js/main.js"),
        }
    assert json.loads(text)["imports"] == expected
    assert "<" not in text
