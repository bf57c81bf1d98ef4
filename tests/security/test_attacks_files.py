"""Files that are made to do harm on import: bombs, files that name other files, and what only looks like a format.

Bombs of the plain kinds are in ``tests/layers/imports``; these lie about themselves. They are read in a
process of its own that may take little memory, so that a crash or a flood is a failure and not the end of the tests.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120
MOST_BYTES = 3 * 2**30
SECRET = "CANARY-of-another-file"

READ = """
import json, sys
from pathlib import Path
from layers.imports.source import read_source
from layers.problems import WanggeError
for name in sys.argv[1:]:
    try:
        found = read_source(Path(name))
    except WanggeError as error:
        said = f"REFUSED {error}"
    else:
        said = "READ " + found.columns.to_string()[:2000]
    print(json.dumps([Path(name).name, said]), flush=True)
"""


def few_bytes() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def read(paths: list[Path]) -> dict[str, str]:
    """Return what came of reading each file; what is missing was not come to any more."""
    done = subprocess.run(
        [sys.executable, "-c", READ, *map(str, paths)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        preexec_fn=few_bytes,
    )
    return dict(json.loads(line) for line in done.stdout.splitlines())


def workbook(path: Path, declared: str, entity: str) -> Path:
    """Write a workbook with a cell that holds `entity`, as the document type declares it."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["name", "kind"], ["PLACE", "b"]):
        sheet.append(row)
    plain = path.with_suffix(".plain")
    book.save(plain)
    placed = 0
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            text = source.read(name)
            if b"PLACE" in text:
                root = re.sub(rb"^<\?xml.*?\?>", b"", text).replace(b"PLACE", entity.encode())
                text = f"<!DOCTYPE a [{declared}]>".encode() + root
                placed += 1
            target.writestr(name, text)
    assert placed == 1
    return path


def laughs(path: Path) -> Path:
    """A billion times "lol" by entities of entities."""
    entities = [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10)]
    return workbook(path, "".join(entities), "&l9;")


def elsewhere(path: Path) -> Path:
    """An entity that names another file."""
    secret = path.with_name("secret.txt")
    secret.write_text(SECRET)
    return workbook(path, f'<!ENTITY x SYSTEM "file://{secret}">', "&x;")


def lying(path: Path) -> Path:
    """A zipped shapefile whose directory says that its parts are small; 300 MB of zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.shp", "a.shx", "a.dbf"):
            with archive.open(name, "w", force_zip64=False) as part:
                for _ in range(100):
                    part.write(bytes(2**20))
        for member in archive.filelist:
            member.file_size = 1000
    return path


def overlapping(path: Path) -> Path:
    """Thousands of names for one packed part."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dbf", bytes(10 * 2**20))
        first = archive.filelist[0]
        for number in range(3000):
            copy = zipfile.ZipInfo(f"b{number}.shp")
            copy.compress_type, copy.header_offset = first.compress_type, first.header_offset
            copy.compress_size, copy.file_size, copy.CRC = first.compress_size, first.file_size, first.CRC
            archive.filelist.append(copy)
    return path


def virtual(path: Path) -> Path:
    """A file that tells GDAL to read another one, under a name that promises a format."""
    secret = path.with_name("secret.csv")
    secret.write_text(f"name,x,y\n{SECRET},1,2\n")
    path.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource>'
        '<GeometryType>wkbPoint</GeometryType><GeometryField encoding="PointFromColumns" x="x" y="y"/>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    return path


def deep(path: Path) -> Path:
    """JSON in which a hundred thousand lists stand in one another."""
    inner = "[" * 100_000 + "]" * 100_000
    path.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":'
        + inner
        + '},"geometry":{"type":"Point","coordinates":[114,22]}}]}'
    )
    return path


def deep_geometry(path: Path) -> Path:
    """Collections in collections in collections."""
    point: object = {"type": "Point", "coordinates": [114, 22]}
    text = json.dumps(point)
    for _ in range(5_000):
        text = '{"type":"GeometryCollection","geometries":[' + text + "]}"
    path.write_text(
        f'{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{}},"geometry":{text}}}]}}'
    )
    return path


def other_kind_of_json(path: Path) -> Path:
    """JSON that names another file to be read instead."""
    secret = path.with_name("secret.geojson")
    secret.write_text('{"type":"Point","coordinates":[1,2]}')
    path.write_text(
        json.dumps({"type": "Topology", "objects": {}, "arcs": [], "href": f"/vsicurl/file://{secret}"})
    )
    return path


def database_of_views(path: Path) -> Path:
    """A database that is no GeoPackage, in which reading means running what it says."""
    import sqlite3

    database = sqlite3.connect(path)
    database.executescript(
        "CREATE TABLE a (name TEXT); CREATE VIEW gpkg_contents AS WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT count(*) AS table_name FROM n;"
    )
    database.close()
    return path


def wide(path: Path) -> Path:
    """A heading of millions of columns."""
    path.write_text("," * 5_000_000 + "\n")
    return path


def wide_json(path: Path) -> Path:
    """Features of which each has another property."""
    features = [
        {
            "type": "Feature",
            "properties": {f"p{number}": 1},
            "geometry": {"type": "Point", "coordinates": [1, 2]},
        }
        for number in range(3000)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def cell(path: Path, reference: str, value: str) -> Path:
    """Write a workbook by hand whose last cell stands, and holds, what a spreadsheet would not write."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["name", "n"])
    sheet.append(["a", 1])
    plain = path.with_suffix(".plain")
    book.save(plain)
    row = re.sub(r"[A-Z]", "", reference)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            text = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                more = f'<row r="{row}"><c r="{reference}"><v>{value}</v></c></row></sheetData>'
                text = text.replace(b"</sheetData>", more.encode())
            target.writestr(name, text)
    return path


def far_down(path: Path) -> Path:
    """A row of a number that it would take years to count to."""
    return cell(path, "A99999999999999", "1")


def endless_number(path: Path) -> Path:
    """A number that no float holds."""
    return cell(path, "B3", "9" * 400)


def parquet_of(path: Path, geo: str) -> Path:
    """Parquet whose description of its geometry is what somebody else wrote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"geometry": [b"\x01"], "a": ["x"]})
    pq.write_table(table.replace_schema_metadata({"geo": geo}), path)
    return path


def strange_crs(path: Path) -> Path:
    """A description that names a CRS of no kind."""
    column = {"encoding": "WKB", "geometry_types": [], "crs": {"type": "x", "id": []}}
    return parquet_of(
        path, json.dumps({"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}})
    )


def strange_description(path: Path) -> Path:
    """A description that is no description."""
    return parquet_of(path, "[1]")


MADE: dict[str, Callable[[Path], Path]] = {
    "laughs.xlsx": laughs,
    "elsewhere.xlsx": elsewhere,
    "lying.zip": lying,
    "overlapping.zip": overlapping,
    "virtual.geojson": virtual,
    "virtual.gpkg": virtual,
    "virtual.shp": virtual,
    "virtual.fgb": virtual,
    "deep.geojson": deep,
    "deep_geometry.geojson": deep_geometry,
    "other.geojson": other_kind_of_json,
    "views.gpkg": database_of_views,
    "wide.csv": wide,
    "wide.geojson": wide_json,
    "far.xlsx": far_down,
    "endless.xlsx": endless_number,
    "strange_crs.parquet": strange_crs,
    "strange.parquet": strange_description,
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return read([make(tmp_path_factory.mktemp("made") / name) for name, make in MADE.items()])


@pytest.mark.parametrize("name", MADE)
def test_a_file_that_is_made_to_do_harm_is_refused(answers: dict[str, str], name: str) -> None:
    said = answers.get(name, "the process did not survive it")
    assert said.startswith("REFUSED") and SECRET not in said, said


def test_an_honest_file_is_read_by_the_same_means(tmp_path: Path) -> None:
    path = tmp_path / "honest.csv"
    path.write_text(f"name\n{SECRET}\n")
    assert SECRET in read([path])["honest.csv"]
