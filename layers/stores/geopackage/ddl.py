"""The SQL of a Wangge GeoPackage: the standard's own tables, a table per layer, and Wangge's records.

GeoPackage 1.4 (OGC 12-128r19). Text columns are TEXT and never VARCHAR, which GDAL and QGIS drop
without a word.
"""

# ruff: noqa: S608 - names of tables and columns come from the schema; values are always bound

from __future__ import annotations

from layers.schema import Layer
from layers.stores.geopackage import outside
from layers.stores.rows import COLUMN_TYPES, ColumnType, geometry_type, value_fields

APPLICATION_ID = 0x47504B47
USER_VERSION = 10400
SCHEMA_VERSION = 4
SRS_ID = 4490

DISTRICT, META, CHANGES, HISTORY = "district", "wangge_meta", "wangge_changes", "wangge_history"
KEYS = "wangge_keys"

_SQL_TYPES: dict[ColumnType, str] = {"text": "TEXT", "integer": "INTEGER", "number": "DOUBLE", "date": "DATE"}

STANDARD_TABLES = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {USER_VERSION};
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY NOT NULL, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT
);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id)
);
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id)
);
CREATE TABLE gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
  scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name)
);
"""

WANGGE_TABLES = f"""
CREATE TABLE {DISTRICT} (
  fid INTEGER PRIMARY KEY NOT NULL, geom MULTIPOLYGON, name TEXT NOT NULL, name_en TEXT,
  metric_crs TEXT NOT NULL, as_of DATE, invented BOOLEAN NOT NULL
);
CREATE TABLE {META} (id INTEGER PRIMARY KEY NOT NULL, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL);
CREATE TABLE {CHANGES} (
  version INTEGER PRIMARY KEY NOT NULL, layer TEXT NOT NULL, codes TEXT NOT NULL, note TEXT NOT NULL,
  at TEXT, who TEXT NOT NULL DEFAULT '', effective DATE
);
CREATE TABLE {HISTORY} (
  id INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL, code TEXT NOT NULL, deleted BOOLEAN NOT NULL,
  wkb BLOB, before TEXT NOT NULL, CONSTRAINT {HISTORY}_one UNIQUE (version, code)
);
CREATE TABLE {KEYS} (
  id INTEGER PRIMARY KEY NOT NULL, key TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, version INTEGER NOT NULL,
  fields TEXT NOT NULL
);
"""


def layer_tables(layer: Layer) -> str:
    """Return the statements that make the layer's table, its indexes and its R-tree, without triggers."""
    name = layer.name
    columns = "".join(
        f', "{field.name}" {_SQL_TYPES[COLUMN_TYPES[field.type]]}' for field in value_fields(layer)
    )
    indexes = "".join(
        f'CREATE INDEX "{name}_{field.name}" ON "{name}" ("{field.name}");\n' for field in layer.parents
    )
    return f"""
    CREATE TABLE "{name}" (
      fid INTEGER PRIMARY KEY NOT NULL, geom {geometry_type(layer)} NOT NULL,
      code TEXT NOT NULL UNIQUE{columns}
    );
    {indexes}
    CREATE VIRTUAL TABLE "rtree_{name}_geom" USING rtree(id, minx, maxx, miny, maxy);
    """


def triggers(layer: Layer) -> dict[str, str]:
    """Return the triggers that other programs set off, by name."""
    return _r_tree_triggers(layer) | outside.triggers(layer)


def _r_tree_triggers(layer: Layer) -> dict[str, str]:
    """Return the R-tree's triggers by name, as the standard words them (annex F.3, since 1.4)."""
    table, tree = f'"{layer.name}"', f'"rtree_{layer.name}_geom"'
    box = "ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
    there, gone = (
        "(NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))",
        "(NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))",
    )
    was = "(OLD.geom NOTNULL AND NOT ST_IsEmpty(OLD.geom))"
    was_not = "(OLD.geom ISNULL OR ST_IsEmpty(OLD.geom))"
    parts = {
        "insert": f"AFTER INSERT ON {table} WHEN {there} "
        f"BEGIN INSERT OR REPLACE INTO {tree} VALUES (NEW.fid, {box}); END",
        "update6": f"AFTER UPDATE OF geom ON {table} WHEN OLD.fid = NEW.fid AND {there} AND {was} "
        f"BEGIN UPDATE {tree} SET minx = ST_MinX(NEW.geom), maxx = ST_MaxX(NEW.geom), "
        "miny = ST_MinY(NEW.geom), maxy = ST_MaxY(NEW.geom) WHERE id = NEW.fid; END",
        "update7": f"AFTER UPDATE OF geom ON {table} WHEN OLD.fid = NEW.fid AND {there} AND {was_not} "
        f"BEGIN INSERT INTO {tree} VALUES (NEW.fid, {box}); END",
        "update2": f"AFTER UPDATE OF geom ON {table} WHEN OLD.fid = NEW.fid AND {gone} "
        f"BEGIN DELETE FROM {tree} WHERE id = OLD.fid; END",
        "update5": f"AFTER UPDATE ON {table} WHEN OLD.fid != NEW.fid AND {there} "
        f"BEGIN DELETE FROM {tree} WHERE id = OLD.fid; "
        f"INSERT OR REPLACE INTO {tree} VALUES (NEW.fid, {box}); END",
        "update4": f"AFTER UPDATE ON {table} WHEN OLD.fid != NEW.fid AND {gone} "
        f"BEGIN DELETE FROM {tree} WHERE id IN (OLD.fid, NEW.fid); END",
        "delete": f"AFTER DELETE ON {table} WHEN OLD.geom NOT NULL "
        f"BEGIN DELETE FROM {tree} WHERE id = OLD.fid; END",
    }
    names = {part: f"rtree_{layer.name}_geom_{part}" for part in parts}
    return {names[part]: f'CREATE TRIGGER "{names[part]}" {body}' for part, body in parts.items()}
