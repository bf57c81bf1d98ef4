-- The key that area packages are signed with; the newest counts.
CREATE TABLE wangge_access.package_keys (
  kid text COLLATE "C" PRIMARY KEY,
  private_pem text COLLATE "C" NOT NULL,
  created bigint NOT NULL
);
