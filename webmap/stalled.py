"""Ends connections of this process on which nothing arrives any more: Granian waits for a body as long as it takes."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_OPEN_FILES = Path("/proc/self/fd")
_LAST_DATA_RECEIVED = 52
"""Where `struct tcp_info` of Linux has ``tcpi_last_data_recv``: milliseconds since something has arrived."""


def hang_up(port: int, addresses: Collection[str], *, silent_s: float) -> int:
    """End connections to `port` from one of `addresses` on which nothing has arrived for so long; return how many."""
    ended = 0
    for connection in _sockets():
        with connection, suppress(OSError):  # of one that listens there is no other side
            if connection.getsockname()[1] != port or connection.getpeername()[0] not in addresses:
                continue
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECEIVED + 4)
            (silent_ms,) = struct.unpack_from("I", info, _LAST_DATA_RECEIVED)
            if silent_ms >= silent_s * 1000:
                connection.shutdown(socket.SHUT_RDWR)
                ended += 1
    return ended


def _sockets() -> Iterator[socket.socket]:
    """Yield copies of this process's sockets of the internet: closing one ends nothing."""
    for file in list(_OPEN_FILES.iterdir()):
        with suppress(OSError):  # it has been closed meanwhile
            if str(file.readlink()).startswith("socket:"):
                found = socket.socket(fileno=os.dup(int(file.name)))
                if found.family in (socket.AF_INET, socket.AF_INET6):
                    yield found
                else:
                    found.close()
