"""A service that takes uploads into a store of its own, and files to upload."""

from __future__ import annotations

import os
import signal
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from geo.datum import Datum, convert_datum
from layers.imports.jobs import Workshop
from layers.installation import Installation
from layers.standards import Standards
from layers.store import Store, StoreSettings, create_store, open_store
from layers.stores.postgis import store as postgis
from tests.district import small_district
from tests.postgres import APP
from tests.processes import ForkedWorkshop
from tests.webmap.access import Browser, People, people
from webmap import upload
from webmap.upload import Desk

DATA_FOLDER = Path(__file__).parents[2] / "data"
HEAD = "code,category,opened,subdistrict,lng,lat"
PATIENCE_S = 180.0


@contextmanager
def service(
    folder: Path, standards: Standards, *, urls: tuple[str, str] | None = None, **settings: Any
) -> Iterator[tuple[Store, People]]:
    """Serve a store of the small district without complaints, to be imported into.

    `urls` are those of an empty database, as its owner and as who serves it.
    """
    district, frames = small_district()
    url = f"gpkg:{folder / 'district.gpkg'}"
    layers = {name: frame for name, frame in frames.items() if name != "complaints"}
    if urls is not None:
        owner, url = urls
        create_store(owner, district, layers=layers).close()
        postgis.grant_to(owner, APP, settings=StoreSettings())
        settings = {"installation": Installation(upload_folder=folder / "uploads"), **settings}
    with (
        create_store(url, district, layers=layers) if urls is None else open_store(url) as store,
        people(store, standards, folder, **settings) as served,
    ):
        upload.register_at(served.app, ForkedWorkshop(store_url=url, data_folder=DATA_FOLDER))
        yield store, served


def desk_of(served: People) -> Desk:
    found: Desk = served.app.extensions["wangge.uploads"]
    return found


def complaints(datum: Datum = "cgcs2000", *, count: int = 90, more: tuple[str, ...] = ()) -> bytes:
    """Return complaints of the small district as a table, in a datum that the table does not tell."""
    _, frames = small_district()
    frame = frames["complaints"].iloc[:: max(1, len(frames["complaints"]) // count)]
    lon, lat = convert_datum(frame.geometry.x, frame.geometry.y, source="cgcs2000", target=datum)
    rows = [
        f"{code},noise,2019-01-01,{sub},{x:.9f},{y:.9f}"
        for code, sub, x, y in zip(frame.index, frame["subdistrict"], lon, lat, strict=True)
    ]
    return "\n".join([HEAD, *rows, *more, ""]).encode()


def zip_bomb() -> bytes:
    """Return a small archive whose shapefile would unpack to very much."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for ending in ("shp", "shx", "dbf"):
            archive.writestr(f"bomb.{ending}", bytes(30 * 2**20))
    return packed.getvalue()


class Clerk:
    """Somebody signed in, who sends files and answers."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.token = ""

    def page(self) -> Any:
        return self.browser.get("/data")

    def ask(self, method: str, path: str, *, json: Any = None, data: Any = None, query: str = "") -> Any:
        if not self.token:
            found = self.page().get_data(as_text=True)
            self.token = found.partition('"csrf":"')[2].partition('"')[0]
        headers = {"X-CSRF-Token": self.token}
        return self.browser.client.open(
            f"{path}?lang=en{query}", method=method, json=json, data=data, headers=headers
        )

    def send(self, content: Any, name: str = "hotline.csv", layer: str = "complaints") -> Any:
        return self.ask("POST", "/api/uploads", data=content, query=f"&name={name}&layer={layer}")

    def look(self, id: str) -> dict[str, Any]:  # noqa: A002
        found: dict[str, Any] = self.ask("GET", f"/api/uploads/{id}").get_json()
        return found

    def waited(self, id: str) -> dict[str, Any]:  # noqa: A002
        """Return an upload when nobody works at it any more."""
        until = time.monotonic() + PATIENCE_S
        while (found := self.look(id))["status"] == "working":
            assert time.monotonic() < until, found
            time.sleep(0.1)
        return found

    def check(self, id: str, **options: Any) -> dict[str, Any]:  # noqa: A002
        answer = self.ask("POST", f"/api/uploads/{id}/check", json=options)
        assert answer.status_code == 200, answer.get_json()
        return self.waited(id)

    def checked(self, content: bytes, name: str = "hotline.csv", **options: Any) -> dict[str, Any]:
        """Send a file and have it checked."""
        answer = self.send(content, name)
        assert answer.status_code == 200, answer.get_json()
        return self.check(answer.get_json()["id"], **options)

    def confirm(self, found: dict[str, Any]) -> Any:
        number = found["check"]["number"]
        return self.ask("POST", f"/api/uploads/{found['id']}/import", json={"number": number})

    def imported(self, found: dict[str, Any]) -> dict[str, Any]:
        answer = self.confirm(found)
        assert answer.status_code == 200, answer.get_json()
        return self.waited(found["id"])


def killing(workshop: Workshop) -> Workshop:
    """Return a workshop whose processes are killed as soon as they are started."""

    class Killing(Workshop):
        def begin(self, given: dict[str, Any], lock: int) -> int:
            pid = super().begin(given, lock)
            os.kill(pid, signal.SIGKILL)
            return pid

    return Killing(store_url=workshop.store_url, data_folder=workshop.data_folder)
