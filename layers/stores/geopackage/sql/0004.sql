-- Schema 4: the epoch, which tells this store's versions from those of a backup that is restored.
INSERT INTO wangge_meta (key, value) VALUES
  ('epoch', lower(hex(randomblob(8)))),
  ('epoch_since', strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z');
