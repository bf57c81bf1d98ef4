"""The record on the planner's desk: a fact corrected and seen in the history, two who changed the same, a place moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from layers.standards import Standards
from layers.store import Authorship, Store, create_store
from tests.browser.conftest import Open, serving
from tests.browser.test_hands_and_ears import serious
from tests.browser.test_sign_in import sign_in
from tests.district import small_district
from tests.webmap.access import People, people

pytestmark = pytest.mark.browser


@pytest.fixture
def there(standards: Standards, tmp_path: Path) -> Iterator[tuple[Store, People, str]]:
    district, frames = small_district()
    with (
        create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store,
        people(store, standards, tmp_path) as found,
        serving(found.app) as address,
    ):
        yield store, found, address


def desk(open_page: Open, people: People, address: str, name: str, role: str = "planner") -> Page:
    people.add(name, role)
    page = open_page(address)
    sign_in(page, address, name)
    expect(page.locator(".me")).to_contain_text(name)
    page.goto(f"{address}/?question=double_none&unit=communities&select=C03")
    expect(page.locator(".card h2")).to_have_text("东站宿舍")
    return page


def record(page: Page) -> Page:
    page.get_by_role("button", name="改正事实").click()
    expect(page.locator(".record-form")).to_be_visible()
    return page


def save(page: Page) -> None:
    page.locator(".record").get_by_role("button", name="保存", exact=True).click()


def answer(page: Page, field: str, which: str) -> None:
    page.locator(f"[data-field={field}] [data-answer={which}]").click()


def test_a_planner_corrects_a_fact_and_sees_it_in_the_history(
    there: tuple[Store, People, str], open_page: Open
) -> None:
    store, who, address = there
    page = record(desk(open_page, who, address, "lin"))
    assert serious(page) == []
    expect(page.locator("[data-field=owners_committee] .on-file")).to_contain_text("记录：无")
    page.watch.expected = "422"  # type: ignore[attr-defined]
    answer(page, "owners_committee", "yes")
    page.locator("[name=households]").fill("-3")
    save(page)
    expect(page.locator(".wrong:visible")).to_have_count(2)
    expect(page.locator("[name=households]")).to_be_focused()
    expect(page.locator("[name=households]")).to_have_attribute("aria-invalid", "true")
    assert serious(page) == []
    page.locator(".record-tabs").get_by_role("button", name="历史").click()
    expect(page.locator(".history li")).to_have_count(1)
    page.locator(".record-tabs").get_by_role("button", name="事实").click()
    page.locator("[name=households]").fill("301")
    page.locator("[name=source]").fill("备案回执")
    page.locator("[name=note]").fill("新选出")
    save(page)
    expect(page.locator(".record-message")).to_contain_text("已保存")
    row = store.read("communities", codes=["C03"]).iloc[0]
    assert (row.owners_committee, row.households) == ("yes", 301)
    page.locator(".record-tabs").get_by_role("button", name="历史").click()
    first = page.locator(".history li").first
    expect(first).to_contain_text("lin")
    expect(first).to_contain_text("业委会：无 → 有")
    expect(first).to_contain_text("户数：299 → 301")
    expect(first).to_contain_text("来源：备案回执")
    expect(first).to_contain_text("新选出")
    assert serious(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(".record")).to_be_hidden()
    expect(page.get_by_role("button", name="改正事实")).to_be_focused()
    seat = page.locator(".four-seats li").filter(has_text="业委会")
    expect(seat).to_contain_text("有")
    expect(page.locator(".card-figure").filter(has_text="户")).to_contain_text("301")


def test_an_answer_that_is_lost_is_asked_for_again_and_written_once(
    there: tuple[Store, People, str], open_page: Open
) -> None:
    store, who, address = there
    page = record(desk(open_page, who, address, "lin"))
    page.watch.expected = "Failed to load resource"  # type: ignore[attr-defined]
    lost: list[int] = []

    def lose(route: object) -> None:
        lost.append(route.fetch().status)  # type: ignore[attr-defined]
        route.abort()  # type: ignore[attr-defined]

    page.route("**/api/facts*", lose, times=1)
    answer(page, "residents_group", "no")
    page.locator("[name=source]").fill("现场查看")
    save(page)
    expect(page.locator(".record-status")).to_contain_text("没有收到回答")
    assert lost == [200]
    save(page)
    expect(page.locator(".record-message")).to_contain_text("已保存")
    assert [edit.kind for edit in store.history("communities", "C03")] == ["insert", "update"]


def test_two_who_changed_the_same_choose_field_by_field(
    there: tuple[Store, People, str], open_page: Open
) -> None:
    store, who, address = there
    lin, mei = (record(desk(open_page, who, address, name)) for name in ("lin", "mei"))
    answer(mei, "owners_committee", "yes")
    mei.locator("[name=households]").fill("500")
    mei.locator("[name=source]").fill("备案回执")
    save(mei)
    expect(mei.locator(".record-message")).to_contain_text("已保存")
    lin.watch.expected = "409"  # type: ignore[attr-defined]
    answer(lin, "owners_committee", "unknown")
    lin.locator("[name=households]").fill("600")
    lin.locator("[name=property_company]").fill("新物业")
    lin.locator("[name=source]").fill("现场查看")
    save(lin)
    rows = lin.locator(".conflict tbody tr")
    expect(rows).to_have_count(2)
    expect(lin.locator(".conflict h3")).to_be_focused()
    expect(lin.locator(".conflict")).to_contain_text("mei")
    expect(rows.filter(has_text="户数")).to_contain_text("原为 299")
    assert serious(lin) == []
    rows.filter(has_text="户数").get_by_label("600").check()
    lin.get_by_role("button", name="按所选保存").click()
    expect(lin.locator(".record-message")).to_contain_text("已保存")
    row = store.read("communities", codes=["C03"]).iloc[0]
    assert (row.owners_committee, row.households, row.property_company) == ("yes", 600, "新物业")
    assert len(store.history("communities", "C03")) == 3


def test_who_thinks_better_of_it_while_the_answer_is_lost_is_not_in_conflict_with_himself(
    there: tuple[Store, People, str], open_page: Open
) -> None:
    store, who, address = there
    page = record(desk(open_page, who, address, "lin"))
    page.watch.expected = "Failed to load resource"  # type: ignore[attr-defined]

    def lose(route: Route) -> None:
        assert route.fetch().ok
        route.abort()

    page.route("**/api/facts*", lose, times=1)
    answer(page, "residents_group", "no")
    page.locator("[name=source]").fill("现场查看")
    save(page)
    expect(page.locator(".record-status")).to_contain_text("没有收到回答")
    answer(page, "residents_group", "unknown")
    save(page)
    expect(page.locator(".record-message")).to_contain_text("已保存")
    assert value_of(store, "residents_group") == "unknown"


def test_what_a_third_writes_while_two_are_compared_is_not_overlooked(
    there: tuple[Store, People, str], open_page: Open
) -> None:
    store, who, address = there
    page = record(desk(open_page, who, address, "lin"))
    store.amend("communities", "C03", lambda found: {"households": 500}, by=Authorship(who="mei"))
    page.watch.expected = "409"  # type: ignore[attr-defined]

    def meanwhile(route: Route) -> None:
        theirs = {"property_company": "另一家"}
        store.amend("communities", "C03", lambda found: theirs, by=Authorship(who="third"))
        route.continue_()

    page.route("**/api/facts/communities/C03*", meanwhile, times=1)
    page.locator("[name=households]").fill("600")
    page.locator("[name=property_company]").fill("新物业")
    page.locator("[name=source]").fill("现场查看")
    save(page)
    rows = page.locator(".conflict tbody tr")
    rows.filter(has_text="户数").get_by_label("600").check()
    page.get_by_role("button", name="按所选保存").click()
    expect(rows.filter(has_text="另一家")).to_be_visible()
    assert value_of(store, "property_company") == "另一家"


def value_of(store: Store, name: str) -> object:
    return store.read("communities", codes=["C03"]).iloc[0][name]


def test_a_facility_is_found_by_name_and_moved_by_hand(
    there: tuple[Store, People, str], open_page: Open
) -> None:
    store, who, address = there
    page = desk(open_page, who, address, "lin")
    before = store.read("facilities", codes=["F02"]).geometry["F02"]
    page.locator("#search-text").fill("F02")
    page.locator("#search-results li").first.click()
    expect(page.locator(".record-place")).to_contain_text("F02")
    mark = page.locator(".place-mark")
    expect(mark).to_be_visible()
    page.wait_for_function("!document.querySelector('.leaflet-zoom-anim, .leaflet-pan-anim')")
    box = mark.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    page.mouse.up()
    expect(page.locator("[name=lon]")).not_to_have_value(f"{before.centroid.x:.6f}")
    page.locator("[name=source]").fill("现场查看")
    save(page)
    expect(page.locator(".record-message")).to_contain_text("已保存")
    after = store.read("facilities", codes=["F02"]).geometry["F02"]
    assert after.centroid.x > before.centroid.x + 1e-5
    assert after.centroid.y == pytest.approx(before.centroid.y, abs=1e-5)
    assert serious(page) == []


@pytest.mark.parametrize("beside_px", [0, 9])
@pytest.mark.parametrize("webgl", [True, False], ids=["webgl", "canvas"])
def test_a_symbol_on_the_map_opens_its_record(
    there: tuple[Store, People, str], open_page: Open, webgl: bool, beside_px: int
) -> None:
    store, who, address = there
    name = "lin" if webgl else "min"
    who.add(name, "planner")
    page = open_page(address, webgl=webgl)
    sign_in(page, address, name)
    at = store.read("facilities", codes=["F02"]).geometry["F02"].centroid
    page.goto(f"{address}/?question=gap&kind=day_care&unit=square:100&map=17/{at.y:.6f}/{at.x:.6f}")
    expect(page.locator("#map[data-ready]")).to_have_attribute("aria-busy", "false")
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2 + beside_px, box["y"] + box["height"] / 2)
    expect(page.locator(".record-place")).to_contain_text("F02")


def test_who_may_not_write_sees_the_record_and_no_form(
    there: tuple[Store, People, str], open_page: Open
) -> None:
    _, who, address = there
    page = desk(open_page, who, address, "qian", "leader")
    expect(page.get_by_role("button", name="改正事实")).to_have_count(0)
    page.get_by_role("button", name="看记录").click()
    expect(page.locator(".record-list")).to_contain_text("业委会")
    expect(page.locator(".record-form")).to_have_count(0)
    page.locator(".record-tabs").get_by_role("button", name="历史").click()
    expect(page.locator(".history li").first).to_contain_text("未署名")
    assert serious(page) == []


def test_strangers_are_not_offered_records(there: tuple[Store, People, str], open_page: Open) -> None:
    _, _, address = there
    page = open_page(f"{address}/?question=double_none&unit=communities&select=C03")
    expect(page.locator(".card h2")).to_have_text("东站宿舍")
    expect(page.locator(".card-foot")).to_have_count(0)
