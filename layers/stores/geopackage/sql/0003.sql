-- Schema 3: requests that were done, by the keys that their clients gave them.
CREATE TABLE wangge_keys (
  id INTEGER PRIMARY KEY NOT NULL, key TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, version INTEGER NOT NULL,
  fields TEXT NOT NULL
);
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)
  SELECT 'wangge_keys', 'attributes', 'wangge_keys', '请求 / Requests', last_change
  FROM gpkg_contents WHERE table_name = 'wangge_changes';
