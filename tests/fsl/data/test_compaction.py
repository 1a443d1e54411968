"""The log's small files become one for each hour: every row stays, once, whatever happens on the way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fsl.config import DataConfig, RunConfig
from fsl.data import compaction
from fsl.data.batches import BatchRecord
from fsl.data.compaction import MIN_FILES, Compacted, compact_predictions
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.data.retention import apply_retention
from fsl.data.snapshots import load_pool, take_snapshot
from fsl.drift.windows.reading import read_latest
from fsl.problems import find_problem
from fsl.problems.base import Answer
from fsl.project import Project
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Prediction
from fsl.store import layout
from fsl.store.objects import ObjectStore

HOUR = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = HOUR + timedelta(days=1)
TEXTS = [f"where is parcel {n} 包裹" for n in range(MIN_FILES)]
Ingest = Callable[..., BatchRecord]
Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def project(store: ObjectStore, tmp_path: Path) -> Project:
    return Project("tickets", store, RunConfig(project="tickets"), tmp_path / "cache")


def serve(store: ObjectStore, texts: list[str], when: datetime = HOUR) -> None:
    """Answer each text in a call of its own, a minute apart."""
    for n, text in enumerate(texts):
        answer = Prediction(Answer("refund", 0.9, 0.8), np.ones(2, dtype=np.float32))
        log_predictions(store, [text], [when + timedelta(minutes=n)], [answer], version="v-1", encoder="e")


def files_of(store: ObjectStore) -> list[str]:
    return sorted(info.key for info in store.list(layout.PREDICTIONS))


def texts_of(store: ObjectStore) -> list[str]:
    """What a reader of the log sees, in order of time."""
    window = read_latest(store, find_problem("classification"), version="v-1", since=HOUR, n_rows=1000)
    return list(window.texts)


def clean(project: Project, now: datetime = NOW) -> Compacted:
    done = compact_predictions(project, now=now)
    apply_retention(project, now)
    return done


def test_the_files_of_an_hour_become_one_that_holds_every_row_once(store: ObjectStore, project: Project) -> None:
    serve(store, TEXTS)
    serve(store, ["of the next hour"], HOUR + timedelta(hours=1))
    before, kept = texts_of(store), files_of(store)[-1]

    done = clean(project)

    assert (done.n_hours, done.n_files) == (1, MIN_FILES)
    assert len(files_of(store)) == 2
    assert kept in files_of(store)
    assert texts_of(store) == before == [*TEXTS, "of the next hour"]
    assert clean(project).n_files == 0


def test_few_files_and_an_hour_that_may_still_grow_are_left_alone(store: ObjectStore, project: Project) -> None:
    serve(store, TEXTS[1:])
    serve(store, TEXTS, NOW - timedelta(hours=6))
    before = files_of(store)

    assert clean(project).n_files == 0
    assert files_of(store) == before


def test_rows_that_come_late_join_the_others(store: ObjectStore, project: Project) -> None:
    serve(store, TEXTS)
    clean(project)
    serve(store, [f"late {text}" for text in TEXTS], HOUR + timedelta(minutes=30))

    assert clean(project, NOW + timedelta(days=1)).n_files == MIN_FILES + 1
    assert len(files_of(store)) == 1
    assert texts_of(store) == [*TEXTS, *(f"late {text}" for text in TEXTS)]


def test_a_file_that_is_none_of_the_logs_stays_as_it_is(store: ObjectStore, project: Project) -> None:
    serve(store, TEXTS)
    foreign = layout.predictions(HOUR, "foreign")
    store.put(foreign, b"no parquet")

    clean(project)

    assert store.get(foreign) == b"no parquet"
    assert len(files_of(store)) == 2


def test_a_retrain_at_work_keeps_the_files_that_its_snapshot_names(
    store: ObjectStore, ingest: Ingest, sound_rows: Rows, tmp_path: Path
) -> None:
    data = DataConfig(pool_from_traffic=True)
    project = Project("tickets", store, RunConfig(project="tickets", data=data), tmp_path / "cache")
    ingest("a.jsonl", sound_rows())
    serve(store, TEXTS)
    began_with = take_snapshot(store, project.config)
    pool = load_pool(store, began_with)

    compact_predictions(project, now=NOW)
    apply_retention(project, datetime.now(UTC))

    assert load_pool(store, began_with) == pool
    after = take_snapshot(store, project.config)
    assert {sample.text for sample in load_pool(store, after)} == {sample.text for sample in pool}


def test_where_traffic_is_not_learnt_from_merging_is_nothing_new(
    store: ObjectStore, ingest: Ingest, sound_rows: Rows, tmp_path: Path
) -> None:
    data = DataConfig(pool_from_traffic=False)
    project = Project("tickets", store, RunConfig(project="tickets", data=data), tmp_path / "cache")
    ingest("a.jsonl", sound_rows())
    serve(store, TEXTS)
    before = take_snapshot(store, project.config)

    assert clean(project).n_files == MIN_FILES

    assert take_snapshot(store, project.config) == before


class Killed(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 11])
def test_a_kill_at_any_write_and_a_second_run_end_the_same_way(store: ObjectStore, project: Project, n: int) -> None:
    class Mortal(ObjectStore):
        def put(self, key: str, data: bytes) -> None:
            count(key)
            super().put(key, data)

        def create(self, key: str, data: bytes) -> bool:
            count(key)
            return super().create(key, data)

        def delete(self, key: str) -> None:
            count(key)
            super().delete(key)

    left = n

    def count(key: str) -> None:
        nonlocal left
        if key.startswith(layout.CLAIMS):
            return  # who was killed gives no claim back; that others wait for its expiry is the claims' own test
        left -= 1
        if left == 0:
            raise Killed

    serve(store, TEXTS)
    mortal = Project(project.name, Mortal(**vars(store)), project.config, project.cache)
    try:
        clean(mortal)
    except Killed:
        assert set(texts_of(store)) == set(TEXTS)

    clean(project)

    assert len(files_of(store)) == 1
    assert texts_of(store) == TEXTS


def test_what_is_forgotten_meanwhile_does_not_come_back(
    store: ObjectStore, project: Project, ingest: Ingest, sound_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("a.jsonl", sound_rows())  # a project of which something can be forgotten
    serve(store, TEXTS)
    merge = compaction._merge
    selection = Selection((parse_condition("text contains parcel 3"),))

    def merge_late(*arguments: Any) -> Any:
        merged = merge(*arguments)
        for info in list(store.list(layout.PREDICTIONS)):  # as if the other had looked before this was written
            if "merged-" in info.key:
                content = store.get(info.key)
                store.delete(info.key)
        forget(store, project.config, selection, who="person:ada", now=NOW)
        store.put(info.key if "merged-" in info.key else merged[0].becomes, content)
        return merged

    monkeypatch.setattr(compaction, "_merge", merge_late)
    done = compact_predictions(project, now=NOW)
    monkeypatch.undo()

    assert "somebody removed rows meanwhile" in done.said
    assert texts_of(store) == [text for text in TEXTS if "parcel 3" not in text]
    clean(project)
    assert texts_of(store) == [text for text in TEXTS if "parcel 3" not in text]
