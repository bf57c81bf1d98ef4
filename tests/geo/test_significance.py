"""Probabilities against SciPy's, classes against the rule written out for all cells."""

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import stats

from geo.cells import square_cells
from geo.hotspots import getis_ord_gi_star
from geo.significance import CLASSES, benjamini_hochberg, class_codes, two_sided_p

SIDE = 12


def test_two_sided_p() -> None:
    z = np.array([0.0, 1.959963984540054, -2.5758293035489004, 8.0, np.nan])
    np.testing.assert_allclose(two_sided_p(z), [1.0, 0.05, 0.01, 2 * stats.norm.sf(8.0), np.nan], rtol=1e-9)


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0.0, 1.0)))
def test_benjamini_hochberg_agrees_with_scipy(p: NDArray[np.float64]) -> None:
    adjusted = benjamini_hochberg(p)
    np.testing.assert_allclose(adjusted, stats.false_discovery_control(p), rtol=1e-12)
    assert (adjusted >= p * (1 - 1e-15)).all()
    holed = np.concatenate((p, [np.nan, np.nan]))[::-1]
    np.testing.assert_array_equal(benjamini_hochberg(holed)[::-1][:-2], adjusted)
    assert np.isnan(benjamini_hochberg(holed)[:2]).all()


def test_benjamini_hochberg_at_the_ends() -> None:
    assert benjamini_hochberg([]).shape == (0,)
    for bad in (-0.1, 1.1):
        with pytest.raises(ValueError, match="outside 0 to 1"):
            benjamini_hochberg([0.5, bad])


@given(
    hnp.arrays(np.float64, st.integers(0, 60), elements=st.floats(0.0, 1.0)),
    st.sampled_from([0.01, 0.05, 0.1, 0.5]),
)
def test_below_a_limit_the_smallest_probabilities_are_adjusted_as_among_all(
    p: NDArray[np.float64], limit: float
) -> None:
    small = p <= limit
    whole, alone = benjamini_hochberg(p), benjamini_hochberg(p[small], of=len(p))
    below = whole[small] <= limit
    np.testing.assert_array_equal(alone[below], whole[small][below])
    assert (alone[~below] > limit).all()
    assert (whole[~small] > limit).all()


def named(z: NDArray[np.float64]) -> list[str]:
    """Name the class of each cell by its adjusted probability among all that have one."""
    known = ~np.isnan(z)
    adjusted = np.full(len(z), np.nan)
    adjusted[known] = stats.false_discovery_control(2.0 * stats.norm.sf(np.abs(z[known])))
    names = []
    for score, chance in zip(z, adjusted, strict=True):
        level = next(
            (text for limit, text in ((0.01, "99"), (0.05, "95"), (0.1, "90")) if chance <= limit), ""
        )
        side = "hot" if score > 0 else "cold"
        names.append("masked" if np.isnan(score) else f"{side}_{level}" if level else "none")
    return names


SCORES = (
    st.floats(-6.0, 6.0) | st.floats(1.6, 2.6) | st.just(np.nan) | st.sampled_from([0.0, 1.645, -1.645, 40.0])
)


@given(hnp.arrays(np.float64, st.integers(1, 80), elements=SCORES))
@example(np.full(9, 1.6449))  # all of them on the loosest limit
@example(np.array([np.nan, 3.0]))
def test_classes_are_those_of_all_probabilities(z: NDArray[np.float64]) -> None:
    codes = class_codes(z)
    assert codes.dtype == np.int8
    assert [CLASSES[code] for code in codes] == named(z)


def test_classes_of_probabilities_on_a_limit() -> None:
    """A limit belongs to its class: one test alone is not adjusted."""
    for chance, level in ((0.01, "99"), (0.05, "95"), (0.1, "90")):
        far = stats.norm.isf(chance / 2)
        at = next(z for z in np.nextafter(far, [0.0, 9.0]) if two_sided_p(z) <= chance)
        assert CLASSES[class_codes([at])[0]] == f"hot_{level}"
        assert CLASSES[class_codes([-at])[0]] == f"cold_{level}"
        assert CLASSES[class_codes([far - 1e-9])[0]] != f"hot_{level}"
    assert class_codes([]).shape == (0,)


def test_a_planted_cluster_is_found() -> None:
    grid = square_cells(1, crs="EPSG:4547", outline=shapely.box(0.5, 0.5, SIDE - 0.5, SIDE - 0.5))
    values = np.random.default_rng(5).gamma(4.0, 1.0, SIDE * SIDE).reshape(SIDE, SIDE)
    values[3:6, 3:6] += 15.0
    z = getis_ord_gi_star(values.ravel(), grid.neighbours())
    classes = class_codes(z).reshape(SIDE, SIDE)
    assert (classes[3:6, 3:6] == CLASSES.index("hot_99")).all()
    assert (classes[8:, 8:] == CLASSES.index("none")).all()
