"""The tablet's side of the API: what it is told, the package it takes along, and when it has to wipe it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from layers.areas import features_in_area
from layers.problems import StoreBusy
from layers.rules import Action
from layers.snapshot import Snapshot
from layers.standards import Standards
from layers.store import Store, create_store
from layers.text import Text
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.district import GUARDED_TEXT, small_district
from tests.visitors import POLICY, app_for
from tests.webmap.access import OPERATOR, PASSWORD, Browser, People, people
from tests.webmap.decoding import decoded
from tests.webmap.packages import Refused, manifest_end, opened, tiles_of
from webmap import field_package
from webmap.field_package import MAX_ZOOM, MIN_ZOOM, TILE_LAYERS, places_of, zooms_of
from webmap.schemas import SCHEMAS

CELLS = Area("management_cells", frozenset({"G05", "G06"}))
OTHER_CELLS = Area("management_cells", frozenset({"G08"}))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def there(small_store: Store, standards: Standards, tmp_path: Path) -> Iterator[People]:
    with people(small_store, standards, tmp_path) as found:
        yield found


@pytest.fixture
def snapshot(there: People) -> Snapshot:
    found: Snapshot = there.app.extensions["wangge"].snapshots.current()
    return found


def worker(there: People, name: str = "li", area: Area = CELLS, role: str = "grid_worker") -> Browser:
    """Add an account of the area and sign in with it."""
    _, code = there.access.add_account(name, role, area, by=OPERATOR)
    done = there.access.sign_in(name, code, address="192.0.2.1", agent="")
    there.access.sign_out(there.access.change_password(name, "", PASSWORD, session=done.token))
    return there.browser_of(name)


def tablet(there: People, name: str = "li") -> tuple[FlaskClient, str]:
    """Enrol a tablet of somebody's and return it with its id."""
    device, code = there.access.add_device("tablet", "T", account=name, by=OPERATOR)
    token = there.access.enrol(code)
    client = there.app.test_client()
    client.set_cookie("wangge-device", token or "")
    return client, device.id


def shape(name: str, answer: Any) -> None:
    Draft202012Validator(SCHEMAS[name] | {"components": {"schemas": SCHEMAS}}).validate(answer)


def told(client: Any, path: str, **query: Any) -> Any:
    response = client.get(path, query_string=query)
    assert response.status_code == 200, response.data
    assert "no-store" in response.headers["Cache-Control"]
    return response.get_json()


# ---- who may what


def may(role: str, action: Action) -> bool:
    """Say by the file of rules alone."""
    roles = {one["id"]: one for one in json.loads((ROOT / "data" / "roles.json").read_text("utf-8"))["roles"]}
    return any(rule["action"] == action for rule in roles[role]["rules"])


@pytest.mark.parametrize("role", [role for role in POLICY.rules.roles if role != "operator"])
def test_every_role_gets_what_its_rules_say(small_store: Store, standards: Standards, role: str) -> None:
    area = CELLS if role in ("grid_worker", "community_staff", "subdistrict_staff") else WHOLE_DISTRICT
    who = RESIDENT if role == "resident" else Visitor(role, area, account="0" * 12, name=role, via="session")
    client = app_for(small_store, standards, who).test_client()
    refused = 401 if role == "resident" else 403
    for path in ("/api/field", "/api/field/tasks"):
        assert client.get(path).status_code == (200 if may(role, "verify") else refused)
    # There are no accounts here: who may is told that there are no packages.
    assert client.get("/api/field/package").status_code == (404 if may(role, "package") else refused)
    state = client.get("/api/field/status").get_json()["state"]
    assert state == ("signed_out" if role == "resident" else "ok" if may(role, "package") else "not_allowed")


def test_the_roles_that_take_packages_are_the_two_that_work_outside() -> None:
    assert {role for role in POLICY.rules.roles if may(role, "package")} == {"grid_worker", "community_staff"}


def test_what_a_worker_is_told(there: People, snapshot: Snapshot) -> None:
    client = worker(there).client
    found, asked = told(client, "/api/field"), told(client, "/api/field/tasks")
    shape("Field", found)
    shape("FieldTasks", asked)
    assert found["counts"] == {
        "tasks": len(asked["tasks"]),
        "communities": 3,
        "buildings": int(features_in_area(snapshot, "buildings", CELLS).sum()),
        "mediation_rooms": 1,
        "facilities": 4,
    }
    assert found["area"]["title"] == {"zh": "第5网格、第6网格", "en": "第5网格, 第6网格"}
    assert (found["version"], found["day"]) == (snapshot.version, "2019-12-31")
    assert found["server_time"] == "2025-06-30T08:00:00Z"
    assert found["may"] == {"verify": True, "change": False, "package": True}
    assert found["package"]["key"] == there.access.package_key().public
    west, south, east, north = found["area"]["bbox"]
    for one in asked["tasks"]:
        assert west < one["lon"] < east
        assert south < one["lat"] < north


# ---- the package


def taken(client: Any, there: People, **query: Any) -> tuple[dict[str, Any], dict[str, bytes], bytes]:
    """Take the package along; return its manifest, its parts and all of its bytes."""
    response = client.get("/api/field/package", query_string=query)
    assert response.status_code == 200, response.data
    content = response.get_data()
    assert response.headers["Content-Type"] == "application/vnd.wangge.package"
    assert int(response.headers["Content-Length"]) == len(content)
    assert "no-store" in response.headers["Cache-Control"]
    key = told(client, "/api/field")["package"]["key"]
    return *opened(content, key, there.clock()), content


def test_a_package_holds_and_says_what_is_in_it(there: People) -> None:
    worker(there)
    client, id_ = tablet(there)
    manifest, parts, _ = taken(client, there)
    found = told(client, "/api/field")
    assert (manifest["format"], manifest["format_version"]) == ("wangge-package", 1)
    assert manifest["holder"] == found["holder"] == id_
    assert (manifest["made"], manifest["expires"]) == ("2025-06-30T08:00:00Z", "2025-07-07T08:00:00Z")
    assert (manifest["kid"], manifest["version"]) == (found["package"]["key"]["kid"], found["version"])
    assert manifest["epoch"] == found["epoch"] == there.app.extensions["wangge"].store.epoch().id
    field = json.loads(parts["field.json"])
    assert field["area"] == found["area"]
    assert field["counts"] == found["counts"]
    assert manifest["counts"] == found["counts"] | {"tiles": len(tiles_of(parts))}
    assert json.loads(parts["tasks.json"]) == told(client, "/api/field/tasks")
    assert set(parts) == {
        *("field.json", "tasks.json", "tiles.json", "tiles.bin"),
        *(f"{layer}.json" for layer in ("communities", "management_cells", "mediation_rooms", "facilities")),
    }


def test_a_package_has_all_of_its_area_and_nothing_of_another(there: People, snapshot: Snapshot) -> None:
    client = worker(there).client
    _, parts, content = taken(client, there)
    inside = {
        layer: {str(code) for code in snapshot.frame(layer).index[features_in_area(snapshot, layer, CELLS)]}
        for layer in TILE_LAYERS
    }
    for layer in ("communities", "management_cells"):
        assert {one["id"] for one in json.loads(parts[f"{layer}.json"])["features"]} == inside[layer]
    for layer in ("mediation_rooms", "facilities"):
        assert {one["id"] for one in json.loads(parts[f"{layer}.json"])["features"]} >= inside[layer]
    assert {one["code"] for one in json.loads(parts["tasks.json"])["tasks"]} <= inside["communities"]
    shown: dict[str, set[str]] = {layer: set() for layer in TILE_LAYERS}
    for (layer, zoom, _, _), body in tiles_of(parts).items():
        assert MIN_ZOOM <= zoom <= MAX_ZOOM
        shown[layer] |= {feature["properties"]["id"] for feature in decoded(body)}
    for layer in ("communities", "buildings", "management_cells"):
        assert shown[layer] == inside[layer], layer
    others = set(snapshot.frame("communities").index) - inside["communities"]
    for code in others:  # by name or code, in whatever part
        assert snapshot.frame("communities")["name"][code].encode() not in content
        assert f'"{code}"'.encode() not in content


def test_nothing_guarded_is_in_a_package(there: People, snapshot: Snapshot) -> None:
    client = worker(there, role="community_staff", area=Area("neighbourhoods", frozenset({"S1N1"}))).client
    _, parts, content = taken(client, there)
    told_of = json.loads(parts["communities.json"])["features"]
    assert {one["id"] for one in told_of} == {"C01", "C02", "C03"}
    frame = snapshot.frame("communities")
    for one in told_of:
        assert one["properties"]["residents"] == frame["residents"][one["id"]]
        assert "floating_residents" not in one["properties"]
    assert b"floating" not in content
    assert GUARDED_TEXT.encode() not in content
    assert not any(layer == "complaints" for layer, *_ in tiles_of(parts))


def test_a_package_is_the_same_for_the_same_version_area_and_moment(there: People) -> None:
    client = worker(there).client
    first, again = (client.get("/api/field/package").get_data() for _ in range(2))
    assert first == again
    there.clock.pass_by(seconds=1)
    assert client.get("/api/field/package").get_data() != first
    other = worker(there, "wang", OTHER_CELLS).client
    assert opened(
        other.get("/api/field/package").get_data(), there.access.package_key().public, there.clock()
    )


def test_its_size_is_told_before(there: People) -> None:
    client = worker(there).client
    head = client.head("/api/field/package")
    assert head.status_code == 200
    assert head.get_data() == b""
    assert int(head.headers["Content-Length"]) == len(client.get("/api/field/package").get_data())


def test_who_takes_a_package_is_in_the_log_before_it_leaves(there: People) -> None:
    worker(there)
    client, id_ = tablet(there)
    client.head("/api/field/package")
    assert there.log("package") == []
    client.get("/api/field/package")
    (entry,) = there.log("package")
    assert (entry.name, entry.via, entry.layer, entry.count) == ("li", f"device:{id_}", "communities", 3)
    assert list(entry.codes) == ["C04", "C05", "C06"]
    assert there.access.verify() == []


def test_what_cannot_be_recorded_does_not_leave(there: People, monkeypatch: pytest.MonkeyPatch) -> None:
    client = worker(there).client

    def fails(*_: object, **__: object) -> None:
        raise StoreBusy(Text("忙", "The log is busy."))

    shared = there.app.extensions["wangge"]
    object.__setattr__(shared, "record", fails)
    response = client.get("/api/field/package")
    assert response.status_code == 503
    assert b"WANGGE" not in response.data


def test_a_smaller_largest_scale_makes_a_smaller_package(there: People) -> None:
    client = worker(there).client
    manifest, parts, content = taken(client, there, max_zoom=14)
    assert manifest["zooms"] == [13, 14]
    assert {zoom for _, zoom, _, _ in tiles_of(parts)} == {13, 14}
    assert len(content) < len(client.get("/api/field/package").get_data())
    for wrong in ("12", "18", "x"):
        assert client.get(f"/api/field/package?max_zoom={wrong}").status_code == 400


def test_an_area_that_is_gone_gives_a_package_without_anything(there: People) -> None:
    client = worker(there, area=Area("management_cells", frozenset({"gone"}))).client
    manifest, parts, _ = taken(client, there)
    assert manifest["area"]["bbox"] is None
    assert manifest["counts"]["communities"] == manifest["counts"]["tiles"] == 0
    assert json.loads(parts["facilities.json"])["features"] == []


def test_of_a_large_area_the_largest_scales_stay_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    small = (114.126, 22.549, 114.134, 22.554)
    assert zooms_of(small, 17) == (13, 17)
    assert zooms_of(small, 15) == (13, 15)
    district = (114.05, 22.52, 114.25, 22.62)
    least, largest = zooms_of(district, 17)
    assert least < largest < 17
    assert len(list(places_of(district, (least, largest)))) <= field_package.MOST_PLACES
    assert len(list(places_of(district, (least, largest + 1)))) > field_package.MOST_PLACES
    assert zooms_of((-180, -85, 180, 85), 17) == (13, 13)
    assert list(places_of(None, (13, 17))) == []


# ---- what somebody on the way, or in the tablet, has changed


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_whatever_is_changed_in_a_package_shows(there: People) -> None:
    client = worker(there).client
    manifest, parts, content = taken(client, there)
    key, now = there.access.package_key().public, there.clock()
    end = manifest_end(content)
    starts, at = {}, end + 64
    for part in manifest["parts"]:
        starts[part["name"]], at = at, at + part["bytes"]
    places = [0, 8, 11, 12, end // 2, end - 1, end, end + 31, end + 63]
    places += [start + offset for name, start in starts.items() for offset in (0, len(parts[name]) - 1)]
    for place in places:
        with pytest.raises(Refused):
            opened(flipped(content, place), key, now)
    for shorter in (content[:-1], content[: end + 64], content[:end], content[:7], b"", content + b"\0"):
        with pytest.raises(Refused):
            opened(shorter, key, now)
    opened(content, key, now)


def test_a_longer_life_cannot_be_written_into_it(there: People) -> None:
    client = worker(there).client
    _, _, content = taken(client, there)
    key = there.access.package_key().public
    longer = content.replace(b'"expires":"2025-07-07', b'"expires":"2035-07-07')
    assert longer != content
    with pytest.raises(Refused, match="signature"):
        opened(longer, key, there.clock())


def test_an_expired_package_and_one_of_another_service_are_refused(
    there: People, small_store: Store, standards: Standards, tmp_path: Path
) -> None:
    client = worker(there).client
    _, _, content = taken(client, there)
    key, now = there.access.package_key().public, there.clock()
    opened(content, key, now + timedelta(days=7, seconds=-1))
    with pytest.raises(Refused, match="expired"):
        opened(content, key, now + timedelta(days=7))
    (tmp_path / "other").mkdir()
    with people(small_store, standards, tmp_path / "other") as others:
        foreign = worker(others).client.get("/api/field/package").get_data()
        with pytest.raises(Refused, match="signature"):
            opened(foreign, key, now)
        opened(foreign, others.access.package_key().public, now)


# ---- whether it may be kept


def state(client: Any, **query: Any) -> tuple[str, bool]:
    found = told(client, "/api/field/status", **query)
    shape("FieldStatus", found)
    return found["state"], found["wipe"]


def test_a_package_stays_while_all_is_well(there: People) -> None:
    worker(there)
    client, id_ = tablet(there)
    area = told(client, "/api/field")["area"]["id"]
    assert state(client, holder=id_, area=area) == ("ok", False)
    assert state(client) == ("ok", False)
    assert told(client, "/api/field/status")["key"] == there.access.package_key().public


def test_a_revoked_tablet_wipes_at_its_next_contact_and_at_every_later_one(there: People) -> None:
    worker(there)
    client, id_ = tablet(there)
    assert state(client, holder=id_) == ("ok", False)
    there.access.revoke_device(id_, by=OPERATOR)
    for _ in range(2):  # the cookie is gone with the first answer, which may be lost
        assert state(client, holder=id_) == ("revoked", True)
        assert client.get("/api/field/package").status_code == 401
    assert client.get_cookie("wangge-device") is None


def test_a_disabled_person_wipes_on_every_tablet(there: People) -> None:
    browser = worker(there)
    holder = told(browser.client, "/api/field")["holder"]
    client, id_ = tablet(there)
    there.access.disable("li", by=OPERATOR)
    assert state(client, holder=id_) == ("revoked", True)
    assert state(browser.client, holder=holder) == ("revoked", True)


def test_who_is_signed_out_keeps_the_package_until_it_expires(there: People) -> None:
    browser = worker(there)
    holder = told(browser.client, "/api/field")["holder"]
    there.clock.pass_by(hours=13)
    assert state(browser.client, holder=holder) == ("signed_out", False)
    assert state(there.app.test_client()) == ("signed_out", False)


def test_somebody_else_wipes_what_was_not_made_for_them(there: People) -> None:
    first = told(worker(there).client, "/api/field")["holder"]
    other = worker(there, "wang").client
    assert state(other, holder=first) == ("other_holder", True)


def test_another_area_wipes_the_package_of_the_old_one(there: People) -> None:
    browser = worker(there)
    found = told(browser.client, "/api/field")
    there.access.change_role("li", "grid_worker", OTHER_CELLS, by=OPERATOR)
    again = there.browser_of("li").client
    assert state(again, holder=found["holder"], area=found["area"]["id"]) == ("area_changed", True)
    there.access.change_role("li", "planner", WHOLE_DISTRICT, by=OPERATOR)
    again = there.browser_of("li").client
    assert state(again, holder=found["holder"]) == ("not_allowed", True)


def test_who_has_yet_to_choose_a_password_wipes_nothing(there: People) -> None:
    _, code = there.access.add_account("li", "grid_worker", CELLS, by=OPERATOR)
    browser = there.browser()
    browser.sign_in("li", code)
    assert state(browser.client) == ("signed_out", False)


def test_who_came_after_the_backup_of_the_accounts_keeps_what_they_hold_and_gets_nothing(
    there: People,
) -> None:
    worker(there)
    client, id_ = tablet(there)
    forget(there, id_)
    assert state(client, holder=id_) == ("unknown", False)
    for path in ("/api/field", "/api/field/tasks", "/api/field/package"):
        assert client.get(path).status_code == 401
    # Enrolled again it is another device of the same person: the page sees that what was recorded is theirs.
    again, other = tablet(there)
    found = told(again, "/api/field/status", holder=id_)
    assert (found["state"], found["asked"], found["person"]) == ("other_holder", "unknown", "li")
    there.access.revoke_device(other, by=OPERATOR)
    assert told(worker(there, "wang").client, "/api/field/status", holder=other)["asked"] == "revoked"


def forget(there: People, device: str) -> None:
    """Let the accounts be as they were before a device was added."""
    with there.access._writing(changes_who=True) as transaction:
        transaction.run("DELETE FROM devices WHERE id = ?", device)


def test_rooms_of_the_area_are_listed_asked_about_or_not(there: People, snapshot: Snapshot) -> None:
    found = told(worker(there).client, "/api/field/tasks")
    rooms = snapshot.frame("mediation_rooms")
    inside = features_in_area(snapshot, "mediation_rooms", CELLS)
    assert [room["code"] for room in found["rooms"]] == rooms.index[inside].tolist()
    assert {room["shared"] for room in found["rooms"]} <= {"yes", "no", "unknown"}
    asked = {task["code"] for task in found["tasks"] if task["layer"] == "mediation_rooms"}
    assert asked <= {room["code"] for room in found["rooms"]}


def test_strangers_learn_nothing_from_the_status(there: People, snapshot: Snapshot) -> None:
    worker(there)
    found = told(there.app.test_client(), "/api/field/status", holder="0" * 12, area="x")
    assert {name: found[name] for name in ("holder", "area", "version", "key")} == dict.fromkeys(
        ("holder", "area", "version", "key")
    )


def test_what_is_to_be_asked_is_of_the_present_version(standards: Standards, tmp_path: Path) -> None:
    district, frames = small_district()
    with (
        create_store(f"gpkg:{tmp_path / 'own.gpkg'}", district, layers=frames) as store,
        people(store, standards, tmp_path) as there,
    ):
        browser = worker(there)
        before = told(browser, "/api/field/tasks")
        store.delete("complaints", [str(store.read("complaints").index[0])])
        after = told(browser, "/api/field/tasks")
        assert after["version"] == told(browser, "/api/field")["version"] == before["version"] + 1
        assert after == before | {"version": after["version"]}
        row = store.read("communities", codes=[before["tasks"][0]["code"]])
        store.upsert("communities", row.assign(name="新名字", name_en=None))
        assert told(browser, "/api/field/tasks")["tasks"][0]["name"]["zh"] == "新名字"
