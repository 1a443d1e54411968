"""What changed between two snapshots."""

from collections.abc import Callable
from typing import Any

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord
from fsl.data.diff import LabelChange, compare_snapshots, find_unjudged
from fsl.data.snapshots import LabelCounts, take_snapshot
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Config = Callable[..., RunConfig]
Rows = Callable[..., list[dict[str, Any]]]


def test_a_label_whose_rows_went_is_gone_and_counts_below_zero() -> None:
    change = LabelChange("refund", LabelCounts("refund", 5, 1, 2, 0), None)

    assert (change.is_gone, change.is_new) == (True, False)
    assert [change.added(split) for split in ("train", "tune", "judge", "n")] == [-5, -1, -2, -8]


def test_a_snapshot_does_not_differ_from_itself(
    store: ObjectStore, ingest: Ingest, build_config: Config, sound_rows: Rows
) -> None:
    ingest("a.jsonl", sound_rows())
    ref = take_snapshot(store, build_config())

    diff = compare_snapshots(store, ref, ref)

    assert (diff.batches, diff.n_pool_files) == ((), 0)
    assert not any(change.is_changed for change in diff.labels)


def test_rows_and_pool_files_that_came_in_are_counted(
    store: ObjectStore, ingest: Ingest, build_config: Config, sound_rows: Rows
) -> None:
    ingest("a.jsonl", sound_rows())
    before = take_snapshot(store, build_config())
    ingest("b.jsonl", [*sound_rows(("parcel",), n=7), {"text": "no label yet"}], on_unknown_label="accept")

    diff = compare_snapshots(store, before, take_snapshot(store, build_config()))

    assert (diff.batches, diff.n_pool_files) == ((2,), 1)
    assert {change.label: change.added("n") for change in diff.labels if change.is_changed} == {"parcel": 7}
    assert (diff.new_labels, diff.gone_labels) == (("parcel",), ())


def test_labels_short_of_judge_rows_are_named() -> None:
    counts = [LabelCounts("a", 9, 0, 3, 0), LabelCounts("b", 9, 0, 2, 0)]

    assert [count.label for count in find_unjudged(counts, 3)] == ["b"]
