"""The rules are those that were agreed on, and the policy answers as they say: without a service."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from layers.policy import Policy, read_policy
from layers.problems import BadParameter, Forbidden, NotFound, NotSignedIn
from layers.rules import ACTIONS, WAYS_OUT
from layers.schema import LAYERS
from tests.security.asking import VISITORS
from tests.security.oracle import GUARDS, RIGHTS, Asked, figures, guarded, may, reach, refused
from tests.security.rights import FILE, pinned, read_data, table, written
from tests.visitors import POLICY

ROLES, FIELDS = read_data()
AGREED = pinned()


def test_the_rules_are_those_agreed_on() -> None:
    assert table(ROLES, FIELDS) == AGREED, "somebody's rights changed: python -m tests.security.rights"
    assert FILE.read_text("utf-8") == written(AGREED)


def test_every_field_of_every_layer_has_a_line() -> None:
    assert set(GUARDS) == {(layer.name, field.name) for layer in LAYERS.values() for field in layer.fields}


def changes() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield every way to change the rules by one step."""
    for told, roles in itertools.chain(
        *map(changes_of_role, range(len(ROLES["roles"]))), changes_of_guards()
    ):
        yield told, roles, FIELDS
    for told, fields in changes_of_fields():
        yield told, ROLES, fields


def changes_of_role(at: int) -> Iterator[tuple[str, dict[str, Any]]]:
    role = ROLES["roles"][at]
    for number in range(len(role["rules"])):
        for told, rules in changes_of_rule(role["rules"], number):
            yield f"{role['id']}, rule {number}: {told}", with_role(at, rules=rules)
    for added in every_rule():
        yield f"{role['id']} with {added}", with_role(at, rules=[*role["rules"], added])
    yield f"{role['id']} for another area as well", with_role(at, areas=["communities", *role["areas"]])
    yield f"{role['id']}: accounts or none", with_role(at, account=not role["account"])
    yield f"no {role['id']}", {**ROLES, "roles": [*ROLES["roles"][:at], *ROLES["roles"][at + 1 :]]}


def with_role(at: int, **changed: Any) -> dict[str, Any]:
    changed_role = {**ROLES["roles"][at], **changed}
    return {**ROLES, "roles": [*ROLES["roles"][:at], changed_role, *ROLES["roles"][at + 1 :]]}


def changes_of_rule(rules: list[Any], number: int) -> Iterator[tuple[str, list[Any]]]:
    rule = rules[number]
    before, after = rules[:number], rules[number + 1 :]
    yield "gone", [*before, *after]
    for part in ("layers", "guards"):
        for one in rule.get(part, ()):
            yield f"without {one}", [*before, {**rule, part: [o for o in rule[part] if o != one]}, *after]
    for part, values in (("rows", ("none", "area", "all")), ("aggregates", RIGHTS_OF_FIGURES)):
        for value in values:
            if part in rule and value != rule[part]:
                yield f"{part} {value}", [*before, {**rule, part: value}, *after]


def changes_of_guards() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, guard in ROLES["guards"].items():
        others = {of: one for of, one in ROLES["guards"].items() if of != name}
        for part in ("asked", "purpose"):
            changed = {**guard, part: not guard[part]}
            yield f"{name}: {part}", {**ROLES, "guards": {**others, name: changed}}
        for way in WAYS_OUT:
            changed = {**guard, "ways_out": sorted(set(guard["ways_out"]) ^ {way})}
            yield f"{name}: {way}", {**ROLES, "guards": {**others, name: changed}}
    yield "smaller counts", {**ROLES, "small_count": ROLES["small_count"] - 1}


def changes_of_fields() -> Iterator[tuple[str, dict[str, Any]]]:
    for part in ("layers", "planned", "access"):
        for layer, named in FIELDS[part].items():
            for name in named:
                less = copy.deepcopy(FIELDS)
                del less[part][layer][name]
                yield f"{part}: {layer}.{name} gone", less
                for what in ("purposes", "retentions"):
                    for other in {*FIELDS[what]} - {named[name][what[:-1]]}:
                        changed = copy.deepcopy(FIELDS)
                        changed[part][layer][name][what[:-1]] = other
                        yield f"{part}: {layer}.{name}, {what} {other}", changed
    for name, kept in FIELDS["retentions"].items():
        for step in range(len(kept.get("after", ()))):
            longer = copy.deepcopy(FIELDS)
            longer["retentions"][name]["after"][step]["days"] += 1
            yield f"{name} kept longer after {step}", longer


RIGHTS_OF_FIGURES = ("none", "public", "area", "full")


def every_rule() -> Iterator[dict[str, Any]]:
    """Yield each rule that somebody could add, one thing at a time."""
    for action in ACTIONS:
        if action in ("view", "take"):
            yield from ({"action": action, "aggregates": value} for value in RIGHTS_OF_FIGURES)
        elif action in ("read", "export", "import"):
            for layer, guard, rows in itertools.product(
                (*LAYERS, "reports"), RIGHTS["guards"], ("area", "all")
            ):
                yield {"action": action, "layers": [layer], "guards": [guard], "rows": rows}
        else:
            yield {"action": action}


def test_no_change_of_the_rules_goes_unnoticed() -> None:
    unnoticed = [told for told, roles, fields in changes() if table(roles, fields) == AGREED]
    assert unnoticed == []


def test_there_are_as_many_changes_as_there_should_be() -> None:
    told = [told for told, _, _ in changes()]
    assert len(set(told)) == len(told) > 4000


def ways_to_ask(layer: str) -> Iterator[Asked]:
    names = tuple(name for name in guarded(layer))
    for way, action, size in itertools.product(WAYS_OUT, ("read", "export"), range(len(names) + 1)):
        for fields in itertools.combinations(names, size):
            for purpose in (False, True):
                yield Asked(way, fields, purpose, action)


def asks_in_vain(layer: str) -> Iterator[str]:
    """Yield names that cannot be asked for: open fields, counts, and none at all."""
    yield from ({field.name for field in LAYERS[layer].fields} - set(guarded(layer))) | {
        "geometry",
        "",
        "TEXT",
    }


def answered(policy: Policy, visitor: Any, layer: str, asked: Asked) -> Any:
    """Return what the policy says, or the kind of refusal."""
    try:
        return policy.seen(
            visitor,
            layer,
            way_out=asked.way,  # type: ignore[arg-type]
            action=asked.action,  # type: ignore[arg-type]
            asked=asked.fields,
            purpose="to count again" if asked.purpose else "",
        )
    except (Forbidden, NotSignedIn) as error:
        assert isinstance(error, NotSignedIn) == (visitor.via == "nobody")
        return "refused"
    except BadParameter:
        return "no purpose"


@pytest.mark.parametrize("name", VISITORS)
def test_the_policy_answers_as_the_table_says(name: str) -> None:
    """Of every layer, by every way out, with every set of guarded fields asked for."""
    visitor = VISITORS[name]
    for layer in LAYERS:
        for asked in ways_to_ask(layer):
            seen = answered(POLICY, visitor, layer, asked)
            if refused(visitor, layer, asked):
                assert seen == "refused", (layer, asked)
            elif seen == "no purpose":
                assert any(RIGHTS["guards"][GUARDS[layer, field]]["purpose"] for field in asked.fields)
                assert not asked.purpose
            else:
                told = {field.name: "all" if seen.rows == "all" else "area" for field in seen.everywhere}
                told |= {field.name: "area" for field in seen.in_area}
                assert told == _expected(visitor, layer, asked), (layer, asked)


def _expected(visitor: Any, layer: str, asked: Asked) -> dict[str, str]:
    found = {}
    for of, field in GUARDS:
        rule = RIGHTS["guards"][GUARDS[of, field]]
        wanted = of == layer and asked.way in rule["ways_out"]
        if wanted and (not rule["asked"] or field in asked.fields):
            guards = ("open", GUARDS[of, field])
            rows = {reach(visitor, layer, guard, asked.action, asked.way) for guard in guards}
            if "none" not in rows:
                found[field] = "area" if "area" in rows else "all"
    return found


@pytest.mark.parametrize("name", VISITORS)
def test_the_policy_lets_do_what_the_table_says(name: str) -> None:
    visitor = VISITORS[name]
    assert [action for action in ACTIONS if POLICY.may(visitor, action)] == [
        action for action in ACTIONS if may(visitor, action)
    ]
    for action in ("view", "take"):
        assert POLICY.aggregates(visitor, action) == figures(visitor, action)


@pytest.mark.parametrize("name", VISITORS)
def test_the_policy_lets_import_what_the_table_says(name: str) -> None:
    visitor = VISITORS[name]
    for layer in LAYERS:
        guards = {field: guard for (of, field), guard in GUARDS.items() if of == layer}
        whole = reach(visitor, layer, "open", "import") == "all"
        theirs = {f for f, guard in guards.items() if reach(visitor, layer, guard, "import") == "all"}
        assert POLICY.fillable(visitor, layer) == (theirs if whole else set()), layer
        if whole:
            assert POLICY.require_import(visitor, layer) == theirs
        else:
            with pytest.raises(NotSignedIn if visitor.via == "nobody" else Forbidden):
                POLICY.require_import(visitor, layer)


@pytest.mark.parametrize("rows", ["none", "area"])
def test_nobody_imports_for_an_area(rows: str) -> None:
    """A file says itself where its rows are."""
    staff = VISITORS["staff of S1"]
    given = {"action": "import", "layers": ["communities"], "guards": ["open"], "rows": rows}
    at = [role["id"] for role in ROLES["roles"]].index(staff.role)
    assert changed_policy(at, given).fillable(staff, "communities") == set()
    assert changed_policy(at, {**given, "rows": "all"}).fillable(staff, "communities")
    # What is guarded is written by nobody who may not write what is open.
    counts = {**given, "guards": ["count"], "rows": "all"}
    assert changed_policy(at, counts).fillable(staff, "communities") == set()


def changed_policy(at: int, rule: dict[str, Any]) -> Policy:
    """Return the policy where one role has one more rule."""
    with TemporaryDirectory() as folder:
        roles = with_role(at, rules=[*ROLES["roles"][at]["rules"], rule])
        Path(folder, "roles.json").write_text(json.dumps(roles), "utf-8")
        Path(folder, "fields.json").write_text(json.dumps(FIELDS), "utf-8")
        return read_policy(Path(folder))


def test_a_purpose_of_blanks_or_without_end_is_none() -> None:
    staff = VISITORS["staff of S1"]
    for purpose in ("", " \t\u3000", "x" * 201):
        with pytest.raises(BadParameter):
            POLICY.seen(staff, "complaints", way_out="api", asked=("text",), purpose=purpose)
    assert POLICY.seen(staff, "complaints", way_out="api", asked=("text",), purpose="x" * 200).fields


def test_what_does_not_exist_is_neither_given_nor_excused() -> None:
    with pytest.raises(NotFound):
        POLICY.seen(VISITORS["planner"], "accounts", way_out="api")
    for layer in LAYERS:
        for name in asks_in_vain(layer):
            with pytest.raises(BadParameter):
                POLICY.seen(VISITORS["planner"], layer, way_out="api", asked=(name,))
    with pytest.raises(ValueError, match="no way out"):
        POLICY.seen(VISITORS["planner"], "communities", way_out="fax")  # type: ignore[arg-type]
