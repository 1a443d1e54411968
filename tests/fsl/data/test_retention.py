"""Old texts go, in two steps, and never from under a retrain; labelled rows stay."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fsl.config import DataConfig, RetentionConfig, RunConfig
from fsl.data.batches import BatchRecord
from fsl.data.errors import TakenAway
from fsl.data.history import read_history
from fsl.data.intake import pending_objects
from fsl.data.retention import Retained, apply_retention
from fsl.data.snapshots import load_pool, load_samples, take_snapshot
from fsl.problems.base import Answer
from fsl.project import Project
from fsl.samples import Split
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Prediction
from fsl.store import layout
from fsl.store.aliases import move_alias
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, publish_version

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # when batches come in, by their records
TODAY = datetime.now(UTC)  # by which the store dates what is written
Ingest = Callable[..., BatchRecord]
Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def project_with(store: ObjectStore, tmp_path: Path) -> Callable[..., Project]:
    def build(**rules: Any) -> Project:
        config = RunConfig(project="tickets", data=DataConfig(retention=RetentionConfig(**rules)))
        return Project("tickets", store, config, tmp_path / "cache")

    return build


def after(project: Project, *, days: int, dry_run: bool = False) -> Retained:
    return apply_retention(project, TODAY + timedelta(days=days), dry_run=dry_run)


def serve(store: ObjectStore, text: str, when: datetime, version: str = "v-1") -> None:
    answer = Prediction(Answer("refund", 0.9, 0.8), np.ones(2, dtype=np.float32))
    log_predictions(store, [text], [when], [answer], version=version, encoder="e")


def test_by_default_everything_is_kept(
    store: ObjectStore, ingest: Ingest, sound_rows: Rows, project_with: Callable[..., Project]
) -> None:
    ingest("a.jsonl", [*sound_rows(), {"text": "loose"}])
    serve(store, "hello", NOW)

    done = after(project_with(), days=9_999)

    assert (done.retired, done.removed, done.waiting) == ((), (), ())


def test_a_pool_file_is_retired_at_once_and_removed_after_the_grace_period(
    store: ObjectStore, ingest: Ingest, sound_rows: Rows, project_with: Callable[..., Project]
) -> None:
    project = project_with(pool_days=30, grace_days=7)
    loose = [{"text": f"loose {n}"} for n in range(20)]
    record = ingest("a.jsonl", [*sound_rows(), *loose])
    old = take_snapshot(store, project.config)
    before = load_pool(store, old)
    assert before

    first = after(project, days=1)

    assert [one.key for one in first.retired] == [record.pool.key]
    assert (first.removed, first.waiting) == ((), (record.pool.key,))
    assert load_pool(store, old) == before  # a retrain that is at work finds what it began with
    new = take_snapshot(store, project.config)
    assert load_pool(store, new) == []

    second = after(project, days=9)

    assert (second.retired, second.removed, second.waiting) == ((), (record.pool.key,), ())
    assert store.find(record.pool.key) is None
    assert len(load_samples(store, old, set(Split))) == 10  # every labelled row, judge rows among them
    assert load_samples(store, old, set(Split)) == load_samples(store, new, set(Split))
    with pytest.raises(TakenAway, match=r"as `data.retention` in fsl.yaml asks.*`fsl retrain` takes a new snapshot"):
        load_pool(store, old)
    assert after(project, days=10).removed == ()


def test_a_snapshot_that_is_taken_again_is_in_use_again(
    store: ObjectStore, ingest: Ingest, sound_rows: Rows, project_with: Callable[..., Project]
) -> None:
    ingest("a.jsonl", [*sound_rows(), {"text": "loose"}])
    ref = take_snapshot(store, project_with().config)
    first = store.head(layout.snapshot(ref.digest))

    assert take_snapshot(store, project_with().config) == ref

    again = store.head(layout.snapshot(ref.digest))
    assert first is not None
    assert again is not None
    assert again.modified >= first.modified


def test_a_dry_run_changes_nothing(
    store: ObjectStore, ingest: Ingest, sound_rows: Rows, project_with: Callable[..., Project]
) -> None:
    ingest("a.jsonl", [*sound_rows(), {"text": "loose"}])
    before = {info.key: info.etag for info in store.list()}

    done = after(project_with(pool_days=30, inbox_days=0), days=60, dry_run=True)

    assert len(done.retired) == 1
    assert done.removed == ("inbox/a.jsonl",)
    assert {info.key: info.etag for info in store.list()} == before


def test_only_the_oldest_files_go_where_there_are_too_many_bytes(
    store: ObjectStore, project_with: Callable[..., Project]
) -> None:
    noise = np.random.default_rng(0)
    for day in range(3):  # each weighs about 0.9 MB once compressed
        text = "".join(map(chr, noise.integers(0x4E00, 0x9FFF, 440_000)))
        serve(store, text, NOW + timedelta(days=day))
    keys = sorted(info.key for info in store.list(layout.PREDICTIONS))

    done = after(project_with(predictions_mb=2), days=0)

    assert [one.key for one in done.retired] == keys[:1]
    assert done.removed == tuple(keys[:1])


def test_the_champions_drift_reference_outlives_its_time(
    store: ObjectStore, project_with: Callable[..., Project], tmp_path: Path
) -> None:
    project = project_with(predictions_days=30)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "README.md").write_text("x", encoding="utf-8")
    publish_version(Registry(store), "v-1", tmp_path / "bundle", facts={})
    move_alias(Registry(store), "champion", to="v-1", seen=None, verdict="promote", who="test", why="first", now=NOW)
    serve(store, "of an older version", NOW, version="v-0")
    for hour in range(1, 4):
        serve(store, f"question {hour}", NOW + timedelta(hours=hour))
    drift = project.config.drift.model_copy(update={"reference_rows": 2})
    project = Project(project.name, store, project.config.model_copy(update={"drift": drift}), project.cache)
    keys = sorted(info.key for info in store.list(layout.PREDICTIONS))

    done = after(project, days=0)

    assert done.kept == (keys[1], keys[2])
    assert [one.key for one in done.retired] == [keys[0], keys[3]]


def test_a_dropped_file_goes_once_it_is_a_batch_and_not_before(
    store: ObjectStore,
    ingest: Ingest,
    drop: Callable[[str, Any], str],
    sound_rows: Rows,
    project_with: Callable[..., Project],
) -> None:
    ingest("a.jsonl", sound_rows())
    waiting = drop("b.jsonl", sound_rows(first=50))

    done = after(project_with(inbox_days=3), days=4)

    assert done.removed == ("inbox/a.jsonl",)
    assert pending_objects(store) == (waiting,)
    ingest("again.jsonl", sound_rows())
    assert len(read_history(store)) == 1  # the bytes are known, though the file is gone


class Killed(BaseException):
    """What a kill looks like from inside."""


class _Mortal(ObjectStore):
    def put(self, key: str, data: bytes) -> None:
        self._count()
        super().put(key, data)

    def create(self, key: str, data: bytes) -> bool:
        self._count()
        return super().create(key, data)

    def delete(self, key: str) -> None:
        self._count()
        super().delete(key)

    def _count(self) -> None:
        object.__setattr__(self, "_left", getattr(self, "_left", 0) - 1)
        if self._left == 0:  # type: ignore[attr-defined]
            raise Killed


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_a_kill_at_any_write_and_a_second_run_end_the_same_way(
    store: ObjectStore, ingest: Ingest, sound_rows: Rows, project_with: Callable[..., Project], n: int
) -> None:
    record = ingest("a.jsonl", [*sound_rows(), {"text": "loose"}])
    serve(store, "hello", NOW)
    project = project_with(pool_days=30, predictions_days=30)
    mortal = _Mortal(**vars(store))
    object.__setattr__(mortal, "_left", n)
    with pytest.raises(Killed):
        after(Project(project.name, mortal, project.config, project.cache), days=1)

    after(project, days=1)

    assert store.find(record.pool.key) is None
    assert not list(store.list(layout.PREDICTIONS))
    assert read_history(store)[0].rows == record.rows
    assert after(project, days=2).removed == ()
