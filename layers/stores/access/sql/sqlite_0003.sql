-- The key that area packages are signed with; the newest counts.
CREATE TABLE package_keys (
  kid TEXT PRIMARY KEY,
  private_pem TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;
