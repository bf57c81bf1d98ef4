"""Which kind of store a URL names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from layers.problems import BadParameter, StoreNewer, StoreOutdated
from layers.text import Text

if TYPE_CHECKING:
    from layers.store import Clock, Progress, Store, StoreSettings
    from layers.stores.contents import Contents


_SCHEME = re.compile(r"[a-z]+:")


class Kind(Protocol):
    """What the module of a kind of store offers; see the functions of the same purpose in `layers.store`."""

    def open_at(self, url: str, *, read_only: bool, settings: StoreSettings, clock: Clock) -> Store:
        """Open the store at `url`."""

    def create_at(
        self,
        url: str,
        contents: Contents,
        *,
        settings: StoreSettings,
        progress: Progress,
        over_empty: bool = False,
    ) -> None:
        """Create the store at `url`; `over_empty` takes the place of one that has never had a row."""

    def check_free(self, url: str, *, settings: StoreSettings, unless_empty: bool = False) -> None:
        """Raise `StoreExists` where `create_at` would."""

    def migrate_at(self, url: str, *, settings: StoreSettings) -> tuple[int, int]:
        """Bring the store at `url` to the present schema; return the schemas before and after."""

    def shown(self, url: str) -> str:
        """Return `url` without its password."""


class RoleKind(Kind, Protocol):
    """A kind whose stores belong to one role and are used by another."""

    def grant_to(self, url: str, role: str, *, settings: StoreSettings) -> None:
        """Allow a database role what daily work in the store at `url` needs, and no more."""


def kind_with_roles(url: str) -> RoleKind:
    """Return the kind of store that `url` names, where there are database roles.

    Raises
    ------
    BadParameter
        It is a file, or `url` names no store.
    """
    kind = kind_of(url)
    if not hasattr(kind, "grant_to"):
        raise BadParameter(
            Text(
                "存储 {url} 是文件，没有数据库角色。", "The store {url} is a file and has no database roles."
            ).format(url=kind.shown(url)),
            Text(
                "请去掉 --app-role；谁可读写由文件权限决定。",
                "Leave --app-role out; the file's permissions say who may read and write.",
            ),
        )
    return cast("RoleKind", kind)


def kind_of(url: str) -> Kind:
    """Return the kind of store that `url` names.

    Raises
    ------
    BadParameter
        It names none.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "gpkg" and rest:
        from layers.stores.geopackage import store as geopackage

        return cast("Kind", geopackage)
    if scheme in ("postgresql", "postgres") and rest.startswith("//"):
        from layers.stores.postgis import store as postgis

        return cast("Kind", postgis)
    # There may be a password anywhere in it, however it is written.
    named = _SCHEME.match(url)
    raise BadParameter(
        Text("不认识存储地址{url}。", "The store URL{url} is not understood.").format(
            url=f" {named[0]}…" if named else ""
        ),
        Text(
            "请用 gpkg:文件路径（例如 gpkg:var/luohu.gpkg）或 postgresql://用户@主机/数据库。",
            "Use gpkg:PATH, such as gpkg:var/luohu.gpkg, or postgresql://USER@HOST/DATABASE.",
        ),
    )


def path_of(url: str) -> Path:
    """Return the path that a ``gpkg:`` URL names, absolute."""
    return Path(url.partition(":")[2]).absolute()


def outdated(url: str, found: int, needed: int) -> StoreOutdated:
    """Say that a store is of an older schema."""
    return StoreOutdated(
        Text(
            "存储 {url} 的结构是第 {found} 版，本程序需要第 {needed} 版。",
            "The store {url} has schema {found}; this program needs schema {needed}.",
        ).format(url=url, found=found, needed=needed),
        Text(
            "请先复制该文件（数据库则用 pg_dump），再运行 wangge migrate。",
            "Keep a copy of the file (of a database by pg_dump), then run `wangge migrate`.",
        ),
    )


def newer(url: str, found: int, known: int) -> StoreNewer:
    """Say that a store is of a schema that this program does not know."""
    return StoreNewer(
        Text(
            "存储 {url} 由更新版本的网格生成（结构第 {found} 版，本程序只到第 {known} 版）。",
            "The store {url} was made by a newer Wangge (schema {found}; this program knows up to {known}).",
        ).format(url=url, found=found, known=known),
        Text("请升级网格。", "Update Wangge."),
    )
