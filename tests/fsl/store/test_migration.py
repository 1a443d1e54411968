"""A bucket that an older fsl wrote: refused with a sentence, migrated by one call, and everything in it still loads.

`tests/golden/layout-1` holds such a bucket, object by object, as that release wrote it. It is never edited.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsl.data.history import read_history
from fsl.data.snapshots import SnapshotRef, load_pool, load_samples
from fsl.samples import Split
from fsl.store.aliases import current_move, move_alias, read_moves, rolled_back_versions
from fsl.store.errors import LayoutTooNew, LayoutTooOld
from fsl.store.layout_file import open_layout
from fsl.store.migration import migrate
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, fetch_version, list_versions
from fsl.store.transfer_errors import NoProjectThere

GOLDEN = Path(__file__).parents[2] / "golden" / "layout-1"
NOW = datetime(2027, 1, 5, tzinfo=UTC)


@pytest.fixture
def old(store: ObjectStore) -> ObjectStore:
    """The store, holding the golden bucket."""
    for path in sorted(path for path in GOLDEN.rglob("*") if path.is_file()):
        store.put(path.relative_to(GOLDEN).as_posix(), path.read_bytes())
    return store


def everything(store: ObjectStore) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for info in store.list()}


def test_an_older_layout_is_refused_with_the_command_that_mends_it(old: ObjectStore) -> None:
    before = everything(old)

    with pytest.raises(LayoutTooOld, match=r"its layout is 1, and this fsl works with 2.*fsl store migrate"):
        open_layout(old, "bank-help")

    assert everything(old) == before


def test_after_migration_everything_is_there(old: ObjectStore, tmp_path: Path) -> None:
    before = everything(old)

    (done,) = migrate(old)

    assert done.startswith("layout 1 to 2")
    after = everything(old)
    assert {key: data for key, data in after.items() if key != "layout.json"} == {
        key: data for key, data in before.items() if key != "layout.json"
    }
    found = open_layout(old, "bank-help")
    assert found.split_key == "dd56de4137951d9c92681b03416ec15f886b4482a27e3a517d32f085244cbe5d"
    registry = Registry(old, found.registry)
    moves = read_moves(registry, "champion")
    assert [move.version for move in moves] == ["v-000000000001", "v-000000000002", "v-000000000001"]
    assert rolled_back_versions(moves) == {"v-000000000002"}
    for version in list_versions(registry):
        assert (fetch_version(registry, version, tmp_path) / "labels.json").read_text() == '["card", "fee", "中文"]\n'
    (batch,) = read_history(old)
    assert (batch.n_read, batch.rows.n, batch.pool.n, batch.quarantine.n) == (15, 12, 2, 1)
    snapshot = SnapshotRef("3c11a7f06f4e961815bf267b07a501a483f75ed63f57129f57163062e4ebd5a9")
    assert len(load_samples(old, snapshot, set(Split))) == 12
    assert {sample.text for sample in load_pool(old, snapshot)} <= {"how long does a transfer take", "good morning"}


@pytest.mark.conformance
def test_the_chain_goes_on_after_migration(old: ObjectStore) -> None:
    migrate(old)
    registry = Registry(old, open_layout(old, "bank-help").registry)

    seen = current_move(registry, "champion")
    made = move_alias(
        registry, "champion", to="v-000000000002", seen=seen, verdict="override", who="mei", why="mended", now=NOW
    )

    assert (made.seq, made.registry) == (4, registry.id)
    assert read_moves(registry, "champion")[-1] == made


def test_eight_that_migrate_at_once_give_the_registry_one_name(old: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: migrate(old), range(8)))

    name = open_layout(old, "bank-help").registry
    assert migrate(old) == ()
    assert open_layout(old, "bank-help").registry == name


def test_migrating_a_newer_layout_or_none_changes_nothing(store: ObjectStore) -> None:
    with pytest.raises(NoProjectThere, match=r"there is no project in .*; nothing was done"):
        migrate(store)
    store.put("layout.json", b'{"layout": 3}')

    with pytest.raises(LayoutTooNew):
        migrate(store)
    assert everything(store) == {"layout.json": b'{"layout": 3}'}
