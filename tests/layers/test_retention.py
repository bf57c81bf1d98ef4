"""What is due is said and erased, from the present and the past; what is kept of people is what the rules name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import apsw
import geopandas as gpd
import pandas as pd
import psycopg
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import app
from layers.access.access import open_access
from layers.cli import Context
from layers.retention import audit_before, due_days, held
from layers.rules import Retention
from layers.schema import LAYERS
from layers.store import Authorship, District, Store, create_store, open_store
from layers.stores.postgis.ddl import SCHEMA
from layers.text import Language, both
from layers.visitors import WHOLE_DISTRICT, operator
from tests.layers.store_contract import points
from tests.postgres import APP, Cluster
from tests.visitors import POLICY

TODAY = date(2025, 6, 30)
NOW = datetime(2025, 6, 30, 4, tzinfo=UTC)
RULES = POLICY.rules
PLACE = District(name="示例区", metric_crs="EPSG:4547")
SECRETS = {code: f"电话{code}号" for code in ("new", "closed", "old", "both", "gone", "cleared", "never")}


def complaints(**days: tuple[str, str | None]) -> gpd.GeoDataFrame:
    """Return complaints with their texts, opened and closed on these days."""
    return points(
        list(days),
        text=[SECRETS[code] for code in days],
        opened=[date.fromisoformat(opened) for opened, _ in days.values()],
        closed=[None if closed is None else date.fromisoformat(closed) for _, closed in days.values()],
    )


def fill(url: str) -> None:
    """Make a store of complaints of which some are due today, present and past."""
    with create_store(url, PLACE) as store:
        frame = complaints(
            new=("2024-01-01", "2024-02-01"),
            closed=("2023-06-01", "2023-07-01"),
            old=("2022-06-01", None),
            both=("2020-01-01", "2023-06-30"),
            gone=("2019-01-01", "2019-02-01"),
            cleared=("2019-01-01", "2019-02-01"),
            never=("2023-01-01", None),
        )
        store.insert("complaints", frame)
        store.update("complaints", frame.loc[["cleared"]].assign(text=None))
        store.delete("complaints", ["gone"])


def run(url: str, *arguments: str, language: Language = "en", now: datetime = NOW) -> Result:
    context = Context(
        store_url=url, language=language, data_folder=app.DATA_FOLDER, operator="clerk", clock=lambda: now
    )
    return CliRunner().invoke(app.wangge, ["retention", *arguments], obj=context)


def texts(store: Store) -> set[str]:
    """Return all texts that a store still has, at whatever version."""
    found: set[str] = set()
    for version in range(store.version() + 1):
        found |= set(store.read("complaints", version=version).text.dropna())
    return found


@pytest.fixture
def url(store_kind: str, new_url: Callable[[str], str]) -> str:
    made = new_url(store_kind)
    fill(made)
    return made


# When


@given(
    days=st.lists(st.tuples(st.none() | st.dates(), st.dates()), min_size=1, max_size=20),
    counts=st.tuples(st.integers(0, 4000), st.integers(0, 4000)),
)
def test_the_first_date_that_is_known_counts(
    days: list[tuple[date | None, date]], counts: tuple[int, int]
) -> None:
    frame = points(
        [f"{k:02}" for k in range(len(days))], opened=[o for _, o in days], closed=[c for c, _ in days]
    )
    rule = Retention(both("t"), (("closed", counts[0]), ("opened", counts[1])))
    found = due_days(frame, rule)
    for due, (closed, opened) in zip(found, days, strict=True):
        expected = (
            pd.Timestamp(opened).as_unit("s") + pd.Timedelta(days=counts[1])
            if closed is None
            else pd.Timestamp(closed).as_unit("s") + pd.Timedelta(days=counts[0])
        )
        assert due == expected


def test_what_has_no_date_is_never_due() -> None:
    frame = points(["a"])
    assert due_days(frame, Retention(both("t"), (("closed", 1),))).isna().all()
    assert due_days(frame, Retention(both("t"))).isna().all()


def test_what_is_due_is_told_by_day(url: str) -> None:
    with open_store(url, read_only=True) as store:
        [found] = held(store, RULES, TODAY)
    assert (found.layer.name, found.field.name) == ("complaints", "text")
    # Closed + 730 days, or opened + 1095: 2023-06-30 + 730 d is 2025-06-29, 2023-07-01 is today.
    assert found.due == ["both", "cleared", "closed", "gone", "old"]
    assert found.by_day == {
        date(2021, 1, 31): 2,
        date(2025, 5, 31): 1,
        date(2025, 6, 29): 1,
        date(2025, 6, 30): 1,
    }
    assert found.later == {date(2025, 12, 31): 1, date(2026, 1, 31): 1}
    assert found.undated == 0


def test_every_rule_names_dates_of_its_layer() -> None:
    for (layer, _), rule in RULES.fields.items():
        for name, days in rule.retention.after:
            assert LAYERS[layer].field(name).type == "date"
            assert days > 0
    erasable = {key for key, rule in RULES.fields.items() if rule.retention.after}
    for layer, name in erasable:
        assert not LAYERS[layer].field(name).required


# Showing and erasing


def test_show_says_what_is_due_and_changes_nothing(url: str) -> None:
    shown = run(url, "show")
    assert shown.exit_code == 0, shown.output
    assert "Today is 2025-06-30." in shown.stdout
    assert "kept of 7 features, due of 5" in shown.stdout
    assert "    since 2021-01-31: 2\n" in shown.stdout and "    on 2026-01-31: 1\n" in shown.stdout
    assert "诉求的诉求内容：办结两年后删去" in run(url, "show", language="zh").stdout
    as_json = json.loads(run(url, "show", "--json").stdout)
    assert as_json["today"] == "2025-06-30"
    assert as_json["fields"] == [
        {
            "layer": "complaints",
            "field": "text",
            "kept": 7,
            "due": 5,
            "undated": 0,
            "due_since": {"2021-01-31": 2, "2025-05-31": 1, "2025-06-29": 1, "2025-06-30": 1},
            "due_later": {"2025-12-31": 1, "2026-01-31": 1},
        }
    ]
    for told in (run(url, "run", "--dry-run"), shown):
        assert not any(secret in told.output for secret in SECRETS.values())
    assert "Text of Complaints: 5 would be erased" in run(url, "run", "--dry-run").stdout
    with open_store(url) as store:
        assert store.version() == 3
        assert texts(store) == set(SECRETS.values())


def test_run_erases_what_is_due_and_says_so(url: str) -> None:
    done = run(url, "run")
    assert done.exit_code == 0, done.output
    assert "Text of Complaints: 5 erased" in done.stdout
    assert ("VACUUM FULL" in done.stdout) == url.startswith("postgresql:")
    with open_store(url) as store:
        assert texts(store) == {SECRETS["new"], SECRETS["never"]}
        assert store.verify() == []
        [change] = store.changes(since=3)
        assert (change.codes, change.by) == (
            ("both", "cleared", "closed", "old"),
            Authorship(who="clerk", note="retention: text"),
        )
    with open_access(url, policy=POLICY) as access:
        [entry] = access.entries(action="retention")
        assert access.verify() == []
    assert (entry.layer, entry.fields, entry.count, entry.name) == ("complaints", ("text",), 5, "clerk")
    assert entry.codes == ("both", "cleared", "closed", "gone", "old")
    again = run(url, "run")
    assert "Text of Complaints: 0 erased" in again.stdout
    with open_store(url) as store:
        assert store.version() == 4
    with open_access(url, policy=POLICY) as access:
        assert len(access.entries(action="retention")) == 1


def test_the_days_are_counted_from_today_and_not_from_the_district_s_day(tmp_path: Path) -> None:
    url = f"gpkg:{tmp_path / 'store.gpkg'}"
    place = replace(PLACE, as_of=date(2019, 1, 1))
    with create_store(url, place) as store:
        store.insert("complaints", complaints(new=("2019-01-01", "2019-01-02")))
    noon = datetime(2021, 1, 1, 12, tzinfo=UTC)  # 730 days after closing, whatever the time zone
    for now, count in ((noon - timedelta(days=2), 0), (noon + timedelta(days=1), 1)):
        assert f"Text of Complaints: {count} erased" in run(url, "run", now=now).stdout


def test_nothing_is_erased_that_the_log_cannot_tell(tmp_path: Path) -> None:
    url = f"gpkg:{tmp_path / 'store.gpkg'}"
    fill(url)
    (tmp_path / "store.gpkg.access").write_bytes(b"no database at all" * 100)
    refused = run(url, "run")
    assert refused.exit_code == 1
    assert "so nothing was done" in refused.stderr
    with open_store(url) as store:
        assert texts(store) == set(SECRETS.values())


def test_on_a_server_the_owner_runs_it(postgres: Cluster, new_url: Callable[[str], str]) -> None:
    owner = new_url("postgis")
    fill(owner)
    by_app = postgres.url(unquote(urlsplit(owner).path[1:]), user=APP)
    grant = CliRunner().invoke(
        app.wangge,
        ["migrate", "--app-role", APP],
        obj=Context(store_url=owner, language="en", data_folder=app.DATA_FOLDER),
    )
    assert grant.exit_code == 0, grant.output
    refused = run(by_app, "run")
    assert refused.exit_code == 1
    assert "as the role that owns the store" in refused.stderr
    with open_access(owner, policy=POLICY) as access:
        assert access.entries(action="retention")[-1].outcome == "failed"
    with open_store(owner) as store:
        assert texts(store) == set(SECRETS.values())


# The access store's own


def test_old_entries_of_the_log_go_and_the_rest_verifies(url: str) -> None:
    moments = [NOW - timedelta(days=days) for days in (2000, 1100, 1096, 1000, 0)]
    clock = iter(moments)
    now = [NOW]
    with open_access(url, policy=POLICY, clock=lambda: now[0]) as access:
        for moment in clock:
            now[0] = moment
            access.record(operator("clerk"), "export", what=moment.date().isoformat())
        head = access.head()
    assert audit_before(RULES, NOW) == NOW - timedelta(days=1096)
    assert "entries of the audit log that are due: 2\n" in run(url, "show").stdout
    done = run(url, "run")
    assert "entries of the audit log that are due: 2 erased" in done.stdout
    with open_access(url, policy=POLICY) as access:
        assert access.verify() == []
        assert access.verify(expect=head) == []
        kept = [entry.what for entry in access.entries(action="export")]
        assert kept == [moment.date().isoformat() for moment in moments[2:]]
        assert [entry.count for entry in access.entries(action="retention") if not entry.layer] == [2]
    assert "entries of the audit log that are due: 0 erased" in run(url, "run").stdout


def test_what_is_over_goes(tmp_path: Path) -> None:
    url = f"gpkg:{tmp_path / 'store.gpkg'}"
    fill(url)
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    long_ago = NOW - timedelta(days=40)
    with open_access(url, policy=POLICY, clock=lambda: long_ago, hasher=cheap) as access:
        _, code = access.add_account("王工", "planner", WHOLE_DISTRICT, by=operator("root"))
        access.sign_in("王工", code, address="192.0.2.7", agent="Browser/1")
        access.keep_flow("state", {})
        access.make_start_link()
    shown = json.loads(run(url, "show", "--json").stdout)["access"]
    assert shown.keys() == {"sessions", "attempts", "addresses", "links", "flows", "audit"}
    assert (shown["sessions"], shown["links"], shown["flows"], shown["audit"]) == (1, 1, 1, 0)
    assert shown["attempts"] + shown["addresses"] > 0
    done = run(url, "run")
    assert done.exit_code == 0, done.output
    assert "sessions that are over: 1 erased" in done.stdout
    again = json.loads(run(url, "show", "--json").stdout)["access"]
    assert set(again.values()) == {0}
    with open_access(url, policy=POLICY) as access:
        assert [account.name for account in access.accounts()] == ["王工"]


# What is kept of people


def schemas(postgres: Cluster, folder: Path) -> dict[str, set[tuple[str, str]]]:
    """Return every column, with its type, of every table of every kind of store."""
    found: dict[str, set[tuple[str, str]]] = {}
    url = f"gpkg:{folder / 'store.gpkg'}"
    create_store(url, PLACE).close()
    open_access(url, policy=POLICY).close()
    for file in (folder / "store.gpkg", folder / "store.gpkg.access"):
        connection = apsw.Connection(str(file))
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            columns = connection.execute("SELECT name, type FROM pragma_table_info(?)", [table]).fetchall()
            found[f"{file.suffix}:{table}"] = {(str(name), str(kind).upper()) for name, kind in columns}
        connection.close()
    name = postgres.new_database()
    create_store(postgres.url(name), PLACE).close()
    query = (
        "SELECT table_schema || '.' || table_name, column_name, udt_name FROM information_schema.columns "
        f"WHERE table_schema LIKE '{SCHEMA}%'"
    )
    with psycopg.connect(postgres.url(name)) as connection_:
        for table, column, kind in connection_.execute(query.encode()):
            found.setdefault(f"postgis:{table}", set()).add((column, kind.upper()))
    postgres.drop(name)
    return found


_PLACES = re.compile(
    r"lon|lat(?!e|est)|coord|geom|position|track|point|wkb|_x$|_y$|minx|miny|accuracy|speed|heading"
)


def test_no_track_of_anybody_is_kept(postgres: Cluster, tmp_path: Path) -> None:
    """Places are kept of layers (and, in the history, of what they were): nowhere of who signs in or works."""
    tables = schemas(postgres, tmp_path)
    spatial = {
        table: {
            (name, kind)
            for name, kind in columns
            if _PLACES.search(name.lower()) or "GEOM" in kind or "POINT" in kind
        }
        for table, columns in tables.items()
    }
    spatial = {table: columns for table, columns in spatial.items() if columns}
    layers = {*LAYERS, "district"}
    about_places = {
        *(f".gpkg:{name}" for name in layers),
        *(f"postgis:{SCHEMA}.{name}" for name in layers),
        # Shapes that features had before, the standard's own tables, and indexes of the layers.
        ".gpkg:wangge_history",
        f"postgis:{SCHEMA}.history",
        *(table for table in tables if re.match(r"\.gpkg:(gpkg_|rtree_)", table)),
    }
    assert set(spatial) <= about_places
    assert {f".gpkg:{name}" for name in LAYERS} <= set(spatial)  # the search finds what there is
    accounts = {table for table in tables if table.startswith((".access:", "postgis:wangge_access."))}
    assert len(accounts) > 20
    for table in about_places:
        for name, _ in tables.get(table, ()):
            # Nor are places kept with who was there and when.
            assert not re.search(r"account|worker|user|actor|seen|device|session", name), (table, name)


def test_every_column_about_people_has_a_purpose_and_an_end(postgres: Cluster, tmp_path: Path) -> None:
    tables = schemas(postgres, tmp_path)
    technical = {
        "accounts": {"id", "name_key", "disabled", "provisional", "code_hash", "code_expires", "totp_pending",
                     "totp_step", "created"},
        "sessions": {"id", "token_hash", "account", "pending", "created", "expires"},
        "attempts": {"kind", "failures", "last", "until"},
        "known_addresses": {"account", "last"},
        "devices": {"id", "kind", "area", "created", "revoked", "code_hash", "code_expires", "token_hash"},
        "keys": {"id", "scopes", "created", "expires", "revoked", "token_hash"},
        "saved": {"id", "kind", "name_key", "shared", "version", "created"},
        "package_keys": {"kid", "private_pem", "created"},
        "audit": {"seq", "actor", "role", "via", "action", "layer", "count", "outcome", "previous", "hash"},
    }  # fmt: skip
    told = {table for table, _ in RULES.access}
    for table, others in technical.items():
        columns = {name for name, _ in tables[f".access:{table}"]}
        named = {name for of, name in RULES.access if of == table}
        assert named | others == columns, table
        assert not named & others
    without_people = {"head", "links", "flows", "recovery_codes", "audit_checkpoints", "meta", "package_keys"}
    for name in tables:
        kind, _, table = name.partition(":")
        if kind == ".access":
            assert table in told | without_people, name


def test_a_store_that_was_lived_in_is_erased_without_harm(store_url: str) -> None:
    with open_store(store_url) as store:
        lived_in_again = store.holding("complaints", "text").index.tolist()
        before = store.version()
    assert run(store_url, "run", now=datetime(2100, 1, 1, tzinfo=UTC)).exit_code == 0
    with open_store(store_url) as store:
        assert store.holding("complaints", "text").empty
        assert store.version() == before + 1 and lived_in_again
        assert store.verify() == []
