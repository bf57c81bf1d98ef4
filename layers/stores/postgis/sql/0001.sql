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

-- Edits by other programs (QGIS, psql) become versions as well, one for each statement. Wangge's own sessions
-- have wangge.writing set to on and record their writes themselves.

-- Functions that run as the owner look only where nobody else can put anything: a temporary view named like a
-- catalogue, or a function in a schema open to all, would run with the owner's rights.
CREATE FUNCTION wangge.take_turn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM 1 FROM wangge.head FOR UPDATE;
  RETURN NULL;
END
$$;

CREATE FUNCTION wangge.refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'TRUNCATE would leave no history: use DELETE FROM %.%', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;

-- Writes what layers.stores.base would have: the codes touched, and of each feature that was there what is
-- replaced. It runs as the owner, so that who edits a layer needs no right to the records.
CREATE FUNCTION wangge.record_edit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 SET jit = off AS $$
DECLARE
  fields text;
  numbers text[];
  postgis text;
  side constant text := 'SELECT code, %4$I.ST_AsBinary(geom, ''NDR'') AS wkb,
    (SELECT row_to_json(r) FROM (SELECT %1$s) r) AS fields FROM %2$I WHERE %3$L';
BEGIN
  SELECT n.nspname INTO STRICT postgis FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis';
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum),
    coalesce(array_agg(attname::text) FILTER (WHERE atttypid = 'float8'::regtype), '{}')
  INTO fields, numbers FROM pg_catalog.pg_attribute
  WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('code', 'geom');
  EXECUTE 'WITH o AS ('
    || format(side, fields, CASE TG_OP WHEN 'INSERT' THEN 'new_rows' ELSE 'old_rows' END, TG_OP <> 'INSERT', postgis)
    || '), n AS ('
    || format(side, fields, CASE TG_OP WHEN 'DELETE' THEN 'old_rows' ELSE 'new_rows' END, TG_OP <> 'DELETE', postgis)
    || $sql$), touched AS (
      SELECT coalesce(o.code, n.code) AS code, o.code IS NOT NULL AS was, n.code IS NULL AS gone,
        CASE WHEN o.wkb IS DISTINCT FROM n.wkb THEN o.wkb END AS wkb, o.fields AS before, n.fields AS after
      FROM o FULL JOIN n ON n.code = o.code
      WHERE (o.wkb, o.fields::text) IS DISTINCT FROM (n.wkb, n.fields::text)
    ), head AS (
      UPDATE wangge.head SET version = version + 1 WHERE EXISTS (SELECT FROM touched) RETURNING version
    ), change AS (
      INSERT INTO wangge.changes (version, layer, codes, at, who, note)
      SELECT version, $1, (SELECT array_agg(code ORDER BY code) FROM touched), clock_timestamp(), session_user,
        'QGIS 或其他程序 / QGIS or another program' FROM head
    ), history AS (
      INSERT INTO wangge.history (version, code, deleted, wkb, before)
      SELECT version, code, gone, wkb, (
        SELECT '{' || coalesce(string_agg(to_json(f.key) || ':' || CASE
            -- A number that is no integer is one by its point; infinite ones are written as Python does.
            WHEN f.key = ANY ($2) AND f.value::text ~ '^-?[0-9]+$' THEN f.value || '.0'
            WHEN f.key = ANY ($2) THEN coalesce(f.value #>> '{}', 'null')
            ELSE f.value::text END, ',' ORDER BY f.place), '') || '}'
        FROM json_each(before) WITH ORDINALITY AS f(key, value, place)
        WHERE gone OR f.value::text IS DISTINCT FROM (after -> f.key)::text
      ) FROM head, touched WHERE was
    ) SELECT pg_notify('wangge', version::text) FROM head$sql$
  USING TG_TABLE_NAME, numbers;
  RETURN NULL;
END
$$;

DO $$
DECLARE
  layer text;
  event text;
  seen text;
  elsewhere constant text := 'FOR EACH STATEMENT WHEN (current_setting(''wangge.writing'', true) IS DISTINCT FROM ''on'')';
BEGIN
  FOREACH layer IN ARRAY ARRAY[
    'subdistricts', 'neighbourhoods', 'communities', 'buildings', 'management_cells',
    'mediation_rooms', 'facilities', 'complaints', 'backdrop'
  ] LOOP
    EXECUTE format('CREATE TRIGGER turn BEFORE INSERT OR UPDATE OR DELETE ON wangge.%I %s
      EXECUTE FUNCTION wangge.take_turn()', layer, elsewhere);
    EXECUTE format('CREATE TRIGGER kept BEFORE TRUNCATE ON wangge.%I
      EXECUTE FUNCTION wangge.refuse_truncate()', layer);
    FOR event, seen IN VALUES ('insert', 'NEW TABLE AS new_rows'), ('delete', 'OLD TABLE AS old_rows'),
      ('update', 'OLD TABLE AS old_rows NEW TABLE AS new_rows')
    LOOP
      EXECUTE format('CREATE TRIGGER record_%s AFTER %s ON wangge.%I REFERENCING %s %s
        EXECUTE FUNCTION wangge.record_edit()', event, event, layer, seen, elsewhere);
    END LOOP;
  END LOOP;
END
$$;
