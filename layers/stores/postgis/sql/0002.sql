-- Requests that were done, by the keys that their clients gave them: each is done once, however often it comes.
CREATE TABLE wangge.keys (
  key text COLLATE "C" PRIMARY KEY,
  digest text NOT NULL,
  version bigint NOT NULL,
  fields text NOT NULL
);
