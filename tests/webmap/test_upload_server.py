"""Uploads through the HTTP server: streamed to the disk by the one view that takes them, and by nobody else."""

from __future__ import annotations

import json
import shutil
import socket
import tracemalloc
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from layers.standards import Standards
from tests.layers.test_following import eventually
from tests.webmap.access import People
from tests.webmap.uploading import Clerk, desk_of, service
from webmap.cookies import SESSION, cookie_name
from webmap.server import IDLE_S, MOST_BODIES, MOST_FILES, Server, listen
from webmap.settings import Settings

LARGE = 5 * 2**20
TABLE = 64 * 2**20


@pytest.fixture
def persons(tmp_path: Path, standards: Standards) -> Iterator[People]:
    with service(tmp_path, standards) as (_, made):
        yield made


@pytest.fixture
def idle_s() -> int:
    return IDLE_S


@pytest.fixture
def port(persons: People, idle_s: int) -> Iterator[int]:
    (listener,) = listen("127.0.0.1", 0, 1)
    server = Server(persons.app, listener, threads=2, settings=Settings(), idle_s=idle_s)
    server.start()
    yield listener.getsockname()[1]
    server.stop()
    listener.close()


@pytest.fixture
def headers(persons: People) -> dict[str, str]:
    """Return what a planner's browser sends."""
    browser = persons.signed_in("planner1", "planner")
    clerk = Clerk(browser)
    assert clerk.page().status_code == 200
    clerk.ask("GET", "/api/uploads")
    name = cookie_name(SESSION, secure=False)
    return {"Cookie": f"{name}={browser.cookie(name)}", "X-CSRF-Token": clerk.token}


def test_a_large_file_is_taken_and_other_answers_go_on(
    persons: People, port: int, headers: dict[str, str]
) -> None:
    address = "/api/uploads?name=a.csv&layer=complaints"
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    for one in slow:  # more of them than threads that answer
        one.sendall(
            f"POST {address} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: {LARGE}\r\n\r\nx".encode()
        )
    quick = HTTPConnection("127.0.0.1", port, timeout=30)
    quick.request("POST", address, body=bytes(LARGE), headers=headers)
    answer = quick.getresponse()
    assert (answer.status, b'"status":"received"' in answer.read()) == (200, True)
    quick.request("GET", "/healthz")
    assert quick.getresponse().read()
    quick.close()
    for one in slow:
        one.close()
    [about] = desk_of(persons).uploads.all()
    assert about.size == LARGE


def test_strangers_send_nothing(persons: People, port: int) -> None:
    asked = HTTPConnection("127.0.0.1", port, timeout=30)
    asked.putrequest("POST", "/api/uploads?name=a.csv&layer=complaints")
    asked.putheader("Content-Length", str(LARGE))
    asked.putheader("X-CSRF-Token", "x")
    asked.endheaders()
    answer = asked.getresponse()  # before a byte of the file
    assert (answer.status, answer.getheader("Connection")) == (403, "close")
    asked.close()
    assert not desk_of(persons).uploads.root.exists()


def test_a_length_must_be_said(port: int, headers: dict[str, str]) -> None:
    asked = HTTPConnection("127.0.0.1", port, timeout=30)
    asked.putrequest("POST", "/api/uploads?name=a.csv&layer=complaints")
    for name, value in (headers | {"Transfer-Encoding": "chunked"}).items():
        asked.putheader(name, value)
    asked.endheaders()
    assert asked.getresponse().status == 411
    asked.close()


@pytest.mark.parametrize("path", ["/api/uploads/0/check", "/api/uploads/", "/data", "/sign-in"])
def test_large_bodies_are_for_that_address_alone(port: int, headers: dict[str, str], path: str) -> None:
    asked = HTTPConnection("127.0.0.1", port, timeout=30)
    asked.putrequest("POST", path)
    for name, value in headers.items():
        asked.putheader(name, value)
    asked.putheader("Content-Length", str(LARGE))
    asked.endheaders()
    assert asked.getresponse().status == 413
    asked.close()


@pytest.mark.parametrize("idle_s", [2])
def test_a_file_that_stops_coming_is_given_up(persons: People, port: int, headers: dict[str, str]) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=60) as half:
        half.sendall(
            f"POST /api/uploads?name=a.csv&layer=complaints HTTP/1.1\r\nHost: localhost\r\n{head}"
            f"Content-Length: {LARGE}\r\n\r\na,b\n".encode()
        )
        assert b"200 OK" not in half.recv(1000)  # the server hangs up, with or without a word
    assert desk_of(persons).uploads.all() == []


def test_a_large_table_is_sent_as_it_is_read(persons: People, port: int, headers: dict[str, str]) -> None:
    """Those who read slowly do not have the table in memory, and keep no thread from others; it may be erased meanwhile."""
    post = HTTPConnection("127.0.0.1", port, timeout=60)
    post.request("POST", "/api/uploads?name=a.csv&layer=complaints", body=b"a\n", headers=headers)
    id_ = json.loads(post.getresponse().read())["id"]
    folder = desk_of(persons).uploads.root / id_
    with (folder / "rejects.csv").open("wb") as file:
        file.truncate(TABLE)
    path = f"/api/uploads/{id_}/rejects.csv"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    slow = []
    for number in range(MOST_FILES + 2):
        slow.append(socket.create_connection(("127.0.0.1", port), timeout=60))
        slow[-1].sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
        assert slow[-1].recv(12) == (b"HTTP/1.1 200" if number < MOST_FILES else b"HTTP/1.1 503")
    slow.pop(0).close()
    tracemalloc.start()
    try:
        answer = eventually(lambda: _given(port, path, headers))
        assert answer.getheader("Content-Length") == str(TABLE)
        assert answer.read(1) == b"\0"
        shutil.rmtree(folder)
        size = 1
        while part := answer.read(2**16):
            size += len(part)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == TABLE and most < TABLE // 4
    for one in slow:
        one.close()
    post.close()


def _status(port: int, path: str, headers: dict[str, str]) -> int:
    asked = HTTPConnection("127.0.0.1", port, timeout=60)
    asked.request("GET", path, headers=headers)
    status = asked.getresponse().status
    asked.close()
    return status


def _given(port: int, path: str, headers: dict[str, str]) -> HTTPResponse | None:
    """Return the answer where there is room for one more who reads."""
    asked = HTTPConnection("127.0.0.1", port, timeout=60)
    asked.request("GET", path, headers={**headers, "Connection": "close"})
    answer = asked.getresponse()
    if answer.status == 200:
        return answer
    assert answer.status == 503
    asked.close()
    return None


@pytest.mark.parametrize(
    "extra", ["", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "Range: bytes=1-\r\n"]
)
def test_slow_readers_of_static_files_keep_no_thread(persons: People, extra: str) -> None:
    """More of them than there are threads of any kind, each with room in the kernel for a small part of its answer."""
    (listener,) = listen("127.0.0.1", 0, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
    server = Server(persons.app, listener, threads=2, settings=Settings())
    server.start()
    port = listener.getsockname()[1]
    path = "/static/vendor/maplibre-gl/maplibre-gl.mjs"
    slow = []
    for _ in range(2 + MOST_BODIES + MOST_FILES):
        slow.append(socket.socket())
        slow[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow[-1].settimeout(60)
        slow[-1].connect(("127.0.0.1", port))
        slow[-1].sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode())
        assert slow[-1].recv(10) == b"HTTP/1.1 20"[:10]
    assert _status(port, "/healthz", {}) == 200
    for one in slow:
        one.close()
    server.stop()
    listener.close()
