"""Texts that are attacks on whoever shows them: every page, card, file and error, parsed and in a real browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import openpyxl
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from werkzeug.wrappers import Response

from layers.schema import LAYERS
from layers.standards import Standards
from layers.store import create_store
from layers.visitors import NO_AREA, WHOLE_DISTRICT
from tests.browser.conftest import Open, serving
from tests.security.hostile import ATTACKS, hostile_district
from tests.visitors import app_for
from tests.webmap.access import OPERATOR, PASSWORD, People, people

LIVE = ("src", "href", "action", "formaction", "srcdoc", "data", "xlink:href")
VOID_OF_MEANING = ("iframe", "object", "embed", "math", "marquee", "base")


class Reader(HTMLParser):
    """Notes what in a page could run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in VOID_OF_MEANING:
            self.found.append(tag)
        if tag == "script" and "src" not in given and not ({"nonce", "type"} & given.keys()):
            self.found.append("a script without a nonce")
        if tag == "img" and given.get("src") == "x":
            self.found.append("an image of the attacker")
        for name, value in attrs:
            if name.startswith("on"):
                self.found.append(f"{tag} {name}")
            if name in LIVE and (value or "").strip().lower().startswith(("javascript:", "http://evil")):
                self.found.append(f"{tag} {name}={value}")


def live_in(page: str) -> list[str]:
    reader = Reader()
    reader.feed(page)
    return reader.found


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_reader_finds_what_would_run(attack: str) -> None:
    if attack.startswith(("$", "\\")):
        return
    assert live_in(f"<p>{attack}</p>") or live_in(f'<p title="{attack}">')


@pytest.fixture(scope="module")
def there(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """Everything that somebody may write: accounts' titles, devices, keys, purposes, browsers' names."""
    district, frames = hostile_district()
    folder = tmp_path_factory.mktemp("hostile")
    with (
        create_store(f"gpkg:{folder}/hostile.gpkg", district, layers=frames) as store,
        people(store, standards, folder) as made,
    ):
        for name, role in (("boss", "administrator"), ("watcher", "auditor"), ("planner", "planner")):
            area = NO_AREA if role == "auditor" else WHOLE_DISTRICT
            _, code = made.access.add_account(name, role, area, title=ATTACKS[0], by=OPERATOR)
            done = made.access.sign_in(name, code, address="192.0.2.1", agent=ATTACKS[2])
            made.access.sign_out(made.access.change_password(name, "", PASSWORD, session=done.token))
        for attack in ATTACKS:
            made.access.add_device("wall", attack[:80], by=OPERATOR)
            made.access.add_key(attack[:80], "planner", {"read"}, by=OPERATOR)
            made.access.record(
                OPERATOR, "export", what=attack, purpose=attack, codes=[attack], fields=[attack]
            )
            signed_in = made.browser()
            signed_in.options = {"headers": {"User-Agent": attack}}
            signed_in.post("/sign-in", {"name": attack, "password": attack})
        yield made


@pytest.fixture(scope="module")
def planner(there: People) -> FlaskClient:
    browser = there.browser()
    assert browser.sign_in("planner").status_code == 303
    return browser.client


def checked(response: Response) -> str:
    """Return a text answer in which nothing could run."""
    text = response.get_data(as_text=True)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if response.mimetype == "text/html":
        assert live_in(text) == []
    return text


@pytest.mark.parametrize(
    ("name", "path"),
    [
        *(("boss", path) for path in ("/accounts", "/devices", "/keys", "/account", "/?lang=en")),
        *(("watcher", path) for path in ("/audit", "/audit?lang=en", "/account")),
        *(("planner", path) for path in ("/", "/?question=hotspots", "/account?lang=en")),
    ],
)
def test_no_page_lets_a_text_run(there: People, name: str, path: str) -> None:
    browser = there.browser()
    assert browser.sign_in(name).status_code == 303
    response = browser.get(path)
    assert response.status_code == 200
    text = checked(response)
    if name != "planner" or path == "/":
        assert "window.hit" in text, "the attack was never shown"


def test_no_account_page_or_form_lets_a_text_run(there: People) -> None:
    browser = there.browser()
    browser.sign_in("boss")
    for account in there.access.accounts():
        assert "window.hit" in checked(browser.get(f"/accounts/{account.id}"))
    for attack in ATTACKS:
        for path in ("/accounts", "/devices", "/keys"):
            given = dict.fromkeys(
                ("name", "title", "role", "area", "kind", "account", "scopes", "expires"), attack
            )
            checked(browser.post(path, given, page=path))
        checked(browser.get("/sign-in?next=" + quote(attack)))
        checked(browser.get("/enrol?code=" + quote(attack)))
        checked(browser.get("/start?code=" + quote(attack)))
        checked(browser.get("/account?done=" + quote(attack) + "&lang=" + quote(attack)))
        checked(browser.post("/sign-in", {"name": attack, "password": attack}))


def test_no_error_lets_what_was_asked_run(there: People, planner: FlaskClient) -> None:
    told = 0
    for attack in ATTACKS:
        for path in ("/{}", "/?question={}", "/?unit={}", "/download?kind={}", "/export-map?subdistrict={}",
                     "/tiles/{}/1/1/1.mvt", "/static/{}", "/api/layers/{}/features", "/api/search?{}=1", "/audit?who={}"):  # fmt: skip
            with planner.get(path.format(quote(attack, safe=""))) as response:
                assert response.status_code in (400, 403, 404)
                told += "window.hit" in checked(response)
                assert response.mimetype != "text/html" or "default-src 'none'" in str(response.headers)
    assert told > 50, "what was wrong is said"


def test_json_is_json_and_holds_texts_as_they_are(planner: FlaskClient) -> None:
    """As data; the type says so, and no browser may take it for a page."""
    for layer in LAYERS:
        response = planner.get(f"/api/layers/{layer}/features?limit=1000")
        assert response.mimetype == "application/geo+json"
        checked(response)
    found = planner.get("/api/search", query_string={"q": "window.hit", "limit": "50"})
    assert found.mimetype == "application/json" and "window.hit" in checked(found)


FORMULA = ("=", "+", "-", "@", "\t", "\r")


def test_no_cell_of_a_table_is_a_formula(planner: FlaskClient, there: People) -> None:
    tables = 0
    for question in ("gap", "double_none", "hotspots"):
        query = f"/download?question={question}&unit=communities&format="
        body = planner.get(query + "csv").data.decode("utf-8-sig")
        for row in csv.reader(io.StringIO(body)):
            assert not any(cell.startswith(FORMULA) and not is_number(cell) for cell in row), row
        book = openpyxl.load_workbook(io.BytesIO(planner.get(query + "xlsx").data))
        for cells in book.worksheets[0].iter_rows():
            for cell in cells:
                assert cell.data_type != "f" and cell.hyperlink is None, cell.value
        tables += 2
    watcher = there.browser()
    watcher.sign_in("watcher")
    log = watcher.get("/audit/log.csv")
    assert log.status_code == 200 and "attachment" in log.headers["Content-Disposition"]
    for row in csv.reader(io.StringIO(log.data.decode("utf-8-sig"))):
        assert not any(cell.startswith(FORMULA) for cell in row), row
    assert tables == 6


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def untouched(page: Page) -> None:
    assert page.evaluate("window.hit") is None


@pytest.mark.browser
@pytest.mark.parametrize("question", ["gap", "double_none", "hotspots"])
def test_nothing_runs_in_the_planner_s_page(
    open_page: Open, standards: Standards, tmp_path: Path, question: str
) -> None:
    """List, card, search, pop-ups and the offline map, in a browser that reports every break of the policy."""
    district, frames = hostile_district()
    with (
        create_store(f"gpkg:{tmp_path}/hostile.gpkg", district, layers=frames) as store,
        serving(app_for(store, standards)) as address,
    ):
        page = open_page(
            f"{address}/?question={question}&unit={'communities' if question != 'hotspots' else 'management'}"
        )
        row = page.locator(".row").first
        expect(row).to_be_visible()
        row.click()
        expect(page.locator("#card, .card").first).to_be_visible()
        search = page.get_by_role("searchbox").or_(page.get_by_role("combobox")).first
        if search.count():
            search.fill("window.hit")
            expect(page.locator("[role=option]").first).to_be_visible()
        untouched(page)
        offline = (
            app_for(store, standards).test_client().get(f"/export-map?question={question}&unit=communities")
        )
        file = tmp_path / "offline.html"
        file.write_bytes(offline.data)
        browser = page.context.browser
        assert browser is not None
        opened_from_a_file(browser, file)


def opened_from_a_file(browser: Chromium, file: Path) -> None:
    context = browser.new_context(offline=True)
    try:
        page = context.new_page()
        page.goto(file.as_uri())
        expect(page.locator("h1")).to_be_visible()
        shape = page.locator("path.leaflet-interactive, .leaflet-interactive").first
        if shape.count():
            shape.click(force=True)
        untouched(page)
    finally:
        context.close()


@pytest.mark.browser
def test_nothing_runs_in_the_pages_about_accounts(open_page: Open, there: People) -> None:
    with serving(there.app) as address:
        for name, paths in (
            ("boss", ("/accounts", "/devices", "/keys", "/account")),
            ("watcher", ("/audit",)),
        ):
            page = open_page(f"{address}/sign-in")
            page.locator("input[name=name]").fill(name)
            page.locator("input[name=password]").fill(PASSWORD)
            page.locator("main form button[type=submit]").click()
            page.wait_for_load_state()
            for path in paths:
                page.goto(address + path)
                expect(page.locator("h1").first).to_be_visible()
                assert "window.hit" in page.content()
                untouched(page)
