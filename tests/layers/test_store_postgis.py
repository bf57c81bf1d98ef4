"""What only the store in PostGIS has: URLs with passwords, sessions, tables, migrations, Arrow, others' SQL."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import date
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import pytest
import shapely
from hypothesis import HealthCheck, settings

from layers.amending import Found
from layers.imports import working
from layers.problems import BadParameter, StoreConflict, StoreMissing, StoreUnusable, WanggeError
from layers.schema import LAYERS, Layer
from layers.store import (
    Authorship,
    StoreSettings,
    create_store,
    migrate_store,
    open_store,
    shown_url,
)
from layers.stores.postgis import arrow, ddl
from layers.stores.postgis import store as postgis
from layers.stores.postgis.addresses import address_of
from layers.stores.postgis.connection import connect
from layers.stores.postgis.store import PostGISStore
from layers.stores.rows import COLUMN_TYPES, geometry_type, value_fields
from tests.district import small_district
from tests.layers.store_contract import PLACE, SOUTH, WEST, frame_of, points, same
from tests.postgres import BY_PASSWORD, PASSWORD, Cluster

ON_ONE_STORE = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
PLAIN = StoreSettings()


@pytest.fixture
def store(postgis_url: str) -> Iterator[PostGISStore]:
    with create_store(postgis_url, PLACE) as made:
        assert isinstance(made, PostGISStore)
        yield made


def test_a_store_that_has_lost_its_epoch_matches_nothing(
    store: PostGISStore, postgres: Cluster, database: str
) -> None:
    """Least of all a request that names none."""
    store.insert("complaints", points(["a"]))
    postgres.execute("DELETE FROM wangge.meta WHERE key = 'epoch'", database)
    told: list[Found] = []

    def look(found: Found) -> dict[str, Any]:
        told.append(found)
        return {}

    store.amend("complaints", "a", look, based_on=1, epoch="")
    assert [(found.base_known, found.restored) for found in told] == [(False, store.epoch())]
    with pytest.raises(StoreConflict, match="epoch"):
        working._refuse_another_epoch(store, "")


# URLs and passwords


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:hush@h:5432/d", "postgresql://u@h:5432/d"),
        ("postgres://u:hush@h1:1,h2:2/d", "postgres://u@h1:1,h2:2/d"),
        ("postgresql://u:hush@[::1]/d?sslmode=require", "postgresql://u@[::1]/d?sslmode=require"),
        ("postgresql:///d?user=u&password=hush&host=%2Ftmp", "postgresql:///d?user=u&host=%2Ftmp"),
        ("postgresql://h/d?pass%77ord=hush", "postgresql://h/d"),
        ("postgresql://h/d?sslpassword=hush&sslmode=require", "postgresql://h/d?sslmode=require"),
        ("postgresql://u@/district%20one?host=%2Ftmp", "postgresql://u@/district%20one?host=%2Ftmp"),
        ("postgresql://u:hush?hush@h/d", "postgresql://u@h/d"),
        ("postgresql://", "postgresql://"),
    ],
)
def test_a_url_is_shown_without_passwords(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    address = address_of(url, PLAIN)
    assert address.shown == shown
    assert "hush" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hu@hush@h/d",
        "postgresql://u:hu/hush@h/d",
        "postgresql://u:hu?hu/hush@h/d",
        "postgresql://u:%hush@h/d",
        "postgresql://u:hush",
        "postgresql://u@h/d?pasword=hush",
        "postgresql://u@h/d?hush",
    ],
)
def test_of_a_url_that_could_be_misread_nothing_is_shown(url: str) -> None:
    assert "hush" not in shown_url(url)
    with pytest.raises(BadParameter, match="%40") as caught:
        open_store(url)
    assert "hush" not in all_told(caught.value)


def test_what_a_url_leaves_out_is_named_as_libpq_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", "clerk")
    monkeypatch.delenv("PGDATABASE", raising=False)
    named = address_of("postgresql:///luohu", PLAIN)
    assert (named.user, named.database) == ("clerk", "luohu")
    bare = address_of("postgresql://db.example", PLAIN)
    assert (bare.user, bare.database) == ("clerk", "clerk")


def all_told(error: BaseException) -> str:
    """Return all that a log would hold of an error, with what caused it."""
    told = "".join(traceback.format_exception(error)) + repr(error)
    if isinstance(error, WanggeError):
        told += error.sentence("zh") + error.sentence("en")
    return told


@pytest.mark.parametrize("place", ["before the host", "among the parameters"])
def test_passwords_are_nowhere_to_be_read(
    postgres: Cluster, database: str, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    caplog.set_level(logging.DEBUG)

    def url(password: str) -> str:
        if place == "before the host":
            return postgres.url(database, user=BY_PASSWORD, password=password)
        return f"{postgres.url(database, user=BY_PASSWORD)}&password={quote(password, safe='')}"

    owner, wrong = postgres.url(database), "hush, but wrong"
    create_store(owner, PLACE, layers={"complaints": points(["a"])}).close()
    postgis.grant_to(owner, BY_PASSWORD, settings=PLAIN)
    caught: list[BaseException] = []

    def fail(error: type[Exception], match: str, what: Callable[[], object]) -> None:
        with pytest.raises(error, match=match) as raised:
            what()
        caught.append(raised.value)

    fail(StoreUnusable, "does not let this user in", lambda: open_store(url(wrong)))
    layer = LAYERS["complaints"]
    fail(StoreUnusable, "user in", lambda: arrow.read_all(address_of(url(wrong), PLAIN), PLAIN, layer))
    fail(StoreUnusable, "permission", lambda: postgis.grant_to(url(PASSWORD), BY_PASSWORD, settings=PLAIN))
    with open_store(url(PASSWORD)) as store:
        assert store.url == shown_url(url(PASSWORD)) == postgres.url(database, user=BY_PASSWORD)
        store.upsert("complaints", points(["b"]))
        seen = repr(store) + repr(vars(store)) + repr(store.changes(since=0))
        pid = postgres.execute(
            f"SELECT pg_terminate_backend(pid), application_name FROM pg_stat_activity WHERE usename = '{BY_PASSWORD}'"
        )
        assert pid == [(True, "wangge")]
        assert len(store.read("complaints")) == 2
    fail(ValueError, "closed", store.version)
    seen += "".join(map(all_told, caught)) + caplog.text
    assert BY_PASSWORD in seen
    assert "hush" not in seen


# Sessions

# What a database says, and what a session says all the same.
_CONTRARY = {
    "TimeZone": ("'Asia/Shanghai'", "UTC"),
    "DateStyle": ("'German, DMY'", "ISO, YMD"),
    "extra_float_digits": ("-5", "1"),
    "bytea_output": ("'escape'", "hex"),
    "standard_conforming_strings": ("off", "on"),
    "default_transaction_isolation": ("'serializable'", "read committed"),
    "default_transaction_deferrable": ("on", "off"),
    "default_transaction_read_only": ("on", "off"),
    "synchronous_commit": ("off", "on"),
    "search_path": ("'pg_temp'", "wangge, gis"),
    "client_encoding": ("'GB18030'", "UTF8"),
    "jit": ("on", "off"),
}


def test_answers_do_not_depend_on_the_servers_settings(
    postgres: Cluster, database: str, postgis_url: str
) -> None:
    postgres.execute("CREATE SCHEMA gis", database)
    postgres.execute("DROP EXTENSION postgis; CREATE EXTENSION postgis SCHEMA gis", database)
    postgres.execute(f'GRANT USAGE ON SCHEMA gis TO PUBLIC; ALTER DATABASE "{database}" RESET ALL', database)
    for name, (value, _) in _CONTRARY.items():
        postgres.execute(f'ALTER DATABASE "{database}" SET {name} = {value}')
    with connect(address_of(postgis_url, PLAIN), PLAIN) as connection:
        said = {name: connection.execute(f"SHOW {name}".encode()).fetchone() for name in _CONTRARY}
    assert said == {name: (kept,) for name, (_, kept) in _CONTRARY.items()}
    place, layers = small_district()
    with create_store(postgis_url, place, layers=layers) as store:
        assert store.district() == place
        for name in LAYERS:
            same(store.read(name), layers[name].sort_index())
            same(store.read(name, bbox=(-180, -90, 180, 90)), layers[name].sort_index())
        written = frame_of(
            "mediation_rooms", ["a"], [shapely.Point(1 / 3, 2 / 3)], opened=[date(2019, 3, 4)], name=["'\\"]
        )
        store.upsert("mediation_rooms", written, by=Authorship(effective=date(2019, 3, 4)))
        same(store.read("mediation_rooms", codes=["a"]), written)
        assert store.changes(since=store.version() - 1)[0].by.effective == date(2019, 3, 4)
        assert store.verify() == []


@pytest.mark.parametrize(
    ("server", "kept"), [("off", "on"), ("on", "on"), ("local", "local"), ("remote_apply", "remote_apply")]
)
def test_an_acknowledged_write_is_on_disk_whatever_the_server_would_do(
    postgres: Cluster, database: str, postgis_url: str, server: str, kept: str
) -> None:
    postgres.execute(f'ALTER DATABASE "{database}" SET synchronous_commit = {server}')
    with connect(address_of(postgis_url, PLAIN), PLAIN) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == (kept,)


# Tables

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, coalesce(c.collname, '')
FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_INDEXES = "SELECT regexp_replace(indexdef, '.* USING ', '') FROM pg_indexes WHERE tablename = %s"
_SHAPES = {"POINT": "Point", "MULTIPOLYGON": "MultiPolygon", "GEOMETRY": "Geometry"}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_the_tables_are_as_the_schema_describes_them(
    store: PostGISStore, postgres: Cluster, database: str, layer: Layer
) -> None:
    with postgres.connect(database) as connection:
        columns = connection.execute(_COLUMNS, [f"wangge.{layer.name}"]).fetchall()
        indexes = {definition for (definition,) in connection.execute(_INDEXES, [layer.name])}
    fields = value_fields(layer)
    kinds = [ddl.SQL_TYPES[COLUMN_TYPES[field.type]] for field in fields]
    assert columns == [
        ("code", "text", True, "C"),
        ("geom", f"geometry({_SHAPES[geometry_type(layer)]},4490)", True, ""),
        *(
            (field.name, kind, False, "default" if kind == "text" else "")
            for field, kind in zip(fields, kinds, strict=True)
        ),
    ]
    assert indexes == {"btree (code)", "gist (geom)", *(f"btree ({field.name})" for field in layer.parents)}


def test_a_store_made_with_rows_has_the_same_tables_as_one_without(
    store: PostGISStore, postgres: Cluster, database: str
) -> None:
    place, layers = small_district()
    filled = postgres.new_database()
    create_store(postgres.url(filled), place, layers=layers).close()
    described = [
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'wangge' ORDER BY 1, 2",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname !~ '^pg_' ORDER BY 1, 2",
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
    ]
    for query in described:
        found = postgres.execute(query, filled)
        assert len(found) >= len(LAYERS)
        assert found == postgres.execute(query, database)
    postgres.drop(filled)


def test_the_planner_is_told_of_a_new_store_what_is_looked_for(
    postgis_url: str, postgres: Cluster, database: str
) -> None:
    square = shapely.box(WEST, SOUTH, WEST + 1, SOUTH + 1)
    layers = {"buildings": frame_of("buildings", ["a", "b"], [square, square], community=["x", "y"])}
    create_store(postgis_url, PLACE, layers=layers).close()
    told = "SELECT attname FROM pg_stats WHERE schemaname = 'wangge' AND tablename = 'buildings'"
    assert {"code", "geom", "community"} <= {name for (name,) in postgres.execute(told, database)}
    rows = "SELECT reltuples FROM pg_class WHERE oid IN ('wangge.buildings'::regclass, 'wangge.changes'::regclass)"
    assert sorted(postgres.execute(rows, database)) == [(1,), (2,)]


def test_there_is_a_file_for_each_schema() -> None:
    names = sorted(path.name for path in files(ddl.__package__ or "").joinpath("sql").iterdir())
    assert names == [f"{number:04}.sql" for number in range(1, ddl.SCHEMA_VERSION + 1)]


# Reading

INF = float("inf")


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ((-INF, -INF, INF, INF), 1),
        ((1, 1, 1, 1), 1),
        ((2, 2, 1, 1), 0),
        ((0, 3, 4, 0), 0),
        ((0.6, 0.6, 0.4, 0.4), 0),
        ((float("nan"), 0, 1, 1), 0),
        ((1 + 1e-12, 0, 2, 2), 0),
    ],
)
def test_a_box_finds_what_meets_it(store: PostGISStore, box: tuple[float, ...], found: int) -> None:
    store.upsert("buildings", frame_of("buildings", ["a"], [shapely.box(0, 0, 1, 1)]))
    assert len(store.read("buildings", bbox=(box[0], box[1], box[2], box[3]))) == found


def test_a_code_that_no_server_can_hold_is_nobodys(store: PostGISStore) -> None:
    store.upsert("complaints", points(["a"]))
    strange = ["a", "a\0", "\ud800", "x" * 5000]
    assert store.read("complaints", codes=strange).index.tolist() == ["a"]
    assert store.history("complaints", "a\0") == []
    assert store.delete("complaints", strange) == 1


def test_many_rows_are_updated_as_few_are(store: PostGISStore) -> None:
    codes = [f"{number:04}" for number in range(1000)]
    store.insert("complaints", points(codes, category="before", opened=date(2020, 1, 2)))
    after = points(codes, category="after", opened=None)
    written = store.upsert("complaints", after, by=Authorship(who="many"))
    assert (written.updated, written.version) == (1000, 2)
    same(store.read("complaints"), after)
    assert store.read("complaints", version=1).category.unique().tolist() == ["before"]
    assert [edit.kind for edit in store.history("complaints", "0500")] == ["insert", "update"]
    store.delete("complaints", codes)
    assert len(store.read("complaints", version=2, codes=codes[:600])) == 600
    assert store.verify() == []


def test_there_is_nothing_in_a_database_that_is_there(postgis_url: str) -> None:
    with pytest.raises(StoreMissing, match="wangge init"):
        open_store(postgis_url)
    with pytest.raises(StoreMissing):
        migrate_store(postgis_url)
    with pytest.raises(StoreMissing):
        postgis.grant_to(postgis_url, "somebody", settings=PLAIN)
