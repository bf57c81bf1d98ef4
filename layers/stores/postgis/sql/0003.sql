-- The epoch, which tells this store's versions from those of a backup that is restored.
INSERT INTO wangge.meta VALUES
  ('epoch', left(replace(gen_random_uuid()::text, '-', ''), 16)),
  ('epoch_since', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
