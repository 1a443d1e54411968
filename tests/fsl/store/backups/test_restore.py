"""A restore brings back the very same project, or nothing that could be opened."""

import hashlib
import time
from itertools import pairwise
from pathlib import Path

import pytest

from fsl.store import layout
from fsl.store.backups.backup import back_up
from fsl.store.backups.places import FolderPlace
from fsl.store.backups.restore import restore
from fsl.store.errors import RestoreUnfinished, StoreUnreachable
from fsl.store.layout_file import open_layout, restoring_layout
from fsl.store.migration import migrate
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry
from fsl.store.transfer_errors import (
    PrefixInUse,
)
from tests.fsl.store.backups.conftest import ENCODER, NOW, CutOff, everything, promote, weak

IN_THE_WAY = (
    ("layout.json", restoring_layout("another backup"), "is of another project or another restore"),
    ("layout.json", b"{}", "is of another project or another restore"),
    ("inbox/theirs.csv", b"text", "inbox/theirs.csv is not in the backup"),
    ("config.yaml", b"project: tickets!", "config.yaml is not the same as in the backup"),
    ("batches/rows/0.parquet", b"sowr", "rows/0.parquet is not the same as in the backup"),
)


def test_a_restore_that_was_cut_off_cannot_be_opened_and_goes_on(
    source: ObjectStore, target: ObjectStore, place: FolderPlace
) -> None:
    back_up(source, place, "tickets", now=NOW)
    before = everything(source)

    for n_writes in (0, 7, len(before) - 2):  # the last: all but layout.json and config.yaml
        half = target.within(str(n_writes))
        with pytest.raises(StoreUnreachable):
            restore(weak(half, n_writes), place, "tickets")

        for opening in (lambda half=half: open_layout(half, "tickets"), lambda half=half: migrate(half)):
            with pytest.raises(RestoreUnfinished, match=r"cannot be opened. Run the same `fsl store restore` again"):
                opening()
        with pytest.raises(RestoreUnfinished):
            back_up(half, place, "tickets", now=NOW)

        done = restore(half, place, "tickets")

        assert everything(half) == before
        assert done.n_there >= n_writes
        assert restore(half, place, "tickets").n_sent == 0


def test_what_a_restore_writes_comes_after_what_it_names(
    source: ObjectStore, target: ObjectStore, place: FolderPlace
) -> None:
    back_up(source, place, "tickets", now=NOW)
    sent: list[str] = []

    class Watched(CutOff):
        def upload(self, key: str, path: Path) -> None:
            super().upload(key, path)
            sent.append(key)

    restore(Watched(**vars(target)), place, "tickets")

    def last(prefix: str) -> int:
        return max(n for n, key in enumerate(sent) if key.startswith(prefix))

    def first(prefix: str) -> int:
        return min(n for n, key in enumerate(sent) if key.startswith(prefix))

    order = ["models/blobs/", "batches/commits/", "snapshots/", "runs/k/plan", "models/versions/", "models/aliases/"]
    for before, after in pairwise(order):
        assert last(before) < first(after)
    assert last("runs/k/models/blobs/") < first("runs/k/models/versions/")
    assert sent[-1] == "config.yaml"
    assert "layout.json" not in sent  # written over the mark, when everything was there


def test_a_file_is_sent_before_what_lies_in_a_folder_of_its_name(
    source: ObjectStore, target: ObjectStore, place: FolderPlace
) -> None:
    source.put("inbox/a/b/c", b"a folder in a folder")
    back_up(source, place, "tickets", now=NOW)
    sent: list[tuple[str, str]] = []

    class Slow(CutOff):
        def upload(self, key: str, path: Path) -> None:
            sent.append(("begun", key))
            time.sleep(0.2 if key in ("inbox/a", "inbox/a/b") else 0.0)
            super().upload(key, path)
            sent.append(("done", key))

    restore(Slow(**vars(target)), place, "tickets")

    for above, below in pairwise(["inbox/a", "inbox/a/b", "inbox/a/b/c"]):
        assert sent.index(("done", above)) < sent.index(("begun", below))
    assert everything(target) == everything(source)


def test_a_prefix_that_holds_anything_else_is_left_as_it_was(
    source: ObjectStore, target: ObjectStore, place: FolderPlace
) -> None:
    back_up(source, place, "tickets", now=NOW)
    for n, (key, data, words) in enumerate(IN_THE_WAY):
        taken = target.within(str(n))
        taken.put(key, data)

        with pytest.raises(PrefixInUse, match=f"nothing was restored: .*{words}.*never writes over anything"):
            restore(taken, place, "tickets")
        assert everything(taken) == {key: data}


def test_a_project_that_went_on_is_not_set_back(source: ObjectStore, place: FolderPlace) -> None:
    back_up(source, place, "tickets", now=NOW)
    promote(Registry(source, open_layout(source, "tickets").registry), "v1")
    before = everything(source)

    with pytest.raises(PrefixInUse, match=r"champion/00000003\.json is not in the backup"):
        restore(source, place, "tickets")
    assert everything(source) == before


def test_what_was_lost_of_a_project_comes_back(source: ObjectStore, place: FolderPlace) -> None:
    back_up(source, place, "tickets", now=NOW)
    before = everything(source)
    for key in ("batches/rows/0.parquet", layout.blob(hashlib.sha256(ENCODER).hexdigest())):
        source.delete(key)

    assert restore(source, place, "tickets").n_sent == 2
    assert everything(source) == before


def test_parts_can_be_left_out(source: ObjectStore, target: ObjectStore, place: FolderPlace) -> None:
    back_up(source, place, "tickets", now=NOW, without=("predictions", "inbox"))
    restore(target, place, "tickets")

    assert everything(target) == {
        key: data for key, data in everything(source).items() if not key.startswith(("inbox/", "predictions/"))
    }
