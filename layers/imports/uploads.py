"""Files on their way in through the browser: kept apart until they are imported, each in a folder of its own.

All that is known of an upload is in its folder, so that any process of the service can go on with it. A folder's
lock (``flock``) is held by whoever works at it: the one that receives the file, then the process that checks or
imports it; the system gives it back when that process is no more. What nobody works at and what is older than its
time is erased.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from layers.imports.upload_files import file_name, read_json, write_json
from layers.problems import BadParameter, NotFound, StoreFull, TooMany
from layers.text import Text

KEPT_S = 3600.0
"""Seconds after which an upload is erased that nobody has done anything with."""

MOST_OF_ONE, MOST = 5, 40
"""Uploads of one person, and of all, at a time."""

NO_ROOM = (
    Text("服务器上放不下这个文件。", "There is no room for this file on the server."),
    Text(
        "请管理员腾出磁盘空间，并检查上传文件夹的权限。",
        "The operator must make room on the disk, and see to the folder's permissions.",
    ),
)

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_CHUNK_BYTES = 1 << 18
_SPARE_BYTES = 256 * 2**20
_PATIENCE_S = 2.0
_MOMENT_S = 60.0

Status = Literal["received", "working", "checked", "failed", "interrupted", "done"]
"""Where an upload is: nothing done yet; being checked or imported; checked; the check could not be made; a process
ended before its work was done; imported."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What an upload is.

    Attributes
    ----------
    id : str
    owner : str
        The account that it belongs to; nobody else sees it.
    name : str
        The file's name, without a folder.
    layer : str
        The layer that it is for.
    size : int
        Bytes.
    digest : str
        SHA-256 of its content.
    """

    id: str
    owner: str
    name: str
    layer: str
    size: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class State:
    """Where an upload is, and what has come out so far.

    Attributes
    ----------
    job : dict
        The last thing that was to be done: its ``kind`` (check or import), ``number`` and options.
    progress : dict
        Of the work under way: ``what``, ``done`` and ``total``.
    check : dict, optional
        What the last check found out.
    result : dict, optional
        What the import did, or why it was not done.
    left_s : float
        Seconds until it is erased.
    """

    status: Status
    job: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    check: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    left_s: float = KEPT_S


class Uploads:
    """The uploads in a folder, which is made where it is needed, for this user only.

    Parameters
    ----------
    root : Path
    most_bytes : int
        How large a file may be.
    clock : callable
        Seconds since the epoch, for what is too old.
    """

    def __init__(self, root: Path, *, most_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.root = root
        self.most_bytes = most_bytes
        self._clock = clock

    def receive(
        self, owner: str, name: str, layer: str, read: Callable[[int], bytes], length: int | None
    ) -> About:
        """Take a file as it comes, and keep it when all of it is there.

        Parameters
        ----------
        read : callable
            Gives at most so many more bytes, none at the end.
        length : int, optional
            How many there are to be, where that was said.

        Raises
        ------
        BadParameter
            It is empty, too large, broken off, or its name is none.
        TooMany
            There are enough already.
        StoreFull
            The disk has no room for it.
        """
        self.sweep()
        shown = file_name(name)
        if length is not None and length > self.most_bytes:
            raise self._too_large()
        folder = self._claimed(owner, length or 0)
        with _locked(folder) as lock:
            assert lock is not None
            try:
                about = self._take(folder, owner, shown, layer, read, length)
                write_json(folder / "about.json", asdict(about))
            except BaseException as error:
                shutil.rmtree(folder, ignore_errors=True)
                if isinstance(error, OSError):
                    raise _no_room() from error
                raise
        return about

    def _take(
        self,
        folder: Path,
        owner: str,
        name: str,
        layer: str,
        read: Callable[[int], bytes],
        length: int | None,
    ) -> About:
        (folder / "file").mkdir(mode=0o700)
        size, digest = 0, hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(folder / "file" / name, flags, 0o600), "wb") as file:
            while chunk := read(_CHUNK_BYTES):
                size += len(chunk)
                if size > self.most_bytes:
                    raise self._too_large()
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if length is not None and size != length:
            raise BadParameter(
                Text("文件没有传完。", "The file broke off on its way."),
                Text("请再传一次。", "Send it again."),
            )
        if not size:
            raise BadParameter(
                Text("{n} 是空文件。", "{n} is an empty file.").format(n=name),
                Text("请选择有内容的文件。", "Choose a file with content."),
            )
        return About(
            id=folder.name, owner=owner, name=name, layer=layer, size=size, digest=digest.hexdigest()
        )

    def _too_large(self) -> BadParameter:
        return BadParameter(
            Text("文件超过 {n} MiB。", "The file is larger than {n} MiB.").format(n=self.most_bytes // 2**20),
            Text(
                "请分成几份，或请管理员在服务器上用 wangge import 导入。",
                "Divide it, or have the operator import it on the server by `wangge import`.",
            ),
        )

    def _claimed(self, owner: str, length: int) -> Path:
        """Make a folder for an upload that is to come; one at a time, so that two together find no place for one."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self.root / "door").open("w") as door:
                fcntl.flock(door, fcntl.LOCK_EX)
                self._check_room(owner, length)
                folder = self.root / secrets.token_hex(16)
                folder.mkdir(mode=0o700)
                write_json(folder / "claim.json", {"owner": owner, "size": length})
        except OSError as error:
            raise _no_room() from error
        return folder

    def _check_room(self, owner: str, length: int) -> None:
        """Raise where there is no more room: what is still on its way counts as if it were there."""
        free = shutil.disk_usage(self.root).free
        claims = [(one, claim) for one in self._folders() if (claim := read_json(one / "claim.json"))]
        coming = sum(claim["size"] for one, claim in claims if not (one / "about.json").exists())
        if sum(claim["owner"] == owner for _, claim in claims) >= MOST_OF_ONE or len(claims) >= MOST:
            raise TooMany(
                Text("等着处理的文件太多了。", "There are too many files waiting."),
                Text("请先导入或删除已有的。", "Import or remove some of them first."),
                retry_after_s=60,
            )
        if free < length + coming + _SPARE_BYTES:
            raise _no_room()

    def all(self, owner: str | None = None) -> list[About]:
        """Return the uploads that are there whole, of everybody or of one, the newest first."""
        found = []
        for folder in self._folders():
            told = read_json(folder / "about.json")
            if told is not None and owner in (None, told["owner"]):
                found.append((_age_mark(folder), About(**told)))
        return [about for _, about in sorted(found, key=lambda one: one[0], reverse=True)]

    def one(self, id: str, owner: str) -> tuple[About, Path]:  # noqa: A002  (its name in the URL)
        """Return somebody's own upload and its folder; `NotFound` where there is none."""
        folder = self.root / id
        told = read_json(folder / "about.json") if _ID.fullmatch(id) else None
        if told is None or told["owner"] != owner or self._left_s(folder) <= 0:
            raise _gone()
        return About(**told), folder

    def state(self, folder: Path) -> State:
        """Return where the upload in a folder is."""
        with _locked(folder, shared=True) as lock:
            return self.state_of(folder, working=lock is None)

    def state_of(self, folder: Path, *, working: bool) -> State:
        """Return where the upload in a folder is, for who knows whether somebody works at it."""
        job = read_json(folder / "job.json") or {}
        check, result = read_json(folder / "check.json"), read_json(folder / "result.json")
        if check is not None and check["number"] != job.get("number") and job.get("kind") == "check":
            check = None  # of options that have been changed since
        status: Status = "received"
        if result is not None and "error" not in result:
            status = "done"
        elif working:
            status = "working"
        elif job.get("kind") == "import" and result is None:
            status = "interrupted"
        elif check is not None:
            status = "failed" if "error" in check else "checked"
        elif job:
            status = "interrupted"
        return State(
            status=status,
            job=job,
            progress=(read_json(folder / "progress.json") or {}) if working else {},
            check=check,
            result=result,
            left_s=max(0.0, self._left_s(folder)),
        )

    @contextmanager
    def working(self, folder: Path) -> Iterator[int]:
        """Hold an upload's lock, to be handed on to the process that does the work; `BadParameter` where it is held.

        `NotFound` where it has been erased in the meantime.

        Yields
        ------
        int
            The descriptor by which it is held.
        """
        with _locked(folder, patience_s=_PATIENCE_S) as lock:
            if lock is None:
                raise BadParameter(
                    Text("这个文件正在处理。", "This file is being worked at."),
                    Text("请等它完成。", "Wait until that is done."),
                )
            try:
                os.utime(folder / "about.json")
            except FileNotFoundError:  # erased while its lock was waited for
                raise _gone() from None
            yield lock

    def erase(self, folder: Path) -> None:
        """Erase an upload; `BadParameter` while somebody works at it."""
        with self.working(folder):
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> int:
        """Erase what is too old, and what was never received whole, unless somebody works at it; return how many."""
        erased = 0
        for folder in self._folders():
            age_s = self._clock() - _age_mark(folder)
            # Between the making of a folder and its lock there is a moment.
            if age_s < (KEPT_S if (folder / "about.json").exists() else _MOMENT_S):
                continue
            with _locked(folder) as lock:
                if lock is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    erased += 1
        return erased

    def _folders(self) -> list[Path]:
        try:
            return [one for one in self.root.iterdir() if _ID.fullmatch(one.name) and one.is_dir()]
        except FileNotFoundError:
            return []

    def _left_s(self, folder: Path) -> float:
        return KEPT_S - (self._clock() - _age_mark(folder))


def file_of(folder: Path, name: str) -> Path | None:
    """Return the file that was uploaded, None where it has been erased after its import.

    Beside it may lie what a process left there that was killed while it read a GeoPackage.
    """
    file = folder / "file" / name
    return file if file.is_file() else None


def _gone() -> NotFound:
    return NotFound(
        Text("没有这个文件，或已过期删除。", "There is no such file, or it has been erased in the meantime."),
        Text("请重新上传；文件只保留一小时。", "Upload it again; files are kept for one hour."),
    )


def _no_room() -> StoreFull:
    return StoreFull(*NO_ROOM)


def _age_mark(folder: Path) -> float:
    for path in (folder / "about.json", folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


@contextmanager
def _locked(folder: Path, *, shared: bool = False, patience_s: float = 0.0) -> Iterator[int | None]:
    """Hold a folder's lock, and yield its descriptor; None where another holds it, or the folder is gone.

    Those who only look share it, for a moment; who works waits for them.
    """
    try:
        held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield None
        return
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(held, kind | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= until:
                    yield None
                    return
                time.sleep(_PATIENCE_S / 40)
            else:
                break
        yield held
    finally:
        # Closing gives it back, unless the descriptor was handed on.
        os.close(held)
