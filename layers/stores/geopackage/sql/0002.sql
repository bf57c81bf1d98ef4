-- Schema 2: who wrote, when, from which day it holds; what each write replaced.
ALTER TABLE wangge_changes ADD COLUMN at TEXT;
ALTER TABLE wangge_changes ADD COLUMN who TEXT NOT NULL DEFAULT '';
ALTER TABLE wangge_changes ADD COLUMN effective DATE;
CREATE TABLE wangge_history (
  id INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL, code TEXT NOT NULL, deleted BOOLEAN NOT NULL,
  wkb BLOB, before TEXT NOT NULL, CONSTRAINT wangge_history_one UNIQUE (version, code)
);
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)
  SELECT 'wangge_history', 'attributes', 'wangge_history', '历史 / History', last_change
  FROM gpkg_contents WHERE table_name = 'wangge_changes';
-- What earlier writes replaced was not kept.
INSERT INTO wangge_meta (key, value)
  SELECT 'history_since', coalesce(max(version), 0) FROM wangge_changes;
