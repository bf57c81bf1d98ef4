"""Random work on a store and on the model beside it: both must say the same after every step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import shapely
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from layers.problems import FeaturesExist, NotFound, StoreConflict
from layers.store import Authorship, create_store, open_store
from tests.layers.store_contract import PLACE, SOUTH, WEST, frame_of
from tests.layers.store_model import Feature, Model, Refused, State, features_of

CODES = ("a", "A", "é", "\ufdd0", "😀")
_A_CODE = st.sampled_from((*CODES, "a", "a", "a", "é"))  # where most happens again and again to the same
DAYS = (date(1, 1, 1), date(2019, 12, 31), date(2020, 1, 1), date(9999, 12, 31))
ALL_DAYS = (*DAYS, date(2020, 1, 2), date(1949, 10, 1))
TEXTS = ("x", "", "\\N\t'\"\n", "业委会")

_SQUARES = [shapely.box(WEST + 0.1 * k, SOUTH, WEST + 0.1 * k + 0.05, SOUTH + 0.05) for k in range(3)]
_POINTS = [shapely.Point(WEST + 0.1 * k, SOUTH) for k in range(3)]


def _features(shapes: list[Any], **values: st.SearchStrategy[Any]) -> st.SearchStrategy[State]:
    known = st.fixed_dictionaries({"geometry": st.sampled_from(shapes), **values})
    feature = known.map(lambda found: {name: value for name, value in found.items() if value is not None})
    return st.dictionaries(_A_CODE, feature, max_size=4)


_maybe_text = st.sampled_from((None, *TEXTS))
_maybe_day = st.sampled_from((None, *(day.isoformat() for day in DAYS)))
FEATURES: dict[str, st.SearchStrategy[State]] = {
    "subdistricts": _features([*_SQUARES, shapely.MultiPolygon(_SQUARES[:2])], name=st.sampled_from(TEXTS)),
    "buildings": _features(
        [*_POINTS[:1], *_SQUARES[:2], shapely.MultiPolygon(_SQUARES[1:])],
        floors=st.sampled_from((None, 1, 2**63 - 1)),
        floor_area_m2=st.sampled_from((None, 0.1, float("inf"))),
    ),
    "complaints": _features(_POINTS, category=st.sampled_from(TEXTS), closed=_maybe_day, text=_maybe_text),
}

LAYER = st.sampled_from(list(FEATURES))
SOME_CODES = st.lists(_A_CODE | st.just("none"), max_size=4)
BOXES = st.sampled_from([(WEST, SOUTH, WEST + 0.1 * k, SOUTH) for k in range(3)])
BY = st.builds(
    Authorship,
    who=st.sampled_from(("", "甲", "O'Hara")),
    note=st.sampled_from(("", '"why"')),
    effective=st.sampled_from((None, *DAYS)),
)
# How many versions ago the author looked; -1 is a version that has not been.
VERSIONS_AGO = st.sampled_from((None, None, None, None, 0, 1, 2, 5, -1))
STEP_S = st.integers(-1000, 1000)


class StoreMachine(RuleBasedStateMachine):
    """Work on a new store, for a subclass that says where one can be."""

    new_url: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self._now = datetime(2020, 1, 1, tzinfo=UTC)
        self._url = self.new_url()
        self._store = create_store(self._url, PLACE, clock=lambda: self._now)
        self._model = Model(FEATURES)
        self._touched = list(FEATURES)

    @rule(
        data=st.data(), layer=LAYER, mode=st.sampled_from(("upsert", "upsert", "insert", "update")),
        by=BY, ago=VERSIONS_AGO, step_s=STEP_S,
    )  # fmt: skip
    def write(
        self, data: st.DataObject, layer: str, mode: str, by: Authorship, ago: int | None, step_s: int
    ) -> None:
        features = data.draw(FEATURES[layer])
        self._now += timedelta(seconds=step_s)
        base = {} if ago is None or mode == "insert" else {"based_on": self._model.version - ago}
        frame = _frame(layer, features)
        expected = _outcome(lambda: self._model.write(layer, features, mode, by=by, at=self._now, **base))
        assert _outcome(lambda: getattr(self._store, mode)(layer, frame, by=by, **base)) == expected
        self._touched = [layer]

    @rule(layer=LAYER, codes=SOME_CODES, by=BY, ago=VERSIONS_AGO, step_s=STEP_S)
    def delete(self, layer: str, codes: list[str], by: Authorship, ago: int | None, step_s: int) -> None:
        self._now += timedelta(seconds=step_s)
        base = {} if ago is None else {"based_on": self._model.version - ago}
        expected = _outcome(lambda: self._model.delete(layer, codes, by=by, at=self._now, **base))
        assert _outcome(lambda: self._store.delete(layer, codes, by=by, **base)) == expected
        self._touched = [layer]

    @rule(
        layer=LAYER, when=st.one_of(st.none(), st.integers(0, 30), st.sampled_from(ALL_DAYS)),
        codes=st.none() | SOME_CODES, box=st.none() | BOXES,
    )  # fmt: skip
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

    @rule(layer=LAYER, code=st.sampled_from(CODES), since=st.integers(0, 20))
    def remember(self, layer: str, code: str, since: int) -> None:
        """Ask what was done, to one feature and since a version."""
        assert self._store.history(layer, code) == self._model.history(layer, code)
        since = min(since, self._model.version)
        found, expected = self._store.changes(since=since), self._model.changes[since:]
        assert [(change, change.at) for change in found] == [(change, change.at) for change in expected]

    @rule()
    def open_again(self) -> None:
        self._store.close()
        self._store = open_store(self._url, clock=lambda: self._now)

    @invariant()
    def stands_as_the_model_does(self) -> None:
        assert self._store.version() == self._model.version
        counts = {layer: len(self._model.present(layer)) for layer in FEATURES}
        assert {layer: self._store.counts()[layer] for layer in FEATURES} == counts
        for layer in self._touched:
            assert_same(features_of(self._store.read(layer), layer), self._model.present(layer))
        self._touched = []

    def teardown(self) -> None:
        """Compare all that was, then close: also where a step has failed, which then is what is told."""
        try:
            for change in self._model.changes:
                found = self._store.read(change.layer, version=change.version)
                expected = self._model.states[change.version][change.layer]
                assert_same(features_of(found, change.layer), expected)
            for layer in {change.layer for change in self._model.changes}:
                for day in ALL_DAYS:
                    held = features_of(self._store.read(layer, on=day), layer)
                    assert_same(held, self._model.on(layer, day))
        finally:
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
