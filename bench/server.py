"""The database server of the peers: a throw-away cluster, set up as somebody would who wants it quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from tests.postgres import OWNER, Cluster

_SETTINGS = {
    "shared_buffers": "2GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "max_parallel_workers_per_gather": "2",
    "random_page_cost": "1.1",
    "effective_cache_size": "8GB",
}


class Server:
    """A PostgreSQL server with PostGIS.

    Parameters
    ----------
    cluster : Cluster, optional
        One that is there already, as it is; by default one is made, and closed again.
    """

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._own = cluster is None
        self.cluster = cluster or Cluster()
        if self._own:
            for name, value in _SETTINGS.items():
                self.cluster.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            self.cluster.restart()

    @property
    def about(self) -> str:
        """The versions, and how it is set up."""
        query = "SELECT current_setting('server_version'), postgis_lib_version(), current_setting('shared_buffers')"
        name = self.cluster.new_database()
        ((server, postgis, buffers),) = self.cluster.execute(query, name)
        self.cluster.drop(name)
        return f"PostgreSQL {server.split()[0]} ({buffers} of shared buffers), PostGIS {postgis}"

    @contextmanager
    def databases(self) -> Iterator[Callable[[], str]]:
        """Give what makes a new database and returns its URL; all are dropped in the end."""
        made: list[str] = []

        def new() -> str:
            made.append(self.cluster.new_database(owner=OWNER))
            return self.cluster.url(made[-1])

        try:
            yield new
        finally:
            self.cluster.drop(*made)

    def close(self) -> None:
        """Stop the server, if it is ours."""
        if self._own:
            self.cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
