"""The web service: pages, API, tiles and downloads over one district's store.

`create_app` puts it together; Flask is imported inside, so that the command line starts without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webmap.settings import Settings as Settings

if TYPE_CHECKING:
    from types import ModuleType

    from flask import Blueprint, Flask

    from layers.access.access import Access
    from layers.following import Snapshots
    from layers.imports.jobs import Workshop
    from layers.policy import Policy
    from layers.snapshot import Snapshot
    from layers.standards import Standards
    from layers.store import Store
    from webmap.gate import Visitors
    from webmap.guarded import Record
    from webmap.health import Probe
    from webmap.index import FeatureIndexes
    from webmap.limits import Limit, Limits, Seldom
    from webmap.tile_cache import TileCache


MOST_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the endpoints share; it is ``app.extensions["wangge"]``.

    `access` is None where nobody can sign in; `requests`, `tile_requests`, `attempts` (to become somebody) and
    `wrong_keys` count how often one source asks. `record` writes the audit log, `refusals` keeps it from
    being filled by one refusal over and over.
    """

    store: Store
    standards: Standards
    policy: Policy
    settings: Settings
    access: Access | None
    visitors: Visitors
    record: Record
    requests: Limit
    tile_requests: Limit
    attempts: Limit
    wrong_keys: Limit
    refusals: Seldom
    snapshots: Snapshots
    indexes: FeatureIndexes
    probe: Probe
    tiles: TileCache


def create_app(
    store: Store,
    standards: Standards,
    policy: Policy,
    *,
    access: Access | None = None,
    visitors: Visitors | None = None,
    record: Record | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
    snapshot: Snapshot | None = None,
    workshop: Workshop | None = None,
) -> Flask:
    """Return the service over an open store.

    Parameters
    ----------
    store : Store
        Facts are written to it; it stays the caller's to close. Each request asks it for its version, until
        the service's `snapshots` are started: then they follow it in the background.
    standards : Standards
    policy : Policy
        Who may see and do what.
    access : Access, optional
        Accounts, sessions, devices, keys and the audit log; it stays the caller's to close. Without it nobody
        can sign in.
    visitors : callable, optional
        Says who asks; by default that is what `access` knows, or that nobody has signed in.
    record : callable, optional
        Writes the audit log; by default that of `access`, or none.
    settings : Settings, optional
    limits : Limits, optional
        Counts how often somebody asks; by default in this process alone.
    snapshot : Snapshot, optional
        What was read of the store already.
    workshop : Workshop, optional
        Imports uploaded files; without it none are taken.
    """
    from flask import Flask

    from webmap import gate, guarded, identity
    from webmap.limits import make_limits
    from webmap.quick import Quick

    settings = settings or Settings()
    limits = limits or make_limits(settings)
    app = Flask(__name__)
    # Codes are opaque: "A//1" and "A/1" are two features, and "…/" at the end belongs to a code.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    # Forms are small; what is uploaded is read past this by the one view that takes it.
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MOST_BODY_BYTES
    app.config["MAX_FORM_PARTS"] = 100
    if visitors is None:
        visitors = identity.recognise(access, settings) if access else gate.everybody_is_resident
    if record is None:
        record = access.record if access else guarded.unrecorded
    app.extensions["wangge"] = _service(
        store,
        standards,
        policy,
        access=access,
        visitors=visitors,
        record=record,
        settings=settings,
        limits=limits,
        snapshot=snapshot,
    )
    _add_parts(app)
    if access is not None:
        _add_accounts(app, workshop)
    app.wsgi_app = Quick(app)  # type: ignore[method-assign]
    return app


def _service(
    store: Store,
    standards: Standards,
    policy: Policy,
    *,
    access: Access | None,
    visitors: Visitors,
    record: Record,
    settings: Settings,
    limits: Limits,
    snapshot: Snapshot | None,
) -> Service:
    from layers.following import Snapshots
    from webmap.health import Probe
    from webmap.index import FeatureIndexes
    from webmap.tile_cache import TileCache

    snapshots = Snapshots(store, standards, snapshot)
    return Service(
        store=store,
        standards=standards,
        policy=policy,
        settings=settings,
        access=access,
        visitors=visitors,
        record=record,
        requests=limits.requests,
        tile_requests=limits.tile_requests,
        attempts=limits.attempts,
        wrong_keys=limits.wrong_keys,
        refusals=limits.refusals,
        snapshots=snapshots,
        indexes=FeatureIndexes(snapshots),
        probe=Probe(store, snapshots),
        tiles=TileCache(settings.tile_cache_mib * 2**20, settings.installation.map_datum),
    )


def load_parts() -> None:
    """Import all that `create_app` needs, so that processes forked from this one need not."""
    import layers.following  # noqa: F401
    import webmap.quick
    import webmap.tile_cache  # noqa: F401

    _parts()
    _parts_of_accounts()


def load_rest() -> None:
    """Import what the first page and the first question need, before somebody waits for them."""
    import scipy.ndimage
    import scipy.sparse
    import scipy.spatial
    import scipy.special  # noqa: F401

    import webmap.maps  # noqa: F401


def _parts() -> tuple[tuple[ModuleType, ...], tuple[Blueprint, ...]]:
    from webmap import (
        api,
        api_compare,
        api_facts,
        api_features,
        api_field,
        api_saved,
        api_what_if,
        assets,
        branding,
        csrf,
        downloads,
        errors,
        field,
        gate,
        identity,
        me,
        nav,
        openapi,
        pages,
        responses,
        security,
        tiles,
        wall,
    )

    return (responses, assets, security, errors, csrf, identity, gate, nav, branding), (
        pages.pages,
        api.api,
        api_compare.compare,
        me.me,
        api_features.features,
        api_what_if.what_ifs,
        api_facts.facts,
        api_field.fields,
        api_saved.saved,
        openapi.openapi,
        tiles.tiles,
        downloads.downloads,
        field.field,
        wall.walls,
        wall.api_walls,
    )


def _parts_of_accounts() -> tuple[ModuleType, tuple[Blueprint, ...]]:
    from webmap import account, accounts, audit_page, forms, sign_in, upload

    parts = (sign_in.sign_ins, account.account, accounts.accounts, audit_page.audit, upload.uploading)
    return forms, parts


def _add_parts(app: Flask) -> None:
    """Add what every service has: what is done with each request and answer, pages, API, tiles, downloads."""
    parts, blueprints = _parts()
    for part in parts:
        part.register(app)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)


def _add_accounts(app: Flask, workshop: Workshop | None) -> None:
    """Add the pages of a service in which people can sign in."""
    forms, blueprints = _parts_of_accounts()
    forms.register(app)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    from webmap import upload

    upload.register_at(app, workshop)
    if app.extensions["wangge"].settings.oidc is not None:
        from webmap import oidc

        app.register_blueprint(oidc.openid)
