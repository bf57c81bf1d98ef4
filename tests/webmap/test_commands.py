"""The commands as a user runs them: in a process of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest
from click.testing import CliRunner, Result

from app import make_context, wangge
from layers.store import create_store
from tests.district import small_district

LINK = re.compile(r"There is no administrator yet\. .*\n  (http://localhost:\d+/start\?code=wgl_[\w-]{43})\n")
APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(scope="module")
def store_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    district, frames = small_district()
    path = tmp_path_factory.mktemp("store") / "small.gpkg"
    create_store(f"gpkg:{path}", district, layers=frames).close()
    return path


def environment(store: Path, lang: str = "C.UTF-8") -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "LC_MESSAGES")
    }
    return kept | {"WANGGE_STORE": f"gpkg:{store}", "LANG": lang, "PYTHONUTF8": "1"}


def run(*arguments: str | Path, store: Path, lang: str = "C.UTF-8") -> Result:
    """Run a command in this process: for what ends before anything is served."""
    context = make_context(environment(store, lang))
    return CliRunner(catch_exceptions=False).invoke(wangge, [*map(str, arguments)], obj=context)


@contextmanager
def serving(store: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, str(APP), "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, env=environment(store), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            line = process.stdout.readline()
            address = re.search(r"http://localhost:\d+", line)
            assert address, line + process.stderr.read()
            yield process, address[0]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(store_file: Path, number: signal.Signals) -> None:
    with serving(store_file) as (process, address):
        with urlopen(f"{address}/healthz", timeout=10) as response:
            assert response.read() == b'{"status":"ok"}'
        with urlopen(f"{address}/api/district", timeout=10) as response:
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert process.stdout and process.stderr
        assert LINK.fullmatch(process.stdout.read()) and process.stderr.read() == ""


def test_the_link_that_it_prints_takes_a_newcomer_to_the_map(store_file: Path, tmp_path: Path) -> None:
    store = tmp_path / "new.gpkg"
    store.write_bytes(store_file.read_bytes())
    with serving(store) as (process, address):
        assert process.stdout
        lines = process.stdout.readline() + process.stdout.readline()
        found = LINK.fullmatch(lines)
        assert found and found[1].startswith(address)
        browser = build_opener(HTTPCookieProcessor(CookieJar()))
        with browser.open(found[1], timeout=60) as page:
            assert page.url.rstrip("/") == address and "/account" in page.read().decode()
        with pytest.raises(HTTPError) as spent:
            urlopen(found[1], timeout=10)
        assert spent.value.code == 403
        spent.value.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert process.stderr and process.stderr.read() == "", "nothing of it is logged"


def test_settings_that_are_wrong_are_said_in_words(store_file: Path) -> None:
    context = make_context(environment(store_file) | {"WANGGE_ADDRESS": "map.example"})
    done = CliRunner(catch_exceptions=False).invoke(wangge, ["serve", "--port", "0"], obj=context)
    assert done.exit_code == 1 and "WANGGE_ADDRESS = 'map.example'" in done.stderr


def test_a_port_in_use_is_said_in_words(store_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, store=store_file)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"Port {port} is in use.")
        chinese = run("serve", "--port", port, store=store_file, lang="zh_CN.UTF-8")
        assert chinese.stderr.startswith(f"端口 {port} 已被占用。")


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_that_is_not_ours_is_said_in_words(store_file: Path, host: str) -> None:
    done = run("serve", "--host", host, "--port", "0", store=store_file)
    assert done.exit_code == 1
    assert host in done.stderr


@pytest.mark.parametrize("content", [None, b"", b"hello, I am no store" * 100])
def test_a_store_that_cannot_be_served_is_said_in_words(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.gpkg"
    if content is not None:
        path.write_bytes(content)
    done = run("serve", "--port", "0", store=path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr
    assert path.exists() == (content is not None)


@pytest.mark.parametrize(
    "arguments", [("--port", "70000"), ("--port", "x"), ("--threads", "0"), ("--nothing",), ("more",)]
)
def test_wrong_options_are_usage_errors(store_file: Path, arguments: tuple[str, ...]) -> None:
    assert run("serve", *arguments, store=store_file).exit_code == 2


def test_export_map_writes_one_file(store_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "map.html"
    done = run("export-map", target, "--question", "double_none", "--lang", "en", store=store_file)
    assert done.exit_code == 0, done.stderr
    page = target.read_text("utf-8")
    assert "Sample District" in page and "invented" in page.lower()
    assert list(tmp_path.iterdir()) == [target]
    markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//""", markup)


def test_export_map_takes_a_limit(store_file: Path, tmp_path: Path) -> None:
    done = run("export-map", tmp_path / "map.html", "--limit-m", "500", "--lang", "en", store=store_file)
    assert done.exit_code == 0
    said = (tmp_path / "map.html").read_text("utf-8")
    assert "The limit of 500 m is chosen; the standard&#39;s is 300 m" in said
    refused = run("export-map", tmp_path / "none.html", "--limit-m", "50", store=store_file)
    assert refused.exit_code == 1 and "100" in refused.output and not (tmp_path / "none.html").exists()


@pytest.mark.parametrize("name", ["map.pdf", "map", "map.html.zip"])
def test_export_map_refuses_other_endings(store_file: Path, tmp_path: Path, name: str) -> None:
    done = run("export-map", tmp_path / name, store=store_file)
    assert done.exit_code == 1 and ".html" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [("--kind", "cinema"), ("--unit", "square:1"), ("--subdistrict", "S9")])
def test_export_map_refuses_a_view_that_is_none(
    store_file: Path, tmp_path: Path, option: tuple[str, str]
) -> None:
    target = tmp_path / "map.html"
    target.write_text("as it was")
    done = run("export-map", target, *option, store=store_file)
    assert done.exit_code == 1
    assert target.read_text() == "as it was"


def test_export_map_writes_nothing_where_there_is_no_folder(store_file: Path, tmp_path: Path) -> None:
    done = run("export-map", tmp_path / "none" / "map.html", store=store_file)
    assert done.exit_code == 1
