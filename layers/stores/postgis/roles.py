"""The application's role: it may do what daily work needs, and no more."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from layers.stores.access import base as access
from layers.stores.postgis import ddl, faults
from layers.text import Text

if TYPE_CHECKING:
    from layers.stores.postgis.addresses import Address

_LACKING = """
SELECT n.nspname, c.relname, p.privilege
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN unnest(%s::text[], %s::text[]) AS p(name, privilege) ON p.name = c.relname
WHERE n.nspname = %s AND c.relkind = 'r' AND NOT has_table_privilege(%s, c.oid, p.privilege)
ORDER BY c.relname
"""
_SCHEMAS_LACKING = """
SELECT nspname FROM pg_catalog.pg_namespace n
WHERE (nspname = ANY(%s) OR oid = (SELECT extnamespace FROM pg_catalog.pg_extension WHERE extname = 'postgis'))
AND NOT has_schema_privilege(%s, oid, 'USAGE') ORDER BY nspname
"""
_DATABASE_LACKING = """
SELECT current_database(), p FROM unnest(%s::text[]) p
WHERE NOT has_database_privilege(%s, current_database(), p)
"""


def missing(connection: psycopg.Connection[Any], role: str | None = None) -> tuple[list[str], list[str]]:
    """Return the lines of SQL that `role`, else the present one, lacks to read, and then to write."""
    needed_in = {ddl.SCHEMA: ddl.PRIVILEGES, access.SCHEMA: access.PRIVILEGES}
    role = role or connection.info.user
    to = sql.Identifier(role)
    reading: list[str] = []
    writing: list[str] = []
    for database, privilege in connection.execute(_DATABASE_LACKING, [["CONNECT", "TEMPORARY"], role]):
        line = sql.SQL("GRANT {} ON DATABASE {} TO {};").format(
            sql.SQL(privilege), sql.Identifier(database), to
        )
        (reading if privilege == "CONNECT" else writing).append(line.as_string())
    for (schema,) in connection.execute(_SCHEMAS_LACKING, [list(needed_in), role]):
        line = sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(sql.Identifier(schema), to)
        reading.append(line.as_string())
    tables: defaultdict[str, list[sql.Identifier]] = defaultdict(list)
    for schema, of_tables in needed_in.items():
        pairs = [(name, privilege) for name, needed in of_tables.items() for privilege in needed]
        names, privileges = map(list, zip(*pairs, strict=True))
        for _, name, privilege in connection.execute(_LACKING, [names, privileges, schema, role]):
            tables[privilege].append(sql.Identifier(schema, name))
    for privilege, of in tables.items():
        line = sql.SQL("GRANT {} ON {} TO {};").format(sql.SQL(privilege), sql.SQL(", ").join(of), to)
        (reading if privilege == "SELECT" else writing).append(line.as_string())
    return reading, writing


def grant(connection: psycopg.Connection[Any], address: Address, role: str) -> None:
    """Grant `role` what the application needs, and remember it for the migrations to come.

    Raises
    ------
    StoreUnusable
        There is no such role, or something is another's to grant; says what a DBA must run.
    """
    if not connection.execute("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", [role]).rowcount:
        make = sql.SQL("CREATE ROLE {} LOGIN;").format(sql.Identifier(role)).as_string()
        raise faults.unusable(
            address,
            Text("没有数据库角色 {role}", "there is no database role {role}").format(role=role),
            faults.to_run([make]),
        )
    for lines in missing(connection, role):
        for line in lines:
            _try(connection, line)
    left = [line for lines in missing(connection, role) for line in lines]
    if left:
        why = Text("无权向角色 {role} 授权", "its owner may not grant all that role {role} needs")
        raise faults.unusable(address, why.format(role=role), faults.to_run(left))
    note = sql.SQL(
        "INSERT INTO {} VALUES ('app_role', %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    )
    connection.execute(note.format(ddl.table(ddl.META)), [role])


def grant_again(connection: psycopg.Connection[Any], address: Address) -> None:
    """Grant what a migration has added to the role that the store remembers."""
    known = sql.SQL(
        "SELECT m.value FROM {} m JOIN pg_catalog.pg_roles r ON r.rolname = m.value WHERE m.key = 'app_role'"
    )
    found = connection.execute(known.format(ddl.table(ddl.META))).fetchone()
    if found is not None:
        grant(connection, address, found[0])


def _try(connection: psycopg.Connection[Any], line: str) -> None:
    try:
        with connection.transaction():
            connection.execute(line.encode())
    except psycopg.errors.InsufficientPrivilege:
        pass  # what is still missing is said together
