"""What commands are given."""

from __future__ import annotations

import gzip
from pathlib import Path

from layers.stores.kinds import path_of
from tests.faults.kinds import GeoPackages

WRITTEN = Path(__file__).parents[1] / "layers" / "written"
ROWS = 4000


def old_store(geopackages: GeoPackages) -> str:
    """Return the URL of a store that an earlier program made."""
    url = geopackages.new_url()
    path_of(url).write_bytes(gzip.decompress((WRITTEN / "geopackage-1.gpkg.gz").read_bytes()))
    return url


def table_of_complaints(file: Path, rows: int = ROWS) -> Path:
    """Write a table to import."""
    lines = (
        f"K{k:05},lift_fault,2019-0{k % 9 + 1}-11,{114.06 + k / 1e5},{22.55 + k % 70 / 1e4},诉求 {k}"
        for k in range(rows)
    )
    file.write_text("code,category,opened,lon,lat,text\n" + "\n".join(lines) + "\n", "utf-8")
    return file
