"""The names and types of a Wangge schema in PostGIS; its tables are made by the numbered files in ``sql``."""

from __future__ import annotations

from psycopg import sql

from layers.schema import LAYERS, Layer
from layers.stores.rows import COLUMN_TYPES, ColumnType, value_fields

SCHEMA = "wangge"
SCHEMA_VERSION = 3
SRID = 4490
CHANNEL = "wangge"
"""Commits are announced here; who listens reads the version."""

DISTRICT, META, HEAD, CHANGES, HISTORY = "district", "meta", "head", "changes", "history"
KEYS = "keys"

SQL_TYPES: dict[ColumnType, str] = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "date": "date",
}

PRIVILEGES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(LAYERS, ("SELECT", "INSERT", "UPDATE", "DELETE")),
    CHANGES: ("SELECT", "INSERT"),
    HISTORY: ("SELECT", "INSERT"),
    KEYS: ("SELECT", "INSERT"),
    HEAD: ("SELECT", "UPDATE"),
    META: ("SELECT",),
    DISTRICT: ("SELECT",),
}
"""What the application's role may do; all else is the owner's."""


def table(name: str) -> sql.Identifier:
    """Return a table's name with its schema."""
    return sql.Identifier(SCHEMA, name)


def columns(layer: Layer) -> list[str]:
    """Return a layer's columns in the order of a row."""
    return ["code", "geom", *(field.name for field in value_fields(layer))]


def column_types(layer: Layer) -> list[str]:
    """Return the types of a row's values as they travel: geometry as WKB."""
    return ["text", "bytea", *(SQL_TYPES[COLUMN_TYPES[field.type]] for field in value_fields(layer))]
