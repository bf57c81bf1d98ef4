"""Every kind of store against the one contract."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.layers.store_contract import Kind, StoreContract


@dataclass
class GeoPackages:
    """GeoPackage files in one folder."""

    folder: Path

    def __post_init__(self) -> None:
        self._numbers = count()

    def new_url(self) -> str:
        return f"gpkg:{self.folder / f'store {next(self._numbers)}.gpkg'}"


@pytest.fixture(params=["gpkg"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    return {"gpkg": GeoPackages}[request.param](tmp_path)


class TestContract(StoreContract):
    """The contract, on each kind."""
