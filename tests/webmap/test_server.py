"""The server in front: slow clients, large requests, whom it believes."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from layers.standards import Standards
from layers.store import Store
from tests.visitors import app_for
from webmap.gate import allow
from webmap.server import MOST_BODIES_OF_ONE, Server, listen
from webmap.settings import Settings


@contextmanager
def serving(app: Flask, *, idle_s: int = 30, threads: int = 4, **settings: Any) -> Iterator[int]:
    (listener,) = listen("127.0.0.1", 0, 1)
    server = Server(app, listener, threads=threads, settings=Settings(**settings), idle_s=idle_s)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        assert server.stop()
        listener.close()


@pytest.fixture
def app(small_store: Store, standards: Standards) -> Flask:
    made = app_for(small_store, standards)

    @allow("describe")
    def told() -> str:
        return f"{request.remote_addr} {request.scheme}"

    made.add_url_rule("/told", "told", told)
    return made


def ask(port: int, head: str, body: bytes = b"") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(head.replace("\n", "\r\n").encode() + body)
        answer = b""
        try:
            while part := client.recv(65536):
                answer += part
        except ConnectionError:  # it does not wait for the rest of what is too large
            pass
    return answer


def test_slow_clients_take_no_thread_from_others(app: Flask) -> None:
    with serving(app, threads=2) as port:
        slow = []
        try:
            for _ in range(300):
                client = socket.create_connection(("127.0.0.1", port), timeout=30)
                client.sendall(b"POST /api/district HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n")
                slow.append(client)
            for client in slow:
                client.sendall(b"X")
            for _ in range(5):
                answer = ask(port, "GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n")
                assert answer.startswith(b"HTTP/1.1 200")
        finally:
            for client in slow:
                client.close()


def test_who_says_nothing_is_let_go(app: Flask) -> None:
    with serving(app, idle_s=1) as port, socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        deadline = time.monotonic() + 60
        while client.recv(1024):
            assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("POST /sign-in HTTP/1.1\nHost: localhost\nContent-Length: 99999999\n\n", b""),
        ("POST /sign-in HTTP/1.1\nHost: localhost\nContent-Length: 300000\n\n", b"x" * 300_000),
        ("GET / HTTP/1.1\nHost: localhost\nX-Long: " + "x" * 300_000 + "\n\n", b""),
        ("GET /" + "x" * 300_000 + " HTTP/1.1\nHost: localhost\n\n", b""),
    ],
    ids=["announced", "sent", "header", "address"],
)
def test_what_is_too_large_is_refused_or_cut_off(app: Flask, head: str, body: bytes) -> None:
    with serving(app) as port:
        answer = ask(port, head, body)
        assert not answer or answer[9:12] in (b"413", b"431", b"400", b"414"), answer[:100]
        after = ask(port, "GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n")
        assert after.startswith(b"HTTP/1.1 200")


def body_begun(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
    return client


def test_bodies_on_their_way_have_room_of_their_own(app: Flask) -> None:
    """One address has so much of it; whoever asks for more is told at once, and others are answered."""
    with serving(app, threads=1) as port:
        begun = [body_begun(port) for _ in range(MOST_BODIES_OF_ONE)]
        try:
            deadline = time.monotonic() + 60
            while True:
                with body_begun(port) as one_more:
                    one_more.settimeout(1)
                    with contextlib.suppress(TimeoutError):
                        assert one_more.recv(100).startswith(b"HTTP/1.1 503")
                        break
                assert time.monotonic() < deadline
            answer = ask(port, "GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n")
            assert answer.startswith(b"HTTP/1.1 200")
        finally:
            for client in begun:
                client.close()


def test_a_body_that_does_not_go_on_is_not_waited_for(app: Flask) -> None:
    with serving(app, idle_s=1) as port, body_begun(port) as stalled:
        deadline = time.monotonic() + 60
        while stalled.recv(1024):
            assert time.monotonic() < deadline
        answer = ask(port, "GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n")
        assert answer.startswith(b"HTTP/1.1 200")


FORGED = (
    "GET /told HTTP/1.1\nHost: localhost\nConnection: close\nX-Forwarded-For: 192.0.2.9\n"
    "X-Forwarded-Proto: https\nX-Forwarded-Host: elsewhere.example\nForwarded: for=192.0.2.9\n\n"
)


def test_only_the_set_proxy_is_believed(app: Flask) -> None:
    with serving(app) as port:
        assert ask(port, FORGED).endswith(b"127.0.0.1 http")
    with serving(app, trusted_proxy="192.0.2.1") as port:
        assert ask(port, FORGED).endswith(b"127.0.0.1 http")
    with serving(app, trusted_proxy="127.0.0.1") as port:
        assert ask(port, FORGED).endswith(b"192.0.2.9 https")
        chain = FORGED.replace("192.0.2.9\n", "198.51.100.1, 192.0.2.9\n", 1)
        assert ask(port, chain).endswith(b"192.0.2.9 https"), "the last one, which the proxy itself has seen"


def test_secrets_are_not_logged(app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0), serving(app) as port:
        ask(
            port,
            "GET /start?code=wgl_secret HTTP/1.1\nHost: localhost\nConnection: close\nCookie: wangge=wgs_secret\n\n",
        )
        ask(
            port,
            "GET /api/me HTTP/1.1\nHost: localhost\nConnection: close\nAuthorization: Bearer wgk_secret\n\n",
        )
    assert "secret" not in caplog.text
