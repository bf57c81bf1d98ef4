"""What a database must have before a store can be made in it, and what its administrator is to run if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from layers.stores.access import base as access
from layers.stores.postgis import ddl, faults
from layers.text import Text

if TYPE_CHECKING:
    from layers.stores.postgis.addresses import Address
    from layers.stores.postgis.connection import Connection

EXTENSION = "postgis"
OLDEST_POSTGRESQL = 14
OLDEST_POSTGIS = (3, 1)

_STATE = """
SELECT current_user, current_database(), current_setting('server_encoding'), pg_is_in_recovery(),
  has_database_privilege(current_database(), 'CREATE'),
  (SELECT has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE')
   FROM pg_catalog.pg_namespace WHERE nspname = %s),
  (SELECT has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE')
   FROM pg_catalog.pg_namespace WHERE nspname = %s)
"""
_POSTGIS = """
SELECT e.extversion, n.nspname, has_schema_privilege(n.oid, 'USAGE')
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = %s
"""
_AVAILABLE = "SELECT FROM pg_catalog.pg_available_extensions WHERE name = %s"


def prepare(connection: Connection, address: Address) -> None:
    """Make the schema and, where we may, the extension, within a transaction.

    Raises
    ------
    StoreUnusable
        Something is missing that we may not make; says all that an administrator must run.
    StoreReadOnly
        The server is a standby.
    """
    found = connection.execute(_STATE, [ddl.SCHEMA, access.SCHEMA])
    ((user, database, encoding, standby, may_create, *may_use),) = found
    if standby:
        raise faults.read_only(address)
    if connection.info.server_version < OLDEST_POSTGRESQL * 10_000:
        why = Text("PostgreSQL 版本过低", "its PostgreSQL is too old")
        remedy = Text("需要 PostgreSQL {v} 或更高版本。", "PostgreSQL {v} or newer is needed.")
        raise faults.unusable(address, why, remedy.format(v=OLDEST_POSTGRESQL))
    owner = sql.Identifier(user)
    lines: list[sql.Composed] = []
    if encoding != "UTF8":
        make = "CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0;"
        lines.append(sql.SQL(make).format(sql.Identifier(f"{database}_utf8"), owner))
    for schema, may_use_it in zip((ddl.SCHEMA, access.SCHEMA), may_use, strict=True):
        if may_use_it is False:
            lines.append(sql.SQL("ALTER SCHEMA {} OWNER TO {};").format(sql.Identifier(schema), owner))
        elif may_use_it is None and not may_create:
            lines.append(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {};").format(sql.Identifier(schema), owner))
    lines += _postgis(connection, address, owner)
    if lines:
        raise faults.unusable(
            address,
            Text("数据库尚未就绪", "the database is not ready for a store"),
            faults.to_run(
                [f"\\c {sql.Identifier(database).as_string()}", *(line.as_string() for line in lines)]
            ),
        )
    if may_use[0] is None:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(ddl.SCHEMA)))


def _postgis(connection: Connection, address: Address, user: sql.Identifier) -> list[sql.Composed]:
    """Make the extension where it is missing and we may; return what an administrator must run for it."""
    found = connection.execute(_POSTGIS, [EXTENSION]).fetchone()
    if found is None:
        return _make_postgis(connection, address)
    version, schema, may_use = found
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_POSTGIS:
        return [sql.SQL("ALTER EXTENSION postgis UPDATE;  -- {}").format(sql.SQL(_at_least()))]
    if not may_use:
        return [sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(sql.Identifier(schema), user)]
    return []


def _make_postgis(connection: Connection, address: Address) -> list[sql.Composed]:
    if not connection.execute(_AVAILABLE, [EXTENSION]).rowcount:
        raise faults.unusable(
            address,
            Text("服务器上没有安装 PostGIS", "PostGIS is not installed on its server"),
            Text(
                "请在服务器上安装 PostGIS {v} 或更高版本（Debian：postgresql-postgis），再执行 CREATE EXTENSION postgis;",
                "Install PostGIS {v} or newer on the server (Debian: postgresql-postgis), then run CREATE EXTENSION postgis;",
            ).format(v="{}.{}".format(*OLDEST_POSTGIS)),
        )
    make = sql.SQL("CREATE EXTENSION postgis").format()
    try:
        with connection.transaction():
            # Where everybody else's is, not in our own schema.
            connection.execute(make + sql.SQL(" SCHEMA public"))
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName):
        return [make + sql.SQL(";")]
    return _postgis(connection, address, sql.Identifier(connection.info.user))


def _at_least() -> str:
    return "to {}.{} or newer".format(*OLDEST_POSTGIS)
