"""Whatever is done to the audit log shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.access import audit
from layers.access.model import AuditFault
from layers.stores.access.base import Value
from tests.access.conftest import OpenAccess, sqlite_url
from tests.access.support import OPERATOR, ZHANG, Hands, access_at, faults
from tests.postgres import Cluster


class Raw:
    """A transaction of somebody who may write the file: without triggers, undone at the end."""

    def __init__(self, path: Path) -> None:
        self.connection = apsw.Connection(str(path))
        self.connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        self.connection.execute("BEGIN")

    def run(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, values).fetchall()

    def found(self, expect: audit.Head | None = None) -> list[AuditFault]:
        return list(audit.verify(self, expect))

    def close(self) -> None:
        self.connection.execute("ROLLBACK")
        self.connection.close()


ENTRIES = 12


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a log of `ENTRIES` entries of which no two are alike."""
    folder = tmp_path_factory.mktemp("audit")
    clock = Hands()
    with access_at(sqlite_url(folder), clock) as access:
        for number in range(ENTRIES):
            clock.move(seconds=number)
            access.record(
                ZHANG if number % 2 else OPERATOR,
                f"export{number}",
                what=f"文件 {number}",
                layer="complaints",
                codes=[f"{number}-{code}" for code in range(number % 4)],
                fields=["text"] * (number % 2),
                purpose=f"purpose {number}",
                origin=f"192.0.2.{number}",
                outcome="failed" if number == 5 else "done",
            )
    path = folder / "district.gpkg.access"
    assert not path.with_name(path.name + "-wal").exists()
    return path


@pytest.fixture
def raw(kept: Path) -> Iterator[Raw]:
    found = Raw(kept)
    yield found
    found.close()


def in_raw(kept: Path, change: Callable[[Raw], object], expect: audit.Head | None = None) -> list[AuditFault]:
    raw = Raw(kept)
    try:
        change(raw)
        return raw.found(expect)
    finally:
        raw.close()


def test_untouched_it_verifies(raw: Raw) -> None:
    assert raw.found() == []
    assert raw.found(audit.head(raw)) == []
    ((third,),) = raw.run("SELECT hash FROM audit WHERE seq = 3")
    assert raw.found((3, third)) == []


numbers = st.integers(1, ENTRIES)
values = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=30))


@given(seq=numbers, column=st.sampled_from((*audit.COLUMNS, "hash")), value=values)
@settings(max_examples=300)
def test_every_changed_field_is_found(kept: Path, seq: int, column: str, value: str | int | None) -> None:
    raw = Raw(kept)
    try:
        before = raw.run("SELECT * FROM audit ORDER BY seq")
        try:
            raw.run(f"UPDATE audit SET {column} = ? WHERE seq = ?", value, seq)
        except (apsw.ConstraintError, apsw.MismatchError):
            return  # the table itself does not take it
        assert bool(raw.found()) is (raw.run("SELECT * FROM audit ORDER BY seq") != before)
    finally:
        raw.close()


@given(seq=numbers, column=st.sampled_from(audit.COLUMNS), data=st.data())
@settings(max_examples=300)
def test_every_changed_letter_is_found(kept: Path, seq: int, column: str, data: st.DataObject) -> None:
    raw = Raw(kept)
    try:
        ((value,),) = raw.run(f"SELECT {column} FROM audit WHERE seq = ?", seq)
        if not isinstance(value, str) or not value:
            return
        at = data.draw(st.integers(0, len(value) - 1))
        letter = data.draw(st.characters(exclude_characters=value[at], exclude_categories=["Cs"]))
        raw.run(f"UPDATE audit SET {column} = ? WHERE seq = ?", value[:at] + letter + value[at + 1 :], seq)
        assert raw.found() != []
    finally:
        raw.close()


@given(gone=st.sets(numbers, min_size=1))
def test_every_removed_entry_is_found(kept: Path, gone: set[int]) -> None:
    def remove(raw: Raw) -> None:
        for seq in gone:
            raw.run("DELETE FROM audit WHERE seq = ?", seq)

    assert in_raw(kept, remove)


@given(one=numbers, other=numbers, bare=st.booleans())
def test_swapped_entries_are_found(kept: Path, one: int, other: int, bare: bool) -> None:
    """Swapped as they are, or (`bare`) with the links between them mended."""

    def swap(raw: Raw) -> None:
        rows = {seq: raw.run("SELECT * FROM audit WHERE seq = ?", seq)[0] for seq in (one, other)}
        raw.run("DELETE FROM audit WHERE seq IN (?, ?)", one, other)
        for seq, row in zip((one, other), (rows[other], rows[one]), strict=True):
            links = rows[seq][-2:] if bare else row[-2:]
            raw.run(f"INSERT INTO audit VALUES ({', '.join('?' * 17)})", seq, *row[1:-2], *links)

    if one != other:
        assert in_raw(kept, swap)


@given(last=st.integers(0, ENTRIES - 1))
def test_a_cut_end_is_found(kept: Path, last: int) -> None:
    def cut(raw: Raw) -> None:
        raw.run("DELETE FROM audit WHERE seq > ?", last)

    def cut_and_mend(raw: Raw) -> None:
        cut(raw)
        raw.run(
            "UPDATE head SET seq = ?, hash = coalesce((SELECT hash FROM audit WHERE seq = ?), '')", last, last
        )

    assert [fault.id for fault in in_raw(kept, cut)] == ["tail"]
    raw = Raw(kept)
    anchor = audit.head(raw)
    raw.close()
    assert in_raw(kept, cut_and_mend) == []  # nothing within the file can tell
    assert [fault.id for fault in in_raw(kept, cut_and_mend, anchor)] == ["anchor"]


@given(seq=numbers)
def test_a_chain_made_anew_is_found_by_what_was_noted_elsewhere(kept: Path, seq: int) -> None:
    def forge(raw: Raw) -> None:
        rows = raw.run("SELECT * FROM audit WHERE seq >= ? ORDER BY seq", seq)
        ((link,),) = raw.run("SELECT coalesce((SELECT hash FROM audit WHERE seq = ?), '')", seq - 1)
        raw.run("DELETE FROM audit WHERE seq >= ?", seq)
        for number, row in enumerate(rows):
            forged = [*row[:15], link]
            forged[7] = "nothing" if number == 0 else forged[7]
            link = audit._hash(forged)
            raw.run(f"INSERT INTO audit VALUES ({', '.join('?' * 17)})", *forged, link)
        raw.run("UPDATE head SET hash = ?", link)

    raw = Raw(kept)
    anchors = dict(raw.run("SELECT seq, hash FROM audit"))
    raw.close()
    assert in_raw(kept, forge) == []
    for noted, hash_ in anchors.items():
        found = [fault.id for fault in in_raw(kept, forge, (noted, str(hash_)))]
        assert found == (["anchor"] if noted >= seq else [])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("DELETE FROM head", ["head"]),
        ("UPDATE head SET hash = 'x'", ["head"]),
        ("UPDATE head SET seq = 3", ["head"]),
        ("UPDATE head SET seq = 99", ["tail"]),
        ("DELETE FROM audit", ["tail"]),
        ("DELETE FROM audit WHERE seq < 4", ["gap"]),
        ("UPDATE audit SET seq = 700 WHERE seq = 7", ["gap", "gap", "changed", "head"]),
        ("INSERT INTO audit_checkpoints SELECT seq, hash, 0 FROM audit WHERE seq = 4", ["checkpoint"]),
        ("INSERT INTO audit_checkpoints VALUES (3, 'x', 0)", ["link", "checkpoint"]),
    ],
)
def test_what_is_wrong_is_said(raw: Raw, change: str, found: list[str]) -> None:
    raw.run(change)
    told = raw.found()
    assert [fault.id for fault in told] == found
    assert all(fault.message.zh and fault.message.en for fault in told)


@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=300)
def test_no_flipped_bit_of_the_file_changes_the_log_unseen(kept: Path, at: float, bit: int) -> None:
    content = bytearray(kept.read_bytes())
    content[int(at * len(content))] ^= 1 << bit
    copy = kept.with_name("flipped")
    copy.write_bytes(content)
    raw = Raw(kept)
    intact = raw.run("SELECT * FROM audit ORDER BY seq"), audit.head(raw)
    raw.close()
    try:
        flipped = Raw(copy)
        try:
            if flipped.found() == []:
                assert (flipped.run("SELECT * FROM audit ORDER BY seq"), audit.head(flipped)) == intact
        finally:
            flipped.close()
    except (apsw.Error, UnicodeDecodeError):
        pass  # it cannot be read at all


def test_a_log_that_cannot_be_read_is_a_fault_and_no_crash(kept: Path, tmp_path: Path, clock: Hands) -> None:
    url = sqlite_url(tmp_path)
    copy = tmp_path / "district.gpkg.access"
    shutil.copy(kept, copy)
    content = copy.read_bytes()
    copy.write_bytes(content.replace("文件 7".encode(), b"\xff\xfe\xfd\xfc\xfb\xfa 7"))
    with access_at(url, clock) as access:
        assert faults(access) == [("unreadable", None)]


def test_in_a_database_too(
    database_url: str, open_at: OpenAccess, postgres: Cluster, access_database: str
) -> None:
    access = open_at(database_url)
    for number in range(6):
        access.record(ZHANG, f"export{number}")
    head = access.head()
    assert faults(access, head) == []
    with postgres.connect(access_database) as superuser:
        superuser.execute("SET session_replication_role = replica; SET search_path = wangge_access")
        superuser.execute("UPDATE audit SET what = 'x' WHERE seq = 2")
        assert faults(access) == [("changed", 2)]
        superuser.execute("DELETE FROM audit WHERE seq = 2")
        assert faults(access) == [("gap", 2)]
        superuser.execute("DELETE FROM audit WHERE seq > 4")
        assert faults(access) == [("gap", 2), ("tail", 4)]
