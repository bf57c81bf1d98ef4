"""How a map looks that the canvas engine draws: what of the district lies under what lies over the map."""

from __future__ import annotations

from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as Late

_UNDER = """
(selectors) => {
  const over = selectors.map((one) => document.querySelector(one).getBoundingClientRect()).filter(({ width }) => width);
  const under = ({ left, right, top, bottom }) =>
    over.some((one) => right > one.left && left < one.right && bottom > one.top && top < one.bottom);
  const names = [...document.querySelectorAll(".map-name span")].filter((node) => under(node.getBoundingClientRect()));
  const edges = [...document.querySelectorAll(".leaflet-overlay-pane path")].filter((path) => {
    const [to, long] = [path.getScreenCTM(), path.getTotalLength()];
    const points = Array.from({ length: 500 }, (_, at) => path.getPointAtLength((long * at) / 500).matrixTransform(to));
    return points.some(({ x, y }) => under({ left: x, right: x, top: y, bottom: y }));
  });
  return [...names.map((node) => node.textContent), ...edges.map(() => "an edge")];
}
"""


def stands_clear(page: Page, *selectors: str) -> None:
    """Wait until no name of a subdistrict and no edge of the district lies under some elements."""
    try:
        page.wait_for_function(f"(selectors) => !({_UNDER})(selectors).length", arg=list(selectors))
    except Late:
        raise AssertionError(f"under {selectors}: {page.evaluate(_UNDER, list(selectors))}") from None
