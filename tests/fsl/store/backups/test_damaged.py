"""Backups that were damaged, or made up by somebody: nothing of them is restored."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from fsl.store.backups.backup import back_up
from fsl.store.backups.places import FolderPlace
from fsl.store.backups.restore import restore
from fsl.store.errors import DamagedObject
from fsl.store.objects import ObjectStore
from fsl.store.transfer_errors import (
    BackupDamaged,
    BackupOfAnother,
    NoBackup,
)
from tests.fsl.store.backups.conftest import NOW, everything


def objects(place: FolderPlace) -> list[Path]:
    return sorted(path for path in (Path(place.where()) / "objects").iterdir())


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1
    path.write_bytes(bytes(data))


def test_one_flipped_byte_anywhere_in_a_backup_restores_nothing(
    source: ObjectStore, target: ObjectStore, place: FolderPlace
) -> None:
    back_up(source, place, "tickets", now=NOW)
    (index,) = (Path(place.where()) / "indexes").iterdir()
    for n, path in enumerate([*(path for path in objects(place) if path.stat().st_size), *([index] * 20)]):
        whole = path.read_bytes()
        flip(path, n * 7919)

        with pytest.raises(BackupDamaged, match=r"(does not hold the bytes|its digest is not).*`fsl store backup`"):
            restore(target, place, "tickets")
        path.write_bytes(whole)

    assert everything(target) == {}


def test_an_object_that_is_gone_longer_or_a_link_restores_nothing(
    source: ObjectStore, target: ObjectStore, place: FolderPlace, tmp_path: Path
) -> None:
    back_up(source, place, "tickets", now=NOW)
    path = objects(place)[3]
    whole = path.read_bytes()
    path.write_bytes(whole + b"!")
    with pytest.raises(BackupDamaged, match="does not hold the bytes"):
        restore(target, place, "tickets")
    path.unlink()
    with pytest.raises(BackupDamaged, match="is missing"):
        restore(target, place, "tickets")
    (tmp_path / "elsewhere").write_bytes(whole)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BackupDamaged, match="does not hold the bytes"):
        restore(target, place, "tickets")

    assert everything(target) == {}


def test_the_next_backup_mends_a_damaged_one(source: ObjectStore, target: ObjectStore, place: FolderPlace) -> None:
    back_up(source, place, "tickets", now=NOW)
    largest = max(objects(place), key=lambda path: path.stat().st_size)
    flip(largest, 5)

    assert back_up(source, place, "tickets", now=NOW + timedelta(1)).n_new == 1
    restore(target, place, "tickets", at="20260301")
    assert everything(target) == everything(source)


def made_up(key: str, schema: int = 1, project: str = "tickets", more: str = "") -> dict[str, bytes]:
    """A backup that somebody wrote by hand, its digests all right."""
    data = json.dumps(
        {
            "schema": schema,
            "project": project,
            "registry": "",
            "when": NOW.isoformat(),
            "without": [],
            "objects": [
                {"key": name, "size": 2, "sha256": hashlib.sha256(b"[]").hexdigest(), "etag": ""}
                for name in ("layout.json", key, *([more] if more else []))
            ],
        }
    ).encode()
    name = f"20260301T000000Z-{hashlib.sha256(data).hexdigest()[:16]}.json"
    return {f"indexes/{name}": data, f"objects/{hashlib.sha256(b'[]').hexdigest()}": b"[]"}


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (made_up("../../other-project/layout.json"), "names a key that no project holds"),
        (made_up("/etc/passwd"), "names a key that no project holds"),
        (made_up("inbox/a\x1b[2J"), "names a key that no project holds"),
        (made_up("inbox/a", more="inbox/a"), "names a key twice"),
        (made_up("models/gc/x/mark.json"), "names a key that no project holds"),
        (made_up("inbox/a", schema=2), "was written by a newer fsl"),
        (made_up("inbox/a", project="billing"), "holds backups of 'billing', and this is 'tickets'"),
        (made_up("inbox/a"), "is damaged: it is not a document of its kind"),
        ({"indexes/20260301.json": b"{"}, "its digest is not the one in its name"),
        ({"objects/x": b""}, "it has no index"),
        ({}, "it has no index"),
    ],
)
def test_a_made_up_backup_restores_nothing(
    target: ObjectStore, place: FolderPlace, held: dict[str, bytes], words: str
) -> None:
    for name, data in held.items():
        path = Path(place.where()) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    with pytest.raises(Exception, match=words) as error:
        restore(target, place, "tickets")
    assert isinstance(error.value, (BackupDamaged, BackupOfAnother, NoBackup, DamagedObject)) or "newer" in words
    assert everything(target) == {}
