-- Schema 2: who wrote, when, from which day it holds; what each write replaced.
ALTER TABLE wangge_changes ADD COLUMN at TEXT;
ALTER TABLE wangge_changes ADD COLUMN who TEXT NOT NULL DEFAULT '';
ALTER TABLE wangge_changes ADD COLUMN effective DATE;
CREATE TABLE wangge_history (
  id INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL, code TEXT NOT NULL, deleted BOOLEAN NOT NULL,
  wkb BLOB, before TEXT NOT NULL, CONSTRAINT wangge_history_one UNIQUE (version, code)
);
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)
  SELECT 'wangge_history', 'attributes', 'wangge_history', '历史 / History', last_change
  FROM gpkg_contents WHERE table_name = 'wangge_changes';
-- What earlier writes replaced was not kept.
INSERT INTO wangge_meta (key, value)
  SELECT 'history_since', coalesce(max(version), 0) FROM wangge_changes;
-- Other programs' edits become versions as well.
CREATE TRIGGER "wangge_subdistricts_insert" AFTER INSERT ON "subdistricts"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'subdistricts', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_subdistricts_update" AFTER UPDATE ON "subdistricts"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."name", OLD."name_en")
  IS NOT (NEW."name", NEW."name_en"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'subdistricts', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."name" IS NOT NEW."name", ',"name":' || json_quote(OLD."name"), '') ||
    iif(OLD."name_en" IS NOT NEW."name_en", ',"name_en":' || json_quote(OLD."name_en"), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_subdistricts_recode" AFTER UPDATE ON "subdistricts"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'subdistricts', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_subdistricts_delete" AFTER DELETE ON "subdistricts"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'subdistricts', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_neighbourhoods_insert" AFTER INSERT ON "neighbourhoods"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'neighbourhoods', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_neighbourhoods_update" AFTER UPDATE ON "neighbourhoods"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."name", OLD."name_en", OLD."subdistrict")
  IS NOT (NEW."name", NEW."name_en", NEW."subdistrict"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'neighbourhoods', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."name" IS NOT NEW."name", ',"name":' || json_quote(OLD."name"), '') ||
    iif(OLD."name_en" IS NOT NEW."name_en", ',"name_en":' || json_quote(OLD."name_en"), '') ||
    iif(OLD."subdistrict" IS NOT NEW."subdistrict", ',"subdistrict":' || json_quote(OLD."subdistrict"), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_neighbourhoods_recode" AFTER UPDATE ON "neighbourhoods"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'neighbourhoods', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_neighbourhoods_delete" AFTER DELETE ON "neighbourhoods"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'neighbourhoods', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_communities_insert" AFTER INSERT ON "communities"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'communities', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_communities_update" AFTER UPDATE ON "communities"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."name", OLD."name_en", OLD."subdistrict", OLD."neighbourhood", OLD."kind", OLD."households",
    OLD."residents", OLD."floating_residents", OLD."residents_definition", OLD."residents_source",
    OLD."residents_date", OLD."property_management", OLD."property_management_date",
    OLD."property_company", OLD."contract_start", OLD."contract_end", OLD."property_staff",
    OLD."owners_committee", OLD."owners_committee_date", OLD."committee_term_start",
    OLD."committee_term_end", OLD."residents_group", OLD."residents_group_date", OLD."party_branch",
    OLD."party_branch_date", OLD."party_branch_mode", OLD."party_work", OLD."party_work_date",
    OLD."pilot", OLD."pilot_date")
  IS NOT (NEW."name", NEW."name_en", NEW."subdistrict", NEW."neighbourhood", NEW."kind", NEW."households",
    NEW."residents", NEW."floating_residents", NEW."residents_definition", NEW."residents_source",
    NEW."residents_date", NEW."property_management", NEW."property_management_date",
    NEW."property_company", NEW."contract_start", NEW."contract_end", NEW."property_staff",
    NEW."owners_committee", NEW."owners_committee_date", NEW."committee_term_start",
    NEW."committee_term_end", NEW."residents_group", NEW."residents_group_date", NEW."party_branch",
    NEW."party_branch_date", NEW."party_branch_mode", NEW."party_work", NEW."party_work_date",
    NEW."pilot", NEW."pilot_date"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'communities', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."name" IS NOT NEW."name", ',"name":' || json_quote(OLD."name"), '') ||
    iif(OLD."name_en" IS NOT NEW."name_en", ',"name_en":' || json_quote(OLD."name_en"), '') ||
    iif(OLD."subdistrict" IS NOT NEW."subdistrict", ',"subdistrict":' || json_quote(OLD."subdistrict"), '') ||
    iif(OLD."neighbourhood" IS NOT NEW."neighbourhood", ',"neighbourhood":' || json_quote(OLD."neighbourhood"), '') ||
    iif(OLD."kind" IS NOT NEW."kind", ',"kind":' || json_quote(OLD."kind"), '') ||
    iif(OLD."households" IS NOT NEW."households", ',"households":' || json_quote(OLD."households"), '') ||
    iif(OLD."residents" IS NOT NEW."residents", ',"residents":' || json_quote(OLD."residents"), '') ||
    iif(OLD."floating_residents" IS NOT NEW."floating_residents", ',"floating_residents":' || json_quote(OLD."floating_residents"), '') ||
    iif(OLD."residents_definition" IS NOT NEW."residents_definition", ',"residents_definition":' || json_quote(OLD."residents_definition"), '') ||
    iif(OLD."residents_source" IS NOT NEW."residents_source", ',"residents_source":' || json_quote(OLD."residents_source"), '') ||
    iif(OLD."residents_date" IS NOT NEW."residents_date", ',"residents_date":' || json_quote(OLD."residents_date"), '') ||
    iif(OLD."property_management" IS NOT NEW."property_management", ',"property_management":' || json_quote(OLD."property_management"), '') ||
    iif(OLD."property_management_date" IS NOT NEW."property_management_date", ',"property_management_date":' || json_quote(OLD."property_management_date"), '') ||
    iif(OLD."property_company" IS NOT NEW."property_company", ',"property_company":' || json_quote(OLD."property_company"), '') ||
    iif(OLD."contract_start" IS NOT NEW."contract_start", ',"contract_start":' || json_quote(OLD."contract_start"), '') ||
    iif(OLD."contract_end" IS NOT NEW."contract_end", ',"contract_end":' || json_quote(OLD."contract_end"), '') ||
    iif(OLD."property_staff" IS NOT NEW."property_staff", ',"property_staff":' || json_quote(OLD."property_staff"), '') ||
    iif(OLD."owners_committee" IS NOT NEW."owners_committee", ',"owners_committee":' || json_quote(OLD."owners_committee"), '') ||
    iif(OLD."owners_committee_date" IS NOT NEW."owners_committee_date", ',"owners_committee_date":' || json_quote(OLD."owners_committee_date"), '') ||
    iif(OLD."committee_term_start" IS NOT NEW."committee_term_start", ',"committee_term_start":' || json_quote(OLD."committee_term_start"), '') ||
    iif(OLD."committee_term_end" IS NOT NEW."committee_term_end", ',"committee_term_end":' || json_quote(OLD."committee_term_end"), '') ||
    iif(OLD."residents_group" IS NOT NEW."residents_group", ',"residents_group":' || json_quote(OLD."residents_group"), '') ||
    iif(OLD."residents_group_date" IS NOT NEW."residents_group_date", ',"residents_group_date":' || json_quote(OLD."residents_group_date"), '') ||
    iif(OLD."party_branch" IS NOT NEW."party_branch", ',"party_branch":' || json_quote(OLD."party_branch"), '') ||
    iif(OLD."party_branch_date" IS NOT NEW."party_branch_date", ',"party_branch_date":' || json_quote(OLD."party_branch_date"), '') ||
    iif(OLD."party_branch_mode" IS NOT NEW."party_branch_mode", ',"party_branch_mode":' || json_quote(OLD."party_branch_mode"), '') ||
    iif(OLD."party_work" IS NOT NEW."party_work", ',"party_work":' || json_quote(OLD."party_work"), '') ||
    iif(OLD."party_work_date" IS NOT NEW."party_work_date", ',"party_work_date":' || json_quote(OLD."party_work_date"), '') ||
    iif(OLD."pilot" IS NOT NEW."pilot", ',"pilot":' || json_quote(OLD."pilot"), '') ||
    iif(OLD."pilot_date" IS NOT NEW."pilot_date", ',"pilot_date":' || json_quote(OLD."pilot_date"), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_communities_recode" AFTER UPDATE ON "communities"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'communities', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"kind":' || json_quote(OLD."kind") ||
    ',"households":' || json_quote(OLD."households") ||
    ',"residents":' || json_quote(OLD."residents") ||
    ',"floating_residents":' || json_quote(OLD."floating_residents") ||
    ',"residents_definition":' || json_quote(OLD."residents_definition") ||
    ',"residents_source":' || json_quote(OLD."residents_source") ||
    ',"residents_date":' || json_quote(OLD."residents_date") ||
    ',"property_management":' || json_quote(OLD."property_management") ||
    ',"property_management_date":' || json_quote(OLD."property_management_date") ||
    ',"property_company":' || json_quote(OLD."property_company") ||
    ',"contract_start":' || json_quote(OLD."contract_start") ||
    ',"contract_end":' || json_quote(OLD."contract_end") ||
    ',"property_staff":' || json_quote(OLD."property_staff") ||
    ',"owners_committee":' || json_quote(OLD."owners_committee") ||
    ',"owners_committee_date":' || json_quote(OLD."owners_committee_date") ||
    ',"committee_term_start":' || json_quote(OLD."committee_term_start") ||
    ',"committee_term_end":' || json_quote(OLD."committee_term_end") ||
    ',"residents_group":' || json_quote(OLD."residents_group") ||
    ',"residents_group_date":' || json_quote(OLD."residents_group_date") ||
    ',"party_branch":' || json_quote(OLD."party_branch") ||
    ',"party_branch_date":' || json_quote(OLD."party_branch_date") ||
    ',"party_branch_mode":' || json_quote(OLD."party_branch_mode") ||
    ',"party_work":' || json_quote(OLD."party_work") ||
    ',"party_work_date":' || json_quote(OLD."party_work_date") ||
    ',"pilot":' || json_quote(OLD."pilot") ||
    ',"pilot_date":' || json_quote(OLD."pilot_date") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_communities_delete" AFTER DELETE ON "communities"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'communities', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"kind":' || json_quote(OLD."kind") ||
    ',"households":' || json_quote(OLD."households") ||
    ',"residents":' || json_quote(OLD."residents") ||
    ',"floating_residents":' || json_quote(OLD."floating_residents") ||
    ',"residents_definition":' || json_quote(OLD."residents_definition") ||
    ',"residents_source":' || json_quote(OLD."residents_source") ||
    ',"residents_date":' || json_quote(OLD."residents_date") ||
    ',"property_management":' || json_quote(OLD."property_management") ||
    ',"property_management_date":' || json_quote(OLD."property_management_date") ||
    ',"property_company":' || json_quote(OLD."property_company") ||
    ',"contract_start":' || json_quote(OLD."contract_start") ||
    ',"contract_end":' || json_quote(OLD."contract_end") ||
    ',"property_staff":' || json_quote(OLD."property_staff") ||
    ',"owners_committee":' || json_quote(OLD."owners_committee") ||
    ',"owners_committee_date":' || json_quote(OLD."owners_committee_date") ||
    ',"committee_term_start":' || json_quote(OLD."committee_term_start") ||
    ',"committee_term_end":' || json_quote(OLD."committee_term_end") ||
    ',"residents_group":' || json_quote(OLD."residents_group") ||
    ',"residents_group_date":' || json_quote(OLD."residents_group_date") ||
    ',"party_branch":' || json_quote(OLD."party_branch") ||
    ',"party_branch_date":' || json_quote(OLD."party_branch_date") ||
    ',"party_branch_mode":' || json_quote(OLD."party_branch_mode") ||
    ',"party_work":' || json_quote(OLD."party_work") ||
    ',"party_work_date":' || json_quote(OLD."party_work_date") ||
    ',"pilot":' || json_quote(OLD."pilot") ||
    ',"pilot_date":' || json_quote(OLD."pilot_date") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_buildings_insert" AFTER INSERT ON "buildings"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'buildings', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_buildings_update" AFTER UPDATE ON "buildings"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."name", OLD."name_en", OLD."subdistrict", OLD."neighbourhood", OLD."community", OLD."use",
    OLD."floors", OLD."floor_area_m2", OLD."entrance_lon", OLD."entrance_lat")
  IS NOT (NEW."name", NEW."name_en", NEW."subdistrict", NEW."neighbourhood", NEW."community", NEW."use",
    NEW."floors", NEW."floor_area_m2", NEW."entrance_lon", NEW."entrance_lat"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'buildings', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."name" IS NOT NEW."name", ',"name":' || json_quote(OLD."name"), '') ||
    iif(OLD."name_en" IS NOT NEW."name_en", ',"name_en":' || json_quote(OLD."name_en"), '') ||
    iif(OLD."subdistrict" IS NOT NEW."subdistrict", ',"subdistrict":' || json_quote(OLD."subdistrict"), '') ||
    iif(OLD."neighbourhood" IS NOT NEW."neighbourhood", ',"neighbourhood":' || json_quote(OLD."neighbourhood"), '') ||
    iif(OLD."community" IS NOT NEW."community", ',"community":' || json_quote(OLD."community"), '') ||
    iif(OLD."use" IS NOT NEW."use", ',"use":' || json_quote(OLD."use"), '') ||
    iif(OLD."floors" IS NOT NEW."floors", ',"floors":' || json_quote(OLD."floors"), '') ||
    iif(OLD."floor_area_m2" IS NOT NEW."floor_area_m2", ',"floor_area_m2":' || iif(typeof(OLD."floor_area_m2") = 'real',
    replace(printf('%!.20g', OLD."floor_area_m2"), 'Inf', 'Infinity'), json_quote(OLD."floor_area_m2")), '') ||
    iif(OLD."entrance_lon" IS NOT NEW."entrance_lon", ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")), '') ||
    iif(OLD."entrance_lat" IS NOT NEW."entrance_lat", ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_buildings_recode" AFTER UPDATE ON "buildings"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'buildings', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"community":' || json_quote(OLD."community") ||
    ',"use":' || json_quote(OLD."use") ||
    ',"floors":' || json_quote(OLD."floors") ||
    ',"floor_area_m2":' || iif(typeof(OLD."floor_area_m2") = 'real',
    replace(printf('%!.20g', OLD."floor_area_m2"), 'Inf', 'Infinity'), json_quote(OLD."floor_area_m2")) ||
    ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")) ||
    ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_buildings_delete" AFTER DELETE ON "buildings"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'buildings', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"community":' || json_quote(OLD."community") ||
    ',"use":' || json_quote(OLD."use") ||
    ',"floors":' || json_quote(OLD."floors") ||
    ',"floor_area_m2":' || iif(typeof(OLD."floor_area_m2") = 'real',
    replace(printf('%!.20g', OLD."floor_area_m2"), 'Inf', 'Infinity'), json_quote(OLD."floor_area_m2")) ||
    ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")) ||
    ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_management_cells_insert" AFTER INSERT ON "management_cells"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'management_cells', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_management_cells_update" AFTER UPDATE ON "management_cells"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."scheme", OLD."name", OLD."name_en", OLD."subdistrict", OLD."neighbourhood")
  IS NOT (NEW."scheme", NEW."name", NEW."name_en", NEW."subdistrict", NEW."neighbourhood"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'management_cells', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."scheme" IS NOT NEW."scheme", ',"scheme":' || json_quote(OLD."scheme"), '') ||
    iif(OLD."name" IS NOT NEW."name", ',"name":' || json_quote(OLD."name"), '') ||
    iif(OLD."name_en" IS NOT NEW."name_en", ',"name_en":' || json_quote(OLD."name_en"), '') ||
    iif(OLD."subdistrict" IS NOT NEW."subdistrict", ',"subdistrict":' || json_quote(OLD."subdistrict"), '') ||
    iif(OLD."neighbourhood" IS NOT NEW."neighbourhood", ',"neighbourhood":' || json_quote(OLD."neighbourhood"), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_management_cells_recode" AFTER UPDATE ON "management_cells"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'management_cells', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"scheme":' || json_quote(OLD."scheme") ||
    ',"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_management_cells_delete" AFTER DELETE ON "management_cells"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'management_cells', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"scheme":' || json_quote(OLD."scheme") ||
    ',"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_mediation_rooms_insert" AFTER INSERT ON "mediation_rooms"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'mediation_rooms', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_mediation_rooms_update" AFTER UPDATE ON "mediation_rooms"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."name", OLD."name_en", OLD."subdistrict", OLD."neighbourhood", OLD."community", OLD."mediators",
    OLD."shared", OLD."opened", OLD."entrance_lon", OLD."entrance_lat")
  IS NOT (NEW."name", NEW."name_en", NEW."subdistrict", NEW."neighbourhood", NEW."community", NEW."mediators",
    NEW."shared", NEW."opened", NEW."entrance_lon", NEW."entrance_lat"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'mediation_rooms', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."name" IS NOT NEW."name", ',"name":' || json_quote(OLD."name"), '') ||
    iif(OLD."name_en" IS NOT NEW."name_en", ',"name_en":' || json_quote(OLD."name_en"), '') ||
    iif(OLD."subdistrict" IS NOT NEW."subdistrict", ',"subdistrict":' || json_quote(OLD."subdistrict"), '') ||
    iif(OLD."neighbourhood" IS NOT NEW."neighbourhood", ',"neighbourhood":' || json_quote(OLD."neighbourhood"), '') ||
    iif(OLD."community" IS NOT NEW."community", ',"community":' || json_quote(OLD."community"), '') ||
    iif(OLD."mediators" IS NOT NEW."mediators", ',"mediators":' || json_quote(OLD."mediators"), '') ||
    iif(OLD."shared" IS NOT NEW."shared", ',"shared":' || json_quote(OLD."shared"), '') ||
    iif(OLD."opened" IS NOT NEW."opened", ',"opened":' || json_quote(OLD."opened"), '') ||
    iif(OLD."entrance_lon" IS NOT NEW."entrance_lon", ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")), '') ||
    iif(OLD."entrance_lat" IS NOT NEW."entrance_lat", ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_mediation_rooms_recode" AFTER UPDATE ON "mediation_rooms"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'mediation_rooms', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"community":' || json_quote(OLD."community") ||
    ',"mediators":' || json_quote(OLD."mediators") ||
    ',"shared":' || json_quote(OLD."shared") ||
    ',"opened":' || json_quote(OLD."opened") ||
    ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")) ||
    ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_mediation_rooms_delete" AFTER DELETE ON "mediation_rooms"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'mediation_rooms', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"community":' || json_quote(OLD."community") ||
    ',"mediators":' || json_quote(OLD."mediators") ||
    ',"shared":' || json_quote(OLD."shared") ||
    ',"opened":' || json_quote(OLD."opened") ||
    ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")) ||
    ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_facilities_insert" AFTER INSERT ON "facilities"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'facilities', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_facilities_update" AFTER UPDATE ON "facilities"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."name", OLD."name_en", OLD."kind", OLD."subdistrict", OLD."neighbourhood", OLD."community",
    OLD."opened", OLD."entrance_lon", OLD."entrance_lat")
  IS NOT (NEW."name", NEW."name_en", NEW."kind", NEW."subdistrict", NEW."neighbourhood", NEW."community",
    NEW."opened", NEW."entrance_lon", NEW."entrance_lat"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'facilities', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."name" IS NOT NEW."name", ',"name":' || json_quote(OLD."name"), '') ||
    iif(OLD."name_en" IS NOT NEW."name_en", ',"name_en":' || json_quote(OLD."name_en"), '') ||
    iif(OLD."kind" IS NOT NEW."kind", ',"kind":' || json_quote(OLD."kind"), '') ||
    iif(OLD."subdistrict" IS NOT NEW."subdistrict", ',"subdistrict":' || json_quote(OLD."subdistrict"), '') ||
    iif(OLD."neighbourhood" IS NOT NEW."neighbourhood", ',"neighbourhood":' || json_quote(OLD."neighbourhood"), '') ||
    iif(OLD."community" IS NOT NEW."community", ',"community":' || json_quote(OLD."community"), '') ||
    iif(OLD."opened" IS NOT NEW."opened", ',"opened":' || json_quote(OLD."opened"), '') ||
    iif(OLD."entrance_lon" IS NOT NEW."entrance_lon", ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")), '') ||
    iif(OLD."entrance_lat" IS NOT NEW."entrance_lat", ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_facilities_recode" AFTER UPDATE ON "facilities"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'facilities', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"kind":' || json_quote(OLD."kind") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"community":' || json_quote(OLD."community") ||
    ',"opened":' || json_quote(OLD."opened") ||
    ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")) ||
    ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_facilities_delete" AFTER DELETE ON "facilities"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'facilities', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"kind":' || json_quote(OLD."kind") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"community":' || json_quote(OLD."community") ||
    ',"opened":' || json_quote(OLD."opened") ||
    ',"entrance_lon":' || iif(typeof(OLD."entrance_lon") = 'real',
    replace(printf('%!.20g', OLD."entrance_lon"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lon")) ||
    ',"entrance_lat":' || iif(typeof(OLD."entrance_lat") = 'real',
    replace(printf('%!.20g', OLD."entrance_lat"), 'Inf', 'Infinity'), json_quote(OLD."entrance_lat")) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_complaints_insert" AFTER INSERT ON "complaints"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'complaints', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_complaints_update" AFTER UPDATE ON "complaints"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."category", OLD."demand_group", OLD."opened", OLD."opened_time", OLD."closed",
    OLD."subdistrict", OLD."neighbourhood", OLD."community", OLD."channel", OLD."text")
  IS NOT (NEW."category", NEW."demand_group", NEW."opened", NEW."opened_time", NEW."closed",
    NEW."subdistrict", NEW."neighbourhood", NEW."community", NEW."channel", NEW."text"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'complaints', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."category" IS NOT NEW."category", ',"category":' || json_quote(OLD."category"), '') ||
    iif(OLD."demand_group" IS NOT NEW."demand_group", ',"demand_group":' || json_quote(OLD."demand_group"), '') ||
    iif(OLD."opened" IS NOT NEW."opened", ',"opened":' || json_quote(OLD."opened"), '') ||
    iif(OLD."opened_time" IS NOT NEW."opened_time", ',"opened_time":' || json_quote(OLD."opened_time"), '') ||
    iif(OLD."closed" IS NOT NEW."closed", ',"closed":' || json_quote(OLD."closed"), '') ||
    iif(OLD."subdistrict" IS NOT NEW."subdistrict", ',"subdistrict":' || json_quote(OLD."subdistrict"), '') ||
    iif(OLD."neighbourhood" IS NOT NEW."neighbourhood", ',"neighbourhood":' || json_quote(OLD."neighbourhood"), '') ||
    iif(OLD."community" IS NOT NEW."community", ',"community":' || json_quote(OLD."community"), '') ||
    iif(OLD."channel" IS NOT NEW."channel", ',"channel":' || json_quote(OLD."channel"), '') ||
    iif(OLD."text" IS NOT NEW."text", ',"text":' || json_quote(OLD."text"), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_complaints_recode" AFTER UPDATE ON "complaints"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'complaints', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"category":' || json_quote(OLD."category") ||
    ',"demand_group":' || json_quote(OLD."demand_group") ||
    ',"opened":' || json_quote(OLD."opened") ||
    ',"opened_time":' || json_quote(OLD."opened_time") ||
    ',"closed":' || json_quote(OLD."closed") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"community":' || json_quote(OLD."community") ||
    ',"channel":' || json_quote(OLD."channel") ||
    ',"text":' || json_quote(OLD."text") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_complaints_delete" AFTER DELETE ON "complaints"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'complaints', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"category":' || json_quote(OLD."category") ||
    ',"demand_group":' || json_quote(OLD."demand_group") ||
    ',"opened":' || json_quote(OLD."opened") ||
    ',"opened_time":' || json_quote(OLD."opened_time") ||
    ',"closed":' || json_quote(OLD."closed") ||
    ',"subdistrict":' || json_quote(OLD."subdistrict") ||
    ',"neighbourhood":' || json_quote(OLD."neighbourhood") ||
    ',"community":' || json_quote(OLD."community") ||
    ',"channel":' || json_quote(OLD."channel") ||
    ',"text":' || json_quote(OLD."text") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_backdrop_insert" AFTER INSERT ON "backdrop"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'backdrop', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
END;
CREATE TRIGGER "wangge_backdrop_update" AFTER UPDATE ON "backdrop"
WHEN OLD.code = NEW.code AND (substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
  IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2))
  OR (OLD."name", OLD."name_en", OLD."kind")
  IS NOT (NEW."name", NEW."name_en", NEW."kind"))
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'backdrop', json_array(NEW.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 0,
    iif(substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2))
    IS NOT substr(NEW.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(NEW.geom, 4, 1)), 2), 2)),
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)), NULL),
    '{' || substr(
    iif(OLD."name" IS NOT NEW."name", ',"name":' || json_quote(OLD."name"), '') ||
    iif(OLD."name_en" IS NOT NEW."name_en", ',"name_en":' || json_quote(OLD."name_en"), '') ||
    iif(OLD."kind" IS NOT NEW."kind", ',"kind":' || json_quote(OLD."kind"), ''), 2) || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_backdrop_recode" AFTER UPDATE ON "backdrop"
WHEN OLD.code != NEW.code
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'backdrop', json_array(min(OLD.code, NEW.code), max(OLD.code, NEW.code)),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"kind":' || json_quote(OLD."kind") || '}'
  FROM wangge_changes;
END;
CREATE TRIGGER "wangge_backdrop_delete" AFTER DELETE ON "backdrop"
BEGIN
  INSERT INTO wangge_changes (version, layer, codes, note, at)
  SELECT coalesce(max(version), 0) + 1, 'backdrop', json_array(OLD.code),
    'QGIS 或其他程序 / QGIS or another program', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM wangge_changes;
  INSERT INTO wangge_history (version, code, deleted, wkb, before)
  SELECT max(version), OLD.code, 1,
    substr(OLD.geom, 9 + substr('00003232484848486464', 1 + 2 * substr(hex(substr(OLD.geom, 4, 1)), 2), 2)),
    '{"name":' || json_quote(OLD."name") ||
    ',"name_en":' || json_quote(OLD."name_en") ||
    ',"kind":' || json_quote(OLD."kind") || '}'
  FROM wangge_changes;
END;
