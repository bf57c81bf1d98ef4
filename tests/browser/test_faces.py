"""What holds for all three faces: how much they load, that they speak one language at a time, that their numbers agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from layers.standards import Standards
from layers.store import create_store
from layers.visitors import WHOLE_DISTRICT, Area, Visitor
from tests.browser.conftest import Open, serving
from tests.district import small_district
from tests.visitors import PLANNER, app_for

pytestmark = pytest.mark.browser

SCREEN = Visitor("wall", WHOLE_DISTRICT, name="hall", via="device")
WORKER = Visitor(
    "grid_worker",
    Area("management_cells", frozenset({"G01", "G02", "G05", "G06"})),
    account="1" * 12,
    name="worker",
    via="session",
)
HAN = re.compile(r"[\u3400-\u9fff]")
ENGINE = re.compile(r"/vendor/")
MOST_BYTES, MOST_BYTES_WITH_ENGINE = 400_000, 800_000
"""Of scripts and style sheets, compressed: without and with the map engine."""
MOST_SCRIPTS = 90

TEXTS = """() => {
  const said = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.parentElement;
    if (at.closest("script, style, noscript, [lang=zh], [lang=zh-Hans]") || !at.checkVisibility()) continue;
    said.push(walker.currentNode.data);
  }
  for (const node of document.querySelectorAll("[aria-label], [title], [placeholder]"))
    if (!node.closest("[lang=zh], [lang=zh-Hans]"))
      for (const name of ["aria-label", "title", "placeholder"]) said.push(node.getAttribute(name) ?? "");
  said.push(document.title);
  return said;
}"""


@dataclass(frozen=True)
class Face:
    """A page, who opens it, and what is there once it is ready."""

    path: str
    visitor: Visitor
    ready: str


FACES = {
    "desk": Face("/", PLANNER, ".row"),
    "compare": Face("/compare", PLANNER, ".row, .crossing td, table td"),
    "field": Face("/field", WORKER, "#task-rows .row"),
    "wall": Face("/wall", SCREEN, ".wall-value strong"),
}


@pytest.fixture(scope="module")
def addresses(standards: Standards, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the address of the small district for each kind of visitor."""
    district, frames = small_district()
    url = f"gpkg:{tmp_path_factory.mktemp('faces') / 'small.gpkg'}"
    with (
        create_store(url, district, layers=frames) as store,
        serving(app_for(store, standards)) as desk,
        serving(app_for(store, standards, WORKER)) as field,
        serving(app_for(store, standards, SCREEN)) as wall,
    ):
        yield {"planner": desk, "grid_worker": field, "wall": wall}


def opened(open_page: Open, addresses: dict[str, str], face: Face, query: str = "") -> Page:
    page = open_page(f"{addresses[face.visitor.role]}{face.path}{query}")
    expect(page.locator(face.ready).first).to_be_visible()
    return page


@pytest.mark.parametrize("name", FACES)
def test_a_page_loads_little(name: str, addresses: dict[str, str], browser: Browser) -> None:
    face = FACES[name]
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(addresses[face.visitor.role] + face.path)
    expect(page.locator(face.ready).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    loaded: dict[str, int] = {}
    for answer in answers:
        if answer.request.resource_type in ("script", "stylesheet") and not answer.from_service_worker:
            path = urlsplit(answer.url).path
            loaded[path] = answer.request.sizes()["responseBodySize"]
    context.close()
    ours = sum(size for path, size in loaded.items() if not ENGINE.search(path))
    assert 5_000 < ours < MOST_BYTES, loaded
    assert sum(loaded.values()) < MOST_BYTES_WITH_ENGINE, loaded
    assert len(loaded) < MOST_SCRIPTS


@pytest.mark.parametrize("name", FACES)
def test_an_english_page_says_nothing_in_chinese_but_names(
    name: str, addresses: dict[str, str], open_page: Open
) -> None:
    _, frames = small_district()
    names = {
        str(value)
        for frame in frames.values()
        for column in frame.select_dtypes(include=["object", "str"])
        for value in frame[column].dropna().unique()
        if HAN.search(str(value))
    }
    page = opened(open_page, addresses, FACES[name], "?lang=en")
    left = [said for said in page.evaluate(TEXTS) if HAN.search(_without(said, names))]
    assert left == []


def _without(said: str, names: set[str]) -> str:
    """Return a text without the names that the district's own rows give."""
    for one in sorted(names, key=len, reverse=True):
        said = said.replace(one, "")
    # Labels leave out what names of subdistricts end with.
    for one in names:
        said = said.replace(one.removesuffix("街道"), "") if one.endswith("街道") else said
    return said.replace("深圳市罗湖区", "").replace("罗湖区", "").replace("中", "", 1)


def test_desk_and_wall_say_the_same_numbers(addresses: dict[str, str], open_page: Open) -> None:
    desk = opened(open_page, addresses, FACES["desk"], "?lang=en")
    wall = opened(open_page, addresses, FACES["wall"], "?lang=en")
    told = desk.locator('[data-question="double_none"] .headline-figure').first
    expect(told).to_be_visible()
    count = re.search(r"\d+", told.inner_text())
    assert count is not None
    shown = [text for text in wall.locator(".wall-value strong").all_inner_texts() if text.strip()]
    assert count[0] in " ".join(shown).split(), (count[0], shown)
