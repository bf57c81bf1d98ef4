"""The datum guard within an import, dry runs, and any table at all."""

from __future__ import annotations

import csv
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.datum import convert_datum
from layers.store import Store
from tests.district import small_district
from tests.layers.imports.conftest import A, B, CsvOf, Import, refused


def bd09_rows(count: int) -> list[str]:
    _, frames = small_district()
    frame = frames["complaints"].iloc[:: len(frames["complaints"]) // count]
    lon, lat = convert_datum(frame.geometry.x, frame.geometry.y, source="cgcs2000", target="bd09")
    return [
        f"{code},noise,2019-01-01,{sub},{x:.9f},{y:.9f}"
        for code, sub, x, y in zip(frame.index, frame["subdistrict"], lon, lat, strict=True)
    ]


COMPLAINT_HEAD = "code,category,opened,subdistrict,lng,lat"


def test_rejects_do_not_get_around_the_guard(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path
) -> None:
    path = csv_of(COMPLAINT_HEAD, *bd09_rows(90))
    rejects = tmp_path / "r.csv"
    error = refused(lambda: run("complaints", path, datum="wgs84", rejects=rejects))
    assert str(error).startswith("BD-09 fits: ")
    assert "--datum bd09" in str(error)
    assert "--force" in str(error)
    assert error.message.zh.startswith("BD-09 相符：")
    assert store.counts()["complaints"] == 0
    assert not rejects.exists()
    assert run("complaints", path, datum="bd09").verdict.status == "fits"
    assert store.counts()["complaints"] > 80


def test_force_takes_what_can_be_taken_and_is_recorded(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path
) -> None:
    path = csv_of(COMPLAINT_HEAD, *bd09_rows(90))
    report = run("complaints", path, datum="wgs84", force=True, rejects=tmp_path / "r.csv")
    assert report.verdict.status == "overridden"
    assert report.rejected > 0  # some lie outside the district now
    assert store.counts()["complaints"] == report.taken
    change = store.changes(since=0)[-1]
    assert change.layer == "complaints"
    assert "overridden by --force: BD-09 fits" in change.by.note
    assert "declared WGS 84" in change.by.note


def test_the_note_of_an_ordinary_import(run: Import, store: Store, csv_of: CsvOf) -> None:
    run("communities", csv_of("code,name,街道,lng,lat", f"A,n,S1,{A}"), datum="wgs84")
    note = store.changes(since=0)[-1].by.note
    assert note == (
        "imported from source.csv, declared WGS 84. "
        "WGS 84 and CGCS2000 are less than 1 m apart and are taken as one frame."
        + ("" if "not verified" not in note else note[note.index(" Datum not verified") :])
    )


# Dry runs.


def test_a_dry_run_writes_nothing_and_shows_what_would_be(
    run: Import, store: Store, csv_of: CsvOf, tmp_path: Path
) -> None:
    path = csv_of("code,Name,街道,colour,lng,lat", f"A,绿景,S1,red,{A}", f"B,和平,S1,red,{B}", "C,x,S9,red,,")
    rejects = tmp_path / "r.csv"
    version = store.version()
    report = run(
        "communities", path, datum="wgs84", dry_run=True, rejects=rejects, constants={"households": "12"}
    )
    assert (store.version(), rejects.exists()) == (version, False)
    assert (report.taken, report.inserted, report.rejected, len(report.problems)) == (2, 2, 1, 2)
    text = "\n".join(report.lines("en"))
    for part in (
        "name <- Name (by its heading): 绿景, 和平",
        "subdistrict <- 街道 (by its heading): S1",
        "households <- = 12: 12",
        "position <- lng, lat",
        "Columns not used: colour",
        "2 would be stored: 2 new, 0 with codes that are there",
        "Dry run: nothing was written",
    ):
        assert part in text
    assert "试运行" in "\n".join(report.lines("zh"))
    told = report.as_dict("en")
    assert told["mapping"]["columns"] == {"code": "code", "name": "Name", "subdistrict": "街道"}
    assert told["mapping"]["examples"]["name"] == ["绿景", "和平"]
    assert len(told["problems"]) == 2


def test_a_dry_run_shows_what_the_guard_would_say(run: Import, csv_of: CsvOf) -> None:
    report = run("complaints", csv_of(COMPLAINT_HEAD, *bd09_rows(90)), datum="wgs84", dry_run=True)
    assert not report.ok
    assert "BD-09 fits" in report.complaint.en
    assert report.as_dict("en")["datum"]["better"] == ["bd09"]


@given(
    st.lists(
        st.tuples(
            *[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), max_size=8)]
            * 4
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_is_taken_or_refused_in_words(
    run: Import, store: Store, tmp_path: Path, rows: list[tuple[str, ...]]
) -> None:
    path = tmp_path / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "name", "户数", "业委会", "lng", "lat"])
        writer.writerows([*row, *A.split(",")] for row in rows)
    report = run("communities", path, datum="wgs84", dry_run=True)
    assert report.taken + report.rejected + report.duplicates == report.read <= len(rows)
    assert bool(report.problems) == (report.rejected > 0)
