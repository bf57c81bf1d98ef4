"""The served process against clients that do not behave: slow, oversized, malformed, many at once.

Waiting has generous bounds: what is tested is that the others are answered, not how soon.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask

from webmap.server import Server, listen
from webmap.settings import Settings

PATIENCE_S = 60
THREADS = 2
SLOW_ONES = 60


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[tuple[str, int]]:
    (listener,) = listen("127.0.0.1", 0, 1)
    server = Server(app, listener, threads=THREADS, settings=Settings(), idle_s=3)
    server.start()
    yield listener.getsockname()[:2]
    server.stop()
    listener.close()


def is_answered(address: tuple[str, int], path: str = "/api/layers?lang=en") -> bool:
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status == 200 and len(json.loads(response.read())) > 5
    finally:
        connection.close()


def opened(address: tuple[str, int], sent: bytes = b"") -> socket.socket:
    made = socket.create_connection(address, timeout=PATIENCE_S)
    try:
        made.sendall(sent)
    except OSError:
        made.close()
        raise
    return made


def answer(address: tuple[str, int], sent: bytes) -> bytes:
    """Return all that comes back until the server closes, or stops for a second."""
    with opened(address, sent) as made:
        made.settimeout(PATIENCE_S)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while chunk := made.recv(65536):
                received += chunk
                made.settimeout(1)
        return received


SLOW = {
    "headers": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    "request line": b"GE",
    "nothing": b"",
    "body": b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n",
    "chunks": b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
    "reading": b"GET /static/vendor/maplibre-gl/maplibre-gl.mjs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_keep_nobody_waiting(address: tuple[str, int], kind: str) -> None:
    """Thirty times as many as there are threads, each sending a byte now and then."""
    slow = [opened(address, SLOW[kind]) for _ in range(SLOW_ONES)]
    try:
        for _ in range(3):
            for made in slow:
                with contextlib.suppress(OSError):
                    if kind != "reading":
                        made.send(b"a")
            assert is_answered(address)
    finally:
        for made in slow:
            made.close()


def test_idle_connections_are_closed(address: tuple[str, int]) -> None:
    """What sends nothing any more loses its place."""
    with opened(address, b"GET / HTTP/1.1\r\n") as made:
        made.settimeout(PATIENCE_S)
        received = b""
        with contextlib.suppress(ConnectionError):
            while chunk := made.recv(4096):
                received += chunk
        assert b"200 OK" not in received


def status_of(received: bytes) -> int:
    return int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/") else 0


HOST = b"Host: 127.0.0.1\r\n"
OVERSIZED = {
    "header": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 300_000 + b"\r\n\r\n", {400, 413, 431}),
    "headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\r\n" * 50_000 + b"\r\n", {400, 413, 431}),
    "address": (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", {400, 413, 414, 431}),
    "query": (b"GET /?" + b"a=1&" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", {400, 413, 414, 431}),
    "cookie": (b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: " + b"a=b; " * 50_000 + b"\r\n\r\n", {400, 413, 431}),
    "body": (
        b"POST /sign-in HTTP/1.1\r\n" + HOST + b"Content-Length: 5000000\r\n\r\n" + b"a" * 5_000_000, {0, 400, 413},
    ),
    "announced body": (
        b"POST /sign-in HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\na", {0, 400, 413},
    ),
    "endless chunks": (
        b"POST /sign-in HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"ffff\r\n" + b"a" * 65535 + b"\r\n") * 40,
        {0, 400, 413},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OVERSIZED)
def test_what_is_too_large_is_refused(address: tuple[str, int], what: str) -> None:
    sent, right = OVERSIZED[what]
    with contextlib.suppress(ConnectionError):  # it hangs up before all is sent
        assert status_of(answer(address, sent)) in right
    assert is_answered(address)


SMUGGLED = b"GET /api/summary HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
MALFORMED = {
    "two lengths": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n"
    + SMUGGLED,
    "a list of lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0, 44\r\n\r\n" + SMUGGLED,
    "a negative length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length with a sign": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "an unknown coding": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "a blank in a name": b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length : 44\r\n\r\n" + SMUGGLED,
    "a bad chunk": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n"
    + SMUGGLED,
    "a null byte": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /api/summary\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    "a lone line feed": b"GET / HTTP/1.1\nHost: evil.example\n\n",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_malformed_is_refused_once(address: tuple[str, int], what: str) -> None:
    """Refused, and what follows it is not taken for a request that somebody may answer."""
    received = answer(address, MALFORMED[what])
    assert b"200 OK" not in received, received[:300]
    assert received.count(b"HTTP/1.") <= 1 and b"evil.example" not in received, received[:300]
    assert is_answered(address)


def test_many_at_once_are_all_answered(address: tuple[str, int]) -> None:
    answered: list[bool] = []
    many = [threading.Thread(target=lambda: answered.append(is_answered(address))) for _ in range(30)]
    for one in many:
        one.start()
    for one in many:
        one.join(PATIENCE_S)
    assert answered == [True] * 30


def test_a_client_that_hangs_up_does_no_harm(address: tuple[str, int]) -> None:
    for _ in range(20):
        made = opened(address, b"GET /api/view?unit=square:100 HTTP/1.1\r\n" + HOST + b"\r\n")
        made.close()
    time.sleep(0.1)
    assert is_answered(address)
