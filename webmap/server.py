"""The HTTP server in front of the service: who is believed, how long it waits, how much it takes."""

from __future__ import annotations

import logging
import signal
import socket
from typing import TYPE_CHECKING, Any, NoReturn

from webmap import MOST_BODY_BYTES

if TYPE_CHECKING:
    from flask import Flask
    from waitress.server import BaseWSGIServer, MultiSocketServer

    from webmap.settings import Settings

    Server = BaseWSGIServer | MultiSocketServer

MOST_CONNECTIONS = 800
"""Connections at once; a slow one takes no thread, only its place among these."""

IDLE_S = 30
"""Seconds after which a connection on which nothing arrives is closed."""

_MOST_HEADER_BYTES = 32 * 1024


def make_server(
    app: Flask, listener: socket.socket, *, threads: int, settings: Settings, idle_s: int = IDLE_S
) -> Server:
    """Return the server of `app` on an open socket; its ``run`` serves."""
    from waitress.server import create_server

    options: dict[str, Any] = {}
    if settings.trusted_proxy:
        options = {
            "trusted_proxy": settings.trusted_proxy,
            "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
        }
    return create_server(
        app,
        sockets=[listener],
        threads=threads,
        ident="wangge",
        clear_untrusted_proxy_headers=True,
        channel_timeout=idle_s,
        cleanup_interval=min(idle_s, 10),
        connection_limit=MOST_CONNECTIONS,
        asyncore_use_poll=True,
        max_request_header_size=_MOST_HEADER_BYTES,
        max_request_body_size=2 * MOST_BODY_BYTES,
        **options,
    )


def run(server: Server) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished."""

    def stop(number: int, frame: Any) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    # It warns of every request that waits for a thread, if only for a moment.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    # It tells of every attempt to reach a server that is away; the follower tells of the outage once.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    try:
        server.run()
    finally:
        server.close()
