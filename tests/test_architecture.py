"""The house stands as docs/architecture.md says: imports run one way, and each library has its room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("geo", "layers", "webmap", "data", "app")
ALLOWED = {
    "geo": {"geo"},
    "layers": {"geo", "layers"},
    "webmap": {"geo", "layers", "webmap"},
    "data": {"geo", "layers", "data"},
    "app": {"geo", "layers", "webmap", "data", "app"},
}
ONLY_IN = {
    "flask": ("webmap",),
    "werkzeug": ("webmap",),
    "folium": ("webmap",),
    "granian": ("webmap",),
    "mapbox_vector_tile": ("webmap",),
    "apsw": ("layers/stores",),
    "sqlite3": ("layers/stores",),
    "psycopg": ("layers/stores",),
    "psycopg_pool": ("layers/stores",),
    "adbc_driver_postgresql": ("layers/stores",),
    "adbc_driver_manager": ("layers/stores",),
}
HEAVY = (
    "geopandas",
    "esda",
    "libpysal",
    "spopt",
    "dask",
    "folium",
    "pyarrow",
    "openpyxl",
    "h3",
    "mapbox_vector_tile",
    "flask",
    "granian",
    "apsw",
    "psycopg",
    "psycopg_pool",
    "adbc_driver_manager",
)


def modules() -> list[Path]:
    found = [ROOT / "app.py"]
    for room in ROOMS[:-1]:
        found += sorted((ROOT / room).rglob("*.py"))
    return found


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    relative = path.relative_to(ROOT)
    room = relative.parts[0].removesuffix(".py")
    for name in imported(ast.parse(path.read_text("utf-8"))):
        top = name.partition(".")[0]
        if top in ROOMS:
            assert top in ALLOWED[room], f"{relative} imports {name}"
        if top in ONLY_IN:
            assert any(relative.as_posix().startswith(place) for place in ONLY_IN[top]), (
                f"{relative} imports {name}"
            )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_settings_are_read_in_app_alone(path: Path) -> None:
    text = path.read_text("utf-8")
    if path.name != "app.py":
        assert "os.environ" not in text
        assert "getenv" not in text


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_one_place_reprojects(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    if relative != "geo/crs.py":
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("to_crs", "Transformer"), f"{relative}:{node.lineno} reprojects"


@pytest.mark.parametrize(
    "path", [p for p in modules() if p.relative_to(ROOT).parts[0] == "geo"], ids=lambda p: p.name
)
def test_geo_is_pure(path: Path) -> None:
    """No files, no clock, no network, no unseeded chance."""
    forbidden = {"os", "pathlib", "time", "datetime", "socket", "urllib", "random", "logging", "subprocess"}
    assert not {name.partition(".")[0] for name in imported(ast.parse(path.read_text("utf-8")))} & forbidden


def test_help_does_not_load_what_it_does_not_need() -> None:
    import subprocess
    import sys

    code = (
        "import sys, app\n"
        "try: app.main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stdout


@pytest.mark.parametrize(
    "path", [p for p in modules() if p.name != "__init__.py"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))
