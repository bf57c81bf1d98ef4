-- The first schema. Frozen: what changes later stands in the files that follow.
-- Run in one transaction, with the schema of PostGIS in the search path.

CREATE TABLE wangge.meta (key text PRIMARY KEY, value text NOT NULL);

-- The version of the last write. Who writes locks this row first: that is the turn of writers.
CREATE TABLE wangge.head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version bigint NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE wangge.district (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  geom geometry(MultiPolygon, 4490),
  name text NOT NULL,
  name_en text,
  metric_crs text NOT NULL,
  as_of date,
  invented boolean NOT NULL
);

CREATE TABLE wangge.changes (
  version bigint PRIMARY KEY,
  layer text NOT NULL,
  codes text[] COLLATE "C" NOT NULL,
  at timestamptz,
  who text NOT NULL,
  note text NOT NULL,
  effective date
);
-- Each write pays for its own entries; with a list of pending ones, one write in thousands would pay for all.
CREATE INDEX changes_codes ON wangge.changes USING gin (codes) WITH (fastupdate = off);

-- What a version replaced: the whole feature where it deleted it, else what it changed of it.
CREATE TABLE wangge.history (
  version bigint NOT NULL,
  code text COLLATE "C" NOT NULL,
  deleted boolean NOT NULL,
  wkb bytea,
  before text NOT NULL,
  PRIMARY KEY (version, code)
);

CREATE TABLE wangge.subdistricts (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(MultiPolygon, 4490) NOT NULL,
  name text,
  name_en text
);
CREATE INDEX subdistricts_geom ON wangge.subdistricts USING gist (geom);

CREATE TABLE wangge.neighbourhoods (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(MultiPolygon, 4490) NOT NULL,
  name text,
  name_en text,
  subdistrict text
);
CREATE INDEX neighbourhoods_geom ON wangge.neighbourhoods USING gist (geom);
CREATE INDEX neighbourhoods_subdistrict ON wangge.neighbourhoods (subdistrict);

CREATE TABLE wangge.communities (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(Geometry, 4490) NOT NULL,
  name text,
  name_en text,
  subdistrict text,
  neighbourhood text,
  kind text,
  households bigint,
  residents bigint,
  floating_residents bigint,
  residents_definition text,
  residents_source text,
  residents_date date,
  property_management text,
  property_management_date date,
  property_company text,
  contract_start date,
  contract_end date,
  property_staff bigint,
  owners_committee text,
  owners_committee_date date,
  committee_term_start date,
  committee_term_end date,
  residents_group text,
  residents_group_date date,
  party_branch text,
  party_branch_date date,
  party_branch_mode text,
  party_work text,
  party_work_date date,
  pilot text,
  pilot_date date
);
CREATE INDEX communities_geom ON wangge.communities USING gist (geom);
CREATE INDEX communities_subdistrict ON wangge.communities (subdistrict);
CREATE INDEX communities_neighbourhood ON wangge.communities (neighbourhood);

CREATE TABLE wangge.buildings (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(Geometry, 4490) NOT NULL,
  name text,
  name_en text,
  subdistrict text,
  neighbourhood text,
  community text,
  use text,
  floors bigint,
  floor_area_m2 double precision,
  entrance_lon double precision,
  entrance_lat double precision
);
CREATE INDEX buildings_geom ON wangge.buildings USING gist (geom);
CREATE INDEX buildings_subdistrict ON wangge.buildings (subdistrict);
CREATE INDEX buildings_neighbourhood ON wangge.buildings (neighbourhood);
CREATE INDEX buildings_community ON wangge.buildings (community);

CREATE TABLE wangge.management_cells (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(MultiPolygon, 4490) NOT NULL,
  scheme text,
  name text,
  name_en text,
  subdistrict text,
  neighbourhood text
);
CREATE INDEX management_cells_geom ON wangge.management_cells USING gist (geom);
CREATE INDEX management_cells_subdistrict ON wangge.management_cells (subdistrict);
CREATE INDEX management_cells_neighbourhood ON wangge.management_cells (neighbourhood);

CREATE TABLE wangge.mediation_rooms (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(Geometry, 4490) NOT NULL,
  name text,
  name_en text,
  subdistrict text,
  neighbourhood text,
  community text,
  mediators bigint,
  shared text,
  opened date,
  entrance_lon double precision,
  entrance_lat double precision
);
CREATE INDEX mediation_rooms_geom ON wangge.mediation_rooms USING gist (geom);
CREATE INDEX mediation_rooms_subdistrict ON wangge.mediation_rooms (subdistrict);
CREATE INDEX mediation_rooms_neighbourhood ON wangge.mediation_rooms (neighbourhood);
CREATE INDEX mediation_rooms_community ON wangge.mediation_rooms (community);

CREATE TABLE wangge.facilities (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(Geometry, 4490) NOT NULL,
  name text,
  name_en text,
  kind text,
  subdistrict text,
  neighbourhood text,
  community text,
  opened date,
  entrance_lon double precision,
  entrance_lat double precision
);
CREATE INDEX facilities_geom ON wangge.facilities USING gist (geom);
CREATE INDEX facilities_subdistrict ON wangge.facilities (subdistrict);
CREATE INDEX facilities_neighbourhood ON wangge.facilities (neighbourhood);
CREATE INDEX facilities_community ON wangge.facilities (community);

CREATE TABLE wangge.complaints (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(Point, 4490) NOT NULL,
  category text,
  demand_group text,
  opened date,
  opened_time text,
  closed date,
  subdistrict text,
  neighbourhood text,
  community text,
  channel text,
  text text
);
CREATE INDEX complaints_geom ON wangge.complaints USING gist (geom);
CREATE INDEX complaints_subdistrict ON wangge.complaints (subdistrict);
CREATE INDEX complaints_neighbourhood ON wangge.complaints (neighbourhood);
CREATE INDEX complaints_community ON wangge.complaints (community);

CREATE TABLE wangge.backdrop (
  code text COLLATE "C" PRIMARY KEY,
  geom geometry(MultiPolygon, 4490) NOT NULL,
  name text,
  name_en text,
  kind text
);
CREATE INDEX backdrop_geom ON wangge.backdrop USING gist (geom);

INSERT INTO wangge.head (version) VALUES (0);
INSERT INTO wangge.meta VALUES ('history_since', '0');
