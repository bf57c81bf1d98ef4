"""A PostgreSQL server with PostGIS that lives as long as the tests: in a private folder, on a Unix socket.

It runs as user ``postgres`` where we are root, which the server refuses to be, and is stopped and removed
even when the tests are killed.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

ADMIN, OWNER, APP = "postgres", "wangge_owner", "wangge_app"
"""The superuser; one who may make databases and own stores; one who may only connect."""

BY_PASSWORD = "wangge_by_password"
"""Like `APP`, but let in only with `PASSWORD`."""
PASSWORD = "hush/hush@%:秘密"

StopMode = Literal["smart", "fast", "immediate"]

_TEMPLATE = "wangge_template"
_HERE = "/tmp"  # a socket's path has at most 107 bytes, and TMPDIR may be long
# Reads until the tests are gone, however they went; then nothing of the server is left.
_KEEPER = 'cat; "$1/pg_ctl" stop -m immediate -D "$2/data"; rm -rf -- "$2"'
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 100
shared_buffers = 64MB
full_page_writes = {durable}
fsync = {durable}
"""
_WHO_MAY = f"local all {BY_PASSWORD} scram-sha-256\nlocal all all trust\nlocal replication all trust\n"


class NoPostGIS(Exception):
    """There is no PostgreSQL with PostGIS on this machine."""


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL that has PostGIS."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    with suppress(OSError):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True)
        folders.append(Path(said.stdout.strip()))
    for folder in folders:
        if not all((folder / name).exists() for name in ("initdb", "pg_ctl", "pg_config")):
            continue
        said = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True)
        if Path(said.stdout.strip(), "extension", "postgis.control").exists():
            return folder
    raise NoPostGIS(
        "PostgreSQL with PostGIS is not installed: run make test as root, or install postgresql-postgis"
    )


def _major(folder: Path) -> int:
    version = folder.parent.name
    return int(version) if version.isdecimal() else 0


class Cluster:
    """A running server.

    Parameters
    ----------
    fsync : bool
        Keep what was committed even when the machine dies. A killed server keeps it either way.
    """

    def __init__(self, *, fsync: bool = False) -> None:
        self._bin = binaries()
        self._numbers = count()
        self._as: dict[str, Any] = {}
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="wangge-pg-", dir=_HERE))
        if user is not None:
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "keeper", str(self._bin), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            **self._as,
        )
        try:
            self._make(durable="on" if fsync else "off")
            self.start()
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def version(self) -> int:
        """The major version of PostgreSQL."""
        return int((self._data / "PG_VERSION").read_text())

    @property
    def running(self) -> bool:
        """Whether there is a server, be it ready or not."""
        return (self._data / "postmaster.pid").exists()

    def start(self, *, prepare: Callable[[], None] | None = None) -> None:
        """Start the server and wait until it answers; `prepare` runs in its process before it begins."""
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self.folder / "log", prepare=prepare)

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server; `immediate` is as if it had been killed."""
        self._run("pg_ctl", "stop", "-w", "-D", self._data, "-m", mode)

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop the server and start it again."""
        self.stop(mode)
        self.start()

    @contextmanager
    def standby(self) -> Iterator[None]:
        """Be a hot standby for a while, that can be read but not written."""
        signal = self._data / "standby.signal"
        self.stop()
        signal.touch()
        self.start()
        try:
            yield
        finally:
            self.stop()
            signal.unlink()
            self.start()

    def log(self) -> str:
        """Return what the server has said."""
        return (self.folder / "log").read_text(errors="replace")

    def url(self, database: str, *, user: str = OWNER, password: str | None = None, **parameters: str) -> str:
        """Return the URL of a database, with libpq's `parameters`."""
        word = "" if password is None else f":{quote(password, safe='')}"
        query = urlencode({"host": str(self.folder), **parameters})
        return f"postgresql://{user}{word}@/{quote(database, safe='')}?{query}"

    def connect(
        self, database: str = "postgres", *, user: str = ADMIN, **options: Any
    ) -> psycopg.Connection[Any]:
        """Return a connection that commits every statement."""
        return psycopg.connect(self.url(database, user=user), autocommit=True, **options)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser and return its rows."""
        with self.connect(database) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def new_database(self, *, owner: str = OWNER, extension: bool = True) -> str:
        """Make a database without tables, with PostGIS or without, and return its name."""
        name = f"district {next(self._numbers)}"
        template = _TEMPLATE if extension else "template0"
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
            *map(sql.Identifier, (name, template, owner))
        )
        with self.connect() as connection:
            connection.execute(make)
        return name

    def drop_connections(self, database: str) -> None:
        """End every connection of the program to a database."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s AND application_name = 'wangge'",
                [database],
            )

    def drop(self, *databases: str) -> None:
        """Drop databases, whoever is connected."""
        with self.connect() as connection:
            for name in databases:
                connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )

    def close(self) -> None:
        """Stop the server and remove everything."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _make(self, *, durable: str) -> None:
        # A collation unlike the order of code points, as districts have it: who forgets COLLATE "C" is found out.
        icu = ("--locale-provider=icu", "--icu-locale=zh") if _major(self._bin) >= 15 else ()
        self._run(
            "initdb",
            "-D",
            self._data,
            "-U",
            ADMIN,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            *icu,
            "--no-sync",
            "-A",
            "trust",
        )
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(folder=self.folder, durable=durable))
        (self._data / "pg_hba.conf").write_text(_WHO_MAY)

    def _prepare(self) -> None:
        with self.connect() as connection:
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB; CREATE ROLE {APP} LOGIN")
            make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            connection.execute(make.format(sql.Identifier(BY_PASSWORD), sql.Literal(PASSWORD)))
            connection.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        self.execute("CREATE EXTENSION postgis", _TEMPLATE)

    def _run(self, program: str, *arguments: str | Path, prepare: Callable[[], None] | None = None) -> None:
        # pg_ctl's child, the server, would hold a pipe open for ever.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [self._bin / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "Asia/Shanghai"},
                preexec_fn=prepare,
                **self._as,
            )
            said.seek(0)
            if done.returncode:
                log = self.log() if (self.folder / "log").exists() else ""
                raise RuntimeError(
                    f"{program} {arguments[0]}: {said.read().decode(errors='replace')}\n{log[-2000:]}"
                )


@dataclass
class PostGISKind:
    """Databases of one server, each for one store; closing it drops them."""

    cluster: Cluster

    def __post_init__(self) -> None:
        self._made: list[str] = []

    def new_url(self) -> str:
        """Return the URL of a new database without a store."""
        self._made.append(self.cluster.new_database())
        return self.cluster.url(self._made[-1])

    def close(self) -> None:
        """Drop the databases."""
        self.cluster.drop(*self._made)
        self._made.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
