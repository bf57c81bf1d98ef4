"""The HTTP server in front of the service: who is believed, how long it waits, how much it takes.

Granian reads and writes; what stands here is between it and the application. A connection takes no thread until
its request's head is there, and none any more when its answer is made, however slowly it is read. Bodies and large
files, which are few, are waited for in threads beside those that answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.wsgi import FileWrapper

from webmap import MOST_BODY_BYTES
from webmap.cores import Cores
from webmap.environs import prepare
from webmap.limits import source_of
from webmap.stalled import hang_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webmap.settings import Settings

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_Answer = tuple[int, list[tuple[str, str]], bytes | FileWrapper]

LOGGER = logging.getLogger("wangge")

MOST_CONNECTIONS = 800
"""Connections at once, of all workers together."""

IDLE_S = 30
"""Seconds within which a request's head must be there, and in which a connection must take some of its answer."""

UPLOADS = ("POST", "/api/uploads")
"""The one request whose body may be large: the application reads it."""

MOST_BODIES, MOST_BODIES_OF_ONE = 24, 8
"""Requests of a worker whose bodies are on their way, at most: all, and those from one address."""

MOST_FILES = 8
"""Files of a worker that are sent as they are read, at most: each has a thread until somebody has read it."""
MOST_WHOLE_BYTES = 4 * 2**20
"""A file of this size is sent whole, like any answer, so that a slow reader keeps no thread."""

QUICK = ("/tiles/", "/static/")
"""Mostly answered from memory, sooner than a thread on another core has woken."""

_MOST_HEADER_BYTES = 32 * 1024
_MOST_BODY_BYTES = 2 * MOST_BODY_BYTES
BACKLOG = 1024
_LAST_REQUESTS_S, _LAST_ANSWERS_S = 0.3, 5.0


class _Exchange(Protocol):
    """A request's way back, as Granian gives it."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer."""

    def response_iter(self, status: int, headers: list[tuple[str, str]], body: Iterator[bytes]) -> None:
        """Answer with a body that is asked for part by part, and return when all of it has been read."""


class Server:
    """Serves an application on a listening socket, in threads of this process.

    Parameters
    ----------
    app : WSGI application
    listener : socket
        It stays the caller's; other processes may listen on it as well.
    threads : int
        So many requests are answered at once.
    workers : int
        Processes that share `MOST_CONNECTIONS`.
    cores : Cores, optional
        Where its threads run; by default anywhere.
    """

    def __init__(
        self,
        app: Application,
        listener: socket.socket,
        *,
        threads: int,
        settings: Settings,
        idle_s: int = IDLE_S,
        workers: int = 1,
        cores: Cores | None = None,
    ) -> None:
        self._app = app
        self._cores = cores or Cores()
        self._settings = settings
        self._idle_s = idle_s
        self._threads = threads
        self._connections = max(MOST_CONNECTIONS // workers, 1)
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(threads):
            self._free.put(None)
        self._waiting: list[tuple[float, str]] = []
        self._counting = threading.Lock()
        self._files = threading.BoundedSemaphore(MOST_FILES)
        self._stopped = threading.Event()
        self._closing = False
        _set_patience(listener, idle_s)
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._listening = os.dup(listener.fileno())

    def start(self) -> None:
        """Serve from now on, until `stop`."""
        # What its command line does in each of its workers; it has no other way to serve from a process of ours.
        from granian._futures import _new_cbscheduler
        from granian._granian import SocketHolder, WorkerSignal, WSGIWorker
        from granian.http import HTTP1Settings

        certificate, key = self._settings.certificate or None, self._settings.key or None
        sockets = (None, SocketHolder(self._listening, False, BACKLOG))  # type: ignore[call-arg]
        worker: Any = WSGIWorker(  # type: ignore[call-arg, misc]
            1,
            sockets,
            None,  # type: ignore[arg-type]
            threads=1,
            blocking_threads=1,
            py_threads=self._threads + MOST_BODIES + MOST_FILES,
            py_threads_idle_timeout=30,
            backpressure=self._connections,
            http_mode="1",
            http1_opts=HTTP1Settings(
                header_read_timeout=self._idle_s * 1000, max_buffer_size=_MOST_HEADER_BYTES
            ),
            ssl_enabled=certificate is not None,
            ssl_cert=certificate,
            ssl_key=key,
            ssl_protocol_min="tls1.2",
        )
        self._signal = WorkerSignal()
        self._signal.add_cb(self._stopped.set)
        loop = asyncio.new_event_loop()
        scheduler = _new_cbscheduler(loop, self._answer, impl_asyncio=True)  # type: ignore[no-untyped-call]
        with self._cores.kept_to():
            worker.serve_mtr(scheduler, loop, self._signal)
        loop.close()
        threading.Thread(target=self._watch, args=(self._port,), name="wangge-silence", daemon=True).start()

    def stop(self, *, patience_s: float = 30.0) -> bool:
        """Take no more connections, finish the requests under way, and tell whether all ended by themselves.

        Connections that have sent half a request's head, or do not read their answer, are not waited for.
        """
        self._closing = True
        # In the place of our copy of the socket comes one that nobody knows: connections are left to the others.
        with socket.create_server(("127.0.0.1", 0)) as unknown:
            unknown.setblocking(False)  # Granian asks it when somebody knocks at the one that it had
            os.dup2(unknown.fileno(), self._listening)
        # Answers now say that the connection ends with them; who asks steadily has gone before any is cut off.
        time.sleep(_LAST_REQUESTS_S)
        # Granian must find the socket that it knows: it could not be told apart from one that goes on living.
        os.dup2(self._listener.fileno(), self._listening)
        self._signal.set()
        began = busy = time.monotonic()
        while not self._stopped.wait(0.05):
            now = time.monotonic()
            if self._waiting or self._free.qsize() < self._threads:
                busy = now
            if now > min(began + patience_s, busy + _LAST_ANSWERS_S):
                return False
        return True

    def _answer(self, exchange: _Exchange, environ: dict[str, Any]) -> None:
        """Answer a request as soon as all of it is there."""
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == UPLOADS:
            self._answer_upload(exchange, environ)
            return
        refused = self._read_body(environ)
        prepare(environ, self._settings.trusted_proxy)
        self._respond(exchange, lambda: _refused(refused) if refused else self._ask(environ))

    def _answer_upload(self, exchange: _Exchange, environ: dict[str, Any]) -> None:
        """Let the application read a file as it comes: it knows who sends it before it takes anything of it.

        It is one of the bodies on their way, of which there are only so many, and keeps nobody else from an answer.
        """
        waiting = (time.monotonic(), environ["REMOTE_ADDR"])
        refused = None
        if not environ.get("CONTENT_LENGTH", "").isdigit():
            refused = HTTPStatus.LENGTH_REQUIRED
        elif not self._takes(waiting):
            refused = HTTPStatus.SERVICE_UNAVAILABLE
        prepare(environ, self._settings.trusted_proxy)
        try:
            self._respond(exchange, lambda: _refused(refused) if refused else self._received(environ))
        finally:
            if refused is None:
                with self._counting:
                    self._waiting.remove(waiting)

    def _received(self, environ: dict[str, Any]) -> _Answer:
        """Return the answer to an upload; of one that is refused the rest is not waited for."""
        status, headers, body = self._run(environ)
        if status >= HTTPStatus.BAD_REQUEST and not self._closing:
            headers.append(("Connection", "close"))
        return status, headers, body

    def _respond(self, exchange: _Exchange, answer: Callable[[], _Answer]) -> None:
        try:
            status, headers, body = answer()
        except Exception:
            LOGGER.exception("a request failed")
            status, headers, body = _refused(HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(body, FileWrapper) and not self._files.acquire(blocking=False):
            body.close()
            status, headers, body = _refused(HTTPStatus.SERVICE_UNAVAILABLE)
        headers.append(("Server", "wangge"))
        if self._closing:
            headers.append(("Connection", "close"))
        if not isinstance(body, FileWrapper):
            exchange.response_bytes(status, headers, body)
            return
        try:
            exchange.response_iter(status, headers, body)
        finally:
            body.close()
            self._files.release()

    def _ask(self, environ: dict[str, Any]) -> _Answer:
        """Return the application's answer when there is a thread for it."""
        self._free.get()
        try:
            return self._run(environ)
        finally:
            self._free.put(None)

    def _run(self, environ: dict[str, Any]) -> _Answer:
        if environ["PATH_INFO"].startswith(QUICK):
            return self._whole(environ)
        with self._cores.left():
            return self._whole(environ)

    def _whole(self, environ: dict[str, Any]) -> _Answer:
        """Return the application's answer, whole but for large files, so that who reads slowly keeps no thread."""
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            said.append((status, headers))

        chunks = self._app(environ, start_response)
        if isinstance(chunks, FileWrapper):
            status, headers = said[-1]
            if int(dict(headers).get("Content-Length", 0)) > MOST_WHOLE_BYTES:
                return int(status[:3]), headers, chunks
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, headers = said[-1]
        return int(status[:3]), headers, body

    def _read_body(self, environ: dict[str, Any]) -> HTTPStatus | None:
        """Put a request's body into its environment when all of it is there, or return how it is refused."""
        length = environ.get("CONTENT_LENGTH", "")
        if length in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ:
            environ["wsgi.input"] = BytesIO()
            return None
        if length and int(length) > _MOST_BODY_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        waiting = (time.monotonic(), environ["REMOTE_ADDR"])
        if not self._takes(waiting):
            return HTTPStatus.SERVICE_UNAVAILABLE
        try:
            body = bytes(environ["wsgi.input"].read(_MOST_BODY_BYTES + 1))
        finally:
            with self._counting:
                self._waiting.remove(waiting)
        if len(body) > _MOST_BODY_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if length and len(body) != int(length):
            return HTTPStatus.REQUEST_TIMEOUT
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = BytesIO(body)
        return None

    def _takes(self, waiting: tuple[float, str]) -> bool:
        """Whether there is room for one more body on its way."""
        source = source_of(waiting[1])
        with self._counting:
            of_one = sum(source_of(address) == source for _, address in self._waiting)
            if of_one >= MOST_BODIES_OF_ONE or len(self._waiting) >= MOST_BODIES:
                return False
            self._waiting.append(waiting)
            return True

    def _watch(self, port: int) -> None:
        """End connections that owe the rest of a body and have gone silent, until the server stops."""
        while not self._stopped.wait(self._idle_s / 4):
            since = time.monotonic() - self._idle_s
            with self._counting:
                late = {address for began, address in self._waiting if began <= since}
            if late:
                hang_up(port, late, silent_s=self._idle_s)


def _refused(status: HTTPStatus) -> _Answer:
    """Return the answer to a request that the application does not see; it ends the connection."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
    return status.value, headers, f"{status.value} {status.phrase}\n".encode()


def listen(host: str, port: int, number: int) -> list[socket.socket]:
    """Return so many sockets that listen at one address, and among which the system deals out connections.

    Each worker has its own: of one that all share, whoever wakes first takes whatever is there. They are the
    parent's, so that connections that wait at one are kept while its worker is replaced.

    Raises
    ------
    OSError
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port:
        socket.create_server(
            (host, port), family=family
        ).close()  # else other services could be at it as well
    made: list[socket.socket] = []
    for _ in range(number):
        made.append(socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True))
        port = made[0].getsockname()[1]
    return made


def _set_patience(listener: socket.socket, idle_s: int) -> None:
    """Have the system end connections, which take this over, whose other side is gone or does not read on."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), idle_s)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, idle_s * 1000)
