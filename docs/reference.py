"""Write the reference pages from the code itself: commands, layers, API, checks, who may what, settings.

``python docs/reference.py`` writes them; a test fails where they are not what the code says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

import app  # noqa: E402
from docs.record import privacy_page  # noqa: E402
from layers.checks.kinds import KINDS  # noqa: E402
from layers.cli import Context  # noqa: E402
from layers.definitions import DEFINITIONS  # noqa: E402
from layers.policy import Policy, read_policy  # noqa: E402
from layers.rules import ACTIONS, WAYS_OUT, Action, WayOut  # noqa: E402
from layers.schema import LAYERS, Field, Layer  # noqa: E402
from layers.sight import ROUNDED_TO, Sight  # noqa: E402
from layers.standards import read_standards  # noqa: E402
from layers.visitors import Area, Visitor  # noqa: E402

_MADE = "<!-- Written by `python docs/reference.py`; do not edit. -->\n\n"


def commands_page() -> str:
    """Return every command with its help, as ``wangge COMMAND --help`` prints it."""
    context = Context(store_url=app.DEFAULT_STORE, language="en", data_folder=app.DATA_FOLDER)
    parts = [
        "# The command line\n",
        _MADE,
        "Exit codes: 0 done, 1 bad input (said on standard error), 2 wrong usage.\n",
    ]
    settings: dict[str, Any] = {"obj": context, "terminal_width": 100}
    with click.Context(app.wangge, info_name="wangge", **settings) as group:
        for name in app.COMMANDS:
            command = app.wangge.get_command(group, name)
            assert command is not None
            with click.Context(command, info_name=name, parent=group, **settings) as ctx:
                parts.append(f"\n## wangge {name}\n\n```text\n{command.get_help(ctx)}\n```\n")
                for part, one in command.commands.items() if isinstance(command, click.Group) else ():
                    with click.Context(one, info_name=part, parent=ctx, **settings) as inner:
                        parts.append(f"\n### wangge {name} {part}\n\n```text\n{one.get_help(inner)}\n```\n")
    parts.append("\n# Settings\n\n| variable | meaning |\n|---|---|\n")
    parts += [f"| `{name}` | {text.en} |\n" for name, text in app.SETTINGS.items()]
    return "".join(parts)


def layers_page() -> str:
    """Return every layer with its fields, and the definitions of the figures."""
    parts = ["# Layers and figures\n\n", _MADE]
    for layer in LAYERS.values():
        kinds = " or ".join(layer.geometry)
        parts.append(f"\n## {layer.name}: {layer.title.zh}, {layer.title.en}\n\nGeometry: {kinds}.\n\n")
        parts.append("| field | Chinese | English | type | notes |\n|---|---|---|---|---|\n")
        for field in layer.fields:
            notes = [
                "required" if field.required else "",
                f"one of `{field.codes}`" if field.codes else "",
                f"points to {field.parent}" if field.parent else "",
                field.unit.en if field.unit else "",
                "guarded" if field.guarded else "",
            ]
            told = "; ".join(note for note in notes if note)
            parts.append(
                f"| `{field.name}` | {field.title.zh} | {field.title.en} | {field.type} | {told} |\n"
            )
    parts.append("\n## Code lists\n\nIn `data/code_lists.json`; a district may change them.\n\n")
    for name, codes in read_standards(app.DATA_FOLDER).code_lists.items():
        parts.append(f"- `{name}`: " + ", ".join(f"`{code.id}` {code.title.zh}" for code in codes) + "\n")
    parts.append("\n## Figures\n\n| figure | unit | definition | source |\n|---|---|---|---|\n")
    parts += [f"| {d.title.en} | {d.unit.en} | {d.text.en} | {d.source.en} |\n" for d in DEFINITIONS.values()]
    return "".join(parts)


def api_page() -> str:
    """Return every endpoint with its parameters, from the OpenAPI description."""
    from tests.webmap.served import described  # the description needs an app, and an app a store

    document: dict[str, Any] = described()
    parts = ["# The API\n\n", _MADE, "The same with schemas and real examples: `/api/openapi.json`.\n"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(f"\n## {method.upper()} {path}\n\n{operation['summary']}\n")
            if operation["parameters"]:
                parts.append("\n| parameter | in | meaning |\n|---|---|---|\n")
                parts += [
                    f"| `{p['name']}` | {p['in']}{', required' if p['required'] else ''} | {p['description']} |\n"
                    for p in operation["parameters"]
                ]
            if "requestBody" in operation:
                (sent,) = operation["requestBody"]["content"].values()
                parts.append(f"\nBody: JSON, `{sent['schema']['$ref'].rsplit('/', 1)[1]}`.\n")
            parts.append(f"\nAnswers: {', '.join(operation['responses'])}.\n")
    return "".join(parts)


def checks_page() -> str:
    """Return every kind of thing that ``wangge check`` finds, faults first."""
    about = (
        "A fault contradicts: two statements of the store, or a statement and a rule, cannot both be right. A note "
        "is unknown, or unusual and possibly right. Exit code 1 says that there are faults. What a store finds "
        "wrong with its own file, indexes, counts and history is a fault, too, under ids of its own (`--only store`).\n\n"
        "With `--json` each finding has `id`, `layer` (null: the store as a whole), `fault`, `count`, `message`, "
        "`remedy`, `codes` (every "
        "feature concerned, once) and `details`: one entry per place with its `codes` (a pair that overlaps, a "
        "gap's neighbouring cells) and what was measured there, such as `area_m2`, `distance_m`, `lon` and `lat`. "
        "`details` is empty where there is nothing beside the codes. What was measured comes worst first.\n"
    )
    parts = ["# What wangge check finds\n\n", _MADE, about]
    for title, fault in (("Faults", True), ("Notes", False)):
        parts.append(f"\n## {title}\n\n| id | Chinese | English | what to do |\n|---|---|---|---|\n")
        parts += [
            f"| `{kind.id}` | {kind.message.zh} | {kind.message.en} | {kind.remedy.en} |\n"
            for kind in KINDS.values()
            if kind.fault is fault
        ]
    return "".join(parts)


def access_page() -> str:
    """Return who may what, as the policy answers."""
    policy = read_policy(app.DATA_FOLDER)
    rules = policy.rules
    least = Sight(aggregates="public", small_count=rules.small_count).least_complaints
    about = (
        f"From `data/roles.json` and `data/fields.json`: {rules.source.en}. Whatever no rule allows is refused; a "
        "field that `fields.json` does not name leaves by no way. What *area* means on the ground is in "
        "`layers/areas.py`; figures of *public* leave out counts of people under "
        f"{rules.small_count} and of complaints under {least}, and what would give them away; counts of complaints are "
        f"rounded to multiples of {ROUNDED_TO}, each by itself, and all else that is told of complaints follows from the "
        "rounded ones. Whoever looks all the time may see when a count crosses a step, and nothing of a single complaint else "
        "([decision 9](decisions/0009-one-policy.md)).\n"
    )
    parts = ["# Who may what\n\n", _MADE, about, "\n## Roles\n\n"]
    parts.append("| role | Chinese | English | answers for | has accounts |\n|---|---|---|---|---|\n")
    parts += [
        f"| `{role.id}` | {role.title.zh} | {role.title.en} | {', '.join(role.areas)} | {_yes(role.account)} |\n"
        for role in rules.roles.values()
    ]
    heads = "".join(f" {name} |" for name in rules.roles)
    lines = "---|" * len(rules.roles)
    parts.append(f"\n## Actions\n\n| action | |{heads}\n|---|---|{lines}\n")
    for action in ACTIONS:
        cells = "".join(f" {_may(policy, one, action)} |" for one in _visitors(policy))
        parts.append(f"| `{action}` | {rules.actions[action].en} |{cells}\n")
    parts.append(
        "\n## Kinds of values\n\n| kind | | leaves by | asked for by name | for a stated purpose |\n"
    )
    parts.append("|---|---|---|---|---|\n")
    for name, guard in rules.guards.items():
        ways = ", ".join(way for way in WAYS_OUT if way in guard.ways_out)
        parts.append(
            f"| `{name}` | {guard.title.en} | {ways} | {_yes(guard.asked)} | {_yes(guard.purpose)} |\n"
        )
    parts.append(
        "\nA community's card tells unasked, to those who may read `floating` there, in which ten per cent the share "
        "of floating residents lies; that is not in the audit log. For all others the card says *not shown*.\n"
    )
    parts.append(
        "\n## Layers and fields\n\nOf which features a role may read a field by the API, export it, take it along in a "
        "tablet's package and fill it by importing: *all*, those of its *area*, or none. Tiles show open fields of what may "
        "be read; *draw* is by tiles alone. A file writes wherever it says, so nobody imports for an area.\n"
    )
    for layer in LAYERS.values():
        parts.append(f"\n### {layer.name}: {layer.title.en}\n\n| fields | kind |{heads}\n|---|---|{lines}\n")
        for kind in rules.guards:
            fields = [field for field in layer.fields if field.guard == kind]
            if fields:
                names = ", ".join(f"`{field.name}`" for field in fields)
                cells = "".join(f" {_told(policy, one, layer, fields)} |" for one in _visitors(policy))
                parts.append(f"| {names} | {kind} |{cells}\n")
    parts.append("\nDecided for fields that no layer has yet: ")
    planned = [f"`{layer}.{name}` ({rule.guard})" for (layer, name), rule in rules.planned.items()]
    return "".join([*parts, ", ".join(planned), ".\n"])


def _visitors(policy: Policy) -> list[Visitor]:
    """Return one visitor of each role, with an area of the first kind that it may have."""
    kinds = {role.id: role.areas[0] for role in policy.rules.roles.values()}
    return [
        Visitor(role, Area(kind, frozenset({"x"}) if kind in LAYERS else frozenset()))
        for role, kind in kinds.items()
    ]


def _may(policy: Policy, visitor: Visitor, action: Action) -> str:
    if not policy.may(visitor, action):
        return "–"
    return policy.aggregates(visitor, action) if action in ("view", "take") else "yes"


def _told(policy: Policy, visitor: Visitor, layer: Layer, fields: list[Field]) -> str:
    """Return of which features the fields are told, all of one kind."""
    told: list[str] = []
    ways: tuple[tuple[str, Action, WayOut], ...] = (
        ("read", "read", "api"),
        ("export", "export", "export"),
        ("package", "package", "package"),
        ("draw", "view", "tile"),
    )
    for name, action, way_out in ways:
        offered = policy.offered(visitor, layer.name, way_out=way_out, action=action)
        rows = {offer.rows for offer in offered.fields if offer.field in fields}
        if rows and not (name == "draw" and told):
            told.append(f"{name} {rows.pop()}")
    if policy.fillable(visitor, layer.name) & {one.name for one in fields}:
        told.append("import all")
    return ", ".join(told) or "–"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "layers.md": layers_page,
    "api.md": api_page,
    "checks.md": checks_page,
    "access.md": access_page,
    "privacy.md": lambda: privacy_page(app.DATA_FOLDER, _MADE),
}

if __name__ == "__main__":
    for file, make in PAGES.items():
        (DOCS / file).write_text(make(), "utf-8")
