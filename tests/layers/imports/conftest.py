"""Stores to import into, and files to import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pytest

from layers.imports.options import ImportOptions
from layers.imports.report import ImportReport
from layers.imports.run import import_file
from layers.problems import ValidationError
from layers.standards import Standards
from layers.store import Store, create_store
from layers.text import Language
from tests.district import small_district

TODAY = date(2026, 1, 1)

CsvOf = Callable[..., Path]

# A heading, and positions within S1N1, S1N2 and S2N1 of the small district.
HEAD = "code,name,lng,lat"
A, B, C = "114.1285,22.5455", "114.1285,22.5515", "114.1365,22.5455"


class Import(Protocol):
    """Import a file into a layer of the test's store."""

    def __call__(
        self, layer: str, path: Path, *, language: Language = "en", **options: Any
    ) -> ImportReport: ...


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Return a maker of stores of the small district that hold just the layers named."""
    made: list[Store] = []

    def make(*layers: str, outline: bool = True) -> Store:
        district, frames = small_district(outline=outline)
        url = f"gpkg:{tmp_path / f'store{len(made)}.gpkg'}"
        made.append(create_store(url, district, layers={name: frames[name] for name in layers}))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., Store]) -> Store:
    """Return a store of the small district that holds subdistricts and neighbourhoods."""
    return make_store("subdistricts", "neighbourhoods")


@pytest.fixture
def run(store: Store, standards: Standards) -> Import:
    return importer(store, standards)


def importer(store: Store, standards: Standards) -> Import:
    def run(layer: str, path: Path, *, language: Language = "en", **options: Any) -> ImportReport:
        return import_file(
            store, standards, layer, path, ImportOptions(**options), today=TODAY, language=language
        )

    return run


@pytest.fixture
def csv_of(tmp_path: Path) -> CsvOf:
    """Return a writer of CSV files from lines."""

    def write(*lines: str, name: str = "source.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("\n".join([*lines, ""]).encode(encoding))
        return path

    return write


def refused(importing: Callable[..., object], *arguments: Any, **options: Any) -> ValidationError:
    """Return the error that an import raises."""
    with pytest.raises(ValidationError) as caught:
        importing(*arguments, **options)
    return caught.value


def sentences(error: ValidationError | ImportReport) -> list[str]:
    """Return the problems of an error or a report as a person reads them."""
    problems: Sequence[Any] = error.problems
    return [problem.sentence("en") for problem in problems]
