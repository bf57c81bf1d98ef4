"""The record of processing (docs/privacy.md), written from the rules: what is kept of people, why, for how long, who sees it."""

from __future__ import annotations

from pathlib import Path

from layers.policy import Policy, read_policy
from layers.rules import FieldRule
from layers.schema import LAYERS, Field, Layer
from layers.text import Text, joined
from layers.visitors import Area, Visitor

_ABOUT = """\
What Wangge keeps of people, why, for how long, where, and who may see it: the product's part of a record of processing
activities and of a personal information protection impact assessment (PIPL, articles 55 and 56; both are kept for
three years at least). It is written from the rules that
the program itself obeys (`data/fields.json`, `data/roles.json`, `layers/schema.py`), so it cannot say other than what is
done. What only the district can say is not in here: the legal basis, whether each purpose is necessary, whom residents are
told to turn to, and what the sources were allowed to hand over.

网格保存哪些与人有关的内容、为什么、多久、在哪里、谁能看：供个人信息处理记录和个人信息保护影响评估使用（《个人信息保护法》第五十五、
五十六条，二者至少保存三年）。本页由程序自身遵守的规则写成。合法性依据、必要性、告知方式和来源的授权，由各区自行说明。

No account, page or command keeps where anybody is or was: the stores have no column for it (`tests/layers/test_retention.py`
looks through all of them). 任何账号、页面和命令都不保存人员的位置或轨迹。
"""

_PLACES = (
    ("where", "what is there", "who reaches it", "how it leaves"),
    (
        "the store (a GeoPackage file, or the schema `wangge`)",
        "layers, and their history: what values were",
        "whoever may read the file; the database's owner and application role",
        "as the policy says, by service and commands; whole, audited, by `backup` and `copy`; by copying the file",
    ),
    (
        "the access store (`FILE.access`, readable by its owner only, or the schema `wangge_access`)",
        "accounts, sessions, devices, keys, audit log",
        "the file's owner; the database's owner; the application role, which may add to the log and read it",
        "lists of accounts to administrators, the log to auditors, both to the machine's operator",
    ),
    (
        "a backup (GeoPackage, readable by its owner only)",
        "the whole store with guarded fields and history; no accounts",
        "whoever has the file",
        "as it is: keep it as safe as the store, and no longer than the retention below",
    ),
    ("memory of `wangge serve`", "the present layers, and who is signed in", "the service", "by the policy"),
    (
        "files written by `export`, `analyse`, `export-map` and downloads",
        "what the policy gave to whoever asked; guarded fields by name, for a purpose, audited before",
        "whoever has the file",
        "out of Wangge's reach",
    ),
    (
        "rows that an import set aside (`--rejects`)",
        "the importer's own rows",
        "as the importer's folder allows",
        "out of Wangge's reach",
    ),
    (
        "what the service prints",
        "errors with the path that was asked, outages; no values",
        "the operator",
        "–",
    ),
)

_SOURCES = (
    ("what", "from"),
    (
        "all layers",
        "files that the district imports, and edits in desktop programs; the history names file, person and day",
    ),
    ("counts of `communities`", "as `residents_definition`, `residents_source` and `residents_date` say"),
    ("`complaints`", "what hotlines and offices hand over; `channel` says which"),
    (
        "accounts, devices, keys",
        "typed by an administrator or the machine's operator; the subject by an identity provider",
    ),
    ("sessions, attempts", "the browser: its address and what it says of itself"),
)


def privacy_page(folder: Path, made: str) -> str:
    """Return the record of processing."""
    policy = read_policy(folder)
    rules = policy.rules
    parts = ["# Record of processing\n\n", made, _ABOUT]
    parts.append(f"\nPurposes and retention are set in `data/fields.json`: {rules.source.en}.\n")
    parts += ["\n## Where it is, and how it leaves\n\n", _table(_PLACES)]
    parts.append(
        "\nNothing is sent anywhere: the pages load nothing from other hosts, and no data leave for another country "
        "by themselves.\n"
    )
    parts += ["\n## Where it comes from\n\n", _table(_SOURCES)]
    parts.append(
        "\n## What the layers hold\n\nKinds of care are those of [who may what](access.md): *open* values describe places "
        "and organisations; *count* values are told in full to staff and suppressed where small to the public, complaints "
        "rounded to 5 besides; all others are guarded: left out unless asked for by name. Where a feature is goes with its open fields.\n"
    )
    for layer in LAYERS.values():
        parts.append(f"\n### {layer.name}: {layer.title.zh}, {layer.title.en}\n\n")
        parts.append("| fields | care | purpose | who may see it | retention |\n|---|---|---|---|---|\n")
        parts += _rows(policy, layer)
    parts.append(
        "\n## Decided for what no layer has yet\n\n| field | care | purpose | retention |\n|---|---|---|---|\n"
    )
    parts += [
        f"| `{layer}.{name}` | {rule.guard} | {_two(rule.purpose)} | {_kept(rule)} |\n"
        for (layer, name), rule in rules.planned.items()
    ]
    parts.append(
        "\n## What is kept of those who sign in\n\nPasswords, codes and tokens are kept as hashes only (argon2id, "
        "SHA-256); the secret of a second factor cannot be. Administrators see accounts and devices, everybody sees "
        "their own sessions, auditors the log.\n\n"
        "| table | fields | purpose | retention |\n|---|---|---|---|\n"
    )
    groups: dict[tuple[str, Text, str], list[str]] = {}
    for (table, name), rule in rules.access.items():
        groups.setdefault((table, rule.purpose, _kept(rule)), []).append(f"`{name}`")
    parts += [
        f"| {table} | {', '.join(names)} | {_two(purpose)} | {kept} |\n"
        for (table, purpose, kept), names in groups.items()
    ]
    parts.append(
        "\n`wangge retention show` says what is due, `wangge retention run` erases it; how to run it, and what it cannot "
        "reach, is in [operations](operations.md#retention).\n"
    )
    return "".join(parts)


def _rows(policy: Policy, layer: Layer) -> list[str]:
    """Return a line for the fields of one kind, purpose and retention."""
    groups: dict[tuple[str, Text, str], list[Field]] = {}
    for field in layer.fields:
        rule = policy.rules.fields[layer.name, field.name]
        groups.setdefault((field.guard, rule.purpose, _kept(rule)), []).append(field)
    return [
        f"| {', '.join(f'`{field.name}`' for field in fields)} | {guard} | {_two(purpose)} | "
        f"{_who(policy, layer, fields[0])} | {kept} |\n"
        for (guard, purpose, kept), fields in groups.items()
    ]


def _who(policy: Policy, layer: Layer, field: Field) -> str:
    """Return the roles that may read a field of features, and of which: all, or those of their area."""
    found: dict[str, list[Text]] = {"all": [], "area": []}
    for role in policy.rules.roles.values():
        kind = role.areas[0]
        visitor = Visitor(role.id, Area(kind, frozenset({"x"}) if kind in LAYERS else frozenset()))
        offered = policy.offered(visitor, layer.name, way_out="api", action="read")
        for offer in offered.fields:
            if offer.field == field and offer.rows in found:
                found[offer.rows].append(role.title)
    told = [f"all: {joined(roles).en}" for roles in [found["all"]] if roles]
    told += [f"of their area: {joined(roles).en}" for roles in [found["area"]] if roles]
    return "; ".join(told) or "nobody"


def _kept(rule: FieldRule) -> str:
    return _two(rule.retention.title)


def _two(text: Text) -> str:
    return f"{text.zh} / {text.en}"


def _table(rows: tuple[tuple[str, ...], ...]) -> str:
    """Return a table whose first row is its heads."""
    lines = [f"| {' | '.join(row)} |\n" for row in rows]
    return "".join([lines[0], f"|{'---|' * len(rows[0])}\n", *lines[1:]])
