"""The design's colours keep what docs/design.md promises, in every theme and for every kind of sight."""

from __future__ import annotations

import itertools
import re
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

with (
    warnings.catch_warnings()
):  # it names its optional parts that are not installed, and that tritan sight is an estimate
    warnings.simplefilter("ignore")
    import colour

    SIGHTS = {
        "normal": np.eye(3),
        **{
            kind: colour.blindness.matrix_cvd_Machado2009(kind, 1.0)
            for kind in ("Protanomaly", "Deuteranomaly", "Tritanomaly")
        },
    }

STYLES = Path(__file__).parents[2] / "webmap" / "static" / "css"
TOKENS = STYLES / "tokens.css"
BLOCK = re.compile(r':root(?:\[data-theme="(\w+)"\])?\s*\{(.*?)\n\}', re.DOTALL)
COLOUR = re.compile(r"--([\w-]+):\s*(#[0-9a-f]{6})\b")
LEAST_DIFFERENCE = 9.9
LEAST_TEXT, LEAST_EDGE = 4.5, 3.0

RAMPS = (tuple(f"gap-{n}" for n in range(5)), tuple(f"quantity-{n}" for n in range(5)))
CLASSES = (
    ("hot-3", "hot-2", "hot-1", "hot-plus-0", "hot-plus-1", "hot-plus-2", "hot-plus-3"),
    ("double-none", "no-manager", "no-committee", "complete"),
)
GROUNDS = ("page", "surface", "sunk")
Array = npt.NDArray[np.float64]


def read_themes() -> dict[str, dict[str, str]]:
    """Return each theme's colours; what a theme does not write is the light one's."""
    found: dict[str, dict[str, str]] = {}
    for sheet in sorted(STYLES.glob("*.css"), key=lambda path: path != TOKENS):
        for name, body in BLOCK.findall(sheet.read_text("utf-8")):
            found.setdefault(name or "light", {}).update(COLOUR.findall(body))
    return found


THEMES = read_themes()


def linear(digits: str) -> Array:
    encoded = np.array([int(digits[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.asarray(colour.cctf_decoding(encoded, function="sRGB"), np.float64)


def contrast(one: str, other: str) -> float:
    """Return the ratio of WCAG 2."""
    bright, dim = sorted((float(linear(d) @ [0.2126, 0.7152, 0.0722]) for d in (one, other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def lab(rgb: Array) -> Array:
    white = colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D65"]
    seen = colour.XYZ_to_Lab(colour.RGB_to_XYZ(np.clip(rgb, 0, 1), "sRGB"), illuminant=white)
    return np.asarray(seen, np.float64)


def difference(one: str, other: str) -> float:
    """Return the least CIEDE2000 over the kinds of sight."""
    return min(
        float(colour.delta_E(lab(sight @ linear(one)), lab(sight @ linear(other)), method="CIE 2000"))
        for sight in SIGHTS.values()
    )


def test_the_measure_agrees_with_published_pairs() -> None:
    # Sharma, Wu, Dalal (2005), table 1, pairs 1 and 25.
    pairs = (
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    )
    for one, other, published in pairs:
        assert colour.delta_E(np.array(one), np.array(other), method="CIE 2000") == pytest.approx(
            published, abs=1e-4
        )
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
def test_each_theme_names_every_colour(theme: str) -> None:
    assert THEMES["light"].keys() - THEMES[theme].keys() == set()
    assert THEMES[theme].keys() - THEMES["light"].keys() == set()


@pytest.mark.parametrize("theme", THEMES)
def test_classes_differ_for_every_sight(theme: str) -> None:
    colours = THEMES[theme]
    pairs = [pair for ramp in RAMPS for pair in itertools.pairwise(ramp)]
    pairs += [pair for classes in CLASSES for pair in itertools.combinations(classes, 2)]
    close = {
        pair: round(apart, 1)
        for pair in pairs
        if (apart := difference(colours[pair[0]], colours[pair[1]])) < LEAST_DIFFERENCE - 0.05
    }
    assert close == {}


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_edges_stand_out(theme: str) -> None:
    colours = THEMES[theme]
    asked = [(ink, ground, LEAST_TEXT) for ink in ("ink", "ink-2", "ink-3", "accent") for ground in GROUNDS]
    asked += [(ink, "accent-bg", LEAST_TEXT) for ink in ("ink", "ink-2", "accent")]
    asked += [(state, f"{state}-bg", LEAST_TEXT) for state in ("warn", "bad")]
    asked += [("on-accent", "accent", LEAST_TEXT), ("hatch", "hatch-bg", LEAST_EDGE)]
    asked += [(edge, "surface", LEAST_EDGE) for edge in ("control-edge", "focus", "warn", "bad", "ok")]
    faint = {
        (one, other): round(ratio, 2)
        for one, other, least in asked
        if (ratio := contrast(colours[one], colours[other])) < least
    }
    assert faint == {}


def test_colours_are_written_as_tokens() -> None:
    named = {digits: name for theme in THEMES.values() for name, digits in theme.items()}
    sources = [*STYLES.glob("*.css"), *(STYLES.parent / "js").rglob("*.js")]
    written = {
        f"{path.name}: {digits}"
        for path in sources
        for digits in re.findall(r"#[0-9a-f]{6}\b", BLOCK.sub("", path.read_text("utf-8")), re.IGNORECASE)
        if digits.lower() in named
    }
    assert written == set()
