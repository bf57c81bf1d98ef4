"""The policy: never more than the rules together allow, and what the shipped rules allow."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.policy import MOST_PURPOSE_CHARACTERS, Policy, Seen, read_policy
from layers.problems import BadParameter, Forbidden, NotFound, NotSignedIn
from layers.rules import (
    ACTIONS,
    AGGREGATES_ORDER,
    ROWS_ORDER,
    WAYS_OUT,
    Action,
    GuardRule,
    Role,
    Rule,
)
from layers.schema import LAYERS, Guard
from layers.sight import sight_of
from layers.text import both
from layers.visitors import AREA_KINDS, NO_AREA, RESIDENT, WHOLE_DISTRICT, Area, Visitor, operator
from tests.visitors import PLANNER, POLICY

DATA = Path(__file__).parents[2] / "data"
GUARDS: tuple[Guard, ...] = get_args(Guard)
FIELDS = {(layer.name, field.name): field for layer in LAYERS.values() for field in layer.fields}
GUARDED = {layer: tuple(f.name for f in LAYERS[layer].fields if f.guarded) for layer in LAYERS}
WEST = Area("subdistricts", frozenset({"S1"}))


def signed_in(role: str, area: Area = WHOLE_DISTRICT, scopes: frozenset[str] | None = None) -> Visitor:
    return Visitor(role, area, account="1" * 12, name=role, via="session", scopes=scopes)


WORKER = signed_in("grid_worker", Area("management_cells", frozenset({"G01"})))
STAFF = signed_in("subdistrict_staff", WEST)


def seen_by(policy: Policy, visitor: Visitor, layer: str, **how: Any) -> Seen | None:
    """What is seen, None where all of it is refused."""
    try:
        return policy.seen(visitor, layer, **({"way_out": "api"} | how))
    except (Forbidden, NotSignedIn):
        return None


def told(seen: Seen | None) -> dict[str, str]:
    """Of which features each field is told."""
    if seen is None:
        return {}
    inside = {field.name: "area" for field in seen.in_area}
    return inside | {field.name: seen.rows for field in seen.everywhere}


# ---- any rules, any visitor


LAYERS_DRAWN = ("communities", "complaints", "facilities")
ROLES_RULES = st.lists(
    st.builds(
        Rule,
        action=st.sampled_from(["read", "read", "export", "view"]),
        layers=st.sampled_from(
            [frozenset(LAYERS_DRAWN), frozenset(LAYERS_DRAWN[:2]), frozenset({"facilities"})]
        ),
        guards=st.frozensets(st.sampled_from(GUARDS)) | st.just(frozenset(GUARDS)),
        rows=st.sampled_from(ROWS_ORDER),
        aggregates=st.sampled_from(AGGREGATES_ORDER),
    ),
    min_size=1,
    max_size=5,
)
GUARD_RULES = st.builds(
    GuardRule,
    st.just(both("guard")),
    st.just(frozenset(WAYS_OUT)) | st.frozensets(st.sampled_from(WAYS_OUT)),
    asked=st.booleans(),
    purpose=st.booleans(),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    role = Role("any", both("any"), account=True, areas=AREA_KINDS, rules=tuple(draw(ROLES_RULES)))
    forgotten = draw(st.frozensets(st.sampled_from(sorted(FIELDS)), max_size=5))
    rules = dataclasses.replace(
        POLICY.rules,
        roles={"any": role},
        guards={name: draw(GUARD_RULES) for name in GUARDS},
        fields={at: rule for at, rule in POLICY.rules.fields.items() if at not in forgotten},
    )
    return Policy(rules)


AREAS = st.sampled_from([NO_AREA, WHOLE_DISTRICT, WEST, Area("communities", frozenset({"C01", "C02"}))])
SCOPES = st.none() | st.frozensets(st.sampled_from(["read", "export", "view"]))
HOW = st.fixed_dictionaries(
    {"way_out": st.sampled_from(WAYS_OUT), "action": st.sampled_from(["read", "export"])}
)


@given(
    policy=policies(),
    area=AREAS,
    scopes=SCOPES,
    layer=st.sampled_from(LAYERS_DRAWN),
    how=HOW,
    asked=st.booleans(),
)
def test_what_is_seen_is_what_the_rules_together_allow(
    policy: Policy, area: Area, scopes: frozenset[str] | None, layer: str, how: dict[str, Any], asked: bool
) -> None:
    visitor = signed_in("any", area, scopes)
    guarded = [f.name for f in LAYERS[layer].fields if policy.rules.guards[f.guard].asked]
    offered = {offer.field.name for offer in policy.offered(visitor, layer, **how).fields}
    wanted = [name for name in guarded if name in offered] if asked else []
    found = told(seen_by(policy, visitor, layer, asked=wanted, purpose="needed", **how))

    actions = {how["action"], *(["view"] if how["way_out"] == "tile" else [])}
    allowing = [
        rule
        for rule in policy.rules.roles["any"].rules
        if layer in rule.layers and rule.action in actions and (scopes is None or rule.action in scopes)
    ]

    def reach(guard: str) -> int:
        most = max((ROWS_ORDER.index(r.rows) for r in allowing if guard in r.guards), default=0)
        if most == 1:
            return {"none": 0, "district": 2}.get(area.kind, 1)
        return most

    expected = {}
    if how["way_out"] in policy.rules.guards["open"].ways_out:
        for field in LAYERS[layer].fields:
            rule = policy.rules.guards[field.guard]
            rows = min(reach(field.guard), reach("open"))
            if (
                rows
                and (layer, field.name) in policy.rules.fields
                and how["way_out"] in rule.ways_out
                and (not rule.asked or field.name in wanted)
            ):
                expected[field.name] = ROWS_ORDER[rows]
    assert found == expected


@given(policy=policies(), area=AREAS, scopes=SCOPES, layer=st.sampled_from(LAYERS_DRAWN), how=HOW)
def test_scopes_and_smaller_areas_only_narrow(
    policy: Policy, area: Area, scopes: frozenset[str] | None, layer: str, how: dict[str, Any]
) -> None:
    def rank(visitor: Visitor) -> dict[str, int]:
        offered = policy.offered(visitor, layer, **how)
        return {offer.field.name: ROWS_ORDER.index(offer.rows) for offer in offered.fields}

    everything, scoped = signed_in("any", WHOLE_DISTRICT), signed_in("any", area, scopes)
    for action in ACTIONS:
        assert policy.may(everything, action) or not policy.may(scoped, action)
        assert scopes is None or action in scopes or not policy.may(scoped, action)
        figures = [AGGREGATES_ORDER.index(policy.aggregates(who, action)) for who in (scoped, everything)]
        assert figures[0] <= figures[1]
    most = rank(everything)
    assert all(rows <= most.get(name, 0) for name, rows in rank(scoped).items())
    assert all(rows <= rank(signed_in("any", area)).get(name, 0) for name, rows in rank(scoped).items())


@given(
    policy=policies(),
    area=AREAS,
    layer=st.sampled_from(LAYERS_DRAWN),
    how=HOW,
    asked=st.frozensets(st.sampled_from(["floating_residents", "text", "code"]), max_size=1),
    purpose=st.sampled_from(["", "  ", "a reason", "x" * 1000]),
)
def test_an_answer_given_twice_is_the_same(
    policy: Policy, area: Area, layer: str, how: dict[str, Any], asked: frozenset[str], purpose: str
) -> None:
    """What is kept is never another visitor's: a policy that keeps nothing says the same."""

    def answer(by: Policy, visitor: Visitor, stated: str) -> object:
        try:
            return by.seen(visitor, layer, asked=asked, purpose=stated, **how)
        except (Forbidden, NotSignedIn, BadParameter) as error:
            return type(error), error.sentence("en")

    scoped = [signed_in("any", area, frozenset({action})) for action in ("view", "read", "export")]
    districts = [signed_in("any", WHOLE_DISTRICT), signed_in("any", NO_AREA), signed_in("any", WEST)]
    for visitor in (signed_in("any", area), RESIDENT, *scoped, *districts, signed_in("any", area)):
        for stated in ("", purpose):
            now, anew = (answer(by, visitor, stated) for by in (policy, Policy(policy.rules)))
            assert now == anew


def test_a_field_that_nothing_was_decided_for_leaves_by_no_way() -> None:
    """Deny by default: whatever the rules of roles say."""
    everything = operator("somebody")
    for layer, name in FIELDS:
        fields = {at: rule for at, rule in POLICY.rules.fields.items() if at != (layer, name)}
        policy = Policy(dataclasses.replace(POLICY.rules, fields=fields))
        for way_out in WAYS_OUT:
            for action in ("read", "export"):
                offered = policy.offered(everything, layer, way_out=way_out, action=action)
                assert name not in {offer.field.name for offer in offered.fields}


def test_where_something_is_is_not_told_where_nothing_open_may_leave() -> None:
    """Counts alone would still come with the place that they are of."""
    guards = {**POLICY.rules.guards}
    guards["open"] = dataclasses.replace(guards["open"], ways_out=frozenset({"page"}))
    policy = Policy(dataclasses.replace(POLICY.rules, guards=guards))
    assert policy.offered(PLANNER, "communities", way_out="api").rows == "none"
    assert policy.offered(PLANNER, "communities", way_out="page").rows == "all"


def test_no_more_answers_are_kept_than_there_are_kinds_of_visitors() -> None:
    policy = Policy(POLICY.rules)
    for number in range(500):
        area = Area("management_cells", frozenset({f"G{number}"}))
        for layer in ("complaints", "communities"):
            policy.seen(signed_in("grid_worker", area), layer, way_out="api")
    assert len(policy._seen) == len(policy._offered) == 2


# ---- the rules that are shipped


def test_every_field_of_every_layer_is_decided_for_and_nothing_else() -> None:
    assert set(POLICY.rules.fields) == set(FIELDS)
    shipped = json.loads((DATA / "fields.json").read_text("utf-8"))
    assert [(layer, name) for layer, named in shipped["layers"].items() for name in named] == list(FIELDS)
    assert all(rule.guard in GUARDS for rule in POLICY.rules.planned.values())


def test_every_role_has_an_action_and_every_action_a_role() -> None:
    done = {action for role in POLICY.rules.roles.values() for action in role.actions}
    assert done == set(ACTIONS) == set(POLICY.rules.actions)
    assert set(POLICY.rules.guards) == set(GUARDS)


READS: dict[str, tuple[str, str, str, str]] = {
    # open fields of facilities, of complaints; counts of people of communities; floating residents
    "resident": ("all", "", "", ""),
    "grid_worker": ("all", "area", "area", "area"),
    "community_staff": ("all", "area", "area", "area"),
    "subdistrict_staff": ("all", "area", "area", "area"),
    "planner": ("all", "all", "all", "all"),
    "leader": ("all", "", "", ""),
    "administrator": ("all", "all", "all", ""),
    "auditor": ("", "", "", ""),
    "wall": ("", "", "", ""),
    "operator": ("all", "all", "all", "all"),
}
AREA_OF = {
    "grid_worker": WORKER.area,
    "community_staff": Area("communities", frozenset({"C01"})),
    "subdistrict_staff": WEST,
    "resident": NO_AREA,
    "auditor": NO_AREA,
}


@pytest.mark.parametrize("role", READS)
def test_who_reads_what(role: str) -> None:
    visitor = signed_in(role, AREA_OF.get(role, WHOLE_DISTRICT))
    facilities, complaints, communities = (
        {offer.field.name: offer.rows for offer in POLICY.offered(visitor, layer, way_out="api").fields}
        for layer in ("facilities", "complaints", "communities")
    )
    found = (
        facilities.get("kind", ""),
        complaints.get("opened", ""),
        communities.get("residents", ""),
        communities.get("floating_residents", ""),
    )
    assert found == READS[role]
    assert set(READS) == set(POLICY.rules.roles)


def test_complaint_texts_are_for_those_who_handle_them() -> None:
    readers = {
        role
        for role in READS
        if "text"
        in {
            offer.field.name
            for offer in POLICY.offered(
                signed_in(role, AREA_OF.get(role, WHOLE_DISTRICT)), "complaints", way_out="api"
            ).fields
        }
    }
    assert readers == {"grid_worker", "community_staff", "subdistrict_staff", "operator"}


def test_signing_in_takes_nothing_away() -> None:
    """Whoever may look at the map sees at least what anybody sees who has not signed in."""
    for role in ("grid_worker", "community_staff", "subdistrict_staff", "planner", "leader", "administrator"):
        for layer in LAYERS:
            anybody = told(seen_by(POLICY, RESIDENT, layer))
            assert (
                anybody.items()
                <= told(seen_by(POLICY, signed_in(role, AREA_OF.get(role, WEST)), layer)).items()
            )


@pytest.mark.parametrize("layer", LAYERS)
def test_tiles_show_what_is_open_and_nothing_else(layer: str) -> None:
    for role in POLICY.rules.roles:
        found = seen_by(POLICY, signed_in(role), layer, way_out="tile")
        assert all(field.guard == "open" for field in (found.fields if found else ()))


def test_a_wall_draws_the_ground_and_the_units_and_reads_nothing() -> None:
    wall = Visitor("wall", WHOLE_DISTRICT, via="device", scopes=frozenset({"describe", "view", "wall"}))
    drawn = {layer for layer in LAYERS if seen_by(POLICY, wall, layer, way_out="tile")}
    assert drawn == set(LAYERS) - {"buildings", "complaints"}
    assert not [layer for layer in LAYERS if seen_by(POLICY, wall, layer)]


def test_what_is_refused_says_what_helps() -> None:
    with pytest.raises(NotSignedIn, match="Sign in first"):
        POLICY.seen(RESIDENT, "complaints", way_out="api")
    with pytest.raises(Forbidden, match="Your role is Leader") as caught:
        POLICY.seen(signed_in("leader"), "complaints", way_out="api")
    assert caught.value.remedy
    # Who may is told as roles with the areas they are kept to, as the rules have them.
    for role in POLICY.rules.roles.values():
        may = role.account and any(
            rule.action == "read" and "complaints" in rule.layers and "open" in rule.guards
            for rule in role.rules
        )
        assert may == (role.title.en in caught.value.remedy.en.partition("may:")[2]), role.id
    assert "Grid worker (in their Management cells)" in caught.value.remedy.en
    assert "网格员（限本人的网格）" in caught.value.remedy.zh
    with pytest.raises(Forbidden, match="You may not see Floating residents"):
        POLICY.seen(signed_in("administrator"), "communities", way_out="api", asked=["floating_residents"])
    with pytest.raises(NotSignedIn):
        POLICY.require(RESIDENT, "change")
    with pytest.raises(Forbidden, match=r"Roles that may: Community staff .*, Planner") as caught:
        POLICY.require(signed_in("leader"), "change")
    assert caught.value.remedy
    assert "Leader," not in caught.value.remedy.en
    POLICY.require(PLANNER, "change")
    with pytest.raises(NotFound):
        POLICY.seen(PLANNER, "reports", way_out="api")
    with pytest.raises(Forbidden):
        POLICY.seen(signed_in("nobody's"), "facilities", way_out="api")
    with pytest.raises(ValueError, match="no way out"):
        POLICY.seen(PLANNER, "facilities", way_out="letter")  # type: ignore[arg-type]


@pytest.mark.parametrize("purpose", ["", "   ", "x" * (MOST_PURPOSE_CHARACTERS + 1)])
def test_a_text_is_given_for_a_stated_purpose_only(purpose: str) -> None:
    with pytest.raises(BadParameter, match="stated purpose"):
        POLICY.seen(WORKER, "complaints", way_out="api", asked=["text"], purpose=purpose)
    found = POLICY.seen(WORKER, "complaints", way_out="api", asked=["text"], purpose=" case 7 ")
    assert told(found)["text"] == "area"
    assert "text" not in told(POLICY.seen(WORKER, "complaints", way_out="api", purpose="case 7"))


@pytest.mark.parametrize("name", ["code", "nothing", "residents", ""])
def test_only_guarded_fields_are_asked_for(name: str) -> None:
    with pytest.raises(BadParameter, match="no guarded field"):
        POLICY.seen(PLANNER, "communities", way_out="api", asked=[name])
    with pytest.raises(BadParameter, match="Its guarded fields: -"):
        POLICY.seen(PLANNER, "facilities", way_out="api", asked=[name])


def test_counts_of_people_are_told_of_the_own_area() -> None:
    found = POLICY.seen(STAFF, "communities", way_out="api", asked=["floating_residents"])
    assert found.rows == "all"
    assert [field.name for field in found.in_area] == ["households", "residents", "floating_residents"]
    names = [field.name for field in found.fields]
    assert names == [field.name for field in LAYERS["communities"].fields]


# ---- rules that make no sense


@pytest.mark.parametrize(
    ("file", "path", "value", "match"),
    [
        ("roles.json", ("roles", 0, "rules", 0, "action"), "fly", "'fly'"),
        ("roles.json", ("roles", 0, "rules", 2, "layers", 0), "moon", "'moon'"),
        ("roles.json", ("roles", 0, "rules", 2, "guards", 0), "closed", "'closed'"),
        ("roles.json", ("roles", 0, "rules", 2, "rows"), "some", "'some'"),
        ("roles.json", ("roles", 0, "rules", 2, "row"), "all", "unknown parts: row"),
        ("roles.json", ("roles", 0, "rules", 1, "aggregates"), "most", "'most'"),
        ("roles.json", ("roles", 0, "areas", 0), "world", "'world'"),
        ("roles.json", ("guards", "text", "ways_out", 0), "letter", "'letter'"),
        ("roles.json", ("actions", "fly"), {"zh": "", "en": ""}, "'fly'"),
        ("fields.json", ("layers", "complaints", "txt"), None, "'txt' of complaints"),
        ("fields.json", ("layers", "moon"), {"code": None}, "'code' of moon"),
        (
            "fields.json",
            ("retentions", "complaint_text", "after", 0, "field"),
            "day",
            "no date of complaints",
        ),
        ("fields.json", ("retentions", "complaint_text", "after", 0, "field"), "channel", "no date"),
        ("fields.json", ("planned", "complaints"), {"text": None}, "plan the field 'text' of complaints"),
    ],
)
def test_rules_that_name_what_does_not_exist_are_not_read(
    tmp_path: Path, file: str, path: tuple[Any, ...], value: Any, match: str
) -> None:
    for name in ("roles.json", "fields.json"):
        shutil.copy(DATA / name, tmp_path)
    read_policy(tmp_path)
    body = json.loads((tmp_path / file).read_text("utf-8"))
    if file == "fields.json":
        rule = body["layers"]["complaints"]["text"]
        value = rule if value is None else {"code": rule} if value == {"code": None} else value
        value = {"text": rule} if value == {"text": None} else value
    at = body
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    (tmp_path / file).write_text(json.dumps(body), "utf-8")
    with pytest.raises(ValueError, match=match):
        read_policy(tmp_path)


def test_who_sees_all_figures_is_told_no_floating_share_of_others(tmp_path: Path) -> None:
    """A district may give its staff all figures; the shares of floating residents stay those of their own area."""
    for name in ("roles.json", "fields.json"):
        shutil.copy(DATA / name, tmp_path)
    body = json.loads((tmp_path / "roles.json").read_text("utf-8"))
    [staff] = (role for role in body["roles"] if role["id"] == STAFF.role)
    for rule in staff["rules"]:
        rule |= {"aggregates": "full"} if rule["action"] == "view" else {}
    (tmp_path / "roles.json").write_text(json.dumps(body), "utf-8")
    sight = sight_of(read_policy(tmp_path), STAFF)
    assert (sight.aggregates, sight.area, sight.floating) == ("full", WHOLE_DISTRICT, "none")
    sight = sight_of(POLICY, STAFF)
    assert (sight.aggregates, sight.area, sight.floating) == ("area", WEST, "area")


def test_asking_costs_a_look_up() -> None:
    """Nothing is worked out twice: the second answer is the very object that the first was."""
    policy = Policy(POLICY.rules)
    action: Action = "read"
    for visitor in (WORKER, signed_in("grid_worker", Area("management_cells", frozenset({"G02"})))):
        assert policy.seen(visitor, "complaints", way_out="api", action=action) is policy.seen(
            WORKER, "complaints", way_out="api"
        )
