"""System calls that fail as on a full disk, or end the process, from a chosen place in a file on.

A filter that the kernel runs before each system call of one thread and its children (seccomp): it needs no
privileges, no mount and no compiler, and what is tested meets the kernel's own error where the kernel would
give it. It cannot be taken off: it ends with its thread or process.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")

# For each call its number, and which argument says where in the file it writes.
_CALLS: dict[str, dict[str, tuple[int, int | None]]] = {
    "x86_64": {
        "pwrite64": (18, 3),
        "pwritev": (296, 3),
        "fallocate": (285, 2),
        "ftruncate": (77, 1),
        "fdatasync": (75, None),
        "fsync": (74, None),
        "rename": (82, None),
        "renameat": (264, None),
        "unlink": (87, None),
        "unlinkat": (263, None),
    },
    "aarch64": {
        "pwrite64": (68, 3),
        "pwritev": (70, 3),
        "fallocate": (47, 2),
        "ftruncate": (46, 1),
        "fdatasync": (83, None),
        "fsync": (82, None),
        "renameat": (38, None),
        "unlinkat": (35, None),
    },
}
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000

_CAPABILITY_VERSION_3 = 0x20080522

# Classic BPF: load a word of (number, architecture, address, six arguments), compare, jump, answer.
_LOAD, _ANSWER, _IF_EQUAL, _IF_GREATER, _IF_AT_LEAST = 0x20, 0x06, 0x15, 0x25, 0x35
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

Place = Literal["from", "at", "anywhere"]


@dataclass(frozen=True)
class Rule:
    """Calls that do not go through.

    Attributes
    ----------
    calls : tuple of str
        Names; those that the machine does not have are left out.
    kills : bool
        The process dies of the call, as of `kill -9`, instead of being told that the disk is full.
    file : int, optional
        The file descriptor, the first argument; any where None.
    place : {"from", "at", "anywhere"}
        Only calls that write from `offset` on, or just there.
    """

    calls: tuple[str, ...]
    kills: bool = False
    file: int | None = None
    place: Place = "anywhere"
    offset: int = 0


GROWING = ("pwrite64", "pwritev", "fallocate")
"""What makes a file grow in SQLite and in PostgreSQL."""


def no_room_from(offset: int, *, file: int | None = None) -> Rule:
    """Return the rule of a disk on which no file has room from `offset` on."""
    return Rule(GROWING, file=file, place="from", offset=offset)


def install(*rules: Rule) -> None:
    """Put `rules` before the system calls of this thread and of what it starts, for good."""
    program = _program(rules)
    packed = b"".join(struct.pack("<HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(packed, len(packed))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    filter_ = Program(len(program), ctypes.addressof(buffer))
    for call in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filter_), 0, 0),
    ):
        if libc.prctl(*call):
            raise OSError(ctypes.get_errno(), "the kernel takes no system call filter")


def give_up_privileges() -> None:
    """Let permissions count for this thread, as they do for everybody but root; it stays the same user."""
    libc = ctypes.CDLL(None, use_errno=True)
    version, none_at_all = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
    if libc.capset(version, none_at_all):
        raise OSError(ctypes.get_errno(), "privileges cannot be given up")


def in_thread(act: Callable[[], T], *rules: Rule) -> T:
    """Run `act` in a thread that meets `rules`; all other threads, and later ones, do not."""
    done: list[Any] = []

    def run() -> None:
        try:
            install(*rules)
            done.extend((True, act()))
        except BaseException as error:
            done.extend((False, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    went_well, outcome = done
    if not went_well:
        raise outcome
    result: T = outcome
    return result


def _program(rules: tuple[Rule, ...]) -> list[tuple[int, int, int, int]]:
    machine = platform.machine()
    table = _CALLS[machine]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_ANSWER, 0, 0, _ALLOW),
    ]
    for rule in rules:
        for name in rule.calls:
            if name in table:
                number, at = table[name]
                program += _block(rule, number, at)
    return [*program, (_ANSWER, 0, 0, _ALLOW)]


def _block(rule: Rule, number: int, at: int | None) -> list[tuple[int, int, int, int]]:
    """Return the steps for one call: each comparison that fails leaves the block."""
    equal = [(_NUMBER_AT, number)]
    if rule.file is not None:
        equal.append((_ARGUMENTS_AT, rule.file))
    tail: list[tuple[int, int, int, int]] = []
    if rule.place != "anywhere":
        assert at is not None
        high, low = divmod(rule.offset, 2**32)
        word = _ARGUMENTS_AT + 8 * at
        assert high == 0, "places beyond 4 GiB are not needed"
        if rule.place == "at":
            equal += [(word + 4, 0), (word, low)]
        else:
            # Beyond 4 GiB, or at least `offset` within them.
            tail = [
                (_LOAD, 0, 0, word + 4),
                (_IF_GREATER, 2, 0, 0),
                (_LOAD, 0, 0, word),
                (_IF_AT_LEAST, 0, 1, low),
            ]
    tail.append((_ANSWER, 0, 0, _KILL_PROCESS if rule.kills else _FAIL | errno.ENOSPC))
    body: list[tuple[int, int, int, int]] = []
    for left, (where, value) in reversed(list(enumerate(reversed(equal)))):
        body += [(_LOAD, 0, 0, where), (_IF_EQUAL, 0, 2 * left + len(tail), value)]
    return body + tail
