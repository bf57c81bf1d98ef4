"""The page as those see it who may not see everything: residents, subdistrict staff, grid workers, leaders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from layers.standards import Standards
from layers.store import Store, create_store
from layers.visitors import RESIDENT, WHOLE_DISTRICT, Area, Visitor
from tests.browser.conftest import Open, drawn, serving
from tests.district import small_district
from tests.visitors import app_for

pytestmark = pytest.mark.browser

VISITORS = {
    "resident": RESIDENT,
    "subdistrict": Visitor(
        "subdistrict_staff", Area("subdistricts", frozenset({"S2"})), account="1" * 12, via="session"
    ),
    "grid_worker": Visitor(
        "grid_worker", Area("management_cells", frozenset({"G03"})), account="2" * 12, via="session"
    ),
    "leader": Visitor("leader", WHOLE_DISTRICT, account="3" * 12, via="session"),
}
Served = dict[str, str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    district, frames = small_district()
    with create_store(
        f"gpkg:{tmp_path_factory.mktemp('visitors') / 'small.gpkg'}", district, layers=frames
    ) as made:
        yield made


@pytest.fixture(scope="module")
def served(store: Store, standards: Standards) -> Iterator[Served]:
    """Return an address for each visitor: a service in which everybody is that one."""
    with ExitStack() as open_services:
        yield {
            name: open_services.enter_context(serving(app_for(store, standards, visitor)))
            for name, visitor in VISITORS.items()
        }


def test_a_resident_sees_what_is_public_and_where_to_sign_in(served: Served, open_page: Open) -> None:
    page = open_page(f"{served['resident']}/", webgl=True)
    opened = page.locator(".question.open")
    expect(opened.locator(".headline .value")).to_have_text("83.0%")
    expect(opened.locator(".headline .label")).to_contain_text("楼栋")
    expect(opened.locator(".segment")).to_have_text(["小区"])
    expect(opened.locator(".way-value.withheld")).to_have_text("不显示")
    expect(page.get_by_role("columnheader", name="步行距离")).to_be_visible()
    expect(page.locator(".row .value-text.withheld")).to_have_text("从略")
    expect(page.locator("#tools .sign-in")).to_have_attribute("href", "/sign-in?next=%2F")
    expect(page.locator("#tools .sign-in")).to_have_text("登录")
    expect(page.get_by_role("button", name="下载")).to_have_count(0)
    drawn(page)
    page.get_by_role("button", name="图层").click()
    expect(page.get_by_role("checkbox", name="诉求点")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="设施")).to_be_checked()


def test_a_resident_is_told_complaints_of_one_period_and_by_neighbourhood(
    served: Served, open_page: Open
) -> None:
    page = open_page(f"{served['resident']}/?question=hotspots&lang=en")
    opened = page.locator(".question.open")
    expect(opened.locator(".headline .value")).to_have_text("about 65")
    expect(opened.locator(".segment")).to_have_text(["neighbourhoods", "subdistricts"])
    expect(opened.locator("input[type=date]")).to_have_count(0)
    expect(opened.locator(".fixed-days")).to_have_text("2019-01-01 – 2019-12-31")
    expect(opened.locator(".control-note")).to_contain_text("sign in")
    expect(page.locator(".row")).to_have_count(4)
    expect(page.locator(".months")).to_have_count(0)
    expect(page.locator(".method")).not_to_contain_text("Getis")
    page.locator(".row").last.click()
    expect(page.locator("#card .card-figure.withheld .card-value")).to_have_text("withheld")
    expect(page.locator("#card .reason")).to_contain_text("under 8")
    page.locator("#card .card-figure.withheld").click()
    expect(page.locator("#definition")).to_contain_text("complaints under 8")


def test_a_residents_card_has_no_numbers_of_people(served: Served, open_page: Open) -> None:
    page = open_page(f"{served['resident']}/?question=double_none&select=C07")
    card = page.locator("#card")
    expect(card.locator("h2")).to_have_text("和平里")
    expect(card.locator(".tag")).to_have_text("双无")
    expect(card.locator(".card-label")).to_have_text(["楼栋", "调解室"])
    expect(card.locator(".public-note a")).to_have_text("登录")
    expect(card.locator(".distance").first).to_be_visible()


def test_a_resident_finds_a_neighbourhood_by_a_question_that_is_public(
    served: Served, open_page: Open
) -> None:
    page = open_page(f"{served['resident']}/")
    expect(page.locator(".row").first).to_be_visible()
    page.get_by_role("combobox").first.fill("西南社区")
    page.locator(".found-name", has_text="西南社区").click()
    expect(page.locator("#card h2")).to_have_text("西南社区")
    expect(page.locator(".question.open")).to_have_attribute("data-question", "double_none")


def test_subdistrict_staff_see_their_subdistrict(served: Served, open_page: Open) -> None:
    page = open_page(f"{served['subdistrict']}/?question=double_none", webgl=True)
    expect(page.locator(".strip-where")).to_have_text("您的区域：东街道")
    expect(page.locator(".question.open .basis")).to_contain_text("您的区域（东街道）：共 5 个小区")
    expect(page.locator(".row")).to_have_count(6)
    expect(page.locator("#subdistrict option")).to_have_text(["您的区域", "东街道"])
    expect(page.get_by_role("button", name="看您的区域")).to_be_visible()
    page.locator(".row", has_text="和平里").click()
    expect(page.locator("#card .card-figures")).to_contain_text("50–60%")
    drawn(page)


def test_a_grid_worker_sees_the_cell(served: Served, open_page: Open) -> None:
    page = open_page(f"{served['grid_worker']}/", webgl=True)
    expect(page.locator(".strip-where")).to_have_text("您的区域：第3网格")
    expect(page.locator(".row")).to_have_count(2)
    expect(page.locator(".question.open .segment")).to_have_text(["100 m 格", "H3-10 格", "网格", "小区"])
    expect(page.get_by_role("radio", name="小区", exact=True)).to_be_checked()
    expect(page.locator(".row").first).to_be_visible()
    expect(page.get_by_role("button", name="下载")).to_have_count(0)
    drawn(page)


def test_a_leaders_card_says_that_floating_is_not_shown(served: Served, open_page: Open) -> None:
    page = open_page(f"{served['leader']}/?question=double_none&select=C07")
    withheld = page.locator("#card .card-figure.withheld")
    expect(withheld.locator(".card-value")).to_have_text("不显示")
    expect(withheld.locator(".card-label")).to_have_text("流动人口")
    withheld.click()
    expect(page.locator("#definition")).to_contain_text("您的角色看不到这个数")
