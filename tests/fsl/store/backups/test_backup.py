"""A backup is whole though writers go on, and what it holds comes back byte for byte."""

import hashlib
import threading
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fsl.store import layout
from fsl.store.aliases import current_move, read_moves
from fsl.store.backups.backup import back_up
from fsl.store.backups.places import BucketPlace, FolderPlace, Place
from fsl.store.backups.restore import restore
from fsl.store.errors import LayoutTooOld, StoreUnreachable
from fsl.store.layout_file import open_layout
from fsl.store.migration import migrate
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, fetch_version
from fsl.store.transfer_errors import (
    BackupDamaged,
    BackupOfAnother,
    FolderTrouble,
    NoBackup,
    NoProjectThere,
    PlaceInside,
)
from fsl.store.verification import verify_registry
from tests.fsl.store.backups.conftest import ENCODER, NOW, CutOff, everything, promote, publish, weak

GOLDEN = Path(__file__).parents[3] / "golden" / "layout-1"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_project_comes_back_byte_for_byte_in_another_bucket_and_opens(
    source: ObjectStore, place: Place, bucket_store: ObjectStore, tmp_path: Path
) -> None:
    before = everything(source)
    made = back_up(source, place, "tickets", now=NOW)

    assert everything(source) == before
    assert (made.n_objects, made.n_bytes) == (len(before), sum(map(len, before.values())))
    assert (made.n_vanished, made.left_out, made.damaged) == (0, (), ())
    other = replace(bucket_store, bucket=f"{bucket_store.bucket}-other", prefix=f"test-{uuid.uuid4().hex}/")
    other.ensure_bucket()

    done = restore(other, place, "tickets")

    assert everything(other) == before
    assert (done.n_sent, done.n_there) == (len(before), 0)
    registry = Registry(other, open_layout(other, "tickets").registry)
    assert verify_registry(registry).holds
    move = current_move(registry, "champion")
    assert move is not None
    assert (fetch_version(registry, move.version, tmp_path / "cache") / "labels.json").read_text() == '["v2"]'
    promote(registry, "v1")


def test_a_backup_goes_into_a_bucket_as_well(source: ObjectStore, store: ObjectStore, target: ObjectStore) -> None:
    place = BucketPlace(store.within("safe"))

    back_up(source, place, "tickets", now=NOW)
    assert back_up(source, place, "tickets", now=NOW + timedelta(1)).n_new == 0
    restore(target, place, "tickets")

    assert everything(target) == everything(source)
    with pytest.raises(PlaceInside, match="lies inside the project itself"):
        back_up(source, BucketPlace(source.within("safe")), "tickets", now=NOW)
    with pytest.raises(FolderTrouble, match=r"it holds .*, which is of no backup"):
        back_up(source, BucketPlace(target), "tickets", now=NOW)
    store.put("safe/objects/" + hashlib.sha256(ENCODER).hexdigest(), ENCODER[::-1])
    with pytest.raises(BackupDamaged):
        restore(store.within("again"), place, "tickets")


def test_a_backup_taken_while_others_publish_and_promote_is_whole(
    source: ObjectStore, target: ObjectStore, place: Place, tmp_path: Path
) -> None:
    registry = Registry(source, open_layout(source, "tickets").registry)
    stop = threading.Event()
    n_made = [0]

    def write() -> None:
        while not stop.is_set():
            n_made[0] += 1
            publish(registry, tmp_path, f"w{n_made[0]}")
            promote(registry, f"w{n_made[0]}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for day in range(4):
            made = back_up(source, place, "tickets", now=NOW + timedelta(day))
            assert made.damaged == ()
    finally:
        stop.set()
        writer.join()

    for n, name in enumerate(place.indexes()):
        copy = target.within(str(n))
        restore(copy, place, "tickets", at=name)
        restored = Registry(copy, registry.id)
        assert verify_registry(restored).faults == ()
        moves = read_moves(restored, "champion")
        assert moves == read_moves(registry, "champion")[: len(moves)]
        fetch_version(restored, moves[-1].version, tmp_path / "cache")
    assert n_made[0] > 1


def test_a_second_backup_reads_and_keeps_what_is_new_alone(source: ObjectStore, place: FolderPlace) -> None:
    first = back_up(source, place, "tickets", now=NOW)
    source.put("inbox/new.csv", b"text,label\n")
    counted = weak(source, 3)

    second = back_up(counted, place, "tickets", now=NOW + timedelta(1))

    assert counted.left == [0]  # the new file, and the two objects that may change: layout.json and config.yaml
    assert (second.n_new, second.n_new_bytes) == (1, 11)
    assert (second.n_objects, len(place.indexes())) == (first.n_objects + 1, 2)


def test_each_backup_of_a_place_can_be_restored(source: ObjectStore, target: ObjectStore, place: FolderPlace) -> None:
    back_up(source, place, "tickets", now=NOW)
    first = everything(source)
    source.put("config.yaml", b"project: tickets\ngate: {alpha: 0.01}\n")
    source.delete("inbox/a")
    back_up(source, place, "tickets", now=NOW + timedelta(1))

    restore(target.within("first"), place, "tickets", at="20260301")
    restore(target.within("second"), place, "tickets")

    assert everything(target.within("first")) == first
    assert everything(target.within("second")) == everything(source)
    with pytest.raises(NoBackup, match=r"none begins with '2025'; the newest are 20260301T120000\.000000Z-"):
        restore(target.within("third"), place, "tickets", at="2025")


def test_a_backup_that_was_cut_off_is_none_and_goes_on(
    source: ObjectStore, target: ObjectStore, place: FolderPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsl.store.backups.backup.N_AT_ONCE", 2)
    n_objects = len(everything(source))

    with pytest.raises(StoreUnreachable, match="run it again"):
        back_up(weak(source, n_objects - 4), place, "tickets", now=NOW)
    with pytest.raises(NoBackup, match="it has no index"):
        restore(target, place, "tickets")
    assert everything(target) == {}

    again = weak(source, n_objects)
    back_up(again, place, "tickets", now=NOW)

    assert again.left[0] > n_objects - 12  # of about twenty objects, those that were there were not read again
    restore(target, place, "tickets")
    assert everything(target) == everything(source)
    assert place.read("partial.json") is None


def test_a_cleanings_marks_and_keys_that_climb_stay_behind(
    source: ObjectStore, store: ObjectStore, target: ObjectStore, place: FolderPlace
) -> None:
    before = everything(source)
    source.put("models/gc/20260301-x/mark.json", b"{}")
    source._client.put_object(Bucket=source.bucket, Key=f"{source.prefix}inbox/a\x7f", Body=b"dropped by hand")

    made = back_up(source, place, "tickets", now=NOW)
    restore(target, place, "tickets")

    assert made.left_out == ("inbox/a\x7f",)
    assert everything(target) == before


def test_a_version_that_is_cleaned_away_meanwhile_is_left_out_whole(
    source: ObjectStore, target: ObjectStore, place: FolderPlace, tmp_path: Path
) -> None:
    registry = Registry(source, open_layout(source, "tickets").registry)
    publish(registry, tmp_path, "v3")
    blob = layout.blob(hashlib.sha256(b'["v3"]').hexdigest())

    class Cleaned(CutOff):
        def download(self, key: str, path: Path, *, max_bytes: int | None = None) -> None:
            super().download(key, path, max_bytes=max_bytes)
            if key == layout.manifest("v3"):
                super().delete(key)
                super().delete(blob)

    made = back_up(Cleaned(**vars(source)), place, "tickets", now=NOW)
    restore(target, place, "tickets")

    assert (made.n_vanished, made.damaged) == (1, ())
    assert everything(target) == everything(source)
    assert verify_registry(Registry(target, registry.id)).holds


def test_what_is_damaged_in_the_project_is_backed_up_and_told(source: ObjectStore, place: FolderPlace) -> None:
    key = layout.blob(hashlib.sha256(ENCODER).hexdigest())
    source.put(key, ENCODER[::-1])
    source.delete(layout.blob(hashlib.sha256(b'["v1"]').hexdigest()))
    source.put(layout.manifest("v2"), b"{")

    made = back_up(source, place, "tickets", now=NOW)

    assert len(made.damaged) == 3
    told = " ".join(made.damaged)
    assert f"{key} does not hold the bytes that its name says" in told
    assert "v1/manifest.json names labels.json, whose bytes are not there" in told
    assert "v2/manifest.json is damaged" in told


def test_an_older_layout_is_backed_up_restored_and_then_migrated(
    store: ObjectStore, target: ObjectStore, place: FolderPlace
) -> None:
    old = store.within("bank-help")
    for path in sorted(path for path in GOLDEN.rglob("*") if path.is_file()):
        old.put(path.relative_to(GOLDEN).as_posix(), path.read_bytes())

    back_up(old, place, "bank-help", now=NOW)
    restore(target, place, "bank-help")

    assert everything(target) == everything(old)
    with pytest.raises(LayoutTooOld):
        open_layout(target, "bank-help")
    migrate(target)
    assert verify_registry(Registry(target, open_layout(target, "bank-help").registry)).holds


def test_what_cannot_be_backed_up_is_a_sentence(
    source: ObjectStore, target: ObjectStore, place: FolderPlace, tmp_path: Path
) -> None:
    with pytest.raises(NoProjectThere, match="nothing was done"):
        back_up(target, place, "tickets", now=NOW)
    assert not Path(place.where()).exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    with pytest.raises(FolderTrouble, match=r"it holds diary\.txt, which is of no backup"):
        back_up(source, FolderPlace(tmp_path / "mine"), "tickets", now=NOW)
    assert files(tmp_path / "mine") == {"diary.txt": b"dear"}
    with pytest.raises(FolderTrouble, match="Not a directory"):
        back_up(source, FolderPlace(tmp_path / "mine" / "diary.txt" / "x"), "tickets", now=NOW)
    back_up(source, place, "tickets", now=NOW)
    before = files(Path(place.where()))
    open_layout(target, "tickets")
    with pytest.raises(BackupOfAnother, match=r"'tickets' \(registry .*, and this is 'tickets' \(registry"):
        back_up(target, place, "tickets", now=NOW)
    assert files(Path(place.where())) == before
    assert Path(place.where()).stat().st_mode & 0o777 == 0o700
