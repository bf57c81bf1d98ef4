"""Standards and code lists, read from the data folder: what a district may change without a programmer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layers.problems import ValidationError
from layers.references import Reference, references_of
from layers.text import Text


@dataclass(frozen=True)
class Code:
    """One entry of a code list; `aliases` are further spellings that imports recognise."""

    id: str
    title: Text
    short: Text
    aliases: tuple[str, ...] = ()
    demand_group: str | None = None

    @property
    def spellings(self) -> frozenset[str]:
        """Return id, titles and aliases, case folded."""
        written = (self.id, self.title.zh, self.title.en, *self.aliases)
        return frozenset(spelling.casefold() for spelling in written)


@dataclass(frozen=True)
class CoverageLimit:
    """How far a facility of one kind may be on foot: metres, inclusive, with its source."""

    kind: str
    limit_m: float
    source: Text
    verified: bool


@dataclass(frozen=True)
class Verification:
    """When a fact is to be looked at again, in days.

    Attributes
    ----------
    stale_days : int
        What was verified longer ago than this is out of date.
    ask_again_days : int
        What somebody has looked at within so many days is not asked again, though it is unknown or contradicted.
    """

    stale_days: int
    ask_again_days: int


@dataclass(frozen=True)
class Packages:
    """What tablets take along.

    Attributes
    ----------
    days : int
        After so many days a package is not to be used any more.
    margin_m : float
        Facilities and mediation rooms up to so far around the area go with it.
    """

    days: int
    margin_m: float


@dataclass(frozen=True)
class Standards:
    """Everything a rule compares with, each with where it comes from.

    Attributes
    ----------
    code_lists : dict of str to tuple of Code
        Closed lists by name (``facility_kinds``, …) and the known complaint categories.
    limits : dict of str to CoverageLimit
        Per facility kind.
    detour_factor : float
        Walking metres per straight metre where there is no path network.
    mediation_households : int
        A community with at least so many households is to have a mediation room.
    mediation_shared_m : float
        A mediation room that is shared serves whoever walks no farther, in metres, inclusive.
    references : dict of str to Reference
        Figures that the district has published, by the id of ours that they stand beside; none where the standards
        name none.
    """

    code_lists: dict[str, tuple[Code, ...]]
    limits: dict[str, CoverageLimit]
    detour_factor: float
    mediation_households: int
    mediation_shared_m: float
    hotspot_mask_residents: int
    hotspot_permutations: int
    hotspot_seed: int
    dispute_category: str
    dispute_years: tuple[int, int]
    verification: Verification
    packages: Packages
    references: dict[str, Reference]

    @property
    def facility_kinds(self) -> tuple[str, ...]:
        """Ids of the facility kinds in their published order."""
        return tuple(code.id for code in self.code_lists["facility_kinds"])

    def title(self, code_list: str, code: str) -> Text:
        """Return the title of `code`, or the code itself where the list does not know it."""
        for entry in self.code_lists[code_list]:
            if entry.id == code:
                return entry.title
        return Text(code, code)

    def demand_group(self, category: str) -> str:
        """Return the demand group of a complaint category, ``unmapped`` where none is known."""
        wanted = category.strip().casefold()
        for entry in self.code_lists["complaint_categories"]:
            if entry.demand_group and wanted in entry.spellings:
                return entry.demand_group
        return "unmapped"

    def spellings(self, category: str) -> frozenset[str]:
        """Return how the complaint category with the id `category` may be written, case folded."""
        return next(
            entry.spellings for entry in self.code_lists["complaint_categories"] if entry.id == category
        )


def read_standards(folder: Path, *, rules: Path | None = None) -> Standards:
    """Read ``code_lists.json`` and ``standards.json`` from `folder`.

    Parameters
    ----------
    rules : Path, optional
        An installation's own standards, in the place of ``standards.json``.

    Raises
    ------
    ValidationError
        An installation's own standards cannot be read, or lack something.
    """
    lists: dict[str, list[dict[str, Any]]] = json.loads((folder / "code_lists.json").read_text("utf-8"))
    if rules is None:
        return _standards(lists, json.loads((folder / "standards.json").read_text("utf-8")))
    try:
        return _standards(lists, json.loads(rules.read_text("utf-8-sig")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ValidationError(
            Text(
                "标准文件 {file} 无法使用：{why}。请照 data/standards.json 的写法补齐。",
                "The standards {file} cannot be used: {why}. Write them like data/standards.json, with all of it.",
            ).format(file=rules, why=why)
        ) from error


def _standards(lists: dict[str, list[dict[str, Any]]], rules: dict[str, Any]) -> Standards:
    coverage, hotspots, disputes = rules["coverage"], rules["hotspots"], rules["disputes"]
    return Standards(
        code_lists={name: tuple(_code(entry) for entry in entries) for name, entries in lists.items()},
        limits={
            row["kind"]: CoverageLimit(**row | {"source": Text(**row["source"])})
            for row in coverage["limits"]
        },
        detour_factor=coverage["detour_factor"]["value"],
        mediation_households=rules["mediation"]["households"],
        mediation_shared_m=rules["mediation"]["shared"]["limit_m"],
        hotspot_mask_residents=hotspots["mask_residents"],
        hotspot_permutations=hotspots["permutations"],
        hotspot_seed=hotspots["seed"],
        dispute_category=disputes["category"],
        dispute_years=(disputes["before"], disputes["after"]),
        verification=Verification(
            rules["verification"]["stale_days"], rules["verification"]["ask_again_days"]
        ),
        packages=Packages(rules["packages"]["days"], rules["packages"]["margin_m"]),
        references=references_of(rules.get("published", {}).get("figures", [])),
    )


def _code(entry: dict[str, Any]) -> Code:
    title = Text(entry["zh"], entry["en"])
    return Code(
        id=entry["id"],
        title=title,
        short=Text(entry.get("short_zh", title.zh), entry.get("short_en", title.en)),
        aliases=tuple(entry.get("aliases", ())),
        demand_group=entry.get("demand_group"),
    )
