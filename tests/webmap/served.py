"""The service's description without a running service, for the reference pages."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from layers.standards import read_standards
from layers.store import create_store
from tests.district import small_district
from tests.visitors import app_for
from webmap.openapi import describe

DATA_FOLDER = Path(__file__).parents[2] / "data"


def described() -> dict[str, Any]:
    """Return the OpenAPI document in English."""
    district, frames = small_district()
    with (
        tempfile.TemporaryDirectory() as folder,
        create_store(f"gpkg:{folder}/small.gpkg", district, layers=frames) as store,
    ):
        app = app_for(store, read_standards(DATA_FOLDER))
        with app.test_request_context():
            return describe(app, "en")
