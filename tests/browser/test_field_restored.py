"""The tablet and what came back from a backup: nothing overwritten unseen, nothing wiped wrongly, nothing kept wrongly."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from layers.installation import AS_SHIPPED, BaseMap
from layers.standards import Standards
from layers.store import Authorship
from tests.browser.conftest import PATIENCE_MS, drawn
from tests.browser.test_field import (
    KEPT,
    TABLET,
    Field,
    a_field,
    a_tablet,
    all_sent,
    shell_is_kept,
    sign_in,
    tablet,
    take_along,
    verify,
    waiting,
)
from tests.browser.test_hands_and_ears import serious
from tests.browser.test_installation import tiles
from tests.webmap.access import OPERATOR

pytestmark = pytest.mark.browser

LAYER_OF_TILE = re.compile(r"/tiles/(\w+)/")
DRAWN = {"backdrop", "subdistricts", "communities"}


@pytest.fixture
def field(standards: Standards, tmp_path: Path) -> Iterator[Field]:
    with a_field(standards, tmp_path) as made:
        yield made


def restore(field: Field) -> None:
    """Let the store be one that was restored from a backup and has overtaken the number of its version."""
    path = field.store.url.removeprefix("gpkg:")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE wangge_meta SET value = ? WHERE key = 'epoch'", ["0" * 16])
    frame = field.store.read("communities").iloc[-1:].assign(households=12)
    field.store.update("communities", frame, by=Authorship(who="somebody"))


def test_an_edit_made_before_a_restore_waits_until_somebody_has_looked_again(
    field: Field, browser: Browser
) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        context.set_offline(True)
        page.locator("#link").click()
        asked = page.locator("#task-rows .row").first.get_attribute("data-task") or ""
        _, code, name = asked.split("/")
        before = field.store.read("communities", codes=[code])[name].item()
        answer = "有" if before == "no" else "无"
        verify(page, 0, answer)
        restore(field)
        start = field.store.version()
        context.set_offline(False)
        page.locator("#link").click()
        page.locator(".tab[data-view=outbox]").click()
        page.get_by_role("button", name="看冲突").click()
        expect(page.locator("#conflict .lead")).to_contain_text("恢复或重建")
        assert serious(page) == []
        assert field.store.version() == start
        page.get_by_role("button", name="按所选合并").click()
        all_sent(page)
        (change,) = field.store.changes(since=start)
        assert (change.codes, change.by.who) == ((code,), "worker")
        assert field.store.read("communities", codes=[code])[name].item() == (
            "yes" if answer == "有" else "no"
        )


def test_a_tablet_that_the_restored_accounts_do_not_know_keeps_all_and_sends_it_once_enrolled_again(
    field: Field, browser: Browser
) -> None:
    with a_tablet(browser) as context:
        page, device = enrolled(context, field)
        shell_is_kept(page)
        take_along(page)
        context.set_offline(True)
        page.locator("#link").click()
        verify(page, 0, "不明")
        with field.who.access._writing(changes_who=True) as transaction:
            transaction.run("DELETE FROM devices WHERE id = ?", device)
        context.set_offline(False)
        page.locator("#link").click()
        expect(page.locator("#banner")).to_contain_text("服务器不认识这台平板")
        assert serious(page) == []
        _, package, edits = page.evaluate(KEPT)
        assert package["manifest"]["holder"] == device
        assert [(one["state"], one["holder"]) for one in edits] == [("waiting", device)]
        page.reload()
        expect(page.locator("#task-rows .row").first).to_be_visible()
        assert (waiting(page), field.edits()) == (1, [])
        again, other = enrolled(context, field)
        # The page is there before it has read what it keeps.
        again.wait_for_function(SENT)
        all_sent(again)
        assert [change.by.who for change in field.edits()] == ["worker"]
        _, package, edits = again.evaluate(KEPT)
        assert package is None, "it was made for a device that is no more"
        assert [(one["state"], one["holder"]) for one in edits] == [("sent", other)]


def test_what_an_unknown_tablet_keeps_is_its_persons_after_others_have_signed_in_there(
    field: Field, browser: Browser
) -> None:
    with a_tablet(browser) as context:
        page, device = enrolled(context, field)
        context.set_offline(True)
        page.locator("#link").click()
        verify(page, 0, "不明")
        with field.who.access._writing(changes_who=True) as transaction:
            transaction.run("DELETE FROM devices WHERE id = ?", device)
        context.set_offline(False)
        page.locator("#link").click()
        expect(page.locator("#banner")).to_contain_text("服务器不认识这台平板")
        page.close()
        colleagues = context.new_page()
        sign_in(colleagues, field, "other")
        colleagues.locator(".tab[data-view=outbox]").click()
        expect(colleagues.locator("#outbox-list")).to_contain_text("1 条是别人记的")
        assert [(one["state"], one["holder"]) for one in colleagues.evaluate(KEPT)[2]] == [
            ("waiting", device)
        ]
        colleagues.close()
        context.clear_cookies()
        again, other = enrolled(context, field)
        all_sent(again)
        expect(again.locator("#outbox-list .rows > li")).to_have_count(1)
        again.wait_for_function(SENT)
        assert [change.by.who for change in field.edits()] == ["worker"]
        assert [(one["state"], one["holder"]) for one in again.evaluate(KEPT)[2]] == [("sent", other)]


SENT = f"({KEPT})().then(([, , edits]) => edits.length && edits.every((one) => one.state === 'sent'))"


def enrolled(context: BrowserContext, field: Field) -> tuple[Page, str]:
    """Enrol a tablet of the worker's, and return its page and its id."""
    access = field.who.access
    account = next(one for one in access.accounts() if one.name == "worker")
    device, code = access.add_device("tablet", "平板一", account=account.id, by=OPERATOR)
    page = context.new_page()
    page.goto(f"{field.address}/enrol?code={code}")
    page.get_by_role("button", name="登记").click()
    page.wait_for_url(f"{field.address}/field")
    expect(page.locator("#task-rows")).to_be_visible()
    return page, device.id


def test_a_package_that_comes_while_its_device_is_revoked_is_not_kept(field: Field, browser: Browser) -> None:
    with a_tablet(browser) as context:
        page, device = enrolled(context, field)
        shell_is_kept(page)

        def revoke(route: Route) -> None:
            if route.request.method == "HEAD":
                route.continue_()
                return
            answer = route.fetch()
            field.who.access.revoke_device(device, by=OPERATOR)
            route.fulfill(response=answer)

        page.route("**/api/field/package*", revoke)
        page.locator(".tab[data-view=package]").click()
        page.locator("#package").get_by_role("button", name="带走").click()
        expect(page.locator("#package .problem")).to_contain_text("没有收下")
        assert page.evaluate(KEPT)[:2] == [[], None]


def test_every_room_of_the_map_is_in_the_list_and_can_be_verified(field: Field, browser: Browser) -> None:
    with tablet(browser, field) as context:
        (page,) = context.pages
        listed = page.locator("#room-rows .community")
        told = page.evaluate("fetch('/api/field/tasks').then((one) => one.json())")
        assert told["rooms"]
        expect(listed).to_have_count(len(told["rooms"]))
        start = field.store.version()
        listed.first.locator("summary").click()
        listed.first.locator(".fact-button").click()
        page.locator("#verify .answers .choice").filter(has_text="不明").click()
        page.get_by_role("button", name="记下这一项").click()
        all_sent(page)
        assert [change.layer for change in field.store.changes(since=start)] in (["mediation_rooms"], [])
        shell_is_kept(page)
        take_along(page)
        context.set_offline(True)
        page.reload()
        expect(listed).to_have_count(len(told["rooms"]))
        listed.first.locator("summary").click()
        expect(listed.first.locator(".fact-button")).to_be_visible()


def test_the_operators_base_map_is_drawn_while_there_is_a_network(
    standards: Standards, tmp_path: Path, browser: Browser
) -> None:
    with tiles() as (host, asked):
        base = BaseMap(f"{host}/{{z}}/{{x}}/{{y}}.png", "样板测绘院", 16)
        installation = dataclasses.replace(AS_SHIPPED, base_map=base)
        with (
            a_field(standards, tmp_path, installation=installation) as field,
            tablet(browser, field) as context,
        ):
            (page,) = context.pages
            drawn(page)
            held: list[Route] = []
            page.route("**/api/field/status*", lambda route: held.append(route))
            page.reload()
            drawn(page)
            expect(page.locator("#base-said")).to_be_hidden()
            for route in held:
                route.continue_()
            page.unroute("**/api/field/status*")
            expect(page.locator("#base-said")).to_have_text("样板测绘院")
            page.wait_for_function("document.querySelectorAll('.leaflet-ground-pane img').length > 0")
            assert asked
            context.set_offline(True)
            page.locator("#link").click()
            expect(page.locator("#base-said")).to_have_text("没有网络，不画底图")
            expect(page.locator(".leaflet-ground-pane img")).to_have_count(0)


def test_tiles_that_are_refused_are_asked_for_once_and_again_when_the_network_is_back(
    field: Field, browser: Browser
) -> None:
    # Without a service worker each tile's request is the page's own.
    with browser.new_context(viewport=TABLET, reduced_motion="reduce", service_workers="block") as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        asked: list[str] = []

        def refuse(route: Route) -> None:
            asked.append(route.request.url)
            route.fulfill(status=403, body="{}")

        page.route("**/tiles/**", refuse)
        sign_in(page, field, "other")
        drawn(page)
        # Two layers may be drawn from one tile, and a contact asks once more; whoever takes a refusal for a network
        # that is away asks five times for each.
        assert 0 < len(asked) < 2 * len(set(asked))
        page.unroute("**/tiles/**")
        got: set[str] = set()
        finished: list[Request] = []
        page.on("requestfinished", lambda request: finished.append(request))
        context.set_offline(True)
        page.locator("#link").click()
        expect(page.locator("#banner")).to_contain_text("没有网络")
        context.set_offline(False)
        page.locator("#link").click()
        for _ in range(PATIENCE_MS // 50):
            got = {layer for one in finished for layer in LAYER_OF_TILE.findall(one.url)}
            if got >= DRAWN:
                break
            page.wait_for_timeout(50)
        assert got >= DRAWN
