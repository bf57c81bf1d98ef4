"""A store made with its past is the store in which all of that was written one by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import shapely

from layers.feature import Feature
from layers.problems import StoreExists
from layers.store import Authorship, District, PastWrite, Store, create_store, open_store

AT = datetime(2020, 1, 1, 8, tzinfo=UTC)
WHO = "甲"
PLACE = District(name="某区", metric_crs="EPSG:4547", as_of=date(2019, 12, 31))
HERE, THERE = shapely.Point(114.1, 22.5), shapely.Point(114.2, 22.6)


def room(code: str, at: shapely.Point = HERE, **values: Any) -> Feature:
    """Return a facility."""
    return Feature(code, at, {"name": f"站{code}", "kind": "library", "opened": date(2010, 1, 1), **values})


FIRST = (room("a"), room("b", opened=None), room("e"))
PAST = (
    # (day, note, what stood there before by code, what is written: a feature, or None to delete it)
    (date(2018, 3, 1), "开办", {"c": None}, {"c": room("c", opened=date(2018, 3, 1))}),
    (date(2018, 6, 1), "搬", {"a": room("a")}, {"a": room("a", THERE, name="新址")}),
    (None, "录错", {"a": room("a", THERE, name="新址")}, {"a": room("a", THERE)}),
    (date(2019, 1, 1), "", {"b": room("b", opened=None)}, {"b": None}),
    (date(2019, 1, 1), "又", {"c": room("c", opened=date(2018, 3, 1))}, {"c": room("c", opened=None)}),
)
WRITES = tuple(
    PastWrite(layer="facilities", replaced=before, note=note, effective=day) for day, note, before, _ in PAST
)


def by(note: str = "", effective: date | None = None) -> Authorship:
    return Authorship(who=WHO, note=note, effective=effective)


def made(new_url: Callable[[str], str], kind: str, features: tuple[Feature, ...]) -> Store:
    """Return a store into which features were loaded in one write."""
    with create_store(new_url(kind), PLACE, clock=lambda: AT) as loading:
        for feature in features:
            loading.insert("facilities", feature)
        return create_store(
            new_url(kind),
            PLACE,
            layers={"facilities": loading.read("facilities")},
            by=by("装入"),
            clock=lambda: AT,
        )


def kept(store: Store) -> list[Any]:
    """Return all that a store keeps of its layers and their past."""
    with store.contents() as contents:
        rows = [row for part in contents.layers["facilities"] for row in part.records]
        return [rows, list(contents.changes), list(contents.history), contents.history_since]


@pytest.mark.parametrize("kind", ["gpkg", "postgis"])
def test_a_store_with_a_past_is_one_that_was_written_to(new_url: Callable[[str], str], kind: str) -> None:
    with made(new_url, kind, FIRST) as written:
        for day, note, _, after in PAST:
            for code, feature in after.items():
                if feature is None:
                    written.delete("facilities", [code], by=by(note, day))
                else:
                    written.upsert("facilities", feature, by=by(note, day))
        frames = {"facilities": written.read("facilities")}
        url = new_url(kind)
        create_store(url, PLACE, layers=frames, past=WRITES, by=by("装入"), clock=lambda: AT).close()
        with open_store(url) as remembered:
            assert kept(remembered) == kept(written)
            assert remembered.verify() == []
            assert remembered.version() == 1 + len(PAST)
            for day in (date(2017, 12, 31), date(2018, 4, 1), date(2018, 12, 31), date(2019, 12, 31)):
                before = remembered.read("facilities", on=day)
                assert before.equals(written.read("facilities", on=day)), day
            assert [*remembered.read("facilities", on=date(2017, 12, 31)).index] == ["a", "b", "e"]


def test_a_layer_of_which_all_came_about_later_is_loaded_empty(new_url: Callable[[str], str]) -> None:
    with made(new_url, "gpkg", (room("a"),)) as there:
        frames = {"facilities": there.read("facilities")}
    past = [PastWrite(layer="facilities", replaced={"a": None}, effective=date(2019, 1, 1))]
    with create_store(new_url("gpkg"), PLACE, layers=frames, past=past) as store:
        assert [(change.version, change.codes) for change in store.changes(since=0)] == [(1, ("a",))]
        assert store.read("facilities", on=date(2018, 12, 31)).empty


@pytest.mark.parametrize(
    "replaced",
    [
        {"a": room("a")},
        {"no": None},
        {"b": room("a")},
        {"a": Feature("a", HERE, {"no": "such"})},
    ],
)
def test_a_past_that_cannot_have_been_makes_no_store(new_url: Callable[[str], str], replaced: Any) -> None:
    with made(new_url, "gpkg", (room("a"), room("b"))) as there:
        frames = {"facilities": there.read("facilities")}
    url = new_url("gpkg")
    past = [PastWrite(layer="facilities", replaced=replaced)]
    with pytest.raises(ValueError, match="facilities"):
        create_store(url, PLACE, layers=frames, past=past)
    create_store(url, PLACE, layers=frames).close()
    with pytest.raises(StoreExists):
        create_store(url, PLACE, layers=frames)
