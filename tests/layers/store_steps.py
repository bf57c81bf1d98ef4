"""Random work on a store and on the model beside it: both must say the same after every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd
import shapely
from hypothesis import note
from hypothesis import strategies as st

from layers.feature import Feature as SingleFeature
from layers.problems import FeaturesExist, NotFound, StoreConflict
from layers.schema import LAYERS
from layers.store import Authorship, create_store, open_store
from tests.layers.store_contract import PLACE, SOUTH, WEST, frame_of
from tests.layers.store_model import Feature, Model, Refused, State, features_of

Step = tuple[str, dict[str, Any]]
"""What is done, and how."""

CODES = ("a", "A", "é", "\ufdd0", "😀")
DAYS = (date(2019, 12, 31), date(2020, 1, 1), date(1, 1, 1), date(9999, 12, 31))
CODE_WEIGHTS = (15, 4, 1, 1, 1)
ALL_DAYS = (*DAYS, date(2020, 1, 2), date(1949, 10, 1))
TEXTS = ("x", "", "\\N\t'\"\n", "业委会")

_SQUARES = [shapely.box(WEST + 0.1 * k, SOUTH, WEST + 0.1 * k + 0.05, SOUTH + 0.05) for k in range(3)]
_POINTS = [shapely.Point(WEST + 0.1 * k, SOUTH) for k in range(3)]

FEATURES: dict[str, dict[str, Sequence[Any]]] = {
    "subdistricts": {"geometry": [*_SQUARES, shapely.MultiPolygon(_SQUARES[:2])], "name": TEXTS},
    "buildings": {
        "geometry": [*_POINTS[:1], *_SQUARES[:2], shapely.MultiPolygon(_SQUARES[1:])],
        "floors": (None, 1, 2**63 - 1),
        "floor_area_m2": (None, 0.1, float("inf")),
    },
    "complaints": {
        "geometry": _POINTS,
        "category": TEXTS,
        "closed": (None, *(day.isoformat() for day in DAYS)),
        "text": (None, *TEXTS),
    },
}
"""The layers that are worked on, and the values that are tried."""

# How many versions ago the author looked; -1 is a version that has not been.
VERSIONS_AGO = (*[None] * 16, 0, 1, 1, 2, 5, -1)
WORK = (
    *["insert"] * 3,
    *["update"] * 7,
    *["upsert"] * 4,
    *["delete"] * 4,
    *["look"] * 3,
    "remember",
    "open_again",
)


def _choose_steps(seed: int, kept: list[bool]) -> list[Step]:
    chance = Random(seed)
    # Most happens again and again to the same.
    layers = chance.sample(list(FEATURES), len(FEATURES))
    steps = [_choose_step(chance, chance.choices(layers, weights=(12, 2, 1))[0]) for _ in kept]
    return [step for step, is_kept in zip(steps, kept, strict=True) if is_kept]


def _choose_step(chance: Random, layer: str) -> Step:
    work = chance.choice(WORK)
    if work == "open_again":
        return work, {"clock_set_by_s": chance.randint(-(10**9), 10**9)}
    if work == "remember":
        return work, {"layer": layer, "code": chance.choice(CODES), "since": chance.randint(0, 20)}
    codes = chance.sample((*CODES, "none"), chance.randint(0, 4))
    if work == "look":
        when = chance.choice((None, chance.randint(0, 30), chance.choice(ALL_DAYS)))
        box = chance.choice((None, (WEST, SOUTH, WEST + 0.1 * chance.randint(0, 2), SOUTH)))
        return work, {"layer": layer, "when": when, "codes": chance.choice((None, codes)), "box": box}
    by = Authorship(
        who=chance.choice(("", "甲", "O'Hara")),
        note=chance.choice(("", '"why"')),
        effective=chance.choices((None, *DAYS), weights=(3, 5, 5, 1, 1))[0],
    )
    given: dict[str, Any] = {"layer": layer, "by": by}
    if work != "insert":
        given["ago"] = chance.choice(VERSIONS_AGO)
    if work == "delete":
        return work, given | {"codes": chance.choices((*CODES, "none"), weights=(*CODE_WEIGHTS, 1), k=2)}
    codes = chance.choices(CODES, weights=CODE_WEIGHTS, k=chance.randint(1, 3))
    return work, given | {"features": {code: _choose_feature(chance, layer) for code in codes}}


def _choose_feature(chance: Random, layer: str) -> Feature:
    values = {name: chance.choice(values) for name, values in FEATURES[layer].items()}
    return {name: value for name, value in values.items() if value is not None}


STEPS = st.builds(
    _choose_steps,
    st.integers(0, 2**64 - 1),
    # By chance alone each step is another; what fails is then cut down to the steps that it takes.
    st.lists(st.sampled_from((False, True, True, True, True)), min_size=25, max_size=25),
)
"""Twenty steps or so."""


def take(steps: list[Step], url: str) -> None:
    """Take steps on a new store at `url` and on its model: they agree after each, and on all that was."""
    with closing(Pair(url)) as pair:
        pair.assert_agree()
        for name, given in steps:
            note(f"{name}: {given}")
            getattr(pair, name)(**given)
            pair.assert_agree()
        pair.assert_remember_alike()


class Pair:
    """A new store at a URL and its model; each method is a step that both take and must agree on."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._now = datetime(2020, 1, 1, tzinfo=UTC)
        self._store = create_store(url, PLACE, clock=lambda: self._now)
        self._model = Model(FEATURES)
        self._touched = list(FEATURES)

    def insert(self, layer: str, features: State, by: Authorship) -> None:
        new = {code: feature for code, feature in features.items() if code not in self._model.present(layer)}
        self._write(layer, "insert", new or features, by, {})

    def update(self, layer: str, features: State, by: Authorship, ago: int | None) -> None:
        present = self._model.present(layer)
        there = {code: feature for code, feature in features.items() if code in present}
        if present and not there:
            there = dict(zip(present, features.values(), strict=False))
        self._write(layer, "update", there or features, by, self._base(ago))

    def upsert(self, layer: str, features: State, by: Authorship, ago: int | None) -> None:
        self._write(layer, "upsert", features, by, self._base(ago))

    def delete(self, layer: str, codes: list[str], by: Authorship, ago: int | None) -> None:
        base = self._base(ago)
        expected = _outcome(lambda: self._model.delete(layer, codes, by=by, at=self._now, **base))
        assert _outcome(lambda: self._store.delete(layer, codes, by=by, **base)) == expected
        self._touched = [layer]

    def look(
        self,
        layer: str,
        when: int | date | None,
        codes: list[str] | None,
        box: tuple[float, float, float, float] | None,
    ) -> None:
        """Read by code and box, now, as of a version, or on a day."""
        past: dict[str, Any] = {}
        expected = self._model.present(layer)
        if isinstance(when, int):
            past["version"] = when % len(self._model.states)
            expected = self._model.states[past["version"]][layer]
        elif when is not None:
            past["on"] = when
            expected = self._model.on(layer, when)
        found = self._store.read(layer, codes=codes, bbox=box, **past)
        assert_same(
            features_of(found, layer),
            {
                code: feature
                for code, feature in expected.items()
                if (codes is None or code in codes) and (box is None or _meets(feature, box))
            },
        )

    def remember(self, layer: str, code: str, since: int) -> None:
        """Ask what was done, to one feature and since a version."""
        assert self._store.history(layer, code) == self._model.history(layer, code)
        since = min(since, self._model.version)
        found, expected = self._store.changes(since=since), self._model.changes[since:]
        assert [(change, change.at) for change in found] == [(change, change.at) for change in expected]

    def open_again(self, clock_set_by_s: int) -> None:
        self._now += timedelta(seconds=clock_set_by_s)
        self._store.close()
        self._store = open_store(self._url, clock=lambda: self._now)

    def _base(self, ago: int | None) -> dict[str, int]:
        version = self._model.version
        return {} if ago is None else {"based_on": version - ago if ago <= version else 0}

    def _write(self, layer: str, mode: str, features: State, by: Authorship, base: dict[str, int]) -> None:
        # One alone comes in either form.
        alone = len(features) == 1 and self._model.version % 2 == 0
        given = _single(layer, features) if alone else _frame(layer, features)
        expected = _outcome(lambda: self._model.write(layer, features, mode, by=by, at=self._now, **base))
        assert _outcome(lambda: getattr(self._store, mode)(layer, given, by=by, **base)) == expected
        self._touched = [layer]

    def assert_agree(self) -> None:
        """Compare what stands now, as far as the last step can have changed it."""
        assert self._store.version() == self._model.version
        counts = self._store.counts()
        assert {layer: n for layer, n in counts.items() if n} == {
            layer: len(self._model.present(layer)) for layer in FEATURES if self._model.present(layer)
        }
        for layer in self._touched:
            assert_same(features_of(self._store.read(layer), layer), self._model.present(layer))
        self._touched = []

    def assert_remember_alike(self) -> None:
        """Compare all that was."""
        for change in self._model.changes:
            found = self._store.read(change.layer, version=change.version)
            expected = self._model.states[change.version][change.layer]
            assert_same(features_of(found, change.layer), expected)
        for layer in {change.layer for change in self._model.changes}:
            for day in ALL_DAYS:
                held = features_of(self._store.read(layer, on=day), layer)
                assert_same(held, self._model.on(layer, day))

    def close(self) -> None:
        self._store.close()


def assert_same(found: State, expected: State) -> None:
    """Assert that features are equal and come in the order of their codes."""
    assert found == expected
    assert list(found) == sorted(expected)


def _frame(layer: str, features: State) -> Any:
    names = {name for feature in features.values() for name in feature} - {"geometry"}
    # As objects: a list of whole numbers and None would become floats on the way.
    columns = {
        name: pd.array([feature.get(name) for feature in features.values()], dtype=object) for name in names
    }
    return frame_of(layer, list(features), [feature["geometry"] for feature in features.values()], **columns)


def _single(layer: str, features: State) -> SingleFeature:
    ((code, values),) = features.items()
    days = {field.name for field in LAYERS[layer].fields if field.type == "date"}
    return SingleFeature(
        code,
        values["geometry"],
        {
            name: date.fromisoformat(value) if name in days else value
            for name, value in values.items()
            if name != "geometry"
        },
    )


def _meets(feature: Feature, box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = feature["geometry"].bounds
    return bool(west <= box[2] and east >= box[0] and south <= box[3] and north >= box[1])


def _outcome(work: Callable[[], Any]) -> Any:
    """Return what came of a write, refusals included, so that two can be compared."""
    try:
        return work()
    except Refused as refused:
        return refused.kind, refused.said
    except FeaturesExist as problem:
        return FeaturesExist, problem.codes
    except StoreConflict as problem:
        return StoreConflict, problem.conflicts
    except NotFound:
        return NotFound, None
