"""`gc` removes what nobody needs, and never what somebody does, whoever works beside it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fsl.store import layout
from fsl.store.aliases import move_alias, rollback
from fsl.store.cleaning import Cleaning, clean
from fsl.store.errors import BeingCleaned, GraceTooShort
from fsl.store.marks import DELETE, SPARE, read_marks, rule, spare, write_mark
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, fetch_version, list_versions, load_manifest, publish_version
from fsl.store.registry_errors import BrokenChain, NoSuchVersion
from fsl.store.signing import Trust

DAY = timedelta(days=1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def registry(store: ObjectStore) -> Registry:
    return Registry(store)


def publish(
    registry: Registry, folder: Path, version: str, *, shared: str = "encoder", made: datetime = LONG_AGO
) -> None:
    bundle = folder / f"bundle-{version}"
    bundle.mkdir(exist_ok=True)
    (bundle / "encoder.onnx").write_text(shared)
    (bundle / "labels.json").write_text(f'["{version}"]')
    publish_version(registry, version, bundle, facts={}, now=made)


def promote(registry: Registry, version: str, alias: str = "champion") -> None:
    from fsl.store.aliases import current_move

    seen = current_move(registry, alias)
    move_alias(registry, alias, to=version, seen=seen, verdict="promote", who="a", why="b", now=LONG_AGO)


def gc(registry: Registry, *, after: timedelta = timedelta(0), dry_run: bool = False) -> Cleaning:
    """Clean as if `after` had passed, with 30 days to keep and a grace of one day."""
    now = datetime.now(UTC) + 2 * DAY + after  # so that what was just written is old
    return clean(registry, now=now, keep=30 * DAY, grace=DAY, dry_run=dry_run)


def blobs(registry: Registry) -> set[str]:
    return {info.key for info in registry.store.list(layout.BLOBS)}


@pytest.mark.conformance
def test_what_no_alias_ever_named_is_marked_first_and_removed_a_grace_period_later(
    registry: Registry, tmp_path: Path
) -> None:
    for version in ("v1", "v2", "v3"):
        publish(registry, tmp_path, version)
    promote(registry, "v1")
    promote(registry, "v2")

    marked = gc(registry)
    assert marked.kept == ("v1", "v2")
    assert layout.manifest("v3") in marked.marked
    assert len(marked.marked) == 2
    assert marked.removed == ()
    assert list_versions(registry) == ("v1", "v2", "v3")
    assert gc(registry, after=timedelta(hours=23)).removed == ()

    removed = gc(registry, after=DAY)
    assert set(removed.removed) == set(marked.marked)
    assert list_versions(registry) == ("v1", "v2")
    assert len(blobs(registry)) == 3
    assert list(read_marks(registry.store)) == []
    assert [info.key for info in registry.store.list(layout.MARKS)] == []
    for version in ("v1", "v2"):
        fetch_version(registry, version, tmp_path / "cache")


def test_of_the_challengers_the_last_one_stays(registry: Registry, tmp_path: Path) -> None:
    for version in ("v1", "v2", "v3"):
        publish(registry, tmp_path, version)
        promote(registry, version, "challenger")
    promote(registry, "v1")

    gc(registry)
    gc(registry, after=DAY)

    assert list_versions(registry) == ("v1", "v3")


def test_young_versions_and_those_left_by_a_rollback_stay(registry: Registry, tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        publish(registry, tmp_path, version)
        promote(registry, version)
    rollback(registry, "champion", who="a", why="bad", now=LONG_AGO)
    publish(registry, tmp_path, "v3", made=datetime.now(UTC))

    for n_days in range(3):
        cleaned = gc(registry, after=n_days * DAY)
    assert (cleaned.kept, cleaned.marked, cleaned.waiting) == (("v1", "v2", "v3"), (), ())


def test_a_dry_run_tells_and_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "v1")
    before = {info.key for info in registry.store.list()}

    told = gc(registry, dry_run=True)

    assert len(told.marked) == 3
    assert told.n_bytes_marked == len("encoder") + len('["v1"]')
    assert {info.key for info in registry.store.list()} == before
    gc(registry)
    assert gc(registry, after=2 * DAY, dry_run=True).waiting == told.marked
    assert list_versions(registry) == ("v1",)


def test_files_that_a_killed_publisher_left_are_removed(registry: Registry) -> None:
    registry.store.put(layout.blob("ab" * 32), b"left behind")

    gc(registry)
    assert gc(registry, after=DAY).removed == (layout.blob("ab" * 32),)
    assert blobs(registry) == set()


def test_what_was_written_a_moment_ago_is_not_marked(registry: Registry) -> None:
    registry.store.put(layout.blob("ab" * 32), b"of a version that is being published")

    assert clean(registry, now=datetime.now(UTC), keep=30 * DAY, grace=DAY).marked == ()


@pytest.mark.conformance
def test_a_marked_version_that_is_promoted_meanwhile_stays(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "v1")
    gc(registry)
    promote(registry, "v1")

    cleaned = gc(registry, after=DAY)

    assert cleaned.removed == ()
    assert layout.manifest("v1") in cleaned.spared
    fetch_version(registry, "v1", tmp_path / "cache")


def test_a_marked_file_that_a_new_version_holds_stays(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "v1")
    gc(registry)
    publish(registry, tmp_path, "v2", made=datetime.now(UTC))

    cleaned = gc(registry, after=DAY)

    assert list_versions(registry) == ("v2",)
    assert len(cleaned.removed) == 2
    fetch_version(registry, "v2", tmp_path / "cache")


def test_a_version_about_to_be_promoted_keeps_its_files_though_no_alias_names_it_yet(
    registry: Registry, tmp_path: Path
) -> None:
    publish(registry, tmp_path, "v1")
    gc(registry)
    spare(registry.store, {layout.manifest("v1")})  # as a mover does, right before the move

    gc(registry, after=DAY)

    fetch_version(registry, "v1", tmp_path / "cache")


def test_whoever_needs_what_is_being_deleted_is_told_to_come_again(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "v1")
    mark = write_mark(registry.store, {layout.manifest("v1")}, LONG_AGO)
    assert rule(registry.store, mark, layout.manifest("v1"), DELETE + b" somebody") == DELETE + b" somebody"

    with pytest.raises(BeingCleaned, match="Try again in a minute") as error:
        promote(registry, "v1")
    assert error.value.retryable
    with pytest.raises(BeingCleaned):
        publish(registry, tmp_path, "v1")


def test_a_ruling_is_the_first_that_was_given(registry: Registry) -> None:
    mark = write_mark(registry.store, {"models/blobs/x"}, LONG_AGO)

    assert rule(registry.store, mark, "models/blobs/x", SPARE) == SPARE
    assert rule(registry.store, mark, "models/blobs/x", DELETE) == SPARE


def test_a_deletion_that_another_cleaning_is_at_is_left_to_it_until_it_is_stale(
    registry: Registry, tmp_path: Path
) -> None:
    publish(registry, tmp_path, "v1")
    gc(registry)
    (mark,) = read_marks(registry.store)
    for key in mark.keys:
        rule(registry.store, mark, key, DELETE + b" a cleaning that was killed")
    now = datetime.now(UTC)

    assert clean(registry, now=now, keep=DAY, grace=timedelta(0), alone=True).removed == ()
    assert len(list(read_marks(registry.store))) >= 1
    assert set(gc(registry, after=DAY).removed) == set(mark.keys)
    with pytest.raises(NoSuchVersion):
        load_manifest(registry, "v1")


def test_a_grace_under_an_hour_is_for_those_who_are_alone(registry: Registry) -> None:
    with pytest.raises(GraceTooShort, match=r"a grace period of 0\.5 hours"):
        clean(registry, now=datetime.now(UTC), keep=DAY, grace=timedelta(minutes=30))


def test_nothing_is_removed_where_an_alias_cannot_be_read(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "v1")
    gc(registry)
    registry.store.put(layout.move("champion", 1), b"no move")

    with pytest.raises(BrokenChain):
        gc(registry, after=DAY)
    assert list_versions(registry) == ("v1",)


def test_an_unsigned_tag_keeps_its_version_and_stops_no_cleaning(registry: Registry, tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        publish(registry, tmp_path, version)
    promote(registry, "v1", "summer")

    cleaned = gc(replace(registry, trust=Trust(required=True)))

    assert cleaned.kept == ("v1",)
    assert layout.manifest("v2") in cleaned.marked


@pytest.mark.conformance
def test_an_upload_that_nobody_finished_is_ended(registry: Registry) -> None:
    store = registry.store
    store._client.create_multipart_upload(Bucket=store.bucket, Key=store.prefix + layout.blob("cd" * 32))

    assert gc(registry).n_uploads_ended == 1
    assert gc(registry).n_uploads_ended == 0
