"""Commands as they are typed, and a store of the small district that has been lived in."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from click.testing import CliRunner, Result

import app
from layers.cli import Context
from layers.store import Authorship, Store
from layers.text import Language


def run(*arguments: str | Path, store: str = "gpkg:nowhere.gpkg", language: Language = "en") -> Result:
    context = Context(store_url=store, language=language, data_folder=app.DATA_FOLDER, operator="clerk")
    return CliRunner().invoke(app.wangge, [str(item) for item in arguments], obj=context)


def done(*arguments: str | Path, store: str, language: Language = "en") -> str:
    result = run(*arguments, store=store, language=language)
    assert result.exit_code == 0, result.output
    return result.stdout


def lived_in(store: Store) -> None:
    """Correct a number, replace a manager, move a facility and a plot, delete complaints."""
    clerk = Authorship(who="clerk", note="电话核实")
    store.update("communities", store.read("communities", codes=["C04"]).assign(households=181), by=clerk)
    new = store.read("communities", codes=["C03"]).assign(property_management="yes")
    store.update("communities", new, by=Authorship(who="clerk", effective=date(2020, 5, 1)))
    moved = store.read("facilities", codes=["F01"])
    store.update("facilities", moved.set_geometry(moved.geometry.translate(0.001, 0)))
    plot = store.read("communities", codes=["C01"])
    store.update("communities", plot.set_geometry(plot.geometry.scale(2, 1)))
    store.delete("complaints", ["C01-001", "C01-002"], by=Authorship(who="<b>甲</b>"))
