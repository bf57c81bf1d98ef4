-- What people keep under a name: conditions, scenarios. Moments are microseconds since 1970, UTC.
CREATE TABLE wangge_access.saved (
  id text COLLATE "C" PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL REFERENCES wangge_access.accounts (id),
  shared bigint NOT NULL,
  content text COLLATE "C" NOT NULL,  -- JSON
  version bigint NOT NULL,            -- 1, 2, 3 …: who changes it says which one they have seen
  created bigint NOT NULL,
  changed bigint NOT NULL,
  changed_by text COLLATE "C" NOT NULL REFERENCES wangge_access.accounts (id),
  UNIQUE (account, kind, name_key)
);
CREATE INDEX saved_shared ON wangge_access.saved (shared, kind);
