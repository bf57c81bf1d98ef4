"""Untold counts stay untold: what can be worked out of them is found by trying everything, and by linear programming."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from layers.sight import Sight
from layers.suppression import rounded, told_counts, untold
from tests.layers.attack import System

SMALL = 5
LEAST = Sight(aggregates="public", small_count=SMALL).least_complaints
Tree = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]


@st.composite
def trees(draw: st.DrawFn, most: int = 400) -> Tree:
    """Draw a district over subdistricts over neighbourhoods, with what is left over in each."""
    count = st.one_of(st.integers(0, 6), st.integers(0, most))
    shape = draw(st.lists(st.lists(count, max_size=4), max_size=4))
    over = draw(st.lists(st.one_of(st.just(0), count), min_size=len(shape) + 1, max_size=len(shape) + 1))
    counts, parents, shown = [0], [-1], [True]
    for below, left in zip(shape, over[1:], strict=True):
        at = len(counts)
        counts.append(sum(below) + left)
        parents.append(0)
        shown.append(True)
        counts += below
        parents += [at] * len(below)
        shown += [True] * len(below)
        if below:
            counts.append(left)
            parents.append(at)
            shown.append(False)
    counts[0] = sum(n for n, parent in zip(counts, parents, strict=True) if parent == 0) + over[0]
    if shape:
        counts.append(over[0])
        parents.append(0)
        shown.append(False)
    return np.array(counts), np.array(parents), np.array(shown)


def attacked(tree: Tree, hidden: NDArray[np.bool_]) -> System:
    """Return what somebody knows who reads what is told, and knows where nothing is left over."""
    counts, _, shown = tree
    system = sums(tree)
    for node, n in enumerate(counts):
        known = not hidden[node] if shown[node] else n == 0
        if known:
            system.equal({node: 1}, int(n))
    return system


def sums(tree: Tree) -> System:
    """Return what everybody knows: parts add up."""
    counts, parents, _ = tree
    system = System()
    for node in range(len(counts)):
        below = np.flatnonzero(parents == node)
        if len(below):
            system.equal({node: 1, **{int(child): -1 for child in below}}, 0)
    return system


@settings(max_examples=150)
@given(trees())
def test_no_small_count_can_be_narrowed(tree: Tree) -> None:
    counts, parents, shown = tree
    hidden = untold(counts, parents, shown, small=SMALL)
    assert not hidden[~shown].any()
    assert hidden[shown & (counts < SMALL)].all()
    system = attacked(tree, hidden)
    for node in np.flatnonzero((counts < SMALL) & (shown | (counts > 0))):
        low, high = system.range_of({int(node): 1})
        assert low <= 0 and high >= SMALL - 1, (counts.tolist(), parents.tolist(), hidden.tolist(), node)


@settings(max_examples=60)
@given(trees(most=12))
def test_what_is_told_and_hidden_makes_sense(tree: Tree) -> None:
    counts, parents, shown = tree
    hidden = untold(counts, parents, shown, small=SMALL)
    if (counts[shown] >= SMALL).all() and not ((counts > 0) & (counts < SMALL)).any():
        assert not hidden.any()
    # Whoever hides nothing but the small counts gives some of them away: that is found.
    naive = shown & (counts < SMALL)
    if naive.any() and (hidden & ~naive).any():
        system = attacked(tree, naive)
        ranges = [
            system.range_of({int(node): 1})
            for node in np.flatnonzero((counts < SMALL) & (shown | (counts > 0)))
        ]
        assert any(low > 0 or high < SMALL - 1 for low, high in ranges)


def test_by_trying_all_worlds() -> None:
    """A district of two subdistricts: every world that the told numbers allow is counted out."""
    counts = np.array([33, 18, 15, 3, 15, 6, 9])
    parents = np.array([-1, 0, 0, 1, 1, 2, 2])
    shown = np.ones(7, dtype=bool)
    hidden = untold(counts, parents, shown, small=SMALL)
    assert hidden.tolist() == [False, False, False, True, True, False, False]
    worlds = [
        world
        for world in product(range(34), repeat=4)
        if (world[0] + world[1], world[2], world[3]) == (18, 6, 9)
    ]
    assert {world[0] for world in worlds} == set(range(19))


@pytest.mark.parametrize(
    ("counts", "parents", "shown", "expected"),
    [
        # A small one beside large ones takes the smallest of them along.
        ([60, 3, 40, 17], [-1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 1]),
        # Two small ones whose sum leaves either free need nobody.
        ([46, 3, 3, 40], [-1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]),
        # Two whose sum is too small do.
        ([43, 2, 1, 40], [-1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 1]),
        # Nothing is small, too: nobody is told that there is none.
        ([57, 0, 40, 17], [-1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 1]),
        # An only child is its parent: they go together, and take a cousin and its parent along.
        ([63, 3, 60, 3, 20, 40], [-1, 0, 0, 1, 2, 2], [1] * 6, [0, 1, 1, 1, 1, 0]),
        # Few in all: nothing is told.
        ([7, 3, 4], [-1, 0, 0], [1, 1, 1], [0, 1, 1]),
        ([3, 3, 0], [-1, 0, 0], [1, 1, 1], [1, 1, 1]),
        # What is left over and small is protected like any other, though it is shown nowhere.
        ([62, 40, 20, 2], [-1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0]),
        ([60, 40, 20, 0], [-1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]),
        # Data that contradict themselves: more in the parts than in the whole.
        ([40, 3, 37, 10, -7], [-1, 0, 0, 1, 1], [1, 1, 1, 1, 0], [0, 1, 1, 1, 0]),
        ([], [], [], []),
    ],
)
def test_what_stays_untold(
    counts: list[int], parents: list[int], shown: list[int], expected: list[int]
) -> None:
    found = untold(
        np.array(counts, dtype=np.int64),
        np.array(parents, dtype=np.int64),
        np.array(shown, bool),
        small=SMALL,
    )
    assert found.astype(int).tolist() == expected


@pytest.mark.parametrize(
    ("counts", "parents"), [([5, 4], [-1, 0]), ([5, 5], [-1, -1]), ([5, 5, 5], [-1, 2, 0]), ([1], [0])]
)
def test_what_is_no_tree_or_does_not_add_up_is_refused(counts: list[int], parents: list[int]) -> None:
    with pytest.raises(ValueError, match=r"cannot stand under|not the sum"):
        untold(np.array(counts), np.array(parents), np.ones(len(counts), bool), small=SMALL)


# Rounded, and looked at twice


@pytest.mark.parametrize(("small", "least"), [(3, 8), (5, 8), (7, 8), (8, 13), (12, 13), (13, 18)])
def test_no_step_from_untold_to_told_is_one_of_a_small_count(small: int, least: int) -> None:
    assert Sight(aggregates="public", small_count=small).least_complaints == least
    before, after = rounded(np.array([least - 1, least]))
    assert least - 1 >= small and before < after


def known_of(tree: Tree, told: NDArray[np.float64]) -> System:
    """Return what somebody knows who reads rounded counts, and knows where nothing is left over."""
    counts, _, shown = tree
    system = sums(tree)
    for node, n in enumerate(counts):
        if shown[node] and np.isfinite(told[node]):
            system.between({node: 1}, int(told[node]) - 2, int(told[node]) + 2)
        elif not shown[node] and n == 0:
            system.equal({node: 1}, 0)
    return system


@settings(max_examples=150)
@given(trees())
def test_rounded_counts_give_no_small_one_away(tree: Tree) -> None:
    counts, parents, shown = tree
    told = told_counts(counts, parents, shown, least=LEAST)
    system = known_of(tree, told)
    seen = shown & np.isfinite(told)
    assert (told[seen] == rounded(counts[seen])).all() and (told[seen] >= LEAST).all()
    for node in np.flatnonzero((counts < LEAST) & (shown | (counts > 0))):
        low, high = system.range_of({int(node): 1})
        assert low <= 0 and high >= LEAST - 1, (counts.tolist(), parents.tolist(), told.tolist(), node)


@settings(max_examples=300)
@given(trees(most=60), st.data())
def test_one_more_is_told_by_the_steps_it_crosses_alone(tree: Tree, data: st.DataObject) -> None:
    counts, parents, shown = tree
    parts = [node for node in range(len(counts)) if not (parents == node).any()]
    part = data.draw(st.sampled_from([node for node in parts if shown[node] or counts[node] > 0]))
    more, at = counts.copy(), part
    while at >= 0:
        more[at] += 1
        at = int(parents[at])
    before, after = (told_counts(one, parents, shown, least=LEAST) for one in (counts, more))
    other = ~((before == after) | (np.isnan(before) & np.isnan(after)))
    crossed = (rounded(counts) != rounded(more)) & (more >= LEAST)
    if not crossed[part]:
        assert (np.isnan(before) == np.isnan(after))[shown].all()
        assert crossed[other & shown].all()
    if more[part] < LEAST:  # nobody tells it from another part of the same parent
        beside = next((n for n in parts if n != part and parents[n] == parents[part]), part)
        elsewhere = more.copy()
        elsewhere[part] -= 1
        elsewhere[beside] += 1
        if shown[beside] and elsewhere[beside] < LEAST:
            assert np.array_equal(
                after[shown], told_counts(elsewhere, parents, shown, least=LEAST)[shown], equal_nan=True
            )
