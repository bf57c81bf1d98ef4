"""How a wall looks, measured in the page: sizes of text, what overflows or lies over something else, contrast."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

_TEXTS = """
() => {
  const wall = document.getElementById("wall").getBoundingClientRect();
  const seen = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.display === "none" || style.visibility !== "visible" || Number(style.opacity) < 0.05) return false;
    }
    return true;
  };
  const shade = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (one, ground) => one.slice(0, 3).map((c, i) => c * one[3] + ground[i] * (1 - one[3]));
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = shade(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const faded = (node) => {
    let opacity = 1;
    for (let at = node; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    return opacity;
  };
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const found = [];
  const walker = document.createTreeWalker(document.getElementById("wall"), NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest(".map, script, noscript, svg") || !seen(node)) continue;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = node.closest(".wall-question, .wall-linkage, .wall-legend, .wall-half, .wall-position, .wall-part, .wall-stale")
      ?.getBoundingClientRect() ?? wall;
    const behind = ground(node);
    const colour = over([...shade(style.color).slice(0, 3), faded(node)], behind);
    const [bright, dim] = [light(colour), light(behind)].sort((a, b) => b - a);
    for (const rect of range.getClientRects()) {
      // The line box of a font is higher than its signs: what is seen of them is an em.
      const middle = (rect.top + rect.bottom) / 2;
      found.push({
        text: text.data.trim().slice(0, 40),
        part: node.closest("[class]")?.className.toString() ?? "",
        size: size / wall.height,
        left: rect.left, right: rect.right, top: middle - size / 2, bottom: middle + size / 2,
        box: [box.left, box.top, box.right, box.bottom],
        contrast: (bright + 0.05) / (dim + 0.05),
      });
    }
  }
  return { found, wall: [wall.left, wall.top, wall.right, wall.bottom], inner: [innerWidth, innerHeight] };
}
"""
SMALLEST = 1 / 40
LEAST_CONTRAST = 4.5
_SLACK_PX = 1.5


def texts(page: Page) -> list[dict[str, Any]]:
    """Return every visible line of text with its box; where the wall itself does not fit, that is an error."""
    measured: dict[str, Any] = page.evaluate(_TEXTS)
    left, top, right, bottom = measured["wall"]
    width, height = measured["inner"]
    assert left >= -1 and top >= -1 and right <= width + 1 and bottom <= height + 1, measured["wall"]
    found: list[dict[str, Any]] = measured["found"]
    assert len(found) > 10
    return found


def faults(page: Page, *, screens: int = 1) -> list[str]:
    """Return what is wrong with the look: too small, cut, lying over something, too pale, or across a bezel."""
    lines = texts(page)
    told = []
    across = page.evaluate("innerWidth") / screens
    for one in lines:
        said = f"{one['text']!r} in {one['part']!r}"
        if one["size"] < SMALLEST:
            told.append(f"small: {said}, 1/{1 / one['size']:.0f}")
        box = one["box"]
        if (
            one["left"] < box[0] - _SLACK_PX
            or one["right"] > box[2] + _SLACK_PX
            or one["top"] < box[1] - _SLACK_PX
            or one["bottom"] > box[3] + _SLACK_PX
        ):
            told.append(f"cut: {said}, {_of(one)} in {[round(side) for side in box]}")
        if one["contrast"] < LEAST_CONTRAST:
            told.append(f"pale: {said}, {one['contrast']:.1f}")
        if one["left"] // across != (one["right"] - 1) // across:
            told.append(f"across a bezel: {said}")
    for at, one in enumerate(lines):
        for other in lines[at + 1 :]:
            wide = min(one["right"], other["right"]) - max(one["left"], other["left"])
            high = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            if wide > _SLACK_PX and high > _SLACK_PX:
                told.append(
                    f"over each other: {one['text']!r} and {other['text']!r}, {wide:.0f} x {high:.0f}"
                )
    return told


def _of(one: dict[str, Any]) -> list[int]:
    return [round(one[side]) for side in ("left", "top", "right", "bottom")]
