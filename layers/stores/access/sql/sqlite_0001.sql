-- Accounts, sessions, devices, keys and the audit log. Moments are microseconds since 1970, UTC.
CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  generation TEXT NOT NULL,  -- another one after every write that changes who somebody is
  seq INTEGER NOT NULL,      -- of the last entry of the log, and its hash
  hash TEXT NOT NULL
) STRICT;
INSERT INTO head VALUES (1, '', 0, '');

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  role TEXT NOT NULL,
  area TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  provisional INTEGER NOT NULL DEFAULT 0,
  password_hash TEXT,
  code_hash TEXT,
  code_expires INTEGER,
  totp_secret TEXT,
  totp_pending TEXT,
  totp_step INTEGER,
  oidc_subject TEXT UNIQUE,
  created INTEGER NOT NULL,
  last_seen INTEGER
) STRICT;

CREATE TABLE recovery_codes (
  account TEXT NOT NULL REFERENCES accounts (id),
  code_hash TEXT NOT NULL,
  PRIMARY KEY (account, code_hash)
) STRICT;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL REFERENCES accounts (id),
  pending INTEGER NOT NULL,  -- 1 while the second factor is awaited
  created INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  address TEXT NOT NULL,
  agent TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_account ON sessions (account);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE links (
  token_hash TEXT PRIMARY KEY,
  expires INTEGER NOT NULL
) STRICT;

CREATE TABLE attempts (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  failures INTEGER NOT NULL,
  last INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (kind, subject)
) STRICT;
CREATE INDEX attempts_last ON attempts (last);

CREATE TABLE known_addresses (
  account TEXT NOT NULL REFERENCES accounts (id),
  address TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (account, address)
) STRICT;

CREATE TABLE devices (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  account TEXT REFERENCES accounts (id),
  area TEXT,
  created INTEGER NOT NULL,
  last_contact INTEGER,
  revoked INTEGER NOT NULL DEFAULT 0,
  code_hash TEXT UNIQUE,
  code_expires INTEGER,
  token_hash TEXT UNIQUE
) STRICT;

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES accounts (id),
  scopes TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_used INTEGER,
  expires INTEGER,
  revoked INTEGER NOT NULL DEFAULT 0,
  token_hash TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE flows (
  state_hash TEXT PRIMARY KEY,
  data TEXT NOT NULL,
  expires INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  via TEXT NOT NULL,
  action TEXT NOT NULL,
  what TEXT NOT NULL,
  layer TEXT NOT NULL,
  codes TEXT NOT NULL,
  count INTEGER,
  fields TEXT NOT NULL,
  purpose TEXT NOT NULL,
  origin TEXT NOT NULL,
  outcome TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;

-- Up to where the log has been deleted because it was due; the hash is that of the last deleted entry.
CREATE TABLE audit_checkpoints (
  seq INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

-- INSERT OR REPLACE would overwrite an entry without any trigger for deleting.
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
WHEN NEW.seq <= coalesce((SELECT max(seq) FROM audit), 0)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_checkpoints_only_grow BEFORE INSERT ON audit_checkpoints
WHEN NEW.seq <= coalesce((SELECT max(seq) FROM audit_checkpoints), 0)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_keeps_its_words BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_keeps_its_entries BEFORE DELETE ON audit
WHEN OLD.seq > coalesce((SELECT max(seq) FROM audit_checkpoints), 0)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_checkpoints_stay_as_they_are BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_checkpoints_stay BEFORE DELETE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
