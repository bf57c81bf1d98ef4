"""What it costs to decide who asks, whether they may and what they see: ``python -m bench.policy``.

A service over the demonstration district, in which a thousand people have signed in, most of them grid workers
of cells of their own, is asked for tiles by each of them in turn.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import shapely
from argon2 import PasswordHasher

from layers.access.access import open_access
from layers.areas import feature_belonging
from layers.policy import read_policy
from layers.standards import read_standards
from layers.store import create_store
from layers.visitors import WHOLE_DISTRICT, Area, operator
from webmap import create_app
from webmap.cookies import SESSION
from webmap.gate import visitor
from webmap.settings import Settings
from webmap.tile_cache import TileCache
from webmap.tile_layers import Drawn, drawn_for

if TYPE_CHECKING:
    import geopandas as gpd
    from flask import Flask

    from layers.access.access import Access
    from layers.snapshot import Snapshot
    from layers.store import District

DATA = Path(__file__).parents[1] / "data"
MOST_S = 50e-6
MOST_SHARE = 0.05
LAYERS = ("communities", "buildings", "complaints", "management_cells", "backdrop")
ZOOMS = (13, 14, 15, 16)

Tile = tuple[str, int, int, int]
Given = tuple["District", dict[str, "gpd.GeoDataFrame"]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured."""

    accounts: int = 1000
    requests: int = 20_000
    tiles: int = 300


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds, of each time that it was done.

    Attributes
    ----------
    before : list of float
        All that comes before a view: the host, who asks by a session's cookie, how often, whether they may.
    policy : list of float
        What of the layer the visitor's tiles show.
    cut : list of float
        Which features of complaints are an area's.
    tile : list of float
        Encoding a tile that is not empty and of which nothing is kept but its layer's shapes.
    """

    accounts: int
    before: list[float]
    policy: list[float]
    cut: list[float]
    tile: list[float]

    @property
    def request_s(self) -> float:
        """What a request pays for being decided."""
        return median(self.before) + median(self.policy)

    @property
    def share(self) -> float:
        """As a share of an uncached tile."""
        return self.request_s / median(self.tile)


def measure(plan: Plan, folder: Path, given: Given | None = None) -> Costs:
    """Measure in a new store in `folder`, by default of the demonstration district."""
    standards, policy = read_standards(DATA), read_policy(DATA)
    if given is None:
        from data.demo import generate

        given = generate(standards)
    district, frames = given
    url = f"gpkg:{folder / 'policy.gpkg'}"
    with (
        create_store(url, district, layers=frames) as store,
        open_access(url, policy=policy, hasher=PasswordHasher(1, 8, 1)) as access,
    ):
        tokens = _signed_in(access, plan.accounts, list(frames["management_cells"].index))
        unlimited = Settings(requests_a_minute=10**9, tiles_a_minute=10**9)
        app = create_app(store, standards, policy, access=access, settings=unlimited)
        snapshot = app.extensions["wangge"].snapshots.current()
        tiles = list(_tiles(snapshot, plan.tiles))
        before, decided = _decide(app, tokens, tiles, plan.requests)
        return Costs(
            accounts=len(tokens),
            before=before,
            policy=decided,
            cut=_cut(snapshot, plan.accounts),
            tile=_encode(snapshot, tiles),
        )


def _signed_in(access: Access, number: int, cells: list[str]) -> list[str]:
    """Return the tokens of so many people: planners, and grid workers of two cells each."""
    by, tokens = operator("bench"), []
    for at in range(number):
        area = Area(
            "management_cells", frozenset({cells[2 * at % len(cells)], cells[(2 * at + 1) % len(cells)]})
        )
        role = "planner" if at % 10 == 0 else "grid_worker"
        access.add_account(f"person{at}", role, WHOLE_DISTRICT if role == "planner" else area, by=by)
        access.link_oidc(f"person{at}", f"subject{at}", by=by)
        tokens.append(access.sign_in_oidc(f"subject{at}", address="127.0.0.1", agent="bench").token)
    return tokens


def _tiles(snapshot: Snapshot, number: int) -> Iterator[Tile]:
    """Yield places over the buildings, a layer and a zoom in turn: the same each time."""
    places = np.random.default_rng(20260101).permutation(len(snapshot.frame("buildings")))
    shapes = np.asarray(snapshot.frame("buildings").geometry.array)[places[:number]]
    for at, middle in enumerate(shapely.point_on_surface(shapes)):
        layer, zoom = LAYERS[at % len(LAYERS)], ZOOMS[at // len(LAYERS) % len(ZOOMS)]
        x = (middle.x + 180) / 360 * 2**zoom
        y = (1 - np.arcsinh(np.tan(np.radians(middle.y))) / np.pi) / 2 * 2**zoom
        yield layer, zoom, int(x), int(y)


def _decide(app: Flask, tokens: list[str], tiles: list[Tile], number: int) -> tuple[list[float], list[float]]:
    before, decided = [], []
    policy = app.extensions["wangge"].policy
    for token, (layer, zoom, x, y) in islice(zip(cycle(tokens), cycle(tiles)), number):
        headers = {"Cookie": f"{SESSION}={token}"}
        with app.test_request_context(f"/tiles/{layer}/{zoom}/{x}/{y}.mvt", headers=headers):
            start = time.perf_counter()
            refused = app.preprocess_request()
            asked = time.perf_counter()
            drawn_for(policy, visitor(), layer)
            decided.append(time.perf_counter() - asked)
            before.append(asked - start)
            known = visitor().via == "session"
        if refused is not None or not known:
            raise RuntimeError(f"{layer} was not decided as for somebody who has signed in")
    return before[len(tokens) :] or before, decided[len(tokens) :] or decided


def _cut(snapshot: Snapshot, number: int) -> list[float]:
    belonging = feature_belonging(snapshot, "complaints", "management_cells")
    areas = [Area("management_cells", frozenset({code})) for code in belonging.part_of][:number]
    return [_seconds(partial(belonging.mask, area)) for area in areas]


def _encode(snapshot: Snapshot, tiles: list[Tile]) -> list[float]:
    keeps_nothing, laps = TileCache(0), []
    for layer, zoom, x, y in tiles:
        drawn = Drawn(layer, ("opened",) if layer == "complaints" else ("name",))
        encode = partial(keeps_nothing.tile, snapshot, drawn, zoom, x, y)
        if encode().body:  # and now its layer's shapes are there
            laps.append(_seconds(encode))
    return laps


def _seconds(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def section(costs: Costs) -> str:
    """Return what was measured, in Markdown."""
    micro = {
        "before the view: host, cookie, session, counting, whether they may": costs.before,
        "what of a layer the tiles of the visitor show": costs.policy,
        "which complaints are an area's": costs.cut,
        "an uncached tile": costs.tile,
    }
    rows = [
        f"| {name} | {median(laps) * 1e6:.1f} | {np.percentile(laps, 99) * 1e6:.1f} |"
        for name, laps in micro.items()
    ]
    targets = [
        (
            f"deciding a request under {MOST_S * 1e6:.0f} µs",
            f"{costs.request_s * 1e6:.1f} µs",
            costs.request_s < MOST_S,
        ),
        (f"and under {MOST_SHARE:.0%} of an uncached tile", f"{costs.share:.1%}", costs.share < MOST_SHARE),
    ]
    about = (
        f"A service over the demonstration district, {costs.accounts:,} people signed in, most of them grid "
        "workers of two cells of their own; each asks in turn. `python -m bench.policy` measures it alone."
    )
    lines = ["## The policy", "", about, "", "| | median µs | p99 µs |", "| :-- | --: | --: |", *rows, ""]
    lines += ["| target | measured | |", "| :-- | :-- | :-- |"]
    lines += [f"| {name} | {value} | {'met' if met else '**missed**'} |" for name, value, met in targets]
    return "\n".join(lines) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(section(measure(Plan(), Path(folder))))


if __name__ == "__main__":
    main()
