"""The web service: pages, API, tiles and downloads over one district's store.

`create_app` puts it together; Flask is imported inside, so that the command line starts without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from layers.following import Snapshots
    from layers.policy import Policy
    from layers.standards import Standards
    from layers.store import Store
    from webmap.gate import Visitors
    from webmap.health import Probe
    from webmap.index import FeatureIndexes
    from webmap.tile_cache import TileCache


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator may set.

    Attributes
    ----------
    tile_cache_mib : int
        How much memory encoded tiles may take.
    """

    tile_cache_mib: int = 64


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the endpoints share; it is ``app.extensions["wangge"]``."""

    store: Store
    standards: Standards
    policy: Policy
    visitors: Visitors
    snapshots: Snapshots
    indexes: FeatureIndexes
    probe: Probe
    tiles: TileCache


def create_app(
    store: Store,
    standards: Standards,
    policy: Policy,
    *,
    visitors: Visitors | None = None,
    settings: Settings | None = None,
) -> Flask:
    """Return the service over an open store.

    Parameters
    ----------
    store : Store
        Read, never written; it stays the caller's to close. Each request asks it for its version, until
        the service's `snapshots` are started: then they follow it in the background.
    standards : Standards
    policy : Policy
        Who may see and do what.
    visitors : callable, optional
        Says who asks; by default nobody has signed in.
    settings : Settings, optional
    """
    from flask import Flask

    from layers.following import Snapshots
    from webmap import (
        api,
        api_features,
        assets,
        downloads,
        errors,
        gate,
        openapi,
        pages,
        responses,
        security,
        tiles,
    )
    from webmap.health import Probe
    from webmap.index import FeatureIndexes
    from webmap.tile_cache import TileCache

    settings = settings or Settings()
    app = Flask(__name__)
    # Codes are opaque: "A//1" and "A/1" are two features, and "…/" at the end belongs to a code.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    # Nothing is uploaded here.
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    snapshots = Snapshots(store, standards)
    app.extensions["wangge"] = Service(
        store=store,
        standards=standards,
        policy=policy,
        visitors=visitors or gate.everybody_is_resident,
        snapshots=snapshots,
        indexes=FeatureIndexes(snapshots),
        probe=Probe(store, snapshots),
        tiles=TileCache(settings.tile_cache_mib * 2**20),
    )
    for part in (responses, assets, security, errors, gate):
        part.register(app)
    for blueprint in (
        pages.pages,
        api.api,
        api_features.features,
        openapi.openapi,
        tiles.tiles,
        downloads.downloads,
    ):
        app.register_blueprint(blueprint)
    return app
