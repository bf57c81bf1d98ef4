"""How the benchmark of the pages reads what a browser reports, and that what it taps is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from bench.faces import LEFT_OUT_OF, Face, Interaction, interactions, longest
from bench.taps import DESK, TABLET, Tap
from layers.standards import Standards
from layers.store import open_store
from layers.visitors import Area, Visitor
from tests.browser.conftest import serving
from tests.visitors import PLANNER, app_for


def test_an_interaction_is_as_long_as_its_longest_event() -> None:
    # A finger goes down and up; the click is handled until 90 and drawn in the frame of 100 to 120.
    events = [[7, 10.0, 12.0, 24.0], [7, 60.0, 90.0, 136.0]]
    frames = [[10.0, 14.0, 18.0], [60.0, 100.0, 120.0]]
    (found,) = interactions("tap", events, frames)
    assert found.whole_s == pytest.approx(0.136)
    # 30 of handling and 20 of drawing; the 10 between them were not the page's.
    assert found.page_s == pytest.approx(0.050)


def test_what_is_shorter_than_is_reported_counts_as_one_frame() -> None:
    assert interactions("tap", [], []) == [Interaction("tap", 0.016, 0.016)]


def test_the_page_took_no_more_than_the_whole() -> None:
    (found,) = interactions("tap", [[1, 0.0, 5.0, 40.0]], [[0.0, 6.0, 500.0]])
    assert found.page_s == found.whole_s == pytest.approx(0.040)


@pytest.mark.parametrize(
    ("number", "at"), [(1, 0), (LEFT_OUT_OF - 1, 0), (LEFT_OUT_OF, 1), (2 * LEFT_OUT_OF, 2)]
)
def test_one_of_fifty_is_left_out(number: int, at: int) -> None:
    assert longest([float(one) for one in range(number)]) == number - 1 - at


def test_a_face_says_the_worst_of_each_kind() -> None:
    found = (Interaction("a", 0.1, 0.02), Interaction("b", 0.3, 0.01), Interaction("a", 0.05, 0.04))
    face = Face(name="desk", copies=1, first_s=1.0, interactions=found, shift=0.0)
    assert face.by_name() == {"a": (0.1, 0.04), "b": (0.3, 0.01)}
    assert (face.worst_s, face.page_s, face.middle_s) == (0.3, 0.04, 0.1)


@pytest.fixture(scope="module")
def pages(standards: Standards, demo_url: str) -> Iterator[dict[str, str]]:
    """Return the addresses of the desk and of a grid worker's tablet."""
    with open_store(demo_url, read_only=True) as store:
        cells = sorted(map(str, store.read("management_cells").index))[:60]
        area = Area("management_cells", frozenset(cells))
        worker = Visitor("grid_worker", area, account="1" * 12, name="worker", via="session")
        with (
            serving(app_for(store, standards, PLANNER)) as desk,
            serving(app_for(store, standards, worker)) as tablet,
        ):
            yield {"desk": f"{desk}/?question=double_none&map=14.3/22.56/114.13", "tablet": f"{tablet}/field"}


@pytest.mark.browser
@pytest.mark.parametrize(("name", "taps"), [("desk", DESK), ("tablet", TABLET)])
def test_everything_can_be_tapped(
    name: str, taps: tuple[Tap, ...], pages: dict[str, str], browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 1024, "height": 768}, has_touch=True, locale="zh-CN")
    page = context.new_page()
    page.goto(pages[name])
    page.locator(".row").first.wait_for()
    page.locator('#map[data-ready][aria-busy="false"]').wait_for()
    for tap in taps:
        tap.do(page)
    assert page.evaluate("window.innerWidth") == 1024
    context.close()
