-- Accounts, sessions, devices, keys and the audit log. Moments are microseconds since 1970, UTC.
CREATE TABLE wangge_access.meta (
  one bigint PRIMARY KEY CHECK (one = 1),
  schema_version bigint NOT NULL
);
INSERT INTO wangge_access.meta VALUES (1, 0);

-- Who writes locks this row first: that is the turn of writers.
CREATE TABLE wangge_access.head (
  one bigint PRIMARY KEY CHECK (one = 1),
  generation text COLLATE "C" NOT NULL,  -- another one after every write that changes who somebody is
  seq bigint NOT NULL,      -- of the last entry of the log, and its hash
  hash text COLLATE "C" NOT NULL
) WITH (fillfactor = 10);
INSERT INTO wangge_access.head VALUES (1, '', 0, '');

CREATE TABLE wangge_access.accounts (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  name_key text COLLATE "C" NOT NULL UNIQUE,
  title text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  area text COLLATE "C" NOT NULL,
  disabled bigint NOT NULL DEFAULT 0,
  provisional bigint NOT NULL DEFAULT 0,
  password_hash text COLLATE "C",
  code_hash text COLLATE "C",
  code_expires bigint,
  totp_secret text COLLATE "C",
  totp_pending text COLLATE "C",
  totp_step bigint,
  oidc_subject text COLLATE "C" UNIQUE,
  created bigint NOT NULL,
  last_seen bigint
);

CREATE TABLE wangge_access.recovery_codes (
  account text COLLATE "C" NOT NULL REFERENCES wangge_access.accounts (id),
  code_hash text COLLATE "C" NOT NULL,
  PRIMARY KEY (account, code_hash)
);

CREATE TABLE wangge_access.sessions (
  id text COLLATE "C" PRIMARY KEY,
  token_hash text COLLATE "C" NOT NULL UNIQUE,
  account text COLLATE "C" NOT NULL REFERENCES wangge_access.accounts (id),
  pending bigint NOT NULL,  -- 1 while the second factor is awaited
  created bigint NOT NULL,
  last_seen bigint NOT NULL,
  expires bigint NOT NULL,
  address text COLLATE "C" NOT NULL,
  agent text COLLATE "C" NOT NULL
);
CREATE INDEX sessions_account ON wangge_access.sessions (account);
CREATE INDEX sessions_expires ON wangge_access.sessions (expires);

CREATE TABLE wangge_access.links (
  token_hash text COLLATE "C" PRIMARY KEY,
  expires bigint NOT NULL
);

CREATE TABLE wangge_access.attempts (
  kind text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  failures bigint NOT NULL,
  last bigint NOT NULL,
  until bigint NOT NULL,
  PRIMARY KEY (kind, subject)
);
CREATE INDEX attempts_last ON wangge_access.attempts (last);

CREATE TABLE wangge_access.known_addresses (
  account text COLLATE "C" NOT NULL REFERENCES wangge_access.accounts (id),
  address text COLLATE "C" NOT NULL,
  last bigint NOT NULL,
  PRIMARY KEY (account, address)
);

CREATE TABLE wangge_access.devices (
  id text COLLATE "C" PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  title text COLLATE "C" NOT NULL,
  account text COLLATE "C" REFERENCES wangge_access.accounts (id),
  area text COLLATE "C",
  created bigint NOT NULL,
  last_contact bigint,
  revoked bigint NOT NULL DEFAULT 0,
  code_hash text COLLATE "C" UNIQUE,
  code_expires bigint,
  token_hash text COLLATE "C" UNIQUE
);

CREATE TABLE wangge_access.keys (
  id text COLLATE "C" PRIMARY KEY,
  title text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL REFERENCES wangge_access.accounts (id),
  scopes text COLLATE "C" NOT NULL,
  created bigint NOT NULL,
  last_used bigint,
  expires bigint,
  revoked bigint NOT NULL DEFAULT 0,
  token_hash text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE wangge_access.flows (
  state_hash text COLLATE "C" PRIMARY KEY,
  data text COLLATE "C" NOT NULL,
  expires bigint NOT NULL
);

CREATE TABLE wangge_access.audit (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  actor text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  via text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  what text COLLATE "C" NOT NULL,
  layer text COLLATE "C" NOT NULL,
  codes text COLLATE "C" NOT NULL,
  count bigint,
  fields text COLLATE "C" NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  origin text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  previous text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL
);

-- Up to where the log has been deleted because it was due; the hash is that of the last deleted entry.
CREATE TABLE wangge_access.audit_checkpoints (
  seq bigint PRIMARY KEY,
  hash text COLLATE "C" NOT NULL,
  at bigint NOT NULL
);

CREATE FUNCTION wangge_access.audit_is_append_only() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
BEGIN
  IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit'
    AND OLD.seq <= coalesce((SELECT max(seq) FROM wangge_access.audit_checkpoints), 0) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_keeps_its_entries BEFORE UPDATE OR DELETE ON wangge_access.audit
  FOR EACH ROW EXECUTE FUNCTION wangge_access.audit_is_append_only();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON wangge_access.audit
  FOR EACH STATEMENT EXECUTE FUNCTION wangge_access.audit_is_append_only();
CREATE TRIGGER audit_checkpoints_stay BEFORE UPDATE OR DELETE ON wangge_access.audit_checkpoints
  FOR EACH ROW EXECUTE FUNCTION wangge_access.audit_is_append_only();
CREATE TRIGGER audit_checkpoints_are_not_emptied BEFORE TRUNCATE ON wangge_access.audit_checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION wangge_access.audit_is_append_only();
