"""What is tapped on each page, in order: what planners and grid workers do most, each a few times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass(frozen=True)
class Tap:
    """An interaction by its name, and how it is done."""

    name: str
    do: Callable[[Page], None]


def _on(selector: str, at: int, page: Page) -> None:
    page.locator(selector).nth(at).tap()


def _anyhow(selector: str, page: Page) -> None:
    """Tap on what the map's labels may lie over."""
    page.locator(selector).first.tap(force=True)


def _on_map(across: float, page: Page) -> None:
    box = page.locator("#map").bounding_box()
    if box is None:
        raise RuntimeError("the page shows no map")
    page.touchscreen.tap(box["x"] + box["width"] * across, box["y"] + box["height"] / 2)


def _key(key: str, page: Page) -> None:
    page.keyboard.press(key)


def _slide(key: str, page: Page) -> None:
    page.locator("input[type=range]").press(key)


def _tap(name: str, selector: str, at: int = 0) -> Tap:
    return Tap(name, partial(_on, selector, at))


def _back() -> Tap:
    return _tap("close a task", "#verify .sheet-head button")


DESK = (
    *(_tap("choose a row", "#list .row", at) for at in (1, 3, 5)),
    *(Tap("tap on the map", partial(_on_map, across)) for across in (0.4, 0.5, 0.6)),
    *(_tap("sort the list", f"[data-column={column}]") for column in ("name", "value", "name")),
    *(
        _tap("choose a question", f".question[data-question={question}] .question-title label")
        for question in ("gap", "hotspots", "gap")
    ),
    *(Tap("move the limit", partial(_slide, key)) for key in ("ArrowRight", "ArrowRight", "ArrowLeft")),
    _tap("go to the search", "#search-text"),
    *(Tap("type a letter", partial(_key, key)) for key in "12ab"),
    Tap("leave the search", partial(_key, "Escape")),
    _tap("open the layers", "#map-tools button", 3),
    _tap("hide a layer", ".menu-item", 2),
    Tap("close the layers", partial(_key, "Escape")),
    _tap("nearer", "#map-tools button", 0),
    _tap("farther", "#map-tools button", 1),
)

TABLET = (
    *(tap for at in (0, 1, 2) for tap in (_tap("open a task", "#task-rows .row button", at), _back())),
    _tap("the whole area", "#whole"),
    Tap("tap a number on the map", partial(_anyhow, ".pin-number:visible")),
    _back(),
    Tap("tap on the map", partial(_on_map, 0.5)),
    *(_tap("buildings on or off", "#buildings") for _ in range(2)),
    _tap("open a community", "details.community summary"),
    _tap("go to verifying", ".tab[data-view=verify]"),
    *(_tap("answer", ".answers .choice", at) for at in (0, 1, 2)),
    _tap("name evidence", ".evidence .choice"),
    _tap("go to the note", "#verify-note"),
    Tap("type a letter", partial(_key, "a")),
    _tap("record", ".sheet-foot button"),
    _tap("go to the outbox", ".tab[data-view=outbox]"),
    _tap("go to the package", ".tab[data-view=package]"),
    _tap("go to my grid", ".tab[data-view=grid]"),
    _tap("in the sun", "#theme"),
)
