-- What people keep under a name: conditions, scenarios. Moments are microseconds since 1970, UTC.
CREATE TABLE saved (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES accounts (id),
  shared INTEGER NOT NULL,
  content TEXT NOT NULL,     -- JSON
  version INTEGER NOT NULL,  -- 1, 2, 3 …: who changes it says which one they have seen
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  changed_by TEXT NOT NULL REFERENCES accounts (id),
  UNIQUE (account, kind, name_key)
) STRICT;
CREATE INDEX saved_shared ON saved (shared, kind);
