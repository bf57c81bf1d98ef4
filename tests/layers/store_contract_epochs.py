"""What every kind of store promises of its epoch: no version of another history passes for one of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from layers.amending import Found, Key
from layers.loading import load
from layers.standards import Standards
from layers.store import Store, backup_store, copy_store, create_store, open_store
from tests.layers.store_contract import PLACE, Contract, Kind, clock_of, points
from tests.layers.store_copies import everything


class EpochsContract(Contract):
    """Which operations go on with a history, and which begin a new one."""

    def test_a_store_has_an_epoch_of_its_own_from_the_moment_it_is_made(self, kind: Kind) -> None:
        made = datetime(2020, 1, 1, microsecond=1, tzinfo=UTC)
        urls = [kind.new_url() for _ in range(2)]
        for url in urls:
            create_store(url, PLACE, clock=clock_of(made)).close()
        epochs = []
        for url in urls:
            with open_store(url) as store:
                epochs.append(store.epoch())
                assert store.district().epoch == store.epoch()
                store.insert("complaints", points(["a"]))
                store.delete("complaints", ["a"])
                assert store.epoch() == epochs[-1]
        assert [epoch.since for epoch in epochs] == [made, made]
        assert epochs[0].id != epochs[1].id
        assert all(len(epoch.id) == 16 for epoch in epochs)

    def test_a_backup_keeps_the_epoch_and_what_is_restored_begins_one(
        self, store: Store, other_kind: Kind, tmp_path: Path
    ) -> None:
        store.insert("complaints", points(["a"]))
        first, held = store.epoch(), everything(store)
        backup_store(store, tmp_path / "backup.gpkg")
        restored = [other_kind.new_url() for _ in range(2)]
        with open_store(f"gpkg:{tmp_path / 'backup.gpkg'}") as backup:
            assert backup.epoch() == first
            create_store(restored[1], PLACE).close()
            for url in restored:
                copy_store(backup, url)
        epochs = {first.id}
        for url in restored:
            with open_store(url) as copy:
                assert everything(copy) == held
                assert copy.verify() == []
                epochs.add(copy.epoch().id)
                assert copy.epoch().since is not None
        assert len(epochs) == 3

    def test_amending_knows_versions_of_its_own_epoch_alone(self, store: Store) -> None:
        store.insert("complaints", points(["a"], category="x"))
        told: list[Found] = []

        def look(found: Found) -> Mapping[str, Any]:
            told.append(found)
            return {}

        for epoch in (None, store.epoch().id, "", "0" * 16):
            store.amend("complaints", "a", look, based_on=1, epoch=epoch)
        assert [found.base_known for found in told] == [True, True, False, False]
        assert [found.restored for found in told] == [None, None, store.epoch(), store.epoch()]
        assert {found.version for found in told} == {1}

    def test_what_came_of_a_request_is_of_the_epoch_that_numbers_it(
        self, store: Store, kind: Kind, tmp_path: Path
    ) -> None:
        store.insert("complaints", points(["a"]))
        key = Key("1b4e28ba-2fa1-11d2-883f-0016d3cca427", "one")
        done = store.amend("complaints", "a", lambda found: {"category": "x"}, key=key)
        again = store.amend("complaints", "a", lambda found: {}, key=key)
        found = store.outcome(key)
        assert found is not None
        assert {done.epoch, again.epoch, found.epoch} == {store.epoch()}
        url = kind.new_url()
        copy_store(store, url)
        with open_store(url) as copy:
            found = copy.outcome(key)
            assert found is not None and (found.version, found.epoch) == (done.version, copy.epoch())
            assert found.epoch != done.epoch

    def test_a_snapshot_of_another_epoch_is_read_whole(self, kind: Kind, standards: Standards) -> None:
        urls = [kind.new_url() for _ in range(2)]
        for url in urls:
            create_store(url, PLACE).close()
        with open_store(urls[0]) as one, open_store(urls[1]) as other:
            before = load(one, standards)
            assert load(one, standards, before=before) is before
            # Neither has ever been written to: the epoch alone tells them apart.
            after = load(other, standards, before=before)
            assert after is not before
            assert (after.version, after.district.epoch) == (0, other.epoch())
