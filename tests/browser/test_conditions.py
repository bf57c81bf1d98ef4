"""Combined conditions in a real browser: put together, shared by their link, saved, changed by two; the sorted list."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from layers.standards import Standards
from layers.store import create_store
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Visitor
from tests.browser.conftest import Open, drawn, serving
from tests.browser.test_hands_and_ears import serious
from tests.browser.test_sign_in import sign_in
from tests.district import small_district
from tests.visitors import app_for
from tests.webmap.access import People, people

pytestmark = pytest.mark.browser

PEOPLE = ("zhang", "li")


@pytest.fixture(scope="module")
def there(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[People, str]]:
    district, frames = small_district()
    folder = tmp_path_factory.mktemp("conditions")
    with (
        create_store(f"gpkg:{folder / 'small.gpkg'}", district, layers=frames) as store,
        people(store, standards, folder) as found,
        serving(found.app) as address,
    ):
        for name in PEOPLE:
            found.add(name, "planner")
        yield found, address


def asked(page: Page) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(page.url).query))


def add(page: Page, kind: str, *values: str, negated: bool = False) -> None:
    page.get_by_role("button", name="加一个条件").click()
    form = page.locator(".condition-form:visible")
    form.locator("[name=condition-kind]").select_option(kind)
    for at, value in enumerate(values):
        field = form.locator(f"[name=condition-{at}]")
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    if negated:
        form.get_by_label("取反").check()
    form.get_by_role("button", name="加上").click()


def rows(page: Page) -> list[str]:
    expect(page.locator(".row")).not_to_have_count(0)
    return [str(node.get_attribute("data-id")) for node in page.locator(".row").all()]


def shows(page: Page, ids: list[str]) -> None:
    expect(page.locator(".row")).to_have_count(len(ids))
    assert sorted(rows(page)) == sorted(ids)


def counts(page: Page) -> list[str]:
    return page.locator(
        ".condition-count > span[aria-hidden]:first-of-type, .condition-count > :nth-child(2)"
    ).all_inner_texts()


def test_conditions_are_put_together_and_all_follows(small: str, open_page: Open) -> None:
    page = open_page(small, webgl=True)
    expect(page.locator("#list-title")).to_have_text("先看这里")
    add(page, "double_none")
    expect(page.locator("#list-title")).to_have_text("符合条件")
    # The first condition counts by communities, and says so.
    assert asked(page)["unit"] == "communities"
    shows(page, ["C03", "C07", "C08", "C06", "C10", "C12"])
    add(page, "residents", "400")
    shows(page, ["C03", "C07", "C06", "C12"])
    add(page, "subdistrict", "S2", negated=True)
    expect(page.locator(".condition")).to_have_count(3)
    shows(page, ["C03", "C06"])
    assert asked(page)["where"] == "double_none~residents:400~!subdistrict:S2"
    assert [text.strip() for text in counts(page)] == ["3", "2", "1"]
    expect(page.locator(".condition").nth(2)).to_contain_text("不是东街道")
    expect(page.locator(".list-subtitle")).to_have_text("1 个符合，1 个不能判断")
    expect(page.locator(".strip")).to_contain_text("不能判断 1")
    expect(page.locator(".strip")).to_contain_text("居民 760")
    # What cannot be told stands after what matches, marked as such.
    assert rows(page) == ["C03", "C06"]
    expect(page.locator(".row").nth(1).locator(".rank")).to_contain_text("不能判断")
    expect(page.locator("#legend")).to_contain_text("其余 10 个变浅作底色")
    drawn(page)
    link = page.url
    other = open_page(link, webgl=True)
    shows(other, ["C03", "C06"])
    expect(other.locator(".condition")).to_have_count(3)
    assert other.locator(".strip").inner_text() == page.locator(".strip").inner_text()


def colours(page: Page, *tokens: str, near: int = 12) -> list[int]:
    """Return how many pixels of the map have each token's colour, about."""
    page.evaluate(
        "for (const id of ['legend', 'map-tools']) document.getElementById(id).style.visibility = 'hidden'"
    )
    box = page.locator("#map").bounding_box()
    assert box
    picture = base64.b64encode(page.screenshot(clip={**box})).decode()
    found: list[int] = page.evaluate(
        """async ([picture, tokens, near]) => {
          const image = new Image();
          image.src = `data:image/png;base64,${picture}`;
          await image.decode();
          const canvas = new OffscreenCanvas(image.width, image.height);
          const pen = canvas.getContext("2d");
          pen.drawImage(image, 0, 0);
          const { data } = pen.getImageData(0, 0, image.width, image.height);
          const probe = document.body.appendChild(document.createElement("span"));
          return tokens.map((token) => {
            probe.style.setProperty("color", `var(--${token})`);
            const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
            let n = 0;
            for (let i = 0; i < data.length; i += 4)
              if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < near) n += 1;
            return n;
          });
        }""",
        [picture, list(tokens), near],
    )
    return found


@pytest.mark.parametrize("webgl", [True, False])
def test_the_map_shows_matches_the_open_cases_and_the_ground(
    small: str, open_page: Open, webgl: bool
) -> None:
    page = open_page(f"{small}/?question=double_none&where=double_none", webgl=webgl)
    expect(page.locator(".row")).to_have_count(6)
    drawn(page)
    with_conditions = colours(page, "double-none", "no-committee") + colours(page, "ink", near=80)
    page.get_by_role("button", name="清空").click()
    expect(page.locator(".row")).to_have_count(12)
    drawn(page)
    without = colours(page, "double-none", "no-committee") + colours(page, "ink", near=80)
    # Matches keep their strength, the rest recede, and what cannot be told is outlined.
    assert with_conditions[0] > 1000 and abs(with_conditions[0] - without[0]) < without[0] / 10
    assert without[1] > 1000 > with_conditions[1]
    assert with_conditions[2] > without[2]


def test_a_condition_is_changed_and_removed(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=gap&unit=communities&where=residents:400~double_none")
    shows(page, ["C03", "C07", "C06", "C12"])
    page.get_by_role("button", name="修改“居民 400 人及以上”").click()
    form = page.locator(".condition-form:visible")
    expect(form.locator("[name=condition-0]")).to_have_value("400")
    form.locator("[name=condition-0]").fill("0")
    form.get_by_role("button", name="改成这样").click()
    assert form.locator("[name=condition-0]").evaluate("node => !node.validity.valid")
    form.locator("[name=condition-0]").fill("700")
    form.get_by_role("button", name="改成这样").click()
    shows(page, ["C03", "C06", "C12"])
    assert asked(page)["where"] == "residents:700~double_none"
    page.get_by_role("button", name="去掉“居民 700 人及以上”").click()
    shows(page, ["C03", "C07", "C08", "C06", "C10", "C12"])
    # The focus goes on to what is left, not to nowhere.
    expect(page.get_by_role("button", name="去掉“双无”")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="加一个条件")).to_be_focused()
    expect(page.locator(".row")).to_have_count(12)
    assert "where" not in asked(page)


def test_another_kind_of_facility_brings_its_own_limit(small: str, open_page: Open) -> None:
    page = open_page(small)
    page.get_by_role("button", name="加一个条件").click()
    form = page.locator(".condition-form:visible")
    form.locator("[name=condition-kind]").select_option("gap")
    expect(form.locator("[name=condition-1]")).to_have_value("300")
    form.locator("[name=condition-0]").select_option("library")
    expect(form.locator("[name=condition-1]")).to_have_value("1000")
    form.get_by_role("button", name="加上").click()
    expect(page.locator(".condition")).to_contain_text("1,000 m 内没有")
    assert asked(page)["where"] == "gap:library:1000"
    # Without conditions it is counted as before.
    page.get_by_role("button", name="清空").click()
    expect(page.locator(".list-subtitle")).to_contain_text("100 m 格")


def test_where_nothing_matches_the_condition_that_emptied_it_is_named(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none&where=double_none~residents:5000~kind:old_estate")
    said = page.locator(".no-match")
    expect(said).to_contain_text("加上“居民 5,000 人及以上”以后，一个也不剩")
    expect(said).to_contain_text("不能判断的有 1 个")
    shows(page, ["C06"])
    said.get_by_role("button", name="去掉“居民 5,000 人及以上”").click()
    shows(page, ["C03", "C07", "C08", "C06"])
    assert asked(page)["where"] == "double_none~kind:old_estate"


@pytest.mark.parametrize("column", ["名称", "四位", "诉求 12 月"])
def test_the_list_is_sorted_by_every_column(small: str, open_page: Open, column: str) -> None:
    page = open_page(f"{small}/?question=double_none")
    expect(page.locator(".row")).to_have_count(12)
    plain = rows(page)
    heading = page.get_by_role("columnheader", name=column)
    expect(heading).to_have_attribute("aria-sort", "none")
    heading.get_by_role("button", name=column).click()
    first = heading.get_attribute("aria-sort")
    assert first in ("ascending", "descending")
    once = rows(page)
    expect(heading.get_by_role("button", name=column)).to_be_focused()
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending" if first == "ascending" else "ascending")
    twice = rows(page)
    # Those of the list stay before the rest, either way.
    assert {*once[:3]} == {*twice[:3]} == {*plain[:3]}
    assert once != twice or column == "四位"
    page.reload()
    expect(page.locator(".row")).to_have_count(12)
    assert rows(page) == twice
    page.get_by_role("columnheader", name=column).get_by_role("button", name=column).click()
    assert rows(page) == plain and "sort" not in asked(page)


def test_sorting_turns_the_values_round(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=gap&unit=communities")
    value = page.get_by_role("columnheader", name="居民")
    expect(value).to_have_attribute("aria-sort", "descending")
    expect(page.locator(".row")).to_have_count(12)
    down = page.locator(".row .value-text").all_inner_texts()
    assert len(down) == 12
    value.locator("button.sort").click()
    expect(value).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(".row")).to_have_count(12)
    up = page.locator(".row .value-text").all_inner_texts()
    # What is in the list is turned round; those of whom nobody is beyond, and what is not known, come last either way.
    listed = [text for text in down if text not in ("0", "不明")]
    assert listed and up == [*reversed(listed), *down[len(listed) :]]
    assert up[-1] == down[-1] == "不明"
    value.get_by_role("button", name="是什么").click()
    expect(page.locator("#definition")).to_contain_text("限值以外的居民")


def test_conditions_are_saved_shared_and_changed_by_two(there: tuple[People, str], open_page: Open) -> None:
    _, address = there
    zhang = open_page(address)
    sign_in(zhang, address, "zhang")
    zhang.goto(f"{address}/?question=double_none&where=double_none")
    name = zhang.get_by_label("给这组条件起名")
    name.fill("双无缺照料")
    zhang.get_by_label("同事也可用").check()
    zhang.get_by_role("button", name="保存", exact=True).click()
    expect(zhang.locator("#toast")).to_contain_text("已保存“双无缺照料”")
    expect(zhang.locator("#list-title")).to_have_text("双无缺照料")

    li = open_page(address)
    sign_in(li, address, "li")
    li.goto(address)
    expect(li.locator(".row").first).to_be_visible()
    # Saved ones open where there is no condition yet, too.
    li.get_by_role("button", name="打开保存的条件").click()
    expect(li.locator(".saved-row")).to_contain_text("zhang 共享")
    li.locator(".saved-row .menu-item").click()
    expect(li.locator("#list-title")).to_have_text("双无缺照料")
    shows(li, ["C03", "C07", "C08", "C06", "C10", "C12"])
    add(li, "residents", "400")
    shows(li, ["C03", "C07", "C06", "C12"])
    expect(li.locator("#list-title")).to_have_text("符合全部 2 个条件")
    li.get_by_role("button", name="保存", exact=True).click()
    expect(li.locator("#list-title")).to_have_text("双无缺照料")

    # Whoever has not seen that is told, and nothing is written over in silence.
    add(zhang, "kind", "old_estate")
    expect(zhang.locator(".condition")).to_have_count(2)
    zhang.watch.expected = "409"  # type: ignore[attr-defined]
    zhang.get_by_role("button", name="保存", exact=True).click()
    told = zhang.locator(".conditions-told")
    expect(told).to_contain_text("li在您打开之后改了“双无缺照料”")
    assert serious(zhang) == []
    told.get_by_role("button", name="看对方的").click()
    expect(zhang.locator(".condition").nth(1)).to_contain_text("居民 400 人及以上")
    expect(told).to_be_hidden()

    # Another name is given where they are opened, and the conditions that are open bear it.
    expect(zhang.locator("#list-title")).to_have_text("双无缺照料")
    zhang.get_by_role("button", name="打开保存的条件").click()
    zhang.get_by_role("button", name="给“双无缺照料”改名").click()
    renamed = zhang.get_by_label("新的名字")
    expect(renamed).to_be_focused()
    renamed.fill("")
    renamed.press("Enter")
    assert renamed.evaluate("node => node.validationMessage") == "请先起个名"
    renamed.fill("双无且缺照料")
    assert serious(zhang) == []
    renamed.press("Enter")
    expect(zhang.locator("#toast")).to_contain_text("已改名为“双无且缺照料”")
    expect(zhang.locator("#list-title")).to_have_text("双无且缺照料")
    expect(zhang.locator(".saved-row")).to_contain_text("双无且缺照料")
    zhang.get_by_role("button", name="删除“双无且缺照料”").click()
    expect(zhang.locator(".saved-list")).to_contain_text("还没有保存过条件")


def test_all_of_it_is_done_by_keyboard(small: str, open_page: Open) -> None:
    page = open_page(f"{small}/?question=double_none")
    expect(page.locator(".row")).to_have_count(12)
    page.get_by_role("button", name="加一个条件").focus()
    page.keyboard.press("Enter")
    kind = page.locator(".condition-form:visible [name=condition-kind]")
    kind.focus()
    kind.select_option("residents")
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("900")
    page.keyboard.press("Enter")
    expect(page.locator(".condition")).to_contain_text("居民 900 人及以上")
    expect(page.get_by_role("button", name="加一个条件")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".condition-form:visible")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".condition-form:visible")).to_have_count(0)
    expect(page.get_by_role("button", name="加一个条件")).to_be_focused()


@pytest.mark.parametrize(("theme", "lang"), [("light", "zh"), ("dark", "en")])
def test_nothing_serious_stands_in_anybody_s_way(small: str, open_page: Open, theme: str, lang: str) -> None:
    address = f"{small}/?lang={lang}&theme={theme}&question=double_none&where=double_none~gap:day_care:300"
    page = open_page(address, width=1024, height=768)
    expect(page.locator(".condition")).to_have_count(2)
    assert serious(page) == []
    page.locator(".add-condition").click()
    expect(page.locator(".condition-form:visible")).to_be_visible()
    assert serious(page) == []
    across = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
    assert across[0] <= across[1]


def test_those_who_are_told_published_figures_are_told_why(
    standards: Standards, tmp_path: Path, open_page: Open
) -> None:
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path / 'small.gpkg'}", district, layers=frames) as store:
        with serving(app_for(store, standards, RESIDENT)) as address:
            page = open_page(address)
            expect(page.locator("#conditions")).to_contain_text("不对公众开放")
            expect(page.locator("#conditions").get_by_role("link", name="登录")).to_be_visible()
            expect(page.get_by_role("button", name="加一个条件")).to_have_count(0)
            page.goto("about:blank")
        leader = Visitor("leader", WHOLE_DISTRICT, account="0" * 12, name="leader", via="session")
        with serving(app_for(store, standards, leader)) as address:
            page = open_page(address)
            page.get_by_role("button", name="加一个条件").click()
            kinds = page.locator("[name=condition-kind] option").all_inner_texts()
            assert "双无" in kinds and "流动人口占比" not in kinds
            page.goto("about:blank")
