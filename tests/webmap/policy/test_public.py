"""From what the public is told nobody works out a small count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from layers import cards, suppression
from layers.frames import conform
from layers.queries import PUBLIC_UNITS, QUESTIONS
from layers.schema import LAYERS
from layers.sight import ROUNDED_TO
from layers.standards import Standards
from layers.store import create_store
from layers.visitors import RESIDENT, Visitor
from tests.district import COMMUNITIES, one_epoch, place_of, small_district
from tests.layers.attack import System
from tests.visitors import POLICY, app_for

SMALL = POLICY.rules.small_count
UNITS = ("square:100", "h3:10", "management", "communities", "neighbourhoods", "subdistricts")
CODES = [row[0] for row in COMMUNITIES]
NEIGHBOURHOODS = sorted({place_of(code)[1] for code in CODES})
Frames = dict[str, gpd.GeoDataFrame]


def served(folder: Path, standards: Standards, frames: Frames, visitor: Visitor = RESIDENT) -> FlaskClient:
    district, _ = small_district()
    path = folder / f"{len(list(folder.iterdir()))}.gpkg"
    with one_epoch():
        store = create_store(f"gpkg:{path}", district, layers=frames)
    return app_for(store, standards, visitor).test_client()


# What the public is told, all of it.


def public_questions(kinds: tuple[str, ...], *, filters: bool = True) -> Iterator[dict[str, str]]:
    for question in QUESTIONS:
        for unit in UNITS:
            for kind in kinds if question == "gap" else kinds[:1]:
                for subdistrict in ("", "S1", "S2") if filters else ("",):
                    for of_kind in ("", "old_estate", "urban_village") if filters else ("",):
                        yield {
                            "question": question,
                            "unit": unit,
                            "kind": kind,
                            "subdistrict": subdistrict,
                            "community_kind": of_kind,
                            "lang": "en",
                        }


def public_answers(client: FlaskClient, kinds: tuple[str, ...], *, filters: bool = True) -> dict[str, Any]:
    """Ask everything that there is to ask, and return what was answered by address."""
    found: dict[str, Any] = {}
    for asked in public_questions(kinds, filters=filters):
        response = client.get("/api/view", query_string=asked)
        public = asked["unit"] in PUBLIC_UNITS[asked["question"]]
        assert response.status_code == (200 if public else 401), asked
        if not public:
            continue
        found["/api/view " + json.dumps(asked)] = response.get_json()
        if asked["subdistrict"] or asked["community_kind"]:
            continue
        for code in response.get_json()["rows"]["id"]:
            address = f"/api/units/{asked['unit']}/{code}"
            card = client.get(
                address, query_string={name: asked[name] for name in ("question", "kind", "lang")}
            )
            assert card.status_code == 200
            found[f"{address} {json.dumps(asked)}"] = card.get_json()
    for address in ("/api/district", "/api/layers", "/"):
        response = client.get(address)
        assert response.status_code == 200
        found[address] = re.sub(r'nonce="[^"]*"', "", response.text)
    for address in (
        "/api/summary",
        "/download",
        "/export-map",
        "/api/layers/complaints/features",
        "/api/view?question=hotspots&from=2019-06-01",
        "/api/view?question=hotspots&to=2019-06-01",
        "/api/view?question=hotspots&from=2019-01-02&to=2019-12-31",
        "/api/units/square:100/x",
        "/api/units/subdistricts/S1?to=2018-12-31",
        "/?unit=square:100",
    ):
        assert client.get(address).status_code == 401, address
    return found


class Attacker:
    """Reads public answers as equations over the complaints of each place; nothing that is said is missed."""

    def __init__(self, frames: Frames) -> None:
        self.system = System()
        self.suppressed: set[tuple[str, str]] = set()
        self.places: dict[tuple[str, str], list[str]] = {}
        for code in CODES:
            subdistrict, neighbourhood = place_of(code)
            for place in (
                ("communities", code),
                ("neighbourhoods", neighbourhood),
                ("subdistricts", subdistrict),
            ):
                self.places.setdefault(place, []).append(code)
        for code in NEIGHBOURHOODS:
            self.places["neighbourhoods", code].append(f"rest of {code}")
            self.places["subdistricts", code[:2]].append(f"rest of {code}")
        for code in ("S1", "S2"):
            self.places["subdistricts", code].append(f"rest of {code}")
        every = {name for parts in self.places.values() for name in parts}
        self.places["district", ""] = [*sorted(every), "rest"]
        # The strongest of attackers: knows where there is no complaint outside of the smaller places.
        for rest, n in left_over(frames).items():
            if n == 0 and rest in self.places["district", ""]:
                self.system.equal({rest: 1}, 0)

    def learn(self, place: tuple[str, str], value: float | None) -> None:
        """Learn what somebody is told of a place: about so many, or exactly so many where that is no rounded number."""
        if value is None:
            return
        off = 0 if value % ROUNDED_TO else ROUNDED_TO // 2
        self.system.between(dict.fromkeys(self.places[place], 1), int(value) - off, int(value) + off)

    def read(self, address: str, answer: Any) -> None:
        if address.startswith("/api/view"):
            self._read_view(answer)
        elif address.startswith("/api/units/"):
            self._read_card(answer)

    def _read_view(self, view: dict[str, Any]) -> None:
        rows, unit = view["rows"], view["query"]["unit"]
        assert not any(rows["residents"])
        for at, code in enumerate(rows["id"]):
            if rows["months"][at] is not None:
                self.learn((unit, code), sum(rows["months"][at]))
            self.learn((unit, code), rows["complaints"][at])
            if view["list"]["column"]["definition"] == "complaints":
                self.learn((unit, code), rows["value"][at])
                self.learn((unit, code), number_in(rows["value_text"][at]))
                if rows["suppressed"][at]:
                    self.suppressed.add((unit, code))
        headline = view["headlines"]["hotspots"]
        self.learn(("district", ""), headline["value"])
        self.learn(("district", ""), number_in(headline["value_text"]))
        if headline["value"] is None:
            self.suppressed.add(("district", ""))
        for item in view["strip"]:
            if item["definition"] == "complaints":
                assert view["query"]["community_kind"] is None
                chosen = view["query"]["subdistrict"]
                place = ("subdistricts", chosen) if chosen else ("district", "")
                self.learn(place, number_in(item["value_text"]))
        assert all(item["residents"] is None for item in view["legend"]["classes"])

    def _read_card(self, card: dict[str, Any]) -> None:
        place = card["unit"], card["id"]
        for figure in card["figures"]:
            if figure["id"] == "complaints":
                self.learn(place, number_in(figure["value_text"]))
        for reason in card["reason"]:
            told = re.search(r"([\d,]+) complaints", reason["text"])
            self.learn(place, number_in(told[1]) if told else None)
        if card["demands"]:
            self.learn(place, sum(item["count"] for item in card["demands"]))

    def check(self, frames: Frames) -> None:
        """Fail where a small count can be narrowed: it must be possible that it is any of 0 to `SMALL` - 1."""
        truth = complaints_of(frames)
        for place, count in truth.items():
            if count < SMALL and place[0] != "communities":
                assert place in self.suppressed, f"{place} is told to have {count}"
        small = [place for place in self.places if truth[place] < SMALL]
        for place in small:
            low, high = self.system.range_of(dict.fromkeys(self.places[place], 1))
            assert low <= 0 and high >= SMALL - 1, f"{place} has {truth[place]}: {low} to {high}"


def number_in(text: str) -> int | None:
    found = re.fullmatch(r"(?:about )?([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else None


def in_the_year(frames: Frames) -> pd.DataFrame:
    complaints = frames["complaints"]
    return complaints[(complaints["opened"] >= "2019-01-01") & (complaints["opened"] <= "2019-12-31")]


def complaints_of(frames: Frames) -> dict[tuple[str, str], int]:
    complaints = in_the_year(frames)
    names = {"community": CODES, "neighbourhood": NEIGHBOURHOODS, "subdistrict": ["S1", "S2"]}
    layers = {"community": "communities", "neighbourhood": "neighbourhoods", "subdistrict": "subdistricts"}
    found = {
        (layers[level], code): int((complaints[level] == code).sum())
        for level, codes in names.items()
        for code in codes
    }
    return found | {("district", ""): len(complaints)}


def left_over(frames: Frames) -> dict[str, int]:
    complaints = in_the_year(frames)
    bare = complaints[complaints["community"].isna()]
    found = {f"rest of {code}": int((bare["neighbourhood"] == code).sum()) for code in NEIGHBOURHOODS}
    barer = bare[bare["neighbourhood"].isna()]
    found |= {f"rest of {code}": int((barer["subdistrict"] == code).sum()) for code in ("S1", "S2")}
    return found | {"rest": int(barer["subdistrict"].isna().sum())}


def attack(client: FlaskClient, frames: Frames, kinds: tuple[str, ...], *, filters: bool = True) -> None:
    attacker = Attacker(frames)
    for address, answer in public_answers(client, kinds, filters=filters).items():
        attacker.read(address, answer)
    attacker.check(frames)


def test_the_small_district_gives_nothing_away(tmp_path: Path, standards: Standards) -> None:
    _, frames = small_district()
    truth = complaints_of(frames)
    assert any(count < SMALL for place, count in truth.items() if place[0] == "neighbourhoods")
    attack(served(tmp_path, standards, frames), frames, standards.facility_kinds)


OUTSIDE = gpd.GeoSeries.from_wkt(["POINT (114.2 22.7)"], crs=4490)[0]


def with_complaints(placed: list[tuple[str | None, int, int]], frames: Frames, *, seed: int = 0) -> Frames:
    """Return the district with other complaints: so many of a community, a neighbourhood, a subdistrict or nowhere.

    The third of each is how many were opened in another year.
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for place, count, earlier in placed:
        for k in range(count + earlier):
            year = date(2019, 1, 1) if k < count else date(2018, 1, 1)
            where: dict[str, str | None] = {"community": None, "neighbourhood": None, "subdistrict": None}
            at = OUTSIDE
            if place in CODES:
                subdistrict, neighbourhood = place_of(str(place))
                where = {"community": place, "neighbourhood": neighbourhood, "subdistrict": subdistrict}
                at = frames["communities"].geometry[str(place)].representative_point()
            elif place in NEIGHBOURHOODS:
                where |= {"neighbourhood": place, "subdistrict": str(place)[:2]}
            elif place is not None:
                where |= {"subdistrict": place}
            rows.append(
                {
                    "code": f"X{len(rows):04d}",
                    "category": "rubbish",
                    "demand_group": str(rng.choice(["environment", "management"])),
                    "opened": year + timedelta(days=int(rng.integers(364))),
                    **where,
                    "geometry": at,
                }
            )
    made = gpd.GeoDataFrame(rows, geometry="geometry", crs=4490) if rows else None
    complaints = frames["complaints"].iloc[:0] if made is None else conform(made, LAYERS["complaints"])
    return {**frames, "complaints": complaints.sort_index()}


@st.composite
def districts(draw: st.DrawFn) -> Frames:
    _, frames = small_district()
    few = st.one_of(st.integers(0, 3), st.integers(0, 20))
    placed = [(code, draw(few), draw(st.integers(0, 2))) for code in CODES]
    larger = (*NEIGHBOURHOODS, "S1", "S2", None)
    placed += [(place, draw(st.one_of(st.just(0), st.just(0), few)), 0) for place in larger]
    people = draw(
        st.lists(
            st.one_of(st.none(), st.integers(0, 6), st.integers(5, 900)),
            min_size=len(CODES),
            max_size=len(CODES),
        )
    )
    residents = pd.array(people, dtype="Int64")
    communities = frames["communities"].assign(residents=residents, floating_residents=residents)
    return with_complaints(placed, {**frames, "communities": communities}, seed=draw(st.integers(0, 9)))


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(frames=districts())
def test_no_district_gives_anything_away(
    tmp_path_factory: pytest.TempPathFactory, standards: Standards, frames: Frames
) -> None:
    client = served(tmp_path_factory.mktemp("random"), standards, frames)
    attack(client, frames, ("day_care",), filters=False)


def only_small(
    counts: NDArray[np.int64], parents: NDArray[np.int64], shown: NDArray[np.bool_], *, small: int
) -> NDArray[np.bool_]:
    """Leave untold what is small and nothing else: the leak that the attack must find."""
    return np.asarray(shown & (counts < small))


def one_small_neighbourhood(frames: Frames) -> Frames:
    return with_complaints([("C01", 20, 0), ("C04", 3, 0), ("C07", 30, 0), ("C10", 40, 0)], frames)


def test_suppression_without_complement_is_found(
    tmp_path: Path, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, frames = small_district()
    frames = one_small_neighbourhood(frames)
    attack(served(tmp_path, standards, frames), frames, ("day_care",))
    monkeypatch.setattr(suppression, "untold", only_small)
    with pytest.raises(AssertionError, match=r"has 3: [01] to "):
        attack(served(tmp_path, standards, frames), frames, ("day_care",))


@pytest.mark.parametrize("place", ["C04", "C01", "S1N2", "S2"])
def test_one_complaint_more_is_not_told(tmp_path: Path, standards: Standards, place: str) -> None:
    """Also where a neighbourhood ceases to have few: whoever looks before and after sees the same."""
    _, frames = small_district()
    placed = [("C01", 14, 0), ("C04", 4, 0), ("C07", 30, 0), ("C10", 40, 0), ("S2", 3, 0)]
    first, second = (
        public_answers(
            served(tmp_path, standards, with_complaints([*placed, (place, more, 1 - more)], frames)),
            ("day_care",),
            filters=False,
        )
        for more in (0, 1)
    )
    assert first == second


def test_a_card_that_tells_what_the_map_does_not_is_found(
    tmp_path: Path, standards: Standards, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, frames = small_district()
    frames = one_small_neighbourhood(frames)
    monkeypatch.setattr(cards.Card, "complaints", lambda card: float(card.row()["complaints"]))
    with pytest.raises(AssertionError, match=r"has 3: [01] to "):
        attack(served(tmp_path, standards, frames), frames, ("day_care",))


def test_what_is_public_follows_from_the_told_counts_alone(tmp_path: Path, standards: Standards) -> None:
    """The same counts per neighbourhood, of other communities, days and kinds: nothing public changes."""
    _, frames = small_district()
    one = with_complaints([("C01", 20, 1), ("C04", 3, 4), ("C07", 30, 0), ("C10", 40, 9)], frames, seed=1)
    other = with_complaints(
        [("C02", 19, 0), ("C03", 1, 7), ("C05", 3, 0), ("C08", 15, 2), ("C09", 15, 0), ("C12", 40, 0)],
        frames,
        seed=2,
    )
    first, second = (
        public_answers(served(tmp_path, standards, made), standards.facility_kinds) for made in (one, other)
    )
    assert first == second


@pytest.mark.parametrize("few", range(5))
def test_numbers_of_people_change_nothing_public(few: int, tmp_path: Path, standards: Standards) -> None:
    """Of residents nothing is public but where they are under five: any such number gives the same answers."""
    _, frames = small_district()
    communities = frames["communities"]

    def lived_in(people: dict[str, int], factor: int) -> Frames:
        residents = (communities["residents"] * factor + 5).where(communities["residents"].notna())
        for code, n in people.items():
            residents[code] = n
        return {
            **frames,
            "communities": communities.assign(
                residents=residents.astype("Int64"),
                floating_residents=(residents // 3).astype("Int64"),
                households=(residents * 2).astype("Int64"),
            ),
        }

    kinds = ("day_care", "library")
    one = public_answers(served(tmp_path, standards, lived_in({"C02": few, "C10": 4 - few}, 1)), kinds)
    other = public_answers(served(tmp_path, standards, lived_in({"C02": 2, "C10": 1}, 3)), kinds)
    assert one == other
    view = next(answer for address, answer in one.items() if '"gap"' in address and "/api/view" in address)
    hidden = [code for code, it in zip(view["rows"]["id"], view["rows"]["suppressed"], strict=True) if it]
    assert hidden == ["C02", "C10"]


def test_what_is_public_is_named_as_people_call_it(tmp_path: Path, standards: Standards) -> None:
    client = served(tmp_path, standards, small_district()[1])
    for language, words in (
        ("en", "over cells of 100 m is not public; over communities it is"),
        ("zh", "按 100 m 格 回答这个问题的结果不公开；公开的是 小区"),
    ):
        answer = client.get(
            "/api/view", query_string={"question": "gap", "unit": "square:100", "lang": language}
        )
        assert answer.status_code == 401
        assert words in answer.get_data(as_text=True)
